"""Numbers, claims and moments on the wire: what the OpenAPI document says is all that is taken."""

import re
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, BeforeValidator, Field


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("write a number, neither in quotes nor as true or false")
    return value


def _moment(value: object) -> object:
    """Refuse what pydantic would take for seconds since 1970."""
    is_number = isinstance(value, int | float) or (isinstance(value, str) and _NUMBER_LIKE.fullmatch(value.strip()))
    if is_number:
        raise ValueError(f"{value!r} is a number: write a moment with its time zone, such as 2026-11-24T14:30:00Z")
    return value


_NUMBER_LIKE = re.compile(r"[+-]?[0-9._]+([eE][+-]?[0-9]+)?")
Moment: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A moment with its time zone, ISO 8601 as RFC 3339 has it; no number of seconds."""
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
"""``true`` or ``false``; neither 0 nor "yes"."""
NO_TEXT = BeforeValidator(_number)
"""Of a number with bounds: ``Annotated[int, Field(ge=1), NO_TEXT]``. A whole one may also be written 5.0."""
Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number; not "0.5"."""
