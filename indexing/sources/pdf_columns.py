"""Finds columns that a PDF writes row by row: prose on both sides of a gutter that runs through several rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pypdfium2

from indexing.sources.pdf_objects import TextObject, text_of

_LEAST_ROWS = 3
"""Rows that a gutter runs through. Source: our choice."""
_LEAST_GUTTER = 8.0
"""Points that a gutter is wide. Source: our choice: a space of 11 points has 3."""
_LEAST_CHARS = 18
"""Of a typical line on either side: cells of tables are shorter. Source: our choice."""
_GOES_ON = re.compile(r"\s*[^\W\d_A-Z]")
"""How a line begins that goes on with a sentence: with a letter that is no capital."""
_LEAST_GOING_ON = 0.5
"""Of the lines below the first of either side. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A gap between two columns: between ``left`` and ``right``, for the lines with feet from ``bottom`` to ``top``."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class _Row:
    """What stands on one baseline, parted by its widest gap."""

    foot: float
    gap: tuple[float, float]
    sides: tuple[str, str]


def find_gutters(content: pypdfium2.PdfTextPage, texts: Sequence[TextObject]) -> list[Gutter]:
    """The gutters between two columns of prose whose rows the file writes from left to right."""
    found: list[Gutter] = []
    run: list[_Row] = []
    for row in [*_rows(content, texts), None]:
        gap = None if row is None else _common([*run, row])
        if row is not None and gap is not None:
            run.append(row)
            continue
        if _is_prose(run):
            left, right = _common(run) or (0.0, 0.0)
            found.append(Gutter(left, right, run[-1].foot - 1.0, run[0].foot + 1.0))
        run = [] if row is None or _common([row]) is None else [row]
    return found


def _rows(content: pypdfium2.PdfTextPage, texts: Sequence[TextObject]) -> list[_Row]:
    """The rows of a page from top to bottom; texts on one baseline make one."""
    by_foot: dict[int, list[TextObject]] = {}
    for one in texts:
        if one.is_upright:
            by_foot.setdefault(round(one.foot), []).append(one)
    rows = []
    for foot, members in sorted(by_foot.items(), reverse=True):
        members.sort(key=lambda one: one.box[0])
        ends = [max(one.box[2] for one in members[: place + 1]) for place in range(len(members))]
        gaps = [(ends[place], members[place + 1].box[0], place + 1) for place in range(len(members) - 1)]
        left, right, place = max(gaps, key=lambda gap: gap[1] - gap[0], default=(0.0, 0.0, 0))
        sides = tuple("".join(text_of(one, content) for one in some) for some in (members[:place], members[place:]))
        rows.append(_Row(foot, (left, right), (sides[0], sides[1])))
    return rows


def _common(rows: Sequence[_Row]) -> tuple[float, float] | None:
    """The gap that all rows have, if it is wide enough."""
    left, right = max(row.gap[0] for row in rows), min(row.gap[1] for row in rows)
    return (left, right) if right - left >= _LEAST_GUTTER else None


def _is_prose(rows: Sequence[_Row]) -> bool:
    if len(rows) < _LEAST_ROWS:
        return False
    for side in (0, 1):
        lines = [row.sides[side].strip() for row in rows]
        if sorted(map(len, lines))[len(lines) // 2] < _LEAST_CHARS:
            return False
        going_on = sum(bool(_GOES_ON.match(line)) for line in lines[1:])
        if going_on < _LEAST_GOING_ON * (len(lines) - 1):
            return False
    return True
