"""The lines of a PDF page's text, with where they stand; columns come one after the other."""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.pdf_columns import Gutter
from indexing.sources.pdf_raised import Change, changed

_SAME_FOOT = 0.25
"""Of its size by which the foot of a line's continuation may lie off: what was raised between them ended the line."""
_SAME_GAP = (-0.5, 1.5)
"""Of its size that a line's continuation may stand behind its end."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: its place in points from the page's lower left corner, and the size of its first character.

    A line whose last word was torn goes on in the next one of the page, so it may end lower than it begins.
    """

    text: str
    begin: float
    end: float
    size: float
    left: float = 0.0
    right: float = 0.0


def read_lines(
    content: pypdfium2.PdfTextPage, text: str, changes: Sequence[Change], gutters: Sequence[Gutter]
) -> list[Line]:
    """The lines of a page in the order in which the file writes them, but for columns that it writes row by row.

    Args:
        content: The page's text, as PDFium reads it.
        text: All of it.
        changes: What is written otherwise.
        gutters: Between columns that are written row by row.
    """
    lines: list[Line] = []
    for line in _written(content, text, changes, gutters):
        if lines and _goes_on(lines[-1], line):
            before = lines.pop()
            space = "" if before.text.endswith(" ") or line.left - before.right < 0.1 * line.size else " "
            line = replace(before, text=f"{before.text}{space}{line.text}", end=line.end, right=line.right)
        lines.append(line)
    return _by_columns([replace(line, text=line.text.strip()) for line in lines], gutters)


def _written(
    content: pypdfium2.PdfTextPage, text: str, changes: Sequence[Change], gutters: Sequence[Gutter]
) -> Iterator[Line]:
    begin = unit = 0
    for part in text.split("\r\n"):
        if part.strip():
            lead, trail = len(part) - len(part.lstrip()), len(part) - len(part.rstrip())
            first, last = _index(content, unit + lead), _index(content, unit + _units(part) - 1 - trail)
            gutter = _crossed(content, first, last, gutters)
            for start, stop in _pieces(content, unit, part, gutter):
                said = changed(text, begin + start, begin + stop, changes)
                if said.strip():
                    yield _line(content, said, _index(content, unit + start), _index(content, unit + stop - 1))
        begin += len(part) + 2
        unit += _units(part) + 2


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _line(content: pypdfium2.PdfTextPage, text: str, first: int, last: int) -> Line:
    size = pdfium.FPDFText_GetFontSize(content.raw, first)
    left, foot, _, _ = content.get_charbox(first, loose=True)
    _, end, right, _ = content.get_charbox(last, loose=True)
    return Line(text, foot, end, size, left, right)


def _index(content: pypdfium2.PdfTextPage, place: int) -> int:
    """The number of the character at a place, counted in UTF-16 units, of a page's text."""
    return max(0, int(pdfium.FPDFText_GetCharIndexFromTextIndex(content.raw, place)))


def _goes_on(above: Line, line: Line) -> bool:
    """Whether a line is the rest of the one before: on the same foot, and right behind it."""
    gap, size = line.left - above.right, max(above.size, line.size)
    is_level = abs(line.begin - above.begin) <= _SAME_FOOT * size
    return is_level and above.right > above.left and _SAME_GAP[0] * size <= gap <= _SAME_GAP[1] * size


def _crossed(content: pypdfium2.PdfTextPage, first: int, last: int, gutters: Sequence[Gutter]) -> Gutter | None:
    """The gutter that lies inside a line."""
    if not gutters:
        return None
    left, right = content.get_charbox(first)[0], content.get_charbox(last)[2]
    foot = _baseline(content, first)
    inside = (one for one in gutters if one.bottom <= foot <= one.top and left < one.right and right > one.left)
    return next((one for one in inside if left < one.left and right > one.right), None)


def _baseline(content: pypdfium2.PdfTextPage, index: int) -> float:
    across, up = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(content.raw, index, across, up)
    return float(up.value)


def _pieces(content: pypdfium2.PdfTextPage, unit: int, part: str, gutter: Gutter | None) -> list[tuple[int, int]]:
    """A line from where to where, in two pieces where a gutter lies in it."""
    if gutter is None or _units(part) != len(part):
        return [(0, len(part))]
    for place, character in enumerate(part):
        if not character.isspace() and content.get_charbox(_index(content, unit + place))[0] >= gutter.right - 1.0:
            return [(0, place), (place, len(part))]
    return [(0, len(part))]


def _by_columns(lines: list[Line], gutters: Sequence[Gutter]) -> list[Line]:
    """The lines with those left of a gutter before those right of it."""
    for gutter in gutters:
        beside = [place for place, line in enumerate(lines) if _is_beside(line, gutter)]
        if beside and beside[-1] - beside[0] == len(beside) - 1:
            some = [lines[place] for place in beside]
            lines[beside[0] : beside[-1] + 1] = sorted(some, key=lambda line: line.left >= gutter.right - 1.0)
    return lines


def _is_beside(line: Line, gutter: Gutter) -> bool:
    is_level = gutter.bottom - line.size <= line.begin <= gutter.top
    return is_level and (line.right <= gutter.right or line.left >= gutter.left)
