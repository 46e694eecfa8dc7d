"""Builds on real workers over a real Redis, and every way in which they are disturbed.

Each ends in the very files of an undisturbed build in one process, and nothing that was stored is computed again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress

import psutil
import pytest
import redis

from indexing.builds.leases import queue_of
from indexing.catalogue.jobs import job_tasks, list_jobs, read_job
from indexing.catalogue.releases import release_rows, stable_recipe
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from indexing.storage.factory import open_storage
from tests.support.gated_command import VARIABLE, Gate
from tests.support.processes import ROOT, run, start

pytestmark = pytest.mark.slow
ARTICLES = ROOT / "corpora" / "helpdesk" / "articles" / "api"
BLOCK_SIZE, LEASE_SECONDS = 8, 2


@pytest.fixture(scope="module")
def reference(make_home):
    """The files of an undisturbed build without workers."""
    return files(make_home("reference", ARTICLES, is_built=True))


@pytest.fixture
def site(make_home, redis_server):
    """A home with documents and the settings under which build and workers meet."""
    path = make_home("site", ARTICLES)
    return path, {"redis_url": redis_server.url, "block_size": BLOCK_SIZE, "lease_seconds": LEASE_SECONDS}


@pytest.fixture
def built_site(make_home, redis_server):
    """The same with a release, which this process made."""
    path = make_home("built-site", ARTICLES, is_built=True)
    return path, {"redis_url": redis_server.url, "block_size": BLOCK_SIZE, "lease_seconds": LEASE_SECONDS}


def queue(site):
    """What the queue of a home's blocks of vectors is called in Redis."""
    return queue_of(open_storage(site[0]), "embedding")


def files(home):
    return {
        f"{kind}/{path.relative_to(home / kind)}": path.read_bytes()
        for kind in ("shards", "snapshots")
        for path in sorted((home / kind).rglob("*"))
        if path.is_file() and not path.relative_to(home / kind).parts[0].startswith(".")
    }


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """What a worker that is made with it waits at before each task, while it holds the task's lease."""
    made = Gate(tmp_path / "gate")
    monkeypatch.setenv(VARIABLE, str(made.folder))
    yield made
    made.close()


@contextmanager
def worker(home, settings, log, concurrency=2, gate=None):
    how = {} if gate is None else {"program": (sys.executable, "-m", "tests.support.gated_command")}
    arguments = ("worker", "--concurrency", concurrency)
    with log.open("a") as stream:
        process = start(home, *arguments, stderr=stream, stdout=stream, **how, **settings)
    try:
        yield process
    finally:
        kill_group(process)


@contextmanager
def worker_in_the_middle(site, log, gate):
    """A worker whose two processes have done two tasks and hold two more, which they do when the gate gives turns."""
    with worker(*site, log, gate=gate) as process:
        gate.give(2)
        wait_for(lambda: len(blocks_done(log)) == 2 and gate.begun() == 4)
        yield process


