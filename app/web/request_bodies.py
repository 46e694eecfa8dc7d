"""What the body of a request must be: whole, uncompressed JSON in UTF-8; anything else is refused by name."""

import json
from email.message import Message

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from app.web.headers import header_of
from indexing.errors import ClientGone

JSON = "application/json"
"""What bodies are, also those without a ``Content-Type``: clients that never sent one go on working."""


async def read_body(request: Request) -> bytes:
    """The whole body, which the request keeps for FastAPI, which reads it again.

    Raises:
        ClientGone: the client closed its connection before all of it had come.
    """
    try:
        return await request.body()
    except ClientDisconnect as gone:
        raise ClientGone("The client has gone.") from gone


async def receive_body(receive: Receive) -> bytes:
    """The whole body, which is kept for no other reader and so costs a fifth.

    Raises:
        ClientGone: the client closed its connection before all of it had come.
    """
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("The client has gone.")
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def refuse_coding(scope: Scope) -> None:
    """Refuse a body that is compressed.

    Compressed bodies are refused, not unpacked: a limit for what they unpack to would be one more thing that a client
    has to know.

    Raises:
        HTTPException: 415, with the header that says what is taken.
    """
    coding = header_of(scope, b"content-encoding")
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        message = f"Content-Encoding {coding[:100]!r} is not supported: send the body without any ('identity')."
        raise HTTPException(415, message, {"Accept-Encoding": "identity"})


def refuse_other_media(scope: Scope) -> None:
    """Refuse a body that is compressed, or that says it is something else than JSON.

    Raises:
        HTTPException: 415, with the header that says what is taken.
    """
    refuse_coding(scope)
    media_type = header_of(scope, b"content-type")
    if media_type and media_type != JSON and not _is_json(media_type):
        message = f"Content-Type {media_type[:100]!r} is not supported: send JSON as {JSON!r}."
        raise HTTPException(415, message, {"Accept": JSON})


async def parse_body(request: Request) -> None:
    """Parse a body that was read, so that what asks the request for its JSON later is given it and never fails.

    Raises:
        RequestValidationError: it is no JSON, not UTF-8, or nested too deeply.
    """
    try:
        await request.json()
    except UnicodeDecodeError as error:
        raise _malformed(f"is not UTF-8 from byte {error.start} on: encode it as UTF-8") from error
    except RecursionError as error:
        raise _malformed("is nested too deeply: flatten it") from error
    except json.JSONDecodeError as error:
        raise _malformed(f"is not JSON: {error.msg}, at character {error.pos}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _malformed("holds a number that is too long: write it as a string") from error


def _is_json(media_type: str) -> bool:
    parsed = Message()
    parsed["content-type"] = media_type
    subtype = parsed.get_content_subtype()
    return parsed.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))


def _malformed(message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": message}])
