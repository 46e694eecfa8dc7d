"""The plan of a build: which documents there are, how they are cut, and which shards the new snapshot needs.

Everything follows from the catalogue and the recipe; only the passages' spans are written down.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from indexing.builds.context import BuildContext
from indexing.builds.placement import PlacedDocument, PlacedShard, place
from indexing.catalogue.document_versions import kept_versions
from indexing.catalogue.documents import LeaveOut, load_document
from indexing.catalogue.passages import PassageRow, counted_documents, insert_passages, read_spans, uncut_documents
from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, NotFound
from indexing.features.embedding_store import vector_key
from indexing.indexes.analyser import NONE
from indexing.records import Json, Partition, Span, fingerprint
from indexing.snapshots.shard import KIND, open_shard
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_manifest import FORMAT
from indexing.storage.store import Storage

_BATCH = 256
"""Documents that are cut in one transaction: bounds how long other writers wait. Our choice."""


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """A shard that the new snapshot needs: its name follows from everything that will be in it."""

    name: str
    documents: Sequence[PlacedDocument]
    min_recall: float | None = None
    """Of its approximate index; ``None`` for exact search."""

    @property
    def rows(self) -> int:
        """Passages it holds."""
        return sum(document.rows for document in self.documents)


class DocumentChanged(Exception):
    """A document was written or deleted after the build had planned with it."""


MOST_PLANS = 3
"""Plans that documents may outrun before those of one moment are looked at. Source: our choice."""


@contextmanager
def planned_from(context: BuildContext, *, is_frozen: bool) -> Iterator[BuildContext]:
    """The build over the catalogue as it goes on, or as it is at a moment at which every document is cut."""
    while is_frozen:
        _chunk_new_documents(context)
        with context.catalogue.at_one_moment() as moment:
            frozen = replace(context, catalogue=moment)
            if not uncut_documents(frozen.catalogue, frozen.views.passage_fingerprint):
                yield frozen
                return
    yield context


def plan_shards(context: BuildContext) -> tuple[list[ShardPlan], list[ShardPlan]]:
    """All shards of the new snapshot, and those of them that are not stored whole."""
    recipe = context.recipe
    shards = place(_chunked_documents(context), shard_rows=recipe.shard_rows, approximation=recipe.approximation)
    views = context.views.fingerprint
    plans = [_plan_shard(context, shard, views) for shard in shards]
    return plans, [plan for plan in plans if not is_stored(context.storage, plan.name)]


def _plan_shard(context: BuildContext, shard: PlacedShard, views: str) -> ShardPlan:
    """Name a shard by all that decides its bytes."""
    approximation = context.recipe.approximation
    min_recall = approximation.min_recall if approximation is not None and shard.is_approximate else None
    keys = [document.key for document in shard.documents]
    members = [[key.partition.tenant, key.partition.collection, key.id, key.record_sha256] for key in keys]
    content: list[Json] = [FORMAT, min_recall, views, members]
    if context.languages is not None:
        content.append(
            [[key.tenant, key.collection, name] for key, name in languages_of_shard(context, shard.documents)]
        )
    name = fingerprint(content)[:32]
    return ShardPlan(name, shard.documents, min_recall)


def languages_of_shard(context: BuildContext, documents: Sequence[PlacedDocument]) -> list[tuple[Partition, str]]:
    """The language of each collection of a shard, where the recipe leaves that to the build; in order."""
    partitions = sorted({document.key.partition for document in documents}, key=str)
    return [(one, (context.languages or {}).get(one, NONE)) for one in partitions]


def is_stored(storage: Storage, name: str) -> bool:
    """Whether a shard is stored whole, in a format that this version reads."""
    try:
        open_shard(storage.open(KIND, name))
    except (ArtefactMissing, ArtefactCorrupt, FormatUnknown):
        return False
    return True


def _chunked_documents(context: BuildContext) -> list[PlacedDocument]:
    """Every document with the number of its passages, as of one moment; documents written meanwhile are chunked too."""
    while True:
        _chunk_new_documents(context)
        counted = list(counted_documents(context.catalogue, context.views.passage_fingerprint))
        placed = [PlacedDocument(key, passages) for key, passages in counted if passages is not None]
        if len(placed) == len(counted):
            return placed


def _chunk_new_documents(context: BuildContext) -> None:
    """Compute the spans of every document content that this passage view has not seen yet."""
    view = context.views.passage_fingerprint
    waiting = uncut_documents(context.catalogue, view)
    for start in range(0, len(waiting), _BATCH):
        rows: list[PassageRow] = []
        for partition, name in waiting[start : start + _BATCH]:
            try:
                document = load_document(context.catalogue, partition, name)
            except NotFound:
                continue  # deleted since it was listed
            spans = context.chunker.spans(document)
            stored = json.dumps([_record(span) for span in spans])
            content = document.content_sha256
            rows.append((view, content, len(spans), stored, partition.tenant, partition.collection, name, content))
        insert_passages(context.catalogue, rows)
        context.on_progress("passages", min(start + _BATCH, len(waiting)), len(waiting))


def _record(span: Span) -> list[Json]:
    """A span as the catalogue holds it; the heading row of a table stands only where there is one."""
    return [span.start, span.end, list(span.headings), *([span.table_heading] if span.table_heading else [])]


def read_inputs(context: BuildContext, plan: ShardPlan) -> Iterator[ShardInput]:
    """What a planned shard will hold, text and passages, one document at a time.

    Raises:
        DocumentChanged: a document is not as it was planned.
    """
    view = context.views.passage_fingerprint
    for placed in plan.documents:
        try:
            document = load_document(context.catalogue, placed.key.partition, placed.key.id)
        except NotFound as error:
            raise DocumentChanged from error
        stored = read_spans(context.catalogue, view, placed.key.content_sha256)
        if stored is None or document.record_sha256 != placed.key.record_sha256:
            raise DocumentChanged
        spans = [Span(start, end, tuple(headings), *rest) for start, end, headings, *rest in json.loads(stored)]
        yield ShardInput(placed.key.partition, document, context.chunker.passages(document, spans))


def encoder_inputs(context: BuildContext, inputs: Iterable[ShardInput]) -> Iterator[tuple[list[bytes], list[str]]]:
    """Keys and encoder inputs of a shard's passages, a document at a time."""
    view = context.views.embedding_fingerprint
    for item in inputs:
        texts = [passage.encoder_input for passage in item.passages]
        yield [vector_key(view, text) for text in texts], texts


def encoder_keys_now(context: BuildContext, leave_out: LeaveOut = lambda key: False) -> set[bytes]:
    """The feature-store keys that the documents of now, some left out, need; no more than one text is held at once."""
    while True:
        plan = ShardPlan("", [placed for placed in _chunked_documents(context) if not leave_out(placed.key)])
        try:
            return {key for keys, _ in encoder_inputs(context, read_inputs(context, plan)) for key in keys}
        except DocumentChanged:
            continue


def encoder_keys_of_versions(context: BuildContext, since: int, leave_out: LeaveOut = lambda key: False) -> set[bytes]:
    """The feature-store keys of kept versions, some left out, that were ended after ``since``."""
    chunker, view = context.chunker, context.views.embedding_fingerprint
    return {
        vector_key(view, passage.encoder_input)
        for key, document in kept_versions(context.catalogue, since)
        if not leave_out(key)
        for passage in chunker.passages(document, chunker.spans(document))
    }
