"""A Redis that cannot be used is one sentence with its place and advice, soon, and never with its password."""

import socket
import threading

import pytest

from indexing.builds.redis_check import require_redis
from indexing.errors import NotReady
from indexing.settings import Settings
from tests.support.processes import free_port


class Clock:
    """Moves on with each pause."""

    def __init__(self):
        self.now = 0.0
        self.pauses = 0

    def __call__(self):
        return self.now

    def pause(self, seconds):
        self.now += seconds
        self.pauses += 1


def refusal(url, **choices):
    clock, told = Clock(), []
    with pytest.raises(NotReady) as caught:
        require_redis(Settings(redis_url=url), on_wait=told.append, clock=clock, pause=clock.pause, **choices)
    message = str(caught.value)
    assert "secret" not in message + "".join(told)
    assert "\n" not in message
    assert "correct GROUNDWORK_REDIS_URL" in message
    return message, told, clock


def test_a_redis_that_answers_is_not_waited_for(redis_server):
    require_redis(Settings(redis_url=redis_server.url), pause=pytest.fail, on_wait=pytest.fail)


def test_a_redis_that_is_not_there_is_waited_for_a_bounded_time_and_told_once():
    port = free_port()
    message, told, clock = refusal(f"redis://:secret@127.0.0.1:{port}/0", seconds=5)
    assert f"Redis at 127.0.0.1:{port}/0 cannot be used" in message
    assert "Connection refused" in message
    assert len(told) == 1
    assert "waiting up to 5 s" in told[0]
    assert 5 <= clock.now < 6


def test_a_redis_that_comes_meanwhile_is_used(redis_server):
    redis_server.kill()
    require_redis(Settings(redis_url=redis_server.url), pause=lambda seconds: redis_server.start(), clock=lambda: 0.0)


def test_a_refused_password_and_a_database_that_is_none_are_not_waited_for(redis_server):
    for url in (
        redis_server.url.replace("127.0.0.1", "name:secret@127.0.0.1"),
        redis_server.url[:-1] + "5000",
        redis_server.url + "?socket_timeout=secret",
        redis_server.url + "?secret=1",
    ):
        _, told, clock = refusal(url, seconds=60)
        assert (told, clock.pauses) == ([], 0)


def test_something_else_that_listens_there_is_no_redis():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        message, _, clock = refusal(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", seconds=60)
        thread.join()
    assert clock.pauses == 0
    assert "cannot be used" in message
