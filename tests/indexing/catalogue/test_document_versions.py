from datetime import UTC, datetime, timedelta

import pytest

from indexing.catalogue.changes import Change
from indexing.catalogue.collections import remove_collection
from indexing.catalogue.document_versions import (
    collections_in_versions,
    erase_versions,
    forget_versions,
    forget_versions_older_than,
    ids_in_versions,
    kept_versions,
    read_kept_version,
)
from indexing.catalogue.document_writes import put_documents, remove_document, write_documents
from indexing.catalogue.tenants import change_limits
from indexing.home import open_home
from indexing.records import Document, Partition
from tests.conftest import settings_at
from tests.support.replays import allow_replays

OURS, THEIRS = Partition("a", "articles"), Partition("b", "articles")


@pytest.fixture(autouse=True)
def replays(home):
    allow_replays(home, "a", "b")


def put(home, text, *, live=True, partition=OURS, name="pump"):
    document = Document(name, "Pump", text, metadata={"kind": "part"}, allow=("group-1",))
    return write_documents(home.catalogue, partition, [document], live=live)[0].seq


def versions(home):
    return sum(1 for _ in kept_versions(home.catalogue, -1))


def text_at(home, seq, partition=OURS, name="pump"):
    found = read_kept_version(home.catalogue, Change(partition, name, seq))
    return None if found is None else found.text


def test_each_live_version_can_be_read_after_it_was_replaced_and_after_the_document_was_deleted(home):
    seqs = [put(home, f"text {n}") for n in range(3)]
    remove_document(home.catalogue, OURS, "pump")
    again = put(home, "text 3")
    assert [text_at(home, seq) for seq in (*seqs, again)] == ["text 0", "text 1", "text 2", "text 3"]
    found = read_kept_version(home.catalogue, Change(OURS, "pump", seqs[0]))
    assert (found.title, found.metadata, found.allow) == ("Pump", {"kind": "part"}, ("group-1",))
    assert text_at(home, seqs[0], THEIRS) is None
    assert text_at(home, 99) is None


def test_what_was_not_live_is_not_kept(home):
    bulk = put(home, "from a source", live=False)
    live = put(home, "from a person")
    put(home, "from a source again", live=False)
    put(home, "and again", live=False)
    assert text_at(home, bulk) is None
    assert text_at(home, live) == "from a person"
    assert versions(home) == 1


def test_an_unchanged_document_adds_no_version(home):
    put(home, "same")
    put(home, "same")
    assert versions(home) == 0


def test_deleting_a_collection_keeps_the_versions_of_its_documents(home):
    seq = put(home, "text")
    remove_collection(home.catalogue, OURS)
    assert text_at(home, seq) == "text"
    assert collections_in_versions(home.catalogue, OURS.tenant) == [OURS]
    assert collections_in_versions(home.catalogue, THEIRS.tenant) == []


def test_versions_are_forgotten_by_the_write_that_ended_them(home):
    first, second, third = (put(home, f"text {n}") for n in range(3))
    assert [document.text for _, document in kept_versions(home.catalogue, -1)] == ["text 0", "text 1"]
    assert [document.text for _, document in kept_versions(home.catalogue, second)] == ["text 1"]
    with home.catalogue.write() as db:
        forget_versions(db, second)
    assert [text_at(home, seq) for seq in (first, second, third)] == [None, "text 1", "text 2"]


def test_erasing_takes_the_versions_of_the_documents_that_are_named_and_no_others(home):
    for partition, name in ((OURS, "pump"), (OURS, "valve"), (THEIRS, "pump")):
        put(home, "old", partition=partition, name=name)
        put(home, "new", partition=partition, name=name)
    with home.catalogue.write() as db:
        erase_versions(db, OURS, ["pump"])
    assert ids_in_versions(home.catalogue, OURS) == {"valve"}
    assert ids_in_versions(home.catalogue, THEIRS) == {"pump"}


def test_kept_versions_count_against_no_quota(home):
    put(home, "text 0")
    change_limits(home.catalogue, OURS.tenant, {"max_documents": 1})
    for n in range(1, 5):
        put(home, f"text {n}")
    assert put_documents(home.catalogue, OURS, [Document("pump", "Pump", "text 9")], live=True).changed == 1


@pytest.mark.parametrize(
    ("settings", "is_allowed", "kept"),
    [
        ({"log_queries": True}, True, 2),
        ({"log_queries": True}, False, 0),
        ({"log_queries": False}, True, 0),
        ({"log_queries": True, "ledger": "off"}, True, 0),
    ],
)
def test_versions_are_kept_only_where_requests_can_be_replayed(tmp_path, settings, is_allowed, kept):
    home = open_home(settings_at(tmp_path / "other", **settings))
    put(home, "text 0")
    change_limits(home.catalogue, OURS.tenant, {"log_queries": is_allowed})
    put(home, "text 1")
    remove_document(home.catalogue, OURS, "pump")
    assert versions(home) == kept
    put(home, "text 2")
    remove_collection(home.catalogue, OURS)
    assert versions(home) == kept + kept // 2
    home.close()


def test_versions_that_were_ended_before_the_ledgers_oldest_day_are_forgotten(home):
    put(home, "text 0")
    put(home, "text 1")
    ended_at = datetime.now(UTC)
    later = [(ended_at + timedelta(days=days)).isoformat(timespec="milliseconds") for days in (29, 31)]
    assert [forget_versions_older_than(home.catalogue, 30, now) for now in later] == [0, 1]
    assert versions(home) == 0
