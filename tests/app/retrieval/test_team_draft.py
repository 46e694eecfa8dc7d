"""A team draft keeps both orders, shows nothing twice, and gives neither list a better rank than the other."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.team_draft import team_draft
from indexing.ledger.interleaving import BOTH, CANDIDATE, CANDIDATE_FILLS, LIVE, LIVE_FILLS

RANKING = st.lists(st.integers(0, 15), unique=True, max_size=12)


def drafted(live, candidate, k=10, seed=0):
    generator = random.Random(seed)
    return team_draft(live, candidate, k, key=lambda hit: hit, toss=lambda: generator.random() < 0.5)


@given(RANKING, RANKING, st.integers(1, 15), st.integers(0, 2**32))
def test_a_draft_holds_each_list_in_its_order_and_nothing_twice(live, candidate, k, seed):
    found = drafted(live, candidate, k, seed)
    assert len(set(found.hits)) == len(found.hits) == len(found.slots) == min(k, len({*live, *candidate}))
    for ranking, team in ((live, {LIVE, LIVE_FILLS, BOTH}), (candidate, {CANDIDATE, CANDIDATE_FILLS, BOTH})):
        own = [hit for hit, slot in zip(found.hits, found.slots, strict=True) if slot in team]
        assert own == [hit for hit in ranking if hit in own]
        # What a list gave was its best hit that was not there yet.
        for rank, hit in enumerate(found.hits):
            if found.slots[rank] in team:
                assert set(ranking[: ranking.index(hit)]) <= set(found.hits[:rank])


@given(RANKING, RANKING, st.integers(0, 2**32))
def test_at_every_rank_the_lists_differ_by_one_competitive_slot_at_most(live, candidate, seed):
    slots = drafted(live, candidate, 20, seed).slots
    for rank in range(len(slots) + 1):
        assert abs(slots[:rank].count(LIVE) - slots[:rank].count(CANDIDATE)) <= 1


@given(RANKING, RANKING, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_draft(live, candidate, seed):
    assert drafted(live, candidate, 10, seed) == drafted(live, candidate, 10, seed)


@given(RANKING, st.integers(0, 2**32))
def test_of_two_lists_that_agree_no_slot_counts(ranking, seed):
    found = drafted(ranking, ranking, 20, seed)
    assert (found.hits, found.slots) == (ranking, BOTH * len(ranking))


def test_where_one_list_has_ended_the_other_fills_and_that_counts_for_neither():
    assert drafted([], [1, 2]).slots == CANDIDATE_FILLS * 2
    assert drafted([1, 2], []).slots == LIVE_FILLS * 2
    found = drafted([1], [1, 2, 3])
    assert (found.hits, found.slots) == ([1, 2, 3], BOTH + CANDIDATE_FILLS * 2)


@given(RANKING, RANKING, st.lists(st.booleans(), min_size=20, max_size=20), st.integers(1, 20))
def test_with_every_toss_turned_round_each_slot_is_the_other_lists(live, candidate, tosses, k):
    drafts = []
    for turned in (False, True):
        left = iter(tosses)
        toss = lambda: next(left) != turned  # noqa: B023, E731 - used within this turn of the loop
        drafts.append(team_draft(live, candidate, k, key=lambda hit: hit, toss=toss).slots)
    assert drafts[0].translate(str.maketrans("lc", "cl")) == drafts[1]


def test_each_rank_is_as_often_the_ones_as_the_others():
    live, candidate = [1, 2, 3, 4, 5, 6], [6, 3, 1, 7, 8, 9]
    at = {LIVE: Counter(), CANDIDATE: Counter()}
    trials = 4_000
    for seed in range(trials):
        for rank, slot in enumerate(drafted(live, candidate, 6, seed).slots):
            if slot in at:
                at[slot][rank] += 1
    for rank in range(6):
        ours, theirs = at[LIVE][rank], at[CANDIDATE][rank]
        assert abs(ours - theirs) < 5 * (ours + theirs) ** 0.5, "5 standard deviations of a fair coin"
    means = [sum(rank * count for rank, count in at[team].items()) / at[team].total() for team in (LIVE, CANDIDATE)]
    assert means[0] == pytest.approx(means[1], abs=0.1)
