"""Tells columns of a page from the cells of a table: by how their lines are filled, go on and are ordered."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_LEAST_CHARS = 18
"""Of a typical line of text: cells of tables are shorter. Source: our choice."""
_INDENT = 4.0
"""Of its size by which a line may be indented. Source: our choice."""
_LEAST_FLUSH = 0.85
"""Of the lines of either side. Source: our choice."""
_LEAST_GOING_ON = 0.5
"""Of the lines below the first of either side. Source: our choice."""
_ENDS = (".", "!", "?", ":", ";")
_LEAST_FILLED = 0.8
"""Of the lines that end no sentence. Source: our choice: in cells of like length it is half of them."""
_LEAST_FILLED_LINES = 4
"""That end no sentence, for cells of a short table may be as long by chance. Source: our choice."""
_LEAST_WORDS = 3
"""Of a typical line that was broken because it was full: cells have fewer. Source: our choice."""
_LEAST_SMALL = 3.0
"""Lines of broken text that would begin with a small letter: where none does, they are cells. Source: our choice: of
text broken anywhere, none does once in exp(3) = 20 times."""
_MOST_ALIKE = 0.4
"""Of pairs of lines, those that begin or end alike, as rows of a table do. Source: our choice."""
_LEAST_ORDERED = 5
"""Entries of each column of a list: five cells are in order by chance once in 120. Source: our choice."""
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"(\d{1,9})\b")
_COMBINING = re.compile("[\u0300-\u036f]")
"""Marks above and below letters, which count for nothing in the order of an index."""


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One line on one side of a gutter: its text, from where to where it stands, and the size of its letters."""

    text: str
    left: float
    right: float
    size: float


def are_columns(columns: Sequence[Sequence[ColumnLine]]) -> bool:
    """Whether what stands beside each other are columns, to be read one after the other, and not rows of a table.

    Columns of text go on from line to line with small letters, or are full: a line was broken where the next word had
    no room. That also tells columns in capitals, of German nouns or with many numbers. A list, such as an index or the
    names of members, is in columns if its order goes down each of them and on in the next.

    Args:
        columns: From left to right, each from the top of the page to its bottom.
    """
    if not all(columns) or not all(map(_is_flush, columns)):
        return False
    return (all(map(_is_text, columns)) and not _are_sentences(columns)) or _is_ordered_list(columns)


def _is_flush(lines: Sequence[ColumnLine]) -> bool:
    """Whether lines begin where their column does, or indented; cells in the middle of their rows begin anywhere."""
    edge = min(line.left for line in lines)
    return sum(line.left - edge <= _INDENT * line.size for line in lines) >= _LEAST_FLUSH * len(lines)


def _is_text(lines: Sequence[ColumnLine]) -> bool:
    if sorted(len(line.text) for line in lines)[len(lines) // 2] < _LEAST_CHARS:
        return False
    going_on = sum(_goes_on(above.text, line.text) for above, line in pairwise(lines))
    return going_on >= _LEAST_GOING_ON * (len(lines) - 1) or _is_filled(lines)


def _goes_on(above: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the one above: cells end theirs, and begin with capitals."""
    return _is_small(line) and not above.endswith(_ENDS)


def _is_small(text: str) -> bool:
    """Whether a text begins with a letter that is no capital, as all letters are where a script has none."""
    return text[0].isalpha() and not text[0].isupper()


def _is_filled(lines: Sequence[ColumnLine]) -> bool:
    """Whether lines end where the next line's first word had no room, and are not made alike as rows are."""
    edge = max(line.right for line in lines)
    broken = [(above, line) for above, line in pairwise(lines) if not above.text.endswith(_ENDS)]
    if len(broken) < _LEAST_FILLED_LINES or median(len(line.text.split()) for line in lines) < _LEAST_WORDS:
        return False
    filled = sum(edge - above.right < _width_of_first_word(line) for above, line in broken)
    return filled >= _LEAST_FILLED * len(broken) and not _are_alike(lines)


def _are_sentences(columns: Sequence[Sequence[ColumnLine]]) -> bool:
    """Whether no line goes on with a small letter though many words have one: cells that are sentences.

    Text is broken anywhere, so its lines begin with small letters as often as its other words do. Capitals, nouns and
    numbers alone have none anywhere.
    """
    if any(_is_small(line.text) for lines in columns for line in lines[1:]):
        return False
    expected = 0.0
    for lines in columns:
        inner = [_is_small(word) for line in lines for word in line.text.split()[1:]]
        expected += (len(lines) - 1) * sum(inner) / max(1, len(inner))
    return expected >= _LEAST_SMALL


def _width_of_first_word(line: ColumnLine) -> float:
    """Points that the first word of a line and a space before it take, about."""
    word = line.text.split(maxsplit=1)[0]
    return (line.right - line.left) * (len(word) + 1) / len(line.text)


def _are_alike(lines: Sequence[ColumnLine]) -> bool:
    """Whether many lines begin or end with the same two words as the line above, all numbers counting as one."""
    words = [_DIGITS.sub("0", line.text.casefold()).split() for line in lines]
    alike = sum(above[:2] == below[:2] or above[-2:] == below[-2:] for above, below in pairwise(words))
    return alike >= _MOST_ALIKE * (len(lines) - 1)


def _is_ordered_list(columns: Sequence[Sequence[ColumnLine]]) -> bool:
    """Whether entries are in one order down each column and on in the next: by alphabet, or counted one by one."""
    if any(len(lines) < _LEAST_ORDERED for lines in columns):
        return False
    entries = [line.text for lines in columns for line in lines]
    numbers = [_NUMBER.match(entry) for entry in entries]
    if all(numbers):
        counted = [int(number[1]) for number in numbers if number]
        return all(following == number + 1 for number, following in pairwise(counted))
    if any(map(_are_alike, columns)):
        return False
    keys = [_COMBINING.sub("", unicodedata.normalize("NFD", entry)).casefold() for entry in entries]
    return all(map(str.isalpha, (key[:1] for key in keys))) and all(one < other for one, other in pairwise(keys))
