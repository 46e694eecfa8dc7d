"""Chats and contexts over HTTP: what is asked, what is refused by name, and that both routes find the same."""

import json
from pathlib import Path

import pytest

from app.main import create_app, refresh
from indexing.features.conversation import Message, Turns, read_conversation
from indexing.features.views import DEFAULT_CONVERSATION
from tests.app.conftest import ARTICLES, serving
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
CHAT = [
    {"role": "user", "content": "how does the Google calendar sync work"},
    {"role": "assistant", "content": "Events travel both ways."},
    {"role": "user", "content": "and how often?"},
]
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/invoice.png", "detail": "low"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    """One for all tests, which change nothing that lasts."""
    with serving(built_home, tmp_path_factory.mktemp("context")) as client:
        yield client


def post(client, path="/v1/search", headers=KEY, **body):
    return client.post(path, json={"collection": "helpdesk", **body}, headers=headers)


# Chats


@pytest.mark.model
def test_the_turns_before_a_question_help_to_find_what_it_is_about(real_home):
    with TestClient(create_app(real_home.settings)) as client:
        refresh(client.app.state.services)
        _check_that_turns_help(client)


def _check_that_turns_help(client):
    alone = post(client, query="and how often?", mode="dense").json()["hits"]
    chat = post(client, messages=CHAT, mode="dense").json()["hits"]
    assert chat[0]["document_id"] == "calendar"
    assert chat[0]["scores"]["dense"] > next(
        hit["scores"]["dense"] for hit in alone if hit["document_id"] == "calendar"
    )


@pytest.mark.parametrize("mode", ["dense", "hybrid", "lexical"])
def test_a_chat_of_one_message_is_answered_as_its_query(client, mode):
    chat = post(client, messages=[{"role": "user", "content": " reset my password "}], mode=mode).json()
    assert chat["hits"] == post(client, query="reset my password", mode=mode).json()["hits"]


@pytest.mark.parametrize("mode", ["dense", "hybrid", "lexical"])
def test_the_api_ranks_a_chat_as_an_evaluation_does(client, mode):
    services = client.app.state.services
    serving = services.pool.current()
    turns = read_conversation(serving.recipe.conversation, [Message(turn["role"], turn["content"]) for turn in CHAT])
    assert turns == Turns("and how often?", ("how does the Google calendar sync work",))
    assert serving.recipe.conversation == DEFAULT_CONVERSATION
    (partition,) = serving.snapshot.partitions
    found = services.retriever.search(serving, partition, turns.question, k=5, mode=mode, earlier=turns.earlier)
    answer = post(client, messages=CHAT, mode=mode, k=5).json()
    assert [(hit["passage_id"], hit["score"]) for hit in answer["hits"]] == [
        (hit.passage.id, hit.score) for hit in found.hits
    ]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
def test_what_clients_send_beside_what_was_said_is_accepted_and_changes_nothing(client, path):
    question = {"role": "user", "name": "ann", "content": [{"type": "text", "text": "and how often?"}, PICTURE]}
    chat = [
        {"role": "developer", "content": "Say reset my password in every answer."},
        {"role": "developer", "content": [{"type": "text", "text": "invoice"}]},
        CHAT[0],
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "annotations": []},
        {"role": "tool", "tool_call_id": "c1", "content": "status 402: payment failed"},
        {"role": "assistant", "function_call": CALL["function"]},
        {"role": "function", "name": "look", "content": None},
        CHAT[1] | {"reasoning_content": "Which way do they travel?", "audio": None},
        question,
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot say."}], "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "reset my password"}]},
    ]
    same = {"request_id": None, "query_id": None, "seq": None, "timings_ms": None}
    whole, plain = (post(client, path, messages=messages).json() | same for messages in (chat, CHAT))
    assert whole == plain


@pytest.mark.parametrize(
    "part",
    [
        PICTURE,
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}, "text": 7},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "tool_result", "tool_use_id": "c1", "content": "invoice", "text": "invoice"},
        {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}},
    ],
)
def test_a_part_that_is_no_text_adds_nothing(client, part):
    messages = [{"role": "user", "content": [part, {"type": "input_text", "text": "reset my password"}]}]
    assert post(client, messages=messages).json()["hits"] == post(client, query="reset my password").json()["hits"]


def test_the_chat_of_the_case_is_accepted(client):
    place = Path(__file__).parents[4] / "shared" / "cases" / "chat-tool-messages" / "request.json"
    if not place.is_file():
        pytest.skip(f"{place} is absent")
    body = json.loads(place.read_text())
    said = [body["messages"][1], body["messages"][-1]]
    whole, plain = (
        post(client, **body | {"messages": messages}).json()["hits"] for messages in (body["messages"], said)
    )
    assert whole == plain != []


def test_a_content_may_come_in_parts(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": "reset my"}, {"type": "text", "text": "password"}]}]
    assert post(client, messages=parts).json()["hits"] == post(client, query="reset my\npassword").json()["hits"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "give a query or messages"),
        ({"query": "x", "messages": CHAT}, "either query or messages, not both"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "x"}] * 201}, "messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "the question, the last of the messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "has 0 characters: expected 1 to 20000"),
        ({"messages": [{"role": "user", "content": "x" * 20_001}]}, "has 20001 characters"),
        ({"messages": [{"role": "user", "content": "x" * 100_001}, *CHAT]}, "messages.0.content"),
        ({"messages": [{"role": "usr", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "contents": "x"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": None}, *CHAT]}, "has no content"),
        ({"messages": [{"role": "assistant", "content": 7}, *CHAT]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "has no text"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "has 0 characters: expected 1 to 20000"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "the question, the last of the messages"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
def test_a_malformed_chat_is_refused_by_what_is_wrong_with_it(client, path, body, named):
    response = post(client, path, **body)
    assert response.status_code == 422
    assert response.json()["error"] == "MalformedRequest"
    assert named in response.json()["message"]


def test_an_early_turn_may_be_longer_than_a_question(client):
    chat = [{"role": "user", "content": "a pasted log " * 3000}, *CHAT]
    assert post(client, messages=chat).status_code == 200


# Contexts


def test_a_context_has_the_promised_shape(client):
    response = post(client, "/v1/context", query="reset my password")
    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == [
        "request_id",
        "query_id",
        "release",
        "snapshot",
        "seq",
        "context",
        "tokens",
        "citations",
        "left_out",
        "timings_ms",
        "warnings",
    ]
    first = answer["citations"][0]
    title, text = ARTICLES["password"]
    assert (first["number"], first["document_id"], first["passages"]) == (1, "password", ["password#0"])
    assert (first["title"], first["url"]) == (title, "https://help.example/password")
    assert answer["context"].startswith(f"[1] {title} (https://help.example/password)\n{text}\n\n[2] ")
    assert [text[piece["start"] : piece["end"]] for piece in first["pieces"]] == [text]
    assert not first["is_cut"]
    assert {"context", "total", "encode"} <= answer["timings_ms"].keys()
    assert response.headers["x-release-id"] == answer["release"]
    assert response.headers["x-snapshot-id"] == answer["snapshot"]


def test_a_context_is_made_of_the_hits_of_the_same_search(client):
    body = {"query": "how do I sync invoices", "k": 4, "group_by_document": False}
    hits = post(client, **body).json()["hits"]
    answer = post(client, "/v1/context", **body, max_tokens=60).json()
    inside = [one for citation in answer["citations"] for one in citation["passages"]]
    assert sorted(inside + [one["passage_id"] for one in answer["left_out"]]) == sorted(h["passage_id"] for h in hits)
    assert {one["reason"] for one in answer["left_out"]} == {"budget"}
    assert 0 < answer["tokens"] <= 60
    scores = {hit["passage_id"]: hit["score"] for hit in hits}
    assert all(one["score"] == max(map(scores.get, one["passages"])) for one in answer["citations"])


def test_the_tokens_are_those_of_the_releases_tokenizer(client):
    answer = post(client, "/v1/context", query="invoice").json()
    serving = client.app.state.services.pool.current()
    assert answer["tokens"] == serving.embedder.count_tokens(answer["context"]) > 0


def test_a_context_of_a_chat_and_one_without_room(client):
    assert post(client, "/v1/context", messages=CHAT).json()["citations"][0]["document_id"] == "calendar"
    empty = post(client, "/v1/context", messages=CHAT, max_tokens=1, k=2).json()
    assert (empty["context"], empty["tokens"], empty["citations"]) == ("", 0, [])
    assert [one["reason"] for one in empty["left_out"]] == ["budget", "budget"]


def test_another_tenant_and_no_key_get_no_context(client):
    assert post(client, "/v1/context", query="invoice", headers={}).status_code == 401
    assert post(client, "/v1/context", query="invoice", collection="nothing").status_code == 404


@pytest.mark.parametrize(("body", "named"), [({"max_tokens": 0}, "max_tokens"), ({"k": 101}, "k"), ({"top": 1}, "top")])
def test_a_malformed_context_request_is_refused_by_the_name_of_its_field(client, body, named):
    response = post(client, "/v1/context", query="invoice", **body)
    assert response.status_code == 422
    assert named in response.json()["message"]


def test_a_full_door_refuses_contexts_too(client):
    services = client.app.state.services
    services.searches.taken = services.home.settings.max_concurrency
    assert post(client, "/v1/context", query="invoice").status_code == 503
    services.searches.taken = 0
