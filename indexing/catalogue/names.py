"""What a new tenant or collection may be called: no two names are written alike, and none leads to another folder."""

import unicodedata

from indexing.errors import InvalidInput

MAX_NAME_CHARS = 128
"""Characters of a name at most: it stands in paths, logs and metrics. Our choice."""
_SHOWN_CHARS = 40
"""Characters of a refused name that a message repeats. Our choice."""


def is_stored_name(name: str) -> bool:
    """Whether a tenant or collection may be there under this name: every version refused what is not printable."""
    return name.isprintable()


def require_new_name(kind: str, name: str) -> None:
    """Refuse what may not name a new ``kind`` of thing; names of before there was this rule stay usable.

    Raises:
        InvalidInput: ``name`` is empty, longer than 128 characters, not printable, not in NFKC form, begins or ends
        with a space, holds ``/``, or is ``.`` or ``..``.
    """
    normal = unicodedata.normalize("NFKC", name[: MAX_NAME_CHARS + 1])
    is_valid = (
        0 < len(name) <= MAX_NAME_CHARS
        and name.isprintable()
        and name == normal
        and name == name.strip()
        and "/" not in name
        and name not in (".", "..")
    )
    if is_valid:
        return
    shown = repr(name) if len(name) <= _SHOWN_CHARS else f"{name[:_SHOWN_CHARS]!r}... ({len(name)} characters)"
    hint = f" ({normal!r} is its NFKC form)" if name != normal and len(name) <= _SHOWN_CHARS else ""
    raise InvalidInput(
        f"{kind.capitalize()} name {shown} is invalid{hint}: use 1 to {MAX_NAME_CHARS} printable characters in NFKC"
        " form without '/', with no spaces at the ends, and not '.' or '..'."
    )
