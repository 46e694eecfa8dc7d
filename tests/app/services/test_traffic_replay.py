"""Logged traffic through another recipe."""

from dataclasses import replace

import pytest

from app.services.traffic_replay import compare_traffic
from indexing.records import Document
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_MODEL, RECIPE
from tests.support.recorded_home import RecordedHome


@pytest.fixture
def recorded(tmp_path):
    home = RecordedHome(tmp_path / "home")
    home.put(
        Document("one", "", "The pump leaks."),
        Document("many", "", "All pumps leaked."),
        Document("other", "", "A motor hums."),
        live=False,
    )
    home.build(RECIPE)
    yield home
    home.close()


def test_the_same_recipe_agrees_in_full_and_another_says_query_by_query_what_changed(recorded):
    other = recorded.build(OTHER_LANGUAGE).release
    process = recorded.recording_process()
    recorded.ask(process, query="pumps", mode="lexical", k=5)
    recorded.ask(process, query="motor", mode="lexical", k=5)
    replayer, told = recorded.replayer(), []
    same = compare_traffic(replayer, recorded.rows, process.serving().release, told.append)
    assert (same.same, same.overlap, same.rbo, same.skipped, told) == (2, 1.0, pytest.approx(1.0), {}, [1, 2])

    changed = compare_traffic(replayer, recorded.rows, other)
    first, second = changed.queries
    assert set(first.served) == {"one", "many"}
    assert first.candidate == ("many",)
    assert (first.gained, first.lost, first.overlap) == ((), ("one",), 0.5)
    assert second.is_same
    assert (changed.same, changed.overlap, changed.candidate) == (1, 0.75, other.number)
    assert 0 < changed.rbo <= 1


def test_a_vector_of_another_model_is_counted_and_not_compared(recorded):
    other = recorded.build(OTHER_MODEL).release
    process = recorded.recording_process()
    recorded.ask(process, query="pump")
    recorded.ask(process, vector=[1.0] * 16, mode="dense")
    found = compare_traffic(recorded.replayer(), recorded.rows, other)
    assert (len(found.queries), found.skipped) == (1, {"other_model": 1})
    same = compare_traffic(recorded.replayer(), recorded.rows, process.serving().release)
    assert (len(same.queries), same.skipped) == (2, {})


def test_what_cannot_be_asked_again_is_counted_by_its_reason(recorded):
    process = recorded.recording_process()
    row = recorded.ask(process, query="pump")
    vector = recorded.ask(process, vector=[1.0] * 16, mode="dense")
    rows = [
        row,
        replace(row, query=None),
        replace(row, error="Overloaded", status=503),
        replace(vector, query={"vector": [1.0] * 3}),
    ]
    found = compare_traffic(recorded.replayer(), rows, process.serving().release)
    assert len(found.queries) == 1
    assert found.skipped == {"query_not_kept": 1, "not_answered": 1, "InvalidInput": 1}
    nothing = compare_traffic(recorded.replayer(), [], process.serving().release)
    assert (nothing.overlap, nothing.rbo, nothing.same) == (None, None, 0)
