"""Files through OpenAI's client against a real server, which is killed while it reads one."""

import json
import signal

import httpx
import openai
import pytest

from tests.app.conftest import fill, release
from tests.support.processes import free_port, start, wait_until

pytestmark = pytest.mark.slow
KEY = "a key for the upload test"
PARAGRAPH = "<p>The mooring mast of a zeppelin stands on the roof, number {}, and turns with the wind all day.</p>"
PAGE = ("<html><title>Masts</title><body>" + "".join(map(PARAGRAPH.format, range(2_000))) + "</body>").encode()
"""A page that takes the parser some seconds."""


@pytest.fixture
def serve(tiny_home, tmp_path):
    """Starts a server over a home with the tiny model; all end with the test."""
    fill(tiny_home)
    release(tiny_home)
    started = []

    def begin():
        port, log = free_port(), tmp_path / f"api-{len(started)}.log"
        options = {"api_key": KEY, "lease_seconds": 1.0, "sessions": 1, "live_max_passages": 500}
        with log.open("wb") as stderr:
            process = start(tiny_home.path, "serve", "--port", port, stderr=stderr, **options)
        started.append(process)
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY)
        wait_until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200, log)
        return process, client, log

    yield begin
    for process in started:
        process.kill()
        process.wait()


def step_of(client, store, file):
    return client.get(f"/collections/{store}/uploads/{file}", cast_to=httpx.Response).json()["step"]


def ask(client, store, query):
    body = {"query": query, "collection": store}
    return client.post("/search", cast_to=httpx.Response, body=body).json()["hits"]


def test_a_file_that_a_killed_server_was_reading_is_read_by_the_next_and_no_other_is_lost(serve, tmp_path):
    process, client, log = serve()
    store = client.vector_stores.create(name="Masts")
    notes = {"note.md": b"# Note\n\nBallast is dropped before landing.", "rope.md": b"# Rope\n\nA rope is thrown."}
    first = client.vector_stores.file_batches.upload_and_poll(store.id, files=list(notes.items()), poll_interval_ms=50)
    assert (first.status, first.file_counts.completed) == ("completed", 2)
    small = next(one for one in client.files.list() if one.filename == "note.md")
    large = client.files.create(file=("masts.html", PAGE), purpose="assistants")
    waiting = client.files.create(file=("last.md", b"# Last\n\nHydrogen is lighter than air."), purpose="assistants")
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[large.id, waiting.id])
    wait_until(lambda: step_of(client, store.id, large.id) == "reading", log)
    process.send_signal(signal.SIGKILL)
    process.wait()

    process, client, log = serve()
    done = client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
    assert done.file_counts.total == 2
    wait_until(
        lambda: client.vector_stores.files.retrieve(waiting.id, vector_store_id=store.id).status == "completed", log
    )
    # The page has more passages than the live layer may hold here: it is stored and waits for a build.
    wait_until(lambda: step_of(client, store.id, large.id) == "indexing", log)
    found = client.get(f"/collections/{store.id}/uploads/{large.id}", cast_to=httpx.Response).json()
    assert (found["state"], found["documents"]) == ("in_progress", [large.id])
    assert "No builder was seen" in found["warnings"][0]
    assert {small.id, waiting.id} <= {hit["document_id"] for hit in ask(client, store.id, "ballast hydrogen")}
    log_lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert not [line for line in log_lines if line.get("level") == "ERROR"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)
