"""Reads the text of PDF files, page by page. It and the files called ``pdf_*`` alone import pypdfium2."""

import re
from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.extracted_text import (
    MAX_TEXT_CHARS,
    Extract,
    TextAccount,
    Unreadable,
    letters_and_digits,
    tidied,
)
from indexing.sources.pdf_lines import Line
from indexing.sources.pdf_objects import HYPHEN
from indexing.sources.pdf_page import Page, read_page
from indexing.sources.pdf_running import running_lines
from indexing.sources.pdf_text import given_title, largest_text, page_text, whole_words

READER = "pdf 3"
MAX_PAGES = 10_000
"""The most pages that one file may have. Our choice."""
_PASSWORD_WRONG = 4
"""FPDF_ERR_PASSWORD."""
_UNREAD_FORM = (
    "It is a form that a program draws (XFA), and only what else stands on its pages is read: print it to a PDF file,"
    " and read that."
)
_MOST_UNREADABLE = 0.2
"""Of the glyphs of a file; with more it is refused. Source: issue 13's bound for text that is lost."""


def read_pdf(data: bytes) -> Extract:
    """The text of a PDF page by page, in the order in which the file writes it, as plain text.

    Words that a line end tore are whole again. Left out are lines that run along the top or bottom of most pages, and
    what a reader of the page does not see. What was filled into a form stands beside its label. A blank line stands
    where the file leaves a gap between lines.

    Raises:
        Unreadable: It is broken, needs a password, has too many pages, holds no text, or glyphs that mean nothing.
    """
    document = _opened(data)
    pages: list[Page | None] = []
    size = 0
    for number in range(len(document)):
        try:
            page = read_page(document, number)
        except pypdfium2.PdfiumError:  # one broken page leaves the others
            pages.append(None)
            continue
        pages.append(page)
        size += sum(len(line.text) for line in page.lines)
        if size > MAX_TEXT_CHARS:
            raise Unreadable(f"it holds more than {MAX_TEXT_CHARS} characters of text: split it into several files")
    read = [page for page in pages if page is not None]
    _require_text(read, len(document))
    along = running_lines([page.lines for page in read])
    is_all = all(len(places) == len(page.lines) for page, places in zip(read, along, strict=True))
    running = [set[int]() for _ in read] if is_all else along
    kept = [
        [line for place, line in enumerate(page.lines) if place not in places]
        for page, places in zip(read, running, strict=True)
    ]
    text = tidied(whole_words("\n\n".join(part for lines in kept if (part := page_text(lines)))))
    title = given_title(document.get_metadata_value("Title")) or largest_text(kept)
    facts = {"pages": len(document)}
    if broken := len(pages) - len(read):
        facts["pages_unreadable"] = broken
    notes = [*_notes(pages, along), *([_UNREAD_FORM] if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL else [])]
    return Extract(text, title, "", facts, _account(read, running, kept, notes))


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_WRONG:
            raise Unreadable("it is encrypted and needs a password: save it without one") from error
        what = str(error).rstrip(".")
        raise Unreadable(f"it is not a readable PDF ({what}): open it in a viewer and save it again") from error
    if len(document) > MAX_PAGES:
        raise Unreadable(f"it has {len(document)} pages, more than {MAX_PAGES}: split it into several files")
    document.init_forms()
    return document


def _require_text(pages: Sequence[Page], count: int) -> None:
    glyphs, unreadable = sum(page.glyphs for page in pages), sum(page.unreadable for page in pages)
    if glyphs and unreadable > _MOST_UNREADABLE * glyphs:
        raise Unreadable(
            f"{unreadable} of its {glyphs} glyphs cannot be read, since their fonts do not say which letters they are:"
            " save it again with its fonts embedded, or run OCR and read what that gives"
        )
    if not any(re.search(r"\w", line.text) for page in pages for line in page.lines):
        raise Unreadable(f"it holds no text on its pages, {count} of them: run OCR first, and read what that gives")


def _account(
    read: Sequence[Page], running: Sequence[set[int]], kept: Sequence[Sequence[Line]], notes: Sequence[str]
) -> TextAccount:
    by_page = zip(read, running, strict=True)
    along = sum(letters_and_digits(page.lines[place].text) for page, places in by_page for place in places)
    hidden = sum(page.hidden for page in read)
    reasons = {"running lines": along, "hidden text": hidden, "unreadable glyphs": sum(page.unread for page in read)}
    left_out = {name: count for name, count in reasons.items() if count}
    stays = sum(letters_and_digits(line.text.replace(HYPHEN, "")) for lines in kept for line in lines)
    stays -= sum(page.added for page in read)
    return TextAccount(READER, sum(page.raw for page in read), stays, left_out, tuple(notes))


def _notes(pages: Sequence[Page | None], along: Sequence[set[int]]) -> list[str]:
    """What else must be known: pages without text or that cannot be read, and glyphs without a meaning.

    A scan under a running line is a picture, too.
    """
    numbered = list(enumerate(pages, 1))
    read = [(number, page) for number, page in numbered if page is not None]
    pictures = [
        number
        for (number, page), places in zip(read, along, strict=True)
        if page.has_picture and not page.unread and len(places) == len(page.lines)
    ]
    silent = [number for number, page in read if not (page.lines or page.is_blank or number in pictures)]
    broken = [number for number, page in numbered if page is None]
    unreadable = sum(page.unreadable for page in pages if page is not None)
    notes = [
        _of_pages(pictures, len(pages), "is a picture without text", "are pictures without text"),
        _of_pages(silent, len(pages), "gave no text", "gave no text"),
        _of_pages(broken, len(pages), "cannot be read", "cannot be read"),
        f"{unreadable} glyphs cannot be read, since their fonts do not say which letters they are."
        if unreadable
        else "",
    ]
    return [note for note in notes if note]


def _of_pages(numbers: Sequence[int], count: int, one: str, several: str) -> str:
    """A sentence of some pages, runs of them in short, such as ``Pages 2, 5 to 9 of 12 gave no text.``."""
    if not numbers:
        return ""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    named = ", ".join(" to ".join(map(str, run)) for run in runs)
    return f"Page{'s' if len(numbers) > 1 else ''} {named} of {count} {several if len(numbers) > 1 else one}."
