"""Headers: found without making Starlette's mapping, which costs five times as much; and the one of warnings."""

from collections.abc import Sequence

from starlette.types import Message, Scope

WARNINGS_HEADER = "x-groundwork-warnings"
"""Says what is missing from an answer whose shape has no place for that."""
MAX_WARNING_BYTES = 2_000
"""Of that header; our choice: clients bound the headers of an answer."""


def header_of(holder: Scope | Message, name: bytes) -> str | None:
    """The first header of a name in small letters; None where there is none."""
    for key, value in holder["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


def warning_headers(warnings: Sequence[str]) -> dict[str, str]:
    """The header that says them, in ASCII; none where there are none."""
    if not warnings:
        return {}
    said = "; ".join(warnings).encode("ascii", "backslashreplace")
    return {WARNINGS_HEADER: said[:MAX_WARNING_BYTES].decode()}
