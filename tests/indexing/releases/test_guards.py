"""Guards tell pass, fail, inconclusive and no data apart, rarely fail without cause and find what is worse."""

import numpy as np
import pytest
from scipy import stats

from indexing.ledger.guard_window import ArmWindow, GuardWindow
from indexing.releases.guards import LATENCY_LEVEL, RATIO_LEVEL, Verdict, judge


def arm(requests=2000, errors=0, empty=0, warnings=0, latencies=None, units=100, seed=1, whole=None):
    if latencies is None:
        latencies = np.random.default_rng(seed).lognormal(3, 0.5, requests).tolist()
    whole = requests if whole is None else whole
    return ArmWindow(requests, errors, empty, warnings, whole, latencies, {b"%d" % number for number in range(units)})


def window(live, candidate, dropped=0):
    arms = {name: one for name, one in (("live", live), ("candidate", candidate)) if one is not None}
    return GuardWindow(arms, sum(one.requests for one in arms.values()), dropped)


def judged(live, candidate, dropped=0, share=0.5, **choices):
    return judge(window(live, candidate, dropped), share=share, **choices)


def outcomes(live, candidate, **choices):
    return {one.guard: one.outcome for one in judged(live, candidate, **choices).results}


def test_two_arms_that_answer_alike_pass():
    report = judged(arm(), arm(seed=3))
    assert report.outcome == "pass"
    assert report.reason == "all guards pass"
    assert set(report.evidence) == {"errors", "empty_answers", "warnings", "p99_ratio", "sample_ratio"}


@pytest.mark.parametrize(
    ("worse", "guard"),
    [
        ({"errors": 100}, "errors"),
        ({"empty": 600}, "empty_answers"),
        ({"warnings": 600}, "warnings"),
        ({"latencies": [90.0] * 2000}, "p99_ratio"),
        ({"units": 30}, "sample_ratio"),
    ],
)
def test_each_guard_fails_by_itself_and_says_what_it_saw(worse, guard):
    live, candidate = arm(latencies=[10.0] * 2000), arm(**{"latencies": [10.0] * 2000, **worse})
    report = judged(live, candidate)
    assert report.outcome == "fail"
    assert {one.guard for one in report.results if one.outcome == "fail"} == {guard}
    assert any(character.isdigit() for character in report.reason)


def test_a_candidate_that_is_better_passes():
    live = arm(errors=100, empty=300, warnings=200, latencies=[50.0] * 2000)
    assert judged(live, arm(latencies=[10.0] * 2000)).outcome == "pass"


@pytest.mark.parametrize(
    ("live", "candidate"),
    [
        (None, None),
        (arm(), None),
        (None, arm()),
        (arm(), arm(requests=49)),
        (arm(requests=49), arm()),
        (arm(units=0), arm(units=0, seed=3)),
        (arm(), arm(whole=0, latencies=[])),
    ],
)
def test_what_was_hardly_seen_is_no_data_and_never_a_pass(live, candidate):
    assert judged(live, candidate).outcome == "no_data"


def test_one_per_cent_of_dropped_rows_is_accepted_and_more_is_no_data():
    assert judged(arm(), arm(seed=3), dropped=40).outcome == "pass"
    report = judged(arm(), arm(seed=3), dropped=41)
    assert report.outcome == "no_data"
    assert "lacks 41 of 4041 rows" in report.reason


def test_errors_in_a_window_with_too_many_dropped_rows_are_no_data_too():
    assert judged(arm(), arm(errors=2000), dropped=100).outcome == "no_data"


def test_few_requests_without_errors_are_inconclusive():
    assert outcomes(arm(100), arm(100))["errors"] == "inconclusive"
    assert outcomes(arm(1000), arm(1000))["errors"] == "pass"


def test_a_candidate_that_always_fails_is_found_after_fifty_requests():
    assert outcomes(arm(950), arm(50, errors=50))["errors"] == "fail"


def test_a_candidate_that_is_ten_times_slower_is_found_after_64_requests():
    slow = np.random.default_rng(3).lognormal(3 + np.log(10), 0.5, 64).tolist()
    assert outcomes(arm(1300), arm(64, latencies=slow))["p99_ratio"] == "fail"


def test_a_small_excess_is_no_failure_however_certain_it_is():
    live, candidate = arm(2_000_000, empty=20_000, latencies=[1.0]), arm(2_000_000, empty=30_000, latencies=[1.0])
    assert outcomes(live, candidate)["empty_answers"] == "pass"


@pytest.mark.parametrize(
    ("units", "outcome"), [((9, 1), "pass"), ((40, 0), "fail"), ((1, 0), "pass"), ((0, 2), "pass")]
)
def test_few_units_are_compared_exactly(units, outcome):
    assert outcomes(arm(units=units[0]), arm(units=units[1]))["sample_ratio"] == outcome


def test_with_everything_on_the_candidate_there_is_nothing_to_compare_with():
    assert judged(None, arm(), share=1.0).outcome == "no_data"


@pytest.mark.parametrize("verdict", ["fail", "no_data", "inconclusive"])
def test_the_verdict_of_a_judge_of_quality_counts_as_a_guard(verdict):
    said = Verdict("relevance", verdict, ("nDCG fell",), "2026-01-01")
    report = judged(arm(), arm(seed=3), verdicts=[said])
    assert report.outcome == verdict
    assert report.reason == "relevance: nDCG fell"


def test_a_failing_verdict_counts_before_anything_was_answered():
    said = Verdict("relevance", "fail", ("nDCG fell",), "2026-01-01")
    assert judged(None, None, verdicts=[said]).outcome == "fail"


def slow_alarm(seed, factor, requests=4096, share=0.1):
    """Whether the guard of latencies fails at any of many looks at a growing window."""
    random = np.random.default_rng(seed)
    live = random.lognormal(3, 0.6, int(requests / share)).tolist()
    candidate = (random.lognormal(3, 0.6, requests) * factor).tolist()
    for size in (64, 128, 256, 512, 1024, 2048, 4096):  # between these, the guard looks at what it looked at before
        seen = int(size / share)
        found = outcomes(arm(seen, latencies=live[:seen]), arm(size, latencies=candidate[:size]))
        if found["p99_ratio"] == "fail":
            return True
    return False


def test_latencies_fail_no_more_often_without_cause_than_the_level_says():
    alarms = sum(slow_alarm(seed, 1.2) for seed in range(40))  # exactly as slow as is allowed
    assert alarms <= stats.binom.ppf(0.999, 40, LATENCY_LEVEL)


def test_a_candidate_whose_p99_is_twice_as_long_is_found():
    assert sum(slow_alarm(seed, 2.0) for seed in range(20)) == 20


def test_a_split_that_follows_its_share_fails_as_rarely_as_its_level_says():
    random, runs = np.random.default_rng(7), 3000
    failed = 0
    for candidate in random.binomial(400, 0.5, runs):
        found = outcomes(
            arm(64, latencies=[1.0], units=400 - candidate), arm(64, latencies=[1.0], units=int(candidate))
        )
        failed += found["sample_ratio"] == "fail"
    assert failed <= stats.binom.ppf(0.999, runs, RATIO_LEVEL)


def test_a_split_that_loses_every_fifth_unit_of_the_candidate_is_found():
    random = np.random.default_rng(8)
    found = [outcomes(arm(units=2000), arm(units=int(random.binomial(2000, 0.8))))["sample_ratio"] for _ in range(50)]
    assert found.count("fail") == 50
