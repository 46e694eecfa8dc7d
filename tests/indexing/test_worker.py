import subprocess
import sys
import time

import pytest
import redis

from indexing import worker
from indexing.catalogue import Catalogue
from indexing.errors import BuildFailed
from indexing.settings import Settings
from indexing.storage import LocalStorage
from indexing.work import EmbedBlock, Workshop
from indexing.worker import Leases, WorkerExecutor, make_celery, work_kind
from tests.system.conftest import ROOT, redis_server  # noqa: F401 (a fixture)

KEY = "groundwork:lease:block"
HOLD = """
import sys
from indexing.settings import Settings
from indexing.worker import Leases
with Leases(Settings(redis_url=sys.argv[1], lease_seconds=0.9)).hold(1, "block") as is_ours:
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
    with mine.hold(1, "block") as is_mine:
        assert is_mine
        assert yours.is_held("block")
        with yours.hold(1, "block") as is_yours:
            assert not is_yours
    assert not yours.is_held("block")


def test_blocks_in_hand_are_listed(redis_server):  # noqa: F811
    mine = leases(redis_server)
    with mine.hold(1, "shard-b"), mine.hold(1, "embed-a"):
        assert leases(redis_server).held() == ["embed-a", "shard-b"]
    assert mine.held() == []


def test_a_lease_expires_by_itself(redis_server):  # noqa: F811
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=5).hold(1, "block"):
        assert 0 < client.pttl(KEY) <= 5000
    client.close()


def test_a_lease_is_renewed_while_it_is_held(redis_server):  # noqa: F811
    client = redis.Redis(port=redis_server.port)
    with leases(redis_server, lease_seconds=0.9).hold(1, "block"):
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
        with yours.hold(1, "block") as is_yours:
            assert not is_yours
        holder.kill()
    wait_for(lambda: not yours.is_held("block"), seconds=2)
    with yours.hold(1, "block") as is_yours:
        assert is_yours


def test_a_lease_is_there_again_after_redis_forgot_it(redis_server):  # noqa: F811
    mine, yours = leases(redis_server, lease_seconds=0.9), leases(redis_server)
    with mine.hold(1, "block"):
        redis_server.kill()
        redis_server.start()
        wait_for(lambda: yours.is_held("block"))
    assert not yours.is_held("block")


def test_a_lease_that_passed_to_another_is_left_to_it(redis_server):  # noqa: F811
    client = redis.Redis(port=redis_server.port)
    yours = leases(redis_server)
    with leases(redis_server).hold(1, "block"):
        client.set(KEY, "another")
    assert yours.is_held("block")
    assert client.get(KEY) == b"another"
    client.close()


def test_every_take_of_a_block_is_counted(redis_server):  # noqa: F811
    one = leases(redis_server)
    for _ in range(2):
        with one.hold(1, "block"):
            pass
    assert one.takes(1) == {"block": 2}
    assert one.takes(2) == {}


def test_without_redis_the_work_is_done_all_the_same(redis_server):  # noqa: F811
    mine = leases(redis_server)
    redis_server.kill()
    with mine.hold(1, "block") as is_mine:
        assert is_mine
    mine.report_failure(1, "block", OSError("x"))
    redis_server.start()


def test_a_reported_failure_is_taken_once(redis_server):  # noqa: F811
    one = leases(redis_server)
    one.report_failure(1, "block", OSError("no room"))
    assert one.take_failures(2) == {}
    assert one.take_failures(1) == {"block": "OSError: no room"}
    assert one.take_failures(1) == {}


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Hands:
    """Stands for Redis: which blocks wait, which are held, and how often each was taken."""

    def __init__(self):
        self.queued, self.held, self.taken = 0, False, {}

    def take_failures(self, job):
        return {}

    def waiting(self, queue):
        return self.queued

    def takes(self, job):
        return self.taken

    def is_held(self, name):
        return self.held


class Sent(list):
    def send_task(self, task, args, queue):
        self.append(args[1])


@pytest.fixture
def handed_out(tmp_path, monkeypatch):
    """An executor with one block handed out, the hands it may be in, what was sent, and a way to let time pass."""
    catalogue = Catalogue(tmp_path / "catalogue.db")
    clock, hands, sent = Clock(), Hands(), Sent()
    monkeypatch.setattr(worker, "time", clock)
    monkeypatch.setattr(worker, "record_block", lambda *values: None)
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    workshop = Workshop(LocalStorage(tmp_path), sessions=1)
    executor = WorkerExecutor(settings, catalogue, workshop, 1)
    executor._leases, executor._celery = hands, sent
    entry = worker._Outstanding(EmbedBlock("m@1", "int8", "view", ("text",)))

    def look(seconds):
        clock.now += seconds
        executor._look_after({"block": entry})
        return len(sent)

    yield hands, entry, look
    catalogue.close()


def test_a_block_that_is_waiting_or_held_is_sent_once(handed_out):
    hands, _, look = handed_out
    hands.queued = 1
    assert [look(5), look(5), look(5)] == [1, 1, 1]
    hands.queued, hands.held = 0, True
    assert [look(5), look(5)] == [1, 1]


def test_a_redis_that_forgets_again_and_again_says_nothing_about_a_block(handed_out):
    _, entry, look = handed_out
    for _ in range(50):
        look(5)
    assert look(5) > 20
    assert (entry.losses, entry.failures) == (0, 0)


def test_a_block_is_sent_again_only_when_it_stays_missing(handed_out):
    hands, _, look = handed_out
    look(0)
    look(5)
    hands.held = True  # its holder has just renewed the lease that Redis had forgotten
    assert look(0.5) == 1
    hands.held = False
    assert [look(0), look(0.5), look(0.6)] == [1, 1, 2]


def test_a_block_whose_worker_died_is_sent_again_while_others_wait(handed_out):
    hands, entry, look = handed_out
    hands.queued = 9
    look(0)
    hands.taken = {"block": 1}
    assert [look(5), look(2)] == [1, 2]
    assert entry.losses == 1
    assert [look(5), look(5)] == [2, 2]


def test_a_block_that_loses_ten_workers_fails_the_build_by_name(handed_out):
    hands, _, look = handed_out
    with pytest.raises(BuildFailed, match="Block block failed 10 times.*10 workers died while doing it"):
        for turn in range(100):
            hands.taken = {"block": turn // 3}
            look(2)


def test_celery_acknowledges_late_and_takes_one_message_at_a_time():
    conf = make_celery(Settings(redis_url="redis://127.0.0.1:1/0")).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result


def test_inputs_of_different_jobs_lie_apart():
    assert work_kind(1) != work_kind(2)
