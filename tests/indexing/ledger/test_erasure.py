"""What is erased leaves no byte in any file of the ledger, open or compacted."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from indexing.errors import ArtefactCorrupt, LedgerUnavailable
from indexing.ledger import erasure
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.day_file import DayFile
from indexing.ledger.erasure import OfDocuments, OfTenant, OfUser, Scope, count_rows, erase_rows
from indexing.ledger.hashes import USER, keyed_hash
from indexing.ledger.hit_packing import pack_hits
from indexing.ledger.readers import requests_of
from indexing.ledger.records import ViewChange
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, SECRET, made_hit, made_row

DAY = timedelta(days=1)


def fill(ledger: LedgerStore) -> None:
    """Two days of two tenants; each row names its tenant, its user and two documents in text that can be looked for."""
    for day in range(2):
        rows = []
        for number in range(200):
            tenant, user = ("acme", "zeta")[number % 2], f"user-{number % 8}"
            rows.append(
                made_row(
                    number,
                    NOON + day * DAY + timedelta(seconds=number),
                    tenant=tenant,
                    user=keyed_hash(SECRET, USER, user.encode()),
                    query={"query": f"MARK-{tenant}-{user} " * 20},
                    hits=(made_hit(f"MARK-DOC-{number % 4}"), made_hit(f"MARK-DOC-{number % 4 + 4}")),
                )
            )
        ledger.append(rows)


@pytest.fixture(scope="module", params=["open", "compacted"])
def filled_once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of two days; both open, or the first compacted. It stays open, so that copies have its logs too."""
    ledger = LedgerStore(tmp_path_factory.mktemp(request.param) / "ledger", busy_timeout_seconds=0.5)
    fill(ledger)
    if request.param == "compacted":
        pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")
        for one in sealed_days(ledger, NOON + DAY):
            compact(ledger, one)
    yield ledger.folder
    ledger.close()


@pytest.fixture
def ledger(tmp_path: Path, filled_once: Path) -> Iterator[LedgerStore]:
    """A copy of them, of which each day is open and has a change of a live view."""
    shutil.copytree(filled_once, tmp_path / "ledger")
    ledger = LedgerStore(tmp_path / "ledger", busy_timeout_seconds=0.5)
    for day in range(2):
        body = {"tenant": "acme", "collection": "default", "put": ["MARK-DOC-2"]}
        ledger.append_view_changes((NOON + day * DAY).date(), [ViewChange("process-1", 1, "now", body)])
    assert len(list(ledger.folder.glob("*.db-wal"))) == 2
    yield ledger
    ledger.close()


def holds(ledger: LedgerStore, marker: str) -> bool:
    """Whether any file has the bytes, or, in what is compressed, any row of it."""
    in_files = any(marker.encode() in path.read_bytes() for path in ledger.folder.iterdir())
    return in_files or any(marker in str(row) for row in requests_of(ledger))


def test_a_tenant_s_rows_go_and_the_others_stay(ledger: LedgerStore) -> None:
    assert holds(ledger, "MARK-acme")
    assert count_rows(ledger, OfTenant("acme")) == 200
    assert erase_rows(ledger, OfTenant("acme")) == 202, "with two changes of live views"
    assert not holds(ledger, "MARK-acme")
    assert not holds(ledger, "acme")
    assert [row.tenant for row in requests_of(ledger)] == ["zeta"] * 200


def test_a_user_s_rows_go_in_that_tenant_alone(ledger: LedgerStore) -> None:
    scope = OfUser("acme", keyed_hash(SECRET, USER, b"user-2"))
    assert erase_rows(ledger, scope) == 50
    assert not holds(ledger, "MARK-acme-user-2")
    assert holds(ledger, "MARK-acme-user-4")
    assert erase_rows(ledger, OfUser("acme", keyed_hash(SECRET, USER, b"user-1"))) == 0
    assert sum(1 for _ in requests_of(ledger)) == 350


