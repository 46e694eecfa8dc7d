"""Samples of a query set: each query with what the release in service finds, and the documents that it should."""

from collections.abc import Callable, Sequence

from app.retrieval.retriever import Retriever
from app.serving.release_opening import open_in_service
from eval.datasets.query_sets import QuerySet
from eval.judging.samples import Sample
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.home import Home
from indexing.records import Json


def retrieve_samples(
    home: Home,
    query_set: QuerySet,
    *,
    k: int = 10,
    mode: str = "hybrid",
    on_progress: Callable[[int], None] = lambda done: None,
) -> tuple[Sequence[Sample], Json]:
    """Search every query of a set, and give what was found beside what was judged relevant.

    Args:
        home: Whose release in service is searched.
        query_set: A stored set, which knows whose documents it judges.
        k: How many documents to find, each with its best passage.
        mode: ``hybrid``, ``dense`` or ``lexical``.
        on_progress: Told of each query.

    Returns:
        A sample for each query, without an answer; and what it was made of, for the record.

    Raises:
        InvalidInput: the set does not say whose documents it judges.
        NotReady: nothing is released, or a shard cannot be read.
        NotFound: the release holds no such collection.
    """
    partition = query_set.partition
    if partition is None:
        raise InvalidInput(
            f"Query set {query_set.name!r} names no collection; expected one that is stored in the home."
        )
    serving, retriever = open_in_service(home), Retriever()
    if serving.snapshot.view(partition) is None:
        raise NotFound(f"Release {serving.release.number} holds no collection {partition}: ingest and build it first.")
    samples = []
    for done, (query_id, text) in enumerate(query_set.queries.items(), 1):
        found = retriever.search(serving, partition, text, k=k, mode=mode)
        if found.warnings:
            raise NotReady(f"Judging needs every shard: {found.warnings[0]}")
        grades = query_set.qrels[query_id]
        samples.append(
            Sample(
                id=query_id,
                question=_sendable(text),
                partition=partition,
                contexts=tuple(_sendable(hit.passage.text) for hit in found.hits),
                context_ids=tuple(hit.passage.document_id for hit in found.hits),
                reference_context_ids=tuple(sorted(name for name, grade in grades.items() if grade > 0)),
                user_hash=query_set.askers.get(query_id),
            )
        )
        on_progress(done)
    inputs = {
        "query_set": query_set.name,
        "version": query_set.version,
        "split": query_set.split,
        "release": serving.release.number,
        "snapshot": serving.snapshot.id,
        "k": k,
        "mode": mode,
    }
    return samples, inputs


def _sendable(text: str) -> str:
    """A text without halves of surrogate pairs, which no JSON in UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
