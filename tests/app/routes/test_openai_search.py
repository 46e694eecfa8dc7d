"""Searches of vector stores, as OpenAI's own client asks for them."""

from datetime import UTC, datetime, timedelta

import openai
import pytest

from app.main import create_app, refresh
from app.schemas.openai_search import MAX_QUERIES, attributes_of
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.document_writes import put_documents
from indexing.ledger.readers import requests_of
from indexing.records import Document, Partition
from tests.app.conftest import ARTICLES, copied, fill, release
from tests.support.api_client import TestClient

KEY = "test-key-0123456789"
NATIVE = {"Authorization": f"Bearer {KEY}"}
SECRET = Document(
    "payroll", "Payroll", "Salaries are paid on the last day.", "", {"category": "p"}, allow=("group:hr", "ann,é")
)
ODD = Document(
    "odd",
    "",
    "An oddity about zebras.",
    "",
    {"n": 3, "yes": True, "list": ["a"], "nested": {"a": 1}, "none": None, "long": "x" * 513, "k" * 65: 1, "f": 0.5},
)


@pytest.fixture(scope="module")
def http(tmp_path_factory, built_home):
    home = copied(built_home, tmp_path_factory.mktemp("vector-stores"))
    put_documents(home.catalogue, Partition("default", "helpdesk"), [SECRET, ODD])
    ensure_collection(home.catalogue, Partition("default", "empty"))
    fill(home, collection="theirs", tenant="rival")
    release(home)
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as http:
        refresh(http.app.state.services)
        yield http
    home.close()


@pytest.fixture
def client(http):
    return openai.OpenAI(base_url="http://testserver/v1", api_key=KEY, http_client=http, max_retries=0)


def ask(client, query="reset my password", store="helpdesk", **fields):
    return client.vector_stores.search(store, query=query, **fields)


def native(http, query, **fields):
    body = {"query": query, "collection": "helpdesk", "group_by_document": False} | fields
    return http.post("/v1/search", json=body, headers=NATIVE).json()


def test_a_search_finds_what_our_own_door_finds(client, http):
    found = ask(client, max_num_results=3)
    ours = native(http, "reset my password", k=3)["hits"]
    assert [(one.file_id, one.filename, one.score) for one in found.data] == [
        (hit["document_id"], hit["title"], hit["score"]) for hit in ours
    ]
    assert [(part.type, part.text) for part in found.data[0].content] == [("text", ARTICLES["password"][1])]
    assert found.data[0].attributes == {"category": "p"}


def test_the_page_has_the_promised_shape(client):
    raw = client.vector_stores.with_raw_response.search("helpdesk", query=" reset my password ")
    body = raw.http_response.json()
    assert list(body) == ["object", "search_query", "data", "has_more", "next_page"]
    assert body["object"] == "vector_store.search_results.page"
    assert body["search_query"] == ["reset my password"]
    assert (body["has_more"], body["next_page"]) == (False, None)
    assert list(body["data"][0]) == ["file_id", "filename", "score", "attributes", "content"]


def test_the_headers_name_what_served_it_so_that_feedback_works(client, http):
    raw = client.vector_stores.with_raw_response.search("helpdesk", query="reset my password")
    assert raw.headers["x-release-id"] == http.app.state.services.pool.current().release.number
    assert raw.headers["x-snapshot-id"]
    assert raw.headers["x-request-id"]
    event = {
        "action_name": "click",
        "query_id": raw.headers["x-query-id"],
        "timestamp": "2026-11-29T09:30:00Z",
        "event_attributes": {"object": {"object_id": "password"}},
    }
    assert http.post("/v1/feedback", json=event, headers=NATIVE).status_code == 202


def test_every_passage_counts_up_to_the_number_that_is_asked_for(client):
    assert len(ask(client, max_num_results=2).data) == 2
    assert len(ask(client, max_num_results=50).data) == len(ARTICLES) + 1


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "eq", "key": "category", "value": "i"}, {"invoice"}),
        ({"type": "in", "key": "category", "value": ["i", "w"]}, {"invoice", "webhook"}),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "ne", "key": "category", "value": "i"},
                    {
                        "type": "or",
                        "filters": [
                            {"type": "gte", "key": "category", "value": "p"},
                            {"type": "lt", "key": "n", "value": 4},
                        ],
                    },
                ],
            },
            {"password", "webhook", "odd"},
        ),
    ],
)
def test_filters_are_openais(client, filters, found):
    assert {one.file_id for one in ask(client, filters=filters)} == found


