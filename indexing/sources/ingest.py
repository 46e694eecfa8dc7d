"""Ingest: a source into the catalogue. The same source again is a no-op; a changed one changes only what changed."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field

from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.database import Database
from indexing.catalogue.document_readings import known_left_out, mark_left_out, paths_of
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import document_ids
from indexing.errors import SourceInvalid
from indexing.records import Document, Partition, Reject
from indexing.sources.readers import Source
from indexing.sources.skipped import Skipped
from indexing.sources.text_losses import LossTally, TextLosses

_BATCH_ENTRIES = 500
"""Documents that are written in one transaction. Our choice."""
BATCH_CHARACTERS = 16_000_000
"""Code points of documents that are written in one transaction: bounds memory. Our choice."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did, and what it had to leave out.

    ``prune_skipped``: something unreadable made pruning unsafe. ``now_left_out``: the ids of documents that were not
    pruned, since their files are still there and only left out now; the next pruning deletes them.
    """

    added: int
    changed: int
    unchanged: int
    removed: int
    rejects: tuple[Reject, ...]
    prune_skipped: bool
    seq: int
    losses: TextLosses = field(default_factory=TextLosses)
    skipped: Skipped = field(default_factory=Skipped)
    now_left_out: tuple[str, ...] = ()

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
            deleted while anything in the source is unreadable, since it may be one of those documents. A document
            whose file is still there, but left out by default or by choice, is named the first time and deleted the
            second.
        on_progress: Told how many documents were stored so far.

    Raises:
        SourceInvalid: with ``prune``, the source gave no document at all (a wrong folder must not empty a collection).
    """
    ensure_collection(catalogue, partition)
    totals = {"added": 0, "changed": 0, "unchanged": 0}
    rejects: list[Reject] = []
    seen: set[str] = set()
    losses = LossTally()
    entries = source.read()
    while batch := _take(entries):
        documents = [entry for entry in batch if isinstance(entry, Document)]
        rejects += [entry for entry in batch if isinstance(entry, Reject)]
        counts = put_documents(catalogue, partition, documents, source=source.name)
        for name in totals:
            totals[name] += getattr(counts, name)
        seen.update(document.id for document in documents)
        losses.add(documents)
        on_progress(len(seen))
    removed, named = 0, frozenset[str]()
    if prune:
        if not seen:
            raise SourceInvalid(f"{source.name} holds no readable document, so nothing was pruned: check the path.")
        if not rejects:
            gone = document_ids(catalogue, partition, source=source.name) - seen
            named = _newly_left_out(catalogue, source, partition, gone)
            with catalogue.write():
                mark_left_out(catalogue, partition, named)
                removed = remove_documents(catalogue, partition, gone - named)
    return IngestReport(
        **totals,
        removed=removed,
        rejects=tuple(rejects),
        prune_skipped=prune and bool(rejects),
        seq=catalogue.sequence(),
        losses=losses.losses(),
        skipped=source.skipped(),
        now_left_out=tuple(sorted(named)),
    )


def _newly_left_out(catalogue: Database, source: Source, partition: Partition, gone: Set[str]) -> frozenset[str]:
    """Those documents whose files are still there and left out, of which that was never said: they stay this once."""
    paths = paths_of(catalogue, partition, gone)
    left_out = source.left_out(paths.values())
    known = known_left_out(catalogue, partition) if left_out else set()
    return frozenset(name for name, path in paths.items() if path in left_out and name not in known)


def _take(entries: Iterator[Document | Reject]) -> list[Document | Reject]:
    """The next entries that are stored together: some hundreds, fewer where they are large."""
    batch: list[Document | Reject] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        characters += len(entry.text) if isinstance(entry, Document) else 0
        if len(batch) == _BATCH_ENTRIES or characters >= BATCH_CHARACTERS:
            break
    return batch
