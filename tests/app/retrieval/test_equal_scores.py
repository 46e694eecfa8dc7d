"""Equal scores: a result does not depend on which shard or run of the live layer a passage stands in."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.indexes.exact_index import ExactIndex, inner_products
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Passage
from indexing.releases.recipes import RetrievalConfig
from indexing.releases.release import Release
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import shard_in_memory
from indexing.snapshots.shard_layout import ShardInput
from tests.support.fresh_home import OURS, RECIPE

TEXTS = ("pump", "pump valve", "valve seal", "seal pump seal", "pump valve seal hose")
EMBEDDER, ANALYSER, RETRIEVER = HashingEmbedder(16), Analyser("english"), Retriever()
FEW = replace(RECIPE, retrieval=replace(RetrievalConfig(), candidates=3))


class Laid:
    """A partition as a view lays it out."""

    def __init__(self, view):
        self.laid = view

    def view(self, partition):
        return self.laid

    def broken_shards(self, partition):
        return {}

    def dense_weight(self, partition):
        return None

    def moves(self, partition):
        return {}


def item(name, texts):
    passages = [Passage(name, n, 10 * n, 10 * n + 9, text, (), text) for n, text in enumerate(texts)]
    return ShardInput(OURS, Document(name, "", ""), passages)


def shard(name, documents):
    items = [item(*document) for document in sorted(documents)]
    texts = [passage.encoder_input for one in items for passage in one.passages]
    return shard_in_memory(name, items, EMBEDDER.encode_passages(texts), ANALYSER)


def laid_out(documents, places, stale=()):
    """The documents in shards by ``places``; the first shard also holds older versions that are hidden."""
    shards, hidden = [], []
    for place in sorted(set(places)):
        members = [one for one, there in zip(documents, places, strict=True) if there == place]
        old = [] if shards else [one for one in stale if one[0] not in {name for name, _ in members}]
        shards.append(shard(f"shard-{place}", [*members, *old]))
        gone = shards[-1].find(OURS, [name for name, _ in old])
        hidden.append(shards[-1].rows_of(OURS, gone) if gone.any() else None)
    return PartitionView(OURS, shards, hidden)


def found(view, recipe, query, mode, k, grouped):
    release = Release(1, 1, "snapshot", 0, "", "")
    serving = ServingRelease(release, recipe, Laid(view), EMBEDDER, ANALYSER, Bm25(1.2, 0.75), Laid(view))
    result = RETRIEVER.search(serving, OURS, query, k=k, mode=mode, group_by_document=grouped)
    return [
        (hit.passage.document_id, hit.passage.start, hit.score, hit.dense, hit.lexical, hit.rank) for hit in result.hits
    ]


documents_with_places = st.lists(
    st.tuples(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3), st.integers(0, 3)), min_size=1, max_size=24
)


@settings(max_examples=60)
@given(
    documents_with_places,
    st.sampled_from(("hybrid", "dense", "lexical")),
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from(("pump", "seal hose", "valve")),
)
def test_the_same_documents_give_the_same_hits_in_one_shard_in_several_and_over_hidden_ones(
    made, mode, k, grouped, query
):
    documents = [(f"d{(7 * n) % 31:02}", texts) for n, (texts, _) in enumerate(made)]
    places = [place for _, place in made]
    stale = [(name, ["pump hose pump"]) for name, _ in documents[::2]]
    for recipe in (RECIPE, FEW):
        one = found(laid_out(documents, [0] * len(documents)), recipe, query, mode, k, grouped)
        several = found(laid_out(documents, places), recipe, query, mode, k, grouped)
        partly_fresh = found(laid_out(documents, places, stale), recipe, query, mode, k, grouped)
        assert several == one
        assert partly_fresh == one
        assert [(-score, name, start) for name, start, score, *_ in one] == sorted(
            (-score, name, start) for name, start, score, *_ in one
        )


@pytest.mark.parametrize("first", [0, 3, 40])
def test_a_crowd_of_equal_vectors_gives_its_first_rows(first):
    chance = np.random.default_rng(1)
    vectors = chance.standard_normal((300, 48)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[first + 5 : 290 : 2] = vectors[first + 5]
    query = vectors[first + 5]
    rows, scores = ExactIndex(vectors=vectors).search(query, 20, first, 300)
    assert rows.tolist() == list(range(first + 5, first + 45, 2))
    assert scores.tolist() == inner_products(vectors[rows], query).tolist()


def test_nearly_equal_vectors_rank_alike_whether_some_rows_are_left_out_or_not():
    chance = np.random.default_rng(2)
    vectors = chance.standard_normal((400, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in range(1, 300):  # a crowd within what rounding can turn round
        vectors[row] = vectors[0]
        vectors[row, row % 384] *= np.float32(1 + 3e-7)
    index, query = ExactIndex(vectors=vectors), vectors[0]
    rows, _ = index.search(query, 25, 0, 400)
    allowed, _ = index.search(query, 25, 0, 400, allowed=np.ones(400, bool))
    assert rows.tolist() == allowed.tolist()
