"""JSON-RPC messages as MCP has them: one message a body, an id that comes back, errors by number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pydantic_core import from_json, to_json

from indexing.records import MAX_INTEGER, Json

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
"""What is wrong with a message. Source: JSON-RPC 2.0, section 5.1."""
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
"""What is wrong with its headers. Source: MCP 2026-07-28, basic, error codes."""
MAX_ID_CHARACTERS = 512
"""The longest text that is an id, in code points: it goes back with the answer. Our choice."""
MAX_METHOD_CHARACTERS = 128
"""The longest name of a method, in code points; the longest that MCP has is 38. Our choice."""

MESSAGE_SCHEMA: Json = {
    "title": "Message",
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {
            "anyOf": [
                {"type": "string", "maxLength": MAX_ID_CHARACTERS},
                {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER},
            ],
            "description": "Comes back with the answer; left out by a notification.",
        },
        "method": {"type": "string", "minLength": 1, "maxLength": MAX_METHOD_CHARACTERS},
        "params": {"type": "object"},
    },
}
"""What ``read_message`` takes, for the OpenAPI document."""
ANSWER_SCHEMA: Json = {
    "title": "Answer",
    "type": "object",
    "required": ["jsonrpc"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer"]},
        "result": {"type": "object"},
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
        },
    },
}
"""What comes back: either a result or an error, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class RpcMessage:
    """One request, or a notification, which has no ``id`` and gets no answer."""

    method: str
    params: Mapping[str, Json]
    id: str | int | None

    @property
    def meta(self) -> Json:
        """What the client says beside the parameters, whatever that is; ``None`` where it says nothing."""
        return self.params.get("_meta")


class RpcError(Exception):
    """A message that gets an error for its answer.

    ``status`` is that of HTTP; a client of the protocols with a handshake is told 200 where its message was one.
    """

    def __init__(self, code: int, message: str, *, status: int = 400, data: Json = None) -> None:
        """Answer with ``code``, a ``message`` for people and ``data`` for programs."""
        super().__init__(message)
        self.code, self.status, self.data = code, status, data

    def answer(self, request_id: str | int | None) -> bytes:
        """The answer to the request of this id; without one where the id could not be read."""
        error: dict[str, Json] = {"code": self.code, "message": str(self)}
        if self.data is not None:
            error["data"] = self.data
        identified: dict[str, Json] = {} if request_id is None else {"id": request_id}
        return to_json({"jsonrpc": "2.0", **identified, "error": error})


def read_message(content: bytes) -> RpcMessage:
    """The message that a body holds.

    Raises:
        RpcError: the body is no JSON, or JSON that is not one request or notification.
    """
    try:
        found = from_json(content, allow_inf_nan=False)
    except ValueError as error:  # also of what is nested too deeply, not UTF-8, or half a surrogate pair
        raise RpcError(PARSE_ERROR, f"The body is not JSON that can be read: {error}. Send JSON in UTF-8.") from error
    if isinstance(found, list):
        raise _invalid("a batch: send one message with each request")
    if not isinstance(found, dict):
        raise _invalid("not an object: send one request or notification")
    if found.get("jsonrpc") != "2.0":
        raise _invalid("a message without 'jsonrpc': '2.0'")
    _require_method(found)
    params = found.get("params", {})
    if not isinstance(params, dict):
        raise _invalid("a message with params that are not an object")
    return RpcMessage(found["method"], params, _id_of(found))


def _require_method(found: Mapping[str, Json]) -> None:
    method = found.get("method")
    if isinstance(method, str) and 0 < len(method) <= MAX_METHOD_CHARACTERS:
        return
    if method is None and ("result" in found or "error" in found):
        raise _invalid("a response, and this server asks clients nothing")
    raise _invalid(f"a message without a method: expected a text of 1 to {MAX_METHOD_CHARACTERS} characters")


def _id_of(found: Mapping[str, Json]) -> str | int | None:
    if "id" not in found:
        return None
    given = found["id"]
    is_text = isinstance(given, str) and len(given) <= MAX_ID_CHARACTERS
    is_number = isinstance(given, int) and not isinstance(given, bool) and -MAX_INTEGER <= given <= MAX_INTEGER
    if not (is_text or is_number):
        raise _invalid(
            f"a message with an id that is neither a text of at most {MAX_ID_CHARACTERS} characters nor an integer of"
            " at most 2^53 - 1"
        )
    return cast(str | int, given)


def _invalid(what: str) -> RpcError:
    return RpcError(INVALID_REQUEST, f"The body is {what}.")
