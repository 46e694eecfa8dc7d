"""What a build would do and cost, said without storing a vector, a shard or a release."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from indexing.builds.build import in_languages, record_views
from indexing.builds.context import BuildContext
from indexing.builds.plan import (
    MOST_PLANS,
    DocumentChanged,
    ShardPlan,
    encoder_inputs,
    plan_shards,
    planned_from,
    read_inputs,
)
from indexing.features.embedding_store import FeatureStore

_SAMPLE = 16
"""Texts that a dry run encodes to say how long all will take. Our choice."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a build would do. ``seconds`` is measured on a sample of the very texts that would be encoded."""

    documents: int
    passages: int
    embeddings: int
    shards: int
    seconds: float
    passages_written: int
    """Those of the shards that would be written."""


def dry_run(context: BuildContext) -> DryRun:
    """Say what ``build`` would compute, without storing a vector, a shard or a release."""
    record_views(context)
    context = in_languages(context, {})
    for attempt in count():
        with planned_from(context, is_frozen=attempt == MOST_PLANS) as now:
            plans, missing = plan_shards(now)
            try:
                missing_vectors, sample = _missing_texts(now, missing)
                break
            except DocumentChanged:
                continue
    seconds = 0.0
    if sample:
        embedder = context.load_embedder()
        embedder.encode_passages(sample[:1])
        began = time.perf_counter()
        embedder.encode_passages(sample)
        seconds = (time.perf_counter() - began) / len(sample) * missing_vectors
    return DryRun(
        documents=sum(len(plan.documents) for plan in plans),
        passages=sum(plan.rows for plan in plans),
        embeddings=missing_vectors,
        shards=len(missing),
        seconds=seconds,
        passages_written=sum(plan.rows for plan in missing),
    )


def _missing_texts(context: BuildContext, missing: Sequence[ShardPlan]) -> tuple[int, list[str]]:
    """How many encoder inputs of some shards have no vector yet, and a sample of them, drawn by a fixed seed."""
    store = FeatureStore(context.storage, context.views.embedding_fingerprint)
    known: set[bytes] = set()
    sample: list[str] = []
    draw = random.Random(0)  # noqa: S311 # a sample, no secret
    for number, plan in enumerate(missing, 1):
        for keys, inputs in encoder_inputs(context, read_inputs(context, plan)):
            wanted = set(store.missing(keys)) - known
            for key, text in zip(keys, inputs, strict=True):
                if key not in wanted or key in known:
                    continue
                known.add(key)
                if len(sample) < _SAMPLE:
                    sample.append(text)
                elif (place := draw.randrange(len(known))) < _SAMPLE:
                    sample[place] = text
        context.on_progress("counted", number, len(missing))
    return len(known), sample
