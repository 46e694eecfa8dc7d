"""Packs the units of a section into passages: as full as they may be, overlapping, and without a scrap at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

SMALL_TOKENS = 48
"""A section below this joins a neighbour. Source: our choice; shorter texts say too little to be found by."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What is never cut when passages are packed: a sentence, a line or a piece of one, with no space around it.

    ``carried`` is what the heading row of its table takes from a passage that begins with it.
    """

    start: int
    end: int
    tokens: int
    block: int
    carried: int = 0


@dataclass(frozen=True, slots=True)
class Packer:
    """Packs units by what one passage repeats of the one before, and by the most characters of a passage."""

    overlap_tokens: int
    max_chars: int

    def packed(self, units: Sequence[Unit], room: int) -> list[tuple[int, int]]:
        """(first, after last) unit of each passage; the second and later ones begin with the overlap."""
        wholes = {place: sum(u.tokens for u in block) for place, block in groupby(units, key=lambda unit: unit.block)}
        packed: list[tuple[int, int, int]] = []  # (first, first that is not overlap, after last)
        first = own = total = 0
        for i, unit in enumerate(units):
            whole = wholes[unit.block] if i and units[i - 1].block != unit.block else 0
            left = room - units[first].carried
            is_full = total + unit.tokens > left or unit.end - units[first].start > self.max_chars
            if i > own and (is_full or (total >= left // 2 and whole <= room and left < total + whole)):
                packed.append((first, own, i))
                first, own = self._overlap(units, first, i, i + 1, room), i
                total = sum(one.tokens for one in units[first:i])
            total += unit.tokens
        packed.append((first, own, len(units)))
        if len(packed) > 1 and sum(unit.tokens for unit in units[own:]) < SMALL_TOKENS:
            packed[-2:] = self._evened(units, packed[-2], packed[-1], room)
        return [(begin, end) for begin, _, end in packed]

    def _overlap(self, units: Sequence[Unit], before: int, own: int, end: int, room: int) -> int:
        """Where a passage that adds units ``own`` to ``end`` begins, after the unit ``before``."""
        taken = units[own].carried + sum(unit.tokens for unit in units[own:end])
        left = min(self.overlap_tokens, room - taken)
        first = own
        while first - 1 > before and 0 < units[first - 1].tokens <= left:
            if units[end - 1].end - units[first - 1].start > self.max_chars:
                break
            first -= 1
            left -= units[first].tokens
        return first

    def _evened(
        self, units: Sequence[Unit], previous: tuple[int, int, int], last: tuple[int, int, int], room: int
    ) -> list[tuple[int, int, int]]:
        """The two passages again, cut nearer to the middle, so that a section does not end in a scrap."""
        (first, own, _), (_, middle, end) = previous, last
        tail = sum(unit.tokens for unit in units[middle:end])
        half = (tail + sum(unit.tokens for unit in units[own:middle])) // 2
        while middle - 1 > own and tail + units[middle - 1].tokens <= min(half, room):
            if units[end - 1].end - units[middle - 1].start > self.max_chars:
                break
            middle -= 1
            tail += units[middle].tokens
        return [(first, own, middle), (self._overlap(units, first, middle, end, room), middle, end)]
