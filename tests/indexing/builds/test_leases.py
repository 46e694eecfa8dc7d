import subprocess
import sys
import time

import pytest
import redis

from indexing.builds.leases import Leases, queue_of
from indexing.settings import Settings
from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT

IDENTITY = "0" * 32
KEY = f"groundwork:{IDENTITY}:lease:block"
HOLD = """
import sys
from indexing.settings import Settings
from indexing.builds.leases import Leases
from tests.indexing.builds.test_leases import Store
with Leases(Settings(redis_url=sys.argv[1], lease_seconds=0.9), Store()).hold(1, "block") as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def wait_for(condition, seconds=20):
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to that")


class Store:
    """A store of which only the identity is asked."""

    def __init__(self, identity=IDENTITY):
        self._identity = identity

    def identity(self):
        return self._identity


def leases(server, identity=IDENTITY, **values):
    return Leases(Settings(redis_url=server.url, **values), Store(identity))


def test_a_lease_is_held_by_one_at_a_time_and_given_back(redis_server):
    mine, yours = leases(redis_server), leases(redis_server)
    with mine.hold(1, "block") as is_mine:
        assert is_mine
        assert yours.is_held("block")
        with yours.hold(1, "block") as is_yours:
            assert not is_yours
    assert not yours.is_held("block")


def test_blocks_in_hand_are_listed(redis_server):
    mine = leases(redis_server)
    with mine.hold(1, "shard-b"), mine.hold(1, "embed-a"):
        assert leases(redis_server).held() == ["embed-a", "shard-b"]
    assert mine.held() == []


def test_a_lease_expires_by_itself(redis_server):
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=5).hold(1, "block"):
        assert 0 < client.pttl(KEY) <= 5000
    client.close()


def test_a_lease_is_renewed_while_it_is_held(redis_server):
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=0.9).hold(1, "block"):
        wait_for(lambda: client.pttl(KEY) < 700)
        wait_for(lambda: client.pttl(KEY) > 800)
        client.pexpire(KEY, 320)  # nearly too late: the next turn comes in time all the same
        wait_for(lambda: client.pttl(KEY) > 800)
    assert not client.exists(KEY)
    client.close()


def test_a_killed_holders_lease_is_free_after_its_seconds(redis_server):
    yours = leases(redis_server)
    command = [sys.executable, "-c", HOLD, redis_server.url]
    with ForkedPopen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with yours.hold(1, "block") as is_yours:
            assert not is_yours
        holder.kill()
    wait_for(lambda: not yours.is_held("block"), seconds=2)
    with yours.hold(1, "block") as is_yours:
        assert is_yours


def test_a_lease_is_there_again_after_redis_forgot_it(redis_server):
    mine, yours = leases(redis_server, lease_seconds=0.9), leases(redis_server)
    with mine.hold(1, "block"):
        redis_server.kill()
        redis_server.start()
        wait_for(lambda: yours.is_held("block"))
    assert not yours.is_held("block")


def test_a_lease_that_passed_to_another_is_left_to_it(redis_server):
    client = redis.Redis(port=redis_server.port)
    yours = leases(redis_server)
    with leases(redis_server).hold(1, "block"):
        client.set(KEY, "another")
    assert yours.is_held("block")
    assert client.get(KEY) == b"another"
    client.close()


def test_every_take_of_a_block_is_counted(redis_server):
    one = leases(redis_server)
    for _ in range(2):
        with one.hold(1, "block"):
            pass
    assert one.takes(1) == {"block": 2}
    assert one.takes(2) == {}


def test_without_redis_the_work_is_done_all_the_same(redis_server):
    mine = leases(redis_server)
    redis_server.kill()
    with mine.hold(1, "block") as is_mine:
        assert is_mine
    mine.report_failure(1, "block", OSError("x"))
    redis_server.start()


def test_a_reported_failure_is_taken_once(redis_server):
    one = leases(redis_server)
    one.report_failure(1, "block", OSError("no room"))
    assert one.take_failures(2) == {}
    assert one.take_failures(1) == {"block": "OSError: no room"}
    assert one.take_failures(1) == {}


def test_stores_that_share_a_redis_see_nothing_of_each_other(redis_server):
    mine, theirs = leases(redis_server), leases(redis_server, identity="1" * 32)
    with mine.hold(1, "block"):
        assert (theirs.held(), theirs.is_held("block")) == ([], False)
        with theirs.hold(1, "block") as is_theirs:
            assert is_theirs
    mine.report_failure(1, "block", OSError("no room"))
    assert (theirs.takes(1), theirs.take_failures(1)) == ({"block": 1}, {})
    client = redis.Redis(port=redis_server.port)
    client.rpush(queue_of(Store(), "embedding"), "message")
    client.close()
    assert (mine.waiting("embedding"), theirs.waiting("embedding"), mine.waiting("indexing")) == (1, 0, 0)