def kill_group(process):
    """End a worker and its children at once, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


def blocks_done(log):
    """The blocks that workers finished, one entry each time."""
    lines = log.read_text().splitlines() if log.exists() else []
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [entry["block"] for entry in entries if entry["event"] == "worker.block_done"]


def wait_for(condition, seconds=60):
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to that")


def finish(process, seconds=120):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def start_build(site):
    home, settings = site
    return start(home, "build", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


def test_two_workers_make_the_files_of_a_build_in_one_process(site, reference, tmp_path):
    log = tmp_path / "log"
    with worker(*site, log):
        report = finish(start_build(site))
    assert files(site[0]) == reference
    done = blocks_done(log)
    assert len(done) == len(set(done))
    assert report["embeddings_computed"] == report["passages"]
    assert not list((site[0] / "work").rglob("block.jsonl"))
    job = json.loads(run(site[0], "jobs", "show", 1).stdout)
    assert (job["state"], job["executor"]) == ("done", "workers")
    assert {block["name"] for block in job["blocks"]} == set(done)


def test_two_homes_on_one_redis_build_side_by_side(site, reference, make_home, redis_server, tmp_path):
    home, settings = site
    other = make_home("other", ARTICLES)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    client = redis.Redis(port=redis_server.port)
    with worker(other, settings, theirs, concurrency=1):
        wait_for(lambda: theirs.exists() and "ready" in theirs.read_text())
        build = start_build(site)
        wait_for(lambda: client.llen(queue(site)) >= 4)
        client.close()
        finish(start_build((other, settings)))  # its worker does all its blocks while those of the first wait
        assert build.poll() is None
        with worker(home, settings, ours, concurrency=1):
            finish(build)
    assert files(home) == files(other) == reference
    assert len(blocks_done(theirs)) == len(blocks_done(ours))
    with closing(open_home(Settings(home=home))) as opened:
        assert {task["attempts"] for task in job_tasks(opened.catalogue, 1)} == {1}


def test_a_pool_child_may_take_twice_its_memory_and_no_more(site, tmp_path):
    log = tmp_path / "log"
    with worker(*site, log, concurrency=1) as process:
        wait_for(lambda: log.exists() and "ready" in log.read_text())
        celery = psutil.Process(process.pid).children()[0]
        (child,) = celery.children()
        limit = 2 * 2048 << 20
        wait_for(lambda: child.rlimit(psutil.RLIMIT_DATA) == (limit, limit))
        assert celery.rlimit(psutil.RLIMIT_DATA)[0] != limit


def test_a_second_build_gives_workers_nothing_to_do(built_site, tmp_path):
    log = tmp_path / "log"
    with worker(*built_site, log, concurrency=1):
        report = finish(start_build(built_site))
    assert (report["embeddings_computed"], report["shards_written"]) == (0, 0)
    assert blocks_done(log) == []


def test_a_worker_killed_in_the_middle_of_a_block_is_replaced_by_another(site, reference, gate, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    build = start_build(site)
    with worker_in_the_middle(site, first, gate) as process:
        kill_group(process)
    with worker(*site, second, concurrency=1):
        finish(build)
    assert files(site[0]) == reference
    assert not set(blocks_done(first)) & set(blocks_done(second))


def test_a_killed_pool_child_loses_nothing(site, reference, gate, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    with worker_in_the_middle(site, log, gate) as process:
        celery = psutil.Process(process.pid).children()[0]
        celery.children()[0].kill()
        gate.give()
        finish(build)
    assert files(site[0]) == reference
    assert len(blocks_done(log)) == len(set(blocks_done(log)))


def test_a_celery_that_ends_unbidden_is_started_again(site, reference, gate, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    with worker_in_the_middle(site, log, gate) as process:
        psutil.Process(process.pid).children()[0].kill()
        gate.give()
        finish(build)
    assert files(site[0]) == reference
    assert len(blocks_done(log)) == len(set(blocks_done(log)))


def test_a_worker_that_is_told_to_stop_stops(site, tmp_path):
    with worker(*site, tmp_path / "log", concurrency=1) as process:
        wait_for(lambda: "ready" in (tmp_path / "log").read_text())
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_a_redis_that_forgets_everything_stops_nothing(site, reference, redis_server, gate, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    with worker_in_the_middle(site, log, gate):
        redis_server.kill()
        redis_server.start()
        gate.give()
        finish(build)
    assert files(site[0]) == reference


def test_a_message_delivered_twice_is_done_once(site, reference, redis_server, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    client = redis.Redis(port=redis_server.port)
    wait_for(lambda: client.llen(queue(site)) >= 4)
    for message in client.lrange(queue(site), 0, -1):
        client.rpush(queue(site), message)
    with worker(*site, log):
        finish(build)
    client.close()
    assert files(site[0]) == reference
    assert len(blocks_done(log)) == len(set(blocks_done(log)))


def test_a_killed_build_command_goes_on_where_it_stopped(site, reference, gate, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    with worker_in_the_middle(site, log, gate):
        build.kill()
        build.communicate()
        gate.give()
        report = finish(start_build(site))
    assert files(site[0]) == reference
    # The worker lives on: it may have done all that it was handed before the second build looks.
    assert report["embeddings_computed"] < report["passages"]
    assert len(blocks_done(log)) == len(set(blocks_done(log)))
    with closing(open_home(Settings(home=site[0]))) as opened:
        assert read_job(opened.catalogue, 1).state == "failed"


def test_a_cancelled_build_stops_and_keeps_what_it_has(site, reference, gate, tmp_path):
    log = tmp_path / "log"
    build = start_build(site)
    with worker_in_the_middle(site, log, gate):
        run(site[0], "jobs", "cancel", 1)
        gate.give()
        _, error = build.communicate(timeout=30)
        assert build.returncode == 1
        assert b"cancelled" in error
        assert not list((site[0] / "work").rglob("block.jsonl"))
        run(site[0], "jobs", "retry", 1, **site[1])
    assert files(site[0]) == reference


def test_a_block_that_fails_three_times_fails_the_build_by_name_and_the_release_stays(built_site, tmp_path):
    home, settings = built_site
    log = tmp_path / "log"
    with closing(open_home(Settings(home=home))) as opened:
        ingest(opened.catalogue, open_source(ARTICLES.parent / "privacy", "auto"), Partition("default", "documents"))
    # Nothing can be published where a file stands in the way of the folder.
    (features,) = (home / "features").iterdir()
    features.rename(home / "put-aside")
    features.write_text("in the way")
    with worker(home, settings, log, concurrency=1):
        build = start_build(built_site)
        _, error = build.communicate(timeout=120)
    assert build.returncode == 1
    assert b"failed 3 times" in error
    assert b"NotADirectoryError" in error
    with closing(open_home(Settings(home=home))) as opened:
        assert stable_recipe(opened.catalogue) == 1
        assert len(release_rows(opened.catalogue)) == 1
        job = list_jobs(opened.catalogue)[0]
        assert job.state == "failed"
        assert "failed" in {task["state"] for task in job_tasks(opened.catalogue, job.id)}
        features.unlink()
        (home / "put-aside").rename(features)
        with worker(home, settings, log, concurrency=1):
            run(home, "jobs", "retry", job.id, **settings)
        assert list_jobs(opened.catalogue)[0].state == "done"


def test_a_full_disk_fails_the_build_and_room_lets_it_go_on(site, reference, tmp_path):
    home, settings = site
    features = home / "features"
    features.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(features)], capture_output=True
    ).returncode:
        pytest.skip("no right to mount a small tmpfs here")
    try:
        with worker(home, settings, tmp_path / "log", concurrency=1):
            result = run(home, "build", check=False, **settings)
        assert result.returncode == 1
        assert "No room to write" in result.stderr
    finally:
        subprocess.run(["umount", "--lazy", str(features)], check=True)
    with worker(home, settings, tmp_path / "log", concurrency=1):
        finish(start_build(site))
    assert files(home) == reference


def test_random_kills_lose_no_passage_and_tear_no_file(site, reference, monkeypatch, tmp_path):
    log, seed = tmp_path / "log", 20261124
    chance = random.Random(seed)
    build = start_build(site)
    for number in range(2):
        # It may do so many tasks, and is killed at any moment while it does them.
        gate = Gate(tmp_path / f"gate-{number}")  # turns that one left are not the next one's
        monkeypatch.setenv(VARIABLE, str(gate.folder))
        with worker(*site, log, gate=gate) as process:
            turns = chance.randrange(1, 5)
            gate.give(turns)
            wait_for(lambda gate=gate, turns=turns: gate.begun() >= turns)
            kill_group(process)
        gate.close()
    assert build.poll() is None
    with worker(*site, log, concurrency=1):
        finish(build, 240)
    assert files(site[0]) == reference
    assert len(blocks_done(log)) == len(set(blocks_done(log)))
    assert run(site[0], "snapshots", "verify").returncode == 0


def test_a_worker_without_redis_says_what_it_needs(make_home):
    result = run(make_home("none"), "worker", check=False)
    assert result.returncode == 1
    assert "GROUNDWORK_REDIS_URL" in result.stderr
