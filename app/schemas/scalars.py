"""Numbers and claims on the wire: JSON's own, so that what the OpenAPI document says is all that is taken."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("write a number, neither in quotes nor as true or false")
    return value


Flag: TypeAlias = Annotated[bool, Field(strict=True)]
"""``true`` or ``false``; neither 0 nor "yes"."""
NO_TEXT = BeforeValidator(_number)
"""Of a number with bounds: ``Annotated[int, Field(ge=1), NO_TEXT]``. A whole one may also be written 5.0."""
Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number; not "0.5"."""
