"""What a search may ask beside its question: pages, fields, marks, snippets, near-duplicates, several collections."""

import pytest

from app.main import create_app, refresh
from app.schemas.search import SearchAnswer
from indexing.catalogue.tenants import change_limits
from indexing.ledger.readers import requests_of
from tests.app.conftest import ARTICLES, copied, fill, release
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
TERMS = (
    "You may close your account at any time. What you stored is kept for a while, so that you can come back, and is"
    " then erased for good, copies included, unless the law obliges us to keep it for longer, as it does with the"
    " invoices that we sent you. To close it, write to us or use the button below; the owner of the account alone may"
    " do that."
)
OTHERS = {
    "terms": ("Terms", TERMS),
    "mirror": ("Terms, again", f"{TERMS} Was this helpful?"),
    "password": ("Choose a password", "A password has twelve letters at least. <script>alert(1)</script>"),
}


WORDS = "password webhook"
"""The second is in one collection alone."""


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    """One for all, since none of the tests changes a document."""
    home = copied(built_home, tmp_path_factory.mktemp("options"))
    change_limits(home.catalogue, "default", {"log_queries": True})
    fill(home, "legal", OTHERS)
    release(home)
    settings = home.settings.model_copy(update={"log_queries": True})
    with TestClient(create_app(settings), raise_server_exceptions=False, headers=KEY) as client:
        refresh(client.app.state.services)
        yield client
    home.close()


def search(client, query="close account password", **body):
    answer = client.post("/v1/search", json={"query": query, **body})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert SearchAnswer.model_validate(found).model_dump(mode="json", exclude_unset=True) == found
    return found


def names(answer):
    return [(hit["collection"], hit["document_id"]) for hit in answer["hits"]]


