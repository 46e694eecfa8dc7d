"""Filters, permissions and given vectors over HTTP."""

import threading

import pytest

from app.retrieval.search import Search
from app.schemas.search import SearchAnswer
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.records import Document, Partition
from tests.app.conftest import release, serving

KEY = {"Authorization": "Bearer test-key-0123456789"}
MANUAL = Partition(DEFAULT_TENANT, "manual")
"""A collection that one test alone searches."""


def add_readers(home):
    """Documents that not all may read."""
    documents = [
        Document("salaries", "Salaries", "Salaries are paid on the first.", allow=("ann", "group:hr")),
        Document("nobody", "Nobody", "Nobody may read about salaries here.", allow=()),
    ]
    put_documents(home.catalogue, Partition(DEFAULT_TENANT, "helpdesk"), documents)
    put_documents(home.catalogue, MANUAL, [Document("pay", "Pay", "Salaries are paid on the first.")])
    release(home)


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    """One for all tests, which change nothing that lasts."""
    with serving(built_home, tmp_path_factory.mktemp("search"), add_readers) as client:
        yield client


def ids(client, **body):
    answer = client.post(
        "/v1/search", json={"query": "salaries are paid", "collection": "helpdesk", "k": 10} | body, headers=KEY
    )
    assert answer.status_code == 200, answer.text
    return {hit["document_id"] for hit in answer.json()["hits"]}


EVERYBODY = {"password", "invoice", "webhook", "export", "calendar"}


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_a_document_with_permissions_is_found_by_whom_it_names(client, mode):
    assert ids(client, mode=mode) == EVERYBODY
    assert ids(client, mode=mode, principals=["bob"]) == EVERYBODY
    assert ids(client, mode=mode, principals=["bob", "group:hr"]) == EVERYBODY | {"salaries"}


def test_by_terms_alone_it_is_not_found_either(client):
    assert ids(client, mode="lexical") == set()
    assert ids(client, mode="lexical", principals=["ann"]) == {"salaries"}


def test_a_filter_keeps_what_fits(client):
    assert ids(client, filters={"type": "eq", "key": "category", "value": "p"}) == {"password"}
    either = {"type": "in", "key": "category", "value": ["i", "w"]}
    assert ids(client, filters=either) == {"invoice", "webhook"}
    assert ids(client, filters={"type": "ne", "key": "category", "value": "p"}) == EVERYBODY - {"password"}


def test_a_filter_outside_the_grammar_is_refused_by_its_place(client):
    body = {"query": "x", "collection": "helpdesk", "filters": {"type": "and", "filters": [{"type": "like"}]}}
    answer = client.post("/v1/search", json=body, headers=KEY)
    assert (answer.status_code, answer.json()["error"]) == (422, "MalformedRequest")
    expected = "filters.filters.0 is {'type': 'like'}: expected an object with type one of eq, ne, gt, gte, lt, lte"
    assert expected in answer.json()["message"]


