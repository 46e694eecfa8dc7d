"""Filters: which documents a search may give, by their metadata and by who asks.

``app/schemas/filters.py`` has their grammar. Values are typed: the string "5" is not the number 5, and true is not 1. A
list in the metadata counts by each of its members. A document without the key fits ``ne`` and ``nin`` only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np

from indexing.indexes.attributes import AttributeSegment, Scalar
from indexing.records import Mask


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


def matching(filter_: Filter | None, principals: Sequence[str] | None) -> Callable[[AttributeSegment], Mask | None]:
    """A function that gives the documents of a segment that fit a filter and that the principals may see.

    It gives ``None`` where these are all of them because nothing was asked and no document names who may see it. Fails
    closed: a document that names who may see it is hidden from all others, and from callers without principals.
    ``None`` for principals stands for the operator of the home, who sees all.
    """

    def pick(segment: AttributeSegment) -> Mask | None:
        if principals is None or not segment.has_permissions:
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
