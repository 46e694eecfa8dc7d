"""The write queue: documents on their way into an overlay, from the catalogue's text to passages with vectors.

The process that took a write computes its vectors and stores them as one block, whose name follows from what they were
computed from; the other processes find it there.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeAlias

import numpy as np

from app.live.lacking_writes import LackingWrites
from app.live.overlay import Fresh, Overlay
from app.live.queued_documents import Key, Progress, Waiting
from app.live.room import Room
from app.live.view_numbers import ViewNumbers
from app.serving.release import ServingRelease
from indexing.backoff import Backoff
from indexing.catalogue.changes import Change, read_built, read_changes, read_permissions, read_version
from indexing.catalogue.documents import count_waiting_for_build
from indexing.catalogue.releases import has_later_release
from indexing.errors import ArtefactMissing, GroundworkError, ModelMismatch
from indexing.features.embedding_store import FeatureStore, block_name, feature_kind, vector_key
from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.lru_cache import LruCache
from indexing.passages.chunker import Chunker
from indexing.records import Document, Partition, Vector, is_narrower
from indexing.snapshots.shard_layout import ShardInput

logger = logging.getLogger(__name__)
OTHERS_SECONDS = 1.0
"""How long the vectors of another process's write are waited for before this process computes them, too...
Source: decision 17."""
PASSAGE_SECONDS = 0.05
"""...and how much longer for each passage: computing the same twice at once would make both late. Our choice."""
TAKE_OVER_SECONDS = 10.0
"""How long a release is kept from taking over by documents that must be encoded for it; the rest follows after it.
Source: decision 17."""
_BATCH_DOCUMENTS = 32
"""Documents that are encoded at a time. Our choice."""
_BATCH_PASSAGES = 50
"""That are encoded at a time: as many as the largest write may have, so that no write waits long for another's.
Source: decision 17."""
RETRIES = Backoff(1.0)
"""How long a document that cannot be read is left alone, until ``_MOST_FAILURES`` put it off to a build."""
_MOST_FAILURES = 4
"""How often a document may fail to be read before it waits for a build. Our choice."""
_PASSAGE_BYTES = 6_000
"""About what a passage takes in memory, for those that are not there yet. An estimate."""

Vectors: TypeAlias = LruCache[bytes, Vector]
"""Vectors of passages by their keys: what one recipe's queue encoded, another's with the same model needs not."""


class WriteQueue:
    """What is to come into the overlay of one release, in the order of the writes; each open recipe has one.

    ``take`` and ``claim`` are called with ``lock`` held; ``advance`` is for one thread, takes ``lock`` itself, and
    encodes without it. ``put_off`` is what waits for a build; ``built`` is what only later releases hold and is taken
    from them, by its sequence number; ``is_behind`` says that a later release holds more, which only a build can bring.
    ``passage_view`` is the fingerprint of how documents become passages: queues that have the same cut them alike.
    """

    def __init__(
        self,
        home: Home,
        serving: ServingRelease,
        chunker: Chunker,
        views: FeatureViews,
        lock: AbstractContextManager[object],
        room: Room,
        encoded: Vectors,
        numbers: ViewNumbers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Queue for ``serving``; ``room``, the vectors that were ``encoded`` and ``numbers`` are of all recipes."""
        self.serving = serving
        self.overlay = Overlay(serving.snapshot, serving.analyser, numbers.taking_over(serving))
        self.chunker = chunker
        self.progress = Progress(serving.release.seq, {})
        self.waiting: dict[Key, Waiting] = {}
        self.put_off: dict[Key, int] = {}
        self.built: dict[Key, int] = {}
        self._home, self._lock, self._clock = home, lock, clock
        self.passage_view, self._embedding_view = views.passage_fingerprint, views.embedding_fingerprint
        self._room, self._encoded = room, encoded
        self._lacking = LackingWrites(home.catalogue, serving.release.recipe, serving.release.seq)
        self._built: FeatureStore | None = None
        self._others_did = -math.inf
        self.is_behind = False

    def take(self) -> None:
        """Hide what was deleted, and queue what was written."""
        changes = read_changes(self._home.catalogue, self.progress.seq)
        removed: dict[Partition, list[str]] = {}
        for change in changes.removed:
            removed.setdefault(change.partition, []).append(change.id)
            self.waiting.pop((change.partition, change.id), None)
            self.put_off.pop((change.partition, change.id), None)
        for partition, ids in removed.items():
            self.overlay.remove(partition, ids)
        self._hide_narrowed(changes.written, self.progress.seq)
        now = self._clock()
        for change in changes.written:
            key = (change.partition, change.id)
            self.put_off.pop(key, None)
            self.waiting.pop(key, None)  # its place is that of the newer write
            self.waiting[key] = Waiting(change, now)
        self._publish(changes.seq)

    def _hide_narrowed(self, written: Sequence[Change], since: int) -> None:
        """Hide the old versions that callers see who may not see the new one: they do not wait for it."""
        permissions = read_permissions(self._home.catalogue, since) if written else {}
        for change in written:
            allow = permissions.get((change.partition, change.id))
            seen_by = [] if allow is None else self.overlay.permissions(change.partition, change.id)
            if any(is_narrower(allow, before) for before in seen_by):
                self.overlay.remove(change.partition, [change.id])

    def _publish(self, seq: int) -> None:
        """Let others see how far this is; after what it says is so."""
        first: dict[Partition, int] = {}
        for one in self.waiting.values():
            first[one.change.partition] = min(one.change.seq, first.get(one.change.partition, one.change.seq))
        self.progress = Progress(seq, first)

    def claim(self, partition: Partition, ids: Mapping[str, int]) -> None:
        """Note that this process took the write of some documents, so that it does not wait for another's vectors.

        ``ids`` are theirs, with how many passages each will have.
        """
        for document_id, passages in ids.items():
            one = self.waiting.get((partition, document_id))
            if one is not None:
                one.is_ours, one.expected = True, passages

    def retry(self) -> None:
        """Queue once more what was put off, as there may be room by now; not what only builds have vectors for."""
        now = self._clock()
        for key, seq in [one for one in self.put_off.items() if one[0] not in self.built]:
            del self.put_off[key]
            self.waiting[key] = Waiting(Change(*key, seq), now)
        self._publish(self.progress.seq)

    def succeed(self, other: "WriteQueue | None") -> None:
        """Take over from another line: what this process took of its writes is still this process's to encode."""
        self._built = None  # it may be large
        for key, one in {} if other is None else other.waiting.items():
            mine = self.waiting.get(key)
            if one.is_ours and mine is not None and mine.change.seq == one.change.seq:
                mine.is_ours, mine.expected = True, one.passages

    def take_all(self) -> None:
        """Take what was written since the snapshot; on the way back to an older one, what later builds hold as well."""
        self.take()
        self._take_built()

    def _take_built(self) -> None:
        """On the way back to an older snapshot: queue what later builds hold, which has vectors already."""
        since = self.serving.release.seq
        if not has_later_release(self._home.catalogue, since):
            return
        self._built = FeatureStore(self._home.storage, self._embedding_view)
        now = self._clock()
        built = read_built(self._home.catalogue, since, self.passage_view)
        self.is_behind = count_waiting_for_build(self._home.catalogue, since) > len(built)
        self._hide_narrowed(built, since)
        for change in built:  # each is newer than the live version that may be queued
            self.waiting[change.partition, change.id] = Waiting(change, now, stored_only=True)
            self.built[change.partition, change.id] = change.seq

    def advance(self, *, waits: bool, until: float = math.inf) -> bool:
        """Make some documents ready and let searches find them; gives whether there are more that could be.

        ``waits`` is for other processes that took the write and encode it already; ``until`` is when to stop reading.
        """
        batch = self._next(waits=waits, until=until)
        if not batch:
            return False
        encoded = self._encode(batch)
        added: list[int] = []
        with self._lock:
            ready: dict[Partition, list[Waiting]] = {}
            for one in batch:
                if self.waiting.get(one.key) is one:  # else it was written or deleted again meanwhile
                    ready.setdefault(one.change.partition, []).append(one)
            for partition, documents in ready.items():
                self._add(partition, documents)
                added += [one.change.seq for one in documents if one.key not in self.put_off]
            self._publish(self.progress.seq)
        self._lacking.discard(added)
        self._lacking.add([one.change.seq for one in batch if self.put_off.get(one.key) == one.change.seq])
        for one in encoded:
            self._store(one)
        return bool(self.waiting)

    def _add(self, partition: Partition, documents: Sequence[Waiting]) -> None:
        """Let searches find documents of one partition; what cannot be added waits for a build."""
        fresh = [
            Fresh(one.item, np.array(one.vectors, np.float32), one.change.seq)
            for one in documents
            if one.item is not None
        ]
        try:
            if fresh:
                self.overlay.add(partition, fresh)
        except Exception:  # whatever one of these has, the others must not wait for it
            if len(documents) > 1:
                for one in documents:
                    self._add(partition, [one])
                return
            logger.exception("live.add_failed")
            self.put_off |= {one.key: one.change.seq for one in documents}
        for one in documents:
            del self.waiting[one.key]

    def _next(self, *, waits: bool, until: float) -> list[Waiting]:
        """The next documents whose turn it is, the first written first, with the vectors that are there already."""
        with self._lock:
            queued = list(self.waiting.values())
        batch: list[Waiting] = []
        late: list[Waiting] = []
        passages, lacking = 0, 0
        for one in queued:
            if self._clock() >= until:
                break
            if self._clock() < one.retry_at:
                continue
            if not (self.fits(passages + 1) and self._read(one) and self.fits(passages + len(one.vectors))):
                late.append(one)
                continue
            if not one.is_read:
                continue
            to_encode = sum(vector is None for vector in one.vectors)
            if to_encode and waits and not one.is_ours and self._is_others_turn(one, to_encode):
                continue
            if batch and to_encode and lacking + to_encode > _BATCH_PASSAGES:
                break
            batch.append(one)
            passages += len(one.vectors)
            lacking += to_encode
            if len(batch) == _BATCH_DOCUMENTS:
                break
        self._put_off(late)
        self._lacking.add([one.change.seq for one in late if one.failures])
        return batch

    def _is_others_turn(self, one: Waiting, to_encode: int) -> bool:
        """Whether the process that took a write is still to be waited for: it has time for it, and for those before."""
        one.lacks = True
        return self._clock() - max(one.since, self._others_did) < OTHERS_SECONDS + PASSAGE_SECONDS * to_encode

    def _read(self, one: Waiting) -> bool:
        """Cut a queued document, and look for its vectors; gives whether it can be made ready here, now or later."""
        try:
            if not one.is_read:
                self._cut(one)
            if any(vector is None for vector in one.vectors):
                self._look_up(one)
        except Exception:  # the catalogue is busy, a file cannot be read: others must not wait for this one
            logger.exception("live.read_failed")
            one.is_read, one.failures = False, one.failures + 1
            one.retry_at = self._clock() + RETRIES.pause_seconds(one.failures)
            return one.failures < _MOST_FAILURES
        has_all = all(vector is not None for vector in one.vectors)
        if one.lacks and has_all:
            one.lacks, self._others_did = False, self._clock()
        return has_all or not one.stored_only

    def _cut(self, one: Waiting) -> None:
        document = read_version(self._home.catalogue, one.change)
        if document is not None:  # else its deletion or its newer version comes next
            passages = self.chunker.passages(document, self.chunker.spans(document))
            one.item = ShardInput(one.change.partition, document, passages)
            one.keys = [vector_key(self._embedding_view, passage.encoder_input) for passage in passages]
            one.vectors = self.overlay.known_vectors(one.item)
        one.is_read = True

    def _look_up(self, one: Waiting) -> None:
        """The vectors that another recipe's queue encoded here, or that the feature store has for this document."""
        one.vectors = [
            self._encoded.get(key) if vector is None else vector
            for key, vector in zip(one.keys, one.vectors, strict=True)
        ]
        if all(vector is not None for vector in one.vectors):
            return
        storage, view = self._home.storage, self._embedding_view
        store, name = self._built, block_name(one.keys)
        if storage.exists(feature_kind(view), name):
            with suppress(ArtefactMissing):  # deleted in this moment
                store = FeatureStore(storage, view, blocks=[name])
        if store is not None:
            one.vectors = [
                store.vectors([key])[0] if vector is None and key in store else vector
                for key, vector in zip(one.keys, one.vectors, strict=True)
            ]
            for key, vector in zip(one.keys, one.vectors, strict=True):
                if vector is not None:
                    self._encoded.put(key, vector, vector.nbytes)

    def _encode(self, batch: list[Waiting]) -> list[Waiting]:
        """Give a batch the vectors it lacks; those that cannot be encoded leave it. Gives those that were encoded."""
        lacking = [one for one in batch if any(vector is None for vector in one.vectors)]
        texts = {
            key: passage.encoder_input
            for one in lacking
            if one.item is not None
            for key, passage, vector in zip(one.keys, one.item.passages, one.vectors, strict=True)
            if vector is None
        }
        if not texts:
            return []
        try:
            vectors = self.serving.embedder.encode_passages(list(texts.values()))
            if not np.isfinite(vectors).all():
                raise ModelMismatch("the model gave a vector that is not finite")
        except Exception:  # whatever the model has against these, others must not wait for them
            logger.exception("live.encode_failed", extra={"fields": {"documents": len(lacking)}})
            self._put_off(lacking)
            self._lacking.add([one.change.seq for one in lacking])
            batch[:] = [one for one in batch if one not in lacking]
            return []
        found = dict(zip(texts, vectors, strict=True))
        for key, vector in found.items():
            self._encoded.put(key, vector.copy(), vector.nbytes)  # not a view that keeps the whole batch
        for one in lacking:
            one.vectors = [
                found[key] if vector is None else vector for key, vector in zip(one.keys, one.vectors, strict=True)
            ]
        return lacking

    def _store(self, one: Waiting) -> None:
        """Keep a document's vectors for the other processes and for builds."""
        store = FeatureStore(self._home.storage, self._embedding_view, blocks=[])
        try:
            store.put(one.keys, np.array(one.vectors, np.float32))
        except (GroundworkError, OSError) as error:  # they are computed again where they are needed
            logger.warning("live.store_failed", extra={"fields": {"reason": str(error)}})

    def encode_ahead(self, partition: Partition, document: Document, is_wanted: Callable[[], bool]) -> None:
        """Keep the vectors of a document that is to be written, under the name that its write looks for.

        One passage at a time: a search finds the other sessions free, and this one after some milliseconds.
        """
        item = ShardInput(partition, document, self.chunker.passages(document, self.chunker.spans(document)))
        view = self._embedding_view
        keys = [vector_key(view, passage.encoder_input) for passage in item.passages]
        if not keys or self._home.storage.exists(feature_kind(view), block_name(keys)):
            return
        vectors = self.overlay.known_vectors(item)
        for place, passage in enumerate(item.passages):
            if not is_wanted():
                return
            if vectors[place] is None:
                vectors[place] = self.serving.embedder.encode_passages([passage.encoder_input])[0]
        FeatureStore(self._home.storage, view, blocks=[]).put(keys, np.array(vectors, np.float32))

    def _put_off(self, late: Sequence[Waiting]) -> None:
        """Let documents wait for a build; what is found of them now goes on answering."""
        if not late:
            return
        with self._lock:
            for one in late:
                if self.waiting.get(one.key) is one:
                    del self.waiting[one.key]
                    self.put_off[one.key] = one.change.seq
            self._publish(self.progress.seq)

    def fill(self, until: float) -> None:
        """Make all of the queue ready, or as much of it as can be by then; before others know the queue."""
        while self.waiting and self._clock() < until and self.advance(waits=False, until=until):
            continue

    def finds(self, key: Key, seq: int, *, is_live: bool) -> bool:
        """Whether the version of a document that the write ``seq`` left is found now; safe at any time."""
        if seq <= self.serving.release.seq:
            return True
        if key in self.waiting or key in self.put_off:
            return False
        return seq <= self.progress.seq and (is_live or self.built.get(key) == seq)

    def fits(self, passages: int, share: float = 1.0) -> bool:
        """Whether there is room for so many more passages within a share of what the settings allow."""
        recipe, size_bytes = self.serving.release.recipe, passages * _PASSAGE_BYTES
        return self._room.fits(recipe, self.overlay, passages, size_bytes, share)
