"""The reader of files: whatever ends it, a file is read once more or has failed by name, and nothing is half stored."""

import threading

import pytest

from app.live.layer import MAX_WRITE_PASSAGES
from app.main import make_services, refresh
from app.services.file_reader import FileReader
from app.services.files import attach, cancel, detach, update_attributes
from app.serving.query_cache import query_cache_for
from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.collections import create_collection
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import ids_in_documents, load_document
from indexing.catalogue.file_readings import Attachment, read_reading
from indexing.catalogue.reading_turns import MOST_ATTEMPTS, claim_reading
from indexing.catalogue.tenants import change_limits, create_tenant
from indexing.errors import StorageFull
from indexing.records import Document, Partition
from indexing.sources.extracted_text import Extract, TextFile, Unreadable
from indexing.sources.parser_sandbox import Extractor, ReadingAborted
from indexing.uploads.stored_files import FILES
from tests.app.conftest import release
from tests.support.uploaded_files import kept_file

DESK = Partition("default", "helpdesk")
READER = "a reader"


class FakeExtractor:
    """An ``Extractor`` without a process: it gives the bytes as text, after ``before`` was called."""

    def __init__(self, before=lambda: None):
        self.before = before
        self.aborted = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def abort(self):
        self.aborted.set()

    def read(self, suffix, data):
        self.before()
        if self.aborted.is_set():
            raise ReadingAborted("aborted")
        if data == b"broken":
            raise Unreadable("it is broken")
        return TextFile(Extract(data.decode()), {})


@pytest.fixture
def services(served_home):
    queries = query_cache_for(served_home.settings)
    services = make_services(served_home, queries)
    refresh(services)
    yield services
    services.executor.close()
    services.records.close()
    services.feedback.close()
    queries.close()


@pytest.fixture
def reader_of(services, monkeypatch):
    monkeypatch.setattr("app.services.file_reader.LINGER_SECONDS", 0.0)
    return lambda before=lambda: None: FileReader(services, make_extractor=lambda: FakeExtractor(before))


def bring(services, content=b"A zeppelin.", name="a.txt", partition=DESK):
    create_collection(services.home.catalogue, partition)
    file_id = kept_file(services.home, partition.tenant, name, content)
    attach(services, partition, [Attachment(file_id, {"n": 1}, {"type": "auto"}, {})])
    return file_id


def state(services, file_id, partition=DESK):
    reading = read_reading(services.home.catalogue, partition, file_id)
    return reading.state, reading.step, reading.error_code


def settle(services, reader):
    """Read what waits, and complete what is found then."""
    reader.read_waiting(READER)
    while services.live.work():
        pass
    reader.complete_found()


def test_a_file_is_completed_once_searches_find_it_and_not_before(services, reader_of):
    file_id, reader = bring(services), reader_of()
    reader.read_waiting(READER)
    reader.complete_found()
    assert state(services, file_id) == ("in_progress", "indexing", None)
    settle(services, reader)
    assert state(services, file_id) == ("completed", "done", None)
    assert load_document(services.home.catalogue, DESK, file_id).metadata == {"n": 1}


def test_a_file_that_is_cancelled_while_it_is_read_leaves_no_document(services, reader_of):
    def stop():
        assert cancel(services, read_reading(services.home.catalogue, DESK, file_id))

    file_id = bring(services)
    settle(services, reader_of(stop))
    assert state(services, file_id) == ("cancelled", "done", None)
    assert file_id not in ids_in_documents(services.home.catalogue, DESK)


def test_a_file_that_is_taken_away_while_it_is_read_leaves_nothing(services, reader_of):
    file_id = bring(services)
    settle(services, reader_of(lambda: detach(services, DESK, file_id)))
    assert file_id not in ids_in_documents(services.home.catalogue, DESK)


def test_a_file_that_is_attached_anew_while_it_is_read_is_read_with_its_new_attributes(services, reader_of):
    turns = []

    def attach_once():
        if not turns:
            attach(services, DESK, [Attachment(file_id, {"n": 2}, {"type": "auto"}, {})])
        turns.append(1)

    file_id, reader = bring(services), reader_of(attach_once)
    settle(services, reader)
    settle(services, reader)
    assert len(turns) == 2
    assert load_document(services.home.catalogue, DESK, file_id).metadata == {"n": 2}
    assert state(services, file_id)[0] == "completed"


def test_another_that_took_over_a_silent_readers_file_stores_it_alone(services, reader_of):
    def take_over():
        other = claim_reading(services.home.catalogue, "another", most=9, lease_seconds=-1.0)
        assert other is not None

    file_id = bring(services)
    settle(services, reader_of(take_over))
    assert state(services, file_id) == ("in_progress", "reading", None)
    assert file_id not in ids_in_documents(services.home.catalogue, DESK)


def test_a_reader_that_ends_leaves_its_file_to_the_next_at_once(services, reader_of):
    entered, go_on = threading.Event(), threading.Event()

    def hang():
        entered.set()
        go_on.wait(30)

    file_id, reader = bring(services), reader_of(hang)
    reader.tick()
    assert entered.wait(30)
    closing = threading.Thread(target=reader.close)
    closing.start()
    go_on.set()
    closing.join(30)
    assert state(services, file_id) == ("in_progress", "waiting", None)
    settle(services, reader_of())
    assert state(services, file_id)[0] == "completed"