def replayed(client, query_id):
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)
    assert services.views.flush(20.0)
    answer = client.post("/v1/replay", json={"query_id": query_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows(client, request_id):
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)
    return [row for row in requests_of(services.home.ledger, "default") if row.request_id == request_id]


def test_pages_join_and_each_is_replayed(client):
    whole = search(client, collection="helpdesk", k=5)
    pages = [search(client, collection="helpdesk", k=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [hit for page in pages for hit in names(page)] == names(whole)
    assert [hit["rank"] for page in pages for hit in page["hits"]] == [1, 2, 3, 4, 5]
    for page in pages:
        found = replayed(client, page["query_id"])
        assert (found["outcome"], len(found["hits"])) == ("identical", len(page["hits"]))
    kept = [row for page in pages for row in rows(client, page["request_id"])]
    assert [row.query_features.get("offset") for row in kept] == [None, 2.0, 4.0, 6.0]


def test_a_least_score_is_said_and_replayed(client):
    whole = search(client, collection="helpdesk")
    least = whole["hits"][0]["score"]
    cut = search(client, collection="helpdesk", min_score=least)
    assert names(cut) == names(whole)[: len(cut["hits"])]
    assert cut["below_min_score"] == len(whole["hits"]) - len(cut["hits"]) > 0
    assert "below_min_score" not in whole
    assert replayed(client, cut["query_id"])["outcome"] == "identical"


def test_fields_are_those_that_were_asked_for(client):
    hit = search(client, collection="helpdesk", fields=["title", "metadata"])["hits"][0]
    assert set(hit) == {"rank", "score", "collection", "document_id", "passage_id", "title", "metadata"}
    marked = search(client, collection="helpdesk", fields=["rank"], highlight=True)["hits"][0]
    assert set(marked) == {"rank", "score", "collection", "document_id", "passage_id", "highlights"}


def test_marks_stand_where_the_words_do_and_a_snippet_is_safe_to_show(client):
    answer = search(client, "passwords", collection="legal", highlight=True, snippet=80)
    hit = next(hit for hit in answer["hits"] if hit["document_id"] == "password")
    marks = hit["highlights"]
    assert [hit["text"][start:end] for start, end in marks["text"]] == ["password"]
    assert [hit["title"][start:end] for start, end in marks["title"]] == ["password"]
    assert hit["snippet"]["html"].startswith("A <mark>password</mark> has twelve letters at least. &lt;script&gt;")
    assert hit["snippet"]["text"] == hit["text"]
    for other in answer["hits"]:
        assert len(other["snippet"]["text"]) <= 80
        assert other["snippet"]["text"] == " … ".join(
            other["text"][piece["start"] : piece["end"]] for piece in other["snippet"]["pieces"]
        )


def test_a_vector_alone_marks_nothing(client):
    vector = client.app.state.services.pool.current().embedder.encode_query("password").tolist()
    body = {"vector": vector, "mode": "dense", "collection": "legal", "highlight": True, "snippet": 60}
    hits = client.post("/v1/search", json=body).json()["hits"]
    assert all(hit["highlights"] == {"title": [], "text": []} for hit in hits)
    assert all(hit["snippet"]["text"] for hit in hits)


def test_near_duplicates_are_shown_once_and_replayed(client):
    plain, once = (search(client, "close account", collection="legal", collapse=one) for one in (False, True))
    assert len(plain["hits"]) == 3
    assert len(once["hits"]) == 2
    named = {hit["document_id"]: [one["document_id"] for one in hit["near_duplicates"]] for hit in once["hits"]}
    assert named in ({"terms": ["mirror"], "password": []}, {"mirror": ["terms"], "password": []})
    assert replayed(client, once["query_id"])["outcome"] == "identical"


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_several_collections_are_one_ranking_whose_hits_name_theirs(client, mode):
    asked = {"collections": ["helpdesk", "legal"], "mode": mode}
    whole = search(client, k=20, **asked)
    assert {hit["collection"] for hit in whole["hits"]} == {"helpdesk", "legal"}
    assert len(set(names(whole))) == len(whole["hits"])
    scores = [hit["score"] for hit in whole["hits"]]
    assert scores == sorted(scores, reverse=True)
    if mode != "lexical":
        assert len(whole["hits"]) == len(ARTICLES) + len(OTHERS)
    pages = [search(client, k=3, offset=offset, **asked) for offset in range(0, 12, 3)]
    assert [one for page in pages for one in names(page)] == names(whole)
    assert names(search(client, k=20, mode=mode, collections=["legal", "helpdesk"])) == names(whole)


@pytest.mark.parametrize("options", [{}, {"offset": 2}, {"collapse": True}, {"min_score": 0.001}])
def test_each_collection_of_several_has_a_row_with_what_was_shown_of_it_and_each_is_replayed(client, options):
    answer = search(client, collections=["helpdesk", "legal"], k=4, **options)
    kept = {row.collection: row for row in rows(client, answer["request_id"])}
    assert set(kept) == {"helpdesk", "legal"}
    for name, row in kept.items():
        shown = [hit for hit in answer["hits"] if hit["collection"] == name]
        assert [hit.document_id for hit in row.hits] == [hit["document_id"] for hit in shown]
        assert [hit.score for hit in row.hits] == pytest.approx([hit["score"] for hit in shown])
        assert row.query_features["collections"] == 2.0
    query_ids = {hit["query_id"] for hit in answer["hits"]} | {answer["query_id"]}
    for query_id in query_ids:
        found = replayed(client, query_id)
        assert (found["outcome"], found["differences"]) == ("identical", [])


def test_a_word_that_one_collection_alone_knows_counts_in_the_others_too(client):
    def found(query):
        return search(client, query, collections=["helpdesk", "legal"], mode="lexical", k=20)["hits"]

    one, both = (next(hit for hit in found(query) if hit["collection"] == "legal") for query in ("password", WORDS))
    assert (one["document_id"], one["scores"]) == (both["document_id"], both["scores"])
    assert both["score"] < one["score"]
    assert found(WORDS)[0]["collection"] == "helpdesk"


def test_a_search_of_several_collections_fails_as_a_whole_where_one_is_not_there(client):
    answer = client.post("/v1/search", json={"query": "x", "collections": ["legal", "ghost"]})
    assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")
    assert "'ghost'" in answer.json()["message"]
    kept = rows(client, answer.json()["request_id"])
    assert [(row.collection, row.status) for row in kept] == [
        ("legal", 404),
        ("ghost", 404),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"collections": []}, "at least 1"),
        ({"collections": ["a", "a"]}, "'a' is named more than once"),
        ({"collections": [str(n) for n in range(11)]}, "at most 10"),
        ({"collections": ["a"], "collection": "b"}, "either collection or collections"),
        ({"offset": -1}, "greater than or equal to 0"),
        ({"offset": 1995, "k": 10}, "beyond rank 2,000"),
        ({"min_score": 1.1}, "less than or equal to 1"),
        ({"fields": ["txt"]}, "'metadata'"),
        ({"fields": []}, "at least 1"),
        ({"snippet": 39}, "greater than or equal to 40"),
        ({"highlight": "yes"}, "valid boolean"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_its_name(client, body, said):
    answer = client.post("/v1/search", json={"query": "x", **body})
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_a_context_takes_what_bounds_its_hits_and_nothing_else(client):
    asked = {"query": "close account", "collection": "legal"}
    whole = client.post("/v1/context", json=asked).json()
    bounded = client.post("/v1/context", json={**asked, "collapse": True, "min_score": 0.01}).json()
    scores = {one["document_id"]: one["score"] for one in whole["citations"]}
    assert {one["document_id"] for one in bounded["citations"]} == {name for name in scores if scores[name] >= 0.01}
    for name, value in (("offset", 1), ("fields", ["title"]), ("highlight", True), ("collections", ["legal"])):
        assert client.post("/v1/context", json={**asked, name: value}).status_code == 422
