"""Named numbers and words of a row as bytes: one byte for a name, floats or counts for numbers, words behind them."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from indexing.ledger.squeezing import json_text, squeezed

_NAMES: Final = (
    *("", "total", "encode", "dense", "lexical", "fuse", "filter", "hydrate", "rerank", "context", "http"),
    *("characters", "words", "turns", "language", "terms", "unknown_share", "leg_overlap", "top_score", "term_share"),
    *("context_tokens", "context_left_out", "context_cut", "pool", "prompt", "live_share"),
)
"""Names that one byte stands for: their place in this list. It belongs to the file's format: only ever add at the end,
and no more than 63. The first one, empty, stands for a name that is spelled out behind it."""
_PLACES: Final = {name: place for place, name in enumerate(_NAMES) if place}
_COUNTS: Final = frozenset(
    ("characters", "words", "turns", "terms", "context_tokens", "context_left_out", "context_cut")
)
"""Names whose values are whole numbers as a rule."""
_WORD, _COUNT = 0x80, 0x40
"""Added to the place of a name whose value is a word, or as a rule a whole number."""
_HEAD = struct.Struct("<BBH")
"""The mark, how numbers are kept, and how many bytes the names take."""
_MARK: Final = 2
"""The first byte; JSON has no such byte, and squeezed JSON begins with another."""
_FLOATS, _COUNTED, _THOUSANDTHS = b"dHI"
"""How numbers are kept: as float64; the same with 16 bits for counts; as 32 bits of thousandths."""
_A_THOUSAND = 1000
"""Milliseconds are said to the microsecond."""
_MOST = 255
"""Values, and bytes of a name that is spelled out or of a word: with 255 of each the head's 16 bits suffice."""
_SHAPES = 256
"""Sets of names that are remembered; a search has a few. Our choice."""
_SPELLING = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Values of the same names and types."""

    described: bytes
    """Each name."""
    names: tuple[str, ...]
    words: tuple[int, ...]
    """At which places words stand, each counted without the words before it."""
    counts: tuple[int, ...]
    """At which places of the numbers counts stand."""
    numbers: Mapping[int, struct.Struct]
    """The numbers, by how they are kept."""

    @classmethod
    def of(cls, described: bytes, names: tuple[str, ...], kinds: list[int]) -> "_Shape":
        """The shape of names, each with ``_WORD``, ``_COUNT`` or 0."""
        words = [place for place, kind in enumerate(kinds) if kind == _WORD]
        numbers = [kind for kind in kinds if kind != _WORD]
        return cls(
            described,
            names,
            tuple(place - before for before, place in enumerate(words)),
            tuple(place for place, kind in enumerate(numbers) if kind == _COUNT),
            {
                _FLOATS: struct.Struct(f"<{len(numbers)}d"),
                _COUNTED: struct.Struct("<" + "".join("H" if kind == _COUNT else "d" for kind in numbers)),
                _THOUSANDTHS: struct.Struct(f"<{len(numbers)}I"),
            },
        )


def pack_values(values: Mapping[str, float | str]) -> bytes | None:
    """The values in their order; ``None`` for none. What is neither float nor short word is kept as squeezed JSON."""
    if not values:
        return None
    found = list(values.values())
    shape = _shape_of(*values, *map(type, found))
    if shape is None:
        return _as_json(values)
    words = [cast(str, found.pop(place)).encode(*_SPELLING) for place in shape.words]
    if words and max(map(len, words)) > _MOST:
        return _as_json(values)
    numbers = cast(list[float], found)
    kind, packed = _packed_numbers(shape, numbers)
    tail = b"".join([bytes((len(word),)) + word for word in words])
    return _HEAD.pack(_MARK, kind, len(shape.described)) + shape.described + packed + tail


def _packed_numbers(shape: _Shape, numbers: list[float]) -> tuple[int, bytes]:
    """How they are kept, and their bytes."""
    whole = numbers.copy()
    try:
        for place in shape.counts:
            whole[place] = int(numbers[place])
        if whole == numbers:
            return _COUNTED, shape.numbers[_COUNTED].pack(*whole)
    except (ValueError, OverflowError, struct.error):  # a count that is no number, or not below 65,536
        pass
    return _FLOATS, shape.numbers[_FLOATS].pack(*numbers)


def pack_milliseconds(values: Mapping[str, float]) -> bytes | None:
    """The same for milliseconds, in half the bytes: they are rounded to the microsecond."""
    if not values:
        return None
    found = list(values.values())
    shape = _shape_of(*values, *map(type, found))
    if shape is None or shape.words:
        return pack_values(values)
    try:
        packed = shape.numbers[_THOUSANDTHS].pack(*[round(value * _A_THOUSAND) for value in found])
    except (ValueError, OverflowError, struct.error):  # no number, or none between 0 and an hour
        return pack_values(values)
    return _HEAD.pack(_MARK, _THOUSANDTHS, len(shape.described)) + shape.described + packed


def is_packed(packed: bytes) -> bool:
    """Whether these are bytes of this module, and no JSON."""
    return packed[0] == _MARK


def unpack_values(packed: bytes) -> dict[str, float | str]:
    """The values that ``pack_values`` or ``pack_milliseconds`` was given.

    Raises:
        ValueError: the bytes are something else.
    """
    try:
        _, kind, length = _HEAD.unpack_from(packed)
        at = _HEAD.size + length
        shape = _described(packed[_HEAD.size : at])
        layout = shape.numbers[kind]
        numbers = layout.unpack_from(packed, at)
        at += layout.size
        found: list[float | str] = [
            number / _A_THOUSAND if kind == _THOUSANDTHS else float(number) for number in numbers
        ]
        for before, place in enumerate(shape.words):
            word, at = _read_word(packed, at)
            found.insert(place + before, word)
    except (IndexError, KeyError, struct.error) as error:
        raise ValueError(f"named values are damaged: {error}") from error
    if at != len(packed):
        raise ValueError(f"{len(packed) - at} bytes are left over behind named values")
    return dict(zip(shape.names, found, strict=True))


def _read_word(packed: bytes, at: int) -> tuple[str, int]:
    ends = at + 1 + packed[at]
    if ends > len(packed):
        raise ValueError("a word of named values is cut off")
    return packed[at + 1 : ends].decode(*_SPELLING), ends


@lru_cache(_SHAPES)
def _described(described: bytes) -> _Shape:
    """The shape that says so of itself.

    Raises:
        ValueError, IndexError: none does.
    """
    names, kinds, at = [], [], 0
    while at < len(described):
        kind, place = described[at] & (_WORD | _COUNT), described[at] & ~(_WORD | _COUNT)
        name, at = (_NAMES[place], at + 1) if place else _read_word(described, at + 1)
        names.append(name)
        kinds.append(kind)
    return _Shape.of(described, tuple(names), kinds)


@lru_cache(_SHAPES)
def _shape_of(*names_and_types: str | type) -> _Shape | None:
    """The shape of values of these names, then of these types; ``None`` where they are kept as JSON."""
    count = len(names_and_types) // 2
    names, types = cast(tuple[str, ...], names_and_types[:count]), names_and_types[count:]
    if count > _MOST or not set(types) <= {float, str}:
        return None
    described, kinds = bytearray(), []
    for name, kind in zip(names, types, strict=True):
        kinds.append(_WORD if kind is str else _COUNT if name in _COUNTS else 0)
        described.append(_PLACES.get(name, 0) | kinds[-1])
        if name not in _PLACES:
            spelled = name.encode(*_SPELLING)
            if len(spelled) > _MOST:
                return None
            described += bytes((len(spelled),)) + spelled
    return _Shape.of(bytes(described), names, kinds)


def _as_json(values: Mapping[str, float | str]) -> bytes:
    return squeezed(json_text(dict(values)).encode("ascii"))
