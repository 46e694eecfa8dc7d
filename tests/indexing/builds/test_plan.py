"""A plan follows from the catalogue, reads one document at a time, and brings nothing back that was erased."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import pytest

from indexing.builds.dry_run import dry_run
from indexing.builds.plan import DocumentChanged, encoder_inputs, encoder_keys_now, plan_shards, read_inputs
from indexing.catalogue.database import Database, Row
from indexing.catalogue.document_writes import remove_documents
from indexing.features.embedding_store import vector_key
from indexing.passages.chunker import Chunker
from indexing.records import Document, Span
from tests.indexing.builds.test_build import ARTICLES, OURS, THEIRS, TOKENIZER, VIEW, Bench, article, bench

__all__ = ["bench"]  # a fixture


class ErasingChunker(Chunker):
    """Cuts a document just before somebody erases it."""

    def __init__(self, catalogue: Database) -> None:
        super().__init__(VIEW, TOKENIZER, 64)
        self._catalogue = catalogue

    def spans(self, document: Document) -> list[Span]:
        spans = super().spans(document)
        remove_documents(self._catalogue, OURS, [document.id])
        return spans


class CountingDatabase(Database):
    """Remembers which documents were read with their text."""

    def __init__(self, *values: object, **more: object) -> None:
        super().__init__(*values, **more)
        self.read: list[str] = []

    def row(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        if sql.startswith("SELECT text,"):
            self.read.append(str(parameters[-1]))
        return super().row(sql, parameters)


def test_a_dry_run_brings_no_heading_of_a_document_back_that_is_erased_meanwhile(bench: Bench) -> None:
    bench.put(article("kept"))
    dry_run(bench.context())
    bench.put(article("gone"))
    dry_run(replace(bench.context(), chunker=ErasingChunker(bench.catalogue)))
    assert bench.catalogue.row("SELECT count(*) AS n FROM passages") == {"n": 1}


def test_a_document_whose_content_changes_while_it_is_cut_is_cut_anew(bench: Bench) -> None:
    class ChangingChunker(ErasingChunker):
        def spans(self, document: Document) -> list[Span]:
            if document.id == "one":
                bench.put(article("one", passages=5))
            return Chunker.spans(self, document)

    bench.put(article("one"), article("two"))
    found = dry_run(replace(bench.context(), chunker=ChangingChunker(bench.catalogue)))
    assert (found.documents, found.passages) == (2, 8)
    assert bench.catalogue.row("SELECT count(*) AS n FROM passages") == {"n": 2}


def test_the_documents_of_a_plan_are_read_one_at_a_time(bench: Bench) -> None:
    bench.put(*ARTICLES)
    catalogue = CountingDatabase(bench.path / "catalogue.db")
    context = replace(bench.context(shard_rows=1000), catalogue=catalogue)
    ((plan,), _) = plan_shards(context)
    catalogue.read.clear()
    assert len(list(islice(encoder_inputs(context, read_inputs(context, plan)), 2))) == 2
    assert len(catalogue.read) == 2
    catalogue.close()


def test_a_document_that_is_not_as_planned_is_noticed_when_it_is_read(bench: Bench) -> None:
    bench.put(*ARTICLES)
    context = bench.context(shard_rows=1000)
    ((plan,), _) = plan_shards(context)
    inputs = read_inputs(context, plan)
    next(inputs)
    bench.put(*(article(one.id, passages=1) for one in ARTICLES))
    with pytest.raises(DocumentChanged):
        next(inputs)


def test_the_keys_of_now_are_those_that_a_build_stores_without_those_left_out(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.put(article("theirs"), partition=THEIRS)
    bench.build()
    view = bench.context().views.embedding_fingerprint
    stored = {vector_key(view, text) for text in bench.embedder.texts}
    assert encoder_keys_now(bench.context()) == stored
    ours = encoder_keys_now(bench.context(), lambda key: key.partition == THEIRS)
    assert (len(stored), len(ours)) == (39, 36)
    assert ours < stored
