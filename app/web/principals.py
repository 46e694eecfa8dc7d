"""Who asks, where a protocol has no place for it: principals and the user, in headers beside the key."""

from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Header
from pydantic.json_schema import SkipJsonSchema
from starlette.types import Scope

from app.schemas.search import MAX_PRINCIPAL_CHARACTERS, MAX_PRINCIPALS, MAX_USER_CHARACTERS
from app.web.headers import header_of
from indexing.errors import InvalidInput
from indexing.records import Json

PRINCIPALS_HEADER, USER_HEADER = "x-groundwork-principals", "x-groundwork-user"
_PRINCIPALS = (
    "Who asks: the user, its groups and roles, as your backend knows them, separated by commas; percent-encode commas,"
    " `%` and what is not ASCII. Without it only documents without an `allow` list are found."
)
PRINCIPALS_PARAMETER: Json = {
    "name": PRINCIPALS_HEADER,
    "in": "header",
    "required": False,
    "description": _PRINCIPALS,
    "schema": {"type": "string", "pattern": "^[!-$&-~]+$", "maxLength": 8_192},
}
"""Who asks, for the OpenAPI document of a fast route."""
PrincipalsHeader = Annotated[str | SkipJsonSchema[None], Header(alias=PRINCIPALS_HEADER, description=_PRINCIPALS)]
"""Who asks, for the OpenAPI document of any other route."""
UserHeader = Annotated[
    str | SkipJsonSchema[None],
    Header(alias=USER_HEADER, description="Whose request this is, percent-encoded: as `user` of a search."),
]
"""Whose request it is, for the OpenAPI document."""


def principals_of(scope: Scope) -> tuple[str, ...] | None:
    """The principals that a request's header names; ``None`` where it has none, which is not the same as no one.

    Raises:
        InvalidInput: a name is empty, too long or not UTF-8, or there are too many.
    """
    given = header_of(scope, PRINCIPALS_HEADER.encode())
    if given is None:
        return None
    names = given.split(",")
    if len(names) > MAX_PRINCIPALS:
        raise _refusal(PRINCIPALS_HEADER, f"{len(names)} names are too many: expected {MAX_PRINCIPALS:,} at most")
    return tuple(_decoded(PRINCIPALS_HEADER, name, MAX_PRINCIPAL_CHARACTERS) for name in names)


def user_of(scope: Scope) -> str | None:
    """The user that a request's header names; ``None`` where it has none.

    Raises:
        InvalidInput: it is empty, too long or not UTF-8.
    """
    given = header_of(scope, USER_HEADER.encode())
    return None if given is None else _decoded(USER_HEADER, given, MAX_USER_CHARACTERS)


def _decoded(header: str, text: str, most: int) -> str:
    try:
        name = unquote_to_bytes(text.strip(" \t").encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise _refusal(header, f"{text[:100]!r} is not UTF-8: percent-encode it, such as %C3%A9 for 'é'") from error
    if not 0 < len(name) <= most:
        raise _refusal(header, f"a name has {len(name)} characters: expected 1 to {most}, with commas between")
    return name


def _refusal(header: str, what: str) -> InvalidInput:
    return InvalidInput(f"The header {header} is malformed: {what}.", field=header)
