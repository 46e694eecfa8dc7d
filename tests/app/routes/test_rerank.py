"""The rerank door: Cohere's and TEI's shapes, by a reranker or by the embedding model, and what is refused by name."""

import cohere
import numpy as np
import pytest
from cohere.errors import UnauthorizedError

from tests.app.conftest import serving

SECRET = "test-key-0123456789"
KEY = {"Authorization": f"Bearer {SECRET}"}
QUERY = "reset a forgotten password"
TEXTS = ["An invoice lists seats.", "Choose Forgot password on the sign-in page.", "Events travel both ways.", ""]


pytestmark = pytest.mark.filterwarnings("ignore:You should not use the 'timeout' argument")


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    """One for all tests, which change nothing that lasts."""
    with serving(built_home, tmp_path_factory.mktemp("rerank")) as client:
        yield client


def post(client, path="/v1/rerank", headers=KEY, **body):
    return client.post(path, json={"query": QUERY, **body}, headers=headers)


def cosines(client):
    embedder = client.app.state.services.pool.current().embedder
    return embedder.encode_passages(TEXTS) @ embedder.encode_query(QUERY)


def by_cohere(client, **options):
    return cohere.ClientV2(SECRET, base_url="http://testserver", httpx_client=client).rerank(
        query=QUERY, documents=TEXTS, **options
    )


def test_coheres_client_ranks_texts_by_the_embedding_model_where_there_is_no_reranker(client):
    answer = by_cohere(client, model="default", top_n=3)
    expected = np.argsort(-cosines(client), kind="stable")[:3].tolist()
    assert [one.index for one in answer.results] == expected
    scores = [one.relevance_score for one in answer.results]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert answer.meta.billed_units.search_units == 1
    assert post(client, documents=TEXTS).json()["model"] == "tiny@1 (embedding)"


def test_texts_are_answered_in_the_bare_list_of_text_embeddings_inference(client):
    found = post(client, "/rerank", texts=TEXTS, raw_scores=True, return_text=True).json()
    assert [one["index"] for one in found] == np.argsort(-cosines(client), kind="stable").tolist()
    for one in found:
        assert one["text"] == TEXTS[one["index"]]
        assert one["score"] == pytest.approx(float(cosines(client)[one["index"]]), abs=1e-6)
    calibrated = post(client, "/rerank", texts=TEXTS).json()
    assert all(set(one) == {"index", "score"} and 0.0 <= one["score"] <= 1.0 for one in calibrated)


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_every_path_takes_both_shapes_and_names_what_served(client, path):
    documents = [TEXTS[0], {"text": TEXTS[1], "title": "counts nothing"}]
    answer = post(client, path, documents=documents, return_documents=True)
    assert answer.json()["id"] == answer.headers["x-request-id"]
    assert {one["document"]["text"] for one in answer.json()["results"]} == set(TEXTS[:2])
    assert answer.headers["x-release-id"] == "1.1"
    assert len(post(client, path, texts=TEXTS).json()) == len(TEXTS)


def test_the_score_is_calibrated_as_that_of_the_first_hit_of_a_dense_search(client):
    bias, slope, *_ = client.app.state.services.pool.current().recipe.retrieval.calibration["dense"]
    expected = 1.0 / (1.0 + np.exp(-(bias + slope * cosines(client))))
    found = post(client, texts=TEXTS).json()
    assert [one["score"] for one in found] == pytest.approx(sorted(expected.tolist(), reverse=True), abs=1e-6)


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"documents": TEXTS, "model": "rerank-v3.5"}, 400, "'rerank-v3.5' does not rank here: expected 'tiny@1'"),
        ({"documents": []}, 422, "documents"),
        ({"documents": ["a"] * 1001}, 422, "documents"),
        ({"documents": ["a" * 100_001]}, 422, "documents"),
        ({"documents": ["a"], "rank_fields": ["title"]}, 422, "rank_fields"),
        ({"documents": ["a"], "max_chunks_per_doc": 3}, 422, "max_chunks_per_doc"),
        ({"documents": ["a"], "top_m": 3}, 422, "top_m"),
        ({"documents": ["a"], "top_n": 0}, 422, "top_n"),
        ({"documents": [7]}, 422, "documents"),
        ({"texts": ["a"], "truncate": False}, 422, "truncate"),
        ({"texts": ["a"], "truncation_direction": "left"}, 422, "truncation_direction"),
        ({"texts": ["a"], "documents": ["a"]}, 422, "documents"),
        ({"texts": ["a"], "query": "  "}, 422, "query"),
        ({}, 422, "documents"),
    ],
)
def test_what_cannot_be_done_as_it_is_asked_is_refused_by_name(client, body, status, named):
    answer = post(client, **body)
    assert answer.status_code == status
    assert named in answer.json()["message"]


def test_a_body_that_is_no_object_is_refused(client):
    for content in ("[]", "7", '"text"', "null", "{"):
        assert client.post("/rerank", content=content, headers=KEY).status_code == 422


def test_a_stranger_and_a_request_out_of_time_are_refused(client):
    with pytest.raises(UnauthorizedError):
        cohere.ClientV2("gw_wrong", base_url="http://testserver", httpx_client=client).rerank(
            model="default", query="a", documents=["b"]
        )
    late = post(client, texts=TEXTS * 200, headers={**KEY, "x-timeout-ms": "0.001"})
    assert (late.status_code, late.json()["error"]) == (504, "DeadlineExceeded")


def test_texts_of_several_megabytes_are_read(client):
    assert len(post(client, texts=["word " * 19_000] * 5).json()) == 5
