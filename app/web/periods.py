"""Parameters of questions about what was served: whose answers, and of which period."""

from typing import Annotated

from fastapi import Query
from pydantic.json_schema import SkipJsonSchema

from app.schemas.scalars import Moment

Since = Annotated[
    Moment | SkipJsonSchema[None],
    Query(alias="from", description="From this moment on, with its time zone; left out, from the first row on."),
]
Until = Annotated[
    Moment | SkipJsonSchema[None],
    Query(alias="to", description="Up to and without this moment; left out, up to now."),
]
TenantParam = Annotated[
    str | SkipJsonSchema[None],
    Query(max_length=128, description="For the operator: another tenant than the key's own."),
]
