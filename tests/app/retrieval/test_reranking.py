"""The second pass orders the best hits anew, in time or not at all; a late one costs nobody anything."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from app.main import create_app, refresh
from app.retrieval.reranking import Reranker, pair_text
from app.retrieval.retriever import Retriever
from app.serving.release_opening import ReleaseOpener
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.models.reranker import load_reranker
from indexing.records import MODES, Partition
from indexing.releases.deployments import deploy
from indexing.releases.recipes import Recipe, Reranking, RetrievalConfig, read_recipe, record_recipe
from indexing.snapshots.shard import StoredPassage
from tests.app.conftest import ARTICLES, release
from tests.support.api_client import TestClient
from tests.support.made_release import HERE, serve

KEY = {"Authorization": "Bearer test-key-0123456789"}
LONG_MS = 600_000


class ByLength:
    """Prefers longer passages."""

    def score(self, query, passage):
        return float(len(passage))


class Steps:
    """A clock that moves on by a second whenever it is asked."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


# The scores


def test_every_passage_is_scored_in_its_order():
    second = Reranker(1).score(ByLength(), "q", ["a", "ccc", "bb"], LONG_MS)
    assert second.logits.tolist() == [1.0, 3.0, 2.0]


def test_a_budget_that_is_over_gives_nothing_and_the_next_pair_is_not_begun():
    begun = []

    class Counting(ByLength):
        def score(self, query, passage):
            begun.append(passage)
            return super().score(query, passage)

    # Each look at the clock takes a second: one to begin, one to wait, one before each pair.
    second = Reranker(1, clock=Steps()).score(Counting(), "q", list("abcdefgh"), 4_000)
    assert second.logits is None
    assert second.reason == "4000 ms were not enough for 8 passages"
    assert len(begun) < 8


def test_scores_that_are_complete_too_late_are_late():
    moments = [0.0]

    class Slow(ByLength):
        def score(self, query, passage):
            moments.append(599.0 if passage == "in time" else 601.0)
            return super().score(query, passage)

    reranker = Reranker(1, clock=lambda: moments[-1])
    assert reranker.score(Slow(), "q", ["in time"], LONG_MS).logits is not None
    moments[:] = [0.0]
    assert reranker.score(Slow(), "q", ["in time", "late"], LONG_MS).logits is None


def test_a_late_one_is_left_behind_keeps_its_thread_and_lets_no_other_begin():
    started, go_on = threading.Event(), threading.Event()

    class Stuck(ByLength):
        def score(self, query, passage):
            started.set()
            go_on.wait()
            return super().score(query, passage)

    reranker = Reranker(1, clock=lambda: 0.0)  # so that the thread begins, however busy this machine is
    assert reranker.score(Stuck(), "q", ["a", "b"], 1).logits is None
    started.wait()
    assert reranker.score(ByLength(), "q", ["a"], LONG_MS).reason == "all threads for it are busy"
    go_on.set()
    while reranker.score(ByLength(), "q", ["a"], LONG_MS).logits is None:
        pass


def test_a_reranker_that_fails_does_not_cost_the_answer(caplog):
    class Broken(ByLength):
        def score(self, query, passage):
            raise ValueError("no")

    reranker = Reranker(1)
    for _ in range(3):  # its thread comes back each time
        assert reranker.score(Broken(), "q", ["a"], LONG_MS).reason.startswith("it failed (ValueError)")
    assert "rerank.failed" in caplog.text


def test_a_passage_is_read_with_its_title_and_headings():
    passage = StoredPassage(HERE, "d", "Title", "", {}, 0, 0, 4, ("H", "I"), "text")
    assert pair_text(passage) == "Title > H > I\ntext"
    assert pair_text(replace(passage, title="", headings=())) == "text"
    assert pair_text(replace(passage, table_heading="| a | b |")) == "Title > H > I\n| a | b |\ntext"


# The order


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    documents = [(HERE, f"d{i}", [f"alpha word{i} " + "more " * (i * 7 % 10)]) for i in range(10)]
    plain = serve(tmp_path_factory.mktemp("home"), [documents])
    plan = Reranking(depth=4, budget_ms=LONG_MS, calibration=(-1.0, 0.01))
    return replace(plain, reranker=ByLength(), recipe=replace(plain.recipe, reranker="by-length@1", reranking=plan))


def texts(result):
    return [hit.passage.text for hit in result.hits]


@pytest.mark.parametrize("mode", MODES)
def test_the_best_hits_stand_in_the_rerankers_order_and_the_others_after_them(serving, mode):
    fused = Retriever().search(replace(serving, reranker=None), HERE, "alpha word3", k=10, mode=mode)
    result = Retriever().search(serving, HERE, "alpha word3", k=10, mode=mode)
    assert texts(result)[:4] == sorted(texts(fused)[:4], key=len, reverse=True)
    assert texts(result)[4:] == texts(fused)[4:]
    assert [hit.rank for hit in result.hits] == list(range(1, 11))
    logits = [hit.rerank for hit in result.hits]
    assert logits[4:] == [None] * 6
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1 / (1 + np.exp(1.0 - 0.01 * logits[0])))
    assert result.warnings == []
    assert "rerank" in result.timings_ms


