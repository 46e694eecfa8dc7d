"""The lines of a PDF page's text, with where they stand; columns come one after the other."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import hypot, inf

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.pdf_columns import Gutter
from indexing.sources.pdf_objects import HYPHEN
from indexing.sources.pdf_raised import Change, changed

_SAME_FOOT = 0.25
"""Of its size by which the foot of a line's continuation may lie off: what was raised between them ended the line.
Our choice."""
_LEAST_DROP = 0.5
"""Of its size by which a line falls where it goes on in the row below. Our choice."""
_SAME_GAP = (-0.5, 1.5)
"""Of its size that a line's continuation may stand behind its end."""
_LEAST_TURN = 0.01
"""Of its way by which turned text runs up or down at least: rounding makes less of it. Our choice."""


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
    for part in _parts(text, changes):
        for start, stop in _rows(content, unit, part):
            row = part[start:stop]
            if row.strip():
                yield from _written_row(content, row, begin + start, unit + start, text, changes, gutters)
        begin += len(part) + 2
        unit += _units(part) + 2


def _written_row(
    content: pypdfium2.PdfTextPage,
    row: str,
    begin: int,
    unit: int,
    text: str,
    changes: Sequence[Change],
    gutters: Sequence[Gutter],
) -> Iterator[Line]:
    first, last = _ends(content, unit, row)
    for start, stop in _pieces(content, unit, row, _crossed(content, first, last, gutters)):
        said = changed(text, begin + start, begin + stop, changes)
        if said.strip():
            yield _line(content, said, _index(content, unit + start), _index(content, unit + stop - 1))


def _ends(content: pypdfium2.PdfTextPage, unit: int, part: str) -> tuple[int, int]:
    """The numbers of the first and the last character of a part that are no space."""
    lead, trail = len(part) - len(part.lstrip()), len(part) - len(part.rstrip())
    return _index(content, unit + lead), _index(content, unit + _units(part) - 1 - trail)


def _rows(content: pypdfium2.PdfTextPage, unit: int, part: str) -> list[tuple[int, int]]:
    """A line of PDFium's from where to where, in pieces where it goes on in a row below.

    PDFium takes a row that begins with a single character for the end of the row above, as in tables whose rows are
    counted from 1 to 9. A torn word goes on below as well, and stays whole; so does text that is turned to run down.
    """
    whole = [(0, len(part))]
    if not part.strip() or HYPHEN in part or _units(part) != len(part):
        return whole
    first, last = _ends(content, unit, part)
    if _is_turned(content, first):
        return whole
    least = _LEAST_DROP * pdfium.FPDFText_GetFontSize(content.raw, first)
    lowest = _baseline(content, first)
    if lowest - _baseline(content, last) <= least:
        return whole
    cuts, right = [0], -inf
    for place, character in enumerate(part):
        if character.isspace():
            continue
        index = _index(content, unit + place)
        left, _, end, _ = content.get_charbox(index)
        foot = _baseline(content, index)
        # No mark below a letter begins a row, and no end of a torn word.
        is_word = place == cuts[-1] + 1 or part[place - 1].isspace()
        if lowest - foot > least and left < right and is_word:
            cuts.append(place)
            lowest = foot
        right = end
    return list(pairwise([*cuts, len(part)]))


def _is_turned(content: pypdfium2.PdfTextPage, index: int) -> bool:
    """Whether the text at a character runs up or down the page; letters that only slant are not turned."""
    matrix = pdfium.FS_MATRIX()
    return bool(pdfium.FPDFText_GetMatrix(content.raw, index, matrix)) and (
        abs(matrix.b) > _LEAST_TURN * hypot(matrix.a, matrix.b)
    )


def _parts(text: str, changes: Sequence[Change]) -> Iterator[str]:
    """The lines as PDFium parts them, whole where the end of one lies in what is changed."""
    begin = 0
    for match in re.finditer("\r\n", text):
        if not any(start <= match.start() < stop for start, stop, _ in changes):
            yield text[begin : match.start()]
            begin = match.end()
    yield text[begin:]


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


def _crossed(content: pypdfium2.PdfTextPage, first: int, last: int, gutters: Sequence[Gutter]) -> list[Gutter]:
    """The gutters that lie inside a line, from left to right."""
    if not gutters:
        return []
    left, right = content.get_charbox(first)[0], content.get_charbox(last)[2]
    foot = _baseline(content, first)
    level = (one for one in gutters if one.bottom <= foot <= one.top)
    return sorted((one for one in level if left < one.left and right > one.right), key=lambda one: one.left)


def _baseline(content: pypdfium2.PdfTextPage, index: int) -> float:
    across, up = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(content.raw, index, across, up)
    return float(up.value)


def _pieces(content: pypdfium2.PdfTextPage, unit: int, part: str, crossed: Sequence[Gutter]) -> list[tuple[int, int]]:
    """A line from where to where, in pieces where gutters lie in it."""
    if not crossed or _units(part) != len(part):
        return [(0, len(part))]
    cuts, waiting = [0], list(crossed)
    for place, character in enumerate(part):
        if character.isspace():
            continue
        left = content.get_charbox(_index(content, unit + place))[0]
        if waiting and left >= waiting[0].right - 1.0:
            cuts.append(place)
            waiting = [one for one in waiting if left < one.right - 1.0]
    return list(pairwise([*cuts, len(part)]))


def _by_columns(lines: list[Line], gutters: Sequence[Gutter]) -> list[Line]:
    """The lines column by column where gutters lie beside each other."""
    for _, members in groupby(gutters, key=lambda one: (one.bottom, one.top)):
        some = list(members)
        beside = [place for place, line in enumerate(lines) if all(_is_beside(line, one) for one in some)]
        if beside and beside[-1] - beside[0] == len(beside) - 1:
            ends = [one.right - 1.0 for one in some]
            columns = sorted((lines[place] for place in beside), key=lambda line: sum(line.left >= end for end in ends))
            lines[beside[0] : beside[-1] + 1] = columns
    return lines


def _is_beside(line: Line, gutter: Gutter) -> bool:
    is_level = gutter.bottom - line.size <= line.begin <= gutter.top
    return is_level and (line.right <= gutter.right or line.left >= gutter.left)
