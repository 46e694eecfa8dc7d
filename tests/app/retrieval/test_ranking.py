"""Pages of a ranking: they join to the whole of it, whatever the query, and near-duplicates stand there once."""

from dataclasses import replace

import numpy as np
import pytest

from app.retrieval.filters import matching
from app.retrieval.near_duplicates import Fingerprint
from app.retrieval.query import PartShown, Query
from app.retrieval.ranking import MergedRanking, page_of
from app.retrieval.reranking import Reranker, SecondPass
from app.retrieval.retriever import Retriever
from app.retrieval.search import TooManyCandidates
from indexing.records import MODES
from indexing.releases.recipes import Reranking
from indexing.snapshots.collection_calibration import Move
from indexing.snapshots.snapshot import Snapshot
from tests.support.letter_words import in_letters
from tests.support.made_release import HERE, RECIPE, THERE, serve

WORDS = ("pump", "valve", "seal", "hose", "leaks", "pressure", "filter", "motor")
LONG = " ".join(f"{one}{other}" for one in WORDS for other in WORDS)
"""Sixty-four words, so that one more is less than a tenth of the runs."""


def documents(partition, count, seed):
    chance = np.random.default_rng(seed)
    made = []
    for number in range(count):
        passages = [" ".join(chance.choice(WORDS, 5)) for _ in range(chance.integers(1, 4))]
        if number % 3 == 0:  # every third is one of two texts, but for a word
            passages[0] = f"{LONG} {WORDS[number % 2]} {in_letters(number)}"
        made.append((partition, f"{partition.tenant}-{number:02}", passages))
    return made


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    ours, theirs = documents(HERE, 40, 1), documents(THERE, 12, 2)
    return serve(tmp_path_factory.mktemp("home"), [ours[:15] + theirs[:6], ours[15:], theirs[6:]])


def query(text="pump seal", k=5, mode="hybrid", *, grouped=True, **more):
    return Query(text, k, mode, grouped, None, matching(None, []), **more)


def found(serving, partition, asked, reranker=None):
    return Retriever(reranker).begin(serving, partition, asked).result().hits


def pages(serving, asked, reranker=None, partition=HERE):
    """All pages, until one is empty."""
    hits, offset = [], 0
    while page := found(serving, partition, replace(asked, offset=offset), reranker):
        assert len(page) <= asked.k
        hits += page
        offset += asked.k
    return hits


def names(hits):
    return [hit.name for hit in hits]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("k", [1, 5, 7])
def test_pages_join_to_one_ranking_without_a_hit_twice_or_left_out(serving, mode, grouped, k):
    for text in ("pump seal", "motor", "valve hose leaks pressure filter"):
        asked = query(text, k, mode, grouped=grouped)
        hits = pages(serving, asked)
        assert len(set(names(hits))) == len(hits)
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        whole = found(serving, HERE, replace(asked, k=1000))
        assert set(names(whole)) == set(names(hits))
        assert hits[:k] == found(serving, HERE, asked)  # the first page is the plain search, to the bit


def test_what_the_first_page_ranked_stands_in_one_order_whatever_the_size_of_a_page(serving):
    deep = replace(serving, recipe=replace(RECIPE, retrieval=replace(RECIPE.retrieval, candidates=100)))
    rankings = [names(pages(deep, query("pump seal", k))) for k in (1, 4, 9, 50)]
    assert rankings[0] == rankings[1] == rankings[2] == rankings[3]


class Backwards(Reranker):
    """Turns the hits it is given round."""

    def score(self, reranker, question, passages, budget_ms):
        return SecondPass(np.arange(len(passages), dtype=np.float32), "")


@pytest.mark.parametrize("collapse", [False, True])
def test_a_second_pass_orders_the_first_ranks_of_every_page(serving, collapse):
    recipe = replace(serving.recipe, reranking=Reranking(depth=6))
    reranked = replace(serving, reranker=object(), recipe=recipe)
    hits = pages(reranked, query(k=4, collapse=collapse), Backwards(1))
    assert len(set(names(hits))) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    if not collapse:
        assert [hit.rerank is not None for hit in hits[:8]] == [True] * 6 + [False] * 2
        assert hits[:4] == found(reranked, HERE, query(k=4), Backwards(1))


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_collapsing_hides_near_duplicates_alone_and_names_those_it_came_by(serving, mode, grouped):
    asked = query("pumpseal valvehose motor", 6, mode, grouped=grouped)
    every, shown = pages(serving, asked), pages(serving, replace(asked, collapse=True))
    prints = {hit.name: Fingerprint.of(hit.passage.text) for hit in every}
    named = [(one, hit.name) for hit in shown for one in hit.near_duplicates]
    assert named
    assert len({*names(shown), *(one for one, _ in named)}) == len(shown) + len(named)  # none is there twice
    assert all(prints[one].is_near(prints[other]) for one, other in named)
    for hit in every:  # what is shown nowhere says what something says that is
        assert hit.name in names(shown) or any(prints[hit.name].is_near(prints[one]) for one in names(shown))
    assert not any(prints[one].is_near(prints[other]) for one in names(shown) for other in names(shown) if one < other)
    assert [hit.rank for hit in shown] == list(range(1, len(shown) + 1))


