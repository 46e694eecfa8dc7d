"""Filters: which documents a search may give, by their metadata and by who asks.

The grammar is OpenAI's: ``{type: eq|ne|gt|gte|lt|lte|in|nin, key, value}`` and ``{type: and|or, filters: [...]}``.
Values are typed: the string "5" is not the number 5, and true is not 1. A list in the metadata counts by each of its
members. A document without the key fits ``ne`` and ``nin`` only.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np

from indexing.errors import InvalidInput
from indexing.indexes.attributes import AttributeSegment, Scalar
from indexing.records import Json, Mask

COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
COMPOUNDS = ("and", "or")
MAX_COMPARISONS = 100
MAX_DEPTH = 8
MAX_VALUES = 1_000
"""Of one ``in`` or ``nin``."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A document fits by what its metadata has under ``key``; ``values`` has one member except for in and nin."""

    type: str
    key: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """A document fits all (``and``) or at least one (``or``) of some filters."""

    type: str
    filters: tuple["Filter", ...]


Filter: TypeAlias = Comparison | Compound


def parse_filter(value: Json) -> Filter:
    """A filter as it came over the wire.

    Raises:
        InvalidInput: it does not follow the grammar; the message names the place, such as ``filters.1.value``.
    """
    parsed, comparisons = _parse(value, "filters", 1)
    if comparisons > MAX_COMPARISONS:
        raise InvalidInput(f"the filter has {comparisons} comparisons, expected at most {MAX_COMPARISONS}: use 'in'.")
    return parsed


def _parse(value: Json, where: str, depth: int) -> tuple[Filter, int]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in COMPOUNDS:
        _expect_fields(value, {"type", "filters"}, where)
        parts = value["filters"]
        if not isinstance(parts, list) or not parts:
            raise InvalidInput(f"{where}.filters is {_shown(parts)}: expected a list of at least one filter.")
        if depth == MAX_DEPTH:
            raise InvalidInput(f"{where} is nested deeper than {MAX_DEPTH}: flatten the filter.")
        found = [_parse(part, f"{where}.filters.{place}", depth + 1) for place, part in enumerate(parts)]
        return Compound(kind, tuple(part for part, _ in found)), sum(count for _, count in found)
    if kind in COMPARISONS:
        _expect_fields(value, {"type", "key", "value"}, where)
        return _parse_comparison(kind, value["key"], value["value"], where), 1
    raise InvalidInput(
        f"{where} is {_shown(value)}: expected an object with type one of {', '.join(COMPARISONS + COMPOUNDS)}."
    )


def _parse_comparison(kind: str, key: Json, value: Json, where: str) -> Comparison:
    if not isinstance(key, str) or not key:
        raise InvalidInput(f"{where}.key is {_shown(key)}: expected the name of a metadata field.")
    if kind in ("in", "nin"):
        if not isinstance(value, list) or len(value) > MAX_VALUES:
            raise InvalidInput(f"{where}.value is {_shown(value)}: expected a list of at most {MAX_VALUES} values.")
        values = tuple(value)
    else:
        values = (value,)
    for one in values:
        if not isinstance(one, str | int | float | bool):
            raise InvalidInput(f"{where}.value is {_shown(one)}: expected a string, a number, or true or false.")
        if isinstance(one, float) and not math.isfinite(one):
            raise InvalidInput(f"{where}.value is {one}: expected a number; nothing is below or above this one.")
        if isinstance(one, bool) and kind not in ("eq", "ne", "in", "nin"):
            raise InvalidInput(f"{where}.value is {_shown(one)}: expected a string or a number, which have an order.")
    return Comparison(kind, key, values)


def _expect_fields(value: dict[str, Json], names: set[str], where: str) -> None:
    if value.keys() != names:
        wrong = ", ".join(repr(name) for name in sorted(value.keys() ^ names))
        raise InvalidInput(f"{where} has the wrong fields ({wrong}): expected {', '.join(sorted(names))}.")


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def matching(filter_: Filter | None, principals: Sequence[str]) -> Callable[[AttributeSegment], Mask | None]:
    """A function that gives the documents of a segment that fit a filter and that the principals may see.

    It gives ``None`` where these are all of them because nothing was asked and no document names who may see it. Fails
    closed: a document that names who may see it is seen by nobody else, and by no caller without principals.
    """

    def pick(segment: AttributeSegment) -> Mask | None:
        if not segment.has_permissions:
            return None if filter_ is None else _mask(filter_, segment)
        seen = segment.visible(principals)
        return seen if filter_ is None else seen & _mask(filter_, segment)

    return pick


def _mask(filter_: Filter, segment: AttributeSegment) -> Mask:
    if isinstance(filter_, Compound):
        join = np.logical_and if filter_.type == "and" else np.logical_or
        return reduce(join, (_mask(part, segment) for part in filter_.filters))
    kind, key, values = filter_.type, filter_.key, filter_.values
    if kind in ("gt", "gte", "lt", "lte"):
        return segment.ordered(key, kind, values[0])
    found = segment.nothing()
    for value in values:
        found |= segment.equal(key, value)
    return ~found if kind in ("ne", "nin") else found
