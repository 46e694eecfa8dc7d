"""Over HTTP: every request that reaches a search is in the ledger, also one that fails, and a kill's loss is known."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from app.main import create_app, refresh
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.tenants import change_limits, create_tenant
from indexing.ledger.day_list import database_path
from indexing.ledger.readers import requests_of, served_request
from indexing.records import Partition
from indexing.settings import Settings
from tests.app.conftest import copied, fill
from tests.support.api_client import TestClient
from tests.support.forked_programs import ForkedPopen

SECRET = "test-key-0123456789"
KEY = {"Authorization": f"Bearer {SECRET}"}
QUERY = "reset a forgotten password"
PATHS = ("/v1/search", "/v1/context")


@pytest.fixture
def settings(tmp_path, built_home):
    """Those of a home with a release that no process has open."""
    with closing(copied(built_home, tmp_path)) as home:
        return home.settings


@pytest.fixture
def start(settings):
    clients = []

    def start(**changes):
        client = TestClient(create_app(settings.model_copy(update=changes)), raise_server_exceptions=False)
        clients.append(client.__enter__())
        refresh(client.app.state.services)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def post(client, path="/v1/search", headers=KEY, **body):
    return client.post(path, json={"query": QUERY, "collection": "helpdesk", **body}, headers=headers)


def recorded(client):
    """Every row, oldest first."""
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)
    return list(requests_of(services.home.ledger))


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_s_query_id_leads_to_its_row(start, path):
    client = start()
    answer = post(client, path, headers=KEY | {"x-request-id": "r-7"}, user="ann", k=3).json()
    recorded(client)
    services = client.app.state.services
    row = served_request(services.home.ledger, services.records.query_ids.read("default", answer["query_id"]))
    assert (row.request_id, row.tenant, row.collection, row.k) == ("r-7", "default", "helpdesk", 3)
    assert (row.kind, row.release, row.status) == (path.removeprefix("/v1/"), answer["release"], 200)
    assert (row.arm, row.reason, row.rollout, row.unit) == ("live", "live", None, None)
    assert row.seq == services.sequence_tokens.read("default", answer["seq"])
    assert row.timings_ms == answer["timings_ms"]
    assert len(row.user) == 32
    assert (row.query, row.filters, row.principals) == (None, None, None)


def test_a_row_has_the_hits_as_they_were_answered(start):
    client = start()
    answer = post(client, mode="hybrid", k=4).json()
    (row,) = recorded(client)
    assert [
        (hit.document_id, hit.start, hit.end, hit.score, hit.dense, hit.lexical, hit.rerank) for hit in row.hits
    ] == [
        (hit["document_id"], hit["start"], hit["end"], hit["score"], *hit["scores"].values()) for hit in answer["hits"]
    ]
    assert row.query_features["terms"] == 3.0
    assert row.query_features["unknown_share"] == 0.0
    assert row.query_features["top_score"] == answer["hits"][0]["score"]


def test_words_that_no_passage_holds_are_counted_as_unknown(start):
    client = start()
    post(client, query="password zzyzx", mode="lexical")
    post(client, query="password zzyzx", mode="dense")
    lexical, dense = recorded(client)
    assert (lexical.query_features["terms"], lexical.query_features["unknown_share"]) == (2.0, 0.5)
    assert "unknown_share" not in dense.query_features


def test_a_context_s_row_says_what_became_of_its_hits(start):
    client = start()
    answer = post(client, "/v1/context", max_tokens=60).json()
    (row,) = recorded(client)
    assert row.query_features["context_tokens"] == answer["tokens"]
    assert row.query_features["context_left_out"] == len(answer["left_out"]) > 0
    assert row.query_features["context_cut"] == 0.0


@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_fails_after_it_reached_the_search_has_its_status_and_error(start, path):
    client = start()
    services = client.app.state.services
    ensure_collection(services.home.catalogue, Partition("default", "empty"))
    services.searches.taken = services.home.settings.max_concurrency
    overloaded = post(client, path)
    services.searches.taken = 0
    missing = post(client, path, collection="no-such")
    late = post(client, path, headers=KEY | {"x-timeout-ms": "0.001"})
    unseen = post(client, path, min_seq="x" * 40)
    fine = post(client, path, collection="empty")
    for refused in (post(client, path, headers={}), post(client, path, k=0)):
        assert refused.status_code in (401, 422)  # these leave no row
    answers = [overloaded, missing, late, unseen, fine]
    assert [answer.status_code for answer in answers] == [503, 404, 504, 400, 200]
    rows = recorded(client)
    assert [row.status for row in rows] == [503, 404, 504, 400, 200]
    assert [row.error for row in rows] == [*(answer.json()["error"] for answer in answers[:-1]), None]
    assert [row.release for row in rows] == ["1.1", "1.1", "1.1", "0.0", "1.1"]
    assert all("total" in row.timings_ms for row in rows)
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]


def test_before_the_first_release_a_search_is_recorded_as_not_ready(tmp_path):
    settings = Settings(home=tmp_path / "new", api_key=SECRET, sessions=1)
    with TestClient(create_app(settings)) as client:
        assert post(client).status_code == 503
        (row,) = recorded(client)
        assert (row.status, row.error, row.release) == (503, "NotReady", "0.0")


def test_another_tenant_s_query_id_is_refused(start):
    client = start()
    services = client.app.state.services
    create_tenant(services.home.catalogue, "rival")
    _, key = create_key(services.home.catalogue, "rival")
    fill(services.home, tenant="rival")
    theirs = post(client, headers={"Authorization": f"Bearer {key}"}).json()["query_id"]
    assert services.records.query_ids.read("rival", theirs) == recorded(client)[0].id
    with pytest.raises(Exception, match="not one of this tenant"):
        services.records.query_ids.read("default", theirs)


@pytest.mark.parametrize(("installation", "tenant"), [(True, True), (True, False), (False, True)])
def test_no_byte_of_a_query_reaches_the_disk_unless_both_allow_it(start, settings, installation, tenant):
    client = start(log_queries=installation)
    change_limits(client.app.state.services.home.catalogue, "default", {"log_queries": tenant})
    asked = {"query": "marker-of-a-query", "user": "marker-of-a-user", "principals": ["marker-of-a-principal"]}
    filters = {"type": "eq", "key": "category", "value": "marker-of-a-value"}
    assert post(client, **asked, filters=filters).status_code == 200
    recorded(client)
    kept = b"".join(path.read_bytes() for path in (settings.home / "ledger").iterdir())
    found = set(re.findall(b"marker-of-a-[a-z]+", kept))
    expected = {b"marker-of-a-query", b"marker-of-a-principal", b"marker-of-a-value"}
    assert found == (expected if installation and tenant else set())


def test_off_keeps_assignments_alone(start):
    client = start(ledger="off")
    assert "query_id" in post(client, user="ann").json()
    (row,) = recorded(client)
    assert (row.is_whole, row.release, row.arm, row.status) == (False, "1.1", "live", 200)
    assert (list(row.hits), row.query_hash, row.query_features, row.timings_ms) == ([], None, {}, {})
    assert row.user is not None


def test_a_ledger_that_cannot_be_written_fails_no_search_and_is_counted(start, settings, caplog):
    client = start()
    today = database_path(settings.home / "ledger", datetime.now(UTC).date())
    today.parent.mkdir(exist_ok=True)
    today.write_bytes(b"this is no database " * 1000)
    assert [post(client).status_code for _ in range(3)] == [200] * 3
    assert client.app.state.services.records.recorder.flush(20.0)
    text = client.get("/metrics").text
    assert 'groundwork_ledger_rows_dropped_total{reason="store_failed"} 3.0' in text
    assert "groundwork_ledger_rows_accepted_total 3.0" in text
    assert "groundwork_ledger_rows_written_total 0.0" in text
    assert "ledger.not_written" in caplog.text


def test_a_busy_ledger_holds_up_no_search_and_its_rows_come_later(start, settings):
    client = start()
    post(client)
    recorded(client)
    today = database_path(settings.home / "ledger", datetime.now(UTC).date())
    with closing(sqlite3.connect(today, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [post(client).status_code for _ in range(5)] == [200] * 5
        other.execute("ROLLBACK")
    assert len(recorded(client)) == 6


def test_metrics_tell_what_waits_and_how_large_today_is(start):
    client = start()
    post(client)
    recorded(client)
    text = client.get("/metrics").text
    assert "groundwork_ledger_rows_written_total 1.0" in text
    assert "groundwork_ledger_queue_rows 0.0" in text
    assert float(re.search(r"groundwork_ledger_today_bytes ([0-9.e+]+)", text)[1]) > 4096
    assert 'groundwork_ledger_rows_dropped_total{reason="queue_full"} 0.0' in text


def test_a_process_that_ends_in_order_writes_what_waits_and_leaves_no_file_of_its_own(settings):
    with TestClient(create_app(settings)) as client:
        refresh(client.app.state.services)
        post(client)
        ledger = client.app.state.services.home.ledger
    assert len(list(requests_of(ledger))) == 1
    ledger.close()
    assert [path.suffix for path in (settings.home / "ledger").iterdir()] == [".db"]
    assert counters_of(settings.home)[0][1:] == (1, 0, 1)


def counters_of(home):
    """What every process had counted: its id, then accepted, dropped and written."""
    today = database_path(home / "ledger", datetime.now(UTC).date())
    with closing(sqlite3.connect(today)) as day:
        return day.execute("SELECT process, accepted, dropped, written FROM counters").fetchall()


CHILD = """
import sys, threading
from tests.support.api_client import TestClient
from app.main import create_app, refresh
from indexing.settings import Settings