def test_a_vector_is_enough_in_dense_mode_and_need_not_be_of_unit_norm(client):
    embedder = client.app.state.services.pool.current().embedder
    vector = [3.0 * float(one) for one in embedder.encode_query("forgot my password")]
    body = {"vector": vector, "collection": "helpdesk", "mode": "dense", "k": 1}
    hit = client.post("/v1/search", json=body, headers=KEY).json()["hits"][0]
    asked = client.post("/v1/search", json={**body, "vector": None, "query": "forgot my password"}, headers=KEY)
    assert (hit["document_id"], hit["score"]) == ("password", pytest.approx(asked.json()["hits"][0]["score"]))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"vector": [1.0, 0.0]}, 422, "give a query"),
        ({"query": "x", "vector": [1.0], "mode": "lexical"}, 422, "takes no vector"),
        ({"vector": [1.0, 0.0], "mode": "dense"}, 400, "2 components: expected 16"),
        ({"vector": [0.0] * 16, "mode": "dense"}, 400, "no direction"),
        ({}, 422, "give a query"),
        ({"query": "x", "min_seq": 10**40}, 422, "min_seq"),
        ({"query": "x", "collection": "c" * 129}, 422, "collection"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(client, body, status, said):
    answer = client.post("/v1/search", json={"collection": "helpdesk"} | body, headers=KEY)
    assert answer.status_code == status
    assert said in answer.json()["message"]


@pytest.mark.parametrize("collection", ['"\\ud800"', '"\\udc00 half"'])
def test_half_a_surrogate_pair_names_no_collection(client, collection):
    body = '{"query": "x", "collection": ' + collection + "}"
    headers = KEY | {"Content-Type": "application/json"}
    assert client.post("/v1/search", content=body, headers=headers).status_code == 422


def test_a_filter_with_half_a_surrogate_pair_for_a_field_is_refused(client):
    filters = '{"filters": {"type": "eq", "key": "a", "value": 1, "\\ud800": 1}'
    headers = KEY | {"Content-Type": "application/json"}
    asked = client.post("/v1/search", content=filters + ', "query": "x"}', headers=headers)
    deleted = client.post("/v1/collections/helpdesk/documents:delete", content=filters + "}", headers=headers)
    assert (asked.status_code, deleted.status_code) == (422, 422)
    assert "wrong fields ('\\ud800')" in deleted.json()["message"]


@pytest.mark.parametrize("kind", ["lt", "lte", "ne", "eq"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_filter_by_what_is_no_number_is_refused_and_deletes_nothing(client, kind, number):
    filters = '{"filters": {"type": "' + kind + '", "key": "level", "value": ' + number + "}"
    headers = KEY | {"Content-Type": "application/json"}
    asked = client.post("/v1/search", content=filters + ', "query": "x", "collection": "helpdesk"}', headers=headers)
    deleted = client.post("/v1/collections/helpdesk/documents:delete", content=filters + "}", headers=headers)
    assert (asked.status_code, deleted.status_code) == (422, 422)
    assert ids(client) == EVERYBODY


@pytest.mark.parametrize("factor", [1e-30, 1e30, 1e300])
def test_a_vector_of_any_length_has_its_direction(client, factor):
    embedder = client.app.state.services.pool.current().embedder
    vector = [factor * float(one) for one in embedder.encode_query("forgot my password")]
    assert ids(client, query=None, vector=vector, mode="dense", k=1) == {"password"}


def test_one_measurement_of_recall_at_a_time_and_within_its_deadline(client):
    services = client.app.state.services
    services.measurements.taken = 1
    refused = client.post("/v1/collections/helpdesk/recall", json={"queries": 5}, headers=KEY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    services.measurements.taken = 0
    late = client.post("/v1/collections/helpdesk/recall", json={}, headers=KEY | {"x-timeout-ms": "0.01"})
    assert late.status_code == 504
    assert client.post("/v1/collections/helpdesk/recall", json={}, headers=KEY).status_code == 200


def test_live_recall_of_a_small_collection_is_one(client):
    answer = client.post("/v1/collections/helpdesk/recall", json={"queries": 5}, headers=KEY)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["recall"], answer.json()["is_approximate"]) == (1.0, False)
    assert 'groundwork_live_recall{recipe="1"} 1.0' in client.get("/metrics").text
    assert client.post("/v1/collections/unknown/recall", json={}, headers=KEY).status_code == 404


@pytest.fixture
def workplaces(client, monkeypatch):
    """The threads in which queries were encoded, terms scored and hits chosen, by the step's name."""
    seen = []
    for step in ("encode", "score_terms", "result"):
        done = getattr(Search, step)

        def noted(self, *arguments, step=step, done=done):
            seen.append((step, threading.current_thread().name))
            return done(self, *arguments)

        monkeypatch.setattr(Search, step, noted)
    return seen


def test_a_brief_search_hands_over_its_encoding_alone(client, workplaces):
    ids(client)  # opens the shard
    workplaces.clear()
    ids(client, query="asked for the first time")
    loop = {name for step, name in workplaces if step == "result"}.pop()
    assert "AnyIO" not in loop
    encoders = {name for step, name in workplaces if step == "encode"} - {loop}
    assert all(name.startswith("encode-query") for name in encoders)
    assert len(encoders) == 1
    workplaces.clear()
    ids(client, query="asked for the first time")
    assert {name for _, name in workplaces} == {loop}


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"type": "ne", "key": "category", "value": "p"}},
        {"query": "salaries " * 100},
        {"k": 101},
        {"principals": [f"group:{number}" for number in range(101)]},
    ],
)
def test_a_search_that_may_take_long_has_a_thread_of_its_own(client, workplaces, body):
    ids(client)
    workplaces.clear()
    ids(client, **body)
    assert {step for step, _ in workplaces} >= {"score_terms", "result"}
    assert all(name.startswith("AnyIO") for step, name in workplaces if step != "encode")


