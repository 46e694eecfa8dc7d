"""Embeddings and models, as OpenAI's own client asks for them."""

import base64

import numpy as np
import openai
import pytest

from app.main import create_app, refresh
from app.schemas.openai_embeddings import MAX_INPUTS
from indexing.catalogue.api_keys import create_key
from tests.app.conftest import copied
from tests.support.api_client import TestClient
from tests.support.tiny_model import DIMENSION, MAX_TOKENS

KEY = "test-key-0123456789"
MODEL = "tiny@1"


@pytest.fixture(scope="module")
def http(tmp_path_factory, built_home):
    home = copied(built_home, tmp_path_factory.mktemp("embeddings"))
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as http:
        refresh(http.app.state.services)
        yield http
    home.close()


@pytest.fixture
def client(http):
    return openai.OpenAI(base_url="http://testserver/v1", api_key=KEY, http_client=http, max_retries=0)


def vector_of(http, text, mode="query"):
    serving = http.app.state.services.pool.current()
    if mode == "query":
        return serving.embedder.encode_query(text)
    return serving.embedder.encode_passages([text])[0]


def test_a_text_has_the_vector_that_searches_use(client, http):
    answer = client.embeddings.create(model=MODEL, input="reset my password")
    assert (answer.object, answer.model) == ("list", MODEL)
    assert [(one.object, one.index) for one in answer.data] == [("embedding", 0)]
    assert np.array_equal(np.float32(answer.data[0].embedding), vector_of(http, "reset my password"))


def test_numbers_and_base64_are_the_same_bits(client):
    texts = ["reset my password", "invoices", "ünï 🙂"]
    numbers = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    encoded = client.embeddings.create(model=MODEL, input=texts, encoding_format="base64")
    for one, other in zip(numbers.data, encoded.data, strict=True):
        assert one.index == other.index
        assert np.array_equal(
            np.float32(one.embedding), np.frombuffer(base64.b64decode(other.embedding), np.dtype("<f4"))
        )


def test_a_batch_is_in_order_and_says_its_tokens(client, http):
    texts = [f"word {number}" for number in range(40)]
    answer = client.embeddings.create(model=MODEL, input=texts, user="u-1", dimensions=DIMENSION)
    assert [one.index for one in answer.data] == list(range(40))
    for text, one in zip(texts, answer.data, strict=True):
        assert np.array_equal(np.float32(one.embedding), vector_of(http, text))
    counted = sum(http.app.state.services.pool.current().embedder.count_tokens(text) for text in texts)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == counted > 80


def test_passages_have_their_own_side(client, http):
    answer = client.embeddings.create(model="tiny", input="an invoice", extra_body={"input_type": "document"})
    assert np.array_equal(np.float32(answer.data[0].embedding), vector_of(http, "an invoice", "document"))


def test_a_corpus_does_not_take_the_place_of_queries_in_the_cache(client, http):
    embedder = http.app.state.services.pool.current().embedder
    client.embeddings.create(model=MODEL, input="kept")
    client.embeddings.create(model=MODEL, input=[f"passage {number}" for number in range(17)])
    assert embedder.known("kept") is not None
    assert embedder.known("passage 3") is None


@pytest.mark.parametrize(
    ("fields", "param", "code", "said"),
    [
        ({"input": ""}, "input[0]", "invalid_value", "1 character"),
        ({"input": []}, "input", "invalid_value", "1 item"),
        ({"input": ["a", ""]}, "input[1]", "invalid_value", "1 character"),
        ({"input": ["a", 3]}, "input[1]", "invalid_type", "string"),
        ({"input": ["a"] * (MAX_INPUTS + 1)}, "input", "invalid_value", f"{MAX_INPUTS}"),
        ({"input": [1, 2, 3]}, "input", "invalid_value", "check_embedding_ctx_length"),
        ({"input": [[1, 2], [3]]}, "input", "invalid_value", "token ids are not taken"),
        ({"input": ["a", "b " * MAX_TOKENS]}, "input[1]", "invalid_value", f"has {MAX_TOKENS} tokens"),
        ({"dimensions": DIMENSION - 1}, "dimensions", "invalid_value", f"expected {DIMENSION}"),
        ({"dimensions": 4 * DIMENSION}, "dimensions", "invalid_value", f"expected {DIMENSION}"),
        ({"encoding_format": "hex"}, "encoding_format", "invalid_value", "float"),
        ({"extra_body": {"truncate": True}}, "truncate", "unknown_parameter", "truncate"),
        ({"extra_body": {"input_type": "both"}}, "input_type", "invalid_value", "document"),
    ],
)
def test_what_cannot_be_done_is_refused_by_the_name_of_its_field(client, fields, param, code, said):
    with pytest.raises(openai.BadRequestError, match=said) as refused:
        client.embeddings.create(**{"model": MODEL, "input": "a"} | fields)
    assert (refused.value.param, refused.value.code, refused.value.type) == (param, code, "invalid_request_error")
    assert refused.value.request_id


def test_all_texts_together_have_a_bound(client, monkeypatch):
    monkeypatch.setattr("app.services.embeddings.MAX_REQUEST_TOKENS", 5)
    with pytest.raises(openai.BadRequestError, match="more than 5 tokens together"):
        client.embeddings.create(model=MODEL, input=["a b c", "d e f"])


def test_a_model_that_serves_nobody_here_is_not_found(client):
    for name in ("text-embedding-3-small", "tiny@2", "tin", "TINY@1"):
        with pytest.raises(openai.NotFoundError, match="expected tiny@1") as missing:
            client.embeddings.create(model=name, input="a")
        assert (missing.value.param, missing.value.code) == ("model", "model_not_found")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(name)


def test_models_are_those_that_serve(client):
    (listed,) = client.models.list()
    assert (listed.id, listed.object, listed.owned_by) == (MODEL, "model", "groundwork")
    assert listed.created > 1_600_000_000
    assert client.models.retrieve(MODEL) == client.models.retrieve("tiny") == listed


def test_the_client_raises_the_class_of_each_failure(client, http):
    services = http.app.state.services
    with pytest.raises(openai.AuthenticationError) as refused:
        client.with_options(api_key="wrong").models.list()
    assert refused.value.code == "invalid_api_key"
    _, writer = create_key(services.home.catalogue, "default", scopes=("write",))
    with pytest.raises(openai.PermissionDeniedError):
        client.with_options(api_key=writer).embeddings.create(model=MODEL, input="a")
    services.embeddings.requests.taken = services.home.settings.max_concurrency
    with pytest.raises(openai.InternalServerError) as busy:
        client.embeddings.create(model=MODEL, input="a")
    services.embeddings.requests.taken = 0
    assert (busy.value.status_code, busy.value.code) == (503, "overloaded")
    assert busy.value.response.headers["retry-after"] == "1"
    with pytest.raises(openai.InternalServerError) as late:
        client.embeddings.create(model=MODEL, input="a", extra_headers={"x-timeout-ms": "0.000001"})
    assert (late.value.status_code, late.value.code) == (504, "deadline_exceeded")


def test_a_flood_of_texts_leaves_searches_their_places(client, http):
    services = http.app.state.services
    services.searches.taken = services.home.settings.max_concurrency
    assert client.embeddings.create(model=MODEL, input="a").data
    services.searches.taken = 0


def test_the_answer_names_its_release_and_request(client):
    raw = client.embeddings.with_raw_response.create(model=MODEL, input="a")
    assert raw.headers["x-release-id"] == "1.1"
    assert raw.headers["x-request-id"] == raw.request_id
