"""The questions: what served a request, a tenant, what did a recipe answer; and what guards compare."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from indexing.ledger import readers
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_sources import DayFault
from indexing.ledger.day_totals import day_totals
from indexing.ledger.erasure import OfTenant, erase_rows
from indexing.ledger.guard_window import guard_window
from indexing.ledger.readers import (
    ReleaseDay,
    Share,
    recipe_days,
    requests_named,
    requests_of,
    requests_of_recipes,
    served_request,
    shares,
)
from indexing.ledger.records import ANSWER_KINDS, RequestRow
from indexing.ledger.row_columns import Value, row_from
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerStore:
    return LedgerStore(tmp_path / "ledger")


@pytest.fixture
def rows(ledger: LedgerStore) -> list[RequestRow]:
    """Three days; some rows are of another tenant, recipe or collection."""
    made = [
        made_row(
            number,
            NOON + number * 4 * 60 * MINUTE,
            tenant="zeta" if number % 3 == 0 else "acme",
            release="13.1" if number % 4 == 0 else "12.3",
            arm="candidate" if number % 4 == 0 else "live",
            collection="other" if number % 5 == 0 else "default",
        )
        for number in range(1, 14)
    ]
    ledger.append(made)
    return made


def numbers(found: object) -> list[int]:
    return [row.number for row in found]  # type: ignore[attr-defined]


def test_a_request_is_found_by_its_ledger_id(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    assert [served_request(ledger, row.id) for row in rows] == rows
    assert served_request(ledger, made_row(at=NOON).id) is None


def test_requests_are_found_by_the_caller_s_own_id_within_a_period_and_for_one_tenant(
    ledger: LedgerStore, rows: list[RequestRow]
) -> None:
    again = made_row(50, NOON + 30 * 60 * MINUTE, request_id="request-000003", tenant="acme")
    ledger.append([again])
    assert requests_named(ledger, "request-000003") == [rows[2], again]
    assert requests_named(ledger, "request-000003", tenant="zeta") == [rows[2]]
    assert requests_named(ledger, "request-000003", NOON + DAY) == [again]
    assert requests_named(ledger, "000003") == []


def test_of_many_requests_with_one_id_the_newest_are_given_and_another_tenant_s_are_not_even_read(
    ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = [made_row(n, NOON + n * MINUTE, request_id="one-for-all", tenant="zeta") for n in range(20)]
    ours = [made_row(n, NOON + n * 60 * MINUTE, request_id="one-for-all", tenant="acme") for n in range(20, 40)]
    alike = made_row(41, NOON + 41 * 60 * MINUTE, request_id="another-one-for-all", tenant="acme")
    ledger.append([*theirs, *ours, alike])
    read = []

    def counted(cells: Sequence[Value]) -> RequestRow:
        read.append(cells)
        return row_from(cells)

    monkeypatch.setattr(readers, "row_from", counted)
    assert requests_named(ledger, "one-for-all", tenant="acme", limit=3) == ours[-3:]
    assert len(read) == 3
    assert requests_named(ledger, "one-for-all", NOON + 22 * 60 * MINUTE, NOON + 23 * 60 * MINUTE) == [ours[2]]


def test_requests_of_a_tenant_come_in_order_over_the_days_up_to_and_without_the_end(
    ledger: LedgerStore, rows: list[RequestRow]
) -> None:
    assert numbers(requests_of(ledger, "acme", NOON, NOON + 8 * 4 * 60 * MINUTE)) == [1, 2, 4, 5, 7]
    assert numbers(requests_of(ledger, "acme", newest_first=True, limit=5)) == [13, 11, 10, 8, 7]
    assert numbers(requests_of(ledger, collection="other")) == [5, 10]
    assert list(requests_of(ledger)) == rows


def test_a_limit_counts_rows_of_the_wanted_kinds_alone(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    after = NOON + 5 * DAY
    ledger.append(
        [
            made_row(60, after, kind="shadow"),
            *(made_row(number, after, kind="model_call") for number in range(61, 66)),
            made_row(70, NOON + 12 * 4 * 60 * MINUTE, kind="context"),
        ]
    )
    assert numbers(requests_of(ledger, "acme", kinds=ANSWER_KINDS, limit=2, newest_first=True)) == [13, 70]
    assert numbers(requests_of(ledger, kinds=("shadow",), limit=2)) == [60]
    assert numbers(requests_of(ledger, kinds=())) == []


def test_shares_say_which_release_answered_how_much_of_a_tenant_and_leave_shadows_out(
    ledger: LedgerStore, rows: list[RequestRow]
) -> None:
    ledger.append([made_row(60, kind="shadow", release="14.1"), made_row(61, kind="model_call")])
    assert shares(ledger, "acme") == [Share("12.3", "live", 7, 7 / 9), Share("13.1", "candidate", 2, 2 / 9)]
    assert sum(one.requests for one in shares(ledger)) == 13
    assert shares(ledger, "acme", NOON - DAY, NOON) == []


def test_every_answer_of_a_recipe_is_found(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    assert numbers(requests_of_recipes(ledger, [13])) == [4, 8, 12]
    assert numbers(requests_of_recipes(ledger, [12, 13], limit=2, newest_first=True)) == [13, 12]
    assert numbers(requests_of_recipes(ledger, [99])) == []
    assert recipe_days(ledger, [13]) == [
        ReleaseDay(date(2026, 11, 25), "13.1", "search", 2),
        ReleaseDay(date(2026, 11, 26), "13.1", "search", 1),
    ]
    assert sum(one.requests for one in recipe_days(ledger, [12, 13])) == 13


def test_a_corrupt_day_and_a_missing_one_are_named_and_the_others_are_read(
    ledger: LedgerStore, rows: list[RequestRow]
) -> None:
    ledger.append([made_row(70, NOON + 5 * DAY)])
    ledger.close()
    (ledger.folder / "2026-11-25.db").write_bytes(b"damaged" * 2000)
    faults: list[DayFault] = []
    found = numbers(requests_of(ledger, on_fault=faults.append))
    assert found == [1, 2, 9, 10, 11, 12, 13, 70]
    assert {fault.day.day: fault.reason.split(":")[0] for fault in faults} == {
        25: "2026-11-25.db is not a readable day of the ledger (SQLITE_NOTADB",
        27: "There is no file of this day",
        28: "There is no file of this day",
    }
    assert [bool(one.faults) for one in day_totals(ledger)] == [False, True, False, False]


def test_a_damaged_row_is_named_and_the_others_are_read(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    ledger.close()
    file = DayFile(ledger.folder / "2026-11-25.db", busy_timeout_seconds=1)
    file.execute("UPDATE requests SET timings_ms = '{damaged' WHERE number = 4")
    file.close()
    faults: list[DayFault] = []
    assert numbers(requests_of(ledger, on_fault=faults.append)) == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert served_request(ledger, rows[3].id, on_fault=faults.append) is None
    assert [fault.day for fault in faults] == [date(2026, 11, 25)] * 2
    assert "A row of the ledger cannot be read" in faults[0].reason


def test_guards_see_each_arm_s_errors_empty_answers_latencies_and_units(ledger: LedgerStore) -> None:
    units = [f"{number:032x}" for number in range(3)]

    def row(number: int, **changes: object) -> RequestRow:
        return made_row(number, NOON + number * MINUTE, rollout=4, **changes)

    ledger.append(
        [
            row(1, arm="live", unit=units[0]),
            row(2, arm="candidate", unit=units[1], timings_ms={"total": 9.5}),
            row(3, arm="candidate", unit=units[2], status=503, hits=(), error="Overloaded"),
            row(4, arm="candidate", unit=units[1], hits=(), warnings=("reranker",)),
            row(5, arm="candidate", unit=units[1], kind="shadow"),
            row(8, arm="candidate", unit=units[1], is_whole=False, hits=(), timings_ms={}),
            made_row(9, NOON + 9 * MINUTE),
            made_row(1, NOON + 9 * MINUTE, process="process-2"),
            row(99, arm="candidate"),
        ]
    )
    found = guard_window(ledger, 4, NOON, NOON + 60 * MINUTE)
    live, candidate = found.arms["live"], found.arms["candidate"]
    assert (live.requests, live.errors, live.empty, live.latencies_ms) == (1, 0, 0, [4.75])
    assert (candidate.requests, candidate.whole, candidate.errors, candidate.empty) == (4, 3, 1, 1)
    assert (candidate.warnings, candidate.latencies_ms) == (1, [9.5, 4.75, 4.75])
    assert {unit.hex() for unit in candidate.units} == set(units[1:])
    assert (found.rows, found.dropped) == (8, 0), "a gap in the numbers may be rows that were erased"
    assert guard_window(ledger, 5, NOON, NOON).dropped_share == 0.0


def test_rows_that_a_process_dropped_count_in_the_window_in_which_it_said_so(tmp_path: Path) -> None:
    now = NOON
    ledger = LedgerStore(tmp_path / "ledger", now=lambda: now)
    ledger.append([made_row(n, NOON) for n in range(1, 9)])
    for process in ("process-1", "wrote-nothing"):
        ledger.put_counts(process, accepted=9, dropped=1, written=0, missing=1)
    ledger.put_counts("process-1", accepted=9, dropped=1, written=8)
    now = NOON + MINUTE
    ledger.put_counts("wrote-nothing", accepted=30, dropped=30, written=0, missing=29)
    window = guard_window(ledger, 4, NOON, NOON + MINUTE)
    assert (window.rows, window.dropped) == (8, 2)
    assert window.dropped_share == pytest.approx(0.2)
    assert guard_window(ledger, 4, NOON + MINUTE, NOON + 2 * MINUTE).dropped == 29


def test_rows_that_were_erased_do_not_count_as_dropped(ledger: LedgerStore) -> None:
    ledger.append([made_row(n, NOON, tenant="zeta" if n == 3 else "acme") for n in range(1, 9)])
    erase_rows(ledger, OfTenant("zeta"))
    window = guard_window(ledger, 4, NOON, NOON + MINUTE)
    assert (window.rows, window.dropped) == (7, 0)


def test_questions_read_an_index_and_never_every_row_of_a_day(
    ledger: LedgerStore, rows: list[RequestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    ask = DayFile.rows

    def explained(file: DayFile, sql: str, parameters: Sequence[Value] = ()) -> Iterator[tuple[Value, ...]]:
        plans.extend(str(cells[3]) for cells in ask(file, f"EXPLAIN QUERY PLAN {sql}", parameters))
        return ask(file, sql, parameters)

    monkeypatch.setattr(DayFile, "rows", explained)
    served_request(ledger, rows[0].id)
    requests_named(ledger, "request-000003", NOON, tenant="acme")
    list(requests_of(ledger, "acme", NOON, NOON + DAY))
    shares(ledger, "acme", NOON, NOON + DAY)
    recipe_days(ledger, [12, 13], NOON)
    list(requests_of_recipes(ledger, [12], NOON, limit=3, newest_first=True))
    guard_window(ledger, 4, NOON, NOON + DAY)
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
    assert sum("COVERING INDEX by_tenant" in plan for plan in plans) == 2, "one for each day"
    assert any("COVERING INDEX by_recipe" in plan for plan in plans)
    assert any("INDEX by_request" in plan for plan in plans)
