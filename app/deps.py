"""What routes share: the state of the process, the caller and its scopes, the door, and the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar, TypeVarTuple

from anyio import CapacityLimiter, Semaphore, WouldBlock, move_on_after, to_thread
from fastapi import Depends, Header, HTTPException, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel

from app.deadline import Deadline
from app.limits import RateLimiter
from app.retrieval.live import LiveLayer
from app.retrieval.retriever import Retriever
from app.retrieval.snapshot_pool import SnapshotPool
from app.tenancy import Caller
from indexing.errors import Overloaded
from indexing.home import Home
from indexing.settings import metrics_folder

CLIENT_GONE = 499
"""nginx's status for a client that went away before it was answered; it stands in counts and logs alone."""
THREADS_A_SESSION = 2
"""Searches at work for each encoder session; the others wait in line. More only contend for the interpreter."""
TIMEOUT_HEADER = "x-timeout-ms"
_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The process's Prometheus metrics, in a registry of their own. Labels are few: release, stage, status.

    With several workers each writes its counts into files, and whichever is scraped gives the sum of all; a gauge's
    ``multiprocess_mode`` says what of all is given.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.threads = CapacityLimiter(1)  # of its own: who watches must not wait behind what is watched
        self._folder = metrics_folder()
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._served: set[tuple[str, str]] = set()
        self.requests = Counter(
            "groundwork_search_requests",
            "Searches by HTTP status and release.",
            ["status", "release"],
            registry=self.registry,
        )
        self.stages = Histogram(
            "groundwork_search_stage_duration_seconds",
            "Time of each stage of a search.",
            ["stage", "release"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "groundwork_searches_in_progress",
            "Searches being answered.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.refusals = Counter(
            "groundwork_refusals",
            "Requests refused for their key, scope, rate or quota.",
            ["reason"],
            registry=self.registry,
        )
        self.refused = Counter("groundwork_search_refused", "Searches refused at the door.", registry=self.registry)
        self.late = Counter(
            "groundwork_search_deadline_exceeded",
            "Searches given up when their time was over.",
            registry=self.registry,
        )
        self.query_cache = Counter(
            "groundwork_query_cache_lookups",
            "Query vectors by where they came from.",
            ["outcome"],
            registry=self.registry,
        )
        self.release = Gauge(
            "groundwork_release_info",
            "1 for the release in service.",
            ["release", "snapshot"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.passages = Gauge(
            "groundwork_snapshot_passages",
            "Passages in the snapshot in service.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.recall = Gauge(
            "groundwork_live_recall",
            "Recall of the last live measurement.",
            ["release"],
            multiprocess_mode="mostrecent",
            registry=self.registry,
        )
        self.open_shards = Gauge(
            "groundwork_open_shards",
            "Shards mapped now.",
            multiprocess_mode="livesum",
            registry=self.registry,
        )
        self.shards = Gauge(
            "groundwork_snapshot_shards",
            "Shards of the snapshot in service.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.broken = Gauge(
            "groundwork_broken_shards",
            "Shards that cannot be served.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.writes = Counter(
            "groundwork_document_writes", "Documents written or deleted over HTTP.", ["kind"], registry=self.registry
        )
        self.live_passages = Gauge(
            "groundwork_live_passages",
            "Passages that no build holds yet, in memory.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.live_bytes = Gauge(
            "groundwork_live_bytes", "Memory that they take.", multiprocess_mode="livesum", registry=self.registry
        )
        self.live_lag = Gauge(
            "groundwork_live_lag_seconds",
            "Age of the oldest write on its way into memory; 0 when there is none.",
            multiprocess_mode="livemax",
            registry=self.registry,
        )

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Let a gauge be what ``value`` gives when it is scraped; a second ago at most, of another worker."""
        if self._folder is None:
            gauge.set_function(value)
        else:
            self._watched.append((gauge, value))

    def sample(self) -> None:
        """Bring watched gauges up to date; called once a second and before a scrape."""
        for gauge, value in self._watched:
            gauge.set(value())

    def serve(self, release: str, snapshot: str) -> None:
        """Name what is in service from now on, and nothing else."""
        now = (release, snapshot)
        for before in [labels for labels in self._served if labels != now]:
            self.release.labels(*before).set(0)
            if self._folder is None:  # workers share files, from which nothing can be taken out
                self.release.remove(*before)
                self._served.discard(before)
        self._served.add(now)
        self.release.labels(*now).set(1)

    def text(self) -> bytes:
        """All metrics, of all workers, as Prometheus reads them."""
        self.sample()
        if self._folder is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(together)


@dataclass(slots=True)
class Places:
    """So many may be in here at once, and whoever comes then is refused, never queued. For the event loop only."""

    most: int
    refusal: str
    retry_after_seconds: int = 1
    taken: int = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Have a place while the block lasts.

        Raises:
            Overloaded: none is free.
        """
        if self.taken >= self.most:
            raise Overloaded(self.refusal, retry_after_seconds=self.retry_after_seconds)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


@dataclass(slots=True)
class Services:
    """The state of one API process, made by ``main`` and kept in ``app.state.services``."""

    home: Home
    pool: SnapshotPool
    retriever: Retriever
    live: LiveLayer
    metrics: Metrics = field(default_factory=Metrics)
    limiter: RateLimiter = field(default_factory=RateLimiter)
    in_progress: int = 0
    is_stopping: bool = False
    others: Places = field(init=False)
    waiting: Places = field(init=False)
    measuring: Places = field(init=False)
    threads: CapacityLimiter = field(init=False)
    line: Semaphore = field(init=False)

    def __post_init__(self) -> None:
        places = THREADS_A_SESSION * self.home.settings.sessions
        most = self.home.settings.max_concurrency
        self.others = Places(most, f"{most} requests are in progress here already: try again in a second.")
        self.waiting = Places(most, f"{most} searches wait for writes here already: try again in a second.")
        measured = "A measurement is being made here already: try again when it is done."
        self.measuring = Places(1, measured, retry_after_seconds=5)
        self.threads = CapacityLimiter(places)
        self.line = Semaphore(places, fast_acquire=True)
        self.metrics.watch(self.metrics.live_passages, lambda: self.live.passages)
        self.metrics.watch(self.metrics.live_bytes, lambda: self.live.size_bytes)
        self.metrics.watch(self.metrics.live_lag, lambda: self.live.lag_seconds)

    @contextmanager
    def door(self) -> Iterator[None]:
        """Let one search in, or refuse it at once; never queue. To be used from the event loop only.

        Raises:
            Overloaded: as many searches are in progress as ``GROUNDWORK_MAX_CONCURRENCY`` allows.
        """
        limit = self.home.settings.max_concurrency
        if self.in_progress >= limit:
            self.metrics.refused.inc()
            raise Overloaded(f"{limit} searches are in progress here already: try again in a second.")
        self.in_progress += 1
        self.metrics.in_progress.set(self.in_progress)
        try:
            yield
        finally:
            self.in_progress -= 1
            self.metrics.in_progress.set(self.in_progress)

    async def work(
        self,
        request: Request,
        deadline: Deadline,
        job: Callable[[*_Arguments], _Answer],
        *arguments: *_Arguments,
    ) -> _Answer:
        """Let a search in at the door and do it in a thread; one whose time is up or client gone is not begun.

        Raises:
            Overloaded: the door is full.
            DeadlineExceeded: no thread was free in time.
            HTTPException: the client has gone, so nobody reads this.
        """
        with self.door():
            try:
                self.line.acquire_nowait()
            except WouldBlock:
                await self._wait_in_line(request, deadline)
            try:
                return await to_thread.run_sync(job, *arguments, limiter=self.threads)
            finally:
                self.line.release()

    async def _wait_in_line(self, request: Request, deadline: Deadline) -> None:
        with move_on_after(deadline.remaining_seconds) as waiting:
            await self.line.acquire()
        if waiting.cancelled_caught:
            raise deadline.exceeded()
        if await request.is_disconnected():
            self.line.release()
            raise HTTPException(CLIENT_GONE, "The client has gone.")


def services_of(request: Request) -> Services:
    """The process's state."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)  # FastAPI would run a plain function in a thread


def served_by(release: str, snapshot: str, answer: BaseModel) -> Response:
    """An answer that names what served it in its headers, too; to be made where it was found, off the event loop."""
    headers = {"x-release-id": release, "x-snapshot-id": snapshot}
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


async def caller_of(
    request: Request,
    needed: SecurityScopes,
    _shown_in_docs: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> Caller:
    """Who sends this request, with every scope that the route needs; ``AdmittedRoute`` has admitted it.

    Raises:
        Forbidden: the key lacks a scope.
    """
    caller: Caller = request.state.caller
    for scope in needed.scopes:
        caller.require(scope)
    return caller


async def deadline_of_request(
    request: Request,
    x_timeout_ms: Annotated[
        float | None,
        Header(gt=0, allow_inf_nan=False, description="Milliseconds after which the answer is worth nothing any more."),
    ] = None,
) -> Deadline:
    """Until when the answer is worth having: what the client says, within what the installation allows."""
    return Deadline.within(x_timeout_ms, services_of(request).home.settings.deadline_ms)


Here = Annotated[Services, Depends(_services)]
"""The process's state."""
Timely = Annotated[Deadline, Depends(deadline_of_request)]
"""Until when the answer is worth having."""
Searcher = Annotated[Caller, Security(caller_of, scopes=["search"])]
"""A caller that may search."""
Writer = Annotated[Caller, Security(caller_of, scopes=["write"])]
"""A caller that may change documents."""
Admin = Annotated[Caller, Security(caller_of, scopes=["admin"])]
"""A caller that may look after its tenant."""
Operator = Annotated[Caller, Security(caller_of, scopes=["operator"])]
"""A caller that may look after all tenants."""
