from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.query import Query
from app.retrieval.retriever import Retriever
from app.retrieval.search import TooManyCandidates
from indexing.errors import InvalidInput
from indexing.models.embedder import HashingEmbedder
from indexing.records import MODES, Partition
from indexing.releases.recipes import RetrievalConfig
from indexing.snapshots.shard import KIND
from tests.support.made_release import EMBEDDER, HERE, THERE, serve


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    first = [(HERE, f"d{i}", [f"alpha word{i}", f"beta word{i} alpha"]) for i in range(20)]
    second = [(HERE, f"e{i}", [f"gamma word{i}"]) for i in range(10)] + [(THERE, "secret", ["alpha beta gamma"] * 3)]
    return serve(tmp_path_factory.mktemp("home"), [first, second])


def test_a_hit_is_exactly_the_passage_that_says_it(serving):
    hit = Retriever().search(serving, HERE, "gamma word7", k=1).hits[0]
    assert (hit.rank, hit.passage.document_id, hit.passage.text) == (1, "e7", "gamma word7")
    assert hit.dense == pytest.approx(1.0, abs=1e-5)
    assert hit.lexical is not None
    assert hit.lexical > 0


@pytest.mark.parametrize("mode", MODES)
def test_ranks_count_from_1_and_scores_never_rise(serving, mode):
    hits = Retriever().search(serving, HERE, "alpha word3", k=10, mode=mode).hits
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
@pytest.mark.parametrize(("grouped", "available"), [(True, 30), (False, 50)])
def test_dense_and_hybrid_give_k_hits_whenever_there_are_k(serving, mode, grouped, available):
    for k in (1, 7, 29, 30, 49, 50, 500):
        result = Retriever().search(serving, HERE, "alpha", k=k, mode=mode, group_by_document=grouped)
        assert len(result.hits) == min(k, available)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("grouped", [True, False])
def test_the_first_ten_hits_are_the_same_however_many_are_asked_for(serving, mode, grouped):
    recipe = replace(serving.recipe, retrieval=RetrievalConfig())
    serving = replace(serving, recipe=recipe)
    for query in ("alpha", "beta word3", "gamma alpha word7 word12", "alpha beta gamma"):
        ten, hundred = (
            Retriever().search(serving, HERE, query, k=k, mode=mode, group_by_document=grouped).hits for k in (10, 100)
        )
        assert len(ten) == min(10, len(hundred))
        assert ten == hundred[:10]


def test_lexical_gives_only_passages_with_a_term_of_the_query(serving):
    hits = Retriever().search(serving, HERE, "gamma", k=100, mode="lexical").hits
    assert {hit.passage.document_id for hit in hits} == {f"e{i}" for i in range(10)}
    assert Retriever().search(serving, HERE, "unheard", k=5, mode="lexical").hits == []


def test_one_document_gives_one_hit_unless_asked_otherwise(serving):
    grouped = Retriever().search(serving, HERE, "alpha", k=50).hits
    assert len({hit.passage.document_id for hit in grouped}) == len(grouped)
    every = Retriever().search(serving, HERE, "alpha", k=50, group_by_document=False).hits
    assert len({hit.passage.document_id for hit in every}) < len(every)


@pytest.mark.parametrize("mode", MODES)
def test_another_tenants_passages_are_never_hits(serving, mode):
    hits = Retriever().search(serving, HERE, "alpha beta gamma", k=100, mode=mode, group_by_document=False).hits
    assert {hit.passage.partition for hit in hits} == {HERE}


def test_an_unknown_partition_has_no_hits(serving):
    assert Retriever().search(serving, Partition("here", "nothing"), "alpha", k=3).hits == []


@pytest.mark.parametrize(("k", "mode"), [(0, "dense"), (-1, "hybrid"), (3, "fuzzy")])
def test_values_out_of_range_are_named(serving, k, mode):
    with pytest.raises(InvalidInput, match=f"{k}|{mode}"):
        Retriever().search(serving, HERE, "alpha", k=k, mode=mode)


