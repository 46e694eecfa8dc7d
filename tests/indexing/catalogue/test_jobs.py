import pytest

from indexing.catalogue.jobs import (
    cancel_job,
    finish_job,
    job_tasks,
    list_jobs,
    newest_job_on_workers,
    read_job,
    record_task,
    require_not_cancelled,
    start_job,
)
from indexing.errors import BuildCancelled, InvalidInput, NotFound
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, lexical_view
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe


@pytest.fixture
def catalogue(home):
    recipe = Recipe("m@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("none"), RetrievalConfig())
    record_recipe(home.catalogue, recipe)
    return home.catalogue


def test_a_job_runs_and_then_is_done(catalogue):
    job = start_job(catalogue, 1, "local")
    assert (job.state, job.finished_at) == ("running", None)
    finish_job(catalogue, job.id, "done")
    found = read_job(catalogue, job.id)
    assert found.state == "done"
    assert found.finished_at is not None


def test_a_job_whose_build_was_killed_is_failed_once_the_next_begins(catalogue):
    killed = start_job(catalogue, 1, "workers")
    start_job(catalogue, 1, "workers")
    assert [job.state for job in list_jobs(catalogue)] == ["running", "failed"]
    assert "without a word" in read_job(catalogue, killed.id).error


def test_a_cancelled_job_stays_cancelled_however_its_build_ends(catalogue):
    job = start_job(catalogue, 1, "workers")
    cancel_job(catalogue, job.id)
    finish_job(catalogue, job.id, "failed", "BuildCancelled")
    assert read_job(catalogue, job.id).state == "cancelled"


@pytest.mark.parametrize("executor", ["local", "workers"])
def test_a_build_hears_that_it_was_cancelled(catalogue, executor):
    job = start_job(catalogue, 1, executor)
    require_not_cancelled(catalogue, job.id)
    cancel_job(catalogue, job.id)
    with pytest.raises(BuildCancelled, match="Job 1 was cancelled"):
        require_not_cancelled(catalogue, job.id)


def test_the_newest_job_on_workers_is_found_behind_others(catalogue):
    assert newest_job_on_workers(catalogue) is None
    start_job(catalogue, 1, "workers")
    found = start_job(catalogue, 1, "workers")
    start_job(catalogue, 1, "local")
    assert newest_job_on_workers(catalogue).id == found.id


def test_only_a_running_job_can_be_cancelled(catalogue):
    job = start_job(catalogue, 1, "local")
    finish_job(catalogue, job.id, "done")
    with pytest.raises(InvalidInput, match="is done"):
        cancel_job(catalogue, job.id)
    with pytest.raises(NotFound, match="No job 99"):
        cancel_job(catalogue, 99)


def test_the_last_word_on_a_block_is_kept(catalogue):
    job = start_job(catalogue, 1, "workers").id
    record_task(catalogue, job, "embed-a", "embed", "failing", 1, "OSError: x")
    record_task(catalogue, job, "embed-a", "embed", "done", 2, "OSError: x")
    assert job_tasks(catalogue, job) == [
        {"name": "embed-a", "kind": "embed", "state": "done", "attempts": 2, "error": "OSError: x"}
    ]
