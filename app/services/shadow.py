"""Shadow searches: a candidate answers queries that were answered already, for comparison, on capacity that is free."""

import logging
import queue
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from app.access.concurrency import ConcurrencyLimit
from app.live.layer import LiveLayer
from app.retrieval.agreement import overlap, rank_biased_overlap
from app.retrieval.hits import RankedPassage, Result
from app.retrieval.retriever import Retriever
from app.services.queries import query_for
from app.services.request_records import SHADOW, RequestRecord, RequestRecords
from app.serving.assignment import Assignment
from app.serving.release import ServingRelease
from app.serving.release_pool import ReleasePool
from indexing.errors import GroundworkError, NotReady
from indexing.ledger.ids import moment_of
from indexing.telemetry import request_id

logger = logging.getLogger(__name__)
MAX_WAITING = 64
"""Queries that wait for the candidate, a process; our choice: as many as a process searches at once by default."""
BUSY_SHARE = 0.5
"""Of the searches that may be in progress: beyond it no shadow search begins or goes on. Source: issue 11..."""


def busy_above(max_concurrency: int, sessions: int) -> int:
    """...but no more than there are encoder sessions, one a core: with more in progress, no core is free."""
    return min(int(max_concurrency * BUSY_SHARE), sessions)


LOOP_SHARE = 0.5
"""Of the event loop's time that requests may take before no shadow search begins: half of all. Our choice."""
_WINDOW_SECONDS = 0.25
"""Over how long, at least, that share is taken: some hundred searches at full load. Our choice."""

Outcome = Literal["answered", "failed", "other_model", "busy", "queue_full", "not_open"]
"""What became of a query that was to be copied: all but the first three were shed.

``other_model``: a vector of the model in service says nothing to the candidate's.
"""


class ShadowCounts(Protocol):
    """What is told of each query that was to be copied. Called from any thread."""

    def __call__(self, outcome: Outcome) -> None:
        """One more had this outcome."""
        ...


class _Busy(Exception):
    """Searches of callers need the capacity."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two answers to one query, by document; whether ``has_scores`` that can be compared."""

    served: Result
    shadow: Result
    has_scores: bool

    def values(self) -> dict[str, float]:
        """How the candidate's answer differs from the one that was served; differences are candidate minus served."""
        served, shadow = _best(self.served.hits), _best(self.shadow.hits)
        both = [document for document in served if document in shadow]
        values = {
            "overlap": overlap(list(served), list(shadow)),
            "rbo": rank_biased_overlap(list(served), list(shadow)),
            "latency_difference_ms": self.shadow.timings_ms["total"] - self.served.timings_ms["total"],
        }
        if both and self.has_scores:
            values["score_difference"] = statistics.fmean(shadow[one] - served[one] for one in both)
        if served and shadow and self.has_scores:
            values["top_score_difference"] = next(iter(shadow.values())) - next(iter(served.values()))
        return values


def _best(hits: Sequence[RankedPassage]) -> dict[str, float]:
    """Each document's best score, the documents in the order of their best hits."""
    found: dict[str, float] = {}
    for hit in hits:
        found.setdefault(hit.passage.document_id, hit.score)
    return found


