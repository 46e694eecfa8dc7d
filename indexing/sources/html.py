"""Takes the article out of a web page, as Markdown. It alone imports selectolax.

Navigation, banners, forms, hidden parts and the like are found by element, role and class; in a page that marks no
main part also by what is nothing but links. Everything else is kept: a page that fits no rule loses nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from indexing.sources.extracted_text import Extract, Unreadable, tidied_title, web_address
from indexing.sources.html_encoding import page_text
from indexing.sources.html_to_markdown import MAX_DEPTH, markdown_of


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNSEEN_TAGS = _names(
    "script style noscript template svg iframe frame object embed canvas audio video map button input select textarea"
    " datalist label dialog img"
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_AROUND_IMAGES = ("main", "article", "figure", "p", "li")
_FURNITURE_ROLES = _names(
    "navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar tablist"
)
_PANEL_ROLES = ("tabpanel", "region")
_POPUP_ROLES = _names("listbox tooltip alert status")
_POPUP_TOGGLES = _names("modal dropdown offcanvas popover tooltip")
_POPUPS = _names("dialog drawer offcanvas lightbox dropdown popover tooltip toast overlay")  # words of class names
_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*")
_FURNITURE = _names(  # words of class names
    "nav navbar navigation topnav sidenav subnav menu breadcrumb breadcrumbs crumbs sidebar toc footer cookie cookies"
    " consent gdpr announcement skip related share sharing social feedback vote votes voting rating helpful survey"
    " comments pagination pager newsletter subscribe search modal popup advert advertisement byline copyright"
    " headerlink permalink noprint"
)
_FURNITURE_PAIRS = _names(  # two words in a row
    "site-header top-bar side-bar bread-crumbs see-also article-meta post-meta edit-link edit-page sr-only"
    " visually-hidden screen-reader next-article prev-next back-top on-this recommended-articles copy-btn copy-button"
    " copy-code copy-link"
)
_FURNITURE_IDS = _names("nav navbar navigation sidebar menu breadcrumb breadcrumbs toc footer cookie-banner comments")
_NOTES = _names("note notes tip hint info important warning caution danger attention admonition callout")
_BY_CLASS = _names("div ul ol dl p span section aside table td a form header small")
_ANCHOR_SIGNS = frozenset(["", "#", "\u00b6", "\u00a7", "\U0001f517"])
_BLOCKS = _names("div section table td ul ol dl p center aside")
_COPYRIGHT = re.compile(r"\N{COPYRIGHT SIGN}|\bcopyright\b|all rights reserved", re.IGNORECASE)
_COPYRIGHT_CHARS = 200
"""A block of fewer code points that speaks of copyright is a footer. Source: our choice."""
_PROSE_CHARS = 80
"""A run of text outside links that is longer than this is no navigation."""
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)\s*-->")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def read_webpage(data: bytes) -> Extract:
    """The article of an HTML page, with its title, address (``canonical``, ``og:url``, "saved from") and language.

    A page of nothing but links, such as an index, gives its headings and the links' texts.

    Raises:
        Unreadable: It has no words outside navigation, scripts and hidden parts, or is nested too deep.
    """
    source = page_text(data)
    try:
        page = LexborHTMLParser(source)
    except SelectolaxError as error:  # every text is some HTML, so nothing but memory was wanting
        raise MemoryError from error
    body = page.body
    if body is None:
        raise Unreadable("no readable text: the page has no body; export it again, or remove it")
    facts = _language(page)
    url, named, title = _url(page, source), _meta(page, "og:title"), _text_of(page.css_first("title"))
    panels = _panels(body)
    _drop(body, lambda node: _is_unseen(node, panels))
    _reveal(body)
    half = len(body.text()) // 2
    _drop(body, lambda node: _is_furniture(node, half))
    root = _article(body)
    if root.mem_id == body.mem_id:
        _drop_link_blocks(body)
    _unwrap_layout(page, root)
    for summary in root.css("summary:has(h1, h2, h3, h4, h5, h6)"):
        summary.unwrap()  # else the heading would be inside bold type, and no heading
    headings = [heading for node in root.css("h1") if (heading := _text_of(node))]
    text = markdown_of(root.html or "")
    if not re.search(r"\w", text):
        raise Unreadable(
            "no readable text: the page has no words outside navigation, scripts and hidden parts; if a script writes"
            " its text, save the page from a browser, else remove it"
        )
    return Extract(text, tidied_title(headings[0] if len(headings) == 1 else named or title), url, facts)


def _text_of(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""


def _language(page: LexborHTMLParser) -> dict[str, str | int]:
    root = page.css_first("html")
    language = (root.attributes.get("lang") or "") if root is not None else ""
    return {"lang": language} if _LANGUAGE.fullmatch(language) else {}


def _meta(page: LexborHTMLParser, name: str) -> str:
    node = page.css_first(f'meta[property="{name}"]') or page.css_first(f'meta[name="{name}"]')
    return (node.attributes.get("content") or "") if node is not None else ""


def _url(page: LexborHTMLParser, source: str) -> str:
    canonical = page.css_first('link[rel="canonical"]')
    saved = _SAVED_FROM.search(source, 0, 4_096)
    found = [
        (canonical.attributes.get("href") or "") if canonical is not None else "",
        _meta(page, "og:url"),
        saved.group(1) if saved else "",
    ]
    return next((url for one in found if (url := web_address(one))), "")


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.first_child
    while child is not None:
        yield child
        child = child.next


def _drop(body: LexborNode, is_furniture: Callable[[LexborNode], bool]) -> None:
    """Takes away every element that is furniture, looking no further into it, and refuses what is nested too deep."""
    found: list[LexborNode] = []
    stack = [(body, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Unreadable(f"its elements are nested more than {MAX_DEPTH} deep: simplify the page")
        for child in _children(node):
            if child.is_element_node and not is_furniture(child):
                stack.append((child, depth + 1))
            elif child.is_element_node or child.is_comment_node:
                found.append(child)
    for node in found:
        alt = (node.attributes.get("alt") or "").strip() if node.tag == "img" else ""
        if alt and _is_inside(node, _AROUND_IMAGES):
            node.replace_with(alt)
        else:
            node.decompose()


def _is_unseen(node: LexborNode, panels: frozenset[str]) -> bool:
    """Whether a reader of the page sees no text of this element: scripts, controls, pictures, hidden parts.

    A collapsed answer and a tab behind the first are parts that a reader can unfold.
    """
    if node.tag in _UNSEEN_TAGS:
        return node.tag != "button" or not _is_question(node, panels)
    return _is_hidden(node) and not _unfolds(node, panels)


def _reveal(body: LexborNode) -> None:
    """Takes the marks off hidden parts that stay; html-to-markdown would leave them out."""
    for node in (body, *body.css("[hidden], [style]")):
        if "hidden" in node.attributes:
            del node.attrs["hidden"]
        if _HIDDEN.search(node.attributes.get("style") or ""):
            del node.attrs["style"]


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    is_silent = (attributes.get("aria-hidden") or "").lower() == "true"
    return is_silent or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_question(button: LexborNode, panels: frozenset[str]) -> bool:
    """Whether a button is a whole heading, or says that it unfolds a part of the page."""
    above = button.parent
    if above is not None and above.tag in _HEADINGS and _text_of(above) == _text_of(button):
        return True
    return "aria-expanded" in button.attributes and not panels.isdisjoint(_targets(button))


def _unfolds(node: LexborNode, panels: frozenset[str]) -> bool:
    """Whether a hidden element is shown when a reader asks for it, as a part of the article."""
    if _is_popup(node):
        return False
    before = node.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    is_answer = before is not None and any(
        heading.css_first("button, [role=button]") is not None for heading in before.css(", ".join(_HEADINGS))
    )
    is_panel = (node.attributes.get("role") or "").lower() in _PANEL_ROLES
    return is_answer or is_panel or (node.attributes.get("id") or "") in panels


def _panels(body: LexborNode) -> frozenset[str]:
    """The ids of the elements that a button, tab or link of the page shows, without menus, dialogs and the like."""
    named: set[str] = set()
    for node in body.css("[aria-controls], [data-target], [data-bs-target], a[href^='#']"):
        attributes = node.attributes
        toggle = (attributes.get("data-bs-toggle") or attributes.get("data-toggle") or "").lower()
        if toggle not in _POPUP_TOGGLES and (attributes.get("aria-haspopup") or "false") == "false":
            named.update(_targets(node))
    shown = (node for node in body.css("[id]") if (node.attributes["id"] or "") in named)
    return frozenset(node.attributes["id"] or "" for node in shown if not (_is_popup(node) or _is_menu(node)))


def _targets(node: LexborNode) -> set[str]:
    attributes = node.attributes
    named = [attributes.get(name) or "" for name in ("aria-controls", "data-target", "data-bs-target")]
    if node.tag == "a":
        named.append(attributes.get("href") or "")
    return {word.removeprefix("#") for value in named for word in value.replace(",", " ").split()}


def _is_popup(node: LexborNode) -> bool:
    """Whether an element lies above the page when it is shown: a dialog, a menu, a hint."""
    attributes = node.attributes
    if node.tag in _UNSEEN_TAGS or (attributes.get("aria-modal") or "").lower() == "true":
        return True
    is_popup = (attributes.get("role") or "").lower() in _POPUP_ROLES
    return is_popup or _is_named_furniture(node) or not _POPUPS.isdisjoint(_words(attributes.get("class") or ""))


def _is_menu(node: LexborNode) -> bool:
    """Whether an element is little else than three links or more."""
    links = ["".join(link.text().split()) for link in node.css("a")]
    return len(links) >= 3 and len("".join(links)) >= 0.7 * len("".join(node.text().split()))


def _is_furniture(node: LexborNode, half: int) -> bool:
    """Whether an element is a part of the site around the article; ``half``: of the characters of the page."""
    if not _is_named_furniture(node) or node.css_first("h1, main, article, [role=main]") is not None:
        return False
    return node.tag in ("nav", "footer") or len(node.text()) <= half


def _is_named_furniture(node: LexborNode) -> bool:
    """Whether an element is called like a part of the site around the article."""
    tag, attributes = node.tag or "", node.attributes
    if tag == "nav" or (attributes.get("role") or "").lower() in _FURNITURE_ROLES:
        return True
    words = _words(attributes.get("class") or "")
    if tag == "footer":
        return node.parent is None or node.parent.tag != "blockquote"
    if tag == "a" and "href" in attributes:
        return _text_of(node) in _ANCHOR_SIGNS
    if tag not in _BY_CLASS or _NOTES.intersection(words):
        return False
    if tag == "aside" or (tag == "header" and not _is_inside(node, ("main", "article"))):
        return True
    if tag != "section" and (attributes.get("id") or "").lower() in _FURNITURE_IDS:
        return True
    return not _FURNITURE.isdisjoint(words) or any("-".join(pair) in _FURNITURE_PAIRS for pair in pairwise(words))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name[:500])]


def _is_inside(node: LexborNode, tags: tuple[str, ...]) -> bool:
    above = node.parent
    while above is not None:
        if above.tag in tags:
            return True
        above = above.parent
    return False


def _article(body: LexborNode) -> LexborNode:
    """The element that the page marks as its main part, or the body."""
    mains = body.css("main, [role=main]") or body.css("article")
    root = max(mains, key=lambda node: len(node.text()), default=body)
    if len(mains) > 1 and root.tag == "article":
        return body
    inner = root.css("article")
    if root.tag != "article" and len(inner) == 1 and (inner[0].css_first("h1") or not root.css_first("h1")):
        root = inner[0] if 2 * len(inner[0].text()) > len(root.text()) else root
    return root if _text_of(root) else body


@dataclass(slots=True)
class _Weight:
    """How much of an element's text is links; ``prose`` is its longest run of text outside links."""

    text: int = 0
    linked: int = 0
    links: int = 0
    prose: int = 0
    has_h1: bool = False