home, key, held = sys.argv[1:]
with TestClient(create_app(Settings(home=home, api_key=key, sessions=1))) as client:
    services = client.app.state.services
    refresh(services)
    append, is_held = services.home.ledger.append, threading.Event()

    def search(times):
        for _ in range(times):
            body = {"query": "password", "collection": "helpdesk"}
            client.post("/v1/search", json=body, headers={"Authorization": f"Bearer {key}"}).raise_for_status()

    def hold(rows):
        if held == "after":
            append(rows)
        is_held.set()
        threading.Event().wait()

    search(5)
    assert services.records.recorder.flush(20.0)
    services.home.ledger.append = hold
    search(7)
    assert is_held.wait(20.0)
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("held", ["before", "after"])
def test_a_process_that_is_killed_loses_what_waited_and_the_next_one_says_how_much(start, settings, caplog, held):
    child = ForkedPopen(
        [sys.executable, "-c", CHILD, str(settings.home), SECRET, held],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            assert child.stdout.readline() == "ready\n"
        finally:
            child.kill()
        child.stdin.close()
    assert child.returncode == -9
    client = start()
    rows = recorded(client)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 5 if held == "before" else len(rows) > 5  # the batch in which it was killed is known as stored
    assert counters_of(settings.home) == [(rows[0].process, 12, 0, len(rows))]
    lost = [record for record in caplog.records if record.getMessage() == "ledger.rows_lost_in_a_kill"]
    assert sum(record.fields["rows"] for record in lost) == 12 - len(rows)
    assert len(list((settings.home / "ledger").glob("*.counts"))) == 1  # that of the process that runs
