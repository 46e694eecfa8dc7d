"""Query sets: which queries are kept, what is refused, and what the fingerprint stands for."""

import hashlib
import json
from pathlib import Path

import pytest

from eval.datasets.query_sets import corpus_fingerprint, load_queryset
from indexing.errors import SourceInvalid

QUERIES = {"q1": "one", "q2": "two", "q3": "three"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """q1 has a relevant document and one that is not, q2 only one that is not, q3 no judgment."""
    root = tmp_path / "tiny"
    (root / "qrels").mkdir(parents=True)
    write_queries(root, QUERIES)
    write_qrels(root, "test", [("q2", "d1", 0), ("q1", "d1", 2), ("q1", "d2", 0)])
    return root


def write_queries(root: Path, queries: dict[str, str], name: str = "queries.jsonl") -> None:
    lines = [json.dumps({"_id": query_id, "text": text}) + "\n" for query_id, text in queries.items()]
    (root / name).write_text("".join(lines))


def write_qrels(root: Path, split: str, rows: list[tuple[str, str, int]]) -> None:
    lines = [f"{query_id}\t{document_id}\t{grade}\n" for query_id, document_id, grade in rows]
    (root / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines))


def test_only_queries_with_a_relevant_document_are_kept_with_all_their_judgments(folder: Path) -> None:
    queryset = load_queryset(folder)
    assert queryset.name == "tiny"
    assert queryset.split == "test"
    assert queryset.queries == {"q1": "one"}
    assert queryset.qrels == {"q1": {"d1": 2, "d2": 0}}


def test_queries_come_in_the_order_of_their_file(folder: Path) -> None:
    write_qrels(folder, "all", [("q3", "d", 1), ("q1", "d", 1), ("q2", "d", 1)])
    queryset = load_queryset(folder, "all")
    assert list(queryset.queries) == list(queryset.qrels) == ["q1", "q2", "q3"]


def test_another_wording_of_the_queries_can_be_named(folder: Path) -> None:
    write_queries(folder, {"q1": "uno", "q2": "dos"}, "queries_es.jsonl")
    assert load_queryset(folder, queries_file="queries_es.jsonl").queries == {"q1": "uno"}


@pytest.mark.parametrize("split", ["dev", "../qrels/test", ""])
def test_a_missing_split_is_refused_with_the_names_of_those_there_are(folder: Path, split: str) -> None:
    write_qrels(folder, "train", [("q1", "d1", 1)])
    with pytest.raises(SourceInvalid, match=f"no split '{split}' in qrels/; expected one of: test, train"):
        load_queryset(folder, split)


def test_a_folder_without_splits_says_that_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="expected one of: none"):
        load_queryset(tmp_path)


def test_a_judged_query_without_text_is_refused_by_id_and_file(folder: Path) -> None:
    write_queries(folder, {"q1": "one"})
    with pytest.raises(SourceInvalid, match=r"queries\.jsonl: query 'q2' is judged in qrels/test\.tsv and has no text"):
        load_queryset(folder)


def test_a_split_without_relevant_documents_is_refused(folder: Path) -> None:
    write_qrels(folder, "none", [("q1", "d1", 0)])
    with pytest.raises(SourceInvalid, match="no document is graded above 0"):
        load_queryset(folder, "none")


def test_the_fingerprint_ignores_order_unused_queries_and_the_name_of_folder_and_split(
    folder: Path, tmp_path: Path
) -> None:
    before = load_queryset(folder).fingerprint
    write_queries(folder, {"q9": "unused", "q2": "other text of a query left out", "q1": "one"})
    write_qrels(folder, "again", [("q1", "d2", 0), ("q1", "d1", 2)])
    moved = folder.rename(tmp_path / "moved")
    assert load_queryset(moved, "again").fingerprint == before


def test_the_fingerprint_changes_with_a_text_and_with_a_grade(folder: Path) -> None:
    seen = {load_queryset(folder).fingerprint}
    write_qrels(folder, "graded", [("q1", "d1", 1), ("q1", "d2", 0)])
    seen.add(load_queryset(folder, "graded").fingerprint)
    write_queries(folder, {**QUERIES, "q1": "One"})
    seen.add(load_queryset(folder).fingerprint)
    assert len(seen) == 3


def test_the_corpus_fingerprint_is_the_sha256_of_the_file(folder: Path) -> None:
    (folder / "corpus.jsonl").write_bytes(b'{"_id": "d1"}\n')
    assert corpus_fingerprint(folder) == hashlib.sha256(b'{"_id": "d1"}\n').hexdigest()


def test_a_missing_corpus_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(SourceInvalid, match=r"corpus\.jsonl: cannot be read"):
        corpus_fingerprint(folder)
