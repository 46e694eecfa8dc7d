"""Judging a stored query set in batches, so that an erasure waits for one batch and not for the whole set."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import read_query_set
from eval.judging.judgement import Judgement, save_judgement, summarise
from eval.judging.judging import Asking, judge_samples
from eval.judging.metrics import Metric
from eval.judging.retrieved_samples import retrieve_samples
from eval.judging.samples import Sample, samples_fingerprint
from indexing.catalogue.database import utc_now
from indexing.catalogue.erasures import list_erasures
from indexing.catalogue.query_sets import contents_of
from indexing.errors import InvalidInput, NotReady
from indexing.home import Home
from indexing.models.embedder import Embedder
from indexing.records import Json
from indexing.retention.evaluation_files import EVALUATIONS
from indexing.retention.judgement_files import JUDGE_LOCK

BATCH = 20
"""Queries that are searched and judged with ``JUDGE_LOCK`` held. Source: our choice, a minute or so of a judge."""
PAUSE_SECONDS = 1.0
"""Between batches that asked a model, in which an erasure that waits gets the lock: it asks five times in it."""
LOCKED = "judging of samples, or an erasure"
_Part = tuple[Sequence[Sample], Judgement]


@dataclass(frozen=True, slots=True)
class Judging:
    """How a set is judged: metrics, whom to ask, what compares questions, how to search, and what is noted of it."""

    metrics: Sequence[Metric]
    asking: Asking
    embedder: Embedder | None
    noted: Json
    k: int
    mode: str
    on_progress: Callable[[int], None]
    """Told of each sample."""


def judge_in_batches(
    home: Home,
    query_set: QuerySet,
    how: Judging,
    *,
    size: int = BATCH,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[Judgement, Path]:
    """Judge what the release in service finds for a stored set, and save it; gives the judgement and its file.

    Texts are read, searched and judged with the lock of erasures held. What was erased between two batches is neither
    asked about nor in the judgement.

    Raises:
        NotReady: nothing is released, or another release came in service meanwhile.
        InvalidInput: all of it was erased meanwhile.
        NotFound: the release does not hold the set's collection, or the set was erased.
        AlreadyRunning: another process judges in this home, or erases from it.
    """
    ids, parts, budget = list(query_set.queries), list[_Part](), how.asking.budget
    erasures = len(list_erasures(home.catalogue))
    for start in range(0, len(ids), size):
        if start and how.asking.endpoint is not None:
            wait(PAUSE_SECONDS)
        with home.storage.lock(JUDGE_LOCK, LOCKED):
            batch = _there(home, query_set, ids[start : start + size])
            if batch.queries:
                parts.append(_judge(home, batch, how, budget, start))
                _require_one_release(parts)
        if parts and budget is not None:
            budget = (how.asking.budget or 0) - sum(part.costs.get("requests", 0) for _, part in parts)
    with home.storage.lock(JUDGE_LOCK, LOCKED):
        kept = _kept(home, query_set, parts, is_erased=len(list_erasures(home.catalogue)) > erasures)
        judgement = _joined(parts, kept, how.metrics)
        return judgement, save_judgement(judgement, home.path / EVALUATIONS)


def _judge(home: Home, batch: QuerySet, how: Judging, budget: int | None, start: int) -> _Part:
    samples, inputs = retrieve_samples(home, batch, k=how.k, mode=how.mode)
    judgement = judge_samples(
        home,
        samples,
        how.metrics,
        asking=replace(how.asking, budget=budget),
        embedder=how.embedder,
        inputs={**inputs, **how.noted},
        on_progress=lambda done: how.on_progress(start + done),
    )
    return samples, judgement


def _there(home: Home, query_set: QuerySet, ids: Sequence[str]) -> QuerySet:
    """Some queries of the set as its version is now: what was erased is in no version."""
    split = None if query_set.split == "all" else query_set.split
    now = read_query_set(home, query_set.name, split=split, version=query_set.version)
    queries = {one: now.queries[one] for one in ids if one in now.queries}
    return replace(now, queries=queries, qrels={one: now.qrels[one] for one in queries})


def _require_one_release(parts: Sequence[_Part]) -> None:
    first, last = parts[0][1].inputs["release"], parts[-1][1].inputs["release"]
    if first != last:
        raise NotReady(f"Release {last} came in service while {first} was judged: judge again.")


def _kept(home: Home, query_set: QuerySet, parts: Sequence[_Part], *, is_erased: bool) -> set[str]:
    """The samples of which nothing was erased; what an erasure took is known by what is not there any more."""
    there = _there(home, query_set, list(query_set.queries)).queries
    samples = [one for some, _ in parts for one in some if one.id in there]
    if is_erased:
        named = {document for one in samples for document in one.documents}
        partition = query_set.partition
        documents: Collection[str] = () if partition is None else contents_of(home.catalogue, partition, named)
        samples = [one for one in samples if one.documents <= set(documents)]
    if not samples:
        raise InvalidInput(f"Nothing of query set {query_set.name!r} is left to judge: it was erased meanwhile.")
    return {one.id for one in samples}


def _joined(parts: Sequence[_Part], kept: set[str], metrics: Sequence[Metric]) -> Judgement:
    judged = [one for _, part in parts for one in part.samples if one.id in kept]
    samples = [one for some, _ in parts for one in some if one.id in kept]
    costs = Counter[str]()
    for _, part in parts:
        costs.update(part.costs)
    return Judgement(
        made_at=utc_now(),
        inputs={**parts[0][1].inputs, "samples": samples_fingerprint(samples)},
        costs=dict(costs),
        summaries=tuple(
            summarise(one.name, (sample.outcomes[one.name] for sample in judged), low=one.low, high=one.high)
            for one in metrics
        ),
        samples=tuple(judged),
    )
