"""Several named arrays in one safetensors file, mapped into memory without copying.

The safetensors library writes the file; reading is done here because its own numpy reader copies every array, and
one mapping a file (not one an array) keeps the number of open files small.
Source: the format's description in the safetensors project (8 bytes header length, JSON header, raw data).
"""

import json
import mmap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from indexing.errors import ArtefactCorrupt

_DTYPES = {
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "I64": np.int64,
    "F32": np.float32,
}


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write ``arrays`` to ``path``; the same arrays give the same bytes."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def offsets_of(sizes: Iterable[int]) -> NDArray[np.uint64]:
    """Where each of some records begins when they stand end to end, and where the last ends: uint64 (records + 1,)."""
    return np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.fromiter(sizes, np.uint64), dtype=np.uint64)])


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``path`` as read-only views of one memory mapping, which lives as long as any of them.

    Raises:
        ArtefactCorrupt: the header does not describe the file.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header_size = int.from_bytes(mapped[:8], "little")
        header = json.loads(mapped[8 : 8 + header_size])
        arrays = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            dtype = np.dtype(_DTYPES[entry["dtype"]])
            count = int(np.prod(entry["shape"], dtype=np.int64))
            offset = 8 + header_size + entry["data_offsets"][0]
            arrays[name] = np.frombuffer(mapped, dtype, count, offset).reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ArtefactCorrupt(f"{path} is not a readable array file: {error}.") from error
    return arrays
