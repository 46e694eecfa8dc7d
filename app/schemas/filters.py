"""Filters on the wire: their shapes, their bounds, and what is said of one that does not follow the grammar.

The grammar is OpenAI's: ``{type: eq|ne|gt|gte|lt|lte|in|nin, key, value}`` and ``{type: and|or, filters: [...]}``.
Values are typed: nothing is converted, so the string "5" is not the number 5, and true is not 1.
"""

import reprlib
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from app.retrieval.filters import Comparison, Compound, Filter
from indexing.records import Json

MAX_COMPARISONS = 100
"""Of one filter; our choice: each costs one pass over a collection's attributes."""
MAX_DEPTH = 8
"""Levels of one filter, a comparison alone being one; our choice, far below what recursion can bear."""
MAX_VALUES = 1_000
"""Of one ``in`` or ``nin``; our choice."""
MAX_FIELDS = 8
"""Of one node: none has more than three, and a few wrong ones are named; each of them costs time to refuse.
Our choice."""
_COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
_COMPOUNDS = ("and", "or")
_TAGS = frozenset((*_COMPARISONS, *_COMPOUNDS, "string", "number", "boolean", "int", "float"))
"""What pydantic puts into the place of a fault beside names of fields and places in lists."""
_NODE = f"an object with type one of {', '.join(_COMPARISONS + _COMPOUNDS)}"
_FIELDS: Mapping[str | int, str] = {
    "key": "the name of a metadata field",
    "value": f"a list of at most {MAX_VALUES} values",
    "filters": "a list of at least one filter",
}
"""What is expected of a node, and of its fields."""
Place: TypeAlias = tuple[str | int, ...]
"""Where pydantic found a fault: names of fields, places in lists, and tags."""


def _kind_of_value(value: Json) -> str | None:
    """The tag of a value in the unions below; ``None`` is refused by them."""
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number" if isinstance(value, int | float) else None


_String = Annotated[StrictStr, Tag("string")]
_Number = Annotated[StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)], Tag("number")]
_Boolean = Annotated[StrictBool, Tag("boolean")]
Scalar: TypeAlias = Annotated[
    _String | _Number | _Boolean,
    Discriminator(
        _kind_of_value,
        custom_error_type="filter_value",
        custom_error_message="expected a string, a number, or true or false",
    ),
]
"""What metadata is compared with."""
Ordered: TypeAlias = Annotated[
    _String | _Number,
    Discriminator(
        _kind_of_value,
        custom_error_type="filter_value",
        custom_error_message="expected a string or a number, which have an order",
    ),
]
"""What can be below or above another of its kind."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Comparison(_Part):
    key: Annotated[str, Field(min_length=1, description="The name of a metadata field.")]


class EqualityFilter(_Comparison):
    """A document fits by whether its metadata has the value under the key; without the key it fits ``ne`` only."""

    type: Literal["eq", "ne"]
    value: Scalar


class OrderFilter(_Comparison):
    """A document fits by where its metadata's value stands; strings are ordered by code point."""

    type: Literal["gt", "gte", "lt", "lte"]
    value: Ordered


class MembershipFilter(_Comparison):
    """A document fits by whether its metadata has one of the values; without the key it fits ``nin`` only."""

    type: Literal["in", "nin"]
    value: Annotated[list[Scalar], Field(max_length=MAX_VALUES)]


class CompoundFilter(_Part):
    """A document fits all (``and``) or at least one (``or``) of some filters."""

    type: Literal["and", "or"]
    filters: Annotated[list["FilterPart"], Field(min_length=1)]


FilterPart: TypeAlias = Annotated[
    EqualityFilter | OrderFilter | MembershipFilter | CompoundFilter, Discriminator("type")
]
"""One node of a filter."""
CompoundFilter.model_rebuild()


def _checked(value: Json, validate: ValidatorFunctionWrapHandler) -> FilterPart:
    """A filter that is small enough and follows the grammar; all that is wrong with another is its first fault."""
    _require_bounds(value)
    try:
        part: FilterPart = validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        raise _refusal(_said(fault)) from error
    return part


def _refusal(fault: str) -> PydanticCustomError:
    return PydanticCustomError("filter", "{fault}", {"fault": fault})  # braces in it mean nothing


FilterBody: TypeAlias = Annotated[FilterPart, WrapValidator(_checked)]
"""A whole filter as a field of a body: bounded before it is built."""


def _require_bounds(value: Json) -> None:
    """Refuse what is too deep or too large, without recursion and without looking at more than may be there."""
    waiting, comparisons = [("filters", value, 1)], 0
    while waiting:
        where, part, depth = waiting.pop()
        if isinstance(part, dict) and len(part) > MAX_FIELDS:
            raise _refusal(f"{where} has {len(part)} fields: expected key, type, value, or filters, type")
        parts = part.get("filters") if isinstance(part, dict) and part.get("type") in _COMPOUNDS else None
        if not isinstance(parts, list) or not parts:
            comparisons += 1
            continue
        if depth == MAX_DEPTH:
            raise _refusal(f"{where} is nested deeper than {MAX_DEPTH}: flatten the filter")
        if comparisons + len(waiting) + len(parts) > MAX_COMPARISONS:  # each holds at least one
            raise _refusal(f"the filter has more than {MAX_COMPARISONS} comparisons: use 'in'")
        waiting += [(f"{where}.filters.{place}", inner, depth + 1) for place, inner in enumerate(parts)]


def _said(fault: ErrorDetails) -> str:
    """A fault in words: the place, the value, what was expected."""
    kind, place, value = fault["type"], fault["loc"], fault["input"]
    if kind in ("missing", "extra_forbidden"):
        return _wrong_field(place[:-1], place[-1])
    if kind == "string_unicode" and place[-1] in _TAGS:  # a field whose name is no text
        return _wrong_field(place, value)
    return f"{_path(place)} is {reprlib.repr(value)}: {_expectation(fault)}"


def _wrong_field(place: Place, name: str | int) -> str:
    expected = "filters, type" if place[-1] in _COMPOUNDS else "key, type, value"
    return f"{_path(place)} has the wrong fields ({name!r}): expected {expected}"


def _path(place: Place) -> str:
    return ".".join(["filters", *(str(part) for part in place if part not in _TAGS)])


def _expectation(fault: ErrorDetails) -> str:
    kind, field = fault["type"], next((part for part in reversed(fault["loc"]) if part in _FIELDS), None)
    if kind == "filter_value":
        return fault["msg"]
    if kind in ("int_type", "finite_number"):
        return "expected a finite number"
    is_node = kind.startswith(("union_", "model_"))
    return f"expected {_NODE if is_node or field is None else _FIELDS[field]}"


def filter_of(part: FilterPart) -> Filter:
    """A filter as searches take it."""
    if isinstance(part, CompoundFilter):
        return Compound(part.type, tuple(filter_of(inner) for inner in part.filters))
    values = tuple(part.value) if isinstance(part, MembershipFilter) else (part.value,)
    return Comparison(part.type, part.key, values)
