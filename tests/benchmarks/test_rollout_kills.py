"""What ``rollout_kills`` holds answers against can say no: a ledger that lacks or changes rows is found out."""

from contextlib import closing

import pytest

from benchmarks.faults.rollout_kills import Round, gaps, lost_problems
from benchmarks.harness.checked_client import TENANTS
from benchmarks.harness.user_askers import HELPDESK, Told, ledger_word
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row


@pytest.fixture
def ledger(tmp_path):
    with closing(LedgerStore(tmp_path / "ledger")) as opened:
        yield opened


def row(number, **changes):
    return made_row(number, tenant=TENANTS[0], collection=HELPDESK, **changes)


def told(of, **changes):
    values = {"tenant": of.tenant, "query_id": str(of.id), "release": of.release} | changes
    return Told("", user="user-1", **values)


def test_every_answer_is_found_missing_or_told_otherwise(ledger):
    rows = [row(number) for number in range(1, 5)]
    ledger.append(rows)
    never_written = row(5)
    answers = [told(rows[0]), told(rows[1], release="9.9"), told(rows[2], tenant=TENANTS[1]), told(never_written)]
    word = ledger_word(ledger, answers, NOON)
    assert [one.id for one in word.same] == [rows[0].id]
    assert (word.otherwise, word.more) == (2, 1)  # the fourth row has no client
    assert [one.query_id for one in word.missing] == [str(never_written.id)]


def test_a_row_that_is_missing_between_others_of_its_process_is_a_gap(ledger):
    ledger.append([row(number) for number in (4, 5, 7)] + [row(number, process="process-2") for number in (1, 2)])
    assert gaps(ledger, NOON) == ["process-1: 1"]


@pytest.mark.parametrize(
    ("kind", "missing", "lost", "cut_off", "is_wrong"),
    [
        ("api process", 0, 0, 0, False),
        ("api process", 3, 3, 0, False),
        ("whole api", 3, 5, 2, False),
        ("api process", 3, 2, 9, True),  # the ledger says less than is gone
        ("api process", 3, 6, 2, True),  # the ledger says more than can be gone
        ("watcher", 1, 1, 0, True),  # nothing that answers was killed
    ],
)
def test_what_clients_miss_and_what_the_ledger_counts_as_lost_must_agree(kind, missing, lost, cut_off, is_wrong):
    one = Round(1, kind, "promoted", not_in_the_ledger=missing, counted_as_lost=lost, unanswered=cut_off)
    assert bool(list(lost_problems(one))) == is_wrong
