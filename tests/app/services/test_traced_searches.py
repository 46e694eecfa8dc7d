"""What a collector of traces is told of real requests, over OTLP to a real receiver."""

import json
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.main import create_app, refresh
from app.tracing.opening import SPAN_BATCH
from indexing.catalogue.database import utc_now
from indexing.catalogue.tenants import change_limits
from indexing.catalogue.watcher_lease import take_lease
from indexing.errors import InvalidInput
from indexing.releases.pins import pin
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose, start_canary
from tests.app.conftest import fill, release
from tests.app.web.test_mcp_requests import META, current
from tests.support.api_client import TestClient
from tests.support.otlp_receiver import attributes_of, otlp_receiver

KEY = {"Authorization": "Bearer test-key-0123456789"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
QUESTION = {"query": "forgot my password", "collection": "helpdesk", "k": 2}
STAGES = ["embeddings tiny@1", "filter", "lexical", "dense", "fuse", "hydrate"]
SPANS = {len(STAGES) + 2, len(STAGES) + 3}
"""Of a hybrid search: words may be looked up before the question is encoded, and scored after."""


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
    names = Counter(span.name for span in received.spans)
    assert set(names) == {"POST /v1/search", "retrieval helpdesk", *STAGES}
    assert {name for name, times in names.items() if times > 1} <= {"lexical"}
    assert all(spans[name].parent_span_id == retrieval.span_id for name in STAGES)
    inside = [spans[name] for name in STAGES]
    assert all(retrieval.start_time_unix_nano <= one.start_time_unix_nano for one in inside)
    assert all(one.end_time_unix_nano <= retrieval.end_time_unix_nano <= whole.end_time_unix_nano for one in inside)
    said = attributes_of(retrieval)
    assert (
        said
        | {
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
        }
        == said
    )
    encoded = attributes_of(spans["embeddings tiny@1"])
    assert (encoded["gen_ai.operation.name"], encoded["gen_ai.embeddings.dimension.count"]) == ("embeddings", 16)
    assert attributes_of(whole)["http.route"] == "/v1/search"
    assert attributes_of(whole)["groundwork.request_id"] == answer.json()["request_id"]
    assert not [span for span in received.spans if "password" in str(span)]
    measured = received.histograms["gen_ai.client.operation.duration"]
    assert {attributes_of(point)["gen_ai.operation.name"] for point in measured} == {"retrieval", "embeddings"}


def test_a_search_that_fails_says_of_what(served_home):
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION | {"collection": "ghost"}, headers=KEY)
        client.post("/v1/search", json=QUESTION, headers=KEY | {"x-timeout-ms": "0.000001"})
        client.post("/v1/search", json=QUESTION)
    found = [span for span in received.spans if span.name.startswith("retrieval")]
    assert [attributes_of(span)["error.type"] for span in found] == ["NotFound", "DeadlineExceeded"]
    assert {span.status.code for span in found} == {2}
    whole = [span for span in received.spans if span.name == "POST /v1/search"]
    assert [attributes_of(span)["http.response.status_code"] for span in whole] == [404, 504, 401]
    assert [attributes_of(span).get("error.type") for span in whole] == [None, "504", None]


@pytest.mark.parametrize(("installation", "tenant"), [(True, True), (True, False), (False, True)])
def test_questions_and_documents_are_told_only_where_installation_and_tenant_allow_it(
    served_home, installation, tenant
):
    change_limits(served_home.catalogue, "default", {"log_queries": tenant})
    with traced(served_home, otel_texts=installation) as (client, received):
        answer = client.post("/v1/search", json=QUESTION, headers=KEY).json()
    said = attributes_of(by_name(received.spans)["retrieval helpdesk"])
    if not (installation and tenant):
        assert "forgot my password" not in str(received.spans)
        assert "sign-in page" not in str(received.spans)
        return
    first = answer["hits"][0]
    assert said["gen_ai.retrieval.query.text"] == said["input.value"] == "forgot my password"
    assert json.loads(said["gen_ai.retrieval.documents"])[0] == {"id": "password", "score": first["score"]}
    assert said["retrieval.documents.0.document.id"] == "password"
    assert said["retrieval.documents.0.document.content"] == first["text"]


def test_feedback_is_an_evaluation_of_the_answer_that_it_is_about(served_home):
    change_limits(served_home.catalogue, "default", {"log_queries": True})
    with traced(served_home, otel_texts=True, log_queries=True) as (client, received):
        query_id = client.post("/v1/search", json=QUESTION, headers=KEY).json()["query_id"]
        event = {"query_id": query_id, "timestamp": "2026-11-29T09:30:00Z", "message": "Just what I needed."}
        event |= {"action_name": "rate", "event_attributes": {"rating": 1.0}}
        assert client.post("/v1/feedback", json=event, headers=KEY).status_code == 202
    (told,) = received.events
    assert told.event_name == "gen_ai.evaluation.result"
    said = attributes_of(told)
    assert (said["gen_ai.evaluation.name"], said["gen_ai.evaluation.score.value"]) == ("feedback.rate", 1.0)
    assert (said["gen_ai.response.id"], said["gen_ai.evaluation.explanation"]) == (query_id, "Just what I needed.")
    assert told.span_id == by_name(received.spans)["POST /v1/feedback"].span_id


