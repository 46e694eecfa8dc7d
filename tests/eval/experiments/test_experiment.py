"""Experiments: every query in every mode is searched, timed, scored, saved and read back."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from eval.datasets.query_sets import QuerySet
from eval.experiments.experiment import Experiment, Latency, load, run_experiment, save
from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, InvalidInput
from indexing.records import Json

NOW = datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
QUERYSET = QuerySet(
    name="tiny",
    queries={"q1": "first", "q2": "second"},
    qrels={"q1": {"d1": 1}, "q2": {"d2": 1}},
    fingerprint="f" * 64,
    split="dev",
)


class FakeSearcher:
    """Answers from a table of (query, mode), records what it was asked, and lets the fake timer advance."""

    def __init__(self, answers: dict[tuple[str, str], list[str]], timer: "FakeTimer | None" = None) -> None:
        self.answers = answers
        self.timer = timer
        self.calls: list[tuple[str, int, str]] = []

    def __call__(self, query: str, *, k: int, mode: str) -> Sequence[str]:
        self.calls.append((query, k, mode))
        if self.timer is not None:
            self.timer.seconds += 0.001 * len(self.calls)
        return self.answers.get((query, mode), [])


class FakeTimer:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


ANSWERS = {
    ("first", "dense"): ["d1", "d2"],
    ("second", "dense"): ["d1", "d2"],
    ("first", "lexical"): ["d1"],
}


def experiment(
    answers: dict[tuple[str, str], list[str]] = ANSWERS,
    *,
    inputs: dict[str, Json] | None = None,
    created_at: datetime = NOW,
    k: int = 100,
) -> Experiment:
    return run_experiment(
        QUERYSET,
        FakeSearcher(answers),
        modes=["dense", "lexical"],
        k=k,
        inputs={"model": "hashing@1"} if inputs is None else inputs,
        clock=lambda: created_at,
    )


def test_every_query_is_searched_in_every_mode_with_k() -> None:
    searcher = FakeSearcher(ANSWERS)
    run_experiment(QUERYSET, searcher, modes=["dense", "lexical"], k=7, inputs={})
    expected = [("first", "dense"), ("second", "dense"), ("first", "lexical"), ("second", "lexical")]
    assert searcher.calls == [(query, 7, mode) for query, mode in expected]


def test_a_result_names_the_query_set_and_scores_each_mode_in_the_order_returned() -> None:
    result = experiment()
    assert (result.name, result.queryset, result.split, result.queries) == ("tiny", "tiny", "dev", 2)
    assert result.created_at == NOW
    assert result.modes["dense"].per_query["MRR@10"] == {"q1": 1.0, "q2": 0.5}
    assert result.modes["dense"].means["MRR@10"] == 0.75
    assert result.modes["lexical"].per_query["R@100"] == {"q1": 1.0, "q2": 0.0}
    assert result.modes["lexical"].means["R@100"] == 0.5


def test_inputs_gain_the_fingerprint_of_the_query_set_and_k() -> None:
    assert experiment(k=9).inputs == {"model": "hashing@1", "queryset": "f" * 64, "k": 9}


def test_inputs_that_contradict_the_query_set_are_refused() -> None:
    with pytest.raises(InvalidInput, match="input 'queryset' is 'other'"):
        experiment(inputs={"queryset": "other"})


@pytest.mark.parametrize("value", [{1: "key"}, (1, 2), object(), float("nan"), {"a", "b"}])
def test_inputs_that_json_cannot_hold_are_refused_before_any_search(value: Json) -> None:
    searcher = FakeSearcher(ANSWERS)
    with pytest.raises(InvalidInput, match="JSON"):
        run_experiment(QUERYSET, searcher, modes=["dense"], inputs={"value": value})
    assert searcher.calls == []


def test_latency_is_that_of_the_searches_alone_per_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    timer = FakeTimer()
    monkeypatch.setattr(time, "perf_counter", timer)

    def dawdle(_: int) -> None:
        timer.seconds += 60

    result = run_experiment(
        QUERYSET, FakeSearcher(ANSWERS, timer), modes=["dense", "lexical"], inputs={}, on_progress=dawdle
    )
    found = result.modes["dense"].latency
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == pytest.approx((1.5, 1.95, 1.99))
    assert result.modes["lexical"].latency.p50_ms == pytest.approx(3.5)
    assert isinstance(found, Latency)


def test_progress_counts_every_search_once() -> None:
    seen: list[int] = []
    run_experiment(QUERYSET, FakeSearcher(ANSWERS), modes=["dense", "lexical"], inputs={}, on_progress=seen.append)
    assert seen == [1, 2, 3, 4]


def test_a_document_returned_twice_is_refused_by_query_and_document() -> None:
    with pytest.raises(InvalidInput, match="query 'q2' in mode 'dense': document 'd3' is in the ranking twice"):
        experiment({**ANSWERS, ("second", "dense"): ["d3", "d1", "d3"]})


def test_more_than_k_documents_are_refused() -> None:
    with pytest.raises(InvalidInput, match="query 'q1' in mode 'dense' returned 2 documents"):
        experiment(k=1)


@pytest.mark.parametrize("modes", [[], ["dense", "dense"]])
def test_no_mode_or_the_same_twice_is_refused(modes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="expected at least one, each once"):
        run_experiment(QUERYSET, FakeSearcher(ANSWERS), modes=modes, inputs={})


def test_k_below_1_is_refused() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        experiment(k=0)


def test_the_fingerprint_ignores_time_and_name_but_not_inputs_or_scores() -> None:
    first = experiment()
    assert experiment(created_at=NOW + timedelta(days=1)).fingerprint == first.fingerprint
    assert experiment(inputs={"model": "hashing@2"}).fingerprint != first.fingerprint
    assert experiment({**ANSWERS, ("first", "dense"): ["d2", "d1"]}).fingerprint != first.fingerprint


def test_an_experiment_survives_saving_and_loading(tmp_path: Path) -> None:
    saved = experiment(inputs={"model": {"name": "größe", "dim": 64, "parts": ["a", 1.5, None, True]}})
    path = save(saved, tmp_path / "new" / "folder")
    assert path.name == f"20250304T050607.000089Z-{saved.fingerprint[:12]}.json"
    assert load(path) == saved
    assert load(path).fingerprint == saved.fingerprint == json.loads(path.read_text())["fingerprint"]
    assert list(path.parent.iterdir()) == [path]


def test_a_moment_in_another_zone_is_the_same_moment_after_loading(tmp_path: Path) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=9)))
    path = save(experiment(created_at=local), tmp_path)
    assert path.name.startswith("20250304T050607.000089Z-")
    assert load(path).created_at == NOW


def test_a_missing_experiment_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactMissing, match=r"absent\.json: no such file"):
        load(tmp_path / "absent.json")


def test_a_changed_mean_is_noticed(tmp_path: Path) -> None:
    path = save(experiment(), tmp_path)
    envelope = json.loads(path.read_text())
    envelope["record"]["modes"]["dense"]["means"]["MRR@10"] = 0.99
    path.write_text(json.dumps(envelope))
    with pytest.raises(ArtefactCorrupt, match="the record differs from its sha256"):
        load(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}', "\x00"])
def test_a_file_that_is_no_experiment_is_refused_as_corrupt(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(ArtefactCorrupt, match=r"broken\.json"):
        load(path)


def test_a_format_of_another_version_is_refused_as_such(tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    path.write_text('{"format": 2}')
    with pytest.raises(FormatUnknown, match="format 2; expected 1"):
        load(path)
