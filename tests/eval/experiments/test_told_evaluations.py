import sys

import pytest

from tests.support.evaluated_home import EvaluatedHome
from tests.support.otlp_receiver import attributes_of, otlp_receiver


@pytest.fixture
def collector():
    with otlp_receiver() as found:
        yield found


def test_each_measure_of_an_evaluation_is_an_event_and_is_told_once(tmp_path, collector):
    endpoint, received = collector
    evaluated = EvaluatedHome(tmp_path / "home", otel_endpoint=endpoint)
    evaluated.build()
    done = evaluated.evaluate("1.1")
    evaluated.evaluate("1.1")  # it is kept, and not measured again
    told = [attributes_of(event) for event in received.events]
    scores = {one["gen_ai.evaluation.name"]: one["gen_ai.evaluation.score.value"] for one in told}
    assert scores == pytest.approx(done.means)
    assert len(told) == len(scores)
    assert {(one["groundwork.release"], one["groundwork.query_set"]) for one in told} == {("1.1", "made")}
    (span,) = received.spans
    assert span.name == "evaluate made"
    assert {event.span_id for event in received.events} == {span.span_id}
    evaluated.close()


def test_an_evaluation_that_cannot_be_told_is_done_all_the_same(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "app.tracing.collector", None)
    evaluated = EvaluatedHome(tmp_path / "home", otel_endpoint="http://127.0.0.1:9")
    evaluated.build()
    assert evaluated.evaluate("1.1").means
    assert "evaluation.not_told" in {record.getMessage() for record in caplog.records}
    evaluated.close()
