"""Where searches run: a few in the event loop, the others in threads, each within its deadline."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar, TypeVarTuple

from anyio import CapacityLimiter, Semaphore, WouldBlock, move_on_after, to_thread

from app.access.concurrency import ConcurrencyLimit
from app.access.deadline import Deadline
from app.retrieval.hits import Result
from app.retrieval.search import Search
from indexing.errors import ClientGone

THREADS_A_SESSION = 2
"""Searches at work for each encoder session; the others wait. More only contend for the interpreter. Our choice."""
LOOP_SLOTS = 4
"""Searches that work in the event loop each time it goes round: a probe waits for as many, refusals for none.
Source: decision 25."""
_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")


class Client(Protocol):
    """The client of a request; a request of Starlette is one."""

    async def is_disconnected(self) -> bool:
        """Whether it has gone, so that no answer reaches it."""
        ...


class SearchExecutor:
    """Holds the slots, threads and loop slots of one process. Its coroutines are for the event loop only."""

    def __init__(self, sessions: int, searches: ConcurrencyLimit) -> None:
        """Run searches over ``sessions`` encoder sessions; ``searches`` says how many may be in progress."""
        slots = THREADS_A_SESSION * sessions
        self._searches = searches
        self._threads = CapacityLimiter(slots)
        self._encoders = ThreadPoolExecutor(slots, thread_name_prefix="encode-query")
        self._search_slots = Semaphore(slots, fast_acquire=True)
        self._loop_slots = asyncio.Semaphore(LOOP_SLOTS)

    def close(self) -> None:
        """Take no more work; what is running ends by itself."""
        self._encoders.shutdown(wait=False)

    async def run(
        self,
        client: Client,
        deadline: Deadline,
        job: Callable[[*_Arguments], _Answer],
        *arguments: *_Arguments,
    ) -> _Answer:
        """Count a search as in progress and do it in a thread; if its time is up or its client gone, it is not begun.

        Raises:
            Overloaded: too many searches are in progress.
            DeadlineExceeded: no slot was free in time.
            ClientGone: the client has gone, so no answer would be read.
        """
        with self._searches.take():
            return await self.in_thread(client, deadline, job, *arguments)

    async def in_thread(
        self,
        client: Client,
        deadline: Deadline,
        job: Callable[[*_Arguments], _Answer],
        *arguments: *_Arguments,
    ) -> _Answer:
        """As ``run``, for a search that is counted already."""
        await self._take_search_slot(client, deadline)
        try:
            return await to_thread.run_sync(job, *arguments, limiter=self._threads)
        finally:
            self._search_slots.release()

    async def take_loop_slot(self, deadline: Deadline) -> None:
        """Wait until this search may work in the event loop, up to the next time that it waits itself.

        Only ``LOOP_SLOTS`` searches work each time the loop goes round, so that probes and new requests come between.

        Raises:
            DeadlineExceeded: the time was over then.
        """
        await self._loop_slots.acquire()
        asyncio.get_running_loop().call_soon(self._loop_slots.release)
        deadline.check()

    async def encode(self, client: Client, deadline: Deadline, search: Search) -> None:
        """Let a thread encode what is asked, and score terms in the event loop meanwhile.

        Raises:
            DeadlineExceeded, ClientGone: as ``run``.
        """
        await self._take_search_slot(client, deadline)
        try:
            encoding = asyncio.get_running_loop().run_in_executor(self._encoders, search.encode)
            try:
                search.score_terms()
            finally:
                await encoding
        finally:
            self._search_slots.release()

    def complete(self, search: Search) -> Result:
        """Do what is left of a search in the calling thread, and the encoding in another meanwhile."""
        self.prepare(search)
        return search.result()

    def prepare(self, search: Search) -> None:
        """Encode what a search asks in another thread, if that must be, and score its terms in this one meanwhile."""
        search.use_known_vector()
        if search.needs_encoding:
            encoding = self._encoders.submit(search.encode)
            try:
                search.score_terms()
            finally:
                encoding.result()

    async def _take_search_slot(self, client: Client, deadline: Deadline) -> None:
        try:
            self._search_slots.acquire_nowait()
        except WouldBlock:
            await self._wait_for_search_slot(client, deadline)

    async def _wait_for_search_slot(self, client: Client, deadline: Deadline) -> None:
        with move_on_after(deadline.remaining_seconds) as waiting:
            await self._search_slots.acquire()
        if waiting.cancelled_caught:
            raise deadline.exceeded()
        try:
            is_gone = await client.is_disconnected()
        except BaseException:
            self._search_slots.release()
            raise
        if is_gone:
            self._search_slots.release()
            raise ClientGone("The client has gone.")
