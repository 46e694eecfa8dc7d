"""Finds the main part of a web page, and takes blocks of links out of a page that marks none."""

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from urllib.parse import unquote, urljoin

from selectolax.lexbor import LexborNode

from indexing.sources.html_furniture import SHORT_CHARS
from indexing.sources.html_tables import holds_data, is_layout
from indexing.sources.html_tree import AROUND, HEADINGS, NAVIGATION, Cuts, children, names, text_of

_SECTION = "section"
_BLOCKS = names("div section table td ul ol dl p center aside")
_COPYRIGHT = re.compile(r"\N{COPYRIGHT SIGN}|\bcopyright\b|all rights reserved", re.IGNORECASE)
_COPYRIGHT_CHARS = 200
"""A block of fewer code points that speaks of copyright is a footer. Source: our choice."""
_LEAST_SHARE = 0.1
"""A main part with a heading is passed over for one that has more than ten times its text. Source: our choice."""
_MOST_AROUND = 1.5
"""A box around an article is its box where it is at most so many times as long. Source: our choice."""


def main_part(body: LexborNode) -> LexborNode:
    """The element that the page marks as its main part, or the body.

    Of several it is the one with the heading, and among equals the longest. Several articles are all of the page.
    """
    mains = body.css("main, [role=main]")
    articles = body.css("article")
    if mains:
        root = _of_one_article(_with_heading(mains))
    elif len(articles) == 1:
        root = articles[0] if articles[0].css_first("h1") is not None else _with_title(articles[0])
    else:
        root = body
    return root if text_of(root) else body


def _of_one_article(main: LexborNode) -> LexborNode:
    """The only article in a main part, where it is the most of it and loses no main heading."""
    inner = main.css("article")
    if len(inner) != 1 or (main.css_first("h1") and not inner[0].css_first("h1")):
        return main
    return inner[0] if 2 * len(inner[0].text()) > len(main.text()) else main


def _with_title(article: LexborNode) -> LexborNode:
    """The article with the main heading that stands right above it, where little else stands there."""
    above = article.parent
    if above is None or above.tag == "body" or above.css_first("h1") is None:
        return article
    return above if len(above.text()) <= _MOST_AROUND * len(article.text()) else article


def _with_heading(mains: list[LexborNode]) -> LexborNode:
    least = _LEAST_SHARE * max(len(node.text()) for node in mains)
    found = [node for node in mains if len(node.text()) >= least]
    for headings in ("h1", ", ".join(HEADINGS)):
        if headed := [node for node in found if node.css_first(headings) is not None]:
            found = headed
            break
    return max(found, key=lambda node: len(node.text()))


@dataclass(slots=True)
class _Weight:
    """How much of an element's text is links; ``prose`` is its longest run of text outside links.

    ``inner`` links lead to places of this very page. ``is_kept``: It holds a main heading, a table of data, a list of
    terms or a section that is a list. ``has_terms``: It holds code that is not inside a link. ``is_list``: It is such a
    section, whose links are what it says.
    """

    text: int = 0
    linked: int = 0
    links: int = 0
    inner: int = 0
    prose: int = 0
    is_kept: bool = False
    has_terms: bool = False
    is_list: bool = False

    def add(self, below: "_Weight") -> None:
        self.text += below.text
        self.linked += below.linked
        self.links += below.links
        self.inner += below.inner
        self.prose = max(self.prose, below.prose)
        self.is_kept |= below.is_kept
        self.has_terms |= below.has_terms


def drop_link_blocks(body: LexborNode, cuts: Cuts, url: str = "") -> None:
    """Takes away blocks that are mostly links, and copyright lines, unless nothing else would be left.

    A section with a heading of its own whose links lead to other pages stays: the classes of a module, what a class is
    made of. One whose links lead to places of this page is its table of contents, and what it names stands there.

    Args:
        body: Of the page; changed in place.
        cuts: Counts what goes.
        url: The page's own address, if it says one: links may lead by it to places of the page.
    """
    weights = _weights(body, _places(body), url)
    found: list[tuple[LexborNode, str]] = []
    stack = [(body, False)]
    while stack:
        above, is_listed = stack.pop()
        is_prose = weights[above.mem_id].prose > SHORT_CHARS
        for child in children(above):
            if not child.is_element_node or (child.tag == "table" and not is_layout(child)):
                continue
            weight = weights[child.mem_id]
            is_block = child.tag in _BLOCKS and not (is_prose and _is_headed_list(child))
            if is_listed:  # of a list nothing goes but sections that are none
                is_block = child.tag == _SECTION
            reason = _reason_of(child, weight) if is_block else ""
            if reason:
                found.append((child, reason))
            else:
                stack.append((child, is_listed or weight.is_list))
    left = weights[body.mem_id].text - sum(weights[node.mem_id].text for node, _ in found)
    if left > SHORT_CHARS:
        for node, reason in found:
            cuts.cut(node, reason)


