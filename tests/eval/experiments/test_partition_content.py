"""Which documents a snapshot holds is told alike, however they were cut into passages."""

from dataclasses import replace

import pytest

from eval.experiments.partition_content import documents_differ, read_content
from indexing.features.views import PassageView
from indexing.records import MARKDOWN, Document, Partition
from indexing.snapshots.snapshot import Snapshot
from tests.support.fresh_home import OURS, RECIPE, FreshHome, article

TEXT = (
    "# First\n\nSome words.  More   words here.\n\n## Second\n\n- one\n- two\n\n"
    + "long " * 60
    + "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)
PAGE = Document("page", "Page", TEXT, content_type=MARKDOWN)
DOCUMENTS = (
    PAGE,
    article("one", 5),
    Document("title", "A title alone", ""),
    Document("words", "", "zwölf  \U0001f600"),
)
LONGER = replace(RECIPE, passage=PassageView("longer", 1, "headings", 40, overlap_tokens=8, context_tokens=8))
HEADS = replace(RECIPE, passage=PassageView("heads", 1, "head", 8, overlap_tokens=0, context_tokens=8))


@pytest.fixture
def fresh(tmp_path):
    made = FreshHome(tmp_path / "home")
    made.put(*DOCUMENTS)
    yield made
    made.close()


def content(fresh, recipe=RECIPE, partition=OURS):
    return read_content(Snapshot(fresh.home.storage, fresh.build(recipe).release.snapshot), partition)


def test_views_that_cut_differently_tell_the_same_documents(fresh):
    found = content(fresh)
    assert found.ids == {"page", "one", "title", "words"}
    assert found.documents.startswith("4-")
    assert content(fresh, LONGER) == found


def test_a_view_that_keeps_the_beginning_alone_tells_the_same_ids(fresh):
    whole, heads = content(fresh).documents, content(fresh, HEADS).documents
    assert documents_differ(whole, heads, have_same_writes=False)
    assert not documents_differ(whole, heads, have_same_writes=True)


@pytest.mark.parametrize(
    "change",
    [
        {"text": PAGE.text.replace("two", "twö")},
        {"title": "Pages"},
        {"url": "https://example.org/page"},
        {"metadata": {"kind": "page"}},
    ],
)
def test_a_changed_document_is_told(fresh, change):
    before = content(fresh).documents
    fresh.put(replace(PAGE, **change))
    after = content(fresh).documents
    assert documents_differ(before, after, have_same_writes=False)
    assert before.rpartition("-")[0] == after.rpartition("-")[0]


def test_spaces_between_words_count_for_nothing_and_another_document_is_told_also_as_of_one_write(fresh):
    before = content(fresh).documents
    fresh.put(replace(PAGE, text=PAGE.text.replace("More   words", "More words")))
    assert content(fresh).documents == before
    fresh.remove("one")
    assert documents_differ(before, content(fresh).documents, have_same_writes=True)


def test_a_partition_that_is_not_there_holds_nothing(fresh):
    found = content(fresh, partition=Partition("a", "others"))
    assert (found.ids, found.documents.partition("-")[0]) == (frozenset(), "0")
