"""Which arrays a shard's files must hold, and how long each is; looking at that reads headers only."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexing.snapshots.shard_manifest import ShardPartition

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
_Types: TypeAlias = Mapping[str, type[np.generic]]
_LEXICAL: _Types = {
    "term_bytes": np.uint8,
    "term_offsets": np.uint64,
    "posting_offsets": np.uint64,
    "posting_rows": np.uint32,
    "posting_frequencies": np.uint16,
    "lengths": np.uint32,
}
_TEXTS: _Types = {
    "documents": np.uint8,
    "document_offsets": np.uint64,
    "passages": np.uint8,
    "passage_offsets": np.uint64,
    "passage_documents": np.uint32,
}
_ATTRIBUTES: _Types = {
    "term_bytes": np.uint8,
    "term_offsets": np.uint64,
    "posting_offsets": np.uint64,
    "posting_documents": np.uint32,
}


def require_arrays(
    rows: int,
    vectors: int,
    partitions: Sequence[ShardPartition],
    lexical: Arrays,
    texts: Arrays,
    attributes: Arrays | None,
) -> None:
    """Let a shard on whose arrays are as ``lay_out`` makes them for these partitions, with as many vectors as rows.

    Raises:
        ValueError: one is missing, of another type, or longer or shorter than the others say.
    """
    _require_types(lexical, _LEXICAL)
    _require_types(texts, _TEXTS)
    if not vectors == len(lexical["lengths"]) == len(texts["passage_documents"]) == rows:
        raise ValueError(f"its files hold different numbers of passages than {rows}")
    documents = sum(part.documents for part in partitions)
    terms = max((part.term_stop for part in partitions), default=0)
    _require_length(lexical, "term_offsets", terms + 1)
    _require_length(lexical, "posting_offsets", terms + 1)
    _require_length(lexical, "posting_frequencies", len(lexical["posting_rows"]))
    _require_length(texts, "passage_offsets", rows + 1)
    _require_length(texts, "document_offsets", documents + 1)
    if attributes is not None:
        _require_types(attributes, _ATTRIBUTES)
        values = max((part.attribute_stop or 0 for part in partitions), default=0)
        _require_length(attributes, "term_offsets", values + 1)
        _require_length(attributes, "posting_offsets", values + 1)
    if max((part.stop for part in partitions), default=0) != rows:
        raise ValueError(f"its partitions do not end at passage {rows}")


def _require_types(arrays: Arrays, expected: _Types) -> None:
    for name, kind in expected.items():
        if name not in arrays:
            raise ValueError(f"the array {name!r} is missing")
        if arrays[name].dtype != kind or arrays[name].ndim != 1:
            raise ValueError(f"the array {name!r} is not a list of {kind.__name__}")


def _require_length(arrays: Arrays, name: str, expected: int) -> None:
    if len(arrays[name]) != expected:
        raise ValueError(f"the array {name!r} has {len(arrays[name])} entries, expected {expected}")
