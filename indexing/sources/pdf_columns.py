"""Finds columns that a PDF writes row by row: prose on both sides of a gutter that runs through several rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

import pypdfium2

from indexing.sources.pdf_objects import TextObject, text_of

_LEAST_ROWS = 3
"""Rows that a gutter runs through. Source: our choice."""
_LEAST_GUTTER = 8.0
"""Points that a gutter is wide. Source: our choice: a space of 11 points has 3."""
_LEAST_CHARS = 18
"""Of a typical line on either side: cells of tables are shorter. Source: our choice."""
_SAME_ROW = 0.5
"""Of its size by which the foot of a text may lie below that of its row. Source: our choice."""
_USUAL_DROP = 1.25
"""Of the widest distance between rows above. Source: our choice."""
_INDENT = 4.0
"""Of its size by which a line may be indented. Source: our choice."""
_LEAST_FLUSH = 0.85
"""Of the lines of either side. Source: our choice."""
_LEAST_GOING_ON = 0.5
"""Of the lines below the first of either side. Source: our choice."""
_ENDS = (".", "!", "?", ":", ";")


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
    """The gutters between columns of prose whose rows the file writes from left to right, from the top of the page.

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
        if run and _is_prose(content, run, gaps):
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


def _is_prose(content: pypdfium2.PdfTextPage, rows: Sequence[_Row], gaps: Sequence[Gap]) -> bool:
    if sum(bool(_inner(row.gaps)) for row in rows) < _LEAST_ROWS:
        return False
    edges = [-inf, *(gap[0] for gap in gaps), inf]
    for left, right in pairwise(edges):
        found = ([one for one in row.texts if left < one.box[2] <= right] for row in rows)
        sides = [side for side in found if side]
        lines = [line for side in sides if (line := "".join(text_of(one, content) for one in side).strip())]
        if not lines or sorted(map(len, lines))[len(lines) // 2] < _LEAST_CHARS or not _is_flush(sides):
            return False
        going_on = sum(_goes_on(above, line) for above, line in pairwise(lines))
        if going_on < _LEAST_GOING_ON * (len(lines) - 1):
            return False
    return True


def _goes_on(above: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the one above: cells end theirs, and begin with capitals."""
    return line[0].isalpha() and not line[0].isupper() and not above.endswith(_ENDS)


def _is_flush(sides: Sequence[Sequence[TextObject]]) -> bool:
    """Whether lines begin where their column does, or indented; cells in the middle of their rows begin anywhere."""
    edge = min(side[0].box[0] for side in sides)
    return sum(side[0].box[0] - edge <= _INDENT * side[0].size for side in sides) >= _LEAST_FLUSH * len(sides)
