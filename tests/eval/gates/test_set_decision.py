"""What one query set says of a candidate: good enough, harmful, or not yet known."""

import numpy as np
import pytest

from eval.gates.policy import GuardSlice, SetPolicy
from eval.gates.set_decision import count_tests, decide_set


def scores(count, loss=0.0, spread=0.05, seed=1):
    """Of ``count`` queries under the baseline, and under a candidate that loses ``loss`` in the mean exactly."""
    random = np.random.default_rng(seed)
    before = random.uniform(0.3, 0.9, count)
    noise = random.normal(0, spread, count)
    after = before + noise - noise.mean() - loss
    names = [f"q{number}" for number in range(count)]
    return dict(zip(names, before.tolist(), strict=True)), dict(zip(names, after.tolist(), strict=True))


def decided(count, loss=0.0, spread=0.05, slices=None, **choices):
    policy = SetPolicy(name="made", **choices)
    return decide_set(policy, *scores(count, loss, spread), slices or {}, level=0.05, tests=1)


@pytest.mark.parametrize(
    ("loss", "spread", "verdict", "said"),
    [
        (0.0, 0.05, "PROMOTE", "it loses less than 0.02"),
        (-0.03, 0.05, "PROMOTE", "it loses less than 0.02"),
        (0.05, 0.05, "REJECT", "it is worse"),
        (0.01, 0.3, "HOLD", "neither a loss below 0.02"),
    ],
)
def test_a_candidate_is_promoted_rejected_or_held(loss, spread, verdict, said):
    found = decided(200, loss, spread)
    assert found.verdict == verdict
    assert said in found.reasons[0]
    assert found.evidence["difference"] == pytest.approx(-loss)
    assert (found.evidence["queries"], found.evidence["look"], found.evidence["level"]) == (200, 1, pytest.approx(0.05))


def test_the_very_same_scores_are_good_enough_and_no_gain():
    assert decided(150, spread=0.0).verdict == "PROMOTE"
    found = decided(150, spread=0.0, superiority=True)
    assert found.verdict == "HOLD"
    assert "superiority is asked for" in found.reasons[0]


def test_superiority_is_shown_by_a_gain():
    found = decided(150, loss=-0.04, superiority=True)
    assert found.verdict == "PROMOTE"
    assert "it is better" in found.reasons[0]


def test_with_too_few_queries_nothing_is_said():
    found = decided(99, loss=0.3)
    assert (found.verdict, found.reasons) == ("HOLD", ("99 queries are judged, and 100 are needed",))


def test_queries_of_one_side_alone_do_not_count():
    before, after = scores(120)
    after = {name: score for name, score in after.items() if int(name[1:]) < 90}
    assert decide_set(SetPolicy(name="made"), before, after, {}, level=0.05, tests=1).verdict == "HOLD"


def test_planned_looks_use_their_first_queries_and_stop_at_the_first_decision():
    found = decided(350, loss=0.1, looks=(100, 300, 1000))
    assert (found.verdict, found.evidence["queries"]) == ("REJECT", 300)  # the first look needs more than is shown
    assert found.evidence["looks"] == [100, 300, 1000]
    assert found.evidence["level"] < 0.05


def test_a_look_that_is_not_reached_is_not_made():
    found = decided(250, loss=0.0, spread=0.2, looks=(100, 300))
    assert (found.verdict, found.evidence["queries"]) == ("HOLD", 100)
    assert found.reasons[-1] == "the next look needs 300 queries, and 250 are judged"


def test_before_the_first_look_it_says_how_many_queries_that_needs():
    found = decided(150, loss=0.3, looks=(300, 600))
    assert (found.verdict, found.reasons) == ("HOLD", ("the next look needs 300 queries, and 150 are judged",))


def test_the_order_in_which_queries_come_does_not_matter():
    before, after = scores(120)
    policy = SetPolicy(name="made", looks=(100, 300))
    found = decide_set(policy, before, after, {}, level=0.05, tests=1)
    shuffled = {name: before[name] for name in sorted(before, reverse=True)}
    assert decide_set(policy, shuffled, after, {}, level=0.05, tests=1) == found


def test_a_set_that_grows_keeps_its_beginning():
    before, after = scores(290, loss=0.0, spread=0.2)
    first = [f"q{number}" for number in range(120)]
    joined = {name: 1 if name in first else 2 for name in before}
    policy = SetPolicy(name="made", looks=(120, 300))
    small = [{name: one[name] for name in first} for one in (before, after)]
    then = decide_set(policy, *small, {}, level=0.05, tests=1, joined=joined)
    now = decide_set(policy, before, after, {}, level=0.05, tests=1, joined=joined)
    assert now.evidence == then.evidence


def test_a_guarded_slice_that_loses_rejects_though_the_whole_is_good_enough():
    before, after = scores(400, loss=-0.05)
    slices = {name: {"language": "de" if int(name[1:]) % 8 == 0 else "en"} for name in before}
    after = {name: score - (0.2 if slices[name]["language"] == "de" else 0) for name, score in after.items()}
    guarded = SetPolicy(name="made", guard_slices=(GuardSlice(slice="language"),))
    assert count_tests([(guarded, slices)]) == 3
    found = decide_set(guarded, before, after, slices, level=0.05, tests=3)
    assert found.verdict == "REJECT"
    assert "language de loses 0.1" in found.reasons[-1]
    assert {part["value"]: part["queries"] for part in found.evidence["slices"]} == {"de": 50, "en": 350}
    unguarded = SetPolicy(name="made")
    assert decide_set(unguarded, before, after, slices, level=0.05, tests=1).verdict == "PROMOTE"


def test_values_with_few_queries_are_not_judged():
    before, after = scores(200)
    slices = {name: {"language": "de" if int(name[1:]) < 20 else "en"} for name in before}
    after = {name: score - (0.3 if slices[name]["language"] == "de" else 0) for name, score in after.items()}
    guarded = SetPolicy(name="made", margin=0.1, guard_slices=(GuardSlice(slice="language"),))
    found = decide_set(guarded, before, after, slices, level=0.05, tests=2)
    assert {part["value"]: (part["queries"], part["p"] is None) for part in found.evidence["slices"]} == {
        "de": (20, True),  # is told all the same
        "en": (180, False),
    }
    assert found.verdict == "PROMOTE"


def test_a_guarded_slice_of_which_no_value_has_enough_queries_guards_nothing_and_holds():
    slices = {f"q{number}": {"topic": f"t{number % 10}"} for number in range(200)}
    guarded = GuardSlice(slice="topic")
    found = decided(200, slices=slices, guard_slices=(guarded,))
    assert (found.verdict, found.reasons) == (
        "HOLD",
        ("no value of the guarded slice topic has 30 queries: it guards nothing",),
    )
    assert len(found.evidence["slices"]) == 10
    assert decided(200, loss=0.05, slices=slices, guard_slices=(guarded,)).verdict == "REJECT"
