"""Boosts move documents after fusion and before the cut to k, and leave searches without them as they are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest

from app.retrieval.query import Query
from app.retrieval.retriever import Retriever
from app.serving.document_boosts import boosts_as_known
from indexing.features.boosts import Boost
from indexing.features.materialise import Push, materialise, push
from indexing.features.views import DOCUMENT_STATS
from indexing.indexes.fusion import calibrate
from indexing.records import Document
from indexing.releases.recipes import read_recipe
from tests.support.document_features import CLICKS
from tests.support.fresh_home import OURS, RECIPE, THEIRS, article, sentence
from tests.support.home_copies import built_once, fresh_copy

NAMES = [f"n{number}" for number in range(12)]
QUERY = sentence("n3", 0)
POPULAR = Boost("clicks:clicks", 5.0, 10.0)
BOOSTED = replace(RECIPE, retrieval=replace(RECIPE.retrieval, boosts=(POPULAR,)), document_views=(CLICKS,))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a home with documents of two tenants, built once without boosts. Take copies; leave it be."""

    def fill(made):
        made.put(*(article(name) for name in NAMES), live=False)
        made.put(*(article(name) for name in NAMES), partition=THEIRS, live=False)
        made.build()

    return built_once(tmp_path_factory.mktemp("boosts") / "home", fill)


@pytest.fixture
def fresh(built, tmp_path):
    with fresh_copy(built, tmp_path / "home") as made:
        yield made


def clicks(fresh, numbers, partition=OURS, known_at=None, event_time=None):
    now = known_at or datetime.now(UTC)
    rows = [Push(name, (event_time or now).isoformat(), {"clicks": number}) for name, number in numbers.items()]
    assert push(fresh.home.catalogue, CLICKS, partition, rows, now=lambda: now).left_out == ()


def serve(fresh, recipe):
    fresh.deploy(fresh.build(recipe).release.recipe)
    process = fresh.process()
    process.pool.refresh()
    return process.pool.current()


def search(serving, query=QUERY, **options):
    found = Retriever().search(serving, OURS, query, **{"k": 5, **options})
    assert not found.warnings
    return found.hits


def test_a_popular_document_comes_first_with_the_value_that_moved_it(fresh, subtests):
    clicks(fresh, {"n7": 1000})
    plain, boosted = (serve(fresh, recipe) for recipe in (RECIPE, BOOSTED))
    for mode, is_grouped in product(("hybrid", "dense", "lexical"), (True, False)):
        with subtests.test(mode=mode, is_grouped=is_grouped):
            before = search(plain, mode=mode, group_by_document=is_grouped)
            hits = search(boosted, mode=mode, group_by_document=is_grouped)
            assert before[0].passage.document_id == "n3"
            assert hits[0].passage.document_id == "n7"
            assert hits[0].features == {"clicks:clicks": 1000.0}
            others = [hit for hit in hits if hit.passage.document_id != "n7"]
            assert others[0].passage.document_id == "n3"
            assert all(hit.features == {} for hit in others)
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_boost_is_added_to_the_fused_score_by_the_formula_that_is_stated(fresh):
    clicks(fresh, dict.fromkeys(NAMES, 30))
    plain, boosted = (serve(fresh, recipe) for recipe in (RECIPE, BOOSTED))
    cosines = {hit.passage.document_id: hit.dense for hit in search(plain, mode="dense", k=12)}
    added = np.float32(5.0 * 30 / (30 + 10))
    for hit in search(boosted, mode="dense", k=12):
        fused = np.array([cosines[hit.passage.document_id] + added], np.float32)
        curve = RECIPE.retrieval.calibration["dense"]
        assert hit.score == pytest.approx(calibrate(curve, fused, before=hit.rank - 1)[0], abs=1e-7)
        assert hit.dense == cosines[hit.passage.document_id]  # the legs' own scores stay


def test_a_search_without_boosts_gives_the_same_bits_whatever_features_there_are(fresh):
    before = search(serve(fresh, RECIPE))
    clicks(fresh, {"n7": 1000})
    materialise(fresh.home.catalogue, DOCUMENT_STATS)
    serving = serve(fresh, RECIPE)
    assert serving.boosts is None
    assert search(serving) == before
    nothing = replace(BOOSTED, retrieval=replace(BOOSTED.retrieval, boosts=(replace(POPULAR, weight=0.0),)))
    assert [hit.score for hit in search(serve(fresh, nothing))] == [hit.score for hit in before]


def test_values_of_another_tenant_move_nothing(fresh):
    clicks(fresh, {"n7": 1000}, partition=THEIRS)
    serving = serve(fresh, BOOSTED)
    assert search(serving)[0].passage.document_id == "n3"
    assert Retriever().search(serving, THEIRS, QUERY, k=5).hits[0].passage.document_id == "n7"


def test_expired_null_and_missing_values_add_nothing(fresh):
    clicks(fresh, {"n7": 1000, "n8": None})
    serving = serve(fresh, BOOSTED)
    late = datetime.now(UTC) + timedelta(seconds=CLICKS.ttl_seconds + 60)
    assert serving.boosts is not None
    hits = search(replace(serving, boosts=replace(serving.boosts, now=lambda: late)), k=12)
    assert hits[0].passage.document_id == "n3"
    assert all(hit.features == {} for hit in hits)
    assert serving.boosts.of(OURS, ["n7", "n8", "n9"]).values == [{"clicks:clicks": 1000.0}, {}, {}]


def test_a_push_counts_in_the_next_search_without_a_build(fresh):
    serving = serve(fresh, BOOSTED)
    assert search(serving)[0].passage.document_id == "n3"
    clicks(fresh, {"n9": 50})
    assert search(serving)[0].passage.document_id == "n9"


def test_a_search_can_be_repeated_as_of_its_moment_to_the_bit(fresh):
    stats = Boost("document_stats:age", -3.0, 1e-4)
    recipe = replace(
        BOOSTED,
        retrieval=replace(BOOSTED.retrieval, boosts=(POPULAR, stats)),
        document_views=(CLICKS, DOCUMENT_STATS),
    )
    clicks(fresh, {"n7": 3, "n8": 30})
    serving = serve(fresh, recipe)
    at = datetime.now(UTC)

    def ask(serving):
        asked = Query(QUERY, 12, "hybrid", True, None, None, at=at)
        return Retriever().begin(serving, OURS, asked).result().hits

    before = ask(serving)
    assert before[0].passage.document_id == "n8"
    clicks(fresh, {"n7": 5000, "n1": 9}, known_at=at + timedelta(seconds=1), event_time=at)
    assert ask(serving) != before  # the newest values
    again = replace(serving, boosts=boosts_as_known(serving.recipe, fresh.home.catalogue))
    assert ask(again) == before
    assert boosts_as_known(RECIPE, fresh.home.catalogue) is None


def test_a_build_brings_the_computed_values_that_its_boosts_use(fresh):
    stats = replace(
        RECIPE,
        retrieval=replace(RECIPE.retrieval, boosts=(Boost("document_stats:length", 5.0, 1000.0),)),
        document_views=(DOCUMENT_STATS,),
    )
    fresh.put(Document("long", "", " ".join(["entirely other words"] * 300)), live=False)
    hits = search(serve(fresh, stats))
    assert hits[0].passage.document_id == "long"
    assert hits[0].features == {"document_stats:length": float(len("entirely other words ") * 300 - 1)}


def test_a_recipe_with_boosts_comes_back_as_it_was_recorded(fresh):
    number = fresh.build(BOOSTED).release.recipe
    assert read_recipe(fresh.home.catalogue, number) == replace(BOOSTED, number=number)
