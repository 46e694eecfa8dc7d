"""What a watcher reads of the real ledger."""

import random
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import pytest

from indexing.errors import InvalidInput, StorageFailed
from indexing.ledger.ids import moment_of
from indexing.ledger.store import LedgerStore
from indexing.releases.guards import judge
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.rollouts import Step, find_rollout
from indexing.releases.watcher import Watcher
from tests.support.ledger_rows import NOON, made_row
from tests.support.rollout_home import BEGIN, RolloutHome

SECOND = timedelta(seconds=1)
LATER = NOON + 3600 * SECOND


@pytest.fixture
def store(tmp_path):
    return LedgerStore(tmp_path / "ledger")


def rows(count, **changes):
    return [made_row(number, NOON + SECOND * number, rollout=4, **changes) for number in range(1, count + 1)]


def unit(number):
    return f"{number:032x}"


def test_a_window_has_what_guards_need(store):
    store.append(rows(100, process="p1", arm="live", unit=unit(1)))
    store.append(rows(100, process="p2", arm="candidate", unit=unit(2), status=503))
    window = RolloutLedger(store).window(4, NOON, LATER)
    assert window.dropped == 0
    report = judge(window, share=0.5)
    assert report.outcome == "fail"
    assert "errors 100.00% against 0.00%" in report.reason


