"""The live layer: writes that no snapshot holds yet, found within seconds, in every API process.

It follows the catalogue's sequence numbers. Deletions hide at once; live documents wait in a queue until they have
their vectors. Each open recipe has a queue of its own, that of the recipe in service first. See decisions 17 and 32.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from app.live.room import Room
from app.live.view_numbers import OnChange, ViewNumbers
from app.live.write_queue import TAKE_OVER_SECONDS, Vectors, WriteQueue
from app.serving.release import ServingRelease
from indexing.catalogue.build_requests import request_build
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.changes import read_waiting
from indexing.catalogue.documents import count_waiting_for_build, read_content
from indexing.catalogue.erasures import count_finished_erasures
from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.lru_cache import LruCache
from indexing.passages.chunker import Chunker
from indexing.records import Document, Partition
from indexing.releases.binding import bind_recipe
from indexing.releases.recipes import Recipe

logger = logging.getLogger(__name__)
MAX_WRITE_PASSAGES = 50
"""Passages of the largest write that the live layer takes; a larger one waits for a build. Source: decision 17."""
_MAX_PASSAGE_CHARS = 8_000
"""Code points for each passage that a write may have: a new write of more is not even cut to count its passages.
Our choice."""
ENCODED_BYTES = 8 << 20
"""Memory for vectors that one recipe's queue encoded and another's may need: some 4,000 of 384 dimensions.
Our choice."""
_MOST_EXPECTED = 4_000
"""Documents that are being written at most, of which it is kept how many passages they will have. Our choice."""

Bind: TypeAlias = Callable[[Recipe], tuple[Chunker, FeatureViews]]
"""Gives a recipe's chunker and feature views."""


