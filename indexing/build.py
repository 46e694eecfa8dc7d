"""Build: documents to passages to vectors to shards to a snapshot to a release. Plain functions, no broker needed.

Every step leaves durable, content-addressed results, so a build that was killed goes on where it stopped and a build of
unchanged documents computes and writes nothing.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from indexing.catalogue import Catalogue, DocumentKey, LeaveOut
from indexing.chunker import Chunker
from indexing.embedder import Embedder
from indexing.errors import ArtefactCorrupt, ArtefactMissing, BuildFailed, FormatUnknown, InvalidInput, NotFound
from indexing.feature_store import FeatureStore, vector_key
from indexing.features import FeatureViews, record_view
from indexing.jobs import State, finish_job, start_job
from indexing.locks import exclusive
from indexing.placement import PlacedDocument, PlacedShard, place
from indexing.recipes import Recipe, record_recipe
from indexing.records import Partition, Span, fingerprint
from indexing.releases import Release, deploy, record_release, stable_recipe
from indexing.settings import current_user
from indexing.shards import APPROXIMATE_FORMAT, EXACT_FORMAT, KIND, Shard, ShardInput
from indexing.snapshot import describe_snapshot, publish_snapshot
from indexing.storage import Storage
from indexing.work import EmbedBlock, Executor, ShardBlock, withdraw_blocks

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""

_SAMPLE = 16
_BATCH = 256
_MOST_PLANS = 10


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build works with: where to, what with, and by which recipe."""

    catalogue: Catalogue
    storage: Storage
    recipe: Recipe
    views: FeatureViews
    chunker: Chunker
    load_embedder: Callable[[], Embedder]
    executor_for: Callable[[int], Executor]
    executor: str
    block_size: int
    lock_path: Path
    on_progress: Progress = lambda stage, done, total: None


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


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a build would do. ``seconds`` is measured on a sample of the very texts that would be encoded."""

    documents: int
    passages: int
    embeddings: int
    shards: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``recall_at_10`` is the lowest of its approximate indexes, ``None`` if there is none."""

    job: int
    release: Release
    is_new: bool
    is_deployed: bool
    documents: int
    passages: int
    embeddings_computed: int
    shards_written: int
    shards_kept: int
    recall_at_10: float | None
    seconds: float


