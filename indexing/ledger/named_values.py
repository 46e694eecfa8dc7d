"""Named numbers and words of a row as bytes: one byte for a name, floats for numbers, words behind them."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from indexing.ledger.squeezing import json_text, squeezed

_NAMES: Final = (
    *("", "total", "encode", "dense", "lexical", "fuse", "filter", "hydrate", "rerank", "context", "http"),
    *("characters", "words", "turns", "language", "terms", "unknown_share", "leg_overlap", "top_score", "term_share"),
    *("context_tokens", "context_left_out", "context_cut", "pool", "prompt"),
)
"""Names that one byte stands for: their place in this list. It belongs to the file's format: only ever add at the end.
The first one, empty, stands for a name that is spelled out behind it."""
_PLACES: Final = {name: place for place, name in enumerate(_NAMES) if place}
_MARK: Final = 2
"""The first byte; JSON has no such byte, and squeezed JSON begins with another."""
_WORD: Final = 0x80
"""Added to the place of a name whose value is a word."""
_FLOATS, _THOUSANDTHS = b"d", b"I"
"""How numbers are kept, as ``struct`` calls it."""
_FLOAT_HEAD, _THOUSANDTHS_HEAD = bytes((_MARK,)) + _FLOATS, bytes((_MARK,)) + _THOUSANDTHS
_A_THOUSAND = 1000
"""Milliseconds are said to the microsecond."""
_MOST = 255
"""Values, bytes of a name that is spelled out, and of a word: each is counted by one byte."""
_SHAPES = 256
"""Sets of names that are remembered; a search has a few."""
_SPELLING = ("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class _Shape:
    """Values of the same names and types."""

    names: bytes
    """How many, and each name."""
    words: tuple[int, ...]
    """At which places words stand."""
    as_floats: Callable[..., bytes]
    """Packs the numbers."""
    as_whole: Callable[..., bytes]
    """The same as whole numbers."""


def pack_values(values: Mapping[str, float | str]) -> bytes | None:
    """The values in their order; ``None`` for none. What is neither float nor short word is kept as squeezed JSON."""
    if not values:
        return None
    found = list(values.values())
    shape = _shape(*values, *map(type, found))
    if shape is None:
        return _as_json(values)
    if not shape.words:
        return b"".join((_FLOAT_HEAD, shape.names, shape.as_floats(*found)))
    words = [cast(str, found.pop(place)).encode(*_SPELLING) for place in shape.words]
    if max(map(len, words)) > _MOST:
        return _as_json(values)
    tail = b"".join([bytes((len(word),)) + word for word in words])
    return b"".join((_FLOAT_HEAD, shape.names, shape.as_floats(*found), tail))


def pack_milliseconds(values: Mapping[str, float]) -> bytes | None:
    """The same for milliseconds, in half the bytes: they are rounded to the microsecond."""
    if not values:
        return None
    found = list(values.values())
    shape = _shape(*values, *map(type, found))
    if shape is None or shape.words:
        return pack_values(values)
    try:
        packed = shape.as_whole(*[round(value * _A_THOUSAND) for value in found])
    except (ValueError, OverflowError, struct.error):  # no number, or none between 0 and an hour
        return pack_values(values)
    return b"".join((_THOUSANDTHS_HEAD, shape.names, packed))


def is_packed(packed: bytes) -> bool:
    """Whether these are bytes of this module, and no JSON."""
    return packed[:1] == _FLOAT_HEAD[:1]


def unpack_values(packed: bytes) -> dict[str, float | str]:
    """The values that ``pack_values`` or ``pack_milliseconds`` was given.

    Raises:
        ValueError: the bytes are something else.
    """
    try:
        names, at = _read_names(packed)
        kind, count = packed[1:2], sum(not is_word for _, is_word in names)
        layout = f"<{count}{kind.decode('ascii')}"
        numbers = iter(_numbers(kind, struct.unpack_from(layout, packed, at)))
        at += struct.calcsize(layout)
        found: dict[str, float | str] = {}
        for name, is_word in names:
            if is_word:
                found[name], at = _read_word(packed, at)
            else:
                found[name] = next(numbers)
    except (IndexError, struct.error) as error:
        raise ValueError(f"named values are cut off: {error}") from error
    if at != len(packed):
        raise ValueError(f"{len(packed) - at} bytes are left over behind named values")
    return found


def _numbers(kind: bytes, found: tuple[float, ...]) -> list[float]:
    if kind == _FLOATS:
        return list(found)
    if kind == _THOUSANDTHS:
        return [number / _A_THOUSAND for number in found]
    raise ValueError(f"named values of kind {kind!r}: expected {_FLOATS!r} or {_THOUSANDTHS!r}")


def _read_names(packed: bytes) -> tuple[list[tuple[str, bool]], int]:
    """The names, each with whether its value is a word, and where the numbers begin."""
    names, at = [], 3
    for _ in range(packed[2]):
        place, is_word = packed[at] & ~_WORD, bool(packed[at] & _WORD)
        at += 1
        if place:
            names.append((_NAMES[place], is_word))
        else:
            name, at = _read_word(packed, at)
            names.append((name, is_word))
    return names, at


def _read_word(packed: bytes, at: int) -> tuple[str, int]:
    ends = at + 1 + packed[at]
    if ends > len(packed):
        raise ValueError("a word of named values is cut off")
    return packed[at + 1 : ends].decode(*_SPELLING), ends


@lru_cache(_SHAPES)
def _shape(*names_and_types: str | type) -> _Shape | None:
    """What values of these names, then of these types, have in common; ``None`` where they are kept as JSON."""
    count = len(names_and_types) // 2
    names, types = cast(tuple[str, ...], names_and_types[:count]), names_and_types[count:]
    if count > _MOST or not set(types) <= {float, str}:
        return None
    described = bytearray((count,))
    for name, kind in zip(names, types, strict=True):
        place = _PLACES.get(name, 0)
        described.append(place | (_WORD if kind is str else 0))
        if not place:
            spelled = name.encode(*_SPELLING)
            if len(spelled) > _MOST:
                return None
            described += bytes((len(spelled),)) + spelled
    words = [place for place, kind in enumerate(types) if kind is str]
    numbers = count - len(words)
    # Each place is counted with the words before it taken out, since they are taken out one after the other.
    places = tuple(place - before for before, place in enumerate(words))
    packers = (struct.Struct(f"<{numbers}{kind}").pack for kind in "dI")
    return _Shape(bytes(described), places, *packers)


def _as_json(values: Mapping[str, float | str]) -> bytes:
    return squeezed(json_text(dict(values)).encode("ascii"))
