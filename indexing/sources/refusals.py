"""Why a line or file is no document, and how a value is shown in such a message."""

from indexing.records import Json


class Refused(Exception):
    """Why one line or file is not a document; a source makes it into a reject."""


def shown(value: Json) -> str:
    """A value as a message shows it: short, and encodable whatever is in it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None:
        return "missing"
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 80 else text[:77] + "..."
    return ascii(text) if not text.isprintable() or not text else text
