"""The slice of ``benchmarks.quality.leg_check_cost``: what a check costs by stage, on a home that is made of words."""

import pytest

from benchmarks.quality import leg_check_cost
from benchmarks.quality.leg_check_cost import WAYS, measured_checks
from indexing.indexes import languages
from tests.support.fresh_home import RECIPE, FreshHome
from tests.support.two_languages import EnglishEmbedder, english


@pytest.fixture
def made(tmp_path):
    made = FreshHome(tmp_path)
    made.build_embedder = EnglishEmbedder()
    made.put(*map(english, range(40)))
    yield made
    made.close()


def test_both_ways_are_measured_in_turns_and_the_build_goes_on(made, monkeypatch):
    monkeypatch.setattr(leg_check_cost, "TURNS", 2)  # each loads the detector
    costs, spent = {}, {"all checks": 0.0}
    languages.detector.cache_clear()
    with measured_checks(costs, spent):
        report = made.build(RECIPE)
    assert report.is_new
    assert [len(costs[way]) for way in WAYS] == [2, 2]
    assert spent["all checks"] >= sum(one["check"] for way in WAYS for one in costs[way])
    for one in (*costs[WAYS[0]], *costs[WAYS[1]]):
        stages = sum(value for stage, value in one.items() if stage not in ("check", "detector loaded"))
        assert stages == pytest.approx(one["check"])
    assert {one["detector loaded"] for one in costs[WAYS[1]]} == {1}
