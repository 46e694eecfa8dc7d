"""A source twice is a no-op, a changed one changes only what changed, and nothing is deleted by mistake."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.document_readings import read_account
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import document_keys, load_document
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.errors import InvalidInput, SourceInvalid
from indexing.home import Home
from indexing.records import Document, Partition, Reject, TextAccount
from indexing.sources.ingest import IngestReport, ingest
from indexing.sources.readers import open_source
from indexing.sources.skipped import Skipped
from indexing.sources.tree_walk import FileChoice

ARTICLES = Partition(DEFAULT_TENANT, "articles")


@dataclass
class ListSource:
    """A source that holds what it is given; an exception in it is raised when its turn comes."""

    entries: Sequence[Document | Reject | Exception]
    name: str = "list:test"

    def read(self) -> Iterator[Document | Reject]:
        for entry in self.entries:
            if isinstance(entry, Exception):
                raise entry
            yield entry

    def skipped(self) -> Skipped:
        return Skipped()

    def left_out(self, paths: Iterable[str]) -> set[str]:
        return set()


def documents(count: int, first: int = 0) -> list[Document]:
    return [Document(f"d{i}", f"title {i}", f"text {i}") for i in range(first, first + count)]


def ids(home: Home, partition: Partition = ARTICLES) -> set[str]:
    return {key.id for key in document_keys(home.catalogue) if key.partition == partition}


def counts(report: IngestReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three articles."""
    path = tmp_path / "articles"
    path.mkdir()
    for name in ("one", "two", "three"):
        (path / f"{name}.md").write_text(f"# {name}\n\nThe text of {name}.\n")
    return path


def test_the_same_source_twice_changes_nothing(home: Home, folder: Path) -> None:
    first = ingest(home.catalogue, open_source(folder), ARTICLES)
    assert counts(first) == (3, 0, 0, 0)
    keys = list(document_keys(home.catalogue))
    second = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert counts(second) == (0, 0, 3, 0)
    assert second.seq == first.seq
    assert second.documents == first.documents == 3
    assert list(document_keys(home.catalogue)) == keys


def test_a_changed_source_changes_only_what_changed(home: Home, folder: Path) -> None:
    first = ingest(home.catalogue, open_source(folder), ARTICLES)
    before = {key.id: key for key in document_keys(home.catalogue)}
    (folder / "two.md").write_text("# two\n\nRewritten.\n")
    (folder / "four.md").write_text("# four\n")
    second = ingest(home.catalogue, open_source(folder), ARTICLES)
    assert counts(second) == (1, 1, 2, 0)
    assert second.seq == first.seq + 2
    after = {key.id: key for key in document_keys(home.catalogue)}
    assert {name for name in before if before[name] != after[name]} == {"two.md"}
    assert load_document(home.catalogue, ARTICLES, "two.md").text == "# two\n\nRewritten.\n"


def test_a_file_that_is_gone_stays_until_it_is_pruned(home: Home, folder: Path) -> None:
    ingest(home.catalogue, open_source(folder), ARTICLES)
    (folder / "one.md").unlink()
    assert counts(ingest(home.catalogue, open_source(folder), ARTICLES)) == (0, 0, 2, 0)
    assert "one.md" in ids(home)
    report = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert counts(report) == (0, 0, 2, 1)
    assert not report.prune_skipped
    assert ids(home) == {"two.md", "three.md"}


def test_pruning_leaves_other_sources_collections_and_tenants_alone(home: Home) -> None:
    other_places = [Partition(DEFAULT_TENANT, "others"), Partition("another", "articles")]
    for partition in (ARTICLES, *other_places):
        ingest(home.catalogue, ListSource(documents(3)), partition)
    ingest(home.catalogue, ListSource(documents(2, first=10), "list:second"), ARTICLES)
    assert ingest(home.catalogue, ListSource(documents(1)), ARTICLES, prune=True).removed == 2
    assert ids(home) == {"d0", "d10", "d11"}
    for partition in other_places:
        assert ids(home, partition) == {"d0", "d1", "d2"}


