"""A worker: what the supervisor gives it, and what one connection cannot do to the others."""

import asyncio
import socket
from contextlib import contextmanager

import uvicorn

from app.server.worker import DealtServer, GracefulServer
from app.server.worker_channel import CLOSED, CONNECTION, REFUSED, FrameReader, FrameWriter, frame


async def application(scope, receive, send):
    """Answers nothing."""


CONFIG = uvicorn.Config(application, lifespan="off", log_config=None)


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
    server = GracefulServer(CONFIG, drain_seconds=0, on_stop=list)
    server.server_state.connections = connections = {Connection(), Connection(is_faulty=True), Connection()}
    CONFIG.load()
    assert asyncio.run(server.on_tick(0)) is False
    assert [one.looks for one in connections] == [1, 1, 1]
    assert [one.is_aborted for one in connections] == [one.is_faulty for one in connections]
    assert [record.getMessage() for record in caplog.records] == ["server.check_failed"]


@contextmanager
def dealing():
    """A worker without a loop of its own, the supervisor's end of its channel, and what it counted as refused."""
    ours, theirs = socket.socketpair()
    refused = []

    def count(problem, times=1):
        refused.append((problem.error, times))

    with ours, theirs:
        theirs.setblocking(False)
        ours.settimeout(10)
        yield DealtServer(CONFIG, theirs, on_stop=list, on_refused=count), ours, refused


def test_a_connection_that_came_without_its_descriptor_is_reported_closed_and_counted(monkeypatch, caplog):
    """As the system does it when the worker has as many files open as it may."""

    async def scenario():
        with dealing() as (server, ours, refused):
            writer = FrameWriter(server._channel, asyncio.get_running_loop())
            for number in (7, 8):
                ours.send(frame(CONNECTION, number))
                server._take(writer)
            assert FrameReader().feed(ours.recv(4096)) == [(CLOSED, 7), (CLOSED, 8)]
            assert refused == [("TooManyConnections", 1)] * 2
            assert not server.should_exit

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == ["server.connections_lost"]  # once a second


def test_what_the_supervisor_refused_is_counted():
    async def scenario():
        with dealing() as (server, ours, refused):
            ours.send(frame(REFUSED, 12))
            server._take(FrameWriter(server._channel, asyncio.get_running_loop()))
            assert refused == [("TooManyConnections", 12)]

    asyncio.run(scenario())
