"""Fresh writes across real processes: two APIs and a builder over one home."""

import signal
import time
from contextlib import contextmanager

import httpx
import pytest

from tests.support.letter_words import in_letters
from tests.support.processes import ROOT, free_port, run, start

pytestmark = pytest.mark.slow
KEY = "a key for the live test"


@contextmanager
def api(home, **settings):
    port = free_port()
    process = start(home, "serve", "--port", port, api_key=KEY, **settings)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}, timeout=30
    ) as client:
        try:
            wait_for(lambda: is_ready(client))
            client.process = process
            yield client
        finally:
            process.kill()
            process.wait()


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about within 30 s")


def is_ready(client):
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def home(make_home):
    return make_home("live", ROOT / "corpora" / "helpdesk" / "articles" / "billing", "manual", is_built=True)


def put(client, name, text):
    return client.put(f"/v1/collections/manual/documents/{name}", json={"text": text})


def search(client, query, seq=None):
    body = {"query": query, "collection": "manual", "k": 50, "mode": "lexical"}
    return client.post("/v1/search", json=body | ({} if seq is None else {"min_seq": seq}))


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [hit["document_id"] for hit in answer.json()["hits"]]


def test_a_write_is_found_in_both_processes_and_a_delete_hides_in_both(home):
    with api(home) as first, api(home) as second:
        for number in range(6):
            writer, reader = (first, second) if number % 2 else (second, first)
            answer = put(writer, f"note/{number}", f"The zanzibar{in_letters(number)} procedure in three steps.")
            assert answer.status_code == 200
            seq = answer.json()["seq"]
            for client in (reader, writer):
                assert ids(search(client, f"zanzibar{in_letters(number)}", seq)) == [f"note/{number}"]
        deleted = second.delete("/v1/collections/manual/documents/note/0").json()["seq"]
        assert ids(search(second, f"zanzibar{in_letters(0)}")) == []
        assert ids(search(first, f"zanzibar{in_letters(0)}", deleted)) == []


def test_a_killed_process_loses_no_acknowledged_write(home):
    with api(home) as first:
        answers = [
            put(first, f"kept/{number}", f"The kilimanjaro{in_letters(number)} procedure.") for number in range(10)
        ]
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    assert {answer.status_code for answer in answers} == {200}
    with api(home) as second:
        seq = answers[-1].json()["seq"]
        for number in range(10):
            assert ids(search(second, f"kilimanjaro{in_letters(number)}", seq)) == [f"kept/{number}"]


def test_the_builder_runs_what_a_large_write_and_an_operator_ask_for(home):
    builder = start(home, "builder")
    try:
        with api(home, poll_seconds=0.1) as client:
            before = client.get("/readyz").json()["release"]
            text = "\n\n".join(f"Paragraph {n}. " + f"popocatepetl{in_letters(n % 10)} " * 120 for n in range(52))
            answer = put(client, "large", text)
            assert answer.status_code == 202
            seq = answer.json()["seq"]
            assert search(client, "popocatepetlk", seq).status_code == 412
            wait_for(lambda: search(client, "popocatepetlk", seq).status_code == 200)
            assert ids(search(client, "popocatepetlk", seq)) == ["large"]
            assert client.get("/readyz").json()["release"] != before
            secret = run(home, "keys", "create", "--scope", "operator").stdout.split()[-1]
            client.headers["Authorization"] = f"Bearer {secret}"
            asked = client.post("/v1/preparations", json={"precision": "fp32", "reason": "exact vectors"})
            assert asked.status_code == 202, asked.text
            assert asked.json()["builder"]["state"] == "running"
            path = f"/v1/preparations/{asked.json()['id']}"
            wait_for(lambda: client.get(path).json()["state"] == "proposed")
            done = client.get(path).json()
            assert done["cost"]["embeddings"] > 0
            assert client.get(f"/v1/rollouts/{done['rollout']}").json()["documents_behind"] == 0
        builder.send_signal(signal.SIGTERM)
        assert builder.wait(timeout=30) == 0
    finally:
        builder.kill()
        builder.wait()
