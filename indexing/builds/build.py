"""Build: documents to passages to vectors to shards to a snapshot to a release. Plain functions, no broker needed.

Every step leaves durable, content-addressed results, so a build that was killed goes on where it stopped and a build of
unchanged documents computes and writes nothing.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count, islice

from indexing.builds.collection_languages import decide_languages
from indexing.builds.context import BuildContext
from indexing.builds.leg_check import check_legs
from indexing.builds.plan import (
    MOST_PLANS,
    DocumentChanged,
    ShardPlan,
    encoder_inputs,
    is_stored,
    languages_of_shard,
    plan_shards,
    planned_from,
    read_inputs,
)
from indexing.builds.tasks import EmbedTask, Executor, ShardTask, withdraw_tasks
from indexing.catalogue.calibrations import read_calibrations
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.document_versions import forget_versions_older_than
from indexing.catalogue.documents import document_keys
from indexing.catalogue.jobs import State, finish_job, require_not_cancelled, start_job
from indexing.catalogue.judgment_candidates import forget_candidates_older_than
from indexing.catalogue.leg_samples import replace_leg_samples
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.tenants import record_passages
from indexing.errors import BuildCancelled, FeatureViewChanged, GroundworkError, InvalidInput
from indexing.features.embedding_store import FeatureStore, feature_kind, merge_small_blocks
from indexing.features.materialise import materialise
from indexing.features.view_registry import record_view
from indexing.indexes.analysers import AUTO
from indexing.records import Partition
from indexing.releases.deployments import deploy
from indexing.releases.leg_rule import leg_warnings, weight_changes
from indexing.releases.recipes import record_recipe
from indexing.releases.release import Release, newest_release, record_release
from indexing.releases.soundness import require_whole
from indexing.settings import current_user
from indexing.snapshots.collection_calibration import CollectionCalibration
from indexing.snapshots.leg_counts import CollectionLegs, with_calibrations, with_languages
from indexing.snapshots.manifest import describe_snapshot, publish_snapshot, read_snapshot
from indexing.snapshots.shard import KIND
from indexing.storage.store import BUILD_LOCK

logger = logging.getLogger(__name__)
_ASK_SECONDS = 1.0
"""How often a build in its own process asks whether its job was cancelled. Our choice."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. ``recall_at_10`` is the lowest of its approximate indexes, ``None`` if there is none.

    Of its ``seconds`` the leg check took ``leg_check_seconds``.

    ``warnings`` say which collections a leg cannot search, ``weight_changes`` where that changed what the legs weigh in
    hybrid search.
    """

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
    warnings: tuple[str, ...] = ()
    weight_changes: tuple[str, ...] = ()
    leg_check_seconds: float = 0.0


def record_views(context: BuildContext) -> None:
    """Record the views of a context's recipe, whose definitions hold for ever.

    Raises:
        FeatureViewChanged: one was changed without a new version.
    """
    recipe = context.recipe
    for view in (recipe.passage, recipe.embedding, recipe.lexical, recipe.conversation, *recipe.document_views):
        if view is not None:
            record_view(context.catalogue, view)


def require_documents(catalogue: Database) -> None:
    """Refuse to build from nothing; an emptied collection that was released before may well be built.

    Raises:
        InvalidInput: there is no document, and nothing was ever released.
    """
    if stable_recipe(catalogue) is None and next(document_keys(catalogue), None) is None:
        raise InvalidInput("There is nothing to build: ingest documents first ('groundwork ingest --help').")


def build(
    context: BuildContext,
    *,
    conclude: Callable[[Release], None] = lambda release: None,
    actor: str | None = None,
) -> BuildReport:
    """Build everything that is missing and release it. The release in service is untouched until the end.

    A new build of the recipe in service is served at once (a content release). The first recipe ever is deployed;
    any other recipe waits for ``deploy``.

    Args:
        context: What the build works with.
        conclude: Told the release inside the transaction that records it: what it writes is written with it or not at
            all, and where it raises an error there is no release.
        actor: Who has it built, for the records; the user of this process unless told otherwise.

    Raises:
        InvalidInput: there is no document to build from, and there never was.
        AlreadyRunning: another build of this home is running.
        FeatureViewChanged: a view was changed without a new version.
        BuildFailed: a new shard does not answer its own passages, or the snapshot is not what was planned.
        BuildCancelled: the job was cancelled before its release.
    """
    began, actor = time.perf_counter(), actor or current_user()
    with context.storage.lock(BUILD_LOCK):
        require_documents(context.catalogue)
        withdraw_tasks(context.storage)
        record_views(context)
        recipe = record_recipe(context.catalogue, context.recipe)
        job = start_job(context.catalogue, recipe.number, context.executor, actor)
        context = _cancellable(context, job.id)
        features = feature_kind(context.views.embedding_fingerprint)
        blocks = context.storage.list(features)  # before the plan, so that it holds all that they are of
        try:
            before = _legs_before(context, recipe.number)
            context = in_languages(context, before)
            plans, written, computed, seq = _build_shards(context, context.executor_for(job.id))
            _materialise(context)
            shards = [context.storage.open(KIND, plan.name) for plan in plans]
            check_began = time.perf_counter()
            legs = check_legs(context, recipe.number, plans, before)
            check_seconds = time.perf_counter() - check_began
            collections = _with_calibrations(
                context, recipe.number, plans, with_languages(legs.collections, context.languages)
            )
            manifest = describe_snapshot(context.views, recipe.model, shards, collections)
            require_whole(manifest, {plan.name: plan.rows for plan in plans})
            publish_snapshot(context.storage, manifest)
            with context.catalogue.write():
                require_not_cancelled(context.catalogue, job.id)
                release, is_new = record_release(context.catalogue, recipe.number, manifest.id, seq=seq, actor=actor)
                counts = ((placed.key.partition, placed.rows) for plan in plans for placed in plan.documents)
                record_passages(context.catalogue, counts)
                if legs.is_new:
                    replace_leg_samples(context.catalogue, recipe.number, legs.samples)
                if stable_recipe(context.catalogue) is None:
                    deploy(context.catalogue, recipe.number, reason="first release", actor=actor)
                conclude(release)
                finish_job(context.catalogue, job.id, "done")
            if is_new:
                merge_small_blocks(context.storage, features, blocks)
            forget_versions_older_than(context.catalogue, context.ledger_days, utc_now())
            forget_candidates_older_than(context.catalogue, context.ledger_days, utc_now())
        except BaseException as error:
            _end(context, job.id, error)
            raise
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
            (one.facts.lists.recall_at_10 for one in manifest.shards if one.facts.lists is not None), default=None
        ),
        seconds=time.perf_counter() - began,
        warnings=tuple(leg_warnings(recipe.model, legs.collections)),
        weight_changes=tuple(weight_changes(before, legs.collections, recipe.retrieval.dense_weight)),
        leg_check_seconds=check_seconds,
    )


def _end(context: BuildContext, job: int, error: BaseException) -> None:
    """Write down why a build ended without a release, and take back what workers were to do for it."""
    state: State = "cancelled" if isinstance(error, (KeyboardInterrupt, BuildCancelled)) else "failed"
    reason = str(error) if isinstance(error, BuildCancelled) else f"{type(error).__name__}: {error}"
    finish_job(context.catalogue, job, state, reason)
    with suppress(GroundworkError, OSError):  # the next build does it otherwise
        withdraw_tasks(context.storage)


def _cancellable(context: BuildContext, job: int) -> BuildContext:
    """The context of a build that ends at its next block, shard or view once its job is cancelled."""
    tell, asked_at = context.on_progress, -math.inf

    def on_progress(stage: str, done: int, total: int) -> None:
        nonlocal asked_at
        if (now := time.monotonic()) - asked_at >= _ASK_SECONDS:
            asked_at = now
            require_not_cancelled(context.catalogue, job)
        tell(stage, done, total)

    return replace(context, on_progress=on_progress)


def in_languages(context: BuildContext, before: Mapping[Partition, CollectionLegs]) -> BuildContext:
    """The context with the language of each collection, where the recipe leaves that to the build."""
    if context.recipe.lexical.language != AUTO:
        return context
    known = {partition: one.analysed_as for partition, one in before.items() if one.analysed_as is not None}
    return replace(context, languages=decide_languages(context.catalogue, known))


def _with_calibrations(
    context: BuildContext, recipe: int, plans: Sequence[ShardPlan], legs: Sequence[CollectionLegs]
) -> tuple[CollectionLegs, ...]:
    """The legs with what was fitted to judgments, of the collections that the snapshot holds."""
    held = {placed.key.partition for plan in plans for placed in plan.documents}
    fitted = read_calibrations(context.catalogue, recipe)
    return with_calibrations(
        legs, {one: CollectionCalibration.from_json(body) for one, body in fitted.items() if one in held}
    )


def _legs_before(context: BuildContext, recipe: int) -> dict[Partition, CollectionLegs]:
    """The legs of each collection in the recipe's last snapshot, as far as that can be read."""
    release = newest_release(context.catalogue, recipe)
    if release is None:
        return {}
    try:
        legs = read_snapshot(context.storage, release.snapshot).legs
    except GroundworkError as error:
        logger.warning(
            "build.snapshot_before_unread", extra={"fields": {"release": release.number, "reason": str(error)}}
        )
        return {}
    return {one.partition: one for one in legs}


