"""The leg check of a build: whether each leg finds the documents of each collection by pieces of their own text."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexing.builds.context import BuildContext
from indexing.builds.leg_samples import LEAST, Sample, choose_samples, question_of
from indexing.builds.plan import ShardPlan
from indexing.catalogue.leg_samples import SampleRow, read_leg_samples
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.indexes.exact_index import CLOSE_COSINE
from indexing.indexes.languages import language_of
from indexing.models.embedder import Embedder
from indexing.passages.token_counts import TokenCounter
from indexing.records import Json, Partition, Rows, Vector
from indexing.releases.recipes import RetrievalConfig
from indexing.snapshots.leg_counts import CollectionLegs, LegCounts
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND, Shard, open_shard

_VERSION = 1
"""Of the check; another one finds out everything anew."""
_WITHIN = 1
"""The place, from 1, up to which a document counts as found. Source: benchmarks/results/leg_check.json."""
_MIN_PASSAGES = 4
"""Passages below which a collection is not searched: one of so few is found by chance. Source: our choice."""
_FEW_DOCUMENTS = 10
"""Documents up to which the passage itself must be found, or one beside it, and not just its document, for the same
reason. Source: our choice."""


@dataclass(frozen=True, slots=True)
class LegCheck:
    """What a check found out: the legs of each collection, and the samples to keep for the next build."""

    collections: tuple[CollectionLegs, ...]
    samples: Mapping[tuple[Partition, str], SampleRow]
    is_new: bool
    """Whether the samples are others than those that were kept."""


def check_legs(
    context: BuildContext, recipe: int, plans: Sequence[ShardPlan], before: Mapping[Partition, CollectionLegs]
) -> LegCheck:
    """Check the legs of every collection, of its samples only those that are new.

    Args:
        context: The build's.
        recipe: Its recipe's number.
        plans: All shards of the new snapshot, each of which is stored.
        before: The legs of the collections in the recipe's snapshot before, whose weights stay where nothing is sure.
    """
    kept = read_leg_samples(context.catalogue, recipe)
    checker = _Checker(context, plans)
    found: dict[tuple[Partition, str], SampleRow] = {}
    collections = []
    for partition, samples in choose_samples(plans, _decided_by(context)).items():
        if len(samples) < _MIN_PASSAGES:
            continue
        fresh = dict(checker.check(partition, [one for one in samples if (partition, one.key) not in kept]))
        mine = {(partition, one.key): fresh.get(one.key) or kept[partition, one.key] for one in samples}
        found |= mine
        collections.append(CollectionLegs(partition, _by_language(mine.values())))
    return LegCheck(_weighed(collections, context.recipe.retrieval, before), found, found != kept)


def _decided_by(context: BuildContext) -> Json:
    """What decides what is found of a sample, beside the collection."""
    retrieval = context.recipe.retrieval
    return [_VERSION, context.views.fingerprint, retrieval.bm25_k1, retrieval.bm25_b]


def _by_language(rows: Iterable[SampleRow]) -> dict[str, LegCounts]:
    found: dict[str, LegCounts] = {}
    for _, language, dense, lexical, tokens, unknown in rows:
        found[language] = found.get(language, LegCounts()) + LegCounts(1, dense, lexical, tokens, unknown)
    return found


def _weighed(
    collections: Sequence[CollectionLegs], retrieval: RetrievalConfig, before: Mapping[Partition, CollectionLegs]
) -> tuple[CollectionLegs, ...]:
    """The collections with the weights that the recipe's rule gives them; small ones are pooled by language."""
    rule = retrieval.leg_rule
    if rule is None:
        return tuple(collections)
    pools: dict[str | None, LegCounts] = {}
    for one in filter(_is_small, collections):
        pools[one.language] = pools.get(one.language, LegCounts()) + one.counts

    def weighed(one: CollectionLegs) -> CollectionLegs:
        counts = pools[one.language] if _is_small(one) else one.counts
        old = before[one.partition].dense_weight if one.partition in before else None
        return replace(one, dense_weight=rule.weight(counts, retrieval.dense_weight, old))

    return tuple(map(weighed, collections))


def _is_small(one: CollectionLegs) -> bool:
    return one.counts.samples < LEAST


class _Checker:
    """Looks for the documents of samples. What it needs is loaded at the first sample that is new."""

    def __init__(self, context: BuildContext, plans: Sequence[ShardPlan]) -> None:
        self._context, self._plans = context, plans
        self._tokens = TokenCounter(context.chunker.tokenizer)
        self._embedder: Embedder | None = None

    def check(self, partition: Partition, samples: Sequence[Sample]) -> Iterator[tuple[str, SampleRow]]:
        """What is found out about each sample of a collection, by its key."""
        if not samples:
            return
        numbers = [number for number, plan in enumerate(self._plans) if _holds(plan, partition)]
        legs = _Legs(
            self._context, PartitionView(partition, [self._opened(number) for number in numbers]), self._tokens
        )
        for one in samples:
            yield one.key, legs.sample(one, numbers.index(one.plan), self._vector)

    def _opened(self, number: int) -> Shard:
        return open_shard(self._context.storage.open(KIND, self._plans[number].name))

    def _vector(self, question: str) -> Vector:
        if self._embedder is None:
            self._embedder = self._context.load_embedder()
        return self._embedder.encode_query(question)


def _holds(plan: ShardPlan, partition: Partition) -> bool:
    return any(placed.key.partition == partition for placed in plan.documents)


class _Legs:
    """Both legs over one collection, as a search has them."""

    def __init__(self, context: BuildContext, view: PartitionView, tokens: TokenCounter) -> None:
        retrieval = context.recipe.retrieval
        self._view = view
        self._analyser = Analyser(context.recipe.lexical.language)
        self._bm25 = Bm25(retrieval.bm25_k1, retrieval.bm25_b)
        documents = sum(shard.partitions[view.partition].documents for shard in view.shards)
        self._tokens = tokens
        self._has_few = documents <= _FEW_DOCUMENTS

    def sample(self, one: Sample, number: int, encode: Callable[[str], Vector]) -> SampleRow:
        """What is found out about a sample that stands in the shard of this number."""
        stored = self._view.shards[number].passage(one.row)
        question = question_of(stored.text, stored.title, one.order)
        rows = np.array(one.document_rows, np.int64)
        if self._has_few:
            rows = rows[abs(rows - one.row) <= 1]
        dense = self._finds_by_meaning(encode(question), number, rows)
        lexical = self._finds_by_words(question, number, rows)
        tokens, unknown = self._tokens.count(stored.text)
        return one.key, language_of(stored.text), int(dense), int(lexical), tokens, unknown

    def _finds_by_meaning(self, vector: Vector, number: int, rows: Rows) -> bool:
        _, _, best = self._view.search(vector, _WITHIN)
        own = self._view.shards[number].cosines(rows, vector)
        return bool(own.max() >= best[-1] - CLOSE_COSINE)

    def _finds_by_words(self, question: str, number: int, rows: Rows) -> bool:
        scores, _ = self._bm25.scores(self._view.segments, self._analyser.terms(question))
        own = scores[rows - self._view.starts[number] + self._view.offsets[number]].max()
        return bool(own > 0.0 and np.count_nonzero(scores > own) < _WITHIN)