def dry_run(context: BuildContext) -> DryRun:
    """Say what ``build`` would compute, without storing a vector, a shard or a release."""
    _record_views(context)
    while True:
        plans, missing = _plan(context)
        try:
            texts = _missing_texts(context, missing)
            break
        except _DocumentChanged:
            continue
    seconds = 0.0
    if texts:
        values = list(texts.values())
        sample = values[:: max(1, len(values) // _SAMPLE)][:_SAMPLE]
        embedder = context.load_embedder()
        embedder.encode_passages(sample[:1])
        began = time.perf_counter()
        embedder.encode_passages(sample)
        seconds = (time.perf_counter() - began) / len(sample) * len(texts)
    return DryRun(
        documents=sum(len(plan.documents) for plan in plans),
        passages=sum(plan.rows for plan in plans),
        embeddings=len(texts),
        shards=len(missing),
        seconds=seconds,
    )


def _record_views(context: BuildContext) -> None:
    for view in (context.recipe.passage, context.recipe.embedding, context.recipe.lexical):
        record_view(context.catalogue, view)


def _missing_texts(context: BuildContext, missing: Sequence[ShardPlan]) -> dict[bytes, str]:
    """The encoder inputs of some shards that have no vector yet, by key."""
    store = FeatureStore(context.storage, context.views.embedding_fingerprint)
    texts: dict[bytes, str] = {}
    for plan in missing:
        for keys, inputs in _encoder_inputs(context, _read_inputs(context, plan)):
            wanted = set(store.missing(keys))
            texts |= {key: text for key, text in zip(keys, inputs, strict=True) if key in wanted}
    return texts


def encoder_inputs_now(context: BuildContext, leave_out: LeaveOut = lambda key: False) -> dict[bytes, str]:
    """The encoder inputs of the documents there are now, some left out, by their key in the feature store."""
    while True:
        try:
            found: dict[bytes, str] = {}
            plan = ShardPlan("", [placed for placed in _chunked_documents(context) if not leave_out(placed.key)])
            for keys, texts in _encoder_inputs(context, _read_inputs(context, plan)):
                found.update(zip(keys, texts, strict=True))
            return found
        except _DocumentChanged:
            continue


def require_documents(catalogue: Catalogue) -> None:
    """Refuse to build from nothing; an emptied collection that was released before may well be built.

    Raises:
        InvalidInput: there is no document, and nothing was ever released.
    """
    if stable_recipe(catalogue) is None and next(catalogue.document_keys(), None) is None:
        raise InvalidInput("There is nothing to build: ingest documents first ('groundwork ingest --help').")


def build(context: BuildContext) -> BuildReport:
    """Build everything that is missing and release it. The release in service is untouched until the end.

    A new build of the recipe in service is served at once (a content release). The first recipe ever is deployed;
    any other recipe waits for ``deploy``.

    Raises:
        InvalidInput: there is no document to build from, and there never was.
        AlreadyRunning: another build of this home is running.
        FeatureViewChanged: a view was changed without a new version.
        BuildFailed: a new shard does not answer its own passages.
    """
    began = time.perf_counter()
    with exclusive(context.lock_path, "build"):
        require_documents(context.catalogue)
        withdraw_blocks(context.storage)
        _record_views(context)
        recipe = record_recipe(context.catalogue, context.recipe)
        job = start_job(context.catalogue, recipe.number, context.executor)
        try:
            plans, written, computed, seq = _build_shards(context, context.executor_for(job.id))
            shards = [context.storage.open(KIND, plan.name) for plan in plans]
            manifest = describe_snapshot(context.views, recipe.model, shards)
            publish_snapshot(context.storage, manifest)
            actor = current_user()
            release, is_new = record_release(context.catalogue, recipe.number, manifest.id, seq=seq, actor=actor)
            if stable_recipe(context.catalogue) is None:
                deploy(context.catalogue, recipe.number, reason="first release", actor=actor)
        except BaseException as error:
            state: State = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
            finish_job(context.catalogue, job.id, state, f"{type(error).__name__}: {error}")
            raise
        finish_job(context.catalogue, job.id, "done")
    return BuildReport(
        job=job.id,
        release=release,
        is_new=is_new,
        is_deployed=stable_recipe(context.catalogue) == recipe.number,
        documents=sum(len(plan.documents) for plan in plans),
        passages=sum(plan.rows for plan in plans),
        embeddings_computed=computed,
        shards_written=written,
        shards_kept=len(plans) - written,
        recall_at_10=min(
            (shard.info["lists"]["recall_at_10"] for shard in shards if "lists" in shard.info), default=None
        ),
        seconds=time.perf_counter() - began,
    )


class _DocumentChanged(Exception):
    """A document was written or deleted after the build had planned with it."""


def _build_shards(context: BuildContext, executor: Executor) -> tuple[list[ShardPlan], int, int, int]:
    """Plan and write until both saw the same documents: the plans, shards written, vectors computed, ``seq``."""
    written: set[str] = set()
    computed: list[int] = []
    for _ in range(_MOST_PLANS):
        seq = context.catalogue.sequence()
        plans, missing = _plan(context)
        try:
            _write_shards(context, executor, missing, computed.append)
        except _DocumentChanged:
            written.update(plan.name for plan in missing if _is_stored(context.storage, plan.name))
            continue
        written.update(plan.name for plan in missing)
        return plans, len(written & {plan.name for plan in plans}), sum(computed), seq
    raise BuildFailed(f"Documents changed during each of {_MOST_PLANS} attempts to build: build when writes are fewer.")


def _plan(context: BuildContext) -> tuple[list[ShardPlan], list[ShardPlan]]:
    """All shards of the new snapshot, and those of them that are not stored whole."""
    recipe = context.recipe
    shards = place(_chunked_documents(context), shard_rows=recipe.shard_rows, approximation=recipe.approximation)
    plans = [_plan_shard(context, shard) for shard in shards]
    return plans, [plan for plan in plans if not _is_stored(context.storage, plan.name)]


def _plan_shard(context: BuildContext, shard: PlacedShard) -> ShardPlan:
    """Name a shard by all that decides its bytes."""
    approximation = context.recipe.approximation
    min_recall = approximation.min_recall if approximation is not None and shard.is_approximate else None
    keys = [document.key for document in shard.documents]
    members = [[key.partition.tenant, key.partition.collection, key.id, key.record_sha256] for key in keys]
    how = [EXACT_FORMAT] if min_recall is None else [APPROXIMATE_FORMAT, min_recall]
    return ShardPlan(fingerprint([*how, context.views.fingerprint, members])[:32], shard.documents, min_recall)


def _is_stored(storage: Storage, name: str) -> bool:
    try:
        Shard(storage.open(KIND, name))
    except (ArtefactMissing, ArtefactCorrupt, FormatUnknown):
        return False
    return True


def _chunked_documents(context: BuildContext) -> list[PlacedDocument]:
    """Every document with the number of its passages, as of one moment; documents written meanwhile are chunked too."""
    sql = (
        "SELECT d.tenant, d.collection, d.id, d.content_sha256, d.record_sha256, p.count FROM documents d"
        " LEFT JOIN passages p ON p.view_fingerprint = ? AND p.content_sha256 = d.content_sha256"
        " ORDER BY d.tenant, d.collection, d.id"
    )
    while True:
        _chunk_new_documents(context)
        rows = list(context.catalogue.rows(sql, (context.views.passage_fingerprint,)))
        if all(row["count"] is not None for row in rows):
            return [
                PlacedDocument(
                    DocumentKey(
                        Partition(row["tenant"], row["collection"]),
                        row["id"],
                        row["content_sha256"],
                        row["record_sha256"],
                    ),
                    row["count"],
                )
                for row in rows
            ]


def _chunk_new_documents(context: BuildContext) -> None:
    """Compute the spans of every document content that this passage view has not seen yet."""
    view = context.views.passage_fingerprint
    sql = (
        "SELECT d.tenant, d.collection, d.id FROM documents d WHERE NOT EXISTS (SELECT 1 FROM passages p"
        " WHERE p.view_fingerprint = ? AND p.content_sha256 = d.content_sha256)"
    )
    waiting = list(context.catalogue.rows(sql, (view,)))
    for start in range(0, len(waiting), _BATCH):
        rows = []
        for row in waiting[start : start + _BATCH]:
            try:
                document = context.catalogue.document(Partition(row["tenant"], row["collection"]), row["id"])
            except NotFound:
                continue  # deleted since it was listed
            spans = context.chunker.spans(document)
            stored = json.dumps([[span.start, span.end, list(span.headings)] for span in spans])
            rows.append((view, document.content_sha256, len(spans), stored))
        with context.catalogue.write() as db:
            db.conn.executemany("INSERT OR IGNORE INTO passages VALUES (?, ?, ?, ?)", rows)
        context.on_progress("passages", min(start + _BATCH, len(waiting)), len(waiting))


def _read_inputs(context: BuildContext, plan: ShardPlan) -> list[ShardInput]:
    inputs = []
    for placed in plan.documents:
        try:
            document = context.catalogue.document(placed.key.partition, placed.key.id)
        except NotFound as error:
            raise _DocumentChanged from error
        row = context.catalogue.row(
            "SELECT spans FROM passages WHERE view_fingerprint = ? AND content_sha256 = ?",
            (context.views.passage_fingerprint, placed.key.content_sha256),
        )
        if row is None or document.record_sha256 != placed.key.record_sha256:
            raise _DocumentChanged
        spans = [Span(start, end, tuple(headings)) for start, end, headings in json.loads(row["spans"])]
        inputs.append(ShardInput(placed.key.partition, document, context.chunker.passages(document, spans)))
    return inputs


def _encoder_inputs(context: BuildContext, inputs: Sequence[ShardInput]) -> Iterator[tuple[list[bytes], list[str]]]:
    """Keys and encoder inputs of a shard's passages, a document at a time."""
    view = context.views.embedding_fingerprint
    for item in inputs:
        texts = [passage.encoder_input for passage in item.passages]
        yield [vector_key(view, text) for text in texts], texts


def _embed_blocks(
    context: BuildContext, missing: Sequence[ShardPlan], store: FeatureStore, on_known: Callable[[int], None]
) -> Iterator[EmbedBlock]:
    """The blocks of encoder inputs that have no vector yet; ``on_known`` is told of passages that need none."""
    views = context.views
    waiting: dict[bytes, str] = {}
    claimed: set[bytes] = set()

    def block() -> EmbedBlock:
        texts = tuple(waiting.pop(key) for key in list(islice(waiting, context.block_size)))
        return EmbedBlock(context.recipe.model, views.embedding.precision, views.embedding_fingerprint, texts)

    for plan in missing:
        for keys, texts in _encoder_inputs(context, _read_inputs(context, plan)):
            pairs = zip(keys, texts, strict=True)
            fresh = {key: text for key, text in pairs if key not in store and key not in claimed}
            claimed.update(fresh)
            waiting.update(fresh)
            if len(keys) > len(fresh):
                on_known(len(keys) - len(fresh))
        while len(waiting) >= context.block_size:
            yield block()
    if waiting:
        yield block()


def _shard_blocks(context: BuildContext, missing: Sequence[ShardPlan], store: FeatureStore) -> Iterator[ShardBlock]:
    view, language = context.views.embedding_fingerprint, context.recipe.lexical.language
    for plan in missing:
        inputs = tuple(_read_inputs(context, plan))
        keys = [key for keys, _ in _encoder_inputs(context, inputs) for key in keys]
        yield ShardBlock(plan.name, view, language, inputs, tuple(store.sources(keys)), plan.min_recall)


def _write_shards(
    context: BuildContext, executor: Executor, missing: Sequence[ShardPlan], on_computed: Callable[[int], None]
) -> None:
    """Embed what has no vector, then write the missing shards; ``on_computed`` is told of vectors once stored."""
    if not missing:
        return
    store = FeatureStore(context.storage, context.views.embedding_fingerprint)
    total, done = sum(plan.rows for plan in missing), 0

    def count(passages: int) -> None:
        nonlocal done
        done += passages
        context.on_progress("vectors", done, total)

    for block in executor.run(_embed_blocks(context, missing, store, count)):
        store.include(block.name)
        if isinstance(block, EmbedBlock):
            on_computed(len(block.texts))
            count(len(block.texts))
    for written, _ in enumerate(executor.run(_shard_blocks(context, missing, store)), 1):
        context.on_progress("shards", written, len(missing))


def report_json(report: BuildReport | DryRun) -> dict[str, object]:
    """A report as plain JSON."""
    value = asdict(report)
    if isinstance(report, BuildReport):
        value["release"] = {**value["release"], "number": report.release.number}
    return value
