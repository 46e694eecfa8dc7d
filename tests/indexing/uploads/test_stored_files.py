"""The bytes of files: durable, in backups, and gone with what they are erased with."""

import io
import os
import time
from functools import partial

import pytest

from indexing.backups.backup import back_up
from indexing.backups.restore import restore
from indexing.catalogue.documents import ids_in_documents
from indexing.catalogue.file_uploads import create_upload, expire_uploads
from indexing.catalogue.files import begin_file, forget_files_of_tenant, forget_unfinished_files, list_files
from indexing.catalogue.pages import Page
from indexing.errors import InvalidInput, QuotaExceeded
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.reachability import needed_vectors
from indexing.settings import Settings
from indexing.uploads.stored_files import FILES, PARTS, content_path, delete_file, store_file, store_part, sweep_files
from tests.support.uploaded_files import kept_file, read_files

DESK = Partition("acme", "desk")
SECRET = b"zwickelquark"


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=tmp_path / "home", max_files_mb=1))
    yield home
    home.close()


def holds(folder, what):
    return [path for path in folder.rglob("*") if path.is_file() and what in path.read_bytes()]


def erase_in(home, ids):
    found = find_documents(home, DESK, ids)
    erase(home, found, partial(needed_vectors, home), wait=lambda seconds: None)


def test_a_file_that_is_not_what_was_said_or_too_much_is_not_kept(home):
    with pytest.raises(InvalidInput, match="has 3 bytes and was to have 4"):
        store_file(home, "acme", "a.md", 4, [io.BytesIO(b"abc")], purpose="assistants")
    with pytest.raises(QuotaExceeded, match="GROUNDWORK_MAX_FILES_MB"):
        kept_file(home, "acme", content=b"x" * 1_000_001)
    assert list_files(home.catalogue, "acme", Page(9)).rows == []
    assert home.storage.list(FILES) == []


def test_what_no_row_knows_is_swept_and_what_is_just_arriving_is_not(home):
    kept = kept_file(home, "acme")
    arriving = begin_file(home.catalogue, "acme", "b.md", 1, "assistants", most_bytes=100)
    for name in (arriving, "file-unknown"):
        with home.storage.publish(FILES, name) as draft:
            (draft.path / "content").write_bytes(b"x")
    draft = home.path / "uploads" / ".file-x.tmp"
    draft.mkdir()
    assert sweep_files(home) == 1
    assert sorted(home.storage.list(FILES)) == sorted([kept, arriving])
    old = time.time() - 7200
    os.utime(draft, (old, old))
    forget_unfinished_files(home.catalogue, "2999-01-01T00:00:00.000+00:00")
    assert sweep_files(home) == 2
    assert home.storage.list(FILES) == [kept]
    assert not draft.exists()


def test_parts_of_an_upload_whose_hour_is_over_are_swept(home):
    upload = create_upload(home.catalogue, "acme", "a.md", 5, "assistants")
    store_part(home, "acme", upload.id, 5, io.BytesIO(b"12345"))
    assert sweep_files(home) == 0
    expire_uploads(home.catalogue, "2999-01-01T00:00:00.000+00:00")
    assert sweep_files(home) == 1
    assert home.storage.list(PARTS) == []


def test_erasing_a_document_erases_the_file_that_it_was_made_of_and_no_other(home):
    guide = kept_file(home, "acme", content=SECRET)
    other, theirs = kept_file(home, "acme"), kept_file(home, "rival", content=b"theirs")
    read_files(home, DESK, guide, documents=[Document("guide", "Guide", SECRET.decode())])
    read_files(home, DESK, other, documents=[Document("other", "Other", "Another text.")])
    erase_in(home, frozenset(["guide"]))
    assert sorted(home.storage.list(FILES)) == sorted([other, theirs])
    assert ids_in_documents(home.catalogue, DESK) == {"other"}
    assert holds(home.path, SECRET) == []


def test_erasing_a_collection_erases_its_files_also_what_is_still_to_be_read(home):
    brought = kept_file(home, "acme", "zwickelquark.md", SECRET, collection="desk")
    read_files(home, DESK, brought)
    shared = kept_file(home, "acme")
    read_files(home, DESK, shared)
    read_files(home, Partition("acme", "elsewhere"), shared)
    erase_in(home, None)
    assert home.storage.list(FILES) == [shared]
    assert holds(home.path, SECRET) == []


def test_erasing_a_tenant_takes_files_that_were_never_read_and_uploads(home):
    kept_file(home, "acme", content=SECRET)
    upload = create_upload(home.catalogue, "acme", "a.md", len(SECRET), "assistants")
    store_part(home, "acme", upload.id, len(SECRET), io.BytesIO(SECRET))
    theirs = kept_file(home, "rival")
    assert forget_files_of_tenant(home.catalogue, "acme", is_counted_only=True) == 1
    assert len(holds(home.path / "uploads", SECRET)) == 1
    assert forget_files_of_tenant(home.catalogue, "acme") == 1
    sweep_files(home)
    home.catalogue.compact()
    assert home.storage.list(FILES) == [theirs]
    assert holds(home.path, SECRET) == []


def test_a_backup_has_the_files_and_loses_those_that_are_deleted(home, tmp_path):
    folder = tmp_path / "backup"
    first, second = kept_file(home, "acme", content=SECRET), kept_file(home, "acme")
    back_up(home, folder)
    restore(folder, Settings(home=tmp_path / "restored"))
    again = open_home(Settings(home=tmp_path / "restored"))
    assert content_path(again, first).read_bytes() == SECRET
    assert [one.id for one in list_files(again.catalogue, "acme", Page(9)).rows] == [second, first]
    again.close()
    delete_file(home, "acme", first)
    report = back_up(home, folder)
    assert (report.damaged, report.removed) == ({}, 1)
    assert holds(folder, SECRET) == []


def test_a_backup_names_a_file_whose_bytes_are_gone(home, tmp_path):
    lost = kept_file(home, "acme")
    home.storage.delete(FILES, lost)
    report = back_up(home, tmp_path / "backup")
    assert list(report.damaged) == [f"uploads/{lost}"]
