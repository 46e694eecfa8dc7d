"""Reads one page of a PDF: the lines that a reader sees, its form, and what of its text was left out."""

import unicodedata
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.pdf_columns import find_gutters
from indexing.sources.pdf_forms import read_fields, with_fields
from indexing.sources.pdf_lines import Line, read_lines
from indexing.sources.pdf_objects import PageObjects, read_objects
from indexing.sources.pdf_raised import raised_texts
from indexing.sources.pdf_text import HYPHEN, letter_by_letter

_SAMPLED = 400
"""Characters of a page that are asked whether they have a meaning. Source: our choice: a quarter of a page."""
_CATEGORIES = ("Cc", "Cn", "Co", "Cs")
"""Of characters that are none to a reader: controls, unassigned, private and half ones."""
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its lines, letters and digits that it holds and that are hidden, and how many glyphs mean nothing."""

    lines: list[Line]
    raw: int
    hidden: int
    glyphs: int
    unreadable: int
    is_picture: bool
    is_blank: bool


def read_page(document: pypdfium2.PdfDocument, number: int) -> Page:
    """Read a page.

    Raises:
        PdfiumError: It is broken.
    """
    page = document[number]
    objects = read_objects(page)
    content = page.get_textpage()
    raw = seen = letters_and_digits(content.get_text_range())
    if objects.hidden:
        content.close()
        content, objects = _without_hidden(page, objects)
        seen = letters_and_digits(content.get_text_range())
    text = content.get_text_range()
    changes = raised_texts(content, objects.texts, text)
    lines = read_lines(content, text, changes, find_gutters(content, objects.texts))
    glyphs = sum(not character.isspace() for character in text)
    unreadable = _unreadable(content, text)
    lines = [Line(readable(one.text), one.begin, one.end, one.size, one.left, one.right) for one in lines]
    fields = read_fields(document, page)
    filled = sum(letters_and_digits(field.value) for field in fields if not field.is_tick)
    is_picture = objects.has_picture and not any(line.text.strip() for line in lines)
    content.close()
    page.close()
    lines = with_fields([line for line in lines if line.text.strip()], fields)
    return Page(lines, raw + filled, raw - seen, glyphs, unreadable, is_picture, objects.is_blank)


def readable(text: str) -> str:
    """``text`` letter by letter, without what means nothing to a reader; a bullet of a symbol font is a bullet."""
    text = letter_by_letter(text)
    if text.isascii():
        return text
    if unicodedata.category(text[0]) == "Co":
        text = "\N{BULLET}" + text[1:]
    return "".join(one for one in text if one == HYPHEN or not _means_nothing(one))


def _means_nothing(character: str) -> bool:
    return character == _REPLACEMENT or unicodedata.category(character) in _CATEGORIES


def _without_hidden(page: pypdfium2.PdfPage, objects: PageObjects) -> tuple[pypdfium2.PdfTextPage, PageObjects]:
    """The page's text as if what is hidden were not there."""
    for one in objects.hidden:
        if pdfium.FPDFPage_RemoveObject(page.raw, one.raw):
            pdfium.FPDFPageObj_Destroy(one.raw)
    return page.get_textpage(), read_objects(page)


def _unreadable(content: pypdfium2.PdfTextPage, text: str) -> int:
    """How many glyphs of a page mean nothing: by what they are, or because their font does not say."""
    seen = [one for one in text if not one.isspace() and one != HYPHEN]
    by_kind = sum(_means_nothing(one) for one in seen if not one.isascii() or one < " ")
    count = content.count_chars()
    step = max(1, count // _SAMPLED)
    asked = range(0, count, step)
    without = sum(int(pdfium.FPDFText_HasUnicodeMapError(content.raw, index)) == 1 for index in asked)
    return max(by_kind, int(without * len(seen) / max(1, len(asked))))
