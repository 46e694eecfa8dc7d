"""The feature store: vectors kept by what they were computed from, so that nothing is ever computed twice.

A vector's key is the sha256 of its embedding view's fingerprint and the exact encoder input. Vectors are stored in
immutable *blocks*; a block's name follows from its keys, and a block is done when its artefact exists.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import ArtefactCorrupt, ArtefactMissing, ModelMismatch
from indexing.records import Vectors
from indexing.storage.arrays import map_arrays, write_arrays
from indexing.storage.store import ArtefactKind, Storage

logger = logging.getLogger(__name__)
SMALL_BLOCK = 64
"""Vectors up to which a block is small: those of single documents, as the live layer stores them. Our choice."""
_MERGED_BLOCK = 1024
"""Vectors from which on a merged block is full. Source: our choice."""
_FILE = "block.safetensors"
FEATURES = ArtefactKind("features", remedy="Build again to restore it.", has_kinds=True)
"""Blocks of vectors, by embedding view."""


def vector_key(view_fingerprint: str, encoder_input: str) -> bytes:
    """The 32 bytes under which a vector is kept."""
    digest = hashlib.sha256(view_fingerprint.encode())
    digest.update(encoder_input.encode("utf-8", "surrogatepass"))
    return digest.digest()


def block_name(keys: Sequence[bytes]) -> str:
    """The name of the block that holds exactly these keys in this order."""
    return hashlib.sha256(b"".join(keys)).hexdigest()[:32]


def feature_kind(view_fingerprint: str) -> ArtefactKind:
    """The kind of the artefacts that hold an embedding view's vectors."""
    return FEATURES.below(view_fingerprint[:32])


def block_keys(storage: Storage, kind: str, name: str) -> list[bytes]:
    """The keys of one stored block.

    Raises:
        ArtefactMissing, ArtefactCorrupt: it is not there, or not whole.
    """
    keys = map_arrays(storage.open(kind, name).path / _FILE)["keys"].tobytes()
    return [keys[place : place + 32] for place in range(0, len(keys), 32)]


def drop_vectors(storage: Storage, kind: str, name: str, kept: Sequence[bytes]) -> None:
    """Replace a block by one that holds only ``kept``, some of its keys in its order; with none of them, by nothing."""
    if kept:
        arrays = map_arrays(storage.open(kind, name).path / _FILE)
        rows = {arrays["keys"][row].tobytes(): row for row in range(len(arrays["keys"]))}
        _publish(storage, kind, kept, arrays["vectors"][[rows[key] for key in kept]])
    storage.delete(kind, name)


def merge_small_blocks(storage: Storage, kind: str, names: Iterable[str]) -> int:
    """Put the vectors of small blocks together into large ones, once they are many; gives how many it replaced.

    Every key keeps its vector. To be called by one process at a time, with names of blocks that are not looked for by
    name any more.
    """
    small: list[str] = []
    for name in names:
        with suppress(ArtefactMissing, ArtefactCorrupt):
            if int(storage.describe(kind, name).info["count"]) <= SMALL_BLOCK:
                small.append(name)
    if len(small) < SMALL_BLOCK:
        return 0
    vectors: dict[bytes, Vectors] = {}
    merged: list[str] = []
    for name in small:
        with suppress(ArtefactMissing, ArtefactCorrupt):  # a broken one is computed again where it is needed
            arrays = map_arrays(storage.open(kind, name).path / _FILE)
            vectors |= {key.tobytes(): row for key, row in zip(arrays["keys"], arrays["vectors"], strict=True)}
            merged.append(name)
        if len(vectors) >= _MERGED_BLOCK or name == small[-1]:
            if len(merged) > 1:
                new = _publish(storage, kind, list(vectors), np.stack(list(vectors.values())))
                for old in merged:
                    if old != new:
                        storage.delete(kind, old)
            vectors, merged = {}, []
    return len(small)


