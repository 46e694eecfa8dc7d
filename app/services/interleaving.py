"""Interleaved searches: the candidate searches beside the release in service, and both lists become one answer."""

import contextvars
import logging
import random
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from typing import Protocol

from app.access.concurrency import ConcurrencyLimit
from app.access.deadline import Deadline
from app.access.sequence_tokens import SequenceTokens
from app.live.layer import LiveLayer
from app.retrieval.hits import RankedPassage, Result
from app.retrieval.near_duplicates import NearDuplicates
from app.retrieval.retriever import Retriever
from app.retrieval.team_draft import team_draft
from app.services.queries import query_for
from app.services.request_records import RequestRecord
from app.services.shadow import LOOP_SHARE, LoopLoad
from app.serving.release import ServingRelease
from app.serving.release_pool import ReleasePool
from indexing.errors import DeadlineExceeded, GroundworkError, NotYetSearchable
from indexing.ledger.ids import moment_of
from indexing.ledger.interleaving import (
    CANDIDATE,
    CANDIDATE_BEST,
    CANDIDATE_FILLS,
    CANDIDATE_HITS,
    CANDIDATE_RELEASE,
    LATENCY_DIFFERENCE,
    OUTCOME,
    SLOTS,
    Outcome,
)

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 0.5
"""How long an answer waits for the candidate's list after its own was there, at most. Source: our choice; a candidate
that needs as long fails the guard of latency."""


class InterleavingCounts(Protocol):
    """What is told of each answer that was to be interleaved. Called from any thread."""

    def __call__(self, outcome: Outcome) -> None:
        """One more had this outcome."""
        ...


@dataclass(frozen=True, slots=True)
class _Searching:
    """The candidate's search, in progress."""

    serving: ServingRelease
    found: "Future[Result]"


