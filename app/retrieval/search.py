"""One search in steps: terms, vector, candidates, hits, each step once, so that another thread may encode meanwhile."""

import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from app.retrieval.candidates import (
    CandidateRows,
    Chosen,
    LegsBest,
    best_of_legs,
    candidate_rows,
    choose,
    document_ids,
    group_keys,
    score_candidates,
    without_groups,
)
from app.retrieval.hits import (
    QueryVector,
    RankedPassage,
    Result,
    hydrated,
    live_share,
    reordered,
    with_features,
)
from app.retrieval.query import Query
from app.retrieval.query_terms import query_vector, term_scores
from app.retrieval.ranking import Tier, TieredRanking, at_rank, page_of, ranked_from
from app.retrieval.reranking import Reranker, pair_text
from app.serving.document_boosts import BoostedDocuments
from app.serving.release import ServingRelease
from indexing.errors import InvalidInput
from indexing.features.conversation import Turns
from indexing.indexes.bm25 import TermScores
from indexing.indexes.fusion import by_place, calibrate
from indexing.models.reranker import RerankerModel
from indexing.records import MODES, Mask, Partition, Scores, Vector
from indexing.releases.recipes import RERANK
from indexing.snapshots.partition_view import PartitionView
from indexing.telemetry import StageTimings

_DEEPER = 4
"""How much deeper the legs look where they found too little. Source: our choice."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the legs found at a depth, and what is scored of it."""

    depth: int
    best: LegsBest
    rows: CandidateRows


class TooManyCandidates(Exception):
    """A search was given a limit of candidates, and needs more to find its hits; without the limit it can go on."""


