"""Finds columns that a PDF writes row by row: text on both sides of a gutter that runs through several rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

import pypdfium2

from indexing.sources.pdf_column_kinds import ColumnLine, are_columns
from indexing.sources.pdf_objects import TextObject, text_of

_LEAST_ROWS = 3
"""Rows that a gutter runs through. Source: our choice."""
_LEAST_GUTTER = 8.0
"""Points that a gutter is wide. Source: our choice: a space of 11 points has 3."""
_SPACE = 0.15
"""Of its size from one piece of a line to the next, above which they are two words. Source: our choice."""
_SAME_ROW = 0.5
"""Of its size by which the foot of a text may lie below that of its row. Source: our choice."""
_USUAL_DROP = 1.25
"""Of the widest distance between rows above. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A gap between two columns: between ``left`` and ``right``, for the lines with feet from ``bottom`` to ``top``."""

    left: float
    right: float
    bottom: float
    top: float


Gap = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands on one baseline or nearly so: from ``top`` to ``bottom`` feet, and its texts from left to right."""

    top: float
    bottom: float
    texts: tuple[TextObject, ...]

    @property
    def gaps(self) -> list[Gap]:
        """The wide gaps of it; what lies left and right of all its texts is one too."""
        ends = [-inf, *accumulate((one.box[2] for one in self.texts), max)]
        begins = [*(one.box[0] for one in self.texts), inf]
        return [(left, right) for left, right in zip(ends, begins, strict=True) if right - left >= _LEAST_GUTTER]


def find_gutters(content: pypdfium2.PdfTextPage, texts: Sequence[TextObject]) -> list[Gutter]:
    """The gutters between columns whose rows the file writes from left to right, from the top of the page.

    Below the rows that show a gutter, those that stand on one side of it at the usual distance go on with a column.
    """
    found: list[Gutter] = []
    run: list[_Row] = []
    gaps: list[Gap] = []
    for row in [*_rows(texts), None]:
        common = [] if row is None else _inner(_common(gaps, row.gaps) if run else row.gaps)
        if row is not None and common and _follows(run, row):
            run.append(row)
            gaps = common
            continue
        if run and _are_columns(content, run, gaps):
            found += [Gutter(*gap, run[-1].bottom - 1.0, run[0].top + 1.0) for gap in gaps]
        gaps = [] if row is None else _inner(row.gaps)
        run = [row] if row is not None and gaps else []
    return found


def _rows(texts: Sequence[TextObject]) -> list[_Row]:
    """The rows of a page from top to bottom."""
    rows: list[list[TextObject]] = []
    for one in sorted((one for one in texts if one.is_upright), key=lambda one: -one.foot):
        if rows and rows[-1][0].foot - one.foot <= _SAME_ROW * one.size:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [_Row(row[0].foot, row[-1].foot, tuple(sorted(row, key=lambda one: one.box[0]))) for row in rows]


def _common(gaps: Sequence[Gap], others: Sequence[Gap]) -> list[Gap]:
    """Where both have a gap, if it is wide enough; both are in order, from left to right."""
    both: list[Gap] = []
    one = other = 0
    while one < len(gaps) and other < len(others):
        left, right = max(gaps[one][0], others[other][0]), min(gaps[one][1], others[other][1])
        if right - left >= _LEAST_GUTTER:
            both.append((left, right))
        if gaps[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return both


def _inner(gaps: Sequence[Gap]) -> list[Gap]:
    return [gap for gap in gaps if gap[0] > -inf and gap[1] < inf]


def _follows(run: Sequence[_Row], row: _Row) -> bool:
    """Whether a row may go on with a run: a row of one side alone stands no further below than the others."""
    if not run or _inner(row.gaps):
        return True
    drops = [above.bottom - below.bottom for above, below in pairwise(run)]
    return bool(drops) and run[-1].bottom - row.bottom <= _USUAL_DROP * max(drops)


def _are_columns(content: pypdfium2.PdfTextPage, rows: Sequence[_Row], gaps: Sequence[Gap]) -> bool:
    if sum(bool(_inner(row.gaps)) for row in rows) < _LEAST_ROWS:
        return False
    edges = [-inf, *(gap[0] for gap in gaps), inf]
    return are_columns([_lines(content, rows, left, right) for left, right in pairwise(edges)])


def _lines(content: pypdfium2.PdfTextPage, rows: Sequence[_Row], left: float, right: float) -> list[ColumnLine]:
    """What stands between two gutters, line by line."""
    sides = ([one for one in row.texts if left < one.box[2] <= right] for row in rows)
    return [
        ColumnLine(text, side[0].box[0], max(one.box[2] for one in side), side[0].size)
        for side in sides
        if (text := _joined(content, side))
    ]


def _joined(content: pypdfium2.PdfTextPage, side: Sequence[TextObject]) -> str:
    """The text of one line, with a space where the file leaves one between two pieces."""
    parts: list[str] = []
    for place, one in enumerate(side):
        if place and one.box[0] - side[place - 1].box[2] > _SPACE * one.size:
            parts.append(" ")
        parts.append(text_of(one, content))
    return " ".join("".join(parts).split())
