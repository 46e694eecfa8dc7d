"""Reads the text of PDF files. It alone imports pypdfium2."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.extracted_text import MAX_TEXT_CHARS, Extract, Unreadable, tidied, tidied_title

MAX_PAGES = 10_000
"""The most pages that one file may have."""
_PASSWORD_WRONG = 4
"""FPDF_ERR_PASSWORD."""
_HYPHEN = "\ufffe"  # what PDFium gives for a hyphen at the end of a line, and the line end with it
_TORN = re.compile(rf"([^\W\d_]*){_HYPHEN}([^\W\d_]*)")
_HYPHENATED = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_EDGE_LINES = 2
"""That may be running ones, at the top and at the bottom of a page."""
_LEAST_PAGES = 3
"""Pages that a line must stand on to be a running one. Source: our choice."""
_ROMAN = re.compile(r"[ivxlc]{1,7}", re.IGNORECASE)
_RUNNING_CHARS = 150
"""The longest running line."""
_NO_TITLE = re.compile(r"untitled|document\d*|microsoft \w+ - .*|.*\.(?:docx?|pdf|indd|tex|pptx?|xlsx?|odt|dvi)", re.I)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a page: its place in points from the page's bottom, and the size of its first character.

    A line whose last word was torn goes on in the next one of the page, so it may end lower than it begins.
    """

    text: str
    begin: float
    end: float
    size: float


def read_pdf(data: bytes) -> Extract:
    """The text of a PDF page by page, in the order in which the file writes it, as plain text.

    Words that a line end tore are whole again; lines that run along the top or bottom of most pages are left out. A
    blank line stands where the file leaves a gap between lines.

    Raises:
        Unreadable: It is broken, needs a password, has too many pages, or holds no text.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_WRONG:
            raise Unreadable("it is encrypted and needs a password: save it without one") from error
        what = str(error).rstrip(".")
        raise Unreadable(f"it is not a readable PDF ({what}): open it in a viewer and save it again") from error
    if len(document) > MAX_PAGES:
        raise Unreadable(f"it has {len(document)} pages, more than {MAX_PAGES}: split it into several files")
    pages, size, facts = [], 0, {"pages": len(document)}
    for number in range(len(document)):
        try:
            pages.append(_lines(document, number))
        except pypdfium2.PdfiumError:  # one broken page leaves the others
            facts["pages_unreadable"] = facts.get("pages_unreadable", 0) + 1
            continue
        size += sum(len(line.text) for line in pages[-1])
        if size > MAX_TEXT_CHARS:
            raise Unreadable(f"it holds more than {MAX_TEXT_CHARS} characters of text: split it into several files")
    if not any(re.search(r"\w", line.text) for page in pages for line in page):
        raise Unreadable(
            f"it holds no text on its pages, {len(document)} of them: run OCR first, and read what that gives"
        )
    kept = _without_running(pages)
    text = _whole("\n\n".join(part for page in kept if (part := _page_text(page))))
    title = tidied_title(document.get_metadata_value("Title"))
    if _NO_TITLE.fullmatch(title):
        title = ""
    return Extract(tidied(text), title or _largest(kept), "", facts)


def _lines(document: pypdfium2.PdfDocument, number: int) -> list[_Line]:
    page = document[number]
    content = page.get_textpage()
    lines, begin = [], 0
    for text in content.get_text_range().split("\r\n"):
        after = begin + len(text.encode("utf-16-le", "surrogatepass")) // 2
        if text.strip():
            first = _index(content, begin + len(text) - len(text.lstrip()))
            last = _index(content, after - 1 - len(text) + len(text.rstrip()))
            size = pdfium.FPDFText_GetFontSize(content.raw, first)
            foot, other = (content.get_charbox(index, loose=True)[1] for index in (first, last))
            lines.append(_Line(text.strip(), foot, other, size))
        begin = after + 2
    content.close()
    page.close()
    return lines


def _index(content: pypdfium2.PdfTextPage, place: int) -> int:
    """The number of the character at a place, counted in UTF-16 units, of a page's text."""
    return max(0, int(pdfium.FPDFText_GetCharIndexFromTextIndex(content.raw, place)))


def _without_running(pages: Sequence[list[_Line]]) -> list[list[_Line]]:
    """The pages without what runs along the edge of more than half of them, such as a book's name and page numbers."""
    kept = [sorted(page, key=lambda line: -line.begin) for page in pages]
    if len(pages) < _LEAST_PAGES:
        return list(pages)
    for edge in (0, -1) * _EDGE_LINES:
        counts = Counter(_key(page[edge]) for page in kept if page)
        running = {key for key, count in counts.items() if 2 * count > len(pages)}
        for page in kept:
            if page and _key(page[edge]) in running:
                del page[edge]
    if not any(kept):  # every page is the same
        return list(pages)
    left = [{id(line) for line in page} for page in kept]
    return [[line for line in page if id(line) in ids] for page, ids in zip(pages, left, strict=True)]


def _key(line: _Line) -> str:
    """What stays the same from page to page in a running line."""
    text = "#" if _ROMAN.fullmatch(line.text) else re.sub(r"\d+", "#", line.text[:_RUNNING_CHARS])
    return f"{round(line.begin / 4)} {round(line.size)} {text}"


def _page_text(lines: Sequence[_Line]) -> str:
    """The lines of a page with a blank line where one block ends."""
    drops = [above.end - below.begin for above, below in pairwise(lines) if above.end > below.begin]
    usual = median(drops) if drops else 0.0
    parts = [lines[0].text] if lines else []
    for above, below in pairwise(lines):
        is_other = abs(above.size - below.size) > 0.15 * max(above.size, below.size)
        is_gap = is_other or above.end - below.begin > 1.3 * min(usual, 1.8 * above.size)
        parts.append(("\n\n" if is_gap else "\n") + below.text)
    return "".join(parts)


def _whole(text: str) -> str:
    """``text`` with the words joined that a line end tore; a hyphen that the text has elsewhere stays."""
    if _HYPHEN not in text:
        return text
    hyphenated = {word.lower() for word in _HYPHENATED.findall(text)}

    def joined(match: re.Match[str]) -> str:
        first, last = match.groups()
        keeps = not last or not last[0].islower() or not first or f"{first}-{last}".lower() in hyphenated
        return f"{first}-{last}" if keeps else first + last

    return _TORN.sub(joined, text)


def _largest(pages: Sequence[Sequence[_Line]]) -> str:
    """What the first page with text writes largest, if that is clearly larger than the document's usual size."""
    first = next((page for page in pages if page), [])
    largest = max((line.size for line in first), default=0.0)
    if largest < 1.2 * median(line.size for page in pages for line in page):
        return ""
    return tidied_title(" ".join(line.text for line in first if line.size > 0.95 * largest).replace(_HYPHEN, ""))
