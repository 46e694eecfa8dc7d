"""Takes out of a web page what belongs to the site around the article, by element, role and name.

Elements and roles say what they are for. Names of classes do not: one site's ``rating`` is a row of stars, another's
the current of a breaker. Inside a marked article a name counts only for what is also mostly links or a short control;
on a page that marks no article, for what does not hold the most of its prose.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from selectolax.lexbor import LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_tables import is_layout
from indexing.sources.html_tree import (
    AROUND,
    NAVIGATION,
    Cuts,
    class_words,
    is_in_article,
    is_inside,
    is_mostly_links,
    names,
    outermost,
    role_of,
    text_of,
)

SHORT_CHARS = 80
"""Letters and digits of a longer text are prose: no control, and no entry of a menu. Source: our choice."""
_ROLES = {
    **dict.fromkeys(names("navigation search menu menubar toolbar tablist"), NAVIGATION),
    **dict.fromkeys(names("banner contentinfo complementary"), AROUND),
    **dict.fromkeys(names("dialog alertdialog"), "hidden text"),
}
_NAMES = {  # words of class names
    **dict.fromkeys(
        names(
            "nav navbar navigation topnav sidenav subnav menu breadcrumb breadcrumbs crumbs sidebar toc skip related"
            " pagination pager search"
        ),
        NAVIGATION,
    ),
    **dict.fromkeys(
        names(
            "footer cookie cookies consent gdpr announcement share sharing social feedback vote votes voting rating"
            " helpful survey comments newsletter subscribe modal popup advert advertisement byline copyright headerlink"
            " permalink noprint"
        ),
        AROUND,
    ),
}
_PAIRS = {  # two words in a row
    **dict.fromkeys(
        names(
            "side-bar bread-crumbs see-also next-article prev-next back-top on-this recommended-articles screen-reader"
            " sr-only visually-hidden"
        ),
        NAVIGATION,
    ),
    **dict.fromkeys(
        names(
            "site-header top-bar article-meta post-meta edit-link edit-page copy-btn copy-button copy-code copy-link"
        ),
        AROUND,
    ),
}
_IDS = {
    **dict.fromkeys(names("nav navbar navigation sidebar menu breadcrumb breadcrumbs toc"), NAVIGATION),
    **dict.fromkeys(names("footer cookie-banner comments"), AROUND),
}
_NOTES = names("note notes tip hint info important warning caution danger attention admonition callout")
_BY_NAME = names("div ul ol dl p section aside table form header")
"""Elements that may go by their names. Cells, rows and what stands inside a line never do."""
_PATH = re.compile(r"\s[\u00bb\u203a>/|]\s")
"""What stands between the steps of a path, such as "Docs > Events"."""
_TEXT_TAGS = names("p ul ol dl table")
"""Those in which text is written: unless they are mostly links, a control or a path, their names say nothing."""
_WITH_NAME = ", ".join(f"{tag}[class], {tag}[id]" for tag in sorted(_BY_NAME))
_WITH_ROLE = "nav, footer, header, aside, a[href], [role]"


def is_named_furniture(node: LexborNode) -> bool:
    """Whether an element is called like a part of the site around the article."""
    return bool(_reason_by_role(node) or _reason_by_name(node))


def drop_by_role(body: LexborNode, cuts: Cuts) -> None:
    """Takes away what elements and roles say to be navigation, a banner, a footer and so on."""
    for node, reason in _chosen(body.css(_WITH_ROLE), _reason_by_role):
        cuts.cut(node, reason)


def drop_by_name(root: LexborNode, cuts: Cuts, *, is_article: bool) -> None:
    """Takes away what ids and classes name as furniture, unless little else would be left of a page.

    Args:
        root: The article, or the body of a page that marks none.
        cuts: Counts what goes.
        is_article: Whether the page marks ``root`` as its article.
    """
    half = 0 if is_article else _prose(root) // 2

    def reason_of_links(node: LexborNode) -> str:
        reason = _reason_by_name(node)
        return reason if reason and node.mem_id != root.mem_id and _is_links_or_control(node, cuts) else ""

    def reason_of_prose(node: LexborNode) -> str:
        reason = "" if is_in_article(node) or node.mem_id == root.mem_id else _reason_by_name(node)
        if reason and (node.tag in _TEXT_TAGS or reason == NAVIGATION):
            reason = reason if _leads_or_asks(node, cuts) else ""
        return reason if reason and _prose(node) <= half else ""

    for node, reason in _chosen(root.css(_WITH_NAME), reason_of_links):
        cuts.cut(node, reason)
    if is_article:
        return
    found = _chosen(root.css(_WITH_NAME), reason_of_prose)
    left = letters_and_digits(root.text()) - sum(letters_and_digits(node.text()) for node, _ in found)
    for node, reason in found if left > SHORT_CHARS else []:
        cuts.cut(node, reason)


def _chosen(nodes: list[LexborNode], reason_of: Callable[[LexborNode], str]) -> list[tuple[LexborNode, str]]:
    """Every element that has a reason, holds no article and lies in no other such element."""
    reasons = {node.mem_id: reason for node in nodes if (reason := reason_of(node)) and not _holds_article(node)}
    return [(node, reasons[node.mem_id]) for node in outermost([node for node in nodes if node.mem_id in reasons])]


def _holds_article(node: LexborNode) -> bool:
    return node.css_first("h1, main, article, [role=main]") is not None


def _prose(node: LexborNode) -> int:
    """How many characters of a node are in no link."""
    return len(node.text()) - sum(len(link.text()) for link in node.css("a[href]"))


def _reason_by_role(node: LexborNode) -> str:
    """Why an element goes by what it is or by its role, or the empty string."""
    tag, role = node.tag or "", role_of(node)
    if tag in ("td", "th", "tr", "tbody"):
        return ""
    if tag == "nav" or role in _ROLES:
        return _reason_of_role(node, role)
    if tag == "footer":
        is_content = (node.parent is not None and node.parent.tag == "blockquote") or _holds_notes(node)
        return "" if is_content else AROUND
    if tag == "a" and "href" in node.attributes:
        return "heading anchors" if _is_anchor_sign(node) else ""
    if tag == "aside":
        return _reason_of_aside(node)
    return AROUND if tag == "header" and not is_in_article(node) else ""


def _reason_of_role(node: LexborNode, role: str) -> str:
    if node.tag == "nav":
        return NAVIGATION
    if role == "tablist" and _holds_panels(node):
        return ""
    return _reason_of_aside(node) if role == "complementary" else _ROLES[role]


def _reason_of_aside(node: LexborNode) -> str:
    """A word beside the article, or beside a section of it, is a part of it where it stands inside, and is no menu."""
    if is_in_article(node) or is_inside(node, ("section",)):
        return NAVIGATION if is_mostly_links(node) else ""
    return "" if _NOTES.intersection(class_words(node)) else AROUND


def _holds_panels(tablist: LexborNode) -> bool:
    """Whether a list of tabs holds the texts that they unfold, and not only their names."""
    if tablist.css_first("[role=tabpanel], [role=region], p") is not None:
        return True
    tabs = sum(letters_and_digits(tab.text()) for tab in tablist.css("[role=tab]"))
    others = sum(letters_and_digits(link.text()) for link in tablist.css("a") if not _is_in_tab(link, tablist))
    return letters_and_digits(tablist.text()) > tabs + others


def _is_in_tab(node: LexborNode, tablist: LexborNode) -> bool:
    above: LexborNode | None = node
    while above is not None and above.mem_id != tablist.mem_id:
        if role_of(above) == "tab":
            return True
        above = above.parent
    return False


def _holds_notes(footer: LexborNode) -> bool:
    return footer.css_first("[role=doc-endnotes], .footnotes, [role=doc-footnote]") is not None


def _is_anchor_sign(link: LexborNode) -> bool:
    """Whether a link is only a sign, such as the pilcrow behind a heading."""
    text = link.text().strip()
    if any(map(str.isalnum, text)):
        return False
    return (link.attributes.get("href") or "").find("#") >= 0 or text in ("", "\u00b6", "\u00a7", "\U0001f517")


def _reason_by_name(node: LexborNode) -> str:
    """Why an element goes by its id or classes, or the empty string."""
    if node.tag not in _BY_NAME:
        return ""
    attributes = node.attributes
    found = class_words(node)
    if _NOTES.intersection(found):
        return ""
    by_id = _IDS.get((attributes.get("id") or "").lower(), "") if node.tag != "section" else ""
    if by_id:
        return by_id
    reason = next((_NAMES[word] for word in found if word in _NAMES), "")
    return reason or next((_PAIRS[pair] for pair in map("-".join, pairwise(found)) if pair in _PAIRS), "")


def _leads_or_asks(node: LexborNode, cuts: Cuts) -> bool:
    """Whether an element is a path, had a control, or has a link where no text is written."""
    if node.tag not in _TEXT_TAGS and node.css_first("a[href]") is not None:
        return True
    text = text_of(node)
    if len(text) <= SHORT_CHARS and _PATH.search(text):
        return True
    return any(one.mem_id in cuts.held_controls for one in (node, *node.css("*")))


def _is_links_or_control(node: LexborNode, cuts: Cuts) -> bool:
    """Whether an element is mostly links or a short control, whatever it is called; a table of data is neither."""
    if node.tag == "table" and not is_layout(node):
        return is_mostly_links(node)
    text = text_of(node)
    count = letters_and_digits(text)
    if not count or is_mostly_links(node, least=1, share=0.5):
        return True
    return count <= SHORT_CHARS and (node.mem_id in cuts.held_controls)
