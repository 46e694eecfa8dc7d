"""The live layer: writes that no snapshot holds yet, found within seconds, in every API process.

It follows the catalogue's sequence numbers. Deletions hide at once; live documents wait in the queue until they have
their vectors. See decision 17.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from app.live.write_queue import TAKE_OVER_SECONDS, WriteQueue
from app.serving.release import ServingRelease
from indexing.catalogue.build_requests import request_build
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.changes import read_waiting
from indexing.catalogue.documents import count_waiting_for_build, read_content
from indexing.catalogue.erasures import count_finished_erasures
from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.passages.chunker import Chunker
from indexing.records import Document, Partition
from indexing.releases.binding import bind_recipe
from indexing.releases.recipes import Recipe

logger = logging.getLogger(__name__)
MAX_WRITE_PASSAGES = 50
"""Passages of the largest write that the live layer takes; a larger one waits for a build."""
_MAX_WRITE_CHARS = 400_000
"""Code points of the largest new write that is cut to see how many passages it has: 50 passages of 8,000."""

Bind: TypeAlias = Callable[[Recipe], tuple[Chunker, FeatureViews]]
"""Gives a recipe's chunker and feature views."""


class LiveLayer:
    """One for each API process. Safe to share between threads; ``run`` and ``follow`` have one each."""

    def __init__(
        self,
        home: Home,
        *,
        reads: CachedReads | None = None,
        bind: Bind | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Follow the writes of ``home``; ``reads`` are the process's, ``bind`` gives a recipe's chunker and views."""
        self._home = home
        self._reads = reads or CachedReads(home.catalogue)
        self._bind = bind or partial(bind_recipe, home)
        self._clock = clock
        self._lock = threading.RLock()
        self._queue: WriteQueue | None = None
        self._asked_for: WriteQueue | None = None
        self._erasures = self._count_erasures()
        self._counted = ((-1, -1), 0)
        self._awake = threading.Event()

    # Who serves

    @contextmanager
    def taking_over(self, serving: ServingRelease) -> Iterator[ServingRelease]:
        """The release with all that its snapshot lacks; it is in service when the block ends.

        Nothing that was deleted comes back, and nothing that can be found is lost, however old the snapshot is; only
        what must be encoded for it, and takes longer than ``TAKE_OVER_SECONDS``, follows after it.
        """
        erasures = self._count_erasures()
        queue = WriteQueue(self._home, serving, *self._bind(serving.recipe), self._lock, self._clock)
        queue.take_all()
        until = self._clock() + TAKE_OVER_SECONDS
        while True:
            queue.fill(until)
            with self._lock:
                known = queue.progress.seq
                queue.take()
                if queue.progress.seq != known and queue.waiting and self._clock() < until:
                    continue  # what was written meanwhile is found now, and must be found then
                queue.succeed(self._queue)
                yield replace(serving, overlay=queue.overlay)
                self._queue, self._erasures = queue, erasures
                break
        self._awake.set()

    def is_outdated(self) -> bool:
        """Whether an erasure ended since the release in service took over: what is kept must be read anew."""
        return self._count_erasures() != self._erasures

    def _count_erasures(self) -> int:
        return count_finished_erasures(self._home.catalogue)

    # Who writes

    def takes(self, partition: Partition, documents: Sequence[Document]) -> bool:
        """Whether a write will be found through the live layer; if not, it waits for a build.

        It is taken if it has up to 50 passages that need encoding, and there is room.
        """
        queue = self._queue
        if queue is None:
            return False
        is_new = [not self._is_found(queue, partition, document) for document in documents]
        if sum(len(document.text) for document, new in zip(documents, is_new, strict=True) if new) > _MAX_WRITE_CHARS:
            return False
        counts = [len(queue.chunker.spans(document)) for document in documents]
        to_encode = sum(passages for passages, new in zip(counts, is_new, strict=True) if new)
        with self._lock:
            queued = sum(len(one.vectors) or 1 for one in queue.waiting.values())
        return to_encode <= MAX_WRITE_PASSAGES and queue.fits(sum(counts) + queued)

    def _is_found(self, queue: WriteQueue, partition: Partition, document: Document) -> bool:
        """Whether the same content is found now, so that its vectors are there."""
        known = read_content(self._home.catalogue, partition, document.id)
        if known is None:
            return False
        content_sha256, seq, is_live = known
        return content_sha256 == document.content_sha256 and (is_live or seq <= queue.serving.release.seq)

    def wrote(self, partition: Partition, ids: Iterable[str] = ()) -> None:
        """Take a write that this process has just stored: deletions hide at once, documents join the queue."""
        with self._lock:
            queue = self._queue  # under the lock: another release may be taking over
            if queue is not None:
                queue.take()
                queue.claim(partition, ids)
        self._awake.set()

    # Who searches

    def has_reached(self, serving: ServingRelease, partition: Partition, seq: int) -> bool:
        """Whether a search of this release sees the write ``seq`` of a partition and all live ones before it."""
        return self.reached(serving, partition) >= seq and (
            seq <= serving.release.seq or not self.waits_for_build(partition, seq)
        )

    def waits_for_build(self, partition: Partition, seq: int) -> bool:
        """Whether the write ``seq`` cannot be found before a build holds it."""
        queue = self._queue
        if queue is not None and any(key[0] == partition and late == seq for key, late in list(queue.put_off.items())):
            return True
        return self._reads.waits_for_build(partition, seq)

    def is_to_come(self, partition: Partition, seq: int) -> bool:
        """Whether the write ``seq`` is worth waiting for: there is such a write, and it needs no build."""
        return seq <= self._home.catalogue.sequence() and not self.waits_for_build(partition, seq)

    def reached(self, serving: ServingRelease, partition: Partition) -> int:
        """The sequence number that a search of this release reflects: every live write of the partition up to it."""
        queue = self._queue
        if queue is None or queue.overlay is not serving.overlay:
            return serving.release.seq
        return queue.progress.reached(partition)

    def finds(self, partition: Partition, document_id: str, seq: int, *, is_live: bool) -> bool:
        """Whether searches of the release in service find the version of a document that the write ``seq`` left.

        Searches of this process; what a corrupt shard holds counts as found.
        """
        queue = self._queue
        return queue is not None and queue.finds((partition, document_id), seq, is_live=is_live)

    def count_waiting(self, tenant: str | None = None) -> int:
        """How many documents, of one tenant or of all, wait for a build to be found here as they were written last."""
        queue = self._queue
        if queue is None:
            return self._count_stored(-1, tenant)
        built = dict(queue.built)
        late = sum(tenant in (None, key[0].tenant) for key in list(queue.put_off) if key not in built)
        since = queue.serving.release.seq
        if not built:
            return late + self._count_stored(since, tenant)
        waiting = (one for one in read_waiting(self._home.catalogue, since) if tenant in (None, one.partition.tenant))
        return late + sum(not queue.finds((one.partition, one.id), one.seq, is_live=False) for one in waiting)

    def _count_stored(self, since: int, tenant: str | None) -> int:
        """Documents after ``since`` that are not live; for all tenants, as metrics ask often, only after a write."""
        catalogue = self._home.catalogue
        if tenant is not None:
            return count_waiting_for_build(catalogue, since, tenant=tenant)
        moment = catalogue.sequence(), since
        if self._counted[0] != moment:
            self._counted = moment, count_waiting_for_build(catalogue, since)
        return self._counted[1]

    # What is measured

    @property
    def passages(self) -> int:
        """Passages in memory."""
        return 0 if self._queue is None else self._queue.overlay.passages

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        return 0 if self._queue is None else self._queue.overlay.size_bytes

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest write in the queue, 0 when none is."""
        with self._lock:
            waiting = () if self._queue is None else self._queue.waiting.values()
            return max((self._clock() - one.since for one in waiting), default=0.0)

    # The thread

    def run(self, stop: threading.Event) -> None:
        """Follow the catalogue until told to stop; a failure is logged and does not end it."""
        while not stop.is_set():
            has_more = False
            try:
                has_more = self.work()
            except Exception:  # whatever it was, later writes must not wait for a restart
                logger.exception("live.failed")
            if not has_more:
                self._awake.wait(self._home.settings.live_poll_seconds)
            self._awake.clear()

    def follow(self, stop: threading.Event) -> None:
        """Hide what others deleted, and queue what they wrote, also while ``run`` encodes; until told to stop."""
        while not stop.wait(self._home.settings.live_poll_seconds):
            try:
                if self._take_new():
                    self._awake.set()
            except Exception:  # as in ``run``
                logger.exception("live.failed")

    def _take_new(self) -> bool:
        """Take what is new, if anything is."""
        queue = self._queue
        if queue is None or self._home.catalogue.sequence() == queue.progress.seq:
            return False
        with self._lock:
            queue.take()
        return True

    def wake(self) -> None:
        """Let ``run`` look at once, as when it is to stop."""
        self._awake.set()

    def work(self) -> bool:
        """One round: take what is new, make some of it ready to be found; gives whether more can be done at once."""
        queue = self._queue
        if queue is None:
            return False
        self._take_new()
        has_more = queue.advance(waits=True)
        self._ask_if_filling(queue)
        return has_more or queue.overlay.merge(self._lock)

    def _ask_if_filling(self, queue: WriteQueue) -> None:
        """Ask for a build, once for each release, when half of the room is taken or something must wait for one."""
        if self._asked_for is not queue and (queue.put_off or queue.is_behind or not queue.fits(0, share=0.5)):
            self._asked_for = queue
            request_build(self._home.catalogue, "the live layer fills up")
