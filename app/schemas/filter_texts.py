"""Filters as people write them on a command line: ``KEY=VALUE`` and the like, or the JSON of the API."""

import json
from collections.abc import Sequence

import regex
from pydantic import TypeAdapter, ValidationError

from app.retrieval.filters import Filter
from app.schemas.filters import FilterBody, filter_of
from indexing.errors import InvalidInput
from indexing.records import Json

_OPERATORS = {"=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_COMPARISON = regex.compile(r"\s*([^=!<>]*[^=!<>\s])\s*(=|!=|>=|<=|>|<)\s*(.*?)\s*", flags=regex.DOTALL)
_FORM = "write KEY=VALUE, or with !=, >, >=, <, <= in the middle, or the JSON of the API, such as"
_EXAMPLE = '{"type": "in", "key": "category", "value": ["billing", "legal"]}'
_BODY: TypeAdapter[FilterBody] = TypeAdapter(FilterBody)


def filter_from(texts: Sequence[str]) -> Filter:
    """The filter that all of some texts make together, one at least.

    A value that reads as a JSON number, ``true``, ``false`` or a text in double quotes is that; any other is a text.

    Raises:
        InvalidInput: one has another form, or does not follow the grammar of filters.
    """
    parts = [_part(text) for text in texts]
    whole = parts[0] if len(parts) == 1 else {"type": "and", "filters": parts}
    try:
        return filter_of(_BODY.validate_python(whole))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        raise InvalidInput(f"The filter {' and '.join(texts)!r} cannot be read: {fault['msg']}.") from error


def _part(text: str) -> Json:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"The filter {text!r} is no JSON ({error}): {_FORM} {_EXAMPLE}.") from error
    found = _COMPARISON.fullmatch(text)
    if found is None:
        raise InvalidInput(f"The filter {text!r} has no comparison: {_FORM} {_EXAMPLE}.")
    key, operator, value = found.groups()
    return {"type": _OPERATORS[operator], "key": key, "value": _value(value)}


def _value(text: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float | str) else text
