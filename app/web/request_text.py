"""Whether a request's path and query string are text: bytes that are not UTF-8 would all become the same U+FFFD."""

from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from indexing.errors import InvalidInput


def require_utf8(scope: Scope) -> None:
    """Refuse a path or a query string that no UTF-8 text was percent-encoded to.

    Servers decode the path, and Starlette the query string, with replacement characters: two ids that differ in such
    bytes would be one. Headers name nothing that is stored.

    Raises:
        InvalidInput: it holds such bytes; the message names them.
    """
    for where, raw in (("path", scope.get("raw_path") or b""), ("query string", scope.get("query_string") or b"")):
        if b"%" in raw or not raw.isascii():
            _require(where, raw)


def _require(where: str, raw: bytes) -> None:
    if not raw.isascii():
        first = next(byte for byte in raw if byte > 0x7F)
        raise InvalidInput(f"The {where} holds the byte 0x{first:02x} as it is: percent-encode names as UTF-8.")
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        found = "".join(f"%{byte:02x}" for byte in error.object[error.start : error.end])
        raise InvalidInput(
            f"The {where} holds {found}, which is not UTF-8: percent-encode names as UTF-8, such as %c3%a9 for 'é'."
        ) from error
