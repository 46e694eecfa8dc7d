import redis

from indexing.settings import Settings
from indexing.worker import Leases, make_celery, work_kind
from tests.system.conftest import redis_server  # noqa: F401 (a fixture)


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
        assert 0 < client.pttl("groundwork:lease:block") <= 5000
    client.close()


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
