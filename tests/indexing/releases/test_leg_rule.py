"""A leg loses its weight beyond the interval alone, and has it back beyond it alone."""

import pytest

from indexing.records import Partition
from indexing.releases.leg_rule import LegRule, leg_warnings, weight_changes
from indexing.snapshots.leg_counts import CollectionLegs, LegCounts

RULE, W = LegRule(), 0.45


@pytest.mark.parametrize(
    ("counts", "before", "expected"),
    [
        (LegCounts(300, 60, 290), None, 0.0),  # vectors find nothing, words do
        (LegCounts(300, 60, 70), None, None),  # neither finds anything: no reason to prefer one
        (LegCounts(300, 290, 20), None, 1.0),  # words of a script that the analyser does not cut
        (LegCounts(300, 140, 290), None, None),  # the interval holds the threshold: nothing moves
        (LegCounts(300, 140, 290), 0.0, 0.0),
        (LegCounts(300, 170, 290), 0.0, 0.0),  # above what loses it, not above what regains it
        (LegCounts(300, 210, 290), 0.0, None),
        (LegCounts(300, 210, 290), 1.0, None),
        (LegCounts(30, 12, 30), None, None),  # 0.40 of 30 may be 0.55
        (LegCounts(30, 9, 30), None, 0.0),
        (LegCounts(9, 0, 9), None, None),  # too few to say anything
        (LegCounts(9, 0, 9), 0.0, 0.0),
        (LegCounts(0, 0, 0), None, None),
    ],
)
def test_a_weight_moves_beyond_the_interval_alone(counts, before, expected):
    assert RULE.weight(counts, W, before) == expected


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_recipe_of_one_leg_keeps_it(weight):
    assert RULE.weight(LegCounts(300, 0, 300), weight, None) is None
    assert RULE.weight(LegCounts(300, 300, 0), weight, None) is None


def test_repeated_checks_at_the_threshold_do_not_swing():
    before, moves = None, 0
    for found in (14, 15, 10, 16, 13, 17, 10, 18, 12, 20):
        after = RULE.weight(LegCounts(30, found, 30), W, before)
        moves += after != before
        before = after
    assert (moves, before) == (1, 0.0)


def collection(name, weight=None, **languages):
    return CollectionLegs(Partition("t", name), languages, weight)


def test_warnings_name_language_and_counts_the_worst_first_and_small_collections_together():
    checks = [
        collection("big", en=LegCounts(60, 58, 60, 900, 0), ar=LegCounts(240, 28, 200, 9000, 900)),
        collection("words", th=LegCounts(40, 30, 4, 50, 0)),
        *(collection(f"small{n}", fa=LegCounts(6, 1, 6, 60, 0)) for n in range(3)),
        collection("tiny", uk=LegCounts(4, 0, 4, 60, 0)),
    ]
    assert leg_warnings("m@1", checks) == [
        "t/big: the model m@1 does not read Arabic: 212 of 240 samples are not found by meaning; 10% of its tokens are"
        " unknown",
        "t/words: 36 of 40 samples in Thai are not found by words: see --language",
        "3 small collection(s): the model m@1 does not read Persian: 15 of 18 samples are not found by meaning",
    ]


def test_what_moved_is_told_against_the_snapshot_before():
    one, two = collection("one", 0.0, ar=LegCounts(30, 3, 30)), collection("two", en=LegCounts(30, 30, 30))
    before = {Partition("t", "two"): collection("two", 0.0)}
    assert weight_changes({Partition("t", "one"): one}, [one], W) == []
    assert weight_changes(before, [one, two], W) == [
        "t/one: vectors now weigh 0 in hybrid search instead of 0.45: of 30 samples 3 are found by meaning and 30 by"
        " words",
        "t/two: vectors now weigh 0.45 in hybrid search instead of 0: of 30 samples 30 are found by meaning and 30 by"
        " words",
    ]


@pytest.mark.parametrize("value", [{}, {"name": "x", "version": 1, "lose_below": "a", "regain_above": 0.6}, 7])
def test_a_damaged_rule_is_refused(value):
    with pytest.raises(ValueError, match="field|object"):
        LegRule.from_json(value)