def test_the_threshold_cuts_by_the_score_that_is_shown(client):
    scores = [one.score for one in ask(client).data]
    assert scores == sorted(scores, reverse=True)
    options = {"ranker": "default-2024-11-15", "score_threshold": scores[0]}
    assert [one.score for one in ask(client, ranking_options=options).data] == scores[:1]
    assert ask(client, ranking_options={"score_threshold": 1.0}).data == []
    for ranker in ("auto", "none"):
        assert [one.score for one in ask(client, ranking_options={"ranker": ranker}).data] == scores


def test_no_ranker_is_refused_where_the_release_reranks(client, http, monkeypatch):
    class Reranking:
        reranker = object()

    monkeypatch.setattr("app.services.openai_search.serving_tenant", lambda services, tenant: [Reranking()])
    with pytest.raises(openai.BadRequestError, match="the release reranks") as refused:
        ask(client, ranking_options={"ranker": "none"})
    assert refused.value.param == "ranking_options.ranker"


def test_of_several_queries_each_passage_has_its_best_score(client, http):
    queries = ["reset my password", "calendar conflict HL-7001"]
    best = {}
    for query in queries:
        for hit in native(http, query, k=50)["hits"]:
            best[hit["document_id"]] = max(hit["score"], best.get(hit["document_id"], 0))
    raw = client.vector_stores.with_raw_response.search("helpdesk", query=queries, max_num_results=4)
    page = raw.parse()
    assert [(one.file_id, one.score) for one in page.data] == sorted(best.items(), key=lambda pair: -pair[1])[:4]
    assert raw.http_response.json()["search_query"] == queries
    assert len(set(raw.headers["x-query-id"].split(","))) == 2


def test_a_wish_to_rewrite_is_accepted_and_told_that_nothing_was(client):
    plain = client.vector_stores.with_raw_response.search("helpdesk", query="zebra", rewrite_query=False)
    asked = client.vector_stores.with_raw_response.search("helpdesk", query="zebra", rewrite_query=True)
    assert asked.http_response.json() == plain.http_response.json()
    assert "rewrite_query changes nothing" in asked.headers["x-groundwork-warnings"]
    assert "x-groundwork-warnings" not in plain.headers


def test_attributes_are_what_openais_shape_can_hold(client):
    (odd,) = ask(client, "zebras", filters={"type": "eq", "key": "n", "value": 3})
    assert odd.attributes == {"n": 3, "yes": True, "f": 0.5}
    assert (odd.file_id, odd.filename) == ("odd", "odd")
    assert attributes_of({"list": []}) is None
    assert list(attributes_of({f"k{number}": number for number in range(40)})) == [f"k{n}" for n in range(16)]


def test_what_a_document_allows_is_found_by_the_principals_of_the_header(client):
    def found(header):
        headers = {} if header is None else {"x-groundwork-principals": header}
        return "payroll" in {one.file_id for one in ask(client, "salaries", extra_headers=headers, max_num_results=50)}

    assert not found(None)
    assert not found("ann")
    assert not found("group:staff,other")
    assert found("other, group:hr")
    assert found("ann%2C%C3%A9")
    assert found("ANN,group%3Ahr")


@pytest.mark.parametrize("header", ["a,,b", "x" * 513, "%ff", ",".join(["a"] * 1001)])
def test_principals_that_are_malformed_are_refused_by_name(client, header):
    with pytest.raises(openai.BadRequestError, match="x-groundwork-principals") as refused:
        ask(client, extra_headers={"x-groundwork-principals": header})
    assert refused.value.param == "x-groundwork-principals"


def test_a_user_is_the_unit_of_rollouts_and_stands_hashed_in_the_ledger(client, http):
    services = http.app.state.services
    raw = client.vector_stores.with_raw_response.search("helpdesk", query="zebras", extra_body={"user": "u-77"})
    services.records.recorder.flush()
    rows = [
        row for row in requests_of(services.home.ledger, "default") if row.request_id == raw.headers["x-request-id"]
    ]
    assert [(row.kind, row.collection, row.grouped, row.k) for row in rows] == [("search", "helpdesk", False, 10)]
    assert rows[0].user not in (None, "u-77")


@pytest.mark.parametrize("store", ["theirs", "nothing", "vs_0123456789abcdef01234567", "x" * 129, "a b", "é", "%2e%2e"])
def test_a_store_that_is_not_there_is_not_found(client, store):
    with pytest.raises(openai.NotFoundError, match="No vector store") as missing:
        ask(client, store=store)
    assert (missing.value.code, missing.value.param) == ("vector_store_not_found", "vector_store_id")


