"""Measuring over HTTP, against a server of a few lines that answers what a test tells it to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from app.retrieval.hits import Result
from app.retrieval.retriever import Retriever
from eval.experiments.targets import HttpSearcher, LocalSearcher, served_collection
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.errors import GroundworkError, NotReady
from indexing.features.conversation import Message
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import recipe_in_service

READY = {
    "status": "ready",
    "release": "1.1",
    "snapshot": "s",
    "passages": 3,
    "recipe_fingerprint": "r",
    "views": {"passage": "p"},
}
ANSWER = {
    "release": "1.1",
    "snapshot": READY["snapshot"],
    "hits": [{"document_id": "b"}, {"document_id": "a"}],
    "warnings": [],
}


@pytest.fixture
def api():
    """What it answers may be changed; ``seen`` has every request."""
    told = SimpleNamespace(ready=(200, READY), answer=(200, ANSWER), seen=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.respond(None, *told.ready)

        def do_POST(self):
            self.respond(json.loads(self.rfile.read(int(self.headers["content-length"]))), *told.answer)

        def respond(self, body, status, value):
            told.seen.append((self.path, body, self.headers["authorization"]))
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def searcher(api):
    searcher = HttpSearcher(api.url, "the key", "helpdesk")
    yield searcher
    searcher.close()


def test_it_asks_what_serves_before_it_searches_and_says_so_afterwards(api, searcher):
    assert searcher("a question", k=7, mode="dense") == ["b", "a"]
    body = {"query": "a question", "collection": "helpdesk", "k": 7, "mode": "dense"}
    assert api.seen == [("/readyz", None, "Bearer the key"), ("/v1/search", body, "Bearer the key")]
    inputs = searcher.inputs()
    names = ("release", "snapshot", "passages", "recipe_fingerprint", "views")
    assert {name: inputs[name] for name in names} == {name: READY[name] for name in names}


def test_an_api_that_is_not_ready_is_not_measured(api):
    api.ready = (503, {"status": "not ready", "message": "nothing is released"})
    with pytest.raises(GroundworkError, match="nothing is released"):
        HttpSearcher(api.url, "key", "helpdesk")


def test_an_address_where_nobody_answers_is_said_with_the_remedy():
    with pytest.raises(NotReady, match="groundwork serve"):
        HttpSearcher("http://127.0.0.1:1", "key", "helpdesk")


@pytest.mark.parametrize(
    ("status", "change", "said"),
    [
        (200, {"release": "1.2"}, "from 1.1 .* to 1.2"),
        (200, {"snapshot": "rewritten"}, "from 1.1 .* to 1.1 rewritten"),
        (200, {"warnings": ["not searched: shard x"]}, "shard x"),
        (404, {"message": "No collection"}, "answered 404.*No collection"),
    ],
)
def test_a_measurement_ends_where_its_answers_stop_being_comparable(api, searcher, status, change, said):
    api.answer = (status, ANSWER | change)
    with pytest.raises(GroundworkError, match=said):
        searcher("a question", k=7, mode="dense")


def test_a_run_in_this_process_searches_with_one_retriever(monkeypatch):
    used = []

    def search(self, serving, partition, query, **choices):
        used.append(self)
        return Result([], {})

    monkeypatch.setattr(Retriever, "search", search)
    searcher = LocalSearcher(None, Partition("default", "helpdesk"))
    for query in ("one", "two", "three"):
        assert searcher(query, k=3, mode="dense") == []
    assert used == [searcher.retriever] * 3


CHAT = (Message("user", "a payment failed"), Message("assistant", "Which one?"), Message("user", "the last"))


def test_a_chat_is_sent_as_its_messages(api, searcher):
    searcher("the last", k=7, mode="dense", chat=CHAT)
    sent = [{"role": message.role, "content": message.content} for message in CHAT]
    assert api.seen[-1][1] == {"messages": sent, "collection": "helpdesk", "k": 7, "mode": "dense"}


def test_a_chat_is_searched_by_the_view_that_is_named_for_the_measurement(tiny_home):
    partition = Partition("default", "articles")
    put_documents(tiny_home.catalogue, partition, [Document("a", "Apples", "Red."), Document("b", "Pears", "Green.")])
    build(prepare_build(tiny_home, recipe_in_service(tiny_home)))
    found = []
    for view in (None, "none", "default"):
        with served_collection(tiny_home, "articles", conversation=view) as (serving, place):
            searcher = LocalSearcher(serving, place)
            chat = (Message("user", "pears"), Message("user", "apples"))
            recorded = searcher.inputs()["recipe"].get("conversation", {}).get("name")
            found.append((recorded, *searcher("apples", k=2, mode="lexical", chat=chat)))
    assert found == [("default", "a", "b"), (None, "a"), ("default", "a", "b")]