class Search:
    """One search in steps, so that another thread may encode meanwhile. A step asked for twice is done once.

    ``encode`` may run beside ``score_terms``, in another thread; ``result`` comes after both, and does what was not
    done before.
    """

    def __init__(
        self,
        serving: ServingRelease,
        partition: Partition,
        asked: Query,
        timings: StageTimings,
        reranker: Reranker,
    ) -> None:
        """Nothing is searched yet.

        Raises:
            InvalidInput: as ``Retriever.search``.
        """
        if asked.k < 1 or asked.mode not in MODES:
            raise InvalidInput(
                f"k {asked.k} or mode {asked.mode!r} is out of range: expected k of at least 1 and {', '.join(MODES)}."
            )
        dimension = serving.embedder.dimension
        if asked.vector is not None and len(asked.vector) != dimension:
            raise InvalidInput(
                f"the vector has {len(asked.vector)} components: expected {dimension}, as the model gives."
            )
        self._began = time.perf_counter()
        self._serving, self._partition, self._asked = serving, partition, asked
        self._timings, self._reranker = timings, reranker
        self._view = serving.view(partition)
        self._has_rows = self._view is not None and self._view.rows > 0
        self._vector = asked.vector
        self._allowed: Sequence[Mask | None] | None = None
        self._terms: tuple[Scores | None, float] | None = None
        self._found: TermScores | None = None
        self._is_part, self._unknown_share = asked.part is not None, 0.0
        self._features: dict[str, float] = {}

    @property
    def view_number(self) -> int:
        """Which of the process's views of the partition is searched."""
        return self._serving.number_of(self._view)

    @property
    def moments(self) -> Sequence[tuple[str, float, float]]:
        """When its stages began and ended, as ``StageTimings``; it grows until the search is done."""
        return self._timings.moments

    @property
    def text(self) -> str:
        """What is looked for, empty beside a vector alone."""
        return self._asked.text

    @property
    def known_terms(self) -> Sequence[str]:
        """The terms that some passage holds, once they are scored."""
        return () if self._found is None else self._found.known

    @property
    def max_score(self) -> float:
        """What no BM25 score can exceed, once terms are scored: lexical scores count as shares of it."""
        return 0.0 if self._terms is None else self._terms[1]

    @property
    def unknown_share(self) -> float:
        """How many terms count as unknown, 0..1, once they are scored."""
        return self._unknown_share

    @property
    def by_place(self) -> float:
        """What the logarithm of a hit's place counts in its score, at most 0; see ``at_place``."""
        serving = self._serving
        return 0.0 if serving.reranker is not None else by_place(serving.recipe.retrieval.calibration[self._asked.mode])

    def take_part(self, known: Container[str]) -> None:
        """Score hits so that they can be compared with those of other collections, which know some terms more.

        These count here, too: else a passage that holds the one word which its collection knows would have all that
        could be had of the query. No hit's score depends on its place here, nor on how scores of its collection are
        moved: that would put whole collections before others. To be called once terms are scored.
        """
        self._is_part = True
        if self._found is not None and self._terms is not None:
            absent = self._found.absent
            more = sum(most for term, most in absent.items() if term in known)
            self._terms = self._terms[0], self._found.max_score + more
            self._unknown_share = sum(term not in known for term in absent) / max(1, self._found.terms)

    def use_vector_of(self, other: "Search") -> None:
        """Take the vector of a search that asks the same of the same release."""
        if self.needs_encoding:
            self._vector = other.vector

    @property
    def vector(self) -> Vector | None:
        """The query's vector, once it is there."""
        return self._vector

    @property
    def needs_encoding(self) -> bool:
        """Whether ``encode`` has something to do that takes time."""
        return self._has_rows and self._vector is None and self._asked.mode != "lexical"

    def use_known_vector(self) -> None:
        """Take the query's vector from where it was kept, if it is at hand; whether it was, ``needs_encoding`` says."""
        if self.needs_encoding and self._asked.turns == Turns(self._asked.text):
            with self._timings.stage("encode"):
                self._vector = self._serving.embedder.known(self._asked.text)

    def encode(self) -> None:
        """Find the query's vector, if the mode uses it."""
        if self.needs_encoding:
            with self._timings.stage("encode"):
                self._vector = query_vector(self._serving, self._asked)

    def score_terms(self) -> None:
        """Find which passages may be found, and their lexical scores, if the mode uses them."""
        asked, view = self._asked, self._view
        if view is None or not self._has_rows or self._terms is not None:
            return
        with self._timings.stage("filter"):
            self._allowed = view.allowed(asked.matching)
        if asked.mode == "dense" or not asked.text:
            self._terms = None, 0.0
        else:
            with self._timings.stage("lexical"):
                found = term_scores(self._serving, view, asked, self._allowed)
            self._found = found
            self._terms = found.scores, found.max_score if asked.part is None else asked.part.max_score
            if found.terms:
                self._features["terms"] = float(found.terms)
                self._features["unknown_share"] = self._unknown_share = found.unknown / found.terms
            if asked.part is not None:
                self._unknown_share = asked.part.unknown_share

    def result(self, max_candidates: int | None = None) -> Result:
        """Everything that was not done before, and the hits.

        Args:
            max_candidates: How many passages may be scored at most; ``None`` for as many as the search needs.

        Raises:
            TooManyCandidates: more would have to be scored, or be looked for. What was done so far is kept, so that
                ``result`` without a limit goes on from there.
        """
        self.score_terms()
        self.encode()
        serving, asked, late = self._serving, self._asked, list[str]()
        if asked.is_plain:
            hits = self._hits(self._depth, max_candidates)
            if serving.reranker is not None and hits:
                with self._timings.stage("rerank"):
                    hits = self._rerank(serving.reranker, hits, late)[: asked.k]
        elif max_candidates is not None:
            raise TooManyCandidates
        else:
            hits = self._wanted(self.ranking(late))
        return self.result_of(hits, late)

    def result_of(self, hits: list[RankedPassage], late: Sequence[str] = ()) -> Result:
        """Hits that were found as what is answered; ``late`` says what could not be done in time."""
        asked = self._asked
        kept = hits if asked.min_score is None else [hit for hit in hits if hit.score >= asked.min_score]
        broken = self._serving.snapshot.broken_shards(self._partition)
        warnings = [*(f"not searched: {reason}" for reason in broken.values()), *late]
        self._timings.add("total", (time.perf_counter() - self._began) * 1000.0)
        vector = self._computed_vector()
        return Result(kept, self._timings.milliseconds, warnings, self._features, vector, len(hits) - len(kept))

    def ranking(self, late: list[str]) -> TieredRanking:
        """All hits, as far as they are asked for; what a second pass could not do in time is added to ``late``."""
        self.score_terms()
        self.encode()
        ranking, reranker = TieredRanking(self._tiers(self._depth)), self._serving.reranker
        if reranker is not None and (first := ranking.hits(0, self._serving.recipe.second_pass.depth)):
            with self._timings.stage("rerank"):
                ranking.put_first(self._rerank(reranker, first, late))
        return ranking

    def _wanted(self, ranking: TieredRanking) -> list[RankedPassage]:
        asked = self._asked
        if asked.part is None:
            page = page_of(ranking, asked.offset, asked.k, collapse=asked.collapse)
            return ranked_from(page, asked.offset)
        shown = zip(asked.part.places, asked.part.ranks, strict=True)
        return [at_rank(hit, rank, self.by_place) for place, rank in shown for hit in ranking.hits(place, place + 1)]

    @property
    def _depth(self) -> int:
        """How many hits the legs are to find at least."""
        serving, k = self._serving, self._asked.k
        return k if serving.reranker is None else max(k, serving.recipe.second_pass.depth)

    def _computed_vector(self) -> QueryVector | None:
        """The query's vector, unless the caller gave it."""
        if self._vector is None or self._asked.vector is not None:
            return None
        return QueryVector(self._serving.recipe.model, self._vector)

    def _hits(self, k: int, max_candidates: int | None) -> list[RankedPassage]:
        view = self._view
        if view is None or self._terms is None:
            return []
        found = self._look(view, max(self._serving.recipe.retrieval.candidates, k), k, max_candidates)
        with self._timings.stage("fuse"):
            chosen, boosted = self._choose(view, found.rows, k)
            self._note(view, found, chosen)
        with self._timings.stage("hydrate"):
            hits = hydrated(view, chosen, self._calibrated(chosen.fused_scores))
            return hits if boosted is None else with_features(hits, chosen.groups.tolist(), boosted)

    def _tiers(self, k: int) -> Iterator[Tier]:
        """What a search for ``k`` hits ranks, best first, then what it would have had it looked ever deeper."""
        view = self._view
        if view is None or self._terms is None:
            return
        depth, seen, before = max(self._serving.recipe.retrieval.candidates, k), None, 0
        while True:
            found = self._look(view, depth, 0 if seen is not None else k, None)
            with self._timings.stage("fuse"):
                rows = found.rows if seen is None else without_groups(found.rows, seen)
                chosen, boosted = self._choose(view, rows, len(rows.first))
                if seen is None:
                    self._note(view, found, chosen)
                tier = Tier(view, chosen, self._calibrated(chosen.fused_scores, before), boosted)
            yield tier
            before += len(tier)
            if found.best.is_exhausted:
                return
            depth, seen = found.depth * _DEEPER, group_keys(found.rows)

    def _look(self, view: PartitionView, depth: int, k: int, max_candidates: int | None) -> "_Looked":
        """Candidates: what the legs find at a depth, or at the first one below at which there are ``k`` groups."""
        term_scores = None if self._terms is None else self._terms[0]
        while True:
            best = best_of_legs(view, self._vector, term_scores, depth, self._timings, self._allowed)
            with self._timings.stage("fuse"):
                rows = candidate_rows(view, best.keys, grouped=self._asked.grouped)
                has_enough = len(rows.first) >= k or best.is_exhausted
                if max_candidates is not None and (len(rows.rows) > max_candidates or not has_enough):
                    raise TooManyCandidates
            if has_enough:
                return _Looked(depth, best, rows)
            depth *= _DEEPER

    def _choose(self, view: PartitionView, rows: CandidateRows, k: int) -> tuple[Chosen, BoostedDocuments | None]:
        serving, (term_scores, max_score) = self._serving, self._terms or (None, 0.0)
        found = score_candidates(view, rows, self._vector, term_scores)
        boosted = None
        if serving.boosts is not None:
            boosted = serving.boosts.of(self._partition, document_ids(view, found), self._asked.at)
        added = None if boosted is None else boosted.added
        weight = serving.dense_weight(self._partition)
        return choose(view, found, max_score, k, dense_weight=weight, added=added), boosted

    def _note(self, view: PartitionView, found: "_Looked", chosen: Chosen) -> None:
        if found.best.overlap is not None:
            self._features["leg_overlap"] = found.best.overlap
        self._features |= live_share(view, chosen.numbers[: self._asked.k])

    def _calibrated(self, ordering: Scores, before: int = 0) -> Scores:
        curve, terms = self._curve(self._asked.mode), self._features.get("terms", 0.0)
        place = None if self._is_part else before
        return calibrate(curve, ordering, terms=terms, unknown_share=self._unknown_share, before=place)

    def _curve(self, mode: str) -> Sequence[float]:
        return self._serving.curve(self._partition, mode, moved=not self._is_part)

    def _rerank(self, reranker: RerankerModel, hits: list[RankedPassage], warnings: list[str]) -> list[RankedPassage]:
        """The hits in the reranker's order, or as they are and a warning why."""
        plan = self._serving.recipe.second_pass
        texts = [pair_text(hit.passage) for hit in hits[: plan.depth]]
        second = self._reranker.score(reranker, self._asked.text, texts, plan.budget_ms)
        if second.logits is None:
            warnings.append(f"not reranked: {second.reason}")
            return hits
        return reordered(hits, second.logits, calibrate(self._curve(RERANK), second.logits))
