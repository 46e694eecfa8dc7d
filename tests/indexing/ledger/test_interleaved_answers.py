"""What users chose of an interleaved answer is a credit for the list whose turn gave it; units prefer by answers."""

from datetime import timedelta

import pytest

from indexing.ledger.day_sources import Period
from indexing.ledger.hashes import UNIT, keyed_hash
from indexing.ledger.interleaved_answers import count_interleaved, interleaved_answers, preferences
from indexing.ledger.interleaving import Vote, is_mixed, vote_of
from indexing.ledger.sampled_readers import sampled_answers
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_hit, made_row

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path):
    ledger = LedgerStore(tmp_path / "ledger", busy_timeout_seconds=0.5)
    yield ledger
    ledger.close()


def unit(name):
    return keyed_hash(SECRET, UNIT, name.encode())


def answer(number, who="u", slots="lc=", **changes):
    """An answer with hits ``a``, ``b``, ``c`` of one slot each."""
    hits = tuple(made_hit(name) for name in "abcdefgh"[: len(slots)])
    comparison = {"interleaved": "answered", "slots": slots, "candidate": "2.1", "latency_difference_ms": 1.0}
    fields = {"rollout": 1, "arm": "interleaved", "unit": unit(who), "hits": hits, "comparison": comparison, **changes}
    return made_row(number, NOON + timedelta(seconds=number), **fields)


@pytest.mark.parametrize(
    ("documents", "slots", "chosen", "vote"),
    [
        ("abc", "lc=", {"a": [1]}, Vote(1, 0)),
        ("abc", "lc=", {"a": [1, 1], "b": [None]}, Vote(1, 1)),
        ("abc", "lcL", {"c": [3]}, Vote(0, 0)),
        ("abc", "lcC", {"x": [1]}, Vote(0, 0)),
        ("aab", "lcl", {"a": [2]}, Vote(0, 1)),
        ("aab", "lcl", {"a": [None]}, Vote(0, 0)),
        ("aab", "lcl", {"a": [1, 2]}, Vote(0, 0)),
        ("aab", "lcl", {"a": [3]}, Vote(0, 0)),
        ("aab", "lcl", {"a": [77]}, Vote(0, 0)),
        ("aab", "lll", {"a": [None]}, Vote(1, 0)),
    ],
)
def test_a_document_counts_once_for_the_list_whose_turn_gave_it(documents, slots, chosen, vote):
    assert vote_of(list(documents), slots, chosen) == vote


def test_a_unit_prefers_the_list_that_won_more_of_its_answers(ledger):
    rows = [answer(1, "ann"), answer(2, "ann"), answer(3, "ann"), answer(4, "bob"), answer(5, "cem"), answer(6, "dan")]
    ledger.append(rows)
    clicked = ["b", "b", "a", "a", None, "c"]
    ledger.append_feedback(
        made_feedback(row, document_id=name) for row, name in zip(rows, clicked, strict=True) if name is not None
    )
    found = preferences(ledger, 1)
    assert found.units == {unit("ann"): 1, unit("bob"): -1}
    assert (found.wins, found.losses, found.ties, found.answers, found.voted) == (1, 1, 0, 6, 4)


def test_one_answer_whose_lists_both_got_a_credit_is_a_tie(ledger):
    row = answer(1)
    ledger.append([row])
    ledger.append_feedback(
        [made_feedback(row, "copy", "1", document_id="a"), made_feedback(row, event="2", document_id="b")]
    )
    assert preferences(ledger, 1).ties == 1


def test_what_is_no_choice_of_a_hit_is_no_credit(ledger):
    row, other = answer(1), answer(2, rollout=2)
    ledger.append([row, other])
    ledger.append_feedback(
        [
            made_feedback(row, "dwell", "1", document_id="a", value=90_000.0),
            made_feedback(row, "impression", "2", document_id="b"),
            made_feedback(row, "abandon", "3"),
            made_feedback(other, event="4", document_id="b"),
        ]
    )
    (found,) = interleaved_answers(ledger, 1)
    assert (found.vote, found.competitive, found.outcome) == (None, 2, "answered")


def test_what_is_told_of_one_release_is_told_without_interleaved_answers(ledger):
    ledger.append([answer(1), made_row(2, NOON, rollout=1)])
    total, rows = sampled_answers(ledger, Period(NOON, NOON + HOUR), most=10)
    assert (total, [row.arm for row in rows]) == (1, ["live"])


def test_answers_of_the_release_in_service_alone_are_counted_by_why(ledger):
    alone = answer(1, comparison={"interleaved": "busy"})
    assert not is_mixed(alone.comparison)
    ledger.append(
        [
            alone,
            answer(2, comparison={"interleaved": "failed"}),
            answer(3, is_erased=True, hits=(made_hit("a"),)),
            answer(4, unit=None),
            answer(5, status=503, comparison={"interleaved": "answered"}),
            answer(6),
        ]
    )
    found = preferences(ledger, 1)
    assert (found.answers, found.left_out, found.alone) == (3, 2, {"busy": 1, "failed": 1})
    assert count_interleaved(ledger, 1, NOON, NOON + HOUR) == 3
    assert count_interleaved(ledger, 1, NOON + HOUR, NOON + 2 * HOUR) == 0
