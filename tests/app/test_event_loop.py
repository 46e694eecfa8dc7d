"""The event loop asks SQLite nothing, whichever door a request comes by, once what is kept is kept: decision 28."""

import asyncio
import inspect

import pytest
from fastapi.routing import APIRoute

from app.main import ROUTERS, create_app, refresh
from indexing.catalogue.database import Database
from indexing.ledger.day_file import DayFile
from tests.app.conftest import fill, release
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
QUERY = "reset my password"
DOCUMENTS = "/v1/collections/helpdesk/documents"


def rpc(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


DOORS = {
    "a search": ("/v1/search", {"query": QUERY, "collection": "helpdesk"}),
    "a long search": ("/v1/search", {"query": QUERY, "collection": "helpdesk", "k": 101}),
    "a search of several": ("/v1/search", {"query": QUERY, "collections": ["helpdesk", "other"]}),
    "a search of nothing": ("/v1/search", {"query": QUERY, "collection": "empty"}),
    "a search after a write": ("/v1/search", {"query": QUERY, "collection": "helpdesk", "min_seq": "TOKEN"}),
    "a search after what is to come": ("/v1/search", {"query": QUERY, "collection": "helpdesk", "min_seq": "LARGE"}),
    "a batch": ("/v1/search:batch", {"searches": [{"query": QUERY, "collection": "helpdesk"}] * 2}),
    "a context": ("/v1/context", {"query": QUERY, "collection": "helpdesk", "max_tokens": 100}),
    "dify": (
        "/v1/dify/retrieval",
        {"knowledge_id": "helpdesk", "query": QUERY, "retrieval_setting": {"top_k": 2, "score_threshold": 0.0}},
    ),
    "openai's search": ("/v1/vector_stores/helpdesk/search", {"query": QUERY}),
    "embeddings": ("/v1/embeddings", {"model": "tiny", "input": ["a text"]}),
    "a reranking": ("/v1/rerank", {"query": QUERY, "documents": ["a", "b"]}),
    "cohere's reranking": ("/v2/rerank", {"query": QUERY, "documents": ["a", "b"]}),
    "a reranking of texts": ("/rerank", {"query": QUERY, "texts": ["a", "b"]}),
    "mcp's tools": ("/mcp", rpc("tools/list")),
    "mcp's search": ("/mcp", rpc("tools/call", name="search", arguments={"query": QUERY})),
    "mcp's search of one": ("/mcp/helpdesk", rpc("tools/call", name="search", arguments={"query": QUERY})),
    "mcp's fetch": ("/mcp", rpc("tools/call", name="fetch", arguments={"id": "helpdesk/password"})),
    "feedback": (
        "/v1/feedback",
        {
            "query_id": "QUERY_ID",
            "action_name": "click",
            "application": "helpdesk",
            "timestamp": "2026-11-29T12:00:00Z",
            "client_id": "browser",
            "event_attributes": {
                "object": {"object_id": "password", "object_id_field": "document_id"},
                "position": {"ordinal": 1},
            },
        },
    ),
    "a recall": ("/v1/collections/helpdesk/recall", {"queries": 2}),
    "a replay": ("/v1/replay", {"query_id": "QUERY_ID"}),
    "a form": ("/v1/collections/helpdesk/uploads", {}),
    "a file": ("/v1/files", {"purpose": "assistants"}),
    "a list": (DOCUMENTS, "GET"),
    "the readiness": ("/readyz", "GET"),
    "the metrics": ("/metrics", "GET"),
    "the beginning": ("/", "GET"),
}
TRIES = 4
"""The first fills what is kept; of the others one is enough that asks nothing."""
FORMS = {path for door, (path, _) in DOORS.items() if door in ("a form", "a file")}


@pytest.fixture
def client(served_home):
    fill(served_home, "other")
    fill(served_home, "empty", {})
    release(served_home)
    with TestClient(create_app(served_home.settings), headers=KEY) as client:
        refresh(client.app.state.services)
        yield client


@pytest.fixture
def asked_in_loop(monkeypatch):
    """What SQLite was asked where an event loop was running."""
    asked = []

    def watch(kind, name):
        ask = getattr(kind, name)

        def noted(self, *arguments, **named):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return ask(self, *arguments, **named)
            asked.append((f"{kind.__name__}.{name}", *arguments))
            return ask(self, *arguments, **named)

        monkeypatch.setattr(kind, name, noted)

    for name in ("rows", "write", "at_one_moment"):
        watch(Database, name)
    for name in ("__init__", "rows", "execute", "write"):
        watch(DayFile, name)
    return asked


def test_no_door_asks_sqlite_in_the_event_loop(client, asked_in_loop):
    wrote = client.put(f"{DOCUMENTS}/new", json={"text": "A new text."}).json()
    large = client.put(f"{DOCUMENTS}/large", json={"text": "A large text. " * 40_000}).json()
    given = client.post("/v1/search", json={"query": QUERY, "collection": "helpdesk"}).json()
    assert client.app.state.services.records.recorder.flush(20)  # so that it can be replayed
    known = {"TOKEN": wrote["seq"], "LARGE": large["seq"], "QUERY_ID": given["query_id"]}
    statuses, found = {}, {}
    for door, (path, body) in DOORS.items():
        # What comes after a commit asks for the key once, and others commit, too: a file that is read, a heartbeat.
        for _ in range(TRIES):
            asked_in_loop.clear()
            if body == "GET":
                answer = client.get(path)
            elif path in FORMS:
                answer = client.post(path, files={"file": ("a.txt", b"x")}, data=body)
            else:
                answer = client.post(path, json={key: known.get(str(value), value) for key, value in body.items()})
            statuses[door] = answer.status_code, answer.text[:300]
            asked = [one for one in asked_in_loop if path not in FORMS or "api_keys" not in one[1]]
            if not asked:
                break
        else:
            found[door] = asked
    refused = {door: said for door, said in statuses.items() if said[0] >= 400}
    assert list(refused) == ["a search after what is to come"], refused
    assert found == {}


def test_every_route_that_runs_in_the_event_loop_is_among_the_doors():
    pages = {"/docs", "/redoc", "/docs/assets/{name}", "/livez"}  # which ask nothing at all
    running = {
        route.path: route.path_regex
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and inspect.iscoroutinefunction(route.endpoint)
    }
    asked = {path for path, _ in DOORS.values()}
    assert len(running) > 10
    assert {path for path, form in running.items() if not any(map(form.fullmatch, asked))} <= pages
