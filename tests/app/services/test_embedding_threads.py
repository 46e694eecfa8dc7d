import asyncio
import threading

import pytest

from app.access.concurrency import ConcurrencyLimit
from app.access.deadline import Deadline
from app.services.embedding_threads import EmbeddingThreads
from app.services.search_executor import SearchExecutor
from indexing.errors import ClientGone, DeadlineExceeded


class Client:
    """A client that stays, or goes after it was asked so often."""

    def __init__(self, stays=10**6):
        self.stays = stays

    async def is_disconnected(self):
        self.stays -= 1
        return self.stays < 0


class Encoder:
    """Notes the order of texts; the vector of a text is the text."""

    def __init__(self):
        self.texts = []

    def __call__(self, text):
        self.texts.append(text)
        return text


def threads(sessions=1):
    return EmbeddingThreads(sessions, ConcurrencyLimit(4, "full"))


def later(ms=20_000.0):
    return Deadline.within(ms, 60_000)


@pytest.mark.parametrize("sessions", [1, 3])
def test_vectors_stand_in_the_order_of_their_texts(sessions):
    texts = [str(number) for number in range(50)]
    assert asyncio.run(threads(sessions).encode(Client(), later(), texts, Encoder())) == texts


def test_requests_take_turns_text_by_text():
    encoder = Encoder()

    async def both():
        place = threads()
        one = asyncio.create_task(place.encode(Client(), later(), ["a1", "a2", "a3"], encoder))
        other = asyncio.create_task(place.encode(Client(), later(), ["b1"], encoder))
        return await asyncio.gather(one, other)

    assert asyncio.run(both()) == [["a1", "a2", "a3"], ["b1"]]
    assert encoder.texts == ["a1", "b1", "a2", "a3"]


def test_a_search_is_answered_while_texts_are_encoded():
    encoding, go_on = threading.Event(), threading.Event()

    def encode(text):
        encoding.set()
        assert go_on.wait(20)
        return text

    async def visit():
        executor = SearchExecutor(1, ConcurrencyLimit(1, "full"))
        batch = asyncio.create_task(threads().encode(Client(), later(), ["a"] * 3, encode))
        while not encoding.is_set():
            await asyncio.sleep(0)
        assert await executor.run(Client(), later(), lambda: "found") == "found"
        assert not batch.done()
        go_on.set()
        executor.close()
        return await batch

    try:
        assert asyncio.run(visit()) == ["a"] * 3
    finally:
        go_on.set()


def test_one_session_is_left_to_searches():
    begun, go_on = [], threading.Event()

    def encode(text):
        begun.append(text)
        assert go_on.wait(20)
        return text

    async def visit():
        place = threads(sessions=3)
        batches = [asyncio.create_task(place.encode(Client(), later(), ["a"] * 9, encode)) for _ in range(2)]
        while len(begun) < 2:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(begun) == 2
        go_on.set()
        await asyncio.gather(*batches)

    try:
        asyncio.run(visit())
    finally:
        go_on.set()
    assert len(begun) == 18


def test_no_text_is_begun_after_the_deadline():
    encoder = Encoder()
    ticks = iter(range(100))
    deadline = Deadline(3.5, 1000, clock=lambda: next(ticks))
    with pytest.raises(DeadlineExceeded):
        asyncio.run(threads().encode(Client(), deadline, ["a"] * 9, encoder))
    assert len(encoder.texts) == 4


def test_no_text_is_begun_for_a_client_that_has_gone():
    encoder = Encoder()
    with pytest.raises(ClientGone):
        asyncio.run(threads().encode(Client(stays=2), later(), ["a"] * 9, encoder))
    assert len(encoder.texts) == 3


def test_one_text_that_fails_ends_the_request_and_the_next_one_goes_on():
    encoder = Encoder()

    def encode(text):
        if text == "bad":
            raise ZeroDivisionError
        return encoder(text)

    async def visit():
        place = threads(2)
        with pytest.raises(ZeroDivisionError):
            await place.encode(Client(), later(), ["bad", *["a"] * 99], encode)
        encoder.texts.clear()
        assert await place.encode(Client(), later(), ["b"], encode) == ["b"]

    asyncio.run(visit())
    assert encoder.texts.count("a") < 99