def test_a_document_belongs_to_the_source_that_gave_it_last(home: Home) -> None:
    ingest(home.catalogue, ListSource(documents(2)), ARTICLES)
    ingest(home.catalogue, ListSource(documents(1), "list:second"), ARTICLES)
    assert ingest(home.catalogue, ListSource(documents(1, first=1)), ARTICLES, prune=True).removed == 0
    assert ids(home) == {"d0", "d1"}


def test_a_broken_file_is_reported_by_name_and_the_rest_is_read(home: Home, folder: Path) -> None:
    (folder / "broken.md").write_bytes(b"# \xe9t\xe9\n")
    report = ingest(home.catalogue, open_source(folder), ARTICLES)
    assert counts(report) == (3, 0, 0, 0)
    (reject,) = report.rejects
    assert reject.name == "broken.md"
    assert "not UTF-8" in reject.reason


def test_a_broken_line_is_reported_by_its_number(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "x"}) + "\n{broken\n" + json.dumps({"id": "b", "text": "y"}) + "\n")
    report = ingest(home.catalogue, open_source(path), ARTICLES)
    assert [reject.name for reject in report.rejects] == ["docs.jsonl:2"]
    assert ids(home) == {"a", "b"}


def test_nothing_is_pruned_while_anything_is_unreadable(home: Home, folder: Path) -> None:
    ingest(home.catalogue, open_source(folder), ARTICLES)
    (folder / "one.md").unlink()
    (folder / "two.md").write_bytes(b"\xff")
    report = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert report.prune_skipped
    assert report.removed == 0
    assert ids(home) == {"one.md", "two.md", "three.md"}
    (folder / "two.md").write_text("# two\n")
    mended = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert (mended.removed, mended.prune_skipped) == (1, False)


def test_a_skipped_prune_is_only_told_to_those_who_asked(home: Home) -> None:
    entries = [*documents(1), Reject("broken", "because")]
    assert not ingest(home.catalogue, ListSource(entries), ARTICLES).prune_skipped
    assert ingest(home.catalogue, ListSource(entries), ARTICLES, prune=True).prune_skipped


@pytest.mark.parametrize("entries", [[], [Reject("broken", "because")]], ids=["empty", "unreadable"])
def test_a_source_without_one_readable_document_never_empties_a_collection(
    home: Home, entries: list[Document | Reject | Exception]
) -> None:
    ingest(home.catalogue, ListSource(documents(3)), ARTICLES)
    with pytest.raises(SourceInvalid, match="list:test holds no readable document, so nothing was pruned"):
        ingest(home.catalogue, ListSource(entries), ARTICLES, prune=True)
    assert ids(home) == {"d0", "d1", "d2"}
    assert ingest(home.catalogue, ListSource(entries), ARTICLES).documents == 0


def test_progress_is_told_after_every_batch(home: Home) -> None:
    told: list[int] = []
    report = ingest(home.catalogue, ListSource(documents(1001)), ARTICLES, on_progress=told.append)
    assert told == [500, 1000, 1001]
    assert report.added == 1001


