"""Refused connections are read for a moment, a few of them, a little of each; and logged once a second."""

import selectors
import socket

import pytest

from app.schemas.server_problems import too_many_connections
from app.server import refusals
from app.server.http_limits import MAX_LINGERING_CONNECTIONS
from app.server.refusals import RefusalLog, RefusedConnections

PROBLEM = too_many_connections("no more")


@pytest.fixture
def refused():
    with selectors.DefaultSelector() as selector:
        made = RefusedConnections(selector)
        made.clients = []

        def refuse(now=0.0):
            ours, theirs = socket.socketpair()
            theirs.settimeout(10)
            made.clients.append(theirs)
            made.answer(ours, PROBLEM, now)
            return theirs

        def work():
            for key, _ in selector.select(0):
                key.data()

        made.refuse, made.work = refuse, work
        yield made
        made.close()
        for client in made.clients:
            client.close()


def test_a_refused_connection_stays_until_its_client_closes_it(refused):
    client = refused.refuse()
    assert client.recv(4096).startswith(b"HTTP/1.1 503 ")
    assert client.recv(4096) == b""
    client.sendall(b"x" * 1000)
    refused.work()
    assert len(refused) == 1
    client.close()
    refused.work()
    assert len(refused) == 0


def test_one_that_stays_is_closed_after_its_time(refused):
    refused.refuse(now=10.0)
    refused.examine(11.9)
    assert len(refused) == 1
    refused.examine(12.0)
    assert len(refused) == 0


def test_one_that_sends_without_end_is_closed_after_so_much(refused):
    client = refused.refuse()
    sent = 0
    client.setblocking(False)
    while len(refused):
        try:
            sent += client.send(bytes(4096))
        except BlockingIOError:
            refused.work()
        assert sent < 4 * 1024 * 1024


def test_only_so_many_stay_and_the_oldest_makes_room(refused):
    oldest = refused.refuse()
    for _ in range(MAX_LINGERING_CONNECTIONS):
        refused.refuse()
    assert len(refused) == MAX_LINGERING_CONNECTIONS
    assert oldest.recv(4096).startswith(b"HTTP/1.1 503 ")
    oldest.settimeout(10)
    with pytest.raises(BrokenPipeError):
        oldest.sendall(b"x")


def test_a_client_that_is_gone_leaves_nothing(refused):
    ours, theirs = socket.socketpair()
    theirs.close()
    refused.answer(ours, PROBLEM, 0.0)
    assert len(refused) == 0
    assert ours.fileno() == -1


def test_refusals_of_a_second_are_one_line(monkeypatch, caplog):
    now = [100.0]
    monkeypatch.setattr(refusals.time, "monotonic", lambda: now[0])
    log = RefusalLog("refused")
    for _ in range(5):
        log.note(PROBLEM)
    now[0] += 1
    log.note(PROBLEM)
    assert [record.fields["connections"] for record in caplog.records] == [1, 5]