def test_an_empty_store_has_no_results(client):
    assert ask(client, store="empty").data == []


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"query": ""}, "query[0]", "invalid_value"),
        ({"query": []}, "query", "invalid_value"),
        ({"query": ["a", "  "]}, "query[1]", "invalid_value"),
        ({"query": ["a"] * (MAX_QUERIES + 1)}, "query", "invalid_value"),
        ({"query": [1]}, "query[0]", "invalid_type"),
        ({"max_num_results": 0}, "max_num_results", "invalid_value"),
        ({"max_num_results": 51}, "max_num_results", "invalid_value"),
        ({"filters": {"type": "like", "key": "a", "value": "b"}}, "filters", "invalid_value"),
        ({"ranking_options": {"score_threshold": 1.5}}, "ranking_options.score_threshold", "invalid_value"),
        ({"ranking_options": {"ranker": "bm25"}}, "ranking_options.ranker", "invalid_value"),
        (
            {"ranking_options": {"hybrid_search": {"embedding_weight": 1}}},
            "ranking_options.hybrid_search",
            "unknown_parameter",
        ),
        ({"rewrite_query": "yes"}, "rewrite_query", "invalid_type"),
        ({"extra_body": {"k": 3}}, "k", "unknown_parameter"),
    ],
)
def test_what_is_malformed_is_refused_by_the_name_of_its_field(client, fields, param, code):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **{"query": "a"} | fields)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_the_client_raises_the_class_of_each_failure(client, http):
    services = http.app.state.services
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="wrong"))
    _, writer = create_key(services.home.catalogue, "default", scopes=("write",))
    with pytest.raises(openai.PermissionDeniedError):
        ask(client.with_options(api_key=writer))
    _, rival = create_key(services.home.catalogue, "rival")
    with pytest.raises(openai.NotFoundError):
        ask(client.with_options(api_key=rival))
    services.searches.taken = services.home.settings.max_concurrency
    with pytest.raises(openai.InternalServerError) as busy:
        ask(client)
    services.searches.taken = 0
    assert (busy.value.status_code, busy.value.code) == (503, "overloaded")


def test_it_counts_as_a_search(client, http):
    def counted():
        text = http.get("/metrics").text
        return [
            line
            for line in text.splitlines()
            if line.startswith('groundwork_search_requests_total{recipe="1",status="200"}')
        ]

    before = counted()
    ask(client)
    assert counted() != before


@pytest.fixture
def store(client):
    """A store that expires, with one file that was brought through OpenAI's client."""
    made = client.vector_stores.create(name="Notes", expires_after={"anchor": "last_active_at", "days": 2})
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=made.id,
        file=("tides.md", b"# Tides\n\nThe moon raises the sea."),
        attributes={"chapter": 4},
        poll_interval_ms=20,
    )
    assert file.status == "completed"
    yield made.id, file.id
    client.vector_stores.delete(made.id)


def test_a_file_that_was_brought_is_found_by_its_id_and_name(client, store):
    store_id, file_id = store
    (found,) = ask(client, "the moon and the sea", store=store_id)
    assert (found.file_id, found.filename, found.attributes) == (file_id, "tides.md", {"chapter": 4})
    assert "The moon raises the sea." in found.content[0].text


def test_a_search_keeps_a_store_and_one_that_has_expired_is_not_searched(client, http, store, monkeypatch):
    store_id, _ = store
    services = http.app.state.services
    before = client.vector_stores.retrieve(store_id).last_active_at

    def later(**time):
        moment = datetime.fromtimestamp(before, UTC) + timedelta(**time)
        monkeypatch.setattr(services, "now", lambda: moment.isoformat(timespec="milliseconds"))

    later(minutes=30)
    assert ask(client, "sea", store=store_id).data
    assert client.vector_stores.retrieve(store_id).last_active_at == before
    set_back = "UPDATE vector_stores SET last_active_at = ? WHERE collection = ?"
    long_ago = (datetime.fromtimestamp(before, UTC) - timedelta(hours=9)).isoformat(timespec="milliseconds")
    with services.home.catalogue.write() as db:
        db.conn.execute(set_back, (long_ago, store_id))
    assert ask(client, "sea", store=store_id).data
    assert client.vector_stores.retrieve(store_id).last_active_at >= before
    later(days=3)
    with pytest.raises(openai.BadRequestError, match="has expired"):
        ask(client, "sea", store=store_id)
