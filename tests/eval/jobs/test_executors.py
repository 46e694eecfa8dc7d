"""Evaluations on workers: what is gone is stored again, what is cancelled is taken back, what is done is given once."""

from dataclasses import replace

import pytest
import redis

from eval.experiments.evaluation_task import EvaluationTask, run_evaluation_task
from eval.experiments.task_kind import KIND, QUEUE
from eval.jobs.executors import WorkerEvaluationExecutor, executor_for
from eval.jobs.worker_task import TASK
from indexing.builds import remote_executor
from indexing.builds.tasks import withdraw_tasks
from indexing.builds.worker import every_queue, make_celery
from indexing.errors import NotReady
from indexing.releases.recipes import read_recipe
from indexing.schedule.jobs import RunEnded
from tests.support.evaluated_home import WORDS, EvaluatedHome
from tests.support.fresh_home import OURS


class Hands:
    """Stands for Redis and a worker: what is sent waits, until the test lets it be done."""

    def __init__(self, storage, opener):
        self.storage, self.opener, self.sent, self.failures = storage, opener, [], {}

    def send_task(self, task, args, queue):
        assert task == "groundwork.evaluate"
        assert queue.endswith(":evaluation")
        self.sent.append(args[1])

    def do(self, name):
        run_evaluation_task(self.storage, self.opener, name)

    def take_failures(self, job):
        found, self.failures = self.failures, {}
        return found

    def waiting(self, queue):
        return 0

    def takes(self, job):
        return {}

    def is_held(self, name):
        return False


class Clock:
    """Time passes when it is waited; then the test does something."""

    def __init__(self):
        self.now, self.during = 100.0, lambda: None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.during()


class Bench(EvaluatedHome):
    def __init__(self, path):
        super().__init__(path, redis_url="redis://127.0.0.1:1/0")
        release = self.build().release
        manifest = read_recipe(self.home.catalogue, release.recipe).manifest
        self.tasks = [
            EvaluationTask(release.number, release.snapshot, manifest, OURS, "lexical", 3, {f"q-{word}": f"the {word}"})
            for word in WORDS
        ]
        self.hands = Hands(self.home.storage, self.opener())

    def executor(self, **choices):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remote_executor, "Leases", lambda *given: self.hands)
            patch.setattr(remote_executor, "make_celery", lambda *given: self.hands)
            return WorkerEvaluationExecutor(self.home, **choices)

    def left(self):
        return self.home.storage.list(KIND)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(remote_executor, "time", made)
    monkeypatch.setattr("eval.jobs.executors.time", made)
    return made


def test_each_block_is_given_once_and_leaves_nothing_behind(bench, clock):
    clock.during = lambda: [bench.hands.do(name) for name in bench.left() if name.startswith("task-")]
    outputs = list(bench.executor().run(bench.tasks))
    assert sorted(query for one in outputs for query in one.rankings) == sorted(f"q-{word}" for word in WORDS)
    assert all(one.rankings[query][0] == query.removeprefix("q-") for one in outputs for query in one.rankings)
    assert bench.left() == []


def test_what_a_build_removed_below_work_is_stored_and_sent_again(bench, clock):
    removed = []

    def build_comes():
        if not removed:
            removed.extend(bench.left())
            withdraw_tasks(bench.home.storage)
        elif clock.now > 110:
            for name in bench.left():
                bench.hands.do(name)

    clock.during = build_comes
    (output,) = bench.executor().run(bench.tasks[:1])
    assert output.rankings["q-apple"][0] == "apple"
    assert bench.hands.sent.count(removed[0]) > 1


def test_an_evaluation_that_is_not_wanted_any_more_takes_its_blocks_back(bench, clock):
    def check():
        if clock.now > 105:
            raise RunEnded("it was cancelled")

    with pytest.raises(RunEnded):
        list(bench.executor(check=check).run(bench.tasks))
    assert bench.left() == []
    assert clock.now < 107


def test_a_redis_that_stays_lost_ends_the_evaluation_and_is_told_as_its_cause(bench, clock):
    def lost(job):
        raise redis.ConnectionError("refused")

    bench.hands.take_failures = lost
    with pytest.raises(NotReady, match="has not answered for 60 s") as raised:
        list(bench.executor().run(bench.tasks))
    assert isinstance(raised.value.__cause__, redis.ConnectionError)
    assert bench.left() == []


def test_a_block_that_fails_again_and_again_fails_the_evaluation_by_name(bench, clock):
    def fail():
        bench.hands.failures = {bench.tasks[0].name: "ArtefactCorrupt: shard s is damaged"}

    clock.during = fail
    with pytest.raises(NotReady, match=r"Task task-\w+ failed 3 times.*shard s is damaged.*evaluate again"):
        list(bench.executor().run(bench.tasks[:1]))
    assert bench.left() == []


def test_without_redis_this_process_evaluates(bench):
    settings = bench.home.settings.model_copy(update={"redis_url": None})
    assert executor_for(replace(bench.home, settings=settings)) is None


def test_workers_serve_the_queue_of_evaluations_and_know_their_task(bench):
    assert every_queue() == ("embedding", "indexing", QUEUE)
    assert TASK.name in make_celery(bench.home.settings).tasks
