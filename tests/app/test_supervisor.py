"""A worker that cannot be started is tried again later, and never takes the others with it."""

import socket

import pytest

from app import supervisor, worker_process
from app.supervisor import Supervisor
from indexing.errors import NotReady
from indexing.settings import Settings


@pytest.fixture
def supervised(tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise BlockingIOError(11, "no process can be had")

    monkeypatch.setattr(worker_process.subprocess, "Popen", fail)
    made = Supervisor(Settings(home=tmp_path, port=0, workers=2))
    yield made
    made._listener.close()
    made._selector.close()


def test_while_nothing_has_served_it_is_an_error(supervised):
    with pytest.raises(NotReady, match="cannot be started"):
        supervised._start_missing()


def test_afterwards_it_is_tried_again_after_a_pause_that_grows(supervised, monkeypatch, caplog):
    now, pauses, opened = [100.0], [], []
    make_pair = socket.socketpair

    def pair():
        opened.append(make_pair())
        return opened[-1]

    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(worker_process.socket, "socketpair", pair)
    supervised._has_served = True
    for _ in range(3):
        supervised._start_missing()
        supervised._start_missing()  # before the pause is over nothing is tried
        pauses.append(supervised._starts_again_at - now[0])
        now[0] = supervised._starts_again_at
    assert pauses == [0.5, 1.0, 2.0]
    assert len(opened) == 3
    assert [one.fileno() for both in opened for one in both] == [-1] * 6  # nothing is left open
    assert supervised._workers == []
    assert [record.getMessage() for record in caplog.records].count("supervisor.start_failed") == 3
