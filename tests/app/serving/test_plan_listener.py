"""The signal of another plan with a real Redis: heard at once, also after Redis was lost, and by its own home alone."""

import contextlib
import logging
import queue
import signal
import threading

import pytest
import redis

from app.serving.plan_listener import PlanListener
from indexing.backoff import Backoff
from indexing.signals.plan_signal import PlanSignal, channel_of
from indexing.storage.factory import open_storage
from tests.support.processes import free_port

SOON_SECONDS = 20
QUICKLY = Backoff(0.01, 0.05)


@contextlib.contextmanager
def listening(url, channel, **choices):
    """A listener in a thread of its own; gives what it was told, one entry each."""
    heard, stop = queue.Queue(), threading.Event()
    listener = PlanListener(url, channel, lambda: heard.put("look"), pauses=QUICKLY, **choices)
    thread = threading.Thread(target=listener.run, args=(stop,))
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join(SOON_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def storage(tmp_path):
    return open_storage(tmp_path / "home")


def events(caplog):
    return [record.message for record in caplog.records if record.message.startswith("plan_signal.")]


def test_each_signal_is_heard_and_so_is_that_it_listens(redis_server, storage):
    sender = PlanSignal(redis_server.url, storage)
    with listening(redis_server.url, channel_of(storage)) as heard:
        assert heard.get(timeout=SOON_SECONDS) == "look"  # what was sent before it listened
        for _ in range(3):
            sender.send()
            assert heard.get(timeout=SOON_SECONDS) == "look"
    assert heard.empty()


def test_a_redis_that_was_killed_and_comes_back_is_heard_again_and_what_was_missed_is_looked_for(
    redis_server, storage, caplog
):
    caplog.set_level(logging.INFO)
    sender = PlanSignal(redis_server.url, storage)
    with listening(redis_server.url, channel_of(storage)) as heard:
        assert heard.get(timeout=SOON_SECONDS) == "look"
        redis_server.kill()
        sender.send()  # is lost with it
        redis_server.start()
        assert heard.get(timeout=SOON_SECONDS) == "look"
        PlanSignal(redis_server.url, storage).send()
        assert heard.get(timeout=SOON_SECONDS) == "look"
    assert heard.empty()
    assert events(caplog) == ["plan_signal.not_sent", "plan_signal.redis_lost", "plan_signal.redis_back"] or events(
        caplog
    ) == ["plan_signal.redis_lost", "plan_signal.not_sent", "plan_signal.redis_back"]


def test_a_redis_that_hangs_is_given_up_and_found_again(redis_server, storage, caplog):
    with listening(redis_server.url, channel_of(storage), look_seconds=0.01) as heard:
        assert heard.get(timeout=SOON_SECONDS) == "look"
        redis_server.process.send_signal(signal.SIGSTOP)
        try:
            while "plan_signal.redis_lost" not in events(caplog):
                assert heard.empty()
        finally:
            redis_server.process.send_signal(signal.SIGCONT)
        assert heard.get(timeout=SOON_SECONDS) == "look"


def test_homes_that_share_a_redis_do_not_hear_each_other(redis_server, storage, tmp_path):
    other = open_storage(tmp_path / "other")
    with (
        listening(redis_server.url, channel_of(storage)) as heard,
        listening(redis_server.url, channel_of(other)) as heard_there,
    ):
        assert heard.get(timeout=SOON_SECONDS) == heard_there.get(timeout=SOON_SECONDS) == "look"
        PlanSignal(redis_server.url, other).send()
        assert heard_there.get(timeout=SOON_SECONDS) == "look"
        with redis.Redis(port=redis_server.port) as client:
            assert client.publish(channel_of(storage), b"") == 1
        assert heard.get(timeout=SOON_SECONDS) == "look"
    assert heard.empty()
    assert heard_there.empty()


@pytest.mark.parametrize("options", ["", "?socket_timeout=secret", "?secret=1"])
def test_a_redis_that_is_never_there_is_said_once_and_never_with_its_address(storage, caplog, options):
    url = f"redis://:secret@127.0.0.1:{free_port()}/0{options}"
    with listening(url, channel_of(storage)) as heard:
        while not events(caplog):
            assert heard.empty()
    assert events(caplog) == ["plan_signal.redis_lost"]
    assert "secret" not in str(caplog.records[0].__dict__)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_no_host_can_have_ends_neither_listening_nor_a_promotion(storage, caplog, host):
    url = f"redis://{host}:6379/0"
    with listening(url, channel_of(storage)) as heard:
        while not events(caplog):
            assert heard.empty()
    PlanSignal(url, storage).send()
    assert events(caplog) == ["plan_signal.redis_lost", "plan_signal.not_sent"]


def test_an_address_may_bound_the_connections_of_a_client(redis_server, storage):
    with listening(f"{redis_server.url}?max_connections=1", channel_of(storage)) as heard:
        assert heard.get(timeout=SOON_SECONDS) == "look"
        PlanSignal(f"{redis_server.url}?max_connections=1", storage).send()
        assert heard.get(timeout=SOON_SECONDS) == "look"