def _publish(storage: Storage, kind: str, keys: Sequence[bytes], vectors: Vectors) -> str:
    """Store vectors as the block of their keys, unless it is stored whole; gives its name."""
    name = block_name(keys)
    try:
        storage.open(kind, name)
    except (ArtefactMissing, ArtefactCorrupt):
        storage.delete(kind, name)
        with storage.publish(kind, name) as draft:
            table = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), 32)
            write_arrays(draft.path / _FILE, {"keys": table, "vectors": vectors})
            draft.info["count"] = len(keys)
    return name


class FeatureStore:
    """The vectors of one embedding view: of the blocks opened at construction, and of those put or included since."""

    def __init__(self, storage: Storage, view_fingerprint: str, *, blocks: Iterable[str] | None = None) -> None:
        """Open the view's blocks: all that are stored, or only ``blocks``."""
        self._storage = storage
        self._kind = feature_kind(view_fingerprint)
        self._names: list[str] = []
        self._where: dict[bytes, tuple[int, int]] = {}
        self._blocks: list[NDArray[Any]] = []
        if blocks is None:
            self._include_stored()
        else:
            self._include_whole(blocks)

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, key: bytes) -> bool:
        return key in self._where

    def missing(self, keys: Iterable[bytes]) -> list[bytes]:
        """Those of ``keys`` that have no vector yet, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self._where]

    def put(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Store the vectors of ``keys`` durably as one block; one that is stored whole is kept.

        Raises:
            ModelMismatch: a vector is not finite.
        """
        if len(keys) != len(vectors):
            raise ValueError(f"{len(vectors)} vectors for {len(keys)} keys")
        if not np.isfinite(vectors).all():
            raise ModelMismatch("The model gave a vector that is not finite: nothing of its block was stored.")
        self.include(_publish(self._storage, self._kind, keys, vectors))

    def sources(self, keys: Iterable[bytes]) -> list[str]:
        """The names of the blocks that hold ``keys``, sorted."""
        return sorted({self._names[self._where[key][0]] for key in keys})

    def vectors(self, keys: Sequence[bytes]) -> Vectors:
        """The vectors of ``keys``, in order: float32, shape (len(keys), dimension).

        Raises:
            ArtefactMissing: a key has no vector.
        """
        if not keys:
            return np.empty((0, 0), np.float32)
        try:
            places = [self._where[key] for key in keys]
        except KeyError as error:
            raise ArtefactMissing(f"{self._kind} holds no vector {error.args[0].hex()[:16]}: build again.") from None
        return np.stack([self._blocks[block][row] for block, row in places])

    def include(self, name: str) -> None:
        """Open one more block, which another process may have stored.

        Raises:
            ArtefactMissing, ArtefactCorrupt: it is not there, or not whole.
        """
        path = self._storage.open(self._kind, name).path / _FILE
        try:
            arrays = map_arrays(path)
        except FileNotFoundError:  # deleted since it was looked at
            raise ArtefactMissing(f"{self._kind}/{name} is not there any more. {FEATURES.remedy}") from None
        keys = arrays["keys"].tobytes()
        block = len(self._blocks)
        self._blocks.append(arrays["vectors"])
        self._names.append(name)
        for row in range(len(arrays["keys"])):
            self._where.setdefault(keys[row * 32 : row * 32 + 32], (block, row))

    def _include_stored(self) -> None:
        """Open every stored block. What is merged meanwhile is in a block that was stored before the others went."""
        seen: set[str] = set()
        while names := [name for name in self._storage.list(self._kind) if name not in seen]:
            seen.update(names)
            for name in names:
                with suppress(ArtefactMissing):
                    self._include_whole([name])

    def _include_whole(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self.include(name)
            except ArtefactCorrupt as error:
                # Its vectors are simply computed again.
                logger.warning("feature_store.block_refused", extra={"fields": {"block": name, "reason": str(error)}})
