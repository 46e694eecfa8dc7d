"""Ingest: a source into the catalogue. The same source again is a no-op; a changed one changes only what changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import document_ids
from indexing.errors import SourceInvalid
from indexing.records import Document, Partition, Reject
from indexing.sources.readers import Source

_BATCH_ENTRIES = 500
"""Documents that are written in one transaction."""
_BATCH_CHARACTERS = 16_000_000
"""Code points of documents that are written in one transaction: bounds memory."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did, and what it had to leave out. ``prune_skipped``: something unreadable made pruning unsafe."""

    added: int
    changed: int
    unchanged: int
    removed: int
    rejects: tuple[Reject, ...]
    prune_skipped: bool
    seq: int

    @property
    def documents(self) -> int:
        """Documents of the source that are in the catalogue now."""
        return self.added + self.changed + self.unchanged


def ingest(
    catalogue: Database,
    source: Source,
    partition: Partition,
    *,
    prune: bool = False,
    on_progress: Callable[[int], None] = lambda done: None,
) -> IngestReport:
    """Read a source into a collection, in batches that are each stored whole.

    Args:
        catalogue: Where to.
        source: What to read. Broken files and lines are reported and skipped.
        partition: The tenant and collection; created when missing.
        prune: Also delete the documents that came from this source earlier and are not in it any more. Nothing is
        deleted
            while anything in the source is unreadable, since it may be one of those documents.
        on_progress: Told how many documents were stored so far.

    Raises:
        SourceInvalid: with ``prune``, the source gave no document at all (a wrong folder must not empty a collection).
    """
    ensure_collection(catalogue, partition)
    totals = {"added": 0, "changed": 0, "unchanged": 0}
    rejects: list[Reject] = []
    seen: set[str] = set()
    entries = source.read()
    while batch := _take(entries):
        documents = [entry for entry in batch if isinstance(entry, Document)]
        rejects += [entry for entry in batch if isinstance(entry, Reject)]
        counts = put_documents(catalogue, partition, documents, source=source.name)
        for name in totals:
            totals[name] += getattr(counts, name)
        seen.update(document.id for document in documents)
        on_progress(len(seen))
    removed = 0
    if prune:
        if not seen:
            raise SourceInvalid(f"{source.name} holds no readable document, so nothing was pruned: check the path.")
        if not rejects:
            gone = document_ids(catalogue, partition, source=source.name) - seen
            removed = remove_documents(catalogue, partition, gone)
    return IngestReport(
        **totals,
        removed=removed,
        rejects=tuple(rejects),
        prune_skipped=prune and bool(rejects),
        seq=catalogue.sequence(),
    )


def _take(entries: Iterator[Document | Reject]) -> list[Document | Reject]:
    """The next entries that are stored together: some hundreds, fewer where they are large."""
    batch: list[Document | Reject] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        characters += len(entry.text) if isinstance(entry, Document) else 0
        if len(batch) == _BATCH_ENTRIES or characters >= _BATCH_CHARACTERS:
            break
    return batch