@pytest.fixture
def canary(served_home):
    """Recipe 2 ranks by terms alone, and answers every user."""
    release(served_home, retrieval=replace(default_recipe(served_home).retrieval, dense_weight=0.0))
    by = Decision("ana", "a test", utc_now())
    assert take_lease(served_home.catalogue, "host:1", utc_now())
    seen = propose(served_home.catalogue, 2, by)
    choices = {"share": 1.0, "steps": (), "unit": "user", "max_recipes": 4, "override": "a test"}
    return start_canary(served_home.catalogue, seen, by, **choices)


def choices_of(received):
    return [attributes_of(event) for event in received.events if event.event_name == "feature_flag.evaluation"]


def test_what_a_rollout_chose_is_an_evaluation_of_a_feature_flag_that_names_no_user(served_home, canary):
    with traced(served_home) as (client, received):
        answer = client.post("/v1/search", json=QUESTION | {"user": "ann@example.com"}, headers=KEY).json()
    (said,) = choices_of(received)
    assert said.pop("feature_flag.context.id") not in ("", "ann@example.com")
    assert said == {
        "feature_flag.key": f"rollout.{canary.id}",
        "feature_flag.provider.name": "groundwork",
        "feature_flag.result.variant": answer["release"],
        "feature_flag.result.reason": "split",
        "feature_flag.version": str(canary.version),
    }
    assert answer["release"].startswith("2.")
    assert "ann@example.com" not in str(received.spans) + str(received.events)
    assert received.events[0].span_id == by_name(received.spans)["retrieval helpdesk"].span_id


def test_a_search_of_an_agent_is_under_the_rollout_as_any_other(served_home, canary):
    with traced(served_home) as (client, received):
        call = {"name": "search", "arguments": {"query": "forgot my password"}}
        answer = current(client, "tools/call", call, headers={"x-groundwork-user": "ann"})
    assert answer.headers["x-release-id"].startswith("2.")
    (said,) = choices_of(received)
    assert said["feature_flag.result.variant"] == answer.headers["x-release-id"]


def test_a_pin_is_a_choice_and_where_there_was_none_none_is_told(served_home):
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION, headers=KEY)
    assert choices_of(received) == []
    pin(served_home.catalogue, "default", 1, Decision("ana", "a test", utc_now()), max_recipes=4)
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION, headers=KEY)
    (said,) = choices_of(received)
    assert (said["feature_flag.key"], said["feature_flag.result.reason"]) == ("pin", "targeting_match")


@pytest.mark.parametrize("in_header", [True, False])
def test_a_tool_that_an_agent_called_is_part_of_the_agents_trace(served_home, in_header):
    meta = META | {"traceparent": TRACEPARENT}
    headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"} if in_header else {}
    with traced(served_home) as (client, received):
        call = {"name": "search", "arguments": {"query": "forgot my password"}}
        assert current(client, "tools/call", call, meta=meta, headers=headers).status_code == 200
    spans = by_name(received.spans)
    tool = spans["tools/call search"]
    assert (tool.trace_id.hex(), tool.parent_span_id.hex(), tool.kind) == (TRACE, PARENT, 2)
    assert [link.span_id for link in tool.links] == [spans["POST /mcp"].span_id]
    assert spans["retrieval helpdesk"].parent_span_id == tool.span_id
    assert spans["POST /mcp"].trace_id.hex() == ("1" * 32 if in_header else TRACE)
    said = attributes_of(tool)
    assert (
        said
        | {
            "mcp.method.name": "tools/call",
            "mcp.protocol.version": "2026-07-28",
            "gen_ai.tool.name": "search",
            "gen_ai.operation.name": "execute_tool",
            "jsonrpc.request.id": "1",
        }
        == said
    )
    assert "mcp.server.operation.duration" in received.histograms


def test_what_failed_of_mcp_says_how_and_names_nothing_that_a_client_made_up(served_home):
    with traced(served_home) as (client, received):
        current(client, "tools/call", {"name": "fetch", "arguments": {"id": "helpdesk/ghost"}})
        current(client, "tools/call", {"name": "drop_tables", "arguments": {}})
        current(client, "made/up", meta=META | {"traceparent": ["no", "text"]})
    spans = by_name(received.spans)
    assert attributes_of(spans["tools/call fetch"])["error.type"] == "tool_error"
    assert attributes_of(spans["tools/call"])["rpc.response.status_code"] == "-32602"
    assert attributes_of(spans["_OTHER"])["error.type"] == "-32601"
    assert "drop_tables" not in str(received.spans)
    assert "made/up" not in str(received.spans)


