"""Keeps words whole in a web page: raised text, emphasis inside a word, anchors behind headings, formulas."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_formulas import write_formulas
from indexing.sources.html_tree import HEADINGS, Cuts, children, class_words, is_inside, names, role_of
from indexing.sources.superscripts import footnote_mark, subscript, superscript

_ANCHORS = "heading anchors"
_ANCHOR_WORDS = names("headerlink headerlinks permalink hash")
"""Words of class names that Sphinx, MkDocs, Docusaurus and others give to nothing else."""
_ANCHOR_TEXT = re.compile(
    r"(?:(?:direct |copy |perma)?link|permanent link|anchor|section)\b.{0,60}", re.IGNORECASE | re.DOTALL
)
_HEADED = (*HEADINGS, "dt", "summary", "legend")
_ATTRIBUTE_LIST = re.compile(r"\s*\{:?\s*#[^\s{}]+(?:\s+[.#][^\s{}]+)*\s*\}\s*$")
"""The name of a heading as Python-Markdown, kramdown and Docusaurus write it: ``{ #name }``, ``{#name}``."""
_NOTE_WORDS = names("footnote footnotes reference noteref fnref")
_NOTE_TARGET = re.compile(r"#(?:.*[-_:.])?(?:fn|ftn|note|foot|endnote|cite|ref|bib)", re.IGNORECASE)
_MARK = re.compile(r"\s*\[[^\[\]]{1,40}\]\s*")
"""Raised text in brackets is the mark of a note, or says something of the sentence: [2], [citation needed]."""
_RAISING = re.compile(r"\.([A-Za-z][\w-]*)\s*\{[^{}]*vertical-align\s*:\s*super")
_MAX_RAISED = 20
"""Classes of a page that raise text, and that are looked for. Source: our choice."""
_TICKS = "ul.inline-task-list > li, li > div.checkbox-on, li > div.checkbox-off, li > [role=checkbox][aria-checked]"
_TICKED = names("checked on")
_EMPHASIS = "b, strong, i, em, dfn, var, cite, mark, u"
_INLINE = names(
    "a abbr acronym b bdi bdo big cite data dfn em font i ins label mark nobr q s small span strike"
    " strong sub sup time tt u var wbr code kbd samp"
)


def keep_words(root: LexborNode, cuts: Cuts, raised: frozenset[str] = frozenset()) -> None:
    """Mends what would split a word, or join it to something else, when the page becomes plain text.

    Args:
        root: The article.
        cuts: Counts what goes.
        raised: The classes that the page's style sheets raise.
    """
    write_formulas(root, cuts)
    _write_ticks(root)
    _drop_anchors(root, cuts)
    _write_raised(root, raised)
    _join_words(root)


def _write_ticks(root: LexborNode) -> None:
    """Writes the boxes of tasks that are none of HTML: those of Confluence, of Notion, and by role."""
    for node in root.css(_TICKS):
        item = node if node.tag == "li" else node.parent
        first = item.first_child if item is not None else None
        if item is not None and item.tag == "li" and first is not None:
            is_ticked = node.attributes.get("aria-checked") == "true" or not _TICKED.isdisjoint(class_words(node))
            first.insert_before("[x] " if is_ticked else "[ ] ")
            if node.tag != "li" and not node.text().strip():
                node.decompose()


def _drop_anchors(root: LexborNode, cuts: Cuts) -> None:
    selector = ", ".join(f"{tag} a[href]" for tag in _HEADED)
    found = [(link, heading) for link in root.css(selector) if (heading := _heading_of(link)) is not None]
    for link, heading in found:
        if _is_anchor(link, heading):
            cuts.cut(link, _ANCHORS)
    for heading in root.css(", ".join(HEADINGS)):
        _drop_attribute_list(heading, cuts)
    for node in root.css("span[class*=editsection]"):  # MediaWiki's
        cuts.cut(node, _ANCHORS)


def _heading_of(node: LexborNode) -> LexborNode | None:
    above = node.parent
    while above is not None and above.tag not in _HEADED:
        above = above.parent
    return above


def _is_anchor(link: LexborNode, heading: LexborNode) -> bool:
    """Whether a link beside the text of a heading only leads to that heading, and says no more."""
    target = (link.attributes.get("href") or "").partition("#")[2]
    text = link.text().strip()
    if not target or letters_and_digits(heading.text()) <= letters_and_digits(text):
        return False
    return bool(_ANCHOR_TEXT.fullmatch(text)) or not _ANCHOR_WORDS.isdisjoint(class_words(link))


def _drop_attribute_list(heading: LexborNode, cuts: Cuts) -> None:
    last: LexborNode | None = heading
    while last is not None and not last.is_text_node:
        below = [child for child in children(last) if child.is_text_node or child.is_element_node]
        last = next((child for child in reversed(below) if child.text().strip()), None)
    if last is None:
        return
    text = last.text() or ""
    left = _ATTRIBUTE_LIST.sub("", text)
    if left != text:
        cuts.count(text[len(left) :], _ANCHORS)
        last.replace_with(left)


def raised_classes(page: LexborHTMLParser) -> frozenset[str]:
    """The classes that the style sheets of a page raise, as word processors export superscripts."""
    return frozenset(name for sheet in page.css("style") for name in _RAISING.findall(sheet.text()))


def _write_raised(root: LexborNode, raised: frozenset[str]) -> None:
    """Writes raised text so that it keeps its meaning, and the marks of notes apart from the word before them."""
    selector = ", ".join(["sup", "[style*=super i]", *(f".{name}" for name in sorted(raised)[:_MAX_RAISED])])
    for node in reversed(root.css(selector)):  # the inner of two before the outer
        if node.tag != "sup" and not (node.tag in _INLINE and node.text().strip()):
            continue
        text = node.text()
        written = footnote_mark(text) if _is_note(node) or _MARK.fullmatch(text) else superscript(text)
        node.replace_with(_apart(node, written))
    for link in root.css("a[role=doc-noteref], a.footnote-reference, a.footnote-ref"):
        link.replace_with(_apart(link, footnote_mark(link.text())))
    for node in root.css("sub"):
        text = node.text()
        if (written := subscript(text)) != text:
            node.replace_with(written)


def _apart(node: LexborNode, written: str) -> str:
    """``written`` without a second space where one stands before ``node`` already."""
    before = node.prev
    is_spaced = before is not None and before.is_text_node and (before.text() or " ")[-1].isspace()
    return written.lstrip() if is_spaced else written


def _is_note(raised: LexborNode) -> bool:
    """Whether raised text is the mark of a note: a link to one, or called so by the page."""
    if role_of(raised) == "doc-noteref" or not _NOTE_WORDS.isdisjoint(class_words(raised)):
        return True
    links = [
        *raised.css("a[href]"),
        *([raised.parent] if raised.parent is not None and raised.parent.tag == "a" else []),
    ]
    return any(_leads_to_note(link) for link in links)


def _leads_to_note(link: LexborNode) -> bool:
    target = link.attributes.get("href") or ""
    if role_of(link) == "doc-noteref" or not _NOTE_WORDS.isdisjoint(class_words(link)):
        return True
    return target.startswith("#") or bool(_NOTE_TARGET.search(target))


def _join_words(root: LexborNode) -> None:
    """Takes the emphasis off what is only a part of a word, since its marks would split the word."""
    for node in root.css(_EMPHASIS):
        text = node.text()
        if not text or is_inside(node, ("pre", "code")):
            continue
        before, behind = _neighbour(node, is_before=True), _neighbour(node, is_before=False)
        if (before.isalnum() and text[0].isalnum()) or (behind.isalnum() and text[-1].isalnum()):
            node.unwrap()


def _neighbour(node: LexborNode, *, is_before: bool) -> str:
    """The character right beside ``node`` in its line, or the empty string."""
    while True:
        beside = node.prev if is_before else node.next
        if beside is None:
            if node.parent is None or node.parent.tag not in _INLINE:
                return ""
            node = node.parent
            continue
        if beside.is_element_node and beside.tag not in _INLINE:
            return ""
        text = (beside.text() or "") if beside.is_text_node or beside.is_element_node else ""
        if text:
            return text[-1] if is_before else text[0]
        node = beside
