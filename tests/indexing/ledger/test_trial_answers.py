"""What quality guards read of a rollout: all of its answers, or a part that stays the same while they grow."""

from datetime import timedelta

import pytest

from indexing.ledger.store import LedgerStore
from indexing.ledger.trial_answers import MOST_HALVINGS, shadow_overlaps, trial_answers
from tests.support.ledger_rows import NOON, made_hit, made_row

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tmp_path):
    made = LedgerStore(tmp_path / "ledger")
    yield made
    made.close()


def rows(first, count, **changes):
    numbers = range(first, first + count)
    return [made_row(number, NOON + number * SECOND / 10, **{"rollout": 1, **changes}) for number in numbers]


def read(store, **choices):
    return trial_answers(store, 1, NOON, NOON + 3600 * SECOND, **choices)


def test_the_answers_of_a_rollout_are_read_with_their_best_dense_score(store):
    hits = (made_hit(dense=0.25), made_hit("b", dense=0.75), made_hit("c", dense=None))
    store.append(rows(1, 2, arm="candidate", unit=f"{7:032x}", hits=hits))
    store.append(rows(3, 1, hits=()))
    found = read(store)
    assert found.halvings == 0
    assert [(one.arm, one.hit_count, one.best_dense) for one in found.answers] == [
        ("candidate", 3, 0.75),
        ("candidate", 3, 0.75),
        ("live", 0, None),
    ]
    assert found.answers[0].unit == (7).to_bytes(16)


def test_of_an_interleaved_answer_only_what_the_candidate_found_by_itself_counts(store):
    hits = (made_hit(dense=0.9),)
    compared = [{"candidate_hits": 0}, {"candidate_hits": 4, "candidate_best_dense": 0.25}]
    found = [{"interleaved": "answered", **one} for one in compared]
    for number, comparison in enumerate([*found, {"interleaved": "late"}, {"interleaved": "busy"}], 1):
        store.append(rows(number, 1, arm="interleaved", hits=hits, comparison=comparison))
    answers = read(store).answers
    assert [(one.arm, one.hit_count, one.best_dense) for one in answers] == [
        ("candidate", 0, None),
        ("candidate", 4, 0.25),
    ]


@pytest.mark.parametrize(
    "changes", [{"rollout": 2}, {"kind": "shadow"}, {"status": 503}, {"is_whole": False}, {"rollout": None}]
)
def test_what_is_no_answer_of_it_is_left_out(store, changes):
    store.append(rows(1, 3, **changes))
    assert read(store).answers == []


def test_of_many_answers_a_part_is_read_that_stays_while_they_grow(store):
    store.append(rows(1, 400))
    whole = {one.id for one in read(store).answers}
    half = read(store, most=200)
    assert (half.halvings, len(whole)) == (1, 400)
    assert 140 < len(half.answers) < 260
    ids = [one.id for one in half.answers]
    assert ids == sorted(ids)
    store.append(rows(500, 1))
    grown = read(store, most=201)
    assert set(ids) <= {one.id for one in grown.answers}
    fourth = read(store, most=101)
    assert (fourth.halvings, {one.id for one in fourth.answers} <= {one.id for one in grown.answers}) == (2, True)
    assert read(store, most=1).halvings == MOST_HALVINGS


def test_shadows_say_how_far_they_agree(store):
    store.append(rows(1, 2, kind="shadow", arm="candidate", comparison={"overlap": 0.5}))
    store.append(rows(3, 1, kind="shadow", arm="candidate"))
    assert shadow_overlaps(store, 1, NOON, NOON + 3600 * SECOND) == [0.5, 0.5]