class LoopLoad:
    """How much of its time the event loop's thread works. Call it in that thread alone."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, worked: Callable[[], float] = time.thread_time
    ) -> None:
        """Tell the time by ``now``, and what the thread has worked by ``worked``, both in seconds."""
        self._now, self._worked = now, worked
        self._since: tuple[float, float] | None = None
        self._share = 0.0

    def share(self) -> float:
        """The share of the last while, in [0, 1]; 0 until there is one."""
        at, worked = self._now(), self._worked()
        if self._since is None:
            self._since = at, worked
        elif (passed := at - self._since[0]) >= _WINDOW_SECONDS:
            self._share, self._since = (worked - self._since[1]) / passed, (at, worked)
        return self._share


class ShadowSearches:
    """Has one thread of its own, which is started with the first query. ``offer`` never waits and never fails."""

    def __init__(
        self,
        pool: ReleasePool,
        live: LiveLayer,
        retriever: Retriever,
        records: RequestRecords,
        searches: ConcurrencyLimit,
        told: ShadowCounts,
        *,
        busy_above: int,
        load: LoopLoad | None = None,
    ) -> None:
        """Search the candidate of ``pool`` while at most ``busy_above`` of ``searches`` are in progress.

        And while the event loop has time, by ``load``. ``told`` counts what becomes of each query.
        """
        self._pool, self._live, self._retriever, self._records = pool, live, retriever, records
        self._searches, self._told, self._busy_above = searches, told, busy_above
        self._load, self._is_loop_busy = load or LoopLoad(), False
        self._waiting: queue.Queue[RequestRecord | None] = queue.Queue(MAX_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def offer(self, served: RequestRecord) -> None:
        """Let the candidate answer a request that was answered, if there is capacity; else it is shed and counted.

        To be called in the event loop.
        """
        self._is_loop_busy = self._load.share() > LOOP_SHARE
        if self._is_busy():
            self._told("busy")
            return
        with self._lock:
            if self._is_closing:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shadow-searches", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(served)
        except queue.Full:
            self._told("queue_full")

    def flush(self) -> None:
        """Wait until what was offered before is answered or shed."""
        self._waiting.join()

    def close(self, seconds: float = 5.0) -> None:
        """Begin no more; what waits is dropped, and the one in progress ends by itself within ``seconds``."""
        with self._lock:
            self._is_closing, thread = True, self._thread
        if thread is not None:
            while True:
                try:
                    self._waiting.put_nowait(None)
                    break
                except queue.Full:
                    self._drop_one()
            thread.join(seconds)

    def _drop_one(self) -> None:
        try:
            self._waiting.get_nowait()
        except queue.Empty:  # the thread took it
            return
        self._waiting.task_done()

    def _is_busy(self) -> bool:
        return self._is_closing or self._is_loop_busy or self._searches.taken > self._busy_above

    def _require_capacity(self) -> None:
        """Before each stage: let requests have the interpreter, and go on if they need no more than that."""
        time.sleep(0)
        if self._is_busy():
            raise _Busy

    def _run(self) -> None:
        while (served := self._waiting.get()) is not None:
            try:
                self._told(self._answer(served))
            except Exception:  # whatever one query has, later ones are compared
                logger.exception("shadow.failed")
                self._told("failed")
            finally:
                self._waiting.task_done()

    def _answer(self, served: RequestRecord) -> Outcome:
        serving = self._candidate(served.assignment)
        if serving is None:
            return "not_open"
        if served.body.vector is not None and serving.recipe.model != self._pool.current().recipe.model:
            return "other_model"
        token = request_id.set(served.request_id)
        try:
            shadow = self._records.begin(SHADOW, served.caller, served.body)
            shadow.release, shadow.shadow_of = serving.release, served.id
            shadow.assignment = Assignment(
                serving.release.recipe, "candidate", "shadow", served.assignment.rollout, served.assignment.unit
            )
            outcome = self._search(serving, served, shadow)
        except _Busy:
            return "busy"
        finally:
            request_id.reset(token)
        self._records.recorder.record(shadow)
        return outcome

    def _search(self, serving: ServingRelease, served: RequestRecord, shadow: RequestRecord) -> Outcome:
        """Search as it was asked, and put into the record what came of it.

        Raises:
            _Busy: callers need the capacity.
        """
        partition = shadow.caller.partition(shadow.body.collection)
        shadow.seq = self._live.reached(serving, partition)
        try:
            asked = query_for(shadow.body, serving.recipe, None if serving.boosts is None else moment_of(shadow.id))
            search = self._retriever.begin(serving, partition, asked, self._require_capacity)
            shadow.view = search.view_number
            search.use_known_vector()
            shadow.result = search.result()
        except GroundworkError as error:
            shadow.status, shadow.error = self._records.outcome_of(error)
            return "failed"
        if served.result is not None:
            # Among several collections hits are scored otherwise: see ``Search.take_part``.
            shadow.comparison = _Comparison(served.result, shadow.result, not served.is_part).values()
        return "answered"

    def _candidate(self, assignment: Assignment) -> ServingRelease | None:
        """The candidate of the rollout that a request was part of, while it is shadowed and open here."""
        try:
            now = self._pool.now()
        except NotReady:
            return None
        rollout = now.plan.rollout
        if rollout is None or rollout.id != assignment.rollout or rollout.state != "shadow":
            return None
        return now.releases.get(rollout.candidate)
