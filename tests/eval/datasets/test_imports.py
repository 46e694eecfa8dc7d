"""Imports: files become a stored set, a later import its next version, and the export reads back the same."""

import json

import pytest

from eval.datasets.export import export_query_set
from eval.datasets.imports import QueryFiles, import_query_set
from eval.datasets.query_sets import load_queryset
from eval.datasets.stored_sets import list_query_sets, read_query_set, set_versions
from indexing.catalogue.document_writes import put_documents
from indexing.errors import AlreadyExists, InvalidInput, SourceInvalid
from indexing.records import Document, Partition
from tests.eval.datasets.conftest import MANUAL


@pytest.fixture
def files(tmp_path):
    """Judgments of two queries; a third has none."""
    return write(tmp_path, {"1": "why does it leak", "2": "valve stuck", "3": "unjudged"}, "1 0 pump 2\n2 0 valve 1\n")


def write(folder, queries, qrels, **metadata):
    lines = [json.dumps({"_id": one, "text": text, "metadata": metadata}) for one, text in queries.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    (folder / "qrels.txt").write_text(qrels)
    return QueryFiles(folder / "queries.jsonl", folder / "qrels.txt", {"topic": "domain"})


def imported(home, files, **options):
    return import_query_set(home, "set", files, MANUAL, actor="ana", **options)


def test_judged_queries_are_stored_with_where_they_come_from(manual, files):
    change = imported(manual, files)
    assert (change.version, change.queries_added, change.judgments_added) == (1, 2, 2)
    found = read_query_set(manual, "set", split=None)
    assert found.qrels == {"1": {"pump": 2}, "2": {"valve": 1}}
    assert found.slices["1"]["topic"] == "pump"  # of the judged document, as the queries say none
    (stored,) = list_query_sets(manual)
    assert stored.kind == "imported"
    assert (stored.provenance["qrels"]["file"], len(stored.provenance["qrels"]["sha256"])) == ("qrels.txt", 64)
    (version,) = set_versions(manual, "set")
    assert version.reason == "imported from queries.jsonl and qrels.txt"


def test_a_slice_is_taken_from_the_metadata_that_is_named(manual, tmp_path):
    imported(manual, write(tmp_path, {"1": "why does it leak"}, "1 0 pump 1\n", domain="repairs"))
    assert read_query_set(manual, "set", split=None).slices["1"]["topic"] == "repairs"


def test_importing_again_is_a_new_version_that_keeps_what_did_not_change(manual, files, tmp_path):
    imported(manual, files)
    with pytest.raises(AlreadyExists):
        imported(manual, files)
    assert imported(manual, files, again=True).version == 1
    write(tmp_path, {"1": "why does it leak", "3": "torn hose"}, "1 0 pump 1\n3 0 guides/hose 1\n")
    change = imported(manual, files, again=True, reason="the new edition")
    assert (change.version, change.queries_added, change.queries_retired) == (2, 1, 1)
    assert (change.judgments_added, change.judgments_retired) == (2, 1)
    assert read_query_set(manual, "set", split=None).qrels == {"1": {"pump": 1}, "3": {"guides/hose": 1}}
    assert read_query_set(manual, "set", split=None, version=1).qrels == {"1": {"pump": 2}, "2": {"valve": 1}}


def test_a_judgment_from_before_its_document_came_is_made_anew_by_the_next_import(manual, tmp_path):
    early = write(tmp_path, {"1": "which filter"}, "1 0 filter 1\n1 0 pump 1\n")
    imported(manual, early)
    put_documents(manual.catalogue, MANUAL, [Document("filter", "Filters", "Which filter fits.")])
    assert read_query_set(manual, "set", split=None).staleness.unknown == {"1": ("filter",)}
    assert imported(manual, early, again=True).judgments_added == 1
    assert read_query_set(manual, "set", split=None).staleness.unknown == {}


def test_what_cannot_be_imported_leaves_nothing(manual, files, tmp_path):
    with pytest.raises(SourceInvalid, match="query '9' is judged in qrels.txt and has no text here"):
        imported(manual, write(tmp_path, {"1": "one"}, "9 0 pump 1\n"))
    with pytest.raises(SourceInvalid, match="no split 'dev' in qrels/; expected one of: none"):
        QueryFiles.of_folder(tmp_path, "dev", "queries.jsonl", {})
    assert list_query_sets(manual) == []
    imported(manual, write(tmp_path, {"1": "one"}, "1 0 pump 1\n"))
    with pytest.raises(InvalidInput, match="is about default/manual, not about default/other"):
        import_query_set(manual, "set", files, Partition("default", "other"), actor="ana", again=True)


def test_an_export_reads_back_as_the_set_it_was(manual, files, tmp_path):
    imported(manual, files)
    folder = tmp_path / "out"
    written = export_query_set(manual, "set", folder)
    assert written[0] == folder / "queries.jsonl"
    queries, qrels = {}, {}
    for path in written[1:]:
        one = load_queryset(folder, path.stem)
        queries |= one.queries
        qrels |= one.qrels
    stored = read_query_set(manual, "set", split=None)
    assert (queries, qrels) == (stored.queries, stored.qrels)
    with pytest.raises(InvalidInput, match="not an empty folder"):
        export_query_set(manual, "set", folder)