def _drop_link_blocks(body: LexborNode) -> None:
    """Takes away blocks that are mostly links, and copyright lines, unless nothing else would be left."""
    weights = _weights(body)
    found: list[LexborNode] = []
    stack = [body]
    while stack:
        for child in _children(stack.pop()):
            if not child.is_element_node or (child.tag == "table" and not _is_layout(child)):
                continue
            if child.tag in _BLOCKS and _is_link_block(child, weights[child.mem_id]):
                found.append(child)
            else:
                stack.append(child)
    left = weights[body.mem_id].text - sum(weights[node.mem_id].text for node in found)
    if left > _PROSE_CHARS:
        for node in found:
            node.decompose()


def _is_link_block(node: LexborNode, weight: _Weight) -> bool:
    if weight.has_h1 or weight.prose > _PROSE_CHARS:
        return False
    if weight.text < _COPYRIGHT_CHARS and _COPYRIGHT.search(node.text()):
        return True
    least, share = (3, 0.7) if node.tag == "p" else (2, 0.5)
    return weight.links >= least and weight.linked >= share * weight.text


def _weights(body: LexborNode) -> dict[int, _Weight]:
    order, weights = [body], {body.mem_id: _Weight()}
    for node in order:
        order.extend(child for child in _children(node) if child.is_element_node)
    for node in reversed(order):
        weight = _Weight(has_h1=node.tag == "h1")
        for child in _children(node):
            if child.is_text_node:
                size = len((child.text() or "").strip())
                weight.text += size
                weight.prose = max(weight.prose, size)
            elif child.is_element_node:
                below = weights[child.mem_id]
                weight.text += below.text
                weight.linked += below.linked
                weight.links += below.links
                weight.prose = max(weight.prose, below.prose)
                weight.has_h1 |= below.has_h1
        if node.tag == "a":
            weight.linked, weight.links, weight.prose = weight.text, 1, 0
        weights[node.mem_id] = weight
    return weights


def _is_layout(table: LexborNode) -> bool:
    """Whether a table only places things on the page."""
    if (table.attributes.get("role") or "").lower() in ("presentation", "none"):
        return True
    inner = table.css("table, td h1, td h2, td h3, td h4")
    return any(node.mem_id != table.mem_id for node in inner)


def _unwrap_layout(page: LexborHTMLParser, root: LexborNode) -> None:
    """Makes each cell of a layout table a part of the page by itself."""
    tables = [table for table in root.css("table") if _is_layout(table)]
    for table in tables:
        parts = [table]
        for node in parts:
            parts.extend(
                child for child in _children(node) if child.tag in ("tbody", "thead", "tfoot", "tr", "td", "th")
            )
        for node in reversed(parts):
            node.insert_before(page.create_node("div"))
            if node.mem_id == root.mem_id:
                continue
            node.unwrap()
