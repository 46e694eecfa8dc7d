"""Judging a stored query set or a file in batches, so that an erasure waits for one batch and not for all of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

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
from indexing.retention.judgement_files import JUDGE_LOCK, JUDGEMENTS
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import PRIVATE_FILE

BATCH = 20
"""Queries or samples that are judged with ``JUDGE_LOCK`` held. Source: our choice, a minute or so of a judge."""
PAUSE_SECONDS = 1.0
"""Between batches that asked a model, in which an erasure that waits gets the lock: it asks five times in it.
Our choice."""
DRAFT_DAYS = 1
"""Days after which a draft that was not written again is one of a run that was killed. Our choice."""
LOCKED = "judging of samples, or an erasure"
_Part = tuple[Sequence[Sample], Judgement]


@dataclass(frozen=True, slots=True)
class Judging:
    """How to judge: metrics, whom to ask, what compares questions, what is noted of it, and how a set is searched."""

    metrics: Sequence[Metric]
    asking: Asking
    embedder: Embedder | None
    noted: Json
    on_progress: Callable[[int], None]
    """Told of each sample."""
    k: int = 10
    mode: str = "hybrid"


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
        budget = _left(how.asking.budget, parts)
    with home.storage.lock(JUDGE_LOCK, LOCKED):
        kept = _kept(home, query_set, parts, is_erased=len(list_erasures(home.catalogue)) > erasures)
        judgement = _joined(parts, kept, how.metrics)
        return judgement, save_judgement(judgement, home.path / EVALUATIONS)


def judge_samples_in_batches(
    home: Home,
    samples: Sequence[Sample],
    how: Judging,
    *,
    size: int = BATCH,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[Judgement, Path]:
    """Judge samples that a person brought, and save what is said of them; gives the judgement and its file.

    What was judged lies in the home between two batches, where an erasure takes its part out: that is in no judgement.

    Raises:
        InvalidInput: there is no sample.
        AlreadyRunning: another process judges in this home, or erases from it.
    """
    parts, kept = list[_Part](), set[str]()
    draft = _draft_in(home)
    for start in range(0, len(samples), size):
        if start and how.asking.endpoint is not None:
            wait(PAUSE_SECONDS)
        with home.storage.lock(JUDGE_LOCK, LOCKED):
            kept &= _ids_in(draft)
            batch = samples[start : start + size]
            parts.append((batch, _judge_samples(home, batch, {}, how, _left(how.asking.budget, parts), start)))
            kept |= {one.id for one in batch}
            if start + size < len(samples):
                _keep_draft(draft, parts, kept)
                continue
            judgement = _joined(parts, kept, how.metrics)
            path = save_judgement(judgement, home.path / EVALUATIONS)
            draft.unlink(missing_ok=True)
            return judgement, path
    raise InvalidInput("No sample to judge; expected at least one.")


def _draft_in(home: Home) -> Path:
    """A file for what was judged so far, which is no judgement yet; those that killed runs left are removed."""
    folder = home.path / EVALUATIONS / JUDGEMENTS
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    for left in folder.glob(".*.json"):
        if time.time() - left.stat().st_mtime > DRAFT_DAYS * 86_400:
            left.unlink(missing_ok=True)
    return folder / f".{uuid4().hex}.json"


def _keep_draft(path: Path, parts: Sequence[_Part], kept: Collection[str]) -> None:
    judged = tuple(one for _, part in parts for one in part.samples if one.id in kept)
    content = Judgement(utc_now(), {}, {}, (), judged).to_json()
    write_atomically(path, json.dumps(content).encode(), mode=PRIVATE_FILE)


def _ids_in(draft: Path) -> set[str]:
    """The samples of a draft; none where all were erased, which removes the file."""
    return {str(one["id"]) for one in json.loads(draft.read_bytes())["samples"]} if draft.exists() else set()


def _left(budget: int | None, parts: Sequence[_Part]) -> int | None:
    """The requests that may still be sent."""
    return None if budget is None else budget - sum(part.costs.get("requests", 0) for _, part in parts)


def _judge(home: Home, batch: QuerySet, how: Judging, budget: int | None, start: int) -> _Part:
    samples, inputs = retrieve_samples(home, batch, k=how.k, mode=how.mode)
    return samples, _judge_samples(home, samples, inputs, how, budget, start)


def _judge_samples(
    home: Home, samples: Sequence[Sample], inputs: Json, how: Judging, budget: int | None, start: int
) -> Judgement:
    return judge_samples(
        home,
        samples,
        how.metrics,
        asking=replace(how.asking, budget=budget),
        embedder=how.embedder,
        inputs={**inputs, **how.noted},
        on_progress=lambda done: how.on_progress(start + done),
    )


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
