"""Interleaved searches over HTTP: both recipes answer at once, and whatever the candidate does, users are answered."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest

from app.main import create_app, refresh
from app.retrieval.retriever import Retriever
from app.services import shadow
from app.services.replay import Replayer
from eval.feedback.interleaving import interleaving_report
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.catalogue.watcher_lease import take_lease
from indexing.errors import ArtefactCorrupt
from indexing.ledger.readers import requests_of
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.rollouts import PREFERENCE, AbTest
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_interleaving, start_shadow
from tests.app.conftest import ARTICLES, copied, release, settings_of
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
TEST = AbTest(PREFERENCE, margin=0.1, higher_is_better=True)
HELPDESK = Partition(DEFAULT_TENANT, "helpdesk")
QUESTION = "invoice of seats and webhook errors"


def by():
    return Decision("ana", "a test", datetime.now(UTC).isoformat(timespec="milliseconds"))


def interleave(home, share=1.0, unit="user"):
    assert take_lease(home.catalogue, "host:1", by().at)
    seen = propose(home.catalogue, 2, by())
    choices = {"share": share, "steps": (), "unit": unit, "test": TEST, "end": End(queries=1000), "max_recipes": 4}
    return start_interleaving(home.catalogue, seen, by(), **choices)


@pytest.fixture(scope="module")
def built(built_home, tmp_path_factory):
    """Recipe 1, in service, ranks by both legs, recipe 2 by terms alone; the candidate is interleaved for all users."""
    with closing(copied(built_home, tmp_path_factory.mktemp("interleaving"))) as home:
        release(home, retrieval=replace(default_recipe(home).retrieval, dense_weight=0.0))
        interleave(home)
    return home.path


@pytest.fixture
def served(built, tmp_path):
    with closing(copied(built, tmp_path)) as home:
        yield home


@pytest.fixture
def client(served):
    settings = settings_of(served.path).model_copy(update={"log_queries": True})
    with TestClient(create_app(settings), headers=KEY) as client:
        refresh(client.app.state.services)
        searches = client.app.state.services.interleaving
        searches.patience_seconds, searches.is_busy = 60.0, lambda: False  # however slow this machine is
        yield client


def ask(client, path="/v1/search", status=200, **fields):
    body = {"query": QUESTION, "collection": "helpdesk", "user": "ann"} | fields
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def rows(client, home):
    assert client.app.state.services.records.recorder.flush(20)
    return [row for row in requests_of(home.ledger) if row.kind != "shadow"]


def counted(client, outcome):
    name = f'groundwork_interleaved_searches_total{{outcome="{outcome}"}} '
    found = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(found[0].removeprefix(name)) if found else 0.0


def before_the_candidate_searches(monkeypatch, act):
    """Have ``act`` called when recipe 2 is about to search, which may fail by it."""
    begin = Retriever.begin

    def begin_after(self, serving, *rest):
        if serving.release.recipe == 2:
            act()
        return begin(self, serving, *rest)

    monkeypatch.setattr(Retriever, "begin", begin_after)


def alone(client, home):
    """What became of the candidate's search where the release in service answered alone."""
    answer = ask(client)
    assert {hit["release"] for hit in answer["hits"]} == {"1.1"}
    (row,) = rows(client, home)
    assert (row.arm, row.status, set(row.comparison)) == ("interleaved", 200, {"interleaved"})
    assert counted(client, row.comparison["interleaved"]) == 1.0
    return row.comparison["interleaved"]


def test_both_recipes_answer_and_each_hit_names_its_release(served, client):
    response = client.post("/v1/search", json={"query": QUESTION, "collection": "helpdesk", "user": "ann"})
    answer = response.json()
    assert response.headers["x-release-id"] == answer["release"] == "1.1"
    documents = [hit["document_id"] for hit in answer["hits"]]
    assert sorted(documents) == ["calendar", "export", "invoice", "password", "webhook"]
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    (row,) = rows(client, served)
    assert (row.arm, row.release, row.rollout, row.reason) == ("interleaved", "1.1", 1, "share 1 by user")
    assert (row.comparison["interleaved"], row.comparison["candidate"]) == ("answered", "2.1")
    assert [hit["release"] for hit in answer["hits"]] == [
        "2.1" if slot in "cC" else "1.1" for slot in row.comparison["slots"]
    ]
    assert "2.1" in {hit["release"] for hit in answer["hits"]}
    assert [hit.document_id for hit in row.hits] == documents
    assert counted(client, "answered") == 1.0


