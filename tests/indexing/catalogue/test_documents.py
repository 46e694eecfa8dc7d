import pytest

from indexing.catalogue.changes import read_built, read_changes
from indexing.catalogue.collections import create_collection, list_collections, remove_collection, require_collection
from indexing.catalogue.document_writes import remove_document, remove_unchanged, write_documents
from indexing.catalogue.documents import iterate_documents, read_content, read_document
from indexing.errors import InvalidInput, NotFound
from indexing.records import Document, Partition

OURS, THEIRS = Partition("a", "manual"), Partition("b", "manual")


@pytest.fixture
def catalogue(home):
    return home.catalogue


def write(catalogue, *names, partition=OURS, text="text", live=True):
    return write_documents(catalogue, partition, [Document(name, "", text) for name in names], live=live)


def test_a_write_says_what_became_of_each_document(catalogue):
    write(catalogue, "a", "b")
    again = write_documents(
        catalogue, OURS, [Document("a", "", "text"), Document("b", "", "new"), Document("c", "", "text")], live=False
    )
    assert [(one.id, one.outcome, one.is_live) for one in again] == [
        ("a", "unchanged", True),
        ("b", "updated", False),
        ("c", "created", False),
    ]
    assert [one.seq for one in again] == [1, 3, 4]
    assert read_document(catalogue, OURS, "b").document.text == "new"
    assert read_content(catalogue, OURS, "nobody") is None


def test_a_write_that_is_refused_leaves_nothing(catalogue):
    with pytest.raises(InvalidInput):
        write(catalogue, "a", partition=Partition("a", "no/name"))
    assert catalogue.sequence() == 0


def test_pages_are_by_id_and_hold_no_text(catalogue):
    write(catalogue, *(f"{n:02}" for n in range(25)))
    write(catalogue, "other", partition=THEIRS)
    found = list(iterate_documents(catalogue, OURS, after="04", batch=10))
    assert [one.document.id for one in found] == [f"{n:02}" for n in range(5, 25)]
    assert {one.document.text for one in found} == {""}


def test_changes_are_live_writes_and_deletions_after_a_moment_each_document_by_its_last(catalogue):
    write(catalogue, "a", "b", "c")
    write(catalogue, "ingested", live=False)
    write(catalogue, "a", text="new")
    remove_document(catalogue, OURS, "b")
    changes = read_changes(catalogue, 1)
    assert changes.seq == catalogue.sequence() == 6
    assert [(one.id, one.seq) for one in changes.written] == [("c", 3), ("a", 5)]
    assert [(one.id, one.seq) for one in changes.removed] == [("b", 6)]
    write(catalogue, "b")
    assert [one.id for one in read_changes(catalogue, 6).written] == ["b"]
    assert read_changes(catalogue, 6).removed == []


def test_built_are_those_that_a_view_has_cut_and_that_are_not_live(catalogue):
    write(catalogue, "cut", text="cut", live=False)
    write(catalogue, "uncut", text="uncut", live=False)
    content, _, _ = read_content(catalogue, OURS, "cut")
    with catalogue.write() as db:
        db.conn.execute("INSERT INTO passages VALUES ('view', ?, 1, '[]')", (content,))
    assert [one.id for one in read_built(catalogue, 0, "view")] == ["cut"]
    assert read_built(catalogue, 1, "view") == []


def test_deleting_what_is_not_there_is_refused(catalogue):
    with pytest.raises(NotFound):
        remove_document(catalogue, OURS, "a")
    with pytest.raises(NotFound):
        remove_collection(catalogue, OURS)
    with pytest.raises(NotFound):
        require_collection(catalogue, OURS)


def test_what_changed_meanwhile_is_not_deleted(catalogue):
    first, second = write(catalogue, "a", "b")
    write(catalogue, "b", text="new")
    removed, seq = remove_unchanged(catalogue, OURS, {"a": first.seq, "b": second.seq, "gone": 1})
    assert (removed, seq) == (1, catalogue.sequence())
    assert read_document(catalogue, OURS, "b").document.text == "new"


def test_a_collection_goes_with_its_documents_and_each_leaves_a_tombstone(catalogue):
    assert create_collection(catalogue, OURS) == (0, True)
    write(catalogue, "a", "b")
    write(catalogue, "a", partition=THEIRS)
    assert create_collection(catalogue, OURS) == (2, False)
    assert list_collections(catalogue, "a", after="", limit=10) == [("manual", 2)]
    assert remove_collection(catalogue, OURS) == (2, 4)
    assert [one.id for one in read_changes(catalogue, 3).removed] == ["a", "b"]
    assert list_collections(catalogue, "a", after="", limit=10) == []
    assert list_collections(catalogue, "b", after="", limit=10) == [("manual", 1)]