def test_timings_name_every_stage_of_a_hybrid_search(serving):
    timings = Retriever().search(serving, HERE, "alpha", k=3).timings_ms
    assert set(timings) == {"filter", "encode", "dense", "lexical", "fuse", "hydrate", "total"}
    assert timings["total"] >= max(timings[stage] for stage in timings if stage != "total")


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma", *(f"word{i}" for i in range(9))]), min_size=1, max_size=5))
def test_dense_order_equals_brute_force_over_documents(serving, words):
    query = " ".join(words)
    hits = Retriever().search(serving, HERE, query, k=30, mode="dense").hits
    vector = EMBEDDER.encode_query(query)
    texts = {f"d{i}": [f"alpha word{i}", f"beta word{i} alpha"] for i in range(20)}
    texts |= {f"e{i}": [f"gamma word{i}"] for i in range(10)}
    best = {name: max(float(EMBEDDER.encode_query(text) @ vector) for text in group) for name, group in texts.items()}
    assert [hit.dense for hit in hits] == pytest.approx(sorted(best.values(), reverse=True), abs=1e-5)
    assert all(hit.dense == pytest.approx(best[hit.passage.document_id], abs=1e-5) for hit in hits)


def test_a_broken_shard_is_said_and_the_rest_is_found(tmp_path):
    serving = serve(tmp_path, [[(HERE, "a", ["alpha"])], [(HERE, "b", ["alpha beta"])]])
    (tmp_path / KIND / "shard1" / "lexical.safetensors").write_bytes(b"")
    result = Retriever().search(serving, HERE, "alpha", k=5)
    assert [hit.passage.document_id for hit in result.hits] == ["a"]
    assert len(result.warnings) == 1
    assert "shard1" in result.warnings[0]


def test_scores_are_finite_for_a_query_of_no_words(serving):
    hits = Retriever().search(serving, HERE, "?!", k=5).hits
    assert len(hits) == 5
    assert np.isfinite([hit.score for hit in hits]).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_search_in_steps_gives_what_it_gives_at_once(serving, mode):
    at_once = Retriever().search(serving, HERE, "alpha word3", k=10, mode=mode).hits
    in_steps = Retriever().begin(serving, HERE, Query("alpha word3", 10, mode, True, None, None))
    in_steps.use_known_vector()
    with ThreadPoolExecutor(1) as other:
        encoding = other.submit(in_steps.encode)
        in_steps.score_terms()
        encoding.result()
    assert not in_steps.needs_encoding
    with pytest.raises(TooManyCandidates):
        in_steps.result(max_candidates=0)
    assert in_steps.result().hits == at_once


class Knowing(HashingEmbedder):
    """Knows the vector of every text, and counts what it encodes."""

    encoded = 0

    def known(self, text):
        return super().encode_query(text)

    def encode_query(self, text):
        self.encoded += 1
        return super().encode_query(text)


def test_asking_whether_there_is_something_to_encode_changes_nothing(serving):
    embedder = Knowing(16)
    search = Retriever().begin(replace(serving, embedder=embedder), HERE, Query("alpha", 5, "dense", True, None, None))
    assert search.needs_encoding
    assert search.needs_encoding
    search.use_known_vector()
    assert not search.needs_encoding
    assert search.result().hits == Retriever().search(serving, HERE, "alpha", k=5, mode="dense").hits
    assert embedder.encoded == 0


@pytest.mark.parametrize(("limit", "fits"), [(3, False), (10_000, True)])
def test_a_result_keeps_to_its_limit_of_candidates_or_says_that_it_cannot(serving, limit, fits):
    asked = Query("alpha beta", 10, "hybrid", True, None, None)
    search = Retriever().begin(serving, HERE, asked)
    if fits:
        assert search.result(limit).hits == Retriever().begin(serving, HERE, asked).result().hits
    else:
        with pytest.raises(TooManyCandidates):
            search.result(limit)
