"""A job whose build was killed stands as failed as soon as somebody looks, and one that is being built does not."""

import json

import pytest
from click.testing import CliRunner

from indexing.builds.abandoned_jobs import notice_abandoned_jobs
from indexing.catalogue.jobs import finish_job, read_job, start_job
from indexing.commands.root import cli
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, lexical_view
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from indexing.storage.store import BUILD_LOCK
from tests.support.processes import run_code

KILLED = """
import os, signal, sys
from pathlib import Path
from indexing.catalogue.jobs import start_job
from indexing.home import open_home
from indexing.settings import Settings
from indexing.storage.store import BUILD_LOCK

home = open_home(Settings(home=Path(sys.argv[1])))
with home.storage.lock(BUILD_LOCK):
    start_job(home.catalogue, 1, "local")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def recorded(home):
    recipe = Recipe("m@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("none"), RetrievalConfig())
    record_recipe(home.catalogue, recipe)
    return home


def run(home, *arguments):
    result = CliRunner().invoke(cli, ["--home", str(home.path), *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("arguments", [("jobs", "list", "--json"), ("jobs", "show", "1")])
def test_a_build_that_was_really_killed_is_shown_as_failed(recorded, arguments):
    assert run_code(KILLED, recorded.path).returncode == -9
    assert read_job(recorded.catalogue, 1).state == "running"
    shown = run(recorded, *arguments)
    job = shown[0] if isinstance(shown, list) else shown
    assert job["state"] == "failed"
    assert "ended without a word" in job["error"]
    assert job["finished_at"] is not None


def test_a_job_that_is_being_built_goes_on_running(recorded):
    with recorded.storage.lock(BUILD_LOCK):
        job = start_job(recorded.catalogue, 1, "local")
        notice_abandoned_jobs(recorded.catalogue, recorded.storage)
        assert read_job(recorded.catalogue, job.id).state == "running"
        finish_job(recorded.catalogue, job.id, "done")
    notice_abandoned_jobs(recorded.catalogue, recorded.storage)
    assert read_job(recorded.catalogue, job.id).state == "done"


def test_looking_leaves_the_lock_free(recorded):
    start_job(recorded.catalogue, 1, "local")
    notice_abandoned_jobs(recorded.catalogue, recorded.storage)
    with recorded.storage.lock(BUILD_LOCK):
        assert read_job(recorded.catalogue, 1).state == "failed"