def test_a_traceparent_that_cannot_be_read_begins_a_new_trace(served_home):
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION, headers=KEY | {"traceparent": "00-zz-zz-zz"})
        client.get("/livez")
        client.request("MADEUP", "/v1/a-path-of-no-route")
    assert by_name(received.spans)["POST /v1/search"].parent_span_id == b""
    assert set(by_name(received.spans)) & {"GET /livez", "_OTHER"} == {"_OTHER"}
    assert "MADEUP" not in str(received.spans)
    assert "no-route" not in str(received.spans)


def test_a_collector_that_fails_fails_no_request(served_home, caplog):
    with traced(served_home) as (client, _):
        client.app.state.services.collector.tell = None
        assert client.post("/v1/search", json=QUESTION, headers=KEY).status_code == 200
    assert "trace.not_told" in {record.getMessage() for record in caplog.records}


def test_without_the_packages_the_setting_is_refused_with_what_to_install(served_home, monkeypatch):
    monkeypatch.delitem(sys.modules, "app.tracing.collector", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry._logs", None)
    settings = served_home.settings.model_copy(update={"otel_endpoint": "http://127.0.0.1:9"})
    with (
        pytest.raises(InvalidInput, match=r"opentelemetry.* not installed: pip install 'groundwork\[otel\]'"),
        TestClient(create_app(settings)),
    ):
        raise AssertionError("it started")


def test_without_the_setting_nothing_stands_in_the_way_of_a_request(served_home):
    app = create_app(served_home.settings)
    assert "TraceMiddleware" not in {middleware.cls.__name__ for middleware in app.user_middleware}


def test_texts_that_a_client_has_encoded_are_an_operation_with_its_tokens(served_home):
    with traced(served_home) as (client, received):
        body = {"model": "tiny@1", "input": ["forgot my password", "invoice"], "encoding_format": "base64"}
        answer = client.post("/v1/embeddings", json=body, headers=KEY)
    spans = by_name(received.spans)
    encoded = spans["embeddings tiny@1"]
    assert encoded.parent_span_id == spans["POST /v1/embeddings"].span_id
    said = attributes_of(encoded)
    assert said["gen_ai.usage.input_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert said["gen_ai.request.encoding_formats"] == ["base64"]
    assert "forgot" not in str(received.spans)


def test_each_collection_of_a_search_is_an_operation_of_its_own(served_home):
    fill(served_home, "second")
    release(served_home)
    with traced(served_home) as (client, received):
        body = {"query": "forgot my password", "collections": ["helpdesk", "second"]}
        assert client.post("/v1/search", json=body, headers=KEY).status_code == 200
    spans = by_name(received.spans)
    assert {"retrieval helpdesk", "retrieval second"} <= set(spans)
    assert [span.name for span in received.spans].count("embeddings tiny@1") == 1


@pytest.mark.parametrize("sampler", ["always_off", "traceidratio", "parentbased_traceidratio"])
def test_what_is_not_sampled_makes_no_spans_and_is_measured_all_the_same(served_home, canary, monkeypatch, sampler):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION | {"user": "ann"}, headers=KEY)
    assert received.spans == []
    measured = received.histograms["gen_ai.client.operation.duration"]
    assert "retrieval" in {attributes_of(point)["gen_ai.operation.name"] for point in measured}
    assert len(choices_of(received)) == 1


def test_a_trace_that_is_sampled_is_whole(served_home, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    with traced(served_home) as (client, received):
        for _ in range(20):
            assert client.post("/v1/search", json=QUESTION, headers=KEY).status_code == 200
    traces = Counter(span.trace_id for span in received.spans)
    assert 0 < len(traces) < 20  # one chance in half a million that it fails
    assert set(traces.values()) <= SPANS


def test_spans_are_as_long_and_sent_in_such_numbers_as_the_environment_says(served_home, monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "6")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3")
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION, headers=KEY)
    sent = [len(one.resource_spans[0].scope_spans[0].spans) for one in received.messages["/v1/traces"]]
    assert sum(sent) in SPANS
    assert max(sent) == 3
    said = [attributes_of(span) for span in received.spans]
    assert max(map(len, said)) == 6
    assert max(len(value) for one in said for value in one.values() if isinstance(value, str)) == 5


def test_many_small_batches_are_sent_unless_the_environment_says_otherwise(served_home, monkeypatch):
    monkeypatch.delenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", raising=False)
    with traced(served_home) as (client, received):
        for _ in range(10):
            client.post("/v1/search", json=QUESTION, headers=KEY)
    sent = [len(one.resource_spans[0].scope_spans[0].spans) for one in received.messages["/v1/traces"]]
    assert 10 * min(SPANS) <= sum(sent) <= 10 * max(SPANS)
    assert max(sent) <= SPAN_BATCH


def test_a_caller_that_is_not_sampled_is_followed(served_home):
    with traced(served_home) as (client, received):
        client.post("/v1/search", json=QUESTION, headers=KEY | {"traceparent": TRACEPARENT[:-2] + "00"})
    assert received.spans == []