def test_a_least_score_cuts_what_is_lower_and_says_how_many(serving):
    whole = Retriever().begin(serving, HERE, query(k=10)).result()
    least = whole.hits[4].score
    cut = Retriever().begin(serving, HERE, query(k=10, min_score=least)).result()
    assert cut.hits == [hit for hit in whole.hits if hit.score >= least]
    assert len(cut.hits) + cut.below_min_score == 10


def joined_searches(serving, asked):
    searches = [Retriever().begin(serving, partition, asked) for partition in (HERE, THERE)]
    for search in searches:
        search.score_terms()
    known = {term for search in searches for term in search.known_terms}
    for search in searches:
        search.take_part(known)
    return searches


def merged(searches):
    return MergedRanking([search.ranking([]) for search in searches], searches[0].by_place)


@pytest.mark.parametrize("mode", MODES)
def test_what_was_shown_of_a_collection_among_several_is_found_again_to_the_bit(serving, mode):
    asked = query("pump valve hydrant oxbow", k=5, mode=mode)
    searches = joined_searches(serving, asked)
    ranking = merged(searches)
    shown = ranking.hits(3, 12)
    for search, partition in zip(searches, (HERE, THERE), strict=True):
        own = [hit for hit in shown if hit.passage.partition == partition]
        places, ranks = tuple(hit.rank - 1 for hit in own), tuple(map(ranking.rank_of, own))
        part = PartShown(places, ranks, search.max_score, search.unknown_share)
        assert found(serving, partition, replace(asked, part=part)) == own


MOVED = {"hybrid": Move(1.0), "dense": Move(1.0, 0.7), "lexical": Move(1.0)}


@pytest.mark.parametrize("mode", MODES)
def test_collections_are_compared_by_evidence_not_by_how_their_scores_are_moved(serving, mode, monkeypatch):
    asked = query("pump valve hydrant", mode=mode)
    expected = merged(joined_searches(serving, asked)).hits(0, 50)
    monkeypatch.setattr(Snapshot, "moves", lambda self, partition: MOVED if partition == THERE else {})
    assert merged(joined_searches(serving, asked)).hits(0, 50) == expected
    alone = Retriever().begin(serving, THERE, asked).result().hits
    assert alone[0].score > next(hit.score for hit in expected if hit.passage.partition == THERE)


@pytest.mark.parametrize("mode", MODES)
def test_collections_with_the_same_passages_rank_as_one_with_the_scores_of_one(serving, mode):
    asked = query("pump seal motor", k=40, mode=mode)
    alone = Retriever().begin(serving, HERE, asked).result().hits
    searches = joined_searches(serving, asked)[:1]
    hits = merged(searches).hits(0, 40)
    assert names(hits) == names(alone)
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone], abs=1e-6)


def test_a_part_of_a_ranking_is_given_by_its_places(serving):
    every = pages(serving, query(k=5))
    search = Retriever().begin(serving, HERE, query(k=5))
    search.score_terms()
    part = PartShown((0, 3, 17), (1, 5, 40), search.max_score, search.unknown_share)
    assert names(found(serving, HERE, query(k=5, part=part))) == names([every[0], every[3], every[17]])


def test_more_than_the_first_hits_are_not_looked_for_where_candidates_are_bounded(serving):
    with pytest.raises(TooManyCandidates):
        Retriever().begin(serving, HERE, query(offset=5)).result(2_000)


@pytest.mark.parametrize("collapse", [False, True])
def test_merged_rankings_are_one_by_score_and_pages_of_it_join(serving, collapse):
    def ranking():
        return merged(joined_searches(serving, query()))

    whole = page_of(ranking(), 0, 1000, collapse=collapse)
    joined = [hit for offset in range(0, 80, 7) for hit in page_of(ranking(), offset, 7, collapse=collapse)]
    assert [hit.passage.document_id for hit in joined] == [hit.passage.document_id for hit in whole]
    assert [hit.score for hit in whole] == sorted((hit.score for hit in whole), reverse=True)
    assert {hit.passage.partition for hit in whole} == {HERE, THERE}
