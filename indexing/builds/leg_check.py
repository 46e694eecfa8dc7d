"""The leg check of a build: whether each leg finds the documents of each collection by pieces of their own text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from indexing.builds.context import BuildContext
from indexing.builds.leg_samples import LEAST, Question, Sample, Sampled, choose_samples, question_of
from indexing.builds.others_scores import others_log_odds
from indexing.builds.plan import ShardPlan
from indexing.catalogue.leg_samples import SampleRow, read_leg_samples
from indexing.indexes.analysers import analyser_of
from indexing.indexes.bm25 import Bm25
from indexing.indexes.exact_index import CLOSE_COSINE
from indexing.indexes.languages import language_of
from indexing.models.embedder import Embedder
from indexing.passages.token_counts import TokenCounter
from indexing.records import Json, Partition, Rows, Vector
from indexing.releases.recipes import RetrievalConfig
from indexing.snapshots.collection_calibration import CollectionCalibration
from indexing.snapshots.leg_counts import CollectionLegs, LegCounts
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND, Shard, open_shard

_VERSION = 1
"""Of the check; another one finds out everything anew. Our choice."""
_WITHIN = 3
"""The place, from 1, up to which a document counts as found. Source: the trials of decision 50."""
_PASSAGES_A_PLACE = 50
"""In a field of fewer than 100 the place must be better, one for each so many passages, so that few are found by
chance. Source: our choice."""
_MIN_PASSAGES = 4
"""Passages below which a collection is not searched: one of so few is found by chance. Source: our choice."""
_FEW_DOCUMENTS = 10
"""Documents up to which words must find the passage itself, or one beside it, and not just its document, for the same
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
    for partition, sampled in choose_samples(plans, _decided_by(context), context.languages).items():
        if len(sampled.field) < _MIN_PASSAGES:
            continue
        missing = [one for one in sampled.samples if (partition, one.key) not in kept]
        fresh = dict(checker.check(partition, sampled, missing))
        mine = {(partition, one.key): fresh.get(one.key) or kept[partition, one.key] for one in sampled.samples}
        found |= mine
        collections.append(
            CollectionLegs(
                partition, _by_language(mine.values()), calibration=_calibration(context, list(mine.values()))
            )
        )
    weighed = _weighed(collections, context.recipe.retrieval, before)
    # What is searched by one leg alone is scored by that leg's curve, and was not asked by it.
    scored = tuple(one if one.dense_weight is None else replace(one, calibration=None) for one in weighed)
    return LegCheck(scored, found, found != kept)


def _decided_by(context: BuildContext) -> Json:
    """What decides what is found of a sample, beside the collection."""
    retrieval = context.recipe.retrieval
    languages = list(context.model_languages)
    decided_by: list[Json] = [_VERSION, languages, context.views.fingerprint, retrieval.bm25_k1, retrieval.bm25_b]
    if retrieval.calibration_rule is not None:
        decided_by.append([retrieval.dense_weight, list(retrieval.calibration["hybrid"])])
    return decided_by


def _calibration(context: BuildContext, rows: Sequence[SampleRow]) -> CollectionCalibration | None:
    rule = context.recipe.retrieval.calibration_rule
    return None if rule is None else rule.calibration([others for *_, others in rows if others is not None])


def _by_language(rows: Iterable[SampleRow]) -> dict[str, LegCounts]:
    found: dict[str, LegCounts] = {}
    for _, language, dense, lexical, tokens, unknown, _ in rows:
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


@dataclass(frozen=True, slots=True)
class _Told:
    """What a passage's text tells: its language, its tokens, and perhaps whether meaning finds it, else ``None``."""

    language: str
    tokens: int
    unknown: int
    is_found: bool | None