def test_hits_that_name_a_document_go_and_their_rows_stay_marked(ledger: LedgerStore) -> None:
    named = [row for row in requests_of(ledger, "acme") if row.hits[0].document_id == "MARK-DOC-2"]
    packed = {pack_hits(row.hits) or b"" for row in named}
    assert any(before in path.read_bytes() for path in ledger.folder.iterdir() for before in packed)
    erase_rows(ledger, OfDocuments("acme", "default", frozenset({"MARK-DOC-2"})))
    assert not holds(ledger, "MARK-DOC-2")
    assert not any(before in path.read_bytes() for path in ledger.folder.iterdir() for before in packed)
    for row in requests_of(ledger):
        is_concerned = row.tenant == "acme" and row.number % 4 == 2
        assert row.is_erased == is_concerned
        assert [hit.document_id for hit in row.hits][-1] == f"MARK-DOC-{row.number % 4 + 4}"
        assert len(row.hits) == (1 if is_concerned else 2)
    assert holds(ledger, "MARK-acme"), "a query's text is its tenant's own"


@pytest.mark.parametrize("ids", [None, frozenset(f"MARK-DOC-{n}" for n in range(1000))])
def test_all_documents_of_a_collection_can_go(ledger: LedgerStore, ids: frozenset[str] | None) -> None:
    assert erase_rows(ledger, OfDocuments("acme", "other", ids)) == 0
    assert erase_rows(ledger, OfDocuments("acme", "default", ids)) == 202
    assert all((row.hits == ()) == (row.tenant == "acme") for row in requests_of(ledger))


def test_an_erasure_that_was_killed_before_the_file_was_written_anew_is_finished_by_the_next(
    ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(file: DayFile) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DayFile, "vacuum", killed)
    with pytest.raises(KeyboardInterrupt):
        erase_rows(ledger, OfTenant("acme"))
    monkeypatch.undo()
    erase_rows(ledger, OfTenant("acme"))
    assert not holds(ledger, "acme")


def test_a_reader_that_keeps_the_log_from_being_emptied_is_told(ledger: LedgerStore) -> None:
    reader = DayFile(ledger.folder / "2026-11-25.db", busy_timeout_seconds=1)
    found = reader.rows("SELECT id FROM requests")
    next(found)
    impatient = LedgerStore(ledger.folder, busy_timeout_seconds=0.05)
    with pytest.raises(LedgerUnavailable, match="could not be emptied within 0.05 s"):
        erase_rows(impatient, OfTenant("acme"))
    found.close()
    reader.close()
    erase_rows(ledger, OfTenant("acme"))
    assert not holds(ledger, "acme")


def test_rows_are_appended_while_an_erasure_looks_through_a_day(
    ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process waits for no lock at all: whatever holds one while rows are looked at fails this."""
    other = LedgerStore(ledger.folder, busy_timeout_seconds=0.01)
    unpack, appended = erasure.unpack_hits, []

    def unpack_beside_another(packed: bytes) -> object:
        number = 1000 + len(appended)
        other.append([made_row(number, NOON + DAY, tenant="acme", hits=(made_hit("another"),))])
        appended.append(number)
        return unpack(packed)

    monkeypatch.setattr(erasure, "unpack_hits", unpack_beside_another)
    monkeypatch.setattr(erasure, "PAGE_ROWS", 7)
    erase_rows(ledger, OfDocuments("acme", "default", frozenset({"MARK-DOC-2"})))
    other.close()
    monkeypatch.undo()
    assert not holds(ledger, "MARK-DOC-2")
    assert sorted(row.number for row in requests_of(ledger) if row.number >= 1000) == appended
    assert sum(row.is_erased for row in requests_of(ledger)) == 100


SCOPES: list[Scope] = [OfTenant("acme"), OfDocuments("acme", "default", None)]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_day_that_cannot_be_read_is_not_passed_over(ledger: LedgerStore, scope: Scope) -> None:
    ledger.close()
    (ledger.folder / "2026-11-25.db").write_bytes(b"damaged" * 3000)
    with pytest.raises(ArtefactCorrupt, match=r"2026-11-25\.db"):
        erase_rows(ledger, scope)


def test_an_empty_ledger_has_nothing_to_erase(tmp_path: Path) -> None:
    assert erase_rows(LedgerStore(tmp_path / "none"), OfTenant("acme")) == 0