class InterleavedSearches:
    """Has threads of its own for the candidate's searches, which start with the first. No error of it reaches a user.

    Safe to share between threads, but for ``is_busy``.
    """

    def __init__(
        self,
        pool: ReleasePool,
        live: LiveLayer,
        retriever: Retriever,
        tokens: SequenceTokens,
        searches: ConcurrencyLimit,
        told: InterleavingCounts,
        *,
        threads: int,
        busy_above: int,
        load: LoopLoad | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Search the candidate of ``pool`` in so many ``threads``, while at most ``busy_above`` others are in progress.

        And while the event loop has time, by ``load``: as shadow searches. ``told`` counts what becomes of each.
        """
        self._pool, self._live, self._retriever, self._tokens = pool, live, retriever, tokens
        self._searches, self._told, self._busy_above = searches, told, busy_above
        self._load, self.patience_seconds = load or LoopLoad(), patience_seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="interleaved-search")
        self._free = threading.Semaphore(threads)

    def close(self) -> None:
        """Begin no more; what is running ends by itself, and what waits is not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def is_busy(self) -> bool:
        """Whether users need the capacity, so that the release in service shall answer alone. In the event loop."""
        return self._load.share() > LOOP_SHARE or self._searches.taken > self._busy_above

    def shed(self, record: RequestRecord) -> None:
        """Say that a request is answered by the release in service alone, since it is busy here."""
        self._say(record, "busy")

    def begin(self, record: RequestRecord, deadline: Deadline) -> Callable[[Result], Result]:
        """Let the candidate search what a request asks, at once.

        Returns:
            What makes the answer of the result of the release in service: both lists as one, or that result as it is
            where the candidate has none in time.
        """
        searching = self._begin(record, deadline)
        if not isinstance(searching, _Searching):
            self._say(record, searching)
            return lambda result: result
        return lambda result: self._finish(record, searching, result, deadline)

    def _begin(self, record: RequestRecord, deadline: Deadline) -> _Searching | Outcome:
        now = self._pool.now()
        rollout = now.plan.rollout
        is_same = rollout is not None and rollout.id == record.assignment.rollout
        serving = now.releases.get(rollout.candidate) if rollout is not None and is_same else None
        if serving is None:
            return "not_open"
        if not self._free.acquire(blocking=False):
            return "busy"  # searches of the candidate hang, or are slow
        context = contextvars.copy_context()
        try:
            found = self._threads.submit(context.run, self._search, serving, record, deadline)
        except RuntimeError:  # the process ends
            self._free.release()
            return "not_open"
        found.add_done_callback(lambda _: self._free.release())
        return _Searching(serving, found)

    def _search(self, serving: ServingRelease, record: RequestRecord, deadline: Deadline) -> Result:
        """Search as it was asked; all that is asked of the release in service is asked of the candidate, too."""
        body, partition = record.body, record.caller.partition(record.body.collection)
        if body.min_seq is not None:
            wanted = self._tokens.read(partition.tenant, body.min_seq)
            if not self._live.has_reached(serving, partition, wanted):
                raise NotYetSearchable(f"The candidate does not see the write of min_seq {body.min_seq} yet.")
        view = serving.view(partition)
        if view is None or not view.rows:
            serving.require_searchable(partition)
        asked = query_for(body, serving.recipe, None if serving.boosts is None else moment_of(record.id))
        search = self._retriever.begin(serving, partition, asked, deadline.check)
        search.use_known_vector()
        return search.result()

    def _finish(self, record: RequestRecord, searching: _Searching, result: Result, deadline: Deadline) -> Result:
        began = time.perf_counter()
        found = self._await(searching, deadline)
        waited_ms = (time.perf_counter() - began) * 1000.0
        timings = {**result.timings_ms, "total": result.timings_ms["total"] + waited_ms}
        if not isinstance(found, Result):
            self._say(record, found)
            return replace(result, timings_ms=timings)
        self._told("answered")
        release = searching.serving.release.number
        draft = team_draft(
            result.hits, found.hits, record.body.k, key=_key(record, [*result.hits, *found.hits]), toss=_toss(record)
        )
        record.comparison = {
            OUTCOME: "answered",
            CANDIDATE_RELEASE: release,
            SLOTS: draft.slots,
            LATENCY_DIFFERENCE: found.timings_ms["total"] - result.timings_ms["total"],
            CANDIDATE_HITS: len(found.hits),
            **_best_of(found),
        }
        hits = [
            replace(hit, rank=rank, release=release if slot in (CANDIDATE, CANDIDATE_FILLS) else "")
            for rank, (hit, slot) in enumerate(zip(draft.hits, draft.slots, strict=True), 1)
        ]
        warnings = [*result.warnings, *(f"release {release}: {warning}" for warning in found.warnings)]
        return replace(result, hits=hits, warnings=warnings, timings_ms=timings)

    def _await(self, searching: _Searching, deadline: Deadline) -> Result | Outcome:
        try:
            return searching.found.result(min(self.patience_seconds, deadline.remaining_seconds))
        except (FutureTimeoutError, CancelledError, DeadlineExceeded):
            searching.found.cancel()
            return "late"
        except NotYetSearchable:
            return "behind"
        except GroundworkError as error:
            fields = {"release": searching.serving.release.number, "reason": f"{type(error).__name__}: {error}"}
            logger.warning("interleaving.candidate_failed", extra={"fields": fields})
            return "failed"
        except Exception:  # whatever the candidate has, the release in service answers
            logger.exception("interleaving.candidate_failed")
            return "failed"

    def _say(self, record: RequestRecord, outcome: Outcome) -> None:
        self._told(outcome)
        record.comparison = {OUTCOME: outcome}


def _best_of(found: Result) -> dict[str, float]:
    """The best raw score of the dense leg, where there is one."""
    scores = [hit.dense for hit in found.hits if hit.dense is not None]
    return {CANDIDATE_BEST: max(scores)} if scores else {}


def _key(record: RequestRecord, hits: Sequence[RankedPassage]) -> Callable[[RankedPassage], Hashable]:
    """What makes two hits the same: the document where each gives one, else the piece of its text.

    Where near-duplicates are to be shown once, ``hits``, those of both, are the same if they are near-duplicates.
    """
    if record.body.collapse:
        seen = NearDuplicates()
        places = {_piece(hit): seen.place(hit.passage.text) for hit in hits}
        return lambda hit: places[_piece(hit)]
    return (lambda hit: hit.passage.document_id) if record.body.group_by_document else _piece


def _piece(hit: RankedPassage) -> tuple[str, int, int]:
    return hit.passage.document_id, hit.passage.start, hit.passage.end


def _toss(record: RequestRecord) -> Callable[[], bool]:
    """Fair tosses that are the same for the same row of the ledger."""
    generator = random.Random(record.id.int)  # noqa: S311 (tosses, to be had again)
    return lambda: generator.random() < 0.5