def test_only_the_first_page_of_one_collection_is_interleaved(served, client):
    page = ask(client, k=2, offset=2)
    several = client.post("/v1/search", json={"query": QUESTION, "collections": ["helpdesk"], "user": "ann"}).json()
    assert {hit["release"] for hit in [*page["hits"], *several["hits"]]} == {"1.1"}
    assert [(row.arm, row.rollout, row.comparison) for row in rows(client, served)] == [("live", None, None)] * 2


def test_near_duplicates_in_the_two_lists_are_one_hit(served, client):
    put_documents(served.catalogue, HELPDESK, [Document("again", "Again", ARTICLES["invoice"][1], "", {})])
    for retrieval in (default_recipe(served).retrieval, replace(default_recipe(served).retrieval, dense_weight=0.0)):
        release(served, retrieval=retrieval)
    refresh(client.app.state.services)
    found = ask(client, collapse=True, min_score=0.0)
    shown = [hit["document_id"] for hit in found["hits"]]
    assert len({"invoice", "again"} & set(shown)) == 1
    assert sorted({*shown, "invoice", "again"}) == ["again", "calendar", "export", "invoice", "password", "webhook"]
    assert "2" in {row.comparison["candidate"][0] for row in rows(client, served)}


def test_a_shadow_answers_for_each_of_several_collections_what_it_would_alone(served_home, monkeypatch):
    monkeypatch.setattr(shadow, "LOOP_SHARE", 99.0)  # however slow this machine is
    release(served_home, retrieval=replace(default_recipe(served_home).retrieval, dense_weight=0.0))
    put_documents(served_home.catalogue, Partition(DEFAULT_TENANT, "legal"), [Document("terms", "Terms", "Invoices.")])
    assert take_lease(served_home.catalogue, "host:1", by().at)
    seen = propose(served_home.catalogue, 2, by())
    end = End(queries=1000)
    start_shadow(served_home.catalogue, seen, by(), share=1.0, end=end, decides="alike", max_recipes=4)
    with TestClient(create_app(settings_of(served_home.path)), headers=KEY) as client:
        services = client.app.state.services
        refresh(services)
        body = {"query": QUESTION, "collections": ["helpdesk"], "k": 3, "offset": 1}
        answer = client.post("/v1/search", json=body)
        assert answer.status_code == 200, answer.text
        client.portal.call(int)  # the event loop has offered it by then
        services.shadows.flush()
        assert services.records.recorder.flush(20)
        kept = {row.kind: row for row in requests_of(served_home.ledger)}
    assert [hit["rank"] for hit in answer.json()["hits"]] == [2, 3, 4]
    assert kept["shadow"].shadow_of == kept["search"].id
    assert len(kept["shadow"].hits) == 3
    assert kept["shadow"].comparison["overlap"] > 0


def test_a_user_outside_the_share_and_the_context_door_get_the_release_in_service(served, client):
    with served.catalogue.write() as db:
        db.conn.execute("UPDATE rollouts SET share = 1e-9")
    refresh(client.app.state.services)
    assert {hit["release"] for hit in ask(client)["hits"]} == {"1.1"}
    with served.catalogue.write() as db:
        db.conn.execute("UPDATE rollouts SET share = 1.0")
    refresh(client.app.state.services)
    ask(client, "/v1/context")
    outside, context = rows(client, served)
    assert (outside.arm, outside.rollout, outside.comparison) == ("live", 1, None)
    assert (context.arm, context.rollout, context.unit) == ("live", None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"k": 2},
        {"group_by_document": False, "k": 50},
        {"filters": {"type": "in", "key": "category", "value": ["i", "w"]}},
        {"mode": "lexical"},
        {"k": 1, "mode": "dense"},
    ],
)
def test_k_filters_and_grouping_hold_on_both(client, fields):
    found = [(hit["document_id"], hit["start"]) for hit in ask(client, **fields)["hits"]]
    assert len(set(found)) == len(found) <= fields.get("k", 10)
    if fields.get("group_by_document", True):
        assert len({document for document, _ in found}) == len(found)
    if "filters" in fields:
        assert {document for document, _ in found} <= {"invoice", "webhook"}


