"""Walks a folder: which of its files are read, by their endings, and which places cannot be entered and why."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from indexing.sources.file_readers import FILE_READERS
from indexing.sources.refusals import Refused

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file that is read. Source: our choice."""
_LEAVES = "the link leaves the source's folder: copy the file here, or read its folder as another source"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree by its path below the root, or what cannot be entered there and why."""

    path: str
    reason: str = ""


def walk(root: Path) -> list[Entry]:
    """What is below ``root`` to read or to reject, sorted by path."""
    entries: list[Entry] = []

    def unreadable(error: OSError) -> None:
        entries.append(Entry(_below(root, str(error.filename)), f"{error.strerror}: make the folder readable"))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name))]
        left = [link for link in links if not Path(link).resolve().is_relative_to(root)]
        entries.extend(Entry(_below(root, link), _LEAVES) for link in left)
        named = [name for name in names if not name.startswith(".") and Path(name).suffix.lower() in FILE_READERS]
        entries.extend(Entry(_below(root, os.path.join(folder, name))) for name in named)
    return sorted(entries, key=lambda entry: entry.path)


def _below(root: Path, path: str) -> str:
    return Path(path).relative_to(root).as_posix()


def file_bytes(root: Path, path: str) -> bytes:
    """What a file below ``root`` holds.

    Raises:
        Refused: it is a link that leads out of the root or nowhere, no regular file, or too large.
        OSError: it cannot be read.
    """
    file = root / path
    if file.is_symlink():
        try:
            target = file.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise Refused(f"the link leads nowhere ({error}): remove it, or mend its target") from error
        if not target.is_relative_to(root):
            raise Refused(_LEAVES)
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise Refused("it is not a regular file: replace it by one, or remove it")
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Refused(f"it has {about.st_size} bytes, more than {MAX_FILE_BYTES}: split it into several files")
    return data
