"""A worker: what the supervisor gives it, and what one connection cannot do to the others."""

import asyncio
import socket
from contextlib import asynccontextmanager

import uvicorn

from app.server.worker import DealtServer, GracefulServer
from app.server.worker_channel import CLOSED, CONNECTION, PING, PONG, READY, REFUSED, FrameReader, frame


async def application(scope, receive, send):
    """Answers nothing."""


def loaded():
    """The settings of a server that has no application."""
    config = uvicorn.Config(application, lifespan="off", log_config=None)
    config.load()
    return config


class Connection:
    """A connection as the server sees it; one that is faulty fails when it is looked at."""

    def __init__(self, is_faulty=False):
        self.is_faulty, self.looks, self.is_aborted, self.transport = is_faulty, 0, False, self

    def check(self, now):
        self.looks += 1
        if self.is_faulty:
            raise IndexError("a fault in the look at one connection")

    def abort(self):
        self.is_aborted = True


def test_a_fault_in_one_connection_ends_that_connection_and_not_the_server(caplog):
    server = GracefulServer(loaded(), drain_seconds=0, on_stop=list)
    server.server_state.connections = connections = {Connection(), Connection(is_faulty=True), Connection()}
    assert asyncio.run(server.on_tick(0)) is False
    assert [one.looks for one in connections] == [1, 1, 1]
    assert [one.is_aborted for one in connections] == [one.is_faulty for one in connections]
    assert [record.getMessage() for record in caplog.records] == ["server.check_failed"]


class Dealing:
    """A worker that takes connections, the supervisor's end of its channel, and what it counted as refused."""

    def __init__(self, server, ours, refused):
        self.server, self.ours, self.refused = server, ours, refused

    def tell(self, kind, number):
        self.ours.send(frame(kind, number))

    async def hear(self, frames):
        """So many frames that the worker says."""
        reader, heard = FrameReader(), []
        while len(heard) < frames:
            heard += reader.feed(await asyncio.get_running_loop().sock_recv(self.ours, 4096))
        return heard


@asynccontextmanager
async def dealing():
    ours, theirs = socket.socketpair()
    refused = []

    def count(problem, times=1):
        refused.append((problem.error, times))

    with ours, theirs:
        ours.setblocking(False)
        config = loaded()
        server = DealtServer(config, theirs, on_stop=list, on_refused=count)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        dealt = Dealing(server, ours, refused)
        async with asyncio.timeout(20):
            assert await dealt.hear(1) == [(READY, 0)]
            yield dealt
        asyncio.get_running_loop().remove_reader(theirs)


def test_a_connection_that_came_without_its_descriptor_is_reported_closed_and_counted(caplog):
    """As the system does it when the worker has as many files open as it may."""

    async def scenario():
        async with dealing() as dealt:
            for number in (7, 8):
                dealt.tell(CONNECTION, number)
            assert await dealt.hear(2) == [(CLOSED, 7), (CLOSED, 8)]
            assert dealt.refused == [("TooManyConnections", 1)] * 2
            assert not dealt.server.should_exit

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == ["server.connections_lost"]  # once a second


def test_what_the_supervisor_refused_is_counted():
    async def scenario():
        async with dealing() as dealt:
            dealt.tell(REFUSED, 12)
            dealt.tell(PING, 3)
            assert await dealt.hear(1) == [(PONG, 3)]
            assert dealt.refused == [("TooManyConnections", 12)]

    asyncio.run(scenario())