def test_a_write_is_waited_for_and_seen_in_hits_of_both(served, client):
    token = client.put("/v1/collections/helpdesk/documents/new", json={"text": "Seats of an invoice."}).json()["seq"]
    assert "new" in [hit["document_id"] for hit in ask(client, min_seq=token)["hits"]]


def test_a_candidate_that_does_not_see_the_write_yet_is_left_out(served, client, monkeypatch):
    token = client.put("/v1/collections/helpdesk/documents/new", json={"text": "Seats of an invoice."}).json()["seq"]
    live = client.app.state.services.live
    has_reached = type(live).has_reached
    monkeypatch.setattr(
        type(live),
        "has_reached",
        lambda self, serving, *rest: serving.release.recipe == 1 and has_reached(self, serving, *rest),
    )
    answer = ask(client, min_seq=token)
    assert {hit["release"] for hit in answer["hits"]} == {"1.1"}
    assert rows(client, served)[-1].comparison == {"interleaved": "behind"}


@pytest.mark.parametrize("error", [ArtefactCorrupt("its shard is damaged"), ZeroDivisionError("a fault of ours")])
def test_an_error_of_the_candidate_reaches_no_user(served, client, monkeypatch, error):
    def fail():
        raise error

    before_the_candidate_searches(monkeypatch, fail)
    assert alone(client, served) == "failed"


def test_a_candidate_that_takes_too_long_is_not_waited_for(served, client, monkeypatch):
    go_on = Event()
    before_the_candidate_searches(monkeypatch, lambda: go_on.wait(60))
    client.app.state.services.interleaving.patience_seconds = 0.0
    assert alone(client, served) == "late"
    ask(client)
    ask(client)
    assert counted(client, "busy") == 1.0, "two threads are taken"
    go_on.set()


def test_under_load_the_release_in_service_answers_alone(served, client, monkeypatch):
    monkeypatch.setattr(client.app.state.services.interleaving, "is_busy", lambda: True)
    assert alone(client, served) == "busy"


def test_a_document_that_only_the_candidate_lacks_is_found_all_the_same(served, client):
    put_documents(
        served.catalogue, Partition(DEFAULT_TENANT, "helpdesk"), [Document("extra", "Invoice", "An invoice.")]
    )
    release(served)  # recipe 1 alone is built
    refresh(client.app.state.services)
    answer = ask(client)
    assert answer["release"] == "1.2"
    assert "extra" in [hit["document_id"] for hit in answer["hits"]]


def test_the_same_row_gives_the_same_draft_and_its_replay_says_that_it_cannot(served, client):
    ask(client)
    (row,) = rows(client, served)
    found = Replayer(served).replay(row)
    assert found.reason == "interleaved"
    assert "hits of two releases, 1.1 and 2.1" in found.message


def test_what_users_click_is_credited_to_the_release_that_found_it(served, client):
    credited = {"1.1": 0, "2.1": 0}
    for number in range(12):
        answer = ask(client, user=f"user-{number}")
        slots = rows(client, served)[-1].comparison["slots"]
        rank = next((at for at, slot in enumerate(slots) if slot in "lc"), None)
        assert rank is not None, "the recipes rank alike"
        hit = answer["hits"][rank]
        credited[hit["release"]] += 1
        event = {
            "application": "helpdesk",
            "action_name": "click",
            "query_id": answer["query_id"],
            "client_id": f"browser-{number}",
            "timestamp": datetime.now(UTC).isoformat(),
            "event_attributes": {
                "object": {"object_id": hit["document_id"], "object_id_field": "document_id"},
                "position": {"ordinal": rank + 1},
            },
        }
        assert client.post("/v1/feedback", content=json.dumps(event)).status_code == 202
    assert client.app.state.services.feedback.flush(20)
    found = interleaving_report(served, 1)
    assert (found.live.credits, found.candidate.credits) == (credited["1.1"], credited["2.1"])
    assert (found.live.units, found.candidate.units) == (credited["1.1"], credited["2.1"])
    assert (found.result.answers, found.voted, found.alone) == (12, 12, {})
