import subprocess
import sys
import time

import pytest
import redis

from indexing.settings import Settings
from indexing.worker import Leases, make_celery, work_kind
from tests.system.conftest import ROOT, redis_server  # noqa: F401 (a fixture)

KEY = "groundwork:lease:block"
HOLD = """
import sys
from indexing.settings import Settings
from indexing.worker import Leases
with Leases(Settings(redis_url=sys.argv[1], lease_seconds=0.9)).hold("block") as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def wait_for(condition, seconds=20):
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to that")


def leases(server, **values):
    return Leases(Settings(redis_url=server.url, **values))


def test_a_lease_is_held_by_one_at_a_time_and_given_back(redis_server):  # noqa: F811
    mine, yours = leases(redis_server), leases(redis_server)
    with mine.hold("block") as is_mine:
        assert is_mine
        assert yours.is_held("block")
        with yours.hold("block") as is_yours:
            assert not is_yours
    assert not yours.is_held("block")


def test_a_lease_expires_by_itself(redis_server):  # noqa: F811
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=5).hold("block"):
        assert 0 < client.pttl(KEY) <= 5000
    client.close()


def test_a_lease_is_renewed_while_it_is_held(redis_server):  # noqa: F811
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=0.9).hold("block"):
        wait_for(lambda: client.pttl(KEY) < 700)
        wait_for(lambda: client.pttl(KEY) > 800)
        client.pexpire(KEY, 320)  # nearly too late: the next turn comes in time all the same
        wait_for(lambda: client.pttl(KEY) > 800)
    assert not client.exists(KEY)
    client.close()


def test_a_killed_holders_lease_is_free_after_its_seconds(redis_server):  # noqa: F811
    yours = leases(redis_server)
    command = [sys.executable, "-c", HOLD, redis_server.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with yours.hold("block") as is_yours:
            assert not is_yours
        holder.kill()
    wait_for(lambda: not yours.is_held("block"), seconds=2)
    with yours.hold("block") as is_yours:
        assert is_yours


def test_a_lease_is_there_again_after_redis_forgot_it(redis_server):  # noqa: F811
    mine, yours = leases(redis_server, lease_seconds=0.9), leases(redis_server)
    with mine.hold("block"):
        redis_server.kill()
        redis_server.start()
        wait_for(lambda: yours.is_held("block"))
    assert not yours.is_held("block")


def test_without_redis_the_work_is_done_all_the_same(redis_server):  # noqa: F811
    mine = leases(redis_server)
    redis_server.kill()
    with mine.hold("block") as is_mine:
        assert is_mine
    mine.report_failure(1, "block", OSError("x"))
    redis_server.start()


def test_a_reported_failure_is_taken_once(redis_server):  # noqa: F811
    one = leases(redis_server)
    one.report_failure(1, "block", OSError("no room"))
    assert one.take_failures(2) == {}
    assert one.take_failures(1) == {"block": "OSError: no room"}
    assert one.take_failures(1) == {}


def test_celery_acknowledges_late_and_takes_one_message_at_a_time():
    conf = make_celery(Settings(redis_url="redis://127.0.0.1:1/0")).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result


def test_inputs_of_different_jobs_lie_apart():
    assert work_kind(1) != work_kind(2)