@pytest.mark.parametrize("k", [1, 3, 4, 7])
def test_the_first_hits_do_not_depend_on_how_many_are_asked_for(serving, k):
    wide = replace(serving, recipe=replace(serving.recipe, retrieval=RetrievalConfig()))
    few, many = (Retriever().search(wide, HERE, "alpha", k=count).hits for count in (k, 10))
    assert few == many[:k]


def test_a_late_second_pass_leaves_the_fused_order_and_says_so(serving):
    late = Retriever(Reranker(1, clock=Steps()))
    short = replace(serving, recipe=replace(serving.recipe, reranking=Reranking(depth=4, budget_ms=2_000)))
    result = late.search(short, HERE, "alpha", k=3)
    assert result.hits == Retriever().search(replace(serving, reranker=None), HERE, "alpha", k=3).hits
    assert result.warnings == ["not reranked: 2000 ms were not enough for 4 passages"]
    assert "rerank" in result.timings_ms


def test_a_vector_without_text_is_not_reranked(serving):
    vector = serving.embedder.encode_query("alpha")
    result = Retriever().search(serving, HERE, "", k=3, mode="dense", vector=vector)
    assert result.warnings == ["not reranked: there is no text to compare passages with"]
    assert len(result.hits) == 3


def test_without_hits_there_is_nothing_to_rerank(serving):
    assert Retriever().search(serving, HERE, "unheard", k=3, mode="lexical").warnings == []


# A recipe comes back


def test_how_a_reranker_is_used_is_part_of_its_recipe(home, serving):
    recorded = record_recipe(home.catalogue, serving.recipe)
    assert read_recipe(home.catalogue, recorded.number) == recorded
    plain = replace(serving.recipe, reranking=None)
    assert "reranking" not in plain.manifest
    assert plain.fingerprint != serving.recipe.fingerprint
    assert isinstance(plain, Recipe)


# The real one


@pytest.mark.model
def test_a_registered_cross_encoder_orders_the_answers_of_the_api(served_home, reranker_home):
    served_home.models.copy_from(reranker_home.models)
    model = served_home.models.get("cross")
    plan = Reranking(depth=5, budget_ms=60_000, precision="fp32")
    report = release(served_home, reranker=model.id, reranking=plan)
    assert report.release.number == "2.1"  # another recipe waits to be deployed
    serving = ReleaseOpener(served_home).open(report.release)
    reranker = load_reranker(served_home.storage, model, "fp32", sessions=1)
    where = Partition(DEFAULT_TENANT, "helpdesk")
    one, other = (Retriever().search(serving, where, "reset my password", k=5) for _ in range(2))
    assert one.hits == other.hits
    expected = [reranker.score("reset my password", pair_text(hit.passage)) for hit in one.hits]
    assert [hit.rerank for hit in one.hits] == pytest.approx(expected)
    assert expected == sorted(expected, reverse=True)
    assert {hit.passage.document_id for hit in one.hits} == set(ARTICLES)


@pytest.mark.model
def test_the_rerank_door_scores_texts_by_the_reranker_of_the_recipe(served_home, reranker_home):
    served_home.models.copy_from(reranker_home.models)
    plan = Reranking(precision="fp32", calibration=(-1.0, 0.5))
    built = release(served_home, reranker="cross@1", reranking=plan)
    deploy(served_home.catalogue, built.release.recipe, reason="a test", actor="test")
    reranker = load_reranker(served_home.storage, served_home.models.get("cross"), "fp32", sessions=1)
    texts = [text for _, text in ARTICLES.values()]
    expected = [reranker.score("reset my password", text) for text in texts]
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        body = {"query": "reset my password", "texts": texts}
        found = client.post("/rerank", json={**body, "raw_scores": True}, headers=KEY).json()
        told = client.post("/v2/rerank", json={"query": body["query"], "documents": texts}, headers=KEY).json()
    assert [one["score"] for one in found] == pytest.approx(sorted(expected, reverse=True))
    assert [one["index"] for one in told["results"]] == [one["index"] for one in found]
    scores = [1.0 / (1.0 + np.exp(1.0 - 0.5 * logit)) for logit in sorted(expected, reverse=True)]
    assert [one["relevance_score"] for one in told["results"]] == pytest.approx(scores, abs=1e-6)
    assert told["model"] == "cross@1"


def test_the_api_shows_the_rerankers_score_and_its_absence(served_home, monkeypatch):
    body = {"query": "reset my password", "collection": "helpdesk", "k": 2}
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        plain = client.post("/v1/search", json=body, headers=KEY).json()
        assert [hit["scores"]["rerank"] for hit in plain["hits"]] == [None, None]
    open_release = ReleaseOpener.open

    def open_with_reranker(self, release, distrusted=()):
        serving = open_release(self, release, distrusted)
        recipe = replace(serving.recipe, reranker="x@1", reranking=Reranking(budget_ms=LONG_MS))
        return replace(serving, reranker=ByLength(), recipe=recipe)

    monkeypatch.setattr(ReleaseOpener, "open", open_with_reranker)
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        answer = client.post("/v1/search", json=body, headers=KEY).json()
    assert all(hit["scores"]["rerank"] > 0 for hit in answer["hits"])
    assert answer["timings_ms"]["rerank"] >= 0
    assert answer["warnings"] == []