def test_a_file_at_which_processes_end_again_and_again_has_failed(services, reader_of):
    file_id = bring(services)
    for _ in range(MOST_ATTEMPTS):
        assert claim_reading(services.home.catalogue, "one that dies", most=9, lease_seconds=-1.0)
    reader = reader_of()
    reading = claim_reading(services.home.catalogue, READER, most=9, lease_seconds=-1.0)
    assert reader.read_one(reading, READER, FakeExtractor())
    assert state(services, file_id) == ("failed", "done", "server_error")


@pytest.mark.parametrize(
    ("name", "content", "code", "named"),
    [
        ("a.txt", b"broken", "invalid_file", "it is broken"),
        ("a.txt", b"  \n", "invalid_file", "no text"),
        ("a.exe", b"MZ", "unsupported_file", "a.exe"),
        ("noending", b"text", "unsupported_file", "noending"),
        ("lines.jsonl", b'{"id": "x", "text": "y"}', "unsupported_file", "lines.jsonl"),
    ],
)
def test_what_cannot_be_read_has_failed_by_name(services, reader_of, name, content, code, named):
    file_id = bring(services, content, name)
    settle(services, reader_of())
    assert state(services, file_id) == ("failed", "done", code)
    assert named in read_reading(services.home.catalogue, DESK, file_id).error_message


def test_a_file_whose_bytes_are_gone_or_others_has_failed(services, reader_of):
    gone, other = bring(services), bring(services)
    services.home.storage.delete(FILES, gone)
    (services.home.storage.root / "uploads" / other / "content").write_bytes(b"B zeppelin.")
    (services.home.storage.root / "seen").rename(services.home.storage.root / "unseen")
    settle(services, reader_of())
    assert state(services, gone) == state(services, other) == ("failed", "done", "server_error")


def test_a_quota_ends_the_reading_by_name(services, reader_of):
    create_tenant(services.home.catalogue, "small")
    change_limits(services.home.catalogue, "small", {"max_documents": 0})
    partition = Partition("small", "desk")
    file_id = bring(services, partition=partition)
    settle(services, reader_of())
    assert state(services, file_id, partition) == ("failed", "done", "server_error")
    reading = read_reading(services.home.catalogue, partition, file_id)
    assert "may hold 0 documents" in reading.error_message


def test_a_full_disk_puts_a_reading_off(services, reader_of, monkeypatch):
    def full(*arguments, **options):
        raise StorageFull("No room.")

    file_id = bring(services)
    with monkeypatch.context() as patched:
        patched.setattr("app.services.file_reader.write", full)
        settle(services, reader_of())
    assert state(services, file_id) == ("in_progress", "reading", None)
    reading = claim_reading(services.home.catalogue, READER, most=9, lease_seconds=-1.0)
    reader_of().read_one(reading, READER, FakeExtractor())
    assert file_id in ids_in_documents(services.home.catalogue, DESK)


def test_a_long_file_is_found_without_a_build_and_a_longer_one_asks_for_one(services, reader_of, monkeypatch):
    text = b"".join(b"The mast of number %d turns with the wind all day long.\n\n" % n for n in range(150))
    long, reader = bring(services, text, "long.txt"), reader_of()
    settle(services, reader)
    assert state(services, long) == ("completed", "done", None)
    assert services.live.passages > MAX_WRITE_PASSAGES
    assert open_requests(services.home.catalogue) == []
    monkeypatch.setattr("app.services.file_reader.LIVE_PASSAGES", MAX_WRITE_PASSAGES)
    longer = bring(services, text.replace(b"wind", b"sun"), "longer.txt")
    settle(services, reader)
    assert state(services, longer) == ("in_progress", "indexing", None)
    assert len(open_requests(services.home.catalogue)) == 1


def test_a_file_that_waits_for_a_build_is_completed_by_it(services, reader_of, served_home, monkeypatch):
    monkeypatch.setattr("app.services.file_reader.LIVE_PASSAGES", 0)
    file_id, reader = bring(services), reader_of()
    settle(services, reader)
    assert state(services, file_id) == ("in_progress", "indexing", None)
    release(served_home)
    refresh(services)
    settle(services, reader)
    assert state(services, file_id) == ("completed", "done", None)


def test_an_extractor_that_is_aborted_reads_no_more():
    with Extractor() as extractor:
        extractor.abort()
        with pytest.raises(ReadingAborted):
            extractor.read(".txt", b"text")


def test_attributes_are_changed_on_what_others_wrote_meanwhile_and_never_bring_back_old_text(
    services, reader_of, monkeypatch
):
    file_id = bring(services)
    settle(services, reader_of())
    takes = services.live.takes

    def written_meanwhile(*arguments, **options):
        put_documents(services.home.catalogue, DESK, [Document(file_id, "", "Written anew.")])
        return takes(*arguments, **options)

    monkeypatch.setattr(services.live, "takes", written_meanwhile)
    changed = update_attributes(services, DESK, file_id, {"n": 2})
    assert changed.attributes == {"n": 2}
    document = load_document(services.home.catalogue, DESK, file_id)
    assert (document.text, document.metadata) == ("Written anew.", {})
