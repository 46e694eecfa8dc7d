"""The whole of it as a user runs it: real processes, real HTTP, and the real model where meaning is what is asked.

Each command that a user starts is started as a user does in one test, by ``subprocess``; elsewhere it is forked.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from indexing.catalogue.releases import release_rows
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from tests.support.forked_programs import ForkedPopen
from tests.support.gated_command import VARIABLE, Gate
from tests.support.processes import PROGRAM, ROOT, free_port, run, start

ARTICLES = ROOT / "corpora" / "helpdesk" / "articles"
GATED = (sys.executable, "-m", "tests.support.gated_command")


@pytest.fixture(scope="module")
def built(make_home):
    """A home with the helpdesk corpus ingested and built, with the tiny model."""
    return make_home("built", ARTICLES, "helpdesk", is_built=True)


@pytest.fixture(scope="module")
def really_built(make_real_home):
    """A home in which two commands ingested a part of the corpus and built it with the real model."""
    path = make_real_home("really-built")
    run(path, "ingest", ARTICLES / "api", "--collection", "helpdesk", popen=subprocess.Popen)
    report = json.loads(run(path, "build", "--json", popen=subprocess.Popen).stdout)
    assert (report["documents"], report["is_new"]) == (13, True)
    return path


@contextmanager
def served(home, popen=ForkedPopen):
    """A running server: its address, the default key, and its process."""
    port = free_port()
    process = popen(
        [PROGRAM, "--home", str(home), "serve", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url, (home / "api-key").read_text().strip(), process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def wait_until_ready(url, process):
    with httpx.Client(timeout=30) as client:
        wait_until_client_is_served(client, f"{url}/readyz", process)


def wait_until_client_is_served(client, url, process):
    for _ in range(1200):
        assert process.poll() is None, process.stderr.read().decode()
        try:
            if client.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the server did not become ready")


def test_a_second_build_computes_and_writes_nothing(built):
    report = json.loads(run(built, "build", "--json").stdout)
    assert (report["embeddings_computed"], report["shards_written"], report["is_new"]) == (0, 0, False)


@pytest.mark.model
def test_a_search_on_the_command_line_prints_json_for_a_program(really_built):
    answer = json.loads(
        run(really_built, "search", "HL-4290 too many requests", "--collection", "helpdesk", "--json").stdout
    )
    assert "HL-4290" in answer["hits"][0]["text"] or "429" in answer["hits"][0]["text"]
    assert answer["release"] == "1.1"


def test_an_error_is_a_sentence_without_a_traceback(built, tmp_path):
    for arguments in (
        ("search", "x", "--collection", "nothing"),
        ("ingest", tmp_path / "missing"),
        ("build", "--view", "nothing"),
        ("snapshots", "show", "nothing"),
        ("releases", "deploy", "9.9"),
        ("models", "verify", "nothing"),
    ):
        result = run(built, *arguments, check=False)
        assert result.returncode == 1, arguments
        assert result.stderr.strip().startswith("Error: "), result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.model
def test_the_api_answers_over_http_with_the_same_hits_as_the_command_line_and_ends_when_told_to(really_built):
    body = {"query": "our program is told that it asks too often", "collection": "helpdesk", "k": 5}
    with served(really_built, subprocess.Popen) as (url, key, process):
        over_http = httpx.post(f"{url}/v1/search", json=body, headers={"Authorization": f"Bearer {key}"}).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)
    command = ("search", body["query"], "--collection", "helpdesk", "--json")
    local = json.loads(run(really_built, *command, popen=subprocess.Popen).stdout)
    assert "api-rate-limits" in [hit["document_id"] for hit in over_http["hits"]]
    assert [hit["document_id"] for hit in over_http["hits"]] == [hit["document_id"] for hit in local["hits"]]
    assert [hit["score"] for hit in over_http["hits"]] == [hit["score"] for hit in local["hits"]]


def test_evaluation_over_http_equals_evaluation_in_process(built):
    corpus = ROOT / "corpora" / "helpdesk"
    common = (
        "eval",
        "run",
        "--corpus",
        corpus,
        "--split",
        "dev",
        "--mode",
        "hybrid",
        "--json",
        "--collection",
        "helpdesk",
    )
    with served(built) as (url, key, _):
        over_http = json.loads(run(built, *common, "--url", url, "--key", key).stdout)
    local = json.loads(run(built, *common, popen=subprocess.Popen).stdout)
    assert over_http["modes"]["hybrid"]["per_query"] == local["modes"]["hybrid"]["per_query"]
    assert 0.3 < local["modes"]["hybrid"]["means"]["nDCG@10"] <= 1
    assert Path(local["saved"]).is_file()
    assert local["inputs"]["recipe"]["model"].startswith("tiny@")


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """What a gated build waits at before each block."""
    made = Gate(tmp_path / "gate")
    monkeypatch.setenv(VARIABLE, str(made.folder))
    yield made
    made.close()


@contextmanager
def build_in_the_middle(home, gate):
    """A build that has stored two blocks and is at its third, of many."""
    build = start(home, "build", program=GATED, stderr=subprocess.PIPE, block_size=64)
    try:
        gate.give(2)
        while gate.begun() < 3:
            assert build.poll() is None, build.stderr.read().decode()
            time.sleep(0.01)
        yield build
    finally:
        build.kill()
        build.communicate()


def test_a_killed_build_goes_on_and_ends_in_the_same_files(make_home, gate):
    undisturbed = make_home("undisturbed", ARTICLES / "api", "helpdesk", is_built=True)
    path = make_home("killed", ARTICLES / "api", "helpdesk")
    with build_in_the_middle(path, gate) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list((path / "features").glob("*/[!.]*/manifest.json"))) == 2  # what begins with a dot is a draft
    assert not (path / "snapshots").exists()
    report = json.loads(run(path, "build", "--json").stdout)
    assert report["embeddings_computed"] == report["passages"] - 2 * 64
    for kind in ("shards", "snapshots"):
        names = sorted(entry.name for entry in (undisturbed / kind).iterdir() if not entry.name.startswith("."))
        assert names
        for name in names:
            for file in sorted((undisturbed / kind / name).iterdir()):
                assert file.read_bytes() == (path / kind / name / file.name).read_bytes()


def test_of_two_builds_at_once_the_second_says_why_it_ends_and_one_release_is_left(make_home, gate):
    path = make_home("twice", ARTICLES / "api", "helpdesk")
    with build_in_the_middle(path, gate) as first:
        second = run(path, "build", check=False)
        assert second.returncode == 1
        assert "Another build of this home is running" in second.stderr
        gate.give()
        _, error = first.communicate(timeout=120)
        assert first.returncode == 0, error.decode()
    with closing(open_home(Settings(home=path))) as home:
        assert len(release_rows(home.catalogue)) == 1


def test_a_changed_article_changes_only_its_own_passages(built, tmp_path):
    path = tmp_path / "home"
    shutil.copytree(built, path)
    articles = tmp_path / "articles"
    shutil.copytree(ARTICLES, articles)
    with closing(open_home(Settings(home=path))) as home:  # from where they lie now
        ingest(home.catalogue, open_source(articles, "auto"), Partition("default", "helpdesk"))
    with (articles / "api" / "rate-limits.md").open("a") as file:
        file.write("\n\n## Asking for more\n\nWrite to support to have your limit raised for a launch.\n")
    (articles / "billing" / "payment-methods.md").write_bytes(b"\xff\xfe broken")
    result = run(path, "ingest", articles, "--collection", "helpdesk", "--json")
    report = json.loads(result.stdout)
    assert (report["changed"], report["unchanged"], len(report["rejects"])) == (1, 99, 1)
    assert "payment-methods.md" in report["rejects"][0]["name"]
    built_again = json.loads(run(path, "build", "--json").stdout)
    assert 0 < built_again["embeddings_computed"] <= 3
    found = json.loads(run(path, "search", "raise my limit for a launch", "--collection", "helpdesk", "--json").stdout)
    assert found["hits"][0]["document_id"] == "api-rate-limits"


def test_the_server_starts_without_a_release_and_serves_once_there_is_one(make_home):
    path = make_home("late")
    port = free_port()
    environment = os.environ | {"GROUNDWORK_POLL_SECONDS": "0.1"}
    process = ForkedPopen(
        [PROGRAM, "--home", str(path), "serve", "--port", str(port)], stderr=subprocess.PIPE, env=environment
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(timeout=30) as client:
            wait_until_client_is_served(client, f"{url}/livez", process)
            assert client.get(f"{url}/readyz").status_code == 503
        with closing(open_home(Settings(home=path))) as home:
            ingest(home.catalogue, open_source(ARTICLES / "api", "auto"), Partition("default", "helpdesk"))
        run(path, "build")
        wait_until_ready(url, process)
    finally:
        process.terminate()
        process.communicate(timeout=30)
