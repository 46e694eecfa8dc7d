"""Dify's external knowledge API: a search in its shape, its conditions as our filters, its errors."""

import pytest

from indexing.catalogue.database import utc_now
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.records import Document, Partition
from tests.app.conftest import release, serving

KEY = {"Authorization": "Bearer test-key-0123456789"}
METADATA = {
    "one": {"category": "billing", "year": 2023, "day": "2023-05-01"},
    "two": {"category": "billing", "year": 2025, "day": "2025-05-01", "document_id": "their own"},
    "three": {"category": "setup", "year": 2025},
    "four": {},
}


def add_articles(home):
    documents = [
        Document(name, name.title(), f"An article number {name}.", "", meta) for name, meta in METADATA.items()
    ]
    put_documents(home.catalogue, Partition(DEFAULT_TENANT, "articles"), documents)
    release(home)


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    """One for all tests, which change nothing that lasts."""
    with serving(built_home, tmp_path_factory.mktemp("dify"), add_articles) as client:
        yield client


def ask(client, headers=KEY, query="an article", knowledge="articles", top_k=10, threshold=0.0, **more):
    setting = {"top_k": top_k, "score_threshold": threshold}
    body = {"knowledge_id": knowledge, "query": query, "retrieval_setting": setting, **more}
    return client.post("/v1/dify/retrieval", json=body, headers=headers)


def found(client, operator, value=None, name="category", **more):
    condition = {"name": name, "comparison_operator": operator, "value": value}
    answer = ask(client, metadata_condition={"conditions": [condition], **more})
    assert answer.status_code == 200, answer.text
    return {record["title"].lower() for record in answer.json()["records"]}


def test_the_records_are_the_hits_of_a_search(client):
    answer = ask(client, query="reset my password", knowledge="helpdesk", top_k=3)
    native = client.post(
        "/v1/search", json={"query": "reset my password", "collection": "helpdesk", "k": 3}, headers=KEY
    )
    records, hits = answer.json()["records"], native.json()["hits"]
    assert [(one["content"], one["score"], one["title"]) for one in records] == [
        (hit["text"], hit["score"], hit["title"]) for hit in hits
    ]
    assert records[0]["metadata"]["document_id"] == hits[0]["document_id"]
    assert records[0]["metadata"]["category"] == hits[0]["metadata"]["category"]
    said = {"action_name": "not_answered", "query_id": records[0]["metadata"]["query_id"]}
    told = client.post("/v1/feedback", json={**said, "timestamp": utc_now()}, headers=KEY)
    assert told.is_success, told.text


def test_metadata_is_never_null_and_a_documents_own_field_stands(client):
    records = {one["title"]: one["metadata"] for one in ask(client).json()["records"]}
    assert records["Four"]["document_id"] == "four"
    assert records["Two"]["document_id"] == "their own"


def test_records_below_the_threshold_are_left_out(client):
    scores = [one["score"] for one in ask(client, query="number two").json()["records"]]
    kept = ask(client, query="number two", threshold=scores[1]).json()["records"]
    assert [one["score"] for one in kept] == [score for score in scores if score >= scores[1]]
    assert ask(client, threshold=None).json() != {"records": []}
    assert ask(client, threshold=1.0).json() == {"records": []}


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("category", "is", "billing", {"one", "two"}),
        (["category"], "is not", "billing", {"three", "four"}),
        ("category", "in", "billing, setup", {"one", "two", "three"}),
        ("category", "not in", ["billing"], {"three", "four"}),
        ("year", "=", "2025", {"two", "three"}),
        ("year", "≠", 2025, {"one", "four"}),
        ("year", ">", "2024.5", {"two", "three"}),
        ("year", "≤", 2023, {"one"}),
        ("day", "before", "2024-01-01", {"one"}),
        ("day", "after", "2024-01-01", {"two"}),
    ],
)
def test_each_operator_is_the_comparison_that_it_says(client, name, operator, value, expected):
    assert found(client, operator, value, name) == expected


def test_conditions_hold_all_or_any(client):
    conditions = [
        {"name": "category", "comparison_operator": "is", "value": "setup"},
        {"name": "year", "comparison_operator": "<", "value": 2024},
    ]
    for operator, expected in (("and", set()), ("or", {"one", "three"})):
        answer = ask(client, metadata_condition={"logical_operator": operator, "conditions": conditions})
        assert {record["title"].lower() for record in answer.json()["records"]} == expected
    assert len(ask(client, metadata_condition={"conditions": []}).json()["records"]) == len(METADATA)
    assert len(ask(client, metadata_condition=None).json()["records"]) == len(METADATA)


@pytest.mark.parametrize(
    ("condition", "status", "named"),
    [
        ({"name": "a", "comparison_operator": "contains", "value": "b"}, 400, "'contains' is not understood"),
        ({"name": "a", "comparison_operator": "empty"}, 400, "'empty' is not understood"),
        ({"name": "a", "comparison_operator": "is", "value": None}, 400, "filters.0.value is None"),
        ({"name": "a", "comparison_operator": ">", "value": True}, 400, "filters.0.value is True"),
        ({"name": ["a", "b"], "comparison_operator": "is", "value": "c"}, 422, "name"),
        ({"comparison_operator": "is", "value": "c"}, 422, "name"),
    ],
)
def test_a_condition_that_cannot_be_answered_is_refused_by_name(client, condition, status, named):
    answer = ask(client, metadata_condition={"conditions": [condition]})
    assert (answer.status_code, answer.json()["error_code"]) == (status, status)
    assert named in answer.json()["error_msg"]


def test_failures_have_difys_codes(client):
    assert ask(client, headers={}).json()["error_code"] == 1002
    missing = ask(client, knowledge="nowhere")
    assert (missing.status_code, missing.json()["error_code"]) == (404, 2001)
    assert missing.json()["request_id"] == missing.headers["x-request-id"]
    assert ask(client, top_k=0).json()["error_code"] == 422