def test_the_first_search_of_a_collection_opens_its_files_in_a_thread(client, workplaces):
    assert not client.app.state.services.pool.current().snapshot.is_open(MANUAL)
    assert ids(client, collection="manual") == {"pay"}
    assert {step for step, _ in workplaces} >= {"score_terms", "result"}
    assert all(name.startswith("AnyIO") for step, name in workplaces if step != "encode")


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("query", ["forgot my password", "salaries", "?!"])
def test_where_a_search_runs_changes_nothing(client, monkeypatch, mode, query):
    body = {"query": query, "collection": "helpdesk", "mode": mode, "principals": ["ann"]}

    def hits():
        answer = client.post("/v1/search", json=body, headers=KEY).json()
        assert answer["timings_ms"].keys() >= {"filter", "total"}
        return answer["hits"]

    ids(client)
    in_the_loop = hits()
    monkeypatch.setattr("app.services.search.INLINE_BYTES", -1)
    assert hits() == in_the_loop


def test_an_answer_is_what_its_description_says(client):
    answer = client.post("/v1/search", json={"query": "password", "collection": "helpdesk"}, headers=KEY).json()
    assert SearchAnswer.model_validate(answer).model_dump(mode="json", exclude_unset=True) == answer


def test_other_methods_and_spellings_are_refused(client):
    assert client.get("/v1/search", headers=KEY).status_code == 405
    assert client.post("/v1/search/", json={}, headers=KEY, follow_redirects=False).status_code == 404


@pytest.mark.parametrize(("name", "value"), [("INLINE_BYTES", 0), ("INLINE_CHARACTER_ROWS", 0)])
def test_a_search_of_a_large_collection_has_a_thread_of_its_own(client, workplaces, monkeypatch, name, value):
    ids(client)
    workplaces.clear()
    monkeypatch.setattr(f"app.services.search.{name}", value)
    ids(client)
    assert workplaces
    threads = {name for step, name in workplaces if step != "encode"}
    assert all(name.startswith("AnyIO") for name in threads)


def test_a_search_that_turns_out_to_score_too_much_goes_on_in_a_thread(client, monkeypatch):
    body = {"query": "salaries are paid", "collection": "helpdesk", "principals": ["ann"]}
    expected = client.post("/v1/search", json=body, headers=KEY).json()["hits"]
    threads = []
    result = Search.result

    def noted(self, max_candidates=None):
        if max_candidates is None:
            threads.append(threading.current_thread().name)
        return result(self, max_candidates)

    monkeypatch.setattr(Search, "result", noted)
    assert client.post("/v1/search", json=body, headers=KEY).json()["hits"] == expected
    assert threads == []
    monkeypatch.setattr("app.services.search.INLINE_CANDIDATES", 1)
    assert client.post("/v1/search", json=body, headers=KEY).json()["hits"] == expected
    (thread,) = threads
    assert thread.startswith("AnyIO")


def test_the_query_is_encoded_beside_the_terms_in_a_thread_of_its_own_too(client, workplaces):
    ids(client)
    workplaces.clear()
    ids(client, query="never asked before", filters={"type": "ne", "key": "category", "value": "p"})
    assert any(name.startswith("encode-query") for step, name in workplaces if step == "encode")
    assert all(name.startswith("AnyIO") for step, name in workplaces if step == "score_terms")
