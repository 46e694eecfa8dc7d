"""Where texts of clients are encoded: beside searches, and without keeping them waiting."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from app.access.concurrency import ConcurrencyLimit
from app.access.deadline import Deadline
from app.services.search_executor import Client
from indexing.errors import ClientGone
from indexing.records import Vector

_Result = TypeVar("_Result")


class EmbeddingThreads:
    """Threads of their own, in which one text is encoded a turn, so that searches come between.

    There is one thread fewer than encoder sessions, so that one is always there for searches; where there is but one, a
    search waits for a text at most. Searches have threads of their own, and never wait for a place that a batch holds.
    """

    def __init__(self, sessions: int, requests: ConcurrencyLimit) -> None:
        """Encode beside searches over ``sessions``; ``requests`` says how many may be in progress."""
        self.requests = requests
        self._count = max(1, sessions - 1)
        self._threads = CapacityLimiter(self._count)

    async def encode(
        self, client: Client, deadline: Deadline, texts: Sequence[str], encode: Callable[[str], Vector]
    ) -> list[Vector]:
        """The vectors of texts, in their order; requests take turns text by text.

        Raises:
            DeadlineExceeded: the time was over before the last text was begun.
            ClientGone: the client has gone meanwhile.
        """
        vectors: dict[int, Vector] = {}
        waiting = iter(enumerate(texts))
        workers = [
            asyncio.ensure_future(self._encode_waiting(client, deadline, waiting, encode, vectors))
            for _ in range(min(self._count, len(texts)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return [vectors[place] for place in range(len(texts))]

    async def run(self, job: Callable[[], _Result]) -> _Result:
        """Do something short in one of the threads."""
        return await to_thread.run_sync(job, limiter=self._threads)

    async def _encode_waiting(
        self,
        client: Client,
        deadline: Deadline,
        waiting: Iterator[tuple[int, str]],
        encode: Callable[[str], Vector],
        vectors: dict[int, Vector],
    ) -> None:
        for place, text in waiting:
            deadline.check()
            if place and await client.is_disconnected():
                raise ClientGone("The client has gone.")
            vectors[place] = await to_thread.run_sync(encode, text, limiter=self._threads)