class _Checker:
    """Looks for the documents of samples. What it needs is loaded at the first sample that is new."""

    def __init__(self, context: BuildContext, plans: Sequence[ShardPlan]) -> None:
        self._context, self._plans = context, plans
        self._tokens = TokenCounter(context.chunker.tokenizer)
        self._embedder: Embedder | None = None

    def check(
        self, partition: Partition, sampled: Sampled, samples: Sequence[Sample]
    ) -> Iterator[tuple[str, SampleRow]]:
        """What is found out about some samples of a collection, by key."""
        if not samples:
            return
        view = PartitionView(partition, [self._opened(number) for number in sampled.plans])
        legs = _Legs(self._context, view, sampled)
        passages = [view.shards[sampled.plans.index(one.plan)].passage(one.row) for one in samples]
        questions = [question_of(passage.text, passage.title) for passage in passages]
        told = [self._told(passage.text) for passage in passages]
        dense = self._by_meaning(legs, samples, questions, told)
        for one, question, about, is_found in zip(samples, questions, told, dense, strict=True):
            lexical = legs.finds_by_words(question.words, one)
            counts = int(is_found), int(lexical), about.tokens, about.unknown
            yield one.key, (one.key, about.language, *counts, self._others(legs, question.words, one))

    def _others(self, legs: "_Legs", question: str, one: Sample) -> float | None:
        """How high a question scores documents that it does not ask for, where the recipe's rule wants to know."""
        if self._context.recipe.retrieval.calibration_rule is None or not question:
            return None
        return legs.score_of_others(question, self._model.encode_query(question), one)

    def _told(self, text: str) -> _Told:
        """What a passage's text tells before any leg is asked."""
        language, (tokens, unknown) = language_of(text), self._tokens.count(text)
        if language in self._context.model_languages:
            return _Told(language, tokens, unknown, True)  # of a template, a sentence tells no passage from another
        # Vectors of unknown tokens tell how many there are.
        return _Told(language, tokens, unknown, False if 2 * unknown > tokens else None)

    def _by_meaning(
        self, legs: "_Legs", samples: Sequence[Sample], questions: Sequence[Question], told: Sequence[_Told]
    ) -> Iterator[bool]:
        """Whether each sample is found by meaning; nothing is encoded for those of which that is told."""
        asked = [one for one, about in zip(questions, told, strict=True) if about.is_found is None and one.rest]
        rests = iter(self._model.encode_passages([one.rest for one in asked]) if asked else ())
        for sample, question, about in zip(samples, questions, told, strict=True):
            if about.is_found is not None:
                yield about.is_found
                continue
            rest = next(rests) if question.rest else None
            yield legs.finds_by_meaning(self._model.encode_query(question.sentence), rest, sample)

    def _opened(self, number: int) -> Shard:
        return open_shard(self._context.storage.open(KIND, self._plans[number].name))

    @property
    def _model(self) -> Embedder:
        if self._embedder is None:
            self._embedder = self._context.load_embedder()
        return self._embedder


class _Legs:
    """Both legs over one collection: whether a sample's document stands out in the field."""

    def __init__(self, context: BuildContext, view: PartitionView, sampled: Sampled) -> None:
        retrieval = context.recipe.retrieval
        self._view, self._numbers, self._retrieval = view, sampled.plans, retrieval
        lexical = context.recipe.lexical
        self._analyser = analyser_of(lexical.language, lexical.algorithm, context.languages).of(view.partition)
        self._bm25 = Bm25(retrieval.bm25_k1, retrieval.bm25_b)
        self._within = min(_WITHIN, 1 + len(sampled.field) // _PASSAGES_A_PLACE)
        self._has_few = sampled.documents <= _FEW_DOCUMENTS
        self._shards: Rows = np.array([sampled.plans.index(one.plan) for one in sampled.field], np.int64)
        self._rows: Rows = np.array([one.row for one in sampled.field], np.int64)

    def finds_by_meaning(self, sentence: Vector, rest: Vector | None, one: Sample) -> bool:
        """Whether a sentence is nearer to the rest of its passage than to others; to the passage where none is left."""
        others = self._view.cosines(*self._others(one), sentence)
        if rest is None:  # a passage may stand there twice
            own = self._view.cosines(*self._own(one), sentence).max()
            return bool(np.count_nonzero(others > own + CLOSE_COSINE) < self._within)
        # To a model that knows none of their tokens all texts are one.
        return bool(np.count_nonzero(others >= rest @ sentence - CLOSE_COSINE) < self._within)

    def finds_by_words(self, question: str, one: Sample) -> bool:
        """Whether BM25 tells it."""
        scores, _ = self._bm25.scores(self._view.segments, self._analyser.query_weights(question))
        own = scores[self._places(*self._own(one))].max()
        others = scores[self._places(*self._others(one))]
        return bool(own > 0.0 and np.count_nonzero(others > own) < self._within)

    def score_of_others(self, question: str, vector: Vector, one: Sample) -> float | None:
        """The mean log-odds, by the recipe's hybrid curve, of what a search shows beside a sample's document."""
        found = self._bm25.score_terms(self._view.segments, self._analyser.query_weights(question))
        return others_log_odds(self._retrieval, self._view, vector, found, self._view.document_id(*self._place(one)))

    def _place(self, one: Sample) -> tuple[int, int]:
        return self._numbers.index(one.plan), one.row

    def _own(self, one: Sample) -> tuple[Rows, Rows]:
        rows: Rows = np.array(one.document_rows, np.int64)
        if self._has_few:
            rows = rows[abs(rows - one.row) <= 1]
        return np.full(len(rows), self._numbers.index(one.plan), np.int64), rows

    def _others(self, one: Sample) -> tuple[Rows, Rows]:
        numbers, own = self._own(one)
        are_others = (self._shards != numbers[0]) | (self._rows < own[0]) | (self._rows > own[-1])
        return self._shards[are_others], self._rows[are_others]

    def _places(self, numbers: Rows, rows: Rows) -> Rows:
        """Where rows of shards stand among all of the partition's."""
        return rows - self._view.starts[numbers] + self._view.offsets[numbers]
