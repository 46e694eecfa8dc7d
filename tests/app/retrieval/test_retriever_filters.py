"""A filtered search gives what reading every document would give: never one outside, never fewer than there are."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.filters import Comparison, matching
from app.retrieval.retriever import Retriever
from app.schemas.documents import DeleteBody
from app.schemas.filters import filter_of
from app.serving.release import ServingRelease
from indexing.errors import InvalidInput
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, FeatureViews, ModelFiles, lexical_view
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import HashingEmbedder
from indexing.records import MODES, Document, Json, Partition, Passage
from indexing.releases.recipes import Recipe, RetrievalConfig
from indexing.releases.release import Release
from indexing.snapshots.manifest import describe_snapshot, publish_snapshot
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND, shard_in_memory
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.snapshots.snapshot import Snapshot
from indexing.storage.factory import open_storage

EMBEDDER = HashingEmbedder(16)
ANALYSER = Analyser("none")
VIEWS = FeatureViews(
    DEFAULT_PASSAGES,
    EMBEDDING_VIEWS["int8"],
    lexical_view("none"),
    ModelFiles("t", {"int8": "x", "fp32": "y"}, 256, ""),
)
RECIPE = Recipe("fake@1", VIEWS.passage, VIEWS.embedding, VIEWS.lexical, RetrievalConfig(candidates=4), number=1)
SMALL, LARGE, OTHER = Partition("here", "small"), Partition("here", "large"), Partition("there", "small")
WORDS = ["alpha", "beta", "gamma", "delta", "omega"]


def document(number: int) -> tuple[Document, list[str]]:
    """A document of one or two passages, in one of seven groups; every fifth is for staff only."""
    allow = ("staff",) if number % 5 == 0 else None
    metadata = {"group": number % 7, "even": number % 2 == 0, "tags": [f"t{number % 3}", "all"], "n": number}
    texts = [f"{WORDS[number % 5]} word{number}", f"{WORDS[number % 3]} {WORDS[number % 4]} line"][: 1 + number % 2]
    return Document(f"d{number:04}", "", " ".join(texts), "", metadata, allow=allow), texts


def item(partition: Partition, number: int) -> ShardInput:
    one, texts = document(number)
    passages = [Passage(one.id, i, 0, len(text), text, (), text) for i, text in enumerate(texts)]
    return ShardInput(partition, one, passages)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> ServingRelease:
    storage = open_storage(tmp_path_factory.mktemp("home"))
    shards = [
        ([item(SMALL, n) for n in range(0, 60, 2)] + [item(OTHER, n) for n in range(9)], None),
        ([item(SMALL, n) for n in range(1, 60, 2)], None),
        ([item(LARGE, n) for n in range(500)], 0.5),
    ]
    artefacts = []
    for number, (inputs, min_recall) in enumerate(shards):
        vectors = EMBEDDER.encode_passages([p.encoder_input for one in inputs for p in one.passages])
        with storage.publish(KIND, f"shard{number}") as draft:
            write_shard(draft, inputs, lambda vectors=vectors: vectors, ANALYSER, min_recall=min_recall)
        artefacts.append(storage.open(KIND, f"shard{number}"))
    manifest = describe_snapshot(VIEWS, "fake@1", artefacts)
    publish_snapshot(storage, manifest)
    config = RECIPE.retrieval
    return ServingRelease(
        Release(1, 1, manifest.id, 0, "now", "test"),
        RECIPE,
        Snapshot(storage, manifest.id),
        EMBEDDER,
        ANALYSER,
        Bm25(config.bm25_k1, config.bm25_b),
    )


FILTERS: list[Json] = [
    {"type": "eq", "key": "group", "value": 3},
    {"type": "gte", "key": "n", "value": 37},
    {"type": "in", "key": "tags", "value": ["t1", "t2"]},
    {"type": "and", "filters": [{"type": "eq", "key": "even", "value": True}, {"type": "lt", "key": "n", "value": 20}]},
    {"type": "eq", "key": "n", "value": 41},
    {"type": "eq", "key": "nowhere", "value": "x"},
    {"type": "ne", "key": "nowhere", "value": "x"},
]
SIZES = {SMALL: 60, LARGE: 500}


def fits(number: int, filter_: Json, principals: list[str]) -> bool:
    """What a filter and the principals let through, read off the numbers that the documents are made from."""
    if number % 5 == 0 and "staff" not in principals:
        return False
    return [
        number % 7 == 3,
        number >= 37,
        number % 3 in (1, 2),
        number % 2 == 0 and number < 20,
        number == 41,
        False,
        True,
    ][FILTERS.index(filter_)]


@pytest.mark.parametrize("partition", [SMALL, LARGE], ids=str)
@pytest.mark.parametrize("mode", MODES)
@given(st.sampled_from(FILTERS), st.sampled_from([[], ["staff"], ["guest"]]), st.integers(1, 600), st.booleans())
def test_no_hit_is_outside_and_none_is_wanting(
    serving: ServingRelease,
    mode: str,
    partition: Partition,
    filter_: Json,
    principals: list[str],
    k: int,
    grouped: bool,
) -> None:
    wanted = {f"d{n:04}": n for n in range(SIZES[partition]) if fits(n, filter_, principals)}
    available = len(wanted) if grouped else sum(1 + n % 2 for n in wanted.values())
    hits = (
        Retriever()
        .search(
            serving,
            partition,
            "alpha line",
            k=k,
            mode=mode,
            group_by_document=grouped,
            matching=matching(filter_of(DeleteBody(filters=filter_).filters), principals),
        )
        .hits
    )
    assert {hit.passage.document_id for hit in hits} <= wanted.keys()
    assert len({hit.passage.id for hit in hits}) == len(hits)
    if mode != "lexical":
        assert len(hits) == min(k, available)


@cache
def cosine(query: str, text: str) -> float:
    return float(EMBEDDER.encode_passages([text])[0] @ EMBEDDER.encode_query(query))


@pytest.mark.parametrize("partition", [SMALL, LARGE], ids=str)
@given(st.sampled_from(FILTERS[:4]), st.integers(1, 30))
def test_a_filtered_dense_search_gives_the_best_of_those_allowed(
    serving: ServingRelease, partition: Partition, filter_: Json, k: int
) -> None:
    best = sorted(
        (
            cosine("beta line word7", text)
            for n in range(SIZES[partition])
            if fits(n, filter_, ["staff"])
            for text in document(n)[1]
        ),
        reverse=True,
    )[:k]
    picked = matching(filter_of(DeleteBody(filters=filter_).filters), ["staff"])
    hits = (
        Retriever()
        .search(serving, partition, "beta line word7", k=k, mode="dense", group_by_document=False, matching=picked)
        .hits
    )
    np.testing.assert_allclose([hit.dense for hit in hits], best, atol=1e-5)


def test_a_filter_changes_no_leg_s_score_and_no_order_of_what_it_lets_through(serving: ServingRelease) -> None:
    picked = matching(Comparison("eq", "group", (3,)), ["staff"])
    whole = Retriever().search(serving, SMALL, "alpha line", k=100, group_by_document=False).hits
    filtered = Retriever().search(serving, SMALL, "alpha line", k=100, group_by_document=False, matching=picked).hits
    let_through = {hit.passage.id for hit in filtered}
    before = [hit for hit in whole if hit.passage.id in let_through]
    assert filtered
    assert [(hit.passage.id, hit.dense, hit.lexical) for hit in filtered] == [
        (hit.passage.id, hit.dense, hit.lexical) for hit in before
    ]
    # The chance that a hit answers rises with its place, which a filter can only better.
    assert all(now.score >= was.score for now, was in zip(filtered, before, strict=True))


def test_hidden_rows_are_as_if_they_had_never_been(serving: ServingRelease) -> None:
    whole = serving.snapshot.view(SMALL)
    assert whole is not None
    gone = {f"d{n:04}" for n in range(0, 60, 4)}
    hidden = [shard.rows_of(SMALL, shard.find(SMALL, gone)) for shard in whole.shards]
    view = PartitionView(SMALL, whole.shards, hidden)
    left = [item(SMALL, n) for n in range(60) if f"d{n:04}" not in gone]
    assert view.rows == sum(len(one.passages) for one in left)
    terms = ANALYSER.terms("alpha line word7")
    scores, max_score = serving.bm25.scores(view.segments, terms)
    postings_of_the_rest = _only(left, serving)
    expected, expected_bound = serving.bm25.scores(postings_of_the_rest.segments, terms)
    assert max_score == pytest.approx(expected_bound)
    is_hidden = np.concatenate(hidden)
    np.testing.assert_allclose(np.sort(scores[~is_hidden]), np.sort(expected), rtol=1e-6)
    assert not scores[is_hidden].any()
    numbers, rows, _ = view.search(EMBEDDER.encode_query("alpha line"), 1000)
    found = {view.passage(int(number), int(row)).document_id for number, row in zip(numbers, rows, strict=True)}
    assert found == {one.document.id for one in left}


def _only(inputs: list[ShardInput], serving: ServingRelease) -> PartitionView:
    """The view of a partition that never held anything else, in memory."""
    vectors = EMBEDDER.encode_passages([p.encoder_input for one in inputs for p in one.passages])
    return PartitionView(SMALL, [shard_in_memory("live", inputs, vectors, serving.analyser)])


def test_a_vector_may_be_given_instead_of_a_text(serving: ServingRelease) -> None:
    vector = EMBEDDER.encode_query("alpha word10")
    given_ = Retriever().search(serving, SMALL, "", k=5, mode="dense", vector=vector).hits
    assert given_ == Retriever().search(serving, SMALL, "alpha word10", k=5, mode="dense").hits
    with pytest.raises(InvalidInput, match="3 components: expected 16"):
        Retriever().search(serving, SMALL, "", k=5, mode="dense", vector=vector[:3])