def test_large_documents_are_stored_in_smaller_batches(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexing.sources.ingest.BATCH_CHARACTERS", 100)
    sizes = [60, 60, 10, 10, 80, 500, 1]
    told: list[int] = []
    source = ListSource([Document(f"d{i}", "", "x" * size) for i, size in enumerate(sizes)])
    assert ingest(home.catalogue, source, ARTICLES, on_progress=told.append).added == len(sizes)
    assert told == [2, 5, 6, 7]


def test_a_source_that_fails_on_the_way_leaves_whole_batches_and_prunes_nothing(home: Home) -> None:
    ingest(home.catalogue, ListSource(documents(1, first=5000)), ARTICLES)
    source = ListSource([*documents(700), SourceInvalid("the disk is gone")])
    with pytest.raises(SourceInvalid, match="the disk is gone"):
        ingest(home.catalogue, source, ARTICLES, prune=True)
    assert len(ids(home)) == 501
    assert counts(ingest(home.catalogue, ListSource(documents(700)), ARTICLES)) == (200, 0, 500, 0)


def test_a_collection_without_documents_exists_after_an_empty_ingest(home: Home) -> None:
    ingest(home.catalogue, ListSource([]), ARTICLES)
    assert collection_sizes(home.catalogue, DEFAULT_TENANT) == {"articles": 0}


@pytest.mark.parametrize("name", ["", "a/b", "a\nb", "x" * 129])
def test_a_collection_with_an_impossible_name_is_refused(home: Home, name: str) -> None:
    with pytest.raises(InvalidInput, match="Collection name .* is invalid"):
        ingest(home.catalogue, ListSource(documents(1)), Partition(DEFAULT_TENANT, name))
    assert list(document_keys(home.catalogue)) == []


# Accounts, and what only new rules leave out


def test_the_account_of_a_file_is_kept_with_its_document_and_a_live_write_has_none(home: Home, folder: Path) -> None:
    (folder / "one.md").write_text("---\ntitle: One\n---\nThe text of one.\n")
    report = ingest(home.catalogue, open_source(folder), ARTICLES)
    account = TextAccount("markdown 2", 20, 12, {"front matter": 8})
    assert read_account(home.catalogue, ARTICLES, "one.md") == account
    assert report.losses.left_out == {"front matter": 8}
    assert read_account(home.catalogue, ARTICLES, "missing") is None
    put_documents(home.catalogue, ARTICLES, [Document("one.md", "", "written over HTTP")])
    assert read_account(home.catalogue, ARTICLES, "one.md") is None
    assert read_account(home.catalogue, ARTICLES, "two.md") is not None
    remove_documents(home.catalogue, ARTICLES, ["two.md"])
    assert read_account(home.catalogue, ARTICLES, "two.md") is None


def test_an_account_comes_to_a_document_that_did_not_change(home: Home) -> None:
    (plain,) = documents(1)
    first = ingest(home.catalogue, ListSource([plain]), ARTICLES)
    account = TextAccount("made 1", 8, 8, notes=("Page 2 of 3 is a picture.",))
    report = ingest(home.catalogue, ListSource([replace(plain, account=account)]), ARTICLES)
    assert (report.unchanged, report.seq) == (1, first.seq)
    assert read_account(home.catalogue, ARTICLES, "d0") == account
    assert [file.warnings for file in report.losses.files] == [("Page 2 of 3 is a picture.",)]


def test_what_is_only_left_out_now_is_named_once_before_it_is_pruned(home: Home, folder: Path) -> None:
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "four.md").write_text("---\nid: four\n---\n# four\n")
    everything = FileChoice(all_files=True)
    assert ingest(home.catalogue, open_source(folder, choice=everything), ARTICLES).added == 4
    (folder / "two.md").unlink()
    assert ingest(home.catalogue, open_source(folder), ARTICLES).now_left_out == ()
    first = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert (first.removed, first.now_left_out) == (1, ("four",))
    assert ids(home) == {"one.md", "three.md", "four"}
    second = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert (second.removed, second.now_left_out) == (1, ())
    assert ids(home) == {"one.md", "three.md"}


def test_a_document_that_was_read_again_is_named_again_before_it_is_pruned(home: Home, folder: Path) -> None:
    ingest(home.catalogue, open_source(folder), ARTICLES)
    without = FileChoice(exclude=("two.md",))
    for _ in range(2):
        assert ingest(home.catalogue, open_source(folder, choice=without), ARTICLES, prune=True).now_left_out == (
            "two.md",
        )
        assert ingest(home.catalogue, open_source(folder), ARTICLES, prune=True).unchanged == 3
    ingest(home.catalogue, open_source(folder, choice=without), ARTICLES, prune=True)
    (folder / "two.md").unlink()
    assert ingest(home.catalogue, open_source(folder, choice=without), ARTICLES, prune=True).removed == 1


def test_a_file_whose_id_changed_is_pruned_under_its_old_one(home: Home, folder: Path) -> None:
    ingest(home.catalogue, open_source(folder), ARTICLES)
    (folder / "two.md").write_text("---\nid: second\n---\n# two\n")
    report = ingest(home.catalogue, open_source(folder), ARTICLES, prune=True)
    assert (report.added, report.removed, report.now_left_out) == (1, 1, ())
