"""A recipe is numbered once, and comes back exactly as it was."""

import dataclasses
import json
from typing import Any

import pytest

from indexing.errors import NotFound
from indexing.features.boosts import Boost
from indexing.features.views import (
    DEFAULT_CONVERSATION,
    DOCUMENT_STATS,
    EMBEDDING_VIEWS,
    FIRST_256,
    FIRST_PASSAGES,
    lexical_view,
)
from indexing.home import Home
from indexing.models.registry import ModelManifest, ModelVersion, Prompts
from indexing.records import StoredFile
from indexing.releases.calibration_rule import CalibrationRule
from indexing.releases.recipes import Recipe, RetrievalConfig, read_recipe, record_recipe

RECIPE = Recipe("model@1", FIRST_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), RetrievalConfig())


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "model@2"},
        {"passage": FIRST_256},
        {"embedding": EMBEDDING_VIEWS["fp32"]},
        {"lexical": lexical_view("none")},
        {"shard_rows": 10},
        {"reranker": "cross@1"},
        {"conversation": DEFAULT_CONVERSATION},
        {"retrieval": RetrievalConfig(bm25_k1=0.9)},
        {"retrieval": RetrievalConfig(bm25_b=0.5)},
        {"retrieval": RetrievalConfig(dense_weight=0.0)},
        {"retrieval": RetrievalConfig(candidates=7)},
        {"retrieval": RetrievalConfig(calibration={"dense": [0.0, 1.0]})},
        {"retrieval": RetrievalConfig(calibration_rule=CalibrationRule())},
        {"retrieval": RetrievalConfig(boosts=(Boost("document_stats:age", -0.1, 30.0),))},
        {"document_views": (DOCUMENT_STATS,)},
    ],
)
def test_a_change_of_any_part_is_another_recipe_with_the_next_number(home: Home, fields: dict[str, Any]) -> None:
    other = dataclasses.replace(RECIPE, **fields)
    assert other.fingerprint != RECIPE.fingerprint
    assert record_recipe(home.catalogue, RECIPE).number == 1
    assert record_recipe(home.catalogue, other).number == 2


def test_a_recipe_comes_back_as_it_was_recorded(home: Home) -> None:
    recorded = record_recipe(home.catalogue, RECIPE)
    assert recorded == dataclasses.replace(RECIPE, number=1)
    assert read_recipe(home.catalogue, 1) == recorded


def test_a_conversation_view_comes_back_with_its_recipe_and_older_recipes_keep_their_fingerprint(home: Home) -> None:
    chatty = dataclasses.replace(RECIPE, conversation=DEFAULT_CONVERSATION)
    recorded = record_recipe(home.catalogue, chatty)
    assert read_recipe(home.catalogue, recorded.number) == recorded
    assert "conversation" not in RECIPE.manifest
    assert json.loads(json.dumps(chatty.manifest)) == chatty.manifest


def test_boosts_come_back_with_their_views_and_older_recipes_keep_their_fingerprint(home: Home) -> None:
    boosts = (Boost("document_stats:age", -0.1, 30.0), Boost("document_stats:links", 0.2, 5.0))
    retrieval = dataclasses.replace(RECIPE.retrieval, boosts=boosts)
    boosted = dataclasses.replace(RECIPE, retrieval=retrieval, document_views=(DOCUMENT_STATS,))
    recorded = record_recipe(home.catalogue, boosted)
    assert read_recipe(home.catalogue, recorded.number) == recorded
    assert [feature.column.name for feature in recorded.boost_features] == ["age", "links"]
    assert json.loads(json.dumps(boosted.manifest)) == boosted.manifest
    assert "boosts" not in RECIPE.manifest["retrieval"]
    assert "document_views" not in RECIPE.manifest
    before = {"dense": [-7.193, 7.301], "lexical": [-5.946, 9.762], "hybrid": [-7.291, 11.223]}
    older = dataclasses.replace(
        RECIPE, lexical=lexical_view("english", 1), retrieval=RetrievalConfig(calibration=before)
    )
    assert older.fingerprint == "839517b93aeab0257e4618e9a9454acff85673b281a93ee205ef03f0761cafeb"


def test_a_boost_by_a_view_that_the_recipe_does_not_name_is_refused() -> None:
    retrieval = dataclasses.replace(RECIPE.retrieval, boosts=(Boost("clicks:clicks", 1.0, 1.0),))
    with pytest.raises(NotFound, match="clicks:clicks"):
        _ = dataclasses.replace(RECIPE, retrieval=retrieval).boost_features


def test_an_equal_recipe_keeps_its_number(home: Home) -> None:
    record_recipe(home.catalogue, RECIPE)
    for number in (0, 1, 99):
        assert record_recipe(home.catalogue, dataclasses.replace(RECIPE, number=number)).number == 1


def test_recording_an_equal_recipe_uses_up_no_number(home: Home) -> None:
    for _ in range(3):
        record_recipe(home.catalogue, RECIPE)
    assert record_recipe(home.catalogue, dataclasses.replace(RECIPE, model="other@1")).number == 2


def test_the_number_is_no_part_of_what_a_recipe_is() -> None:
    assert dataclasses.replace(RECIPE, number=5).fingerprint == RECIPE.fingerprint


def test_an_unknown_recipe_is_named(home: Home) -> None:
    with pytest.raises(NotFound, match="No recipe 7"):
        read_recipe(home.catalogue, 7)


def test_a_recipe_is_bound_to_its_models_files() -> None:
    names = ("tokenizer.json", "fp32.onnx", "int8.onnx")
    files = {name: StoredFile(1, name) for name in names}
    manifest = ModelManifest(files, 256, {}, prompts=Prompts("q: ", "d: "))
    views = RECIPE.bind(ModelVersion("model", 1, manifest, "2026-01-01T00:00:00.000+00:00"))
    assert (views.passage, views.embedding, views.lexical) == (RECIPE.passage, RECIPE.embedding, RECIPE.lexical)
    assert views.model.tokenizer_sha256 == "tokenizer.json"
    assert views.model.onnx_sha256 == {"fp32": "fp32.onnx", "int8": "int8.onnx"}
    assert (views.model.max_tokens, views.model.document_prompt) == (256, "d: ")


def test_a_calibration_rule_comes_back_with_its_recipe_and_older_recipes_keep_their_fingerprint(home: Home) -> None:
    ruled = dataclasses.replace(RECIPE, retrieval=RetrievalConfig(calibration_rule=CalibrationRule(strength=0.5)))
    recorded = record_recipe(home.catalogue, ruled)
    assert read_recipe(home.catalogue, recorded.number) == recorded
    assert "calibration_rule" not in RECIPE.manifest["retrieval"]
