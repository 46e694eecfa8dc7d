"""Takes all the room of a disk."""

from pathlib import Path

import pytest

_PIECE_BYTES = 4096


def fill_disk(folder: Path) -> Path:
    """Write a file until there is no room for another piece; gives it, so that it can be deleted."""
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("ab", buffering=0) as stream:
        while True:
            stream.write(bytes(_PIECE_BYTES))
    return filler