def test_a_window_that_grows_counts_as_one_read_at_once_and_reads_only_what_came_since(store):
    ledger, last = RolloutLedger(store), NOON + 900 * SECOND
    made = [
        made_row(
            number,
            NOON + SECOND * number,
            rollout=4,
            process=f"p{number % 3}",
            arm=("live", "candidate")[number % 2],
            unit=unit(number // 5),
            status=503 if number % 7 == 0 else 200,
        )
        for number in range(1, 901)
    ]
    for begin in range(0, 900, 150):
        store.append(made[begin : begin + 150])
        until = NOON + (begin + 151) * SECOND
        assert ledger.window(4, NOON, until) == RolloutLedger(store).window(4, NOON, until)
    whole = ledger.window(4, NOON, last)
    [path] = store.folder.glob("*.db")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("DELETE FROM requests WHERE id < ?", [made[400].id.bytes])
    assert ledger.window(4, NOON, last) == whole
    assert RolloutLedger(store).window(4, NOON, last) != whole
    assert ledger.window(4, NOON + SECOND, last) != whole  # another step is counted anew


def test_a_row_that_is_written_some_seconds_late_counts(store):
    ledger, first, late = RolloutLedger(store), *rows(2, process="p1", arm="live")
    store.append([late])
    assert ledger.window(4, NOON, NOON + 110 * SECOND).rows == 1
    store.append([first])
    assert ledger.window(4, NOON, NOON + 115 * SECOND).rows == 2
    assert ledger.window(4, NOON, LATER).rows == 2


def test_of_many_units_and_latencies_a_part_is_kept_that_tells_the_same(store, monkeypatch):
    monkeypatch.setattr("indexing.ledger.guard_window.MOST_UNITS", 100)
    monkeypatch.setattr("indexing.ledger.guard_window.MOST_LATENCIES", 300)
    made = [
        made_row(number, NOON + SECOND * number, rollout=4, arm=("live", "candidate")[number % 2], unit=uuid4().hex)
        for number in range(1, 1601)
    ]
    store.append(made)
    grown = RolloutLedger(store)
    for until in range(101, 1701, 100):
        window = grown.window(4, NOON, NOON + until * SECOND)
    window = grown.window(4, NOON, NOON + 1601 * SECOND)
    for arm in window.arms.values():
        assert arm.requests == 800
        assert 10 < len(arm.units) <= 100
        assert len(arm.latencies_ms) == 300
    assert window == RolloutLedger(store).window(4, NOON, NOON + 1601 * SECOND)


def test_a_day_that_cannot_be_read_is_no_data(store):
    store.append(rows(100, arm="live"))
    store.close()
    [path] = store.folder.glob("*.db")
    path.write_bytes(b"not a database" * 1000)
    for rest in store.folder.glob("*.db-*"):
        rest.unlink()
    ledger = RolloutLedger(store)
    assert judge(ledger.window(4, NOON, LATER), share=0.5).outcome == "no_data"
    with pytest.raises(StorageFailed, match="2026-11-24 cannot be read"):
        ledger.unit_means(4, "latency_ms", NOON, LATER)


def test_an_interleaved_answer_counts_as_the_candidates_and_its_failure_as_an_error(store):
    def compared(outcome):
        return {"interleaved": outcome} | ({"candidate_hits": 0} if outcome == "answered" else {})

    outcomes = ["answered", "answered", "failed", "late", "busy"]
    store.append(
        [
            made_row(n, NOON, rollout=1, arm="interleaved", unit=unit(n), comparison=compared(outcome))
            for n, outcome in enumerate(outcomes, 1)
        ]
    )
    window = RolloutLedger(store).window(1, NOON - SECOND, NOON + SECOND)
    assert window.arms.keys() == {"candidate"}
    arm = window.arms["candidate"]
    assert (arm.requests, arm.errors, arm.empty) == (5, 1, 2), "it brought no hit to what users saw full"
    assert len(window.arms["candidate"].units) == 5


def test_shadows_of_the_rollout_are_counted_alone(store):
    store.append([*rows(3, kind="shadow", process="p1"), *rows(2, process="p2")])
    store.append([made_row(9, NOON, kind="shadow", rollout=5, process="p3")])
    assert RolloutLedger(store).count_shadows(4, NOON, LATER) == 3
    assert RolloutLedger(store).count_shadows(4, NOON + 3 * SECOND, LATER) == 1


@pytest.mark.parametrize(
    ("measure", "live", "candidate"),
    [
        ("latency_ms", [10.0, 20.0], [30.0]),
        ("error_rate", [0.0, 0.0], [0.5]),
        ("empty_rate", [0.0, 0.5], [0.0]),
        ("warning_rate", [0.0, 0.5], [0.0]),
    ],
)
def test_each_unit_has_one_mean_however_often_it_asked(store, measure, live, candidate):
    def asked(number, arm, whose, ms, **changes):
        return made_row(
            number, NOON, rollout=4, arm=arm, unit=whose and unit(whose), timings_ms={"total": ms}, **changes
        )

    store.append(
        [
            asked(1, "live", 1, 10.0),
            asked(2, "live", 2, 15.0, hits=()),
            asked(3, "live", 2, 25.0, warnings=("slow",)),
            asked(4, "candidate", 3, 30.0, status=500),
            asked(5, "candidate", 3, 30.0),
            asked(6, "candidate", None, 900.0),
        ]
    )
    means = RolloutLedger(store).unit_means(4, measure, NOON, LATER)
    assert {arm: sorted(found) for arm, found in means.items()} == {"live": live, "candidate": candidate}


def test_means_that_are_merged_day_by_day_are_to_the_bit_those_of_all_rows_at_once(store):
    chance = random.Random(4)
    made = [
        made_row(
            number,
            NOON + timedelta(hours=chance.randrange(70)),
            rollout=4,
            arm=chance.choice(("live", "candidate")),
            unit=unit(chance.randrange(40)),
            timings_ms={"total": round(chance.lognormvariate(2, 1), 3)},
        )
        for number in range(1, 601)
    ]
    store.append(made)
    assert len(list(store.folder.glob("*.db"))) == 4
    by_day = defaultdict(float)  # as SQLite adds within a day, then day by day
    answers, sums = Counter(), defaultdict(float)
    for row in sorted(made, key=lambda row: row.id):
        by_day[row.arm, row.unit, moment_of(row.id).date()] += row.timings_ms["total"]
        answers[row.arm, row.unit] += 1
    for (arm, whose, _), total in sorted(by_day.items(), key=lambda one: one[0][2]):
        sums[arm, whose] += total
    expected = {
        arm: [sums[key] / answers[key] for key in sorted(sums) if key[0] == arm] for arm in ("candidate", "live")
    }
    means = RolloutLedger(store).unit_means(4, "latency_ms", NOON, NOON + timedelta(days=3))
    assert {arm: found.typecode for arm, found in means.items()} == {"candidate": "d", "live": "d"}  # 8 bytes a unit
    assert {arm: list(found) for arm, found in means.items()} == expected


def test_a_measure_that_does_not_exist_is_named(store):
    with pytest.raises(InvalidInput, match="'beauty' is unknown: expected latency_ms"):
        RolloutLedger(store).unit_means(4, "beauty", NOON, LATER)


class Answered(RolloutHome):
    """A canary by user at half, whose requests stand in a real ledger."""

    def __init__(self, catalogue, store):
        super().__init__(catalogue)
        self.store = store
        self.canary(steps=(Step(0.5, 500, 60.0), Step(0.9, 500, 60.0)), unit="user")
        self.watcher = Watcher(catalogue, RolloutLedger(store), now=self.now, clock=lambda: self.seconds)

    def answer(self, requests, **of_candidate):
        """So many requests since the canary began, every other one the candidate's, each of another user."""
        made = []
        for number in range(1, requests + 1):
            at = BEGIN + timedelta(seconds=10, milliseconds=number * 10)
            changes = of_candidate if number % 2 else {}
            arm = "candidate" if number % 2 else "live"
            made.append(made_row(number, at, rollout=1, arm=arm, unit=unit(number), **changes))
        self.store.append(made)

    def after(self, seconds):
        self.seconds += seconds
        assert self.watcher.round()
        found = find_rollout(self.catalogue, 1)
        return found.state, found.share, found.step


@pytest.fixture
def answered(home, store):
    return Answered(home.catalogue, store)


def test_requests_that_went_well_bring_a_canary_to_its_next_step(answered):
    answered.answer(1500)
    assert answered.after(50) == ("canary", 0.5, 0)
    assert answered.after(11) == ("canary", 0.9, 1)


def test_requests_that_went_wrong_take_it_back_at_the_next_round(answered):
    answered.answer(200, status=503, hits=())
    assert answered.after(30) == ("rolled_back", 0.0, 0)


def test_rows_that_were_lost_hold_it(answered):
    answered.answer(1500)
    with closing(LedgerStore(answered.store.folder, now=lambda: BEGIN + timedelta(seconds=40))) as store:
        store.put_counts("process-1", accepted=1600, dropped=100, written=1500, missing=100)
    assert answered.after(7200) == ("canary", 0.5, 0)
