"""A supervisor and its workers: what cannot be started, does not answer, or holds too many connections."""

import socket
from itertools import pairwise

import pytest

from app.main import OPENING_SECONDS
from app.server import worker_process
from app.server.supervisor import Supervisor
from app.server.worker_channel import CLOSED, CONNECTION, LEAVING, PING, PONG, READY, REFUSED, FrameReader, frame
from app.server.worker_process import START_SECONDS
from indexing.errors import NotReady
from indexing.settings import Settings


def test_while_nothing_has_served_it_is_an_error(tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise BlockingIOError(11, "no process can be had")

    monkeypatch.setattr(worker_process.subprocess, "Popen", fail)
    supervisor = Supervisor(Settings(home=tmp_path, port=0, workers=2))
    with pytest.raises(NotReady, match="cannot be started"):
        supervisor.step(0)
    supervisor.close()


class FakeProcess:
    """A worker's process that remembers whether it was killed."""

    pid = 4711

    def __init__(self, *arguments, **named):
        self.is_killed = False

    def kill(self):
        self.is_killed = True

    def wait(self):
        return -9


class Worked:
    """A supervisor with workers that are the test: what they are told is read, and what they say is written."""

    def __init__(self, tmp_path, monkeypatch, is_ready=True, **settings):
        self.now, self.pairs, self.theirs, self.workers = 100.0, [], [], []
        make_pair = socket.socketpair

        def pair():
            self.pairs.append(make_pair())
            self.theirs.append(self.pairs[-1][1].dup())
            self.theirs[-1].setblocking(False)
            return self.pairs[-1]

        monkeypatch.setattr(worker_process.subprocess, "Popen", FakeProcess)
        monkeypatch.setattr(worker_process.socket, "socketpair", pair)
        monkeypatch.setattr(worker_process.time, "monotonic", lambda: self.now)
        self.supervisor = Supervisor(Settings(home=tmp_path, port=0, **settings), silent_seconds=5, lost_seconds=30)
        self.step()
        for number in range(len(self.workers) if is_ready else 0):
            self.say(number, READY)

    def step(self):
        """Let the supervisor do what there is to do; ``workers`` are all that it has started, also those that ended."""
        self.supervisor.step(0)
        self.workers += [worker for worker in self.supervisor.workers if worker not in self.workers]

    def say(self, number, kind, about=0):
        self.theirs[number].send(frame(kind, about))
        self.step()

    def end(self, number):
        """A worker ends."""
        self.theirs[number].close()
        self.step()

    def told(self, number):
        """What a worker was told since this was asked."""
        reader, found = FrameReader(), []
        while True:
            try:
                said, descriptors, _, _ = socket.recv_fds(self.theirs[number], 4096, 1)
            except BlockingIOError:
                return found
            for descriptor in descriptors:
                socket.close(descriptor)
            found += reader.feed(said)

    def connect(self):
        """A new connection: the answer if it is refused, else nothing."""
        with socket.create_connection(("127.0.0.1", self.supervisor.port)) as client:
            self.step()
            client.setblocking(False)
            try:
                return client.recv(4096)
            except BlockingIOError:
                return b""

    def after(self, seconds):
        for _ in range(int(seconds / 0.2)):
            self.now += 0.2
            self.step()

    def close(self):
        self.supervisor.close()
        for one in self.theirs:
            one.close()


@pytest.fixture
def worked(tmp_path, monkeypatch):
    made = []

    def make(**settings):
        made.append(Worked(tmp_path, monkeypatch, **({"workers": 2} | settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_worker_that_cannot_be_started_is_tried_again_after_a_pause_that_grows(worked, monkeypatch, caplog):
    one, tried_at = worked(), []

    def fail(*arguments, **named):
        tried_at.append(one.now)
        raise BlockingIOError(11, "no process can be had")

    monkeypatch.setattr(worker_process.subprocess, "Popen", fail)
    monkeypatch.setattr("prometheus_client.multiprocess.mark_process_dead", lambda pid, path: None)
    one.end(0)
    for _ in range(15):
        one.step()
        one.step()  # before the pause is over nothing is tried
        one.now += 0.25
    assert [after - before for before, after in pairwise(tried_at)] == [0.5, 1.0, 2.0]
    assert [end.fileno() for pair in one.pairs[2:] for end in pair] == [-1] * 8  # nothing is left open
    assert one.supervisor.workers == (one.workers[1],)
    assert [record.getMessage() for record in caplog.records].count("supervisor.start_failed") == 4


def test_a_worker_that_does_not_answer_is_dealt_nothing_until_it_does(worked):
    one = worked()
    one.after(0.2)
    assert one.told(0) == one.told(1) == [(PING, 0)]
    one.after(5.2)
    one.say(1, PONG)
    one.after(0.2)
    for _ in range(4):
        assert one.connect() == b""
    assert [kind for kind, _ in one.told(1) if kind == CONNECTION] == [CONNECTION] * 4
    one.say(0, PONG)
    one.after(0.2)
    for _ in range(2):
        assert one.connect() == b""
    assert [kind for kind, _ in one.told(0) if kind == CONNECTION] == [CONNECTION]


def test_a_worker_that_does_not_answer_for_long_is_killed_and_only_that_one(worked):
    one = worked()
    for _ in range(29):
        one.after(1)
        one.say(1, PONG)
    assert not one.workers[0].process.is_killed
    one.after(2)
    assert one.workers[0].process.is_killed
    assert not one.workers[1].process.is_killed


def test_a_pause_of_the_supervisor_itself_is_no_silence_of_its_workers(worked):
    one = worked()
    one.after(1)
    one.now += 1000
    one.step()
    assert not any(worker.is_silent or worker.process.is_killed for worker in one.workers)


def test_a_worker_that_does_not_finish_is_killed(worked):
    one = worked()
    one.say(0, LEAVING)
    one.after(59)
    assert not one.workers[0].process.is_killed
    one.after(2)
    assert one.workers[0].process.is_killed


def test_what_workers_close_or_take_with_them_counts_no_longer(worked, monkeypatch):
    one = worked(max_connections_per_address=4)
    assert [one.connect() for _ in range(4)] == [b""] * 4
    assert b"TooManyConnections" in one.connect()
    dealt = [number for kind, number in one.told(0) if kind == CONNECTION]
    one.say(0, CLOSED, dealt[0])
    one.say(0, CLOSED, dealt[0])  # said twice, or of a connection that it never had: nothing
    one.say(0, CLOSED, 12345)
    assert one.connect() == b""
    assert b"TooManyConnections" in one.connect()
    held = len(one.workers[1].addresses)
    monkeypatch.setattr("prometheus_client.multiprocess.mark_process_dead", lambda pid, path: None)
    one.end(1)
    assert [one.connect() for _ in range(held)] == [b""] * held
    assert b"TooManyConnections" in one.connect()


def test_a_full_worker_is_passed_over_and_when_all_are_full_connections_are_refused(worked, caplog):
    one = worked(max_connections=2)
    assert [one.connect() for _ in range(4)] == [b""] * 4
    assert [len(worker.addresses) for worker in one.workers] == [2, 2]
    for _ in range(50):
        assert b"HTTP/1.1 503 Service Unavailable" in one.connect()
    one.say(1, CLOSED, next(iter(one.workers[1].addresses)))
    assert one.connect() == b""
    assert [len(worker.addresses) for worker in one.workers] == [2, 2]
    refusals = [record for record in caplog.records if record.getMessage() == "supervisor.connections_refused"]
    assert len(refusals) == 1  # at most one a second


def test_a_worker_has_the_time_in_which_the_application_opens_its_release_and_as_long_again():
    assert START_SECONDS >= OPENING_SECONDS + 60


def test_a_worker_that_is_not_ready_in_time_is_killed_and_another_started(worked, monkeypatch, caplog):
    one = worked(is_ready=False)
    monkeypatch.setattr("prometheus_client.multiprocess.mark_process_dead", lambda pid, path: None)
    one.after(START_SECONDS - 1)
    one.say(1, READY)
    assert not one.workers[0].process.is_killed
    one.after(2)
    assert [worker.process.is_killed for worker in one.workers] == [True, False]
    one.say(0, READY)  # too late: it is about to end
    assert not one.workers[0].takes_connections
    one.end(0)
    assert one.supervisor.workers == (one.workers[1],)
    one.after(1)
    assert one.supervisor.workers == (one.workers[1], one.workers[2])
    assert [record.getMessage() for record in caplog.records].count("supervisor.worker_late") == 1


def test_the_first_worker_is_started_again_if_it_hangs_since_no_log_says_why(worked, monkeypatch):
    one = worked(is_ready=False, workers=1)
    monkeypatch.setattr("prometheus_client.multiprocess.mark_process_dead", lambda pid, path: None)
    one.after(START_SECONDS + 1)
    one.end(0)
    one.after(0.4)
    assert one.supervisor.workers == ()
    one.after(0.4)
    assert one.supervisor.workers == (one.workers[1],)


def test_a_pause_of_the_supervisor_itself_does_not_make_a_worker_late(worked):
    one = worked(is_ready=False)
    one.after(1)
    one.now += 1000
    one.step()
    assert not any(worker.process.is_killed for worker in one.workers)


def test_refused_connections_are_counted_by_a_worker(worked):
    one = worked(max_connections=1)
    for _ in range(5):
        one.connect()
    one.step()
    assert sum(number for kind, number in one.told(0) + one.told(1) if kind == REFUSED) == 3


def test_a_refused_client_that_has_sent_its_request_reads_the_answer(worked):
    one = worked(max_connections=1)
    for _ in range(2):
        one.connect()
    with socket.create_connection(("127.0.0.1", one.supervisor.port), timeout=10) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n" + b"x" * 10_000)
        one.supervisor.step(1)
        one.supervisor.step(1)
        answer = b""
        while part := client.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 503 ")
    while one.supervisor.refused:
        one.supervisor.step(1)