def _build_shards(context: BuildContext, executor: Executor) -> tuple[list[ShardPlan], int, int, int]:
    """Plan and write until both saw the same documents: the plans, shards written, vectors computed, ``seq``.

    When documents change again and again, both see the documents of one moment.
    """
    written: set[str] = set()
    computed: list[int] = []
    for attempt in count():
        with planned_from(context, is_frozen=attempt == MOST_PLANS) as now:
            seq = now.catalogue.sequence()
            plans, missing = plan_shards(now)
            try:
                _write_shards(now, executor, missing, computed.append)
            except DocumentChanged:
                written.update(plan.name for plan in missing if is_stored(context.storage, plan.name))
                continue
        written.update(plan.name for plan in missing)
        break
    return plans, len(written & {plan.name for plan in plans}), sum(computed), seq


def _materialise(context: BuildContext) -> None:
    """Bring the values that the recipe's boosts use up to date, as far as they are computed and not pushed.

    Where this version's code is not the one that a view names, its values stay as they are; skew says how far off.
    """
    for view in context.recipe.document_views:
        if view.transformation is None:
            continue
        try:
            materialise(context.catalogue, view, on_progress=context.on_progress)
        except FeatureViewChanged as error:
            logger.warning("features.not_materialised", extra={"fields": {"view": view.id, "reason": str(error)}})


