"""Who asks, where a protocol has no place for it: principals and the user, in headers beside the key."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Header
from pydantic.json_schema import SkipJsonSchema
from starlette.types import Scope

from app.schemas.principals import MAX_PRINCIPALS
from app.schemas.search import MAX_USER_CHARACTERS
from app.web.headers import header_of
from indexing.catalogue.api_keys import MAX_PRINCIPAL_CHARACTERS
from indexing.errors import InvalidInput

PRINCIPALS_HEADER, USER_HEADER = "x-groundwork-principals", "x-groundwork-user"

PrincipalsHeader = Annotated[
    str | SkipJsonSchema[None],
    Header(
        alias=PRINCIPALS_HEADER,
        description="Who asks: the user, its groups and roles, separated by commas, each percent-encoded as UTF-8.",
    ),
]
"""Who asks, for the OpenAPI document."""
UserHeader = Annotated[
    str | SkipJsonSchema[None],
    Header(alias=USER_HEADER, description="Whose request this is, percent-encoded: as `user` of a search."),
]
"""Whose request it is, for the OpenAPI document."""


def principals_of(scope: Scope) -> tuple[str, ...] | None:
    """The principals that a request's header names; ``None`` where it has none, which is not the same as no one.

    Raises:
        InvalidInput: a name is empty, too long or no UTF-8, or there are too many.
    """
    given = header_of(scope, PRINCIPALS_HEADER.encode())
    if given is None:
        return None
    names = tuple(_decoded(PRINCIPALS_HEADER, name) for name in given.split(",")) if given.strip() else ()
    if len(names) > MAX_PRINCIPALS:
        raise InvalidInput(
            f"{PRINCIPALS_HEADER} has {len(names)} names: at most {MAX_PRINCIPALS} are taken.", field=PRINCIPALS_HEADER
        )
    for name in names:
        if not 0 < len(name) <= MAX_PRINCIPAL_CHARACTERS:
            raise InvalidInput(
                f"{PRINCIPALS_HEADER} has a name of {len(name)} characters: expected 1 to {MAX_PRINCIPAL_CHARACTERS}.",
                field=PRINCIPALS_HEADER,
            )
    return names


def user_of(scope: Scope) -> str | None:
    """The user that a request's header names; ``None`` where it has none.

    Raises:
        InvalidInput: it is empty, too long or no UTF-8.
    """
    given = header_of(scope, USER_HEADER.encode())
    if given is None:
        return None
    name = _decoded(USER_HEADER, given)
    if not 0 < len(name) <= MAX_USER_CHARACTERS:
        raise InvalidInput(
            f"{USER_HEADER} has {len(name)} characters: expected 1 to {MAX_USER_CHARACTERS}.", field=USER_HEADER
        )
    return name


def _decoded(header: str, text: str) -> str:
    try:
        if not text.isascii():
            raise UnicodeError
        return unquote(text.strip(), errors="strict")
    except UnicodeError as error:
        raise InvalidInput(
            f"{header} is not percent-encoded UTF-8: encode each name by itself.", field=header
        ) from error
