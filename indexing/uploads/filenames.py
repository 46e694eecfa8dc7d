"""Names of files as clients send them: nothing of a name is trusted, and none is ever a path here."""

import re
import unicodedata
from pathlib import PurePosixPath

MAX_FILENAME_CHARS = 255
"""The longest name that is kept. Source: what file systems allow, in bytes; ours are code points."""
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of Unicode that a name is shown without: controls, directions, halves of pairs, line ends."""


def safe_filename(name: str) -> str:
    """What a file is called: the last part of a name, on one line, without what is not seen; never empty.

    So it can stand in headers, logs and messages. A long one is cut before its ending.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(one for one in re.sub(r"\s+", " ", last) if unicodedata.category(one) not in _UNSEEN)
    words = unicodedata.normalize("NFC", " ".join(seen.split()))
    if words.strip(". ") == "":
        return "file"
    suffix = PurePosixPath(words).suffix
    if len(words) > MAX_FILENAME_CHARS and len(suffix) < MAX_FILENAME_CHARS:
        return words[: MAX_FILENAME_CHARS - len(suffix)].rstrip() + suffix
    return words[:MAX_FILENAME_CHARS]
