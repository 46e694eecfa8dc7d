"""Keeps words whole in a web page: raised text, emphasis inside a word, anchors behind headings, formulas."""

import re

from selectolax.lexbor import LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_tree import HEADINGS, Cuts, children, class_words, is_inside, names, outermost, role_of
from indexing.sources.superscripts import footnote_mark, superscript

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
_EMPHASIS = "b, strong, i, em, dfn, var, cite, mark, u"
_INLINE = names(
    "a abbr acronym b bdi bdo big cite data dfn em font i ins label mark nobr q s small span strike"
    " strong sub sup time tt u var wbr code kbd samp"
)


def keep_words(root: LexborNode, cuts: Cuts) -> None:
    """Mends what would split a word, or join it to something else, when the page becomes plain text."""
    _write_formulas(root, cuts)
    _drop_anchors(root, cuts)
    _write_raised(root)
    _join_words(root)


def _drop_anchors(root: LexborNode, cuts: Cuts) -> None:
    selector = ", ".join(f"{tag} a[href]" for tag in _HEADED)
    found = [(link, heading) for link in root.css(selector) if (heading := _heading_of(link)) is not None]
    for link, heading in found:
        if _is_anchor(link, heading):
            cuts.cut(link, _ANCHORS)
    for heading in root.css(", ".join(HEADINGS)):
        _drop_attribute_list(heading, cuts)


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


def _write_raised(root: LexborNode) -> None:
    """Writes raised text so that it keeps its meaning, and the marks of notes apart from the word before them."""
    for node in reversed(root.css("sup")):  # the inner of two before the outer
        text = node.text()
        written = footnote_mark(text) if _is_note(node) else superscript(text)
        node.replace_with(_apart(node, written))
    for link in root.css("a[role=doc-noteref], a.footnote-reference, a.footnote-ref"):
        link.replace_with(_apart(link, footnote_mark(link.text())))


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


def _write_formulas(root: LexborNode, cuts: Cuts) -> None:
    """Writes formulas as their author did, in LaTeX, where the page has that; else powers and fractions as text."""
    for formula in outermost(root.css("math")):
        source = formula.css_first("annotation[encoding*=tex], annotation[encoding*=TeX]")
        if source is not None:
            text = source.text().strip()
            whole = formula.text()
            cuts.left_out["formulas written twice"] += letters_and_digits(whole) - letters_and_digits(text)
            formula.replace_with(f"${text}$")
            continue
        for node in outermost(formula.css("annotation, annotation-xml")):
            cuts.cut(node, "formulas written twice")
        for power in reversed(formula.css("msup")):
            _infix(power, "^")
        for fraction in reversed(formula.css("mfrac")):
            _infix(fraction, "/")


def _infix(node: LexborNode, sign: str) -> None:
    parts = [child for child in children(node) if child.is_element_node]
    if len(parts) == 2:
        upper, lower = ("".join(part.text().split()) for part in parts)
        written = upper + superscript(lower) if sign == "^" else f"{_bracketed(upper)}/{_bracketed(lower)}"
        node.replace_with(written)


def _bracketed(term: str) -> str:
    return term if term.isalnum() else f"({term})"
