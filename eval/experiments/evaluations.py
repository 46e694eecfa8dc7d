"""Evaluating a release: what it scores on a query set, measured once for the same inputs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice

import numpy as np

from eval.datasets.query_sets import QuerySet, contents_fingerprint
from eval.experiments.artefact_release import ArtefactOpener, DocumentValues
from eval.experiments.evaluation_files import EvaluatedQueries
from eval.experiments.evaluation_task import (
    BLOCK_QUERIES,
    EvaluationExecutor,
    EvaluationOutput,
    EvaluationTask,
    LocalEvaluationExecutor,
)
from eval.experiments.experiment import Latency, utc_now
from eval.experiments.kept_evaluations import (
    RANKS_KEPT,
    Evaluation,
    evaluation_of,
    keep_evaluation,
    kept_evaluation,
    read_evaluation,
)
from eval.experiments.measures import EVERY_MEASURE, JUDGED, run_from_ranking, score_run
from eval.experiments.partition_content import PartitionContent, read_content
from eval.experiments.targets import library_versions
from eval.experiments.told_evaluations import tell_evaluation
from indexing.catalogue.evaluations import EvaluationRow
from indexing.errors import GroundworkError, InvalidInput, NotFound
from indexing.features.feature_values import numbers_of
from indexing.features.point_in_time import get_historical
from indexing.home import Home
from indexing.records import MODES, Partition, fingerprint, moment_text
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release, find_release
from indexing.releases.soundness import require_sound
from indexing.snapshots.snapshot import Snapshot

__all__ = ["Evaluation", "evaluate", "judgments_of", "read_evaluation"]
Progress = Callable[[int, int], None]
"""Told how many queries are done, and of how many."""


def judgments_of(query_set: QuerySet) -> str:
    """Identifies the queries and judgments of a set, whatever its name."""
    return contents_fingerprint(query_set.queries, query_set.qrels)


def evaluate(
    home: Home,
    release: str | int,
    query_set: QuerySet,
    *,
    mode: str = "hybrid",
    k: int = 100,
    partition: Partition | None = None,
    executor: EvaluationExecutor | None = None,
    on_progress: Progress = lambda done, total: None,
    clock: Callable[[], datetime] = utc_now,
) -> Evaluation:
    """What a release scores on a query set; measured only where that was not done before.

    Args:
        home: Where the release is, and where the result is kept.
        release: ``12.3``, or a recipe's number for its newest release.
        query_set: At least one query.
        mode: ``hybrid``, ``dense`` or ``lexical``.
        k: Documents to ask for, >= 1.
        partition: Where to search; by default the partition of the query set.
        executor: Who searches; by default this process.
        on_progress: Told after each block of queries.
        clock: Tells the moment of ``created_at`` and of the documents' features.

    Raises:
        NotFound: there is no such release, or it holds nothing of the partition.
        InvalidInput: the set is empty or names no partition and none is given, the mode is unknown, ``k`` is below 1.
        GroundworkError: the release cannot be searched whole, or an erasure rewrote it meanwhile.
    """
    searched = _checked(query_set, mode, k, partition)
    found = find_release(home.catalogue, str(release))
    recipe = read_recipe(home.catalogue, found.recipe)
    now = clock()
    values = boost_values(home, found, recipe, searched, now)
    identity = fingerprint(
        {
            "release": found.number,
            "snapshot": found.snapshot,
            "recipe": recipe.fingerprint,
            "partition": asdict(searched),
            "set": [query_set.name, query_set.version, query_set.split, judgments_of(query_set)],
            "search": [mode, k],
            "values": fingerprint(values),
            "measures": list(EVERY_MEASURE),
            "keeps": ["rankings", "scores of hits"],
            "libraries": library_versions(),
        }
    )
    kept = kept_evaluation(home, identity)
    if kept is not None:
        return kept
    require_sound(home, found, recipe)
    content = read_content(Snapshot(home.storage, found.snapshot), searched)
    if not content.ids:
        raise NotFound(f"Release {found.number} holds no document of {searched}: ingest and build it first.")
    whole = EvaluationTask(
        found.number, found.snapshot, recipe.manifest, searched, mode, k, dict(query_set.queries), values
    )
    opener = ArtefactOpener(home.storage, sessions=home.settings.sessions, max_shards=home.settings.max_open_shards)
    output = _search(executor or LocalEvaluationExecutor(opener), whole, on_progress)
    row, queries = _scored(identity, found, query_set, whole, content, output, moment_text(now))
    keep_evaluation(home, row, queries)
    done = evaluation_of(row, queries)
    tell_evaluation(home.settings, done)
    return done


def _checked(query_set: QuerySet, mode: str, k: int, partition: Partition | None) -> Partition:
    searched = partition or query_set.partition
    if searched is None:
        raise InvalidInput(f"Query set {query_set.name!r} names no collection; expected one that its documents are of.")
    if mode not in MODES or k < 1 or not query_set.queries:
        raise InvalidInput(
            f"mode {mode!r}, k {k}, {len(query_set.queries)} queries: expected {', '.join(MODES)}, and at least 1 each."
        )
    return searched


def boost_values(home: Home, release: Release, recipe: Recipe, partition: Partition, at: datetime) -> DocumentValues:
    """What a recipe's boosts use of a release's documents at a moment; documents without a value are left out."""
    if not recipe.retrieval.boosts:
        return {}
    ids = sorted(read_content(Snapshot(home.storage, release.snapshot), partition).ids)
    found = get_historical(home.catalogue, recipe.boost_features, [(partition, name) for name in ids], at)
    numbers = {name: numbers_of(values) for name, values in zip(ids, found, strict=True)}
    return {name: values for name, values in numbers.items() if values}


def _search(executor: EvaluationExecutor, whole: EvaluationTask, on_progress: Progress) -> EvaluationOutput:
    """The output of a task, by blocks; every query is there."""
    found = EvaluationOutput({}, {})
    on_progress(0, len(whole.queries))
    for output in executor.run(_blocks(whole)):
        found.rankings.update(output.rankings)
        found.latencies_ms.update(output.latencies_ms)
        found.hit_scores.update(output.hit_scores)
        on_progress(len(found.rankings), len(whole.queries))
    if missing := whole.queries.keys() - found.rankings.keys():
        raise GroundworkError(
            f"{len(missing)} of {len(whole.queries)} queries were not searched, such as {min(missing)!r}: run it again."
        )
    return found


def _blocks(whole: EvaluationTask) -> Iterator[EvaluationTask]:
    left = iter(whole.queries.items())
    while block := dict(islice(left, BLOCK_QUERIES)):
        yield EvaluationTask(
            whole.release, whole.snapshot, whole.recipe, whole.partition, whole.mode, whole.k, block, whole.values
        )


def _scored(
    identity: str,
    release: Release,
    query_set: QuerySet,
    task: EvaluationTask,
    content: PartitionContent,
    output: EvaluationOutput,
    created_at: str,
) -> tuple[EvaluationRow, EvaluatedQueries]:
    rankings = {query_id: output.rankings[query_id] for query_id in query_set.queries}
    qrels = {query_id: query_set.qrels[query_id] for query_id in query_set.queries}
    scores = score_run(qrels, {name: run_from_ranking(ids) for name, ids in rankings.items()}, EVERY_MEASURE)
    per_query = scores.per_query
    # Of a ranking that is empty nothing is left to be judged, and coverage must not fall where answers are missing.
    per_query[JUDGED] = {name: score if rankings[name] else 1.0 for name, score in per_query[JUDGED].items()}
    gone = {
        name: sorted(one for one, grade in grades.items() if grade > 0 and one not in content.ids)
        for name, grades in qrels.items()
    }
    queries = EvaluatedQueries(
        partition=task.partition,
        scores=per_query,
        rankings={name: ids[:RANKS_KEPT] for name, ids in rankings.items()},
        absent={name: ids for name, ids in gone.items() if ids},
        judged_scores={
            name: [(score, qrels[name].get(one, 0) > 0) for one, score in zip(rankings[name], scores, strict=True)][
                :RANKS_KEPT
            ]
            for name, scores in output.hit_scores.items()
        },
    )
    p50, p95, p99 = (float(one) for one in np.percentile(list(output.latencies_ms.values()), [50, 95, 99]))
    row = EvaluationRow(
        id=identity,
        recipe=release.recipe,
        release=release.number,
        snapshot=release.snapshot,
        seq=release.seq,
        tenant=task.partition.tenant,
        collection=task.partition.collection,
        query_set=query_set.name,
        version=query_set.version,
        split=query_set.split,
        mode=task.mode,
        k=task.k,
        queries=len(rankings),
        documents=content.documents,
        judgments=judgments_of(query_set),
        means={name: math.fsum(values.values()) / len(values) for name, values in per_query.items()},
        latency=asdict(Latency(p50, p95, p99)),
        created_at=created_at,
    )
    return row, queries
