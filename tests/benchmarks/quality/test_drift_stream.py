"""A seeded slice of the measurement of drift: another kind of query is found, a reshuffled one is not."""

from datetime import timedelta

import pytest

from benchmarks.harness.drift_homes import some
from benchmarks.quality.drift_service import found_in
from benchmarks.quality.drift_stream import false_alarms, found_after, watched
from tests.support.asked_traffic import AskedTraffic
from tests.support.drifting_home import BEGIN, NEW_WORDS, OLD_WORDS, DriftingHome
from tests.support.fresh_home import OURS


@pytest.fixture
def rows(tmp_path, monkeypatch):
    made = DriftingHome(tmp_path / "home")
    made.write((*OLD_WORDS, *NEW_WORDS), 20)
    release = made.built()
    traffic = AskedTraffic(made.home, made.opener, OURS)
    texts = [" ".join(made.chance.choice(words, 4)) for words in [OLD_WORDS] * 220 + [NEW_WORDS] * 110]
    asked, _ = traffic.ask(release, texts, BEGIN)
    monkeypatch.setattr("eval.drift.embedding_tests.PERMUTATIONS", 499)
    monkeypatch.setattr("benchmarks.quality.drift_stream.BEGIN", BEGIN)
    yield made, asked
    made.close()


def test_a_change_is_found_in_a_look_and_by_the_watch_and_a_reshuffle_is_not(rows):
    made, asked = rows
    found = found_after(asked[:220], asked[220:])
    assert found["questions"] == 100
    assert "mmd" in found["moved"]
    inside = false_alarms(asked[:220], 2)
    assert (inside["reshuffles"], inside["alarmed"]) == (2, 0)
    phases = ["old"] * 220 + ["new"] * 110
    alarms = watched(made.home, asked, phases, made.replayer)
    assert all(one["phase"] == "new" for one in alarms)
    moments = [BEGIN + timedelta(seconds=place) for place in range(331)]
    by_ledger = found_in(made.home, OURS, moments[:221], moments[220:], made.replayer)
    assert by_ledger["questions"] == 100
    assert "mmd" in by_ledger["moved"]


def test_the_same_documents_are_chosen_of_two_dates():
    ids = [f"d{number}" for number in range(100)]
    assert some(ids, 30) == some(reversed(ids), 30)
    assert len(some(ids, 30) & some([*ids, "new-1", "new-2"], 30)) >= 28
