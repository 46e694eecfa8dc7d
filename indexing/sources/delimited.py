"""Reads tables of delimited text (CSV, TSV): each row becomes a paragraph of lines ``column: value``."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from indexing.sources.extracted_text import (
    MAX_TEXT_CHARS,
    Extract,
    TextAccount,
    letters_and_digits,
    tidied,
)
from indexing.sources.permission_slips import is_spelled_allow, refuse_lost_line
from indexing.sources.refusals import Refused, shown
from indexing.sources.text_encoding import file_text

READER = "csv 1"
MAX_ROWS = 200_000
"""The most rows of one file. Source: our choice; each row is a passage, and a document is written at once."""
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 200
"""Rows by which the delimiter and the names of columns are told. Source: our choice."""
_NAME_CHARS = 100
"""A longer cell is no column's name. Source: our choice."""
_ROWS_NAMED = 10
"""Rows that are named where they have more or fewer cells than there are columns. Our choice."""
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_VALUE = re.compile(
    r"[-+(]?[$\u20ac\u00a3\u00a5]?\s*[\d.,\s]*\d\s*%?\)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}:\d{2}.*|\S+@\S+\.\S+|https?://\S+"
    r"|true|false|null|n/a",
    re.IGNORECASE,
)
"""A number, day, time, address or the like: what names no column."""


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: Sequence[str]


def read_csv(data: bytes) -> Extract:
    """The rows of a CSV file, whose delimiter is told by its rows: comma, semicolon, tab or bar.

    The first row names the columns, unless it looks like a row of values; then they are ``column 1`` and so on. Lines
    above it that have one cell are a paragraph of their own. Empty cells and rows are left out. A cell is on one line.

    Raises:
        Refused: It is not UTF-8 or UTF-16, is broken, has too many rows, or a column that looks like a permission.
        Unreadable: Its text is too long.
    """
    return _read(data, "")


def read_tsv(data: bytes) -> Extract:
    """The rows of a file of values between tabs, as ``read_csv`` gives them."""
    return _read(data, "\t")


def _read(data: bytes, delimiter: str) -> Extract:
    text = file_text(data)
    refuse_lost_line(text)
    raw = letters_and_digits(text)
    left_out: dict[str, int] = {}
    said = _SEPARATOR_LINE.match(text)
    if said:
        delimiter, text = said.group(1), text[said.end() :]
        left_out["line that names the delimiter"] = letters_and_digits(said.group())
    rows, notes = _rows(text, delimiter or _delimiter(text))
    before, head, below, has_names = _parted(rows)
    names = [name or f"column {i}" for i, name in enumerate(head, 1)]
    _refuse_permissions(head)
    written = _Written(names, {i for i, name in enumerate(head) if name})
    paragraphs = [" ".join(cell for cell in row.cells if cell) for row in before]
    paragraphs.extend(written.paragraph(row) for row in below)
    if has_names and not below:
        paragraphs.append(written.heading())
    result = tidied("\n\n".join(paragraph for paragraph in paragraphs if paragraph))
    if not raw:
        raise Refused("no cell of it has a word: write rows into it, or remove it")
    if not has_names:
        notes.append("No row names the columns.")
    if written.uneven:
        named = ", ".join(map(str, written.uneven[:_ROWS_NAMED]))
        more = ", ..." if len(written.uneven) > _ROWS_NAMED else ""
        notes.append(
            f"Rows with more or fewer cells than {len(names)} columns: {len(written.uneven)}, at line {named}{more}."
        )
    if written.unused():
        left_out["names of empty columns"] = letters_and_digits("".join(written.unused()))
    kept = letters_and_digits(result) - written.added
    return Extract(result, account=TextAccount(READER, raw, kept, left_out, tuple(notes)))


def _delimiter(text: str) -> str:
    """The delimiter that gives most rows of the sample the same number of cells, more than one."""

    def share(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _sample(text, delimiter) if any(row)]
        width, often = max(Counter(widths).items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(0, 0))
        return (often / len(widths) if width > 1 else 0.0, width)

    return max(_DELIMITERS, key=share)


