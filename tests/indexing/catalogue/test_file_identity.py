"""A catalogue whose files are removed or replaced while it is open acknowledges nothing that would be lost."""

import gc
import shutil
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from indexing.catalogue import database
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import document_ids
from indexing.catalogue.file_identity import CatalogueFiles
from indexing.errors import CatalogueReplaced
from indexing.records import Document, Partition
from tests.support.forked_programs import ForkedPopen
from tests.support.migrated_catalogue import place_catalogue

HELP = Partition("acme", "help")


def doc(document_id: str) -> Document:
    return Document(document_id, "title", "text")


@pytest.fixture
def catalogue(tmp_path: Path):
    opened = Database(place_catalogue(tmp_path / "catalogue.db"))
    put_documents(opened, HELP, [doc("before")])
    yield opened
    opened.close()


def test_files_in_place_are_healthy_also_after_compacting_and_after_threads_have_come_and_gone(catalogue):
    for _ in range(3):
        thread = threading.Thread(target=catalogue.sequence)
        thread.start()
        thread.join()
    catalogue.compact()
    put_documents(catalogue, HELP, [doc("after")])
    assert catalogue.health() is None


def test_files_stay_when_the_thread_that_opened_the_catalogue_has_ended(tmp_path):
    path, opened = place_catalogue(tmp_path / "catalogue.db"), []
    thread = threading.Thread(target=lambda: opened.append(Database(path)))
    thread.start()
    thread.join()
    (catalogue,) = opened
    log = (tmp_path / "catalogue.db-wal").stat().st_ino
    before = catalogue.version()
    other = Database(path)
    put_documents(other, HELP, [doc("others")])
    other.close()
    assert (tmp_path / "catalogue.db-wal").stat().st_ino == log
    assert catalogue.health() is None
    assert catalogue.version() != before
    assert document_ids(catalogue, HELP, source="") == {"others"}
    catalogue.close()


@pytest.mark.parametrize("name", ["catalogue.db", "catalogue.db-wal"])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_goes_is_noticed_by_the_next_write_which_is_refused(catalogue, tmp_path, name, is_replaced):
    file, aside = tmp_path / name, tmp_path / "aside"
    file.rename(aside)
    if is_replaced:
        shutil.copy(aside, file)
    with pytest.raises(CatalogueReplaced, match=f"{name} was (removed|replaced) while it was open.*SIGTERM") as raised:
        put_documents(catalogue, HELP, [doc("lost")])
    assert catalogue.health() == str(raised.value)
    assert str(tmp_path) not in str(raised.value)
    assert document_ids(catalogue, HELP, source="") == {"before"}  # reading goes on
    if is_replaced:
        file.unlink()
    aside.rename(file)
    assert catalogue.health() is None
    assert put_documents(catalogue, HELP, [doc("later")]).added == 1


def test_a_log_that_goes_during_a_transaction_stops_its_commit(catalogue, tmp_path):
    with pytest.raises(CatalogueReplaced), catalogue.write():
        put_documents(catalogue, HELP, [doc("lost")])
        (tmp_path / "catalogue.db-wal").unlink()
    assert document_ids(catalogue, HELP, source="") == {"before"}


class GoesDuringCommit(CatalogueFiles):
    """The log goes after the look before COMMIT, and before the one after it."""

    looks = 0

    def fault(self):
        self.looks += 1
        return super().fault() if self.looks > 1 else None


def test_a_log_that_goes_during_commit_leaves_the_write_unacknowledged(tmp_path, monkeypatch):
    made = []

    def watch(path):
        made.append(GoesDuringCommit(path))
        return made[-1]

    monkeypatch.setattr(database, "CatalogueFiles", watch)
    catalogue = Database(place_catalogue(tmp_path / "catalogue.db"))
    catalogue.sequence()  # its connection is open now
    (files,) = made
    files.looks = 0
    with pytest.raises(CatalogueReplaced), catalogue.write():
        (tmp_path / "catalogue.db-wal").unlink()
        put_documents(catalogue, HELP, [doc("either way")])
    assert files.looks > 1
    catalogue.close()


def test_no_new_connection_is_opened_beside_those_that_share_the_old_log(catalogue, tmp_path):
    (tmp_path / "catalogue.db-wal").unlink()
    raised: list[BaseException] = []

    def read() -> None:
        try:
            catalogue.sequence()
        except CatalogueReplaced as error:
            raised.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(raised) == 1
    with pytest.raises(CatalogueReplaced), catalogue.at_one_moment():
        pass
    with pytest.raises(CatalogueReplaced):
        catalogue.compact()
    with pytest.raises(CatalogueReplaced, match="another process has it open"):
        Database(catalogue.path)
    assert not (tmp_path / "catalogue.db-wal").exists()


def test_a_log_that_goes_while_a_catalogue_is_opened_is_told_and_nothing_stays_open(tmp_path, monkeypatch):
    remember, closed = CatalogueFiles.remember, []

    def losing(files):
        remember(files)
        (tmp_path / "catalogue.db-wal").unlink()

    class Watched(sqlite3.Connection):
        def close(self):
            closed.append(self)
            super().close()

    monkeypatch.setattr(CatalogueFiles, "remember", losing)
    monkeypatch.setattr(database.sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    with pytest.raises(CatalogueReplaced, match="catalogue.db-wal was removed while it was open"):
        Database(place_catalogue(tmp_path / "catalogue.db"))
    gc.collect()
    assert len(closed) == 1


WRITER = """
import sys
from pathlib import Path
from indexing.catalogue import database
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.errors import CatalogueReplaced
from indexing.records import Document, Partition
catalogue = Database(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    try:
        put_documents(catalogue, Partition("acme", "help"), [Document(line.strip(), "title", "text")])
        print("stored", flush=True)
    except CatalogueReplaced as error:
        print(f"refused: {error}", flush=True)
"""


def test_a_process_whose_log_is_unlinked_loses_nothing_that_it_acknowledged_even_when_killed(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    with ForkedPopen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for name in ("a", "b"):
            writer.stdin.write(f"{name}\n")
            assert writer.stdout.readline() == "stored\n"
        (tmp_path / "catalogue.db-wal").unlink()
        with pytest.raises(CatalogueReplaced, match="another process has it open"):
            Database(path)
        for name in ("c", "d"):
            writer.stdin.write(f"{name}\n")
            assert writer.stdout.readline().startswith("refused: catalogue.db-wal was removed while it was open")
        writer.kill()
    again = Database(path)  # nothing holds the index any more
    assert document_ids(again, HELP, source="") == {"a", "b"}
    assert again.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
    again.close()
