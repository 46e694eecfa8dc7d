"""Days that are over become Parquet files, which answer the same questions; a kill makes no row count twice."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from indexing.errors import ArtefactCorrupt, NotReady
from indexing.ledger import compaction
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Cells, DayFault
from indexing.ledger.day_totals import day_totals
from indexing.ledger.guard_window import guard_window
from indexing.ledger.readers import (
    recipe_days,
    requests_named,
    requests_of,
    requests_of_recipes,
    served_request,
    shares,
)
from indexing.ledger.records import ANSWER_KINDS, RequestRow
from indexing.ledger.retention import enforce_retention
from indexing.ledger.rollout_rows import unit_means
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row

TOMORROW = NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def analytics() -> None:
    for library in ("duckdb", "pyarrow"):
        pytest.importorskip(library, reason=f"{library} is not installed: pip install 'groundwork[analytics]'")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerStore]:
    ledger = LedgerStore(tmp_path / "led'ger", now=lambda: NOON)
    yield ledger
    ledger.close()


@pytest.fixture
def rows(ledger: LedgerStore) -> list[RequestRow]:
    made = [
        made_row(
            number,
            NOON + timedelta(seconds=number),
            tenant=("zeta", "acme", "midas")[number % 3],
            release=f"{12 + number % 2}.1",
            rollout=4,
            unit=f"{number:032x}",
            query={"query": "naïve"},
            principals=("p",),
            warnings=("w",) if number % 5 == 0 else (),
            request_id="r" if number == 18 else f"request-{number:06d}",
        )
        for number in range(1, 61)
    ]
    ledger.append(made)
    ledger.put_counts("process-1", accepted=61, dropped=1, written=60, missing=1)
    return made


def compact_all(ledger: LedgerStore) -> None:
    for one in sealed_days(ledger, TOMORROW):
        compact(ledger, one)


def answers(ledger: LedgerStore, row: RequestRow) -> list[object]:
    return [
        served_request(ledger, row.id),
        requests_named(ledger, row.request_id),
        list(requests_of(ledger, "acme", NOON, NOON + timedelta(seconds=30))),
        list(requests_of(ledger, newest_first=True, limit=7)),
        list(requests_of(ledger, "acme", kinds=ANSWER_KINDS, newest_first=True, limit=7)),
        list(requests_of(ledger, kinds=("shadow",), limit=7)),
        list(requests_of_recipes(ledger, [13])),
        recipe_days(ledger, [12, 13]),
        shares(ledger, "acme"),
        [guard_window(ledger, 4, NOON, TOMORROW).rows, guard_window(ledger, 4, NOON, TOMORROW).dropped],
        guard_window(ledger, 4, NOON, TOMORROW).arms["live"].units,
        unit_means(ledger, 4, "latency_ms", NOON, TOMORROW),
        [(one.rows, one.dropped) for one in day_totals(ledger)],
    ]


def test_a_compacted_day_answers_every_question_as_before(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    before = answers(ledger, rows[17])
    compact_all(ledger)
    assert [path.name for path in ledger.folder.glob("*.parquet")] == ["2026-11-24.1.parquet"]
    assert (ledger.folder / "2026-11-24.1.parquet").stat().st_mode & 0o777 == 0o600
    assert answers(ledger, rows[17]) == before
    assert before[0] == rows[17]
    assert sealed_days(ledger, TOMORROW) == []


def test_late_rows_count_beside_the_compacted_ones_and_join_them_at_the_next_compaction(
    ledger: LedgerStore, rows: list[RequestRow]
) -> None:
    compact_all(ledger)
    late = made_row(61, NOON + timedelta(seconds=30, milliseconds=500), tenant="acme")
    ledger.append([late])
    expected = sorted([*rows, late], key=lambda row: row.id)
    assert list(requests_of(ledger)) == expected
    compact_all(ledger)
    assert [path.name for path in ledger.folder.glob("*.parquet")] == ["2026-11-24.2.parquet"]
    assert list(requests_of(ledger)) == expected
    assert sum(one.requests for one in shares(ledger)) == 61


def test_only_days_that_are_over_are_compacted(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    assert sealed_days(ledger, NOON) == []
    assert sealed_days(ledger, NOON + timedelta(hours=12, minutes=5)) == []
    assert len(sealed_days(ledger, NOON + timedelta(hours=12, minutes=11))) == 1


def test_a_kill_between_writing_the_file_and_removing_the_rows_counts_no_row_twice(
    ledger: LedgerStore, rows: list[RequestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(file: DayFile) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DayFile, "mark_vacuum_due", killed)
    with pytest.raises(KeyboardInterrupt):
        compact_all(ledger)
    assert [path.name for path in ledger.folder.glob("*.parquet")] == ["2026-11-24.1.parquet"]
    assert list(requests_of(ledger)) == rows
    monkeypatch.undo()
    compact_all(ledger)
    assert [path.name for path in ledger.folder.glob("*.parquet")] == ["2026-11-24.2.parquet"]
    assert list(requests_of(ledger)) == rows


def test_rows_stay_in_the_database_unless_the_written_file_holds_them_all(
    ledger: LedgerStore, rows: list[RequestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(path: Path, cells: Iterator[Cells]) -> int:
        next(cells)
        return write_rows(path, cells)

    write_rows = compaction.write_rows
    monkeypatch.setattr(compaction, "write_rows", lossy)
    with pytest.raises(ArtefactCorrupt, match="does not hold what was written"):
        compact_all(ledger)
    assert list(ledger.folder.glob("*parquet*")) == []
    assert list(requests_of(ledger)) == rows


def test_a_damaged_or_missing_compacted_file_is_named(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    compact_all(ledger)
    file = ledger.folder / "2026-11-24.1.parquet"
    file.write_bytes(b"PAR1 damaged PAR1")
    faults: list[DayFault] = []
    assert list(requests_of(ledger, on_fault=faults.append)) == []
    file.rename(ledger.folder / "2026-11-24.7.parquet")
    assert list(requests_of(ledger, on_fault=faults.append)) == []
    assert "2026-11-24.1.parquet of the ledger is not readable" in faults[0].reason
    assert faults[1].reason.startswith("Its compacted file (generation 1) is gone")


def test_without_the_extra_a_compacted_day_is_named_with_what_to_install(
    ledger: LedgerStore, rows: list[RequestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    compact_all(ledger)
    ledger.append([made_row(70, TOMORROW)])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    faults: list[DayFault] = []
    assert [row.number for row in requests_of(ledger, on_fault=faults.append)] == [70]
    assert "pip install 'groundwork[analytics]'" in faults[0].reason
    with pytest.raises(NotReady, match="duckdb"):
        compact(ledger, list_days(ledger.folder)[0])


def test_retention_removes_a_compacted_day_whole(ledger: LedgerStore, rows: list[RequestRow]) -> None:
    compact_all(ledger)
    enforce_retention(ledger.folder, days=1, max_mb=10, now=TOMORROW)
    assert list(ledger.folder.iterdir()) == []
