"""Who asks, in a header: for clients of other shapes, whose bodies have no place for it."""

from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from app.schemas.search import MAX_PRINCIPAL_CHARACTERS, MAX_PRINCIPALS
from app.web.headers import header_of
from indexing.errors import InvalidInput
from indexing.records import Json

PRINCIPALS_HEADER = "x-groundwork-principals"
"""Names the principals of a request, separated by commas, each percent-encoded where it is not plain ASCII."""
PRINCIPALS_PARAMETER: Json = {
    "name": PRINCIPALS_HEADER,
    "in": "header",
    "required": False,
    "description": "Who asks: the user, its groups and roles, as your backend knows them, separated by commas;"
    " percent-encode commas, `%` and what is not ASCII. Without it only documents without an `allow` list are found.",
    "schema": {"type": "string", "pattern": "^[!-$&-~]+$", "maxLength": 8_192},
}
"""How the OpenAPI document describes the header."""
_HEADER = PRINCIPALS_HEADER.encode()


def principals_of(scope: Scope) -> list[str]:
    """The principals that a request's header names; none without it.

    Raises:
        InvalidInput: a name is empty, too long or not UTF-8, or there are too many.
    """
    given = header_of(scope, _HEADER)
    if given is None:
        return []
    names = given.split(",")
    if len(names) > MAX_PRINCIPALS:
        raise _refusal(f"{len(names)} names are too many: expected {MAX_PRINCIPALS:,} at most")
    return [_decoded(name.strip(" \t")) for name in names]


def _decoded(name: str) -> str:
    try:
        principal = unquote_to_bytes(name.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise _refusal(f"{name[:100]!r} is not UTF-8: percent-encode it, such as %C3%A9 for 'é'") from error
    if not 0 < len(principal) <= MAX_PRINCIPAL_CHARACTERS:
        raise _refusal(
            f"a name has {len(principal)} characters: expected 1 to {MAX_PRINCIPAL_CHARACTERS}, with commas between"
        )
    return principal


def _refusal(what: str) -> InvalidInput:
    return InvalidInput(f"The header {PRINCIPALS_HEADER} is malformed: {what}.", field=PRINCIPALS_HEADER)
