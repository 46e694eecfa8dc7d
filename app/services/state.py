"""What routes share: the state of the process, the caller and its scopes, the door and the threads behind it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, Semaphore, WouldBlock, move_on_after, to_thread
from fastapi import HTTPException, Request

from app.access.concurrency import Places
from app.access.deadline import Deadline
from app.access.rate_limit import RateLimiter
from app.live.layer import LiveLayer
from app.metrics import Metrics
from app.retrieval.retriever import Result, Retriever, Search
from app.serving.release_pool import SnapshotPool
from indexing.errors import Overloaded
from indexing.home import Home

CLIENT_GONE = 499
"""nginx's status for a client that went away before it was answered; it stands in counts and logs alone."""
THREADS_A_SESSION = 2
"""Searches at work for each encoder session; the others wait in line. More only contend for the interpreter."""
TURNS_A_ROUND = 4
"""Searches that work in the event loop each time it goes round: a probe waits for as many, refusals for none."""
TIMEOUT_HEADER = "x-timeout-ms"
_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")


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
    encoders: ThreadPoolExecutor = field(init=False)
    line: Semaphore = field(init=False)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TURNS_A_ROUND))

    def __post_init__(self) -> None:
        places = THREADS_A_SESSION * self.home.settings.sessions
        most = self.home.settings.max_concurrency
        self.others = Places(most, f"{most} requests are in progress here already: try again in a second.")
        self.waiting = Places(most, f"{most} searches wait for writes here already: try again in a second.")
        measured = "A measurement is being made here already: try again when it is done."
        self.measuring = Places(1, measured, retry_after_seconds=5)
        self.threads = CapacityLimiter(places)
        self.encoders = ThreadPoolExecutor(places, thread_name_prefix="encode-query")
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
            return await self.in_thread(request, deadline, job, *arguments)

    async def in_thread(
        self,
        request: Request,
        deadline: Deadline,
        job: Callable[[*_Arguments], _Answer],
        *arguments: *_Arguments,
    ) -> _Answer:
        """As ``work``, for who is inside already."""
        await self._take_place(request, deadline)
        try:
            return await to_thread.run_sync(job, *arguments, limiter=self.threads)
        finally:
            self.line.release()

    async def take_turn(self, deadline: Deadline) -> None:
        """Wait until it is this search's turn to work in the event loop, as long as it does not wait itself.

        Few searches have their turn each time the loop goes round, so that probes and new requests come in between.

        Raises:
            DeadlineExceeded: the time was over then.
        """
        await self.turns.acquire()
        asyncio.get_running_loop().call_soon(self.turns.release)
        deadline.check()

    async def encode(self, request: Request, deadline: Deadline, search: Search) -> None:
        """Let a thread encode what is asked, and score terms in the event loop meanwhile.

        Raises:
            DeadlineExceeded, HTTPException: as ``work``.
        """
        await self._take_place(request, deadline)
        try:
            encoding = asyncio.get_running_loop().run_in_executor(self.encoders, search.encode)
            try:
                search.score_terms()
            finally:
                await encoding
        finally:
            self.line.release()

    def complete(self, search: Search) -> Result:
        """Do what is left of a search in this thread, and the encoding in another meanwhile."""
        if search.needs_encoding():
            encoding = self.encoders.submit(search.encode)
            try:
                search.score_terms()
            finally:
                encoding.result()
        return search.result()

    async def _take_place(self, request: Request, deadline: Deadline) -> None:
        try:
            self.line.acquire_nowait()
        except WouldBlock:
            await self._wait_in_line(request, deadline)

    async def _wait_in_line(self, request: Request, deadline: Deadline) -> None:
        with move_on_after(deadline.remaining_seconds) as waiting:
            await self.line.acquire()
        if waiting.cancelled_caught:
            raise deadline.exceeded()
        try:
            is_gone = await request.is_disconnected()
        except BaseException:
            self.line.release()
            raise
        if is_gone:
            self.line.release()
            raise HTTPException(CLIENT_GONE, "The client has gone.")


def services_of(request: Request) -> Services:
    """The process's state."""
    services: Services = request.app.state.services
    return services
