"""An evaluation on a real worker over a real Redis, one of which is killed in the middle; and beat as a process."""

import os
import signal
import sys
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest

from eval.datasets.query_sets import QuerySet
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.evaluation_task import BLOCK_QUERIES, LocalEvaluationExecutor
from eval.experiments.evaluations import evaluate
from eval.experiments.task_kind import KIND
from eval.jobs.executors import executor_for
from indexing.catalogue import process_lease
from indexing.catalogue.evaluations import forget_evaluations
from indexing.catalogue.schedule import begin_run, list_runs, scheduled_since
from indexing.home import open_home
from indexing.records import Partition
from indexing.schedule.jobs import scheduled_jobs
from indexing.settings import Settings
from tests.support.gated_command import VARIABLE, Gate
from tests.support.processes import ROOT, start, wait_until

pytestmark = pytest.mark.slow
ARTICLES = ROOT / "corpora" / "helpdesk" / "articles" / "api"
PLACE = Partition("default", "documents")
BLOCKS = 3


@contextmanager
def worker(home, log, **settings):
    """A worker of one process that waits for the test's turns while it holds a task."""
    arguments = ("worker", "--concurrency", 1, "--queues", "evaluation")
    program = (sys.executable, "-m", "tests.support.gated_command")
    with log.open("a") as stream:
        process = start(home, *arguments, stdout=stream, stderr=stream, program=program, **settings)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@pytest.fixture
def gate(tmp_path, monkeypatch):
    made = Gate(tmp_path / "gate")
    monkeypatch.setenv(VARIABLE, str(made.folder))
    yield made
    made.close()


def questions(home):
    """Enough queries for three blocks, each with one document that is called relevant."""
    ids = [str(row["id"]) for row in home.catalogue.rows("SELECT id FROM documents ORDER BY id")]
    queries = {f"q{n}": f"how to use {ids[n % len(ids)]} {n}" for n in range(BLOCK_QUERIES * BLOCKS)}
    qrels = {name: {ids[int(name[1:]) % len(ids)]: 1} for name in queries}
    return QuerySet(name="made", queries=queries, qrels=qrels, fingerprint="", partition=PLACE)


def test_a_worker_that_is_killed_in_the_middle_of_an_evaluation_loses_nothing(make_home, redis_server, gate, tmp_path):
    path, log = make_home("site", ARTICLES, is_built=True), tmp_path / "log"
    shared = {"redis_url": redis_server.url, "lease_seconds": 2}
    told = []
    with closing(open_home(Settings(home=path, sessions=1, **shared))) as home, ExitStack() as workers:
        made = questions(home)
        here = LocalEvaluationExecutor(ArtefactOpener(home.storage, sessions=1))
        expected = evaluate(home, 1, made, mode="lexical", executor=here)
        forget_evaluations(home.catalogue, PLACE)
        process = workers.enter_context(worker(path, log, **shared))
        gate.give(1)

        def on_progress(done, total):
            told.append((done, total))
            if done == BLOCK_QUERIES:  # the next block is in the worker's hands
                wait_until(lambda: gate.begun() == 2, log)
                os.killpg(process.pid, signal.SIGKILL)
                workers.enter_context(worker(path, log, **shared))
                gate.give()

        found = evaluate(home, 1, made, mode="lexical", executor=executor_for(home), on_progress=on_progress)
        assert (found.id, found.rankings, found.scores) == (expected.id, expected.rankings, expected.scores)
        assert told == [(BLOCK_QUERIES * n, BLOCK_QUERIES * BLOCKS) for n in range(BLOCKS + 1)]
        assert home.storage.list(KIND) == []


def test_beat_runs_all_that_was_missed_once_and_gives_up_the_lease_when_it_is_told_to_stop(
    make_home, redis_server, tmp_path
):
    path, log = make_home("site"), tmp_path / "log"
    with closing(open_home(Settings(home=path, sessions=1))) as home, log.open("w") as stream:
        names = sorted(one.name for one in scheduled_jobs())
        for name in names:
            scheduled_since(home.catalogue, name, "2026-01-01T00:00:00.000+00:00")
        begin_run(home.catalogue, "skew", "2026-01-02T01:30:00.000+00:00", "host:9", "2026-01-02T01:30:00.000+00:00")
        process = start(path, "beat", stdout=stream, stderr=stream, redis_url=redis_server.url)
        try:
            wait_until(
                lambda: len([one for one in list_runs(home.catalogue) if one.state == "done"]) == len(names), log
            )
            process.terminate()
            assert process.wait(30) == 0, log.read_text()
        finally:
            process.kill()
            process.wait(30)
        killed, *runs = reversed(list_runs(home.catalogue))
        assert (killed.job, killed.state) == ("skew", "stopped")
        assert sorted(one.job for one in runs) == names
        assert [one.ended_at for one in runs] == sorted(one.ended_at for one in runs)
        assert process_lease.seen(home.catalogue, "schedule_lease").holder == ""
