"""Finds the raised text of a PDF page, which the file writes as small letters above the line, and writes it as such."""

import re
from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.pdf_objects import HYPHEN, TextObject, text_of
from indexing.sources.superscripts import footnote_mark, superscript

_SMALLER = 0.85
"""Of the size of the text beside it that raised text has at most: word processors write 0.58 to 0.7. Our choice."""
_RISE = (0.12, 0.8)
"""By how much of that size its baseline lies higher."""
_GAP = 0.35
"""How far it may stand from the text before it, of that text's size. Our choice."""
_MOST_CHARS = 12
"""The longest raised text; beyond, it is a line of its own. Our choice."""
_NOTE = re.compile(r"\d{1,3}|[*\u2020\u2021\u00a7\u00b6]{1,3}|[a-z]")
"""What may mark a footnote."""
_WORD_BEFORE = re.compile(r"(?:[^\W\d_]{4,}|[^\W\d_]{2,}[.,;:!?)\u201d\u2019'\"]+)\Z")
"""What a mark follows: a word, or the end of a sentence; behind a number, a unit or a symbol a power stands."""

_WORD_CHARS = 40
"""How far back a word is looked for. Our choice."""

Change = tuple[int, int, str]
"""From where to where of a page's text, and what stands there instead."""


def raised_texts(content: pypdfium2.PdfTextPage, texts: Sequence[TextObject], text: str) -> list[Change]:
    """The changes of a page's text that write its raised parts as ``^6`` or `` [1]``, by their places.

    All sizes are judged beside the text that the file writes just before.
    """
    if not text.isascii() and max(text) > "\uffff":
        return []  # places are counted in UTF-16 units, which are no code points here
    places: list[tuple[int, int]] = []
    base: TextObject | None = None
    for one in texts:
        if base is not None and _is_raised(one, base):
            place = _place(content, one, text)
            if place is not None:
                places.append(place)
        elif one.is_upright and not (base is not None and _is_lowered(one, base)):
            base = one
    return [_change(text, begin, end) for begin, end in _joined(places, text)]


def changed(text: str, begin: int, end: int, changes: Sequence[Change]) -> str:
    """A part of a page's text with what is changed in it."""
    made, place = [], begin
    for start, stop, written in changes:
        if begin <= start and stop <= end:
            made += [text[place:start], written]
            place = stop
    return "".join([*made, text[place:end]])


def _is_raised(one: TextObject, base: TextObject) -> bool:
    rise = one.foot - base.foot
    return (
        one.is_upright
        and one.size <= _SMALLER * base.size
        and _RISE[0] * base.size <= rise <= _RISE[1] * base.size
        and -_GAP * base.size <= one.box[0] - base.box[2] <= 2 * base.size
    )


def _is_lowered(one: TextObject, base: TextObject) -> bool:
    """Whether it is an index below the line, such as the 4 of a sulphate: what is raised behind rises from its base."""
    is_near = -_GAP * base.size <= one.box[0] - base.box[2] <= _GAP * base.size
    return is_near and one.size <= _SMALLER * base.size and -_RISE[1] * base.size <= one.foot - base.foot < 0.0


def _place(content: pypdfium2.PdfTextPage, one: TextObject, text: str) -> tuple[int, int] | None:
    """From where to where of the page's text a raised object stands."""
    said = text_of(one, content).strip().replace(HYPHEN, "-")
    text = text.replace(HYPHEN, "-")
    if not said or len(said) > _MOST_CHARS:
        return None
    across, up = one.box[0] + min(one.size / 4, (one.box[2] - one.box[0]) / 2), (one.box[1] + one.box[3]) / 2
    index = pdfium.FPDFText_GetCharIndexAtPos(content.raw, across, up, one.size / 2, one.size / 2)
    begin = pdfium.FPDFText_GetTextIndexFromCharIndex(content.raw, index) if index >= 0 else -1
    if begin < 0 or text[begin : begin + len(said)] != said:
        begin = text.find(said, max(0, begin - 3), begin + len(said) + 3) if begin >= 0 else -1
    return (begin, begin + len(said)) if begin > 0 else None


def _joined(places: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The places in order, one where several raised objects stand together: a minus and a number of two fonts."""
    made: list[tuple[int, int]] = []
    for begin, end in sorted(places):
        if made and begin < made[-1][1]:
            continue
        if made and not text[made[-1][1] : begin].strip() and end - made[-1][0] <= 2 * _MOST_CHARS:
            made[-1] = (made[-1][0], end)
        else:
            made.append((begin, end))
    return made


def _change(text: str, begin: int, end: int) -> Change:
    said, before = "".join(text[begin:end].split()).replace(HYPHEN, "-"), text[:begin].rstrip()
    is_note = bool(_NOTE.fullmatch(said) and _WORD_BEFORE.search(before[-_WORD_CHARS:]))
    return len(before), end, footnote_mark(said) if is_note else superscript(said)