def _places(body: LexborNode) -> Set[str]:
    """The names of places of a page that links may lead to."""
    named = (node.attributes for node in body.css("[id], a[name]"))
    return {name for one in named for name in (one.get("id"), one.get("name")) if name}


def _is_inner(link: LexborNode, places: Set[str], url: str) -> bool:
    """Whether a link leads to a place of this page, and not to one that another page calls the same."""
    address, sign, place = (link.attributes.get("href") or "").strip().rpartition("#")
    if not sign or unquote(place) not in places:
        return False
    try:
        return not address or (bool(url) and urljoin(url, address) == url.partition("#")[0])
    except ValueError:  # no address, such as "http://["
        return False


def _is_headed_list(node: LexborNode) -> bool:
    """Whether a list stands under a heading of its own, as a part of the text there."""
    before = node.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    return node.tag in ("ul", "ol") and before is not None and before.tag in HEADINGS


def _reason_of(node: LexborNode, weight: _Weight) -> str:
    if weight.is_kept or weight.prose > SHORT_CHARS:
        return ""
    if weight.text < _COPYRIGHT_CHARS and _COPYRIGHT.search(node.text()):
        return AROUND
    least, share = (3, 0.7) if node.tag == "p" else (2, 0.5)
    if weight.has_terms:
        least, share = 3, 0.95  # a list of parameters, such as those of functions
    return NAVIGATION if weight.links >= least and weight.linked >= share * weight.text else ""


def _weights(body: LexborNode, places: Set[str], url: str) -> dict[int, _Weight]:
    order, weights = [body], {body.mem_id: _Weight()}
    for node in order:
        order.extend(child for child in children(node) if child.is_element_node)
    for node in reversed(order):
        weight = _Weight()
        for child in children(node):
            if child.is_text_node:
                size = len((child.text() or "").strip())
                weight.text += size
                weight.prose = max(weight.prose, size)
            elif child.is_element_node:
                weight.add(weights[child.mem_id])
        mark = _MARKS.get(node.tag or "")
        if mark is not None:
            mark(node, weight)
        if node.tag == "a":
            weight.inner = int(_is_inner(node, places, url))
        weights[node.mem_id] = weight
    return weights


def _weigh_link(_: LexborNode, weight: _Weight) -> None:
    weight.linked, weight.links, weight.prose, weight.has_terms = weight.text, 1, 0, False


def _weigh_section(section: LexborNode, weight: _Weight) -> None:
    first = next((child for child in children(section) if (child.text() or "").strip()), None)
    if weight.is_kept or first is None or first.tag not in HEADINGS or 2 * weight.inner > weight.links:
        return
    below = replace(weight, text=weight.text - len((first.text() or "").strip()))
    weight.is_kept = weight.is_list = _reason_of(section, below) == NAVIGATION


def _weigh_kept(_: LexborNode, weight: _Weight) -> None:
    weight.is_kept = True


def _weigh_table(table: LexborNode, weight: _Weight) -> None:
    weight.is_kept |= holds_data(table)


def _weigh_term(_: LexborNode, weight: _Weight) -> None:
    weight.has_terms |= weight.text > 0


_MARKS: dict[str, Callable[[LexborNode, _Weight], None]] = {
    "a": _weigh_link,
    "h1": _weigh_kept,
    "table": _weigh_table,
    "code": _weigh_term,
    "pre": _weigh_term,
    "dl": _weigh_kept,
    "section": _weigh_section,
    "var": _weigh_term,
}
