"""The catalogue keeps every acknowledged write, from however many processes, through a kill and a full disk."""

import itertools
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.catalogue.collections import collection_sizes, ensure_collection
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import WriteCounts, put_documents, remove_documents
from indexing.catalogue.documents import DocumentKey, document_ids, document_keys, load_document
from indexing.catalogue.migrations import catalogue_migrations
from indexing.errors import ArtefactCorrupt, CatalogueBusy, InvalidInput, NotFound, StorageFull
from indexing.records import MARKDOWN, PLAIN, Document, Partition
from tests.support.forked_programs import ForkedPopen
from tests.support.migrated_catalogue import place_catalogue

HELP = Partition("acme", "help")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Database]:
    opened = Database(place_catalogue(tmp_path / "home" / "catalogue.db"), busy_timeout_seconds=30)
    yield opened
    opened.close()


def doc(document_id: str, text: str = "text", **fields: Any) -> Document:
    return Document(document_id, fields.pop("title", "title"), text, **fields)


def ids(catalogue: Database, partition: Partition = HELP) -> list[str]:
    return [key.id for key in document_keys(catalogue) if key.partition == partition]


def check_whole(catalogue: Database) -> None:
    assert catalogue.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
    assert list(catalogue.rows("PRAGMA foreign_key_check")) == []


# Opening


def test_a_new_catalogue_is_in_wal_mode_with_every_migration_applied(catalogue: Database) -> None:
    assert catalogue.row("PRAGMA journal_mode") == {"journal_mode": "wal"}
    assert catalogue.row("PRAGMA foreign_keys") == {"foreign_keys": 1}
    with catalogue.write() as db:
        assert not catalogue_migrations.pending(db)
    assert catalogue.sequence() == 0
    check_whole(catalogue)


def test_opening_again_finds_what_was_written(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a")])
    again = Database(catalogue.path)
    assert load_document(again, HELP, "a") == doc("a")
    assert again.sequence() == 1
    again.close()


def test_a_file_that_is_no_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"a text that somebody saved under this name" * 100)
    with pytest.raises(ArtefactCorrupt, match=r"catalogue\.db is not a readable catalogue"):
        Database(path)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(InvalidInput, match="home is not a folder"):
        Database(tmp_path / "home" / "catalogue.db")


def test_a_catalogue_with_damaged_pages_is_refused_by_name_when_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    first = Database(path)
    list(document_keys(first))
    first.close()
    schema_bytes = path.stat().st_size  # the pages that opening reads come first
    put_documents(first := Database(path), HELP, [doc(str(number), "text " * 1000) for number in range(100)])
    first.close()
    data = path.read_bytes()
    path.write_bytes(data[:schema_bytes] + b"Z" * (len(data) - schema_bytes))
    damaged = Database(path)
    try:
        with pytest.raises(ArtefactCorrupt, match=r"catalogue\.db is not a readable catalogue"):
            list(document_keys(damaged))
    finally:
        damaged.close()


# Documents


def test_put_counts_added_changed_and_unchanged_and_the_sequence_counts_changes(catalogue: Database) -> None:
    assert put_documents(catalogue, HELP, [doc("a"), doc("b")]) == WriteCounts(added=2, changed=0, unchanged=0, seq=2)
    assert put_documents(catalogue, HELP, [doc("a"), doc("b", "new"), doc("c")]) == WriteCounts(1, 1, 1, seq=4)
    assert put_documents(catalogue, HELP, [doc("a")]) == WriteCounts(0, 0, 1, seq=4)
    assert put_documents(catalogue, HELP, []) == WriteCounts(0, 0, 0, seq=4)
    assert catalogue.sequence() == 4


def test_the_same_id_twice_in_a_batch_keeps_the_last(catalogue: Database) -> None:
    assert put_documents(catalogue, HELP, [doc("a", "1"), doc("a", "2")]) == WriteCounts(1, 1, 0, seq=2)
    assert load_document(catalogue, HELP, "a").text == "2"


