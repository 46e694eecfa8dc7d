"""What a collector of traces is told of real requests, over OTLP to a real receiver."""

from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from app.main import create_app, refresh
from indexing.catalogue.tenants import DEFAULT_TENANT, read_tenant
from tests.app.conftest import copied
from tests.support.otlp_receiver import attributes_of, otlp_receiver

KEY = {"Authorization": "Bearer test-key-0123456789"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
QUESTION = {"query": "forgot my password", "collection": "helpdesk", "k": 2}


@contextmanager
def traced(home, **changes):
    """A client of the API, and everything that its collector was told once the block has ended."""
    with otlp_receiver() as (endpoint, received):
        settings = home.settings.model_copy(update={"otel_endpoint": endpoint} | changes)
        with TestClient(create_app(settings), raise_server_exceptions=False) as client:
            refresh(client.app.state.services)
            yield client, received


def by_name(spans):
    return {span.name: span for span in spans}


def test_a_search_is_one_trace_of_its_callers_with_its_stages_in_their_order(served_home):
    with traced(served_home) as (client, received):
        answer = client.post("/v1/search", json=QUESTION, headers=KEY | {"traceparent": TRACEPARENT})
    spans = by_name(received.spans)
    assert received.services == {"groundwork"}
    assert {span.trace_id.hex() for span in received.spans} == {TRACE}
    whole, retrieval = spans["POST /v1/search"], spans["retrieval helpdesk"]
    assert whole.parent_span_id.hex() == PARENT
    assert retrieval.parent_span_id == whole.span_id
    stages = ["embeddings tiny@1", "filter", "lexical", "dense", "fuse", "hydrate"]
    assert {"POST /v1/search", "retrieval helpdesk", *stages} == set(spans)
    assert all(spans[name].parent_span_id == retrieval.span_id for name in stages)
    inside = [spans[name] for name in stages]
    assert all(retrieval.start_time_unix_nano <= one.start_time_unix_nano for one in inside)
    assert all(one.end_time_unix_nano <= retrieval.end_time_unix_nano <= whole.end_time_unix_nano for one in inside)
    said = attributes_of(retrieval)
    assert said | {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "helpdesk",
        "gen_ai.provider.name": "groundwork",
        "gen_ai.request.model": "tiny@1",
        "gen_ai.request.top_k": 2.0,
        "gen_ai.response.id": answer.json()["query_id"],
        "openinference.span.kind": "RETRIEVER",
        "groundwork.release": answer.json()["release"],
        "groundwork.snapshot": answer.json()["snapshot"],
        "groundwork.hits": 2,
    } == said
    encoded = attributes_of(spans["embeddings tiny@1"])
    assert (encoded["gen_ai.operation.name"], encoded["gen_ai.embeddings.dimension.count"]) == ("embeddings", 16)
    assert attributes_of(whole)["http.route"] == "/v1/search"
    assert attributes_of(whole)["groundwork.request_id"] == answer.json()["request_id"]
    assert not [span for span in received.spans if "password" in str(span)]
    measured = received.histograms["gen_ai.client.operation.duration"]
    assert {attributes_of(point)["gen_ai.operation.name"] for point in measured} == {"retrieval", "embeddings"}
