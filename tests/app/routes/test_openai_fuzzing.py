"""Bodies and headers that no client of OpenAI's sends: each is answered, and what is refused in OpenAI's shape."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.main import create_app, refresh
from tests.app.conftest import copied
from tests.support.api_client import TestClient
from tests.support.mutations import examples

KEY = {"Authorization": "Bearer test-key-0123456789", "Content-Type": "application/json"}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
EMBEDDINGS = {
    "input": st.text(max_size=40) | st.lists(st.text(max_size=20), max_size=5) | st.lists(st.integers(), max_size=3),
    "model": st.sampled_from(["tiny", "tiny@1", "gpt"]),
    "dimensions": st.integers(-1, 20),
    "encoding_format": st.sampled_from(["float", "base64", "hex"]),
    "input_type": st.sampled_from(["query", "document", "both"]),
    "user": st.text(max_size=5),
}
COMPARISONS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "like"]),
        "key": st.text(max_size=5),
        "value": SCALARS | st.lists(SCALARS, max_size=3),
    }
)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["and", "or"]), "filters": st.lists(inner, max_size=3)}
    ),
    max_leaves=8,
)
SEARCHES = {
    "query": st.text(max_size=40) | st.lists(st.text(max_size=20), max_size=4),
    "filters": FILTERS,
    "max_num_results": st.integers(-1, 60),
    "ranking_options": st.fixed_dictionaries(
        {},
        optional={"ranker": st.sampled_from(["auto", "none", "default-1", "x"]), "score_threshold": st.floats(-1, 2)},
    ),
    "rewrite_query": st.booleans(),
    "user": st.text(max_size=5),
}


def bodies(fields):
    """Bodies with fields of the right names, most of which have values of the right kind."""
    right = st.fixed_dictionaries({}, optional=fields)
    odd = st.dictionaries(st.sampled_from([*fields, "object", ""]), JSON, max_size=3)
    return st.builds(lambda one, other: one | other, right, odd | st.just({})) | JSON


@pytest.fixture(scope="module")
def http(tmp_path_factory, built_home):
    home = copied(built_home, tmp_path_factory.mktemp("fuzzing"))
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as http:
        refresh(http.app.state.services)
        yield http
    home.close()


def require_sound(answer):
    assert answer.status_code in (200, 400, 404, 413), answer.text
    if answer.status_code != 200:
        (name, error), *rest = answer.json().items()
        assert (name, rest) == ("error", [])
        assert list(error) == ["message", "type", "param", "code"]
        assert error["message"]
        assert error["type"] == "invalid_request_error"


@examples(80)
@given(body=bodies(EMBEDDINGS))
@example({"input": "a", "model": "tiny"})
@example({"input": [[]], "model": "tiny"})
@example({"input": [True], "model": "tiny"})
def test_whatever_is_to_be_encoded_is_answered(http, body):
    require_sound(http.post("/v1/embeddings", content=json.dumps(body), headers=KEY))


@examples(120)
@given(body=bodies(SEARCHES))
@example({"query": "a"})
@example({"query": ["a", "b"], "filters": {"type": "and", "filters": []}})
def test_whatever_is_searched_for_is_answered(http, body):
    require_sound(http.post("/v1/vector_stores/helpdesk/search", content=json.dumps(body), headers=KEY))


@examples(60)
@given(content=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode("utf-16")))
def test_whatever_bytes_come_are_answered(http, content):
    for path in ("/v1/embeddings", "/v1/vector_stores/helpdesk/search"):
        require_sound(http.post(path, content=content, headers=KEY))


@examples(100)
@given(principals=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30), store=st.text(max_size=20))
def test_whatever_names_who_asks_and_where_is_answered(http, principals, store):
    headers = KEY | {"x-groundwork-principals": principals}
    require_sound(http.post("/v1/vector_stores/helpdesk/search", content='{"query": "a"}', headers=headers))
    path = "".join(f"%{byte:02x}" for byte in store.encode("utf-8", "surrogatepass"))
    answer = http.post(f"/v1/vector_stores/{path}/search", content='{"query": "a"}', headers=KEY)
    assert answer.status_code in (400, 404, 405)
    assert list(answer.json()["error"]) == ["message", "type", "param", "code"]
