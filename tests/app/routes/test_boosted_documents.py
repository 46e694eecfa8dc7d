"""A document that is written over HTTP is boosted by its own values from its first search on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.main import create_app, refresh
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.document_features import count_without_features
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.tenants import create_tenant
from indexing.features.boosts import Boost
from indexing.features.engagement import materialise_engagement
from indexing.features.skew import measure_skew, served_values
from indexing.features.transformations import TRANSFORMATIONS, Transformation
from indexing.features.views import DOCUMENT_ENGAGEMENT, DOCUMENT_STATS
from indexing.ledger.readers import requests_of
from indexing.releases.deployments import deploy
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import boost_features_of
from tests.app.conftest import ARTICLES, release
from tests.support.api_client import TestClient
from tests.support.ledger_rows import made_id, made_row

KEY = {"Authorization": "Bearer test-key-0123456789"}
BODY = {"title": "Voice calls", "text": "Ring a customer from the inbox with the green telephone. " * 5}


@pytest.fixture
def boosted_home(served_home):
    retrieval = replace(default_recipe(served_home).retrieval, boosts=(Boost("document_stats:length", 5.0, 100.0),))
    report = release(served_home, retrieval=retrieval, document_views=(DOCUMENT_STATS,))
    deploy(served_home.catalogue, report.release.recipe, reason="test", actor="test")
    assert stable_recipe(served_home.catalogue) == report.release.recipe
    return served_home


@pytest.fixture
def client(boosted_home):
    with TestClient(create_app(boosted_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


def lacking(home):
    return count_without_features(home.catalogue, DOCUMENT_STATS.fingerprint)


def put(client):
    answer = client.put("/v1/collections/helpdesk/documents/voice", json=BODY, headers=KEY)
    assert answer.status_code == 200
    return answer.json()


def test_a_written_document_has_its_values_when_the_write_answers_and_they_boost_it(client, served_home):
    assert lacking(served_home) == 0
    written = put(client)
    assert lacking(served_home) == 0
    body = {"query": "webhook signatures", "collection": "helpdesk", "min_seq": written["seq"]}
    hits = client.post("/v1/search", json=body, headers=KEY).json()["hits"]
    assert hits[0]["document_id"] == "voice"


def test_a_write_is_answered_though_its_values_cannot_be_computed(client, served_home, monkeypatch, caplog):
    other = Transformation("document_stats", lambda document: {})
    monkeypatch.setitem(TRANSFORMATIONS, "document_stats", other)
    put(client)
    assert lacking(served_home) == 1
    assert "features.not_materialised" in {record.message for record in caplog.records}
    caplog.clear()
    report = release(served_home, retrieval=default_recipe(served_home).retrieval, document_views=(DOCUMENT_STATS,))
    assert report.release  # nor does a build fail for it
    assert "features.not_materialised" in {record.message for record in caplog.records}


def test_what_a_search_used_stands_in_the_ledger_and_shows_no_skew_until_the_code_changes(boosted_home):
    body = {"query": "webhook signatures", "collection": "helpdesk"}
    with TestClient(create_app(boosted_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        answer = client.post("/v1/search", json=body, headers=KEY).json()
    (row,) = requests_of(boosted_home.ledger)
    lengths = {name: float(len(text)) for name, (_, text) in ARTICLES.items()}
    used = {hit.document_id: hit.features for hit in row.hits}
    expected = [hit["document_id"] for hit in answer["hits"]]
    assert used == {name: {"document_stats:length": lengths[name]} for name in expected}
    features_of = boost_features_of(boosted_home.catalogue)
    report = measure_skew(boosted_home.catalogue, served_values([row]), features_of)
    assert report.to_json()["features"]["document_stats:length"]["share"] == 0
    assert report.features["document_stats:length"].compared == len(row.hits) > 0
    doubled = {"document_stats": Transformation("document_stats", lambda one: {"length": 2 * len(one.text)})}
    tampered = measure_skew(boosted_home.catalogue, served_values([row]), features_of, transformations=doubled)
    assert tampered.features["document_stats:length"].mismatched == len(row.hits)


def test_shadows_and_model_calls_take_no_place_in_the_answers_whose_skew_is_measured(boosted_home):
    with TestClient(create_app(boosted_home.settings)) as client:
        services = client.app.state.services
        refresh(services)
        client.post("/v1/search", json={"query": "webhook signatures", "collection": "helpdesk"}, headers=KEY)
        assert services.records.recorder.flush(20.0)
        later = datetime.now(UTC) + timedelta(seconds=1)
        others = [made_row(n, later, tenant="default", kind=kind) for n, kind in enumerate(["shadow", "model_call"])]
        boosted_home.ledger.append(others)
        told = client.get("/v1/features:skew?limit=1&sample=1", headers=KEY)
    assert told.status_code == 200, told.text
    assert told.json()["features"]["document_stats:length"]["compared"] > 0


def test_what_users_click_is_boosted_once_it_is_counted(served_home):
    boost = Boost("document_engagement:clicks_7d", 5.0, 1.0)
    retrieval = replace(default_recipe(served_home).retrieval, boosts=(boost,))
    report = release(served_home, retrieval=retrieval, document_views=(DOCUMENT_ENGAGEMENT,))
    deploy(served_home.catalogue, report.release.recipe, reason="test", actor="test")
    with TestClient(create_app(served_home.settings)) as client:
        services = client.app.state.services
        refresh(services)

        def search():
            body = {"query": "read your invoice", "collection": "helpdesk"}
            return client.post("/v1/search", json=body, headers=KEY).json()

        before = search()
        last = before["hits"][-1]["document_id"]
        event = {
            "action_name": "click",
            "query_id": before["query_id"],
            "timestamp": datetime.now(UTC).isoformat(),
            "event_attributes": {"object": {"object_id": last}},
        }
        assert client.post("/v1/feedback", json=event, headers=KEY).status_code == 202
        assert services.records.recorder.flush(20)
        assert services.feedback.flush(20)
        materialise_engagement(served_home.catalogue, served_home.ledger)
        after = search()
        assert len(before["hits"]) > 1
        assert after["hits"][0]["document_id"] == last
        assert services.records.recorder.flush(20)
    rows = [row for row in requests_of(served_home.ledger) if row.hits[0].document_id == last]
    assert [row.hits[0].features for row in rows] == [{"document_engagement:clicks_7d": 1.0}]
    skew = measure_skew(served_home.catalogue, served_values(rows), boost_features_of(served_home.catalogue))
    assert skew.features["document_engagement:clicks_7d"].share == 0.0


def test_the_skew_of_its_own_answers_is_told_to_a_tenant_s_administrators(boosted_home, client):
    client.post("/v1/search", json={"query": "telephone", "collection": "helpdesk", "k": 3}, headers=KEY)
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)

    def skew(headers=KEY, **asked):
        answer = client.get("/v1/features:skew", params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    right = skew()
    assert (right["tenant"], right["sampled"], right["unknown"]) == ("default", 3, 0)
    length = right["features"]["document_stats:length"]
    assert (length["compared"], length["mismatched"], length["share"]) == (3, 0, 0.0)
    row = next(requests_of(boosted_home.ledger, "default"))
    wrong = [replace(hit, features={"document_stats:length": 1.0}) for hit in row.hits]
    boosted_home.ledger.append([replace(row, id=made_id(), number=row.number + 1, hits=tuple(wrong))])
    length = skew()["features"]["document_stats:length"]
    assert (length["compared"], length["mismatched"], length["share"]) == (6, 3, 0.5)
    assert skew(limit=1)["features"]["document_stats:length"]["mismatched"] == 3  # the newest alone
    assert skew(sample=0)["features"] == {}
    create_tenant(boosted_home.catalogue, "other")
    theirs = {"Authorization": f"Bearer {create_key(boosted_home.catalogue, 'other', scopes=['admin'])[1]}"}
    assert skew(theirs)["features"] == {}
    assert client.get("/v1/features:skew", params={"tenant": "default"}, headers=theirs).status_code == 404
