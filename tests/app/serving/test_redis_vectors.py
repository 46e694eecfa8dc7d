"""The second level with a real Redis, killed and stopped."""

import signal
import time

import pytest
import redis

from app.serving.redis_vectors import MAX_WAITING, RedisVectors
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer


@pytest.fixture
def server(tmp_path):
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def store(server):
    store = RedisVectors(server.url, ttl_seconds=100)
    yield store
    store.close()


def test_what_was_put_is_there_for_others_until_it_expires(server, store):
    store.put_soon(b"\x00key", b"\x00\xffvalue")
    store.flush()
    other = RedisVectors(server.url, ttl_seconds=1)
    assert other.get(b"\x00key") == b"\x00\xffvalue"
    assert other.get(b"another") is None
    other.close()
    with redis.Redis(port=server.port) as client:
        (name,) = client.keys()
        assert name == b"groundwork:query:\x00key"
        assert 0 < client.ttl(name) <= 100


def test_writing_goes_on_after_it_was_waited_for(server, store):
    for number in range(3):
        store.put_soon(b"%d" % number, b"value")
        store.flush()
    assert [store.get(b"%d" % number) for number in range(3)] == [b"value"] * 3


def test_a_redis_that_is_gone_is_an_oserror_and_writes_are_dropped(server, store):
    assert store.get(b"key") is None
    server.kill()
    with pytest.raises(OSError, match="Connection"):
        store.get(b"key")
    store.put_soon(b"key", b"value")
    store.flush()


def test_a_redis_that_hangs_is_given_up_within_a_few_milliseconds(server, store):
    assert store.get(b"key") is None
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.perf_counter()
        with pytest.raises(OSError, match="Timeout"):
            store.get(b"key")
        assert time.perf_counter() - began < 0.5  # 20 ms, on a machine that does nothing else
        for number in range(2 * MAX_WAITING):  # more than may wait: dropped, never waited for
            store.put_soon(b"%d" % number, b"value")
    finally:
        server.process.send_signal(signal.SIGCONT)
    store.flush()
    assert store.get(b"0") == b"value"


def test_a_redis_that_comes_back_is_used_again(server, store):
    server.kill()
    with pytest.raises(OSError, match="Connection"):
        store.get(b"key")
    server.start()
    store.put_soon(b"key", b"value")
    store.flush()
    assert store.get(b"key") == b"value"


def test_a_wrong_answer_is_an_oserror_too(server, store):
    with redis.Redis(port=server.port) as client:
        client.lpush("groundwork:query:key", "a list")
    with pytest.raises(OSError, match="WRONGTYPE"):
        store.get(b"key")


def test_making_and_closing_it_connects_to_nothing():
    RedisVectors(f"redis://127.0.0.1:{free_port()}/0", ttl_seconds=1).close()
