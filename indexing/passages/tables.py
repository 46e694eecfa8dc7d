"""The tables of a text: where their rows stand, and the heading row that says what a column means."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

MAX_HEADING_CHARS = 1_000
"""Of a heading row, in code points; a longer one is cut at a column. Our choice: some 60 columns."""
_CONTAINER = re.compile(r"\s*(?:(?:>|[-*+]|[0-9]{1,9}[.)])\s+|>)*+")
"""What stands before a table's first row inside quotes and lists."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a text, in code points: ``start`` is that of its heading row, ``rows`` that of what comes below it.

    ``end`` is where it ends, exclusive. ``heading`` is the heading row in one line, empty where it says nothing. Of a
    table that goes on from before, ``start`` and ``rows`` are one.
    """

    start: int
    rows: int
    end: int
    heading: str


class Tables:
    """Finds the heading row of what stands at a place of a text."""

    def __init__(self, tables: Iterable[Table]) -> None:
        """Look among ``tables``, which are in order and do not overlap."""
        self._tables = list(tables)
        self._rows = [table.rows for table in self._tables]

    def heading_at(self, place: int) -> str:
        """The heading row of the table among whose rows ``place`` stands; empty outside of any."""
        before = bisect_right(self._rows, place)
        if not before or place >= self._tables[before - 1].end:
            return ""
        return self._tables[before - 1].heading


def heading_row(line: str) -> str:
    """A heading row in one line, without what a quote or list puts before it; empty if no column has a name."""
    row = " ".join(line[_CONTAINER.match(line).end() :].split())  # type: ignore[union-attr] # it matches anything
    if len(row) > MAX_HEADING_CHARS:
        row = row[: row.rfind("|", 0, MAX_HEADING_CHARS) + 1 or MAX_HEADING_CHARS]
    return row if any(character.isalnum() for character in row) else ""
