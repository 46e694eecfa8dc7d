"""Errors of SQLite are told apart by their result codes, and each says what to do."""

import sqlite3
from pathlib import Path

import pytest

from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.sqlite_errors import is_locked, translated
from indexing.catalogue.tenants import read_tenant
from indexing.errors import (
    ArtefactCorrupt,
    CatalogueBusy,
    CatalogueReplaced,
    CatalogueUnavailable,
    InvalidInput,
    StorageFailed,
    StorageFull,
)
from indexing.records import Document, Partition
from tests.support.processes import run_code

HELP, LONE = Partition("default", "help"), Document("a\ud800", "title", "text")
PATH = Path("/srv/secret/catalogue.db")


def error(name: str, words: str = "words that say nothing: full, locked, disk I/O error, malformed") -> sqlite3.Error:
    made = sqlite3.OperationalError(words)
    made.sqlite_errorcode, made.sqlite_errorname = getattr(sqlite3, name), name
    return made


@pytest.mark.parametrize(
    ("name", "kind", "advice"),
    [
        ("SQLITE_BUSY", CatalogueBusy, "GROUNDWORK_BUSY_TIMEOUT_SECONDS"),
        ("SQLITE_BUSY_SNAPSHOT", CatalogueBusy, "Try again"),
        ("SQLITE_LOCKED", CatalogueBusy, "another writer"),
        ("SQLITE_PROTOCOL", CatalogueBusy, "Try again"),
        ("SQLITE_FULL", StorageFull, "free some space"),
        ("SQLITE_IOERR_SHMSIZE", StorageFull, "free some space"),
        ("SQLITE_IOERR", StorageFailed, "the disk's health"),
        ("SQLITE_IOERR_WRITE", StorageFailed, "Free space does not help"),
        ("SQLITE_IOERR_FSYNC", StorageFailed, "nothing of this write was stored"),
        ("SQLITE_CORRUPT_INDEX", ArtefactCorrupt, "restore it from a backup"),
        ("SQLITE_NOTADB", ArtefactCorrupt, "no readable catalogue"),
        ("SQLITE_CANTOPEN", CatalogueUnavailable, "limit of open files"),
        ("SQLITE_READONLY", CatalogueUnavailable, "this user may write"),
        ("SQLITE_READONLY_DIRECTORY", CatalogueUnavailable, "SQLITE_READONLY_DIRECTORY"),
        ("SQLITE_READONLY_DBMOVED", CatalogueReplaced, "put the file back"),
    ],
)
def test_each_code_has_its_class_and_advice_and_names_no_folder(name, kind, advice):
    found = translated(error(name), PATH, 3)
    assert type(found) is kind
    assert advice in str(found)
    assert "/srv" not in str(found)


@pytest.mark.parametrize("name", ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_ERROR", "SQLITE_MISUSE", "SQLITE_NOMEM"])
def test_a_fault_of_the_program_stays_what_it_is(name):
    assert translated(error(name), PATH, 3) is None
    assert not is_locked(error(name))


def test_an_error_of_the_module_itself_has_no_code_and_stays_what_it_is():
    assert translated(sqlite3.ProgrammingError("Cannot operate on a closed database."), PATH, 3) is None


def test_a_folder_in_the_place_of_the_file_is_unavailable(tmp_path):
    (tmp_path / "catalogue.db").mkdir()
    with pytest.raises(CatalogueUnavailable, match="SQLITE_CANTOPEN"):
        Database(tmp_path / "catalogue.db")


def test_a_catalogue_that_takes_no_writes_is_unavailable_and_not_full(tmp_path):
    catalogue = Database(tmp_path / "catalogue.db")
    try:
        with catalogue.write() as db:
            db.execute("PRAGMA query_only = ON")
        with pytest.raises(CatalogueUnavailable, match="SQLITE_READONLY"), catalogue.write() as db:
            db.execute("UPDATE write_sequence SET value = 1")
    finally:
        catalogue.close()


def test_a_text_that_no_utf_8_can_hold_is_refused_wherever_it_is_asked_for_or_written(home):
    for call in (lambda: read_tenant(home.catalogue, "a\ud800"), lambda: put_documents(home.catalogue, HELP, [LONE])):
        with pytest.raises(InvalidInput, match=r"'a\\ud800' holds the lone surrogate U\+D800"):
            call()
    assert home.catalogue.sequence() == 0


LIMITED = """
import resource, sys
from pathlib import Path
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.errors import StorageFailed
from indexing.records import Document, Partition
catalogue = Database(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    put_documents(catalogue, Partition("acme", "help"), [Document("big", "title", "x" * 2_000_000)])
except StorageFailed as error:
    print(error)
"""


def test_a_disk_that_fails_in_a_real_process_is_not_called_full(tmp_path):
    done = run_code(LIMITED, tmp_path / "catalogue.db")
    assert "SQLITE_IOERR_WRITE" in done.stdout
    assert "look at the system's log" in done.stdout