def _embed_tasks(
    context: BuildContext,
    missing: Sequence[ShardPlan],
    store: FeatureStore,
    needed: dict[str, list[bytes]],
    on_known: Callable[[int], None],
) -> Iterator[EmbedTask]:
    """The tasks of encoder inputs that have no vector yet; ``on_known`` is told of passages that need none.

    Puts the keys of every shard's passages into ``needed``.
    """
    views = context.views
    waiting: dict[bytes, str] = {}
    claimed: set[bytes] = set()

    def task() -> EmbedTask:
        texts = tuple(waiting.pop(key) for key in list(islice(waiting, context.block_size)))
        return EmbedTask(context.recipe.model, views.embedding.precision, views.embedding_fingerprint, texts)

    for plan in missing:
        needed[plan.name] = []
        for keys, texts in encoder_inputs(context, read_inputs(context, plan)):
            needed[plan.name] += keys
            pairs = zip(keys, texts, strict=True)
            fresh = {key: text for key, text in pairs if key not in store and key not in claimed}
            claimed.update(fresh)
            waiting.update(fresh)
            if len(keys) > len(fresh):
                on_known(len(keys) - len(fresh))
            while len(waiting) >= context.block_size:
                yield task()
    if waiting:
        yield task()


def _shard_tasks(
    context: BuildContext, missing: Sequence[ShardPlan], store: FeatureStore, needed: dict[str, list[bytes]]
) -> Iterator[ShardTask]:
    view, lexical = context.views.embedding_fingerprint, context.recipe.lexical
    for plan in missing:
        keys = tuple(needed.pop(plan.name))
        sources = tuple(store.sources(keys))
        inputs = read_inputs(context, plan)
        languages = () if context.languages is None else tuple(languages_of_shard(context, plan.documents))
        yield ShardTask(
            plan.name, view, lexical.language, inputs, keys, sources, plan.min_recall, lexical.algorithm, languages
        )


def _write_shards(
    context: BuildContext, executor: Executor, missing: Sequence[ShardPlan], on_computed: Callable[[int], None]
) -> None:
    """Embed what has no vector, then write the missing shards; ``on_computed`` is told of vectors once stored."""
    if not missing:
        return
    store = FeatureStore(context.storage, context.views.embedding_fingerprint)
    needed: dict[str, list[bytes]] = {}
    total, done = sum(plan.rows for plan in missing), 0

    def tell(passages: int) -> None:
        nonlocal done
        done += passages
        context.on_progress("vectors", done, total)

    for task in executor.run(_embed_tasks(context, missing, store, needed, tell)):
        store.include(task.name)
        if isinstance(task, EmbedTask):
            on_computed(len(task.texts))
            tell(len(task.texts))
    for written, _ in enumerate(executor.run(_shard_tasks(context, missing, store, needed)), 1):
        context.on_progress("shards", written, len(missing))


def report_json(report: BuildReport) -> dict[str, object]:
    """A report as plain JSON."""
    value = asdict(report)
    return {**value, "release": {**value["release"], "number": report.release.number}}
