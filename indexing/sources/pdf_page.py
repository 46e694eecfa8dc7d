"""Reads one page of a PDF: the lines that a reader sees, its form, and what of its text was left out."""

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.pdf_columns import find_gutters
from indexing.sources.pdf_forms import read_fields, with_fields
from indexing.sources.pdf_glyphs import is_language, means_nothing
from indexing.sources.pdf_ligatures import turned_ligatures
from indexing.sources.pdf_lines import Line, read_lines
from indexing.sources.pdf_objects import HYPHEN, PageObjects, TextObject, read_objects
from indexing.sources.pdf_raised import raised_texts
from indexing.sources.pdf_text import letter_by_letter

_SAMPLED = 400
"""Characters of a page that are asked whether they have a meaning. Source: our choice: a quarter of a page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its lines, letters and digits that it holds and that are hidden, and how many glyphs mean nothing.

    ``unread`` of these glyphs PDFium does not give at all; ``added`` letters in the lines are ours: ticks and names.
    """

    lines: list[Line]
    raw: int
    hidden: int
    glyphs: int
    unreadable: int
    unread: int
    added: int
    has_picture: bool
    is_blank: bool


def read_page(document: pypdfium2.PdfDocument, number: int) -> Page:
    """Read a page.

    Raises:
        PdfiumError: It is broken.
    """
    page = document[number]
    objects = read_objects(page)
    content = page.get_textpage()
    text = content.get_text_range()
    drawn = visible = letters_and_digits(text)
    hidden = objects.hidden
    if hidden:
        content.close()
        content, objects = _without(page, hidden)
        text = content.get_text_range()
        visible = letters_and_digits(text)
    changes = sorted([*raised_texts(content, objects.texts, text), *turned_ligatures(content, text)])
    lines = read_lines(content, text, changes, find_gutters(content, objects.texts))
    seen = "".join(text.split())
    unreadable = _unreadable(content, seen.replace(HYPHEN, ""))
    unread = sum(one.unread_glyphs for one in objects.texts)
    lines = [replace(one, text=readable(one.text)) for one in lines]
    fields = read_fields(document, page)
    filled = sum(letters_and_digits(field.value) for field in fields if not field.is_tick)
    content.close()
    page.close()
    lines = [line for line in lines if line.text.strip()]
    with_form = with_fields(lines, fields)
    added = _letters(with_form) - _letters(lines) - filled
    return Page(
        lines=with_form,
        raw=drawn + filled + unread,
        hidden=drawn - visible,
        glyphs=len(seen) + unread,
        unreadable=unreadable + unread,
        unread=unread,
        added=added,
        has_picture=objects.has_picture,
        is_blank=objects.is_blank,
    )


def _letters(lines: Sequence[Line]) -> int:
    return sum(letters_and_digits(line.text) for line in lines)


def readable(text: str) -> str:
    """``text`` letter by letter, without what means nothing to a reader; a bullet of a symbol font is a bullet."""
    text = letter_by_letter(text)
    if text.isascii():
        return text
    if unicodedata.category(text[0]) == "Co":
        text = "\N{BULLET}" + text[1:]
    return "".join(one for one in text if one == HYPHEN or not means_nothing(one))


def _without(page: pypdfium2.PdfPage, hidden: Sequence[TextObject]) -> tuple[pypdfium2.PdfTextPage, PageObjects]:
    """The page's text as if what is hidden were not there."""
    for one in hidden:
        is_removed = (
            pdfium.FPDFPage_RemoveObject(page.raw, one.raw)
            if one.form is None
            else pdfium.FPDFFormObj_RemoveObject(one.form, one.raw)
        )
        if is_removed:
            pdfium.FPDFPageObj_Destroy(one.raw)
    return page.get_textpage(), read_objects(page)


def _unreadable(content: pypdfium2.PdfTextPage, seen: str) -> int:
    """How many glyphs of a page mean nothing: by what they are, or because their font does not say and it shows."""
    suspects = "" if seen.isascii() and seen.isprintable() else seen
    by_kind = sum(map(means_nothing, suspects))
    count = content.count_chars()
    asked = range(0, count, max(1, count // _SAMPLED))
    guessed = [index for index in asked if int(pdfium.FPDFText_HasUnicodeMapError(content.raw, index)) == 1]
    units = (int(pdfium.FPDFText_GetUnicode(content.raw, index)) for index in guessed)
    if not guessed or is_language("".join(chr(unit) if unit <= sys.maxunicode else "\ufffd" for unit in units)):
        return by_kind
    return max(by_kind, len(guessed) * len(seen) // len(asked))