class LiveLayer:
    """One for each API process. Safe to share between threads; ``run`` and ``follow`` have one each.

    What is asked about searches is asked about the release that answers them.
    """

    def __init__(
        self,
        home: Home,
        *,
        reads: CachedReads | None = None,
        bind: Bind | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_change: OnChange = lambda change: None,
    ) -> None:
        """Follow the writes of ``home``; ``reads`` are the process's, ``bind`` gives a recipe's chunker and views.

        ``on_change`` is told of every change of a view, before a search can see it.
        """
        self._home = home
        self._reads = reads or CachedReads(home.catalogue)
        self._bind = bind or partial(bind_recipe, home)
        self._clock = clock
        self._lock = threading.RLock()
        self._queues: Mapping[int, WriteQueue] = {}  # another mapping takes its place, it never changes
        self._room = Room(home.settings.live_max_passages, home.settings.live_max_mb * 1e6)
        self._encoded: Vectors = LruCache(ENCODED_BYTES)
        self._expected: dict[tuple[str, Partition, str], int] = {}
        self._numbers = ViewNumbers(on_change)
        self._asked_for: dict[int, WriteQueue] = {}
        self._erasures: dict[int, int] = {}
        self._last_erasures = self._count_erasures()
        self._counted = ((-1, -1), 0)
        self._awake = threading.Event()

    @property
    def queues(self) -> Mapping[int, WriteQueue]:
        """The queue of each open recipe, by its number, that of the recipe in service first; of this moment."""
        return self._queues

    # Who serves

    @contextmanager
    def taking_over(self, serving: ServingRelease) -> Iterator[ServingRelease]:
        """The release with all that its snapshot lacks; requests may have it when the block ends.

        Nothing that was deleted comes back, and nothing that can be found is lost, however old the snapshot is; only
        what must be encoded for it, and takes longer than ``TAKE_OVER_SECONDS``, follows after it.
        """
        recipe, erasures = serving.release.recipe, self._count_erasures()
        chunker, views = self._bind(serving.recipe)
        encoded = self._encoded_since(erasures)
        queue = WriteQueue(
            self._home, serving, chunker, views, self._lock, self._room, encoded, self._numbers, self._clock
        )
        queue.take_all()
        until = self._clock() + TAKE_OVER_SECONDS
        while True:
            queue.fill(until)
            with self._lock:
                known = queue.progress.seq
                queue.take()
                if queue.progress.seq != known and queue.waiting and self._clock() < until:
                    continue  # what was written meanwhile is found now, and must be found then
                queue.succeed(self._queues.get(recipe) or next(iter(self._queues.values()), None))
                yield replace(serving, overlay=queue.overlay)
                self._erasures[recipe] = erasures
                self._set({**self._queues, recipe: queue})
                break
        self._awake.set()

    def _encoded_since(self, erasures: int) -> Vectors:
        """Vectors that were encoded here; none of before the last erasure, which may have been of their texts."""
        with self._lock:
            if erasures != self._last_erasures:
                self._encoded, self._last_erasures = LruCache(ENCODED_BYTES), erasures
            return self._encoded

    def _set(self, queues: Mapping[int, WriteQueue]) -> None:
        before, first = next(iter(self._queues), None), next(iter(queues), None)
        if first is not None and first != before:
            queues[first].retry()  # its part of the room has grown
        self._queues = queues
        self._asked_for = {recipe: one for recipe, one in self._asked_for.items() if queues.get(recipe) is one}
        self._room.holders = {recipe: queue.overlay for recipe, queue in queues.items()}

    def keep(self, recipes: Callable[[], Sequence[int]]) -> None:
        """Keep fresh writes for no other recipes than these, and for the first of them first: it is in service."""
        with self._lock:
            kept = {recipe: self._queues[recipe] for recipe in recipes() if recipe in self._queues}
            if list(kept) != list(self._queues):
                self._set(kept)
                self._awake.set()

    def is_outdated(self, recipe: int) -> bool:
        """Whether an erasure ended since a recipe's release took over, or it has no queue: all must be read anew."""
        return recipe not in self._queues or self._count_erasures() != self._erasures[recipe]

    def _count_erasures(self) -> int:
        return count_finished_erasures(self._home.catalogue)

    def _of(self, serving: ServingRelease) -> WriteQueue | None:
        """The queue of the very release that answers; ``None`` once another took its place."""
        queue = self._queues.get(serving.release.recipe)
        return queue if queue is not None and queue.overlay is serving.overlay else None

    # Who writes

    def takes(
        self, partition: Partition, documents: Sequence[Document], *, most_passages: int = MAX_WRITE_PASSAGES
    ) -> bool:
        """Whether a write will be found through the live layer, by every open recipe; if not, it waits for a build.

        It is taken if it has up to ``most_passages`` that need encoding in each, and there is room in each and for all.
        """
        queues = list(self._queues.values())
        if not queues:
            return False
        known = [read_content(self._home.catalogue, partition, document.id) for document in documents]
        cut: dict[str, list[int]] = {}
        passages: list[int] = []
        most_chars = most_passages * _MAX_PASSAGE_CHARS
        for queue in queues:
            is_new = [
                not _is_found(queue, document, content) for document, content in zip(documents, known, strict=True)
            ]
            if sum(len(one.text) for one, new in zip(documents, is_new, strict=True) if new) > most_chars:
                return False
            if queue.passage_view not in cut:
                cut[queue.passage_view] = [len(queue.chunker.spans(document)) for document in documents]
            counts = cut[queue.passage_view]
            if sum(count for count, new in zip(counts, is_new, strict=True) if new) > most_passages:
                return False
            passages.append(sum(counts))
        with self._lock:
            needed = [
                count + sum(one.passages for one in queue.waiting.values())
                for count, queue in zip(passages, queues, strict=True)
            ]
            for view, counts in cut.items():
                for document, count in zip(documents, counts, strict=True):
                    self._expected[view, partition, document.id] = max(1, count)
            while len(self._expected) > _MOST_EXPECTED:  # writes that failed
                del self._expected[next(iter(self._expected))]
        each_fits = all(queue.fits(count) for count, queue in zip(needed, queues, strict=True))
        return each_fits and queues[0].fits(sum(needed))

    def chunking(self) -> tuple[int, int] | None:
        """Tokens of a passage at most, and how many two may share, by the recipe in service; ``None`` before one is."""
        queue = next(iter(self._queues.values()), None)
        return None if queue is None else (queue.chunker.limit, queue.serving.recipe.passage.overlap_tokens)

    def encode_ahead(
        self, partition: Partition, documents: Sequence[Document], *, is_wanted: Callable[[], bool]
    ) -> None:
        """Keep the vectors of a large write before it is stored, so that no other write waits while it is taken.

        It ends early once it is not ``is_wanted``.
        """
        for queue in list(self._queues.values()):
            for document in documents:
                queue.encode_ahead(partition, document, is_wanted)

    def wrote(self, partition: Partition, ids: Iterable[str] = ()) -> None:
        """Take a write that this process has just stored: deletions hide at once, documents join every queue."""
        ids = list(ids)
        with self._lock:  # another release may be taking over
            for queue in self._queues.values():
                queue.take()
                view = queue.passage_view
                queue.claim(partition, {name: self._expected.get((view, partition, name), 1) for name in ids})
        self._awake.set()

    # Who searches

    def has_reached(self, serving: ServingRelease, partition: Partition, seq: int) -> bool:
        """Whether a search of this release sees the write ``seq`` of a partition and all live ones before it."""
        return self.reached(serving, partition) >= seq and (
            seq <= serving.release.seq or not self.waits_for_build(serving, partition, seq)
        )

    def waits_for_build(self, serving: ServingRelease, partition: Partition, seq: int) -> bool:
        """Whether a search of this release cannot see the write ``seq`` before a build holds it."""
        queue = self._of(serving)
        if queue is not None and any(key[0] == partition and late == seq for key, late in list(queue.put_off.items())):
            return True
        return self._reads.waits_for_build(partition, seq)

    def is_to_come(self, serving: ServingRelease, partition: Partition, seq: int) -> bool:
        """Whether the write ``seq`` is worth waiting for: there is such a write, and it needs no build."""
        return seq <= self._reads.sequence() and not self.waits_for_build(serving, partition, seq)

    def reached(self, serving: ServingRelease, partition: Partition) -> int:
        """The sequence number that a search of this release reflects: every live write of the partition up to it."""
        queue = self._of(serving)
        return serving.release.seq if queue is None else queue.progress.reached(partition)

    def finds(
        self, serving: ServingRelease, partition: Partition, document_id: str, seq: int, *, is_live: bool
    ) -> bool:
        """Whether searches of this release find the version of a document that the write ``seq`` left.

        What a corrupt shard holds counts as found.
        """
        queue = self._of(serving)
        return queue is not None and queue.finds((partition, document_id), seq, is_live=is_live)

    def count_waiting(self, tenant: str | None = None) -> int:
        """How many documents, of one tenant or of all, wait for a build to be found here as they were written last.

        By the recipe in service; other recipes may lack more.
        """
        queue = next(iter(self._queues.values()), None)
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
        """Passages in memory, of all recipes."""
        return sum(queue.overlay.passages for queue in self._queues.values())

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        return sum(self.size_by_recipe().values())

    def size_by_recipe(self) -> dict[int, int]:
        """Memory that the fresh writes of each open recipe take, in bytes."""
        return {recipe: queue.overlay.size_bytes for recipe, queue in self._queues.items()}

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest write in any queue, 0 when none is."""
        with self._lock:
            waiting = [one.since for queue in self._queues.values() for one in queue.waiting.values()]
        return self._clock() - min(waiting) if waiting else 0.0

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
        if not self._queues:
            return False
        seq = self._home.catalogue.sequence()
        if all(queue.progress.seq == seq for queue in self._queues.values()):
            return False
        with self._lock:
            for queue in self._queues.values():
                queue.take()
        return True

    def wake(self) -> None:
        """Let ``run`` look at once, as when it is to stop."""
        self._awake.set()

    def work(self) -> bool:
        """One round: take what is new, make some of it ready in each queue; gives whether more can be done at once."""
        self._take_new()
        queues = list(self._queues.values())
        has_more = [self._advance(queue) for queue in queues]
        return any(has_more) or any(queue.overlay.merge(self._lock) for queue in queues)

    def _advance(self, queue: WriteQueue) -> bool:
        """Make some of a queue ready; what one has must not keep the others."""
        try:
            has_more = queue.advance(waits=True)
            self._ask_if_filling(queue)
        except Exception:
            logger.exception("live.failed", extra={"fields": {"recipe": queue.serving.release.recipe}})
            return False
        return has_more

    def _ask_if_filling(self, queue: WriteQueue) -> None:
        """Ask for a build, once for each release, when half of the room is taken or something must wait for one."""
        recipe = queue.serving.release.recipe
        is_asked_for = self._asked_for.get(recipe) is queue
        if not is_asked_for and (queue.put_off or queue.is_behind or not queue.fits(0, share=0.5)):
            self._asked_for[recipe] = queue
            request_build(self._home.catalogue, "the live layer fills up")


def _is_found(queue: WriteQueue, document: Document, known: tuple[str, int, bool] | None) -> bool:
    """Whether the same content is found now, so that its vectors are there; ``known`` is what the catalogue has."""
    if known is None:
        return False
    content_sha256, seq, is_live = known
    return content_sha256 == document.content_sha256 and (is_live or seq <= queue.serving.release.seq)
