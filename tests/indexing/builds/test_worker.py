import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

from indexing.builds import worker
from indexing.builds.worker import BUILDS, TASK, make_celery, work_kind
from indexing.settings import Settings
from tests.support.processes import ROOT


class Reports:
    """Stands for the leases of a worker."""

    def __init__(self):
        self.failures = []

    @contextmanager
    def hold(self, job, name):
        yield True

    def report_failure(self, job, name, error):
        self.failures.append((job, name, f"{type(error).__name__}: {error}"))


def test_a_block_that_needs_too_much_memory_fails_by_name(tmp_path, monkeypatch):
    reports = Reports()
    monkeypatch.setattr(worker, "Leases", lambda settings, storage: reports)

    def need_too_much(kind, name):
        raise MemoryError

    monkeypatch.setattr(worker, "BUILDS", replace(BUILDS, runner=lambda storage: need_too_much))
    settings = Settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")
    make_celery(settings).tasks[TASK](1, "shard-a")
    ((job, name, error),) = reports.failures
    assert (job, name) == (1, "shard-a")
    assert error.startswith("MemoryError: it needs more than the ")
    assert "2 x --memory-mb" in error


def test_a_process_gets_no_more_memory_than_its_limit():
    program = (
        "from indexing.builds.worker import limit_memory\n"
        "limit_memory(512)\n"
        "kept = bytearray(100 << 20)\n"
        "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "refused\n", done.stderr


def test_celery_acknowledges_late_and_takes_one_message_at_a_time():
    conf = make_celery(Settings(redis_url="redis://127.0.0.1:1/0")).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result


def test_inputs_of_different_jobs_lie_apart():
    assert work_kind(1) != work_kind(2)