@pytest.mark.parametrize(
    "changed",
    [
        doc("a", "other"),
        doc("a", title="other"),
        doc("a", url="https://other"),
        doc("a", metadata={"k": 2}),
        doc("a", content_type=MARKDOWN),
    ],
)
def test_a_change_of_any_field_is_a_change(catalogue: Database, changed: Document) -> None:
    put_documents(catalogue, HELP, [doc("a")])
    assert put_documents(catalogue, HELP, [changed]).changed == 1
    assert load_document(catalogue, HELP, "a") == changed


def test_a_document_from_another_source_is_a_change(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a")], source="api")
    assert put_documents(catalogue, HELP, [doc("a")], source="folder").changed == 1
    assert document_ids(catalogue, HELP, source="folder") == {"a"}
    assert document_ids(catalogue, HELP, source="api") == set()


def test_a_document_comes_back_exactly(catalogue: Database) -> None:
    full = Document("ü/1", "Ti\x00tle", "a\r\nb\u2028😀", "https://x", {"b": [1, None], "a": {"é": 1.5}}, MARKDOWN)
    put_documents(catalogue, HELP, [full])
    assert load_document(catalogue, HELP, "ü/1") == full


def test_remove_counts_what_existed_and_moves_the_sequence_once(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a"), doc("b"), doc("c")])
    assert remove_documents(catalogue, HELP, ["a", "b", "never", "a"]) == 2
    assert ids(catalogue) == ["c"]
    assert catalogue.sequence() == 4
    assert remove_documents(catalogue, HELP, ["a"]) == 0
    assert catalogue.sequence() == 4


def test_a_batch_that_fails_is_undone_whole(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a")])

    def failing() -> Iterator[Document]:
        yield doc("b")
        yield doc("a", "changed")
        raise ValueError("bad source")

    with pytest.raises(ValueError, match="bad source"):
        put_documents(catalogue, Partition("new tenant", "new collection"), failing())
    assert ids(catalogue) == ["a"]
    assert collection_sizes(catalogue, "new tenant") == {}
    assert catalogue.sequence() == 1


def test_the_same_id_in_two_collections_is_two_documents(catalogue: Database) -> None:
    other, stranger = Partition("acme", "blog"), Partition("zeta", "help")
    for text, partition in zip("123", (HELP, other, stranger), strict=True):
        put_documents(catalogue, partition, [doc("a", text)])
    remove_documents(catalogue, other, ["a"])
    assert load_document(catalogue, HELP, "a").text == "1"
    assert load_document(catalogue, stranger, "a").text == "3"
    with pytest.raises(NotFound, match=r"'a' in collection 'blog'"):
        load_document(catalogue, other, "a")
    assert collection_sizes(catalogue, "acme") == {"blog": 0, "help": 1}
    assert collection_sizes(catalogue, "zeta") == {"help": 1}


def test_document_keys_are_ordered_and_carry_what_names_a_shard(catalogue: Database) -> None:
    for partition in (Partition("b", "x"), Partition("a", "y"), Partition("a", "x")):
        put_documents(catalogue, partition, [doc("2"), doc("10"), doc("é"), doc("Z")])
    keys = list(document_keys(catalogue))
    assert keys == sorted(keys, key=lambda key: (key.partition, key.id))
    assert keys[0] == DocumentKey(Partition("a", "x"), "10", doc("10").content_sha256, doc("10").record_sha256)
    assert len(keys) == 12


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Iterator[int]]]:
    """One catalogue for all examples of a property, and numbers to name a fresh collection for each."""
    opened = Database(tmp_path_factory.mktemp("shared") / "catalogue.db")
    yield opened, itertools.count()
    opened.close()


IDS = st.sampled_from(["a", "b", "ü", "d 1"])
DOCUMENTS = st.builds(
    Document,
    id=IDS,
    title=st.sampled_from(["", "t"]),
    text=st.text(st.characters(codec="utf-8"), max_size=5),
    url=st.sampled_from(["", "u"]),
    metadata=st.sampled_from([{}, {"k": 1}, {"k": [True, None]}]),
    content_type=st.sampled_from([PLAIN, MARKDOWN]),
)
STEPS = st.lists(
    st.tuples(st.just("put"), st.lists(DOCUMENTS, max_size=3), st.sampled_from(["", "s"]))
    | st.tuples(st.just("remove"), st.lists(IDS, max_size=3), st.just("")),
    max_size=6,
)


@examples(max_examples=40)
@given(steps=STEPS)
def test_any_sequence_of_puts_and_removes_equals_a_dict(
    shared: tuple[Database, Iterator[int]], steps: list[tuple[str, Any, str]]
) -> None:
    catalogue, numbers = shared
    partition = Partition("acme", f"c{next(numbers)}")
    model: dict[str, tuple[Document, str]] = {}
    seq = catalogue.sequence()
    for step, items, source in steps:
        if step == "put":
            expected = {"added": 0, "changed": 0, "unchanged": 0}
            for document in items:
                old = model.get(document.id)
                expected["added" if not old else "unchanged" if old == (document, source) else "changed"] += 1
                model[document.id] = (document, source)
            seq += expected["added"] + expected["changed"]
            assert put_documents(catalogue, partition, items, source=source) == WriteCounts(**expected, seq=seq)
        else:
            removed = sum(model.pop(document_id, None) is not None for document_id in items)
            seq += removed > 0
            assert remove_documents(catalogue, partition, items) == removed
        assert catalogue.sequence() == seq
    assert ids(catalogue, partition) == sorted(model)
    for document_id, (document, source) in model.items():
        assert load_document(catalogue, partition, document_id) == document
        assert document_id in document_ids(catalogue, partition, source=source)


# Names


@pytest.mark.parametrize("name", ["", "a/b", "x" * 129, "a\nb", "a\x00", "\ud800", "a\u2028b", " a", "\uff41", ".."])
def test_a_tenant_or_collection_with_a_bad_name_is_refused(catalogue: Database, name: str) -> None:
    with pytest.raises(InvalidInput, match="Tenant name .* is invalid"):
        ensure_collection(catalogue, Partition(name, "c"))
    with pytest.raises(InvalidInput, match="Collection name .* is invalid"):
        put_documents(catalogue, Partition("t", name), [doc("a")])
    assert catalogue.row("SELECT count(*) AS n FROM collections") == {"n": 0}


@pytest.mark.parametrize("name", ["a", "Größe & 東京", "x" * 128, "...", "a'; DROP TABLE documents"])
def test_any_printable_name_will_do(catalogue: Database, name: str) -> None:
    put_documents(catalogue, Partition(name, name), [doc("a")])
    assert collection_sizes(catalogue, name) == {name: 1}


# Transactions


def test_a_nested_write_joins_the_outer_one(catalogue: Database) -> None:
    def nested() -> None:
        with catalogue.write():
            put_documents(catalogue, HELP, [doc("a")])
            with catalogue.write():
                put_documents(catalogue, HELP, [doc("b")])
            raise ValueError("outer")

    with pytest.raises(ValueError, match="outer"):
        nested()
    assert ids(catalogue) == []
    assert catalogue.sequence() == 0
    with catalogue.write(), catalogue.write():
        put_documents(catalogue, HELP, [doc("c")])
    assert ids(catalogue) == ["c"]


def test_a_reader_sees_nothing_of_a_write_before_it_ends(catalogue: Database) -> None:
    reader = Database(catalogue.path)
    with catalogue.write():
        put_documents(catalogue, HELP, [doc("a")])
        assert ids(reader) == []
    assert ids(reader) == ["a"]
    reader.close()


def test_a_writer_that_waits_too_long_is_told_so_and_can_try_again(catalogue: Database) -> None:
    impatient = Database(catalogue.path, busy_timeout_seconds=0.01)
    with catalogue.write():
        with pytest.raises(CatalogueBusy, match=r"locked for 0\.01 s.*GROUNDWORK_BUSY_TIMEOUT_SECONDS"):
            put_documents(impatient, HELP, [doc("a")])
        assert ids(impatient) == []
    assert put_documents(impatient, HELP, [doc("a")]).added == 1
    impatient.close()


def test_threads_share_a_catalogue_and_lose_nothing(catalogue: Database) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            for i in range(5):
                put_documents(catalogue, HELP, [doc(f"{number}-{i}")])
                load_document(catalogue, HELP, f"{number}-{i}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(ids(catalogue)) == catalogue.sequence() == 30


def test_a_thread_that_ended_leaves_no_connection_open(catalogue: Database) -> None:
    def opened() -> int:
        return sum(file.path.startswith(str(catalogue.path)) for file in psutil.Process().open_files())

    catalogue.sequence()
    counts = []
    for _ in range(20):
        thread = threading.Thread(target=catalogue.sequence)
        thread.start()
        thread.join()
        counts.append(opened())
    assert max(counts[5:]) <= counts[4]
    assert counts[-1] <= 6  # two connections of three files: one that works, one whose file SQLite keeps for the next


def test_a_closed_catalogue_answers_no_more(tmp_path: Path) -> None:
    catalogue = Database(tmp_path / "catalogue.db")
    catalogue.close()
    catalogue.close()
    with pytest.raises(sqlite3.ProgrammingError):
        catalogue.sequence()


# Processes


class Processes:
    """Loaded processes that wait for a catalogue and what to do with it, so that all do it at once."""

    def __init__(self, stack: ExitStack, count: int) -> None:
        script = (
            "import json, sys; from pathlib import Path\n"
            "from indexing.process_start import prepare; prepare()\n"
            "from indexing.catalogue.collections import collection_sizes, ensure_collection\n"
            "from indexing.catalogue.database import Database\n"
            "from indexing.catalogue.document_writes import put_documents\n"
            "from indexing.catalogue.documents import load_document\n"
            "from indexing.records import Document, Partition\n"
            "HELP = Partition('acme', 'help'); print('ready', flush=True)\n"
            "for line in sys.stdin:\n"
            "    path, body = json.loads(line); path = Path(path)\n"
            "    exec(body)\n"
        )
        self.children = [
            stack.enter_context(
                ForkedPopen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(count)
        ]
        assert self.answers() == ["ready"] * count

    def answers(self) -> list[str]:
        return [child.stdout.readline().decode().strip() for child in self.children if child.stdout]

    def go(self, path: Path, body: str) -> list[str]:
        for child in self.children:
            assert child.stdin is not None
            child.stdin.write(f"{json.dumps([str(path), body])}\n".encode())
            child.stdin.flush()
        return self.answers()


@pytest.fixture(scope="module")
def eight() -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(stack, 8)


def test_eight_processes_open_and_migrate_one_new_catalogue_at_once(tmp_path: Path, eight: Processes) -> None:
    body = "c = Database(path); ensure_collection(c, HELP); print(collection_sizes(c, 'acme'), flush=True); c.close()"
    for number in range(3):
        path = tmp_path / str(number) / "catalogue.db"
        assert eight.go(path, body) == ["{'help': 0}"] * 8
        catalogue = Database(path)
        check_whole(catalogue)
        catalogue.close()


def test_eight_processes_that_read_and_then_write_lose_nothing(catalogue: Database, eight: Processes) -> None:
    put_documents(catalogue, HELP, [doc("counter", "0")])
    body = """c = Database(path)
for _ in range(25):
    with c.write():
        n = int(load_document(c, HELP, 'counter').text)
        put_documents(c, HELP, [Document('counter', 'title', str(n + 1))])
c.close(); print('done', flush=True)"""
    assert eight.go(catalogue.path, body) == ["done"] * 8
    assert load_document(catalogue, HELP, "counter").text == "200"
    assert catalogue.sequence() == 201
    check_whole(catalogue)


def test_a_writer_killed_in_mid_transaction_leaves_the_catalogue_whole_and_unlocked(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a")])
    body = """c = Database(path)
with c.write() as db:
    db.execute("PRAGMA cache_spill = 1"); db.execute("PRAGMA cache_size = 2")
    put_documents(c, HELP, [Document(str(i), '', 'x' * 5000) for i in range(100)])
    print('written', flush=True); sys.stdin.read()"""
    with ExitStack() as stack:
        processes = Processes(stack, 1)
        assert processes.go(catalogue.path, body) == ["written"]
        # Part of the transaction is in the write-ahead log already: the kill has something to spoil.
        assert catalogue.path.with_name("catalogue.db-wal").stat().st_size > 200_000
        processes.children[0].kill()
    again = Database(catalogue.path, busy_timeout_seconds=0.01)
    check_whole(again)
    assert ids(again) == ["a"]
    assert put_documents(again, HELP, [doc("b")]) == WriteCounts(1, 0, 0, seq=2)
    again.close()


# A full disk


def test_a_catalogue_that_may_not_grow_is_storage_full_and_stays_whole(catalogue: Database) -> None:
    put_documents(catalogue, HELP, [doc("a")])
    with catalogue.write() as db:
        db.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size, and then says "full" as on a full disk
    with pytest.raises(StorageFull, match=r"No room to write .*catalogue\.db.*[Ff]ree some space"):
        put_documents(catalogue, HELP, [doc("big", "x" * 200_000)])
    assert ids(catalogue) == ["a"]
    assert catalogue.sequence() == 1
    check_whole(catalogue)
    with catalogue.write() as db:
        db.execute("PRAGMA max_page_count = 100000")
    assert put_documents(catalogue, HELP, [doc("big", "x" * 200_000)]).added == 1


@pytest.mark.parametrize("small_disk", ["640k"], indirect=True)
def test_a_full_disk_is_storage_full_and_leaves_the_catalogue_whole(small_disk: Path) -> None:
    catalogue = Database(small_disk / "catalogue.db")
    put_documents(catalogue, HELP, [doc("a")])
    with pytest.raises(StorageFull):
        put_documents(catalogue, HELP, [doc(str(i), "x" * 50_000) for i in range(20)])
    check_whole(catalogue)
    assert ids(catalogue) == ["a"]
    assert put_documents(catalogue, HELP, [doc("b")]) == WriteCounts(1, 0, 0, seq=2)
    catalogue.close()
    again = Database(small_disk / "catalogue.db")
    assert ids(again) == ["a", "b"]
    again.close()


def test_a_new_catalogue_on_a_full_disk_is_storage_full(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    with pytest.raises(StorageFull):
        Database(small_disk / "catalogue.db")


# What is deleted


def files_with(path: Path, needle: bytes) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if needle in file.read_bytes())


def test_deleted_text_is_overwritten_at_once_in_the_file_proper(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = Database(path)
    put_documents(catalogue, HELP, [doc("a", "wordquix " * 3000), doc("b")])
    catalogue.compact()
    assert files_with(path, b"wordquix") == ["catalogue.db"]
    remove_documents(catalogue, HELP, ["a"])
    catalogue.close()  # the last connection moves the log into the file
    assert files_with(path, b"wordquix") == []


def test_compacting_leaves_no_trace_of_what_was_overwritten_or_deleted(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    catalogue = Database(path)
    with sqlite3.connect(path) as careless:  # as earlier versions wrote
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("CREATE TABLE notes (text TEXT)")
        careless.executemany("INSERT INTO notes VALUES (?)", [(f"wordquix {number} " * 300,) for number in range(50)])
        careless.commit()
        careless.execute("DELETE FROM notes")
        careless.commit()
    careless.close()
    assert files_with(path, b"wordquix")
    catalogue.compact()
    assert files_with(path, b"wordquix") == []
    assert (tmp_path / "catalogue.db-wal").stat().st_size == 0
    catalogue.close()


def test_a_reader_in_the_way_of_compacting_is_an_error_that_says_what_is_left(tmp_path: Path) -> None:
    catalogue = Database(tmp_path / "catalogue.db", busy_timeout_seconds=0.1)
    reader = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    put_documents(catalogue, HELP, [doc("a")])
    with pytest.raises(CatalogueBusy, match=r"catalogue\.db-wal could not be emptied within 0\.1 s.*deleted text"):
        catalogue.compact()
    reader.execute("ROLLBACK")
    reader.close()
    catalogue.compact()
    catalogue.close()


def test_a_writer_in_the_way_of_compacting_is_waited_for_as_in_every_write(tmp_path: Path) -> None:
    catalogue = Database(tmp_path / "catalogue.db", busy_timeout_seconds=0.1)
    writer = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogueBusy, match="stayed locked for 0.1 s"):
        catalogue.compact()
    writer.execute("ROLLBACK")
    writer.close()
    catalogue.close()