def _sample(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row, _ in zip(reader, range(_SAMPLE_ROWS), strict=False):
            yield row
    except csv.Error:
        return


def _rows(text: str, delimiter: str) -> tuple[list[_Row], list[str]]:
    """The rows that have text, and what must be said of how they were read."""
    try:
        return _parsed(text, delimiter, is_strict=True), []
    except csv.Error as error:
        is_open = "end of data" in str(error)
    if not is_open:
        try:
            return _parsed(text, delimiter), ["Quotation marks stand inside cells; they were read as they stand."]
        except csv.Error as error:
            raise Refused(f"it is not a table of delimited text ({error}): save it as CSV again") from error
    try:
        rows = _parsed(text, delimiter, has_quotes=False)
    except csv.Error as error:
        raise Refused(f"it is not a table of delimited text ({error}): save it as CSV again") from error
    return rows, ["A quotation mark is never closed, so all were read as text and each line as a row."]


def _parsed(text: str, delimiter: str, *, is_strict: bool = False, has_quotes: bool = True) -> list[_Row]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE
    rows: list[_Row] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=is_strict, quoting=quoting)
    number = 1
    for cells in reader:
        tidy = [" ".join(cell.split()) for cell in cells]
        if any(tidy):
            rows.append(_Row(number, tidy))
        if len(rows) > MAX_ROWS:
            raise Refused(f"it has more than {MAX_ROWS} rows: split it into several files")
        number = reader.line_num + 1
    return rows


def _parted(rows: Sequence[_Row]) -> tuple[Sequence[_Row], list[str], Sequence[_Row], bool]:
    """(rows above the table, the columns' names or nothing, its rows, whether the file names any)."""
    if not rows:
        return [], [], [], False
    width = Counter(len(row.cells) for row in rows[:_SAMPLE_ROWS]).most_common(1)[0][0]
    first = 0
    while width > 1 and first + 1 < len(rows) and sum(map(bool, rows[first].cells)) == 1:
        first += 1
    before, head, below = rows[:first], list(rows[first].cells), rows[first + 1 :]
    while head and not head[-1]:
        head.pop()
    if _are_names(head, below):
        return before, head, below, True
    return before, [""] * width, rows[first:], False


def _are_names(head: Sequence[str], below: Sequence[_Row]) -> bool:
    """Whether a row looks like names of columns: short, different, no values, and none a value of its own column."""
    given = [name for name in head if name]
    if not given or len(set(map(str.casefold, given))) < len(given) or len(given) < len(head) / 2:
        return False
    if any(len(name) > _NAME_CHARS or _VALUE.fullmatch(name) for name in given):
        return False
    columns = [{row.cells[i] for row in below[:_SAMPLE_ROWS] if i < len(row.cells)} for i in range(len(head))]
    return not any(name and name in column for name, column in zip(head, columns, strict=True))


def _refuse_permissions(names: Sequence[str]) -> None:
    found = next((name for name in names if name.casefold() == "acl" or is_spelled_allow(name)), None)
    if found is not None:
        raise Refused(
            f"its column {shown(found)} looks like a permission of each row, but a file of rows is one document: write"
            " the rows as JSON Lines with allow, or rename the column"
        )


class _Written:
    """Writes rows, and counts what names of columns add: a name of the file's own counts from the second time."""

    def __init__(self, names: Sequence[str], given: set[int]) -> None:
        self.added = 0
        self.uneven: list[int] = []
        self._names = names
        self._size = 0
        self._unused = given

    def heading(self) -> str:
        """The names alone, of a table without rows."""
        heading = ", ".join(self.unused())
        self._unused.clear()
        return heading

    def unused(self) -> list[str]:
        """The names under which no row has a value."""
        return [name for i, name in enumerate(self._names) if i in self._unused]

    def paragraph(self, row: _Row) -> str:
        """One row; raises where the text grows too long."""
        filled = len(row.cells)
        while filled > len(self._names) and not row.cells[filled - 1]:
            filled -= 1
        if filled != len(self._names):
            self.uneven.append(row.number)
        lines = []
        for i, cell in enumerate(row.cells):
            if cell:
                name = self._names[i] if i < len(self._names) else f"column {i + 1}"
                self.added += 0 if i in self._unused else letters_and_digits(name)
                self._unused.discard(i)
                lines.append(f"{name}: {cell}")
        written = "\n".join(lines)
        self._size += len(written) + 2
        if self._size > MAX_TEXT_CHARS:
            raise Refused(
                f"its rows with their columns' names are over {MAX_TEXT_CHARS} characters: split it into several files"
            )
        return written
