"""What a person leaves open comes from the recipe in service, and a prepared build is bound to its model."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.errors import InvalidInput, ModelMismatch, NotFound
from indexing.features.boosts import Boost
from indexing.features.view_registry import record_view
from indexing.features.views import (
    DEFAULT_CONVERSATION,
    DEFAULT_PASSAGES,
    DOCUMENT_STATS,
    EMBEDDING_VIEWS,
    FIRST_256,
    Column,
    DocumentView,
    PassageView,
    lexical_view,
)
from indexing.home import Home
from indexing.models.embedder import Embedder
from indexing.models.parity_texts import CANONICAL_TEXTS
from indexing.models.registry import ModelVersion
from indexing.records import Document, Partition
from indexing.releases.calibration_rule import CalibrationRule
from indexing.releases.leg_rule import LegRule
from indexing.releases.recipe_choices import change_recipe, default_recipe, recipe_in_service
from indexing.releases.recipe_diff import recipe_differences
from indexing.releases.recipes import Approximation, Recipe, RetrievalConfig, read_recipe
from indexing.releases.release import list_releases
from indexing.snapshots.snapshot import Snapshot

Register = Callable[..., ModelVersion]
ARTICLES = Partition(DEFAULT_TENANT, "articles")
ADDED = PassageView("added", 1, "headings", 32, overlap_tokens=0, context_tokens=0)


def refuse_to_load() -> Embedder:
    raise AssertionError("the model was loaded though nothing is to be encoded")


def chosen(home: Home, **choices: Any) -> Recipe:
    return change_recipe(home, recipe_in_service(home), **choices)


def with_documents(home: Home) -> Home:
    put_documents(
        home.catalogue, ARTICLES, [Document("a", "Apples", "Red and round."), Document("b", "Pears", "Green and long.")]
    )
    return home


# Choosing


def test_before_the_first_release_the_defaults_are_chosen(tiny_home: Home) -> None:
    expected = Recipe(
        "tiny@1",
        DEFAULT_PASSAGES,
        EMBEDDING_VIEWS["int8"],
        lexical_view("english"),
        RetrievalConfig(leg_rule=LegRule(), calibration_rule=CalibrationRule()),
        approximation=Approximation(),
        conversation=DEFAULT_CONVERSATION,
    )
    assert default_recipe(tiny_home) == recipe_in_service(tiny_home) == chosen(tiny_home) == expected


def test_the_size_above_which_search_is_approximate_can_be_chosen(tiny_home: Home) -> None:
    assert chosen(tiny_home, approximate_above=500).approximation == Approximation(above_rows=500)
    assert chosen(tiny_home, approximate_above=0).approximation is None


def test_what_earlier_turns_of_a_conversation_count_can_be_chosen(tiny_home: Home) -> None:
    mine = replace(DEFAULT_CONVERSATION, name="mine", earlier_turns=2)
    record_view(tiny_home.catalogue, mine)
    assert chosen(tiny_home, conversation="mine").conversation == mine
    assert chosen(tiny_home, conversation="none").conversation is None
    with pytest.raises(NotFound, match="No conversation view 'nope'; there are default, mine"):
        chosen(tiny_home, conversation="nope")


def test_the_weights_can_be_chosen_each_by_itself(tiny_home: Home) -> None:
    default = default_recipe(tiny_home)
    choices = {"dense_weight": 1, "bm25_k1": 0.9, "bm25_b": -0.0, "candidates": 1000}
    for name, value in choices.items():
        expected = replace(default, retrieval=replace(default.retrieval, **{name: value}))
        assert chosen(tiny_home, **{name: value}) == expected
    together = chosen(tiny_home, **choices)
    assert json.dumps(together.retrieval.manifest).startswith(
        '{"bm25_k1": 0.9, "bm25_b": 0.0, "dense_weight": 1.0, "candidates": 1000, '
    )
    assert change_recipe(tiny_home, together) == together
    assert [one.sentence for one in recipe_differences(default, together)] == [
        "retrieval: bm25_k1 1.2 -> 0.9",
        "retrieval: bm25_b 0.75 -> 0.0",
        "retrieval: dense_weight 0.45 -> 1.0",
        "retrieval: candidates 100 -> 1000",
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("dense_weight", 1.01, "--dense-weight 1.01 is out of range: expected a number from 0 to 1."),
        ("dense_weight", float("nan"), "--dense-weight nan"),
        ("bm25_k1", -0.1, "--bm25-k1 -0.1 is out of range: expected a number from 0 to 10."),
        ("bm25_k1", float("inf"), "--bm25-k1 inf"),
        ("bm25_b", 45, "--bm25-b 45 is out of range: expected a number from 0 to 1."),
        ("candidates", 0, "--candidates 0 is out of range: expected a number from 1 to 1000."),
        ("candidates", 1001, "--candidates 1001"),
    ],
)
def test_a_weight_that_makes_no_sense_is_refused(tiny_home: Home, name: str, value: float, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        chosen(tiny_home, **{name: value})


def test_boosts_can_be_chosen_with_the_version_of_their_view_and_taken_out(tiny_home: Home) -> None:
    default = default_recipe(tiny_home)
    boosted = chosen(tiny_home, boost=("document_stats:age=-0.1,30", "document_stats@1:links=0.2,5"))
    boosts = (Boost("document_stats:age", -0.1, 30.0), Boost("document_stats:links", 0.2, 5.0))
    assert boosted == replace(
        default, retrieval=replace(default.retrieval, boosts=boosts), document_views=(DOCUMENT_STATS,)
    )
    assert change_recipe(tiny_home, boosted) == boosted
    assert change_recipe(tiny_home, boosted, boost=("none",)) == default


@pytest.mark.parametrize(
    ("boost", "message"),
    [
        (("document_stats:size=1,1",), "has length, age"),
        (("document_stats:age=1,1", "document_stats:age=2,1"), "expected each feature once"),
        (("document_stats@1:age=1,1", "document_stats:links=2,1"), "two versions of the document view"),
        (("notes:by=1,1",), "is a text, expected a number"),
        (("none", "document_stats:age=1,1"), "expected VIEW:COLUMN"),
    ],
)
def test_boosts_that_make_no_sense_are_refused(tiny_home: Home, boost: tuple[str, ...], message: str) -> None:
    record_view(tiny_home.catalogue, DocumentView("notes", 1, (Column("by", "str"),), None))
    record_view(tiny_home.catalogue, replace(DOCUMENT_STATS, version=2))
    with pytest.raises(InvalidInput, match=message):
        chosen(tiny_home, boost=boost)


def test_without_a_model_the_message_says_how_to_get_one(home: Home) -> None:
    with pytest.raises(NotFound, match=r"registered: none yet.*models register"):
        recipe_in_service(home)


def test_before_the_first_release_the_newest_model_is_chosen(tiny_home: Home, register_tiny: Register) -> None:
    register_tiny(tiny_home)
    assert chosen(tiny_home).model == "tiny@2"


def test_every_choice_changes_its_own_part_and_nothing_else(tiny_home: Home, register_tiny: Register) -> None:
    register_tiny(tiny_home, "other")
    default = default_recipe(tiny_home)
    assert chosen(tiny_home, model="tiny@1") == replace(default, model="tiny@1")
    assert chosen(tiny_home, model="other@1") == replace(default, model="other@1")
    assert chosen(tiny_home, view="first-256") == replace(default, passage=FIRST_256)
    assert chosen(tiny_home, precision="fp32") == replace(default, embedding=EMBEDDING_VIEWS["fp32"])
    assert chosen(tiny_home, language="german") == replace(default, lexical=lexical_view("german"))
    fixed = replace(default, retrieval=RetrievalConfig(calibration_rule=CalibrationRule()))
    assert chosen(tiny_home, leg_rule="none") == fixed
    assert change_recipe(tiny_home, fixed, leg_rule="self-retrieval") == default
    with pytest.raises(InvalidInput, match="leg rule 'sometimes' is unknown: expected self-retrieval or none"):
        chosen(tiny_home, leg_rule="sometimes")


def test_a_models_name_alone_means_its_newest_version(tiny_home: Home, register_tiny: Register) -> None:
    register_tiny(tiny_home)
    register_tiny(tiny_home, "other")
    assert chosen(tiny_home, model="tiny").model == "tiny@2"


def test_an_added_view_is_chosen_by_name_in_its_newest_version(tiny_home: Home) -> None:
    for version in (1, 2):
        record_view(tiny_home.catalogue, replace(ADDED, version=version))
    assert chosen(tiny_home, view="added").passage == replace(ADDED, version=2)


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        ({"model": "nope"}, NotFound, "No model 'nope'; registered: tiny@1"),
        ({"model": "tiny@7"}, NotFound, "No model 'tiny@7'"),
        ({"view": "nope"}, NotFound, "No passage view 'nope'; there are default, first-256"),
        ({"precision": "fp16"}, InvalidInput, "precision 'fp16' is unknown: expected int8 or fp32"),
        ({"language": "klingon"}, InvalidInput, "language 'klingon' is unknown: expected one of arabic"),
    ],
)
def test_an_unknown_choice_is_refused_and_the_known_ones_named(
    tiny_home: Home, choice: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        chosen(tiny_home, **choice)


def test_what_is_left_open_comes_from_the_recipe_in_service(tiny_home: Home, register_tiny: Register) -> None:
    with_documents(tiny_home)
    build(prepare_build(tiny_home, chosen(tiny_home, view="first-256", precision="fp32", language="none")))
    register_tiny(tiny_home)
    serving = recipe_in_service(tiny_home)
    names = (serving.model, serving.passage.name, serving.embedding.name, serving.lexical.name)
    assert names == ("tiny@1", "first-256", "fp32", "none")
    assert serving == read_recipe(tiny_home.catalogue, 1)
    changed = chosen(tiny_home, precision="int8")
    assert changed == replace(serving, embedding=EMBEDDING_VIEWS["int8"], number=0)
    assert default_recipe(tiny_home).model == "tiny@2"


def test_a_recipe_built_beside_is_not_the_one_in_service(tiny_home: Home) -> None:
    with_documents(tiny_home)
    build(prepare_build(tiny_home, chosen(tiny_home)))
    build(prepare_build(tiny_home, chosen(tiny_home, view="first-256")))
    assert recipe_in_service(tiny_home).number == 1
    assert recipe_in_service(tiny_home).passage == DEFAULT_PASSAGES


def test_a_change_that_changes_nothing_is_the_same_recipe(tiny_home: Home) -> None:
    with_documents(tiny_home)
    first = build(prepare_build(tiny_home, chosen(tiny_home)))
    again = build(prepare_build(tiny_home, chosen(tiny_home, view="default", precision="int8", language="english")))
    assert again.release == first.release


# Preparing


def test_a_prepared_build_makes_a_release_that_finds_its_documents(tiny_home: Home) -> None:
    with_documents(tiny_home)
    context = prepare_build(tiny_home, chosen(tiny_home))
    report = build(context)
    assert (report.documents, report.embeddings_computed, report.is_deployed) == (2, 2, True)
    view = Snapshot(tiny_home.storage, report.release.snapshot).view(ARTICLES)
    assert view is not None
    numbers, rows, scores = view.search(context.load_embedder().encode_query("Apples\nRed and round."), 2)
    assert view.passage(int(numbers[0]), int(rows[0])).document_id == "a"
    assert scores[0] == pytest.approx(1.0, abs=1e-5)


def test_the_model_is_not_loaded_when_nothing_is_to_be_encoded(tiny_home: Home) -> None:
    with_documents(tiny_home)
    context = prepare_build(tiny_home, chosen(tiny_home))
    first = build(context)
    put_documents(tiny_home.catalogue, ARTICLES, [Document("a", "Apples", "Red and round.", "https://example.org")])
    again = prepare_build(tiny_home, chosen(tiny_home, language="none"))
    assert build(replace(again, load_embedder=refuse_to_load)).embeddings_computed == 0
    again = prepare_build(tiny_home, chosen(tiny_home))
    report = build(replace(again, load_embedder=refuse_to_load))
    assert (report.embeddings_computed, report.release.recipe) == (0, first.release.recipe)


def test_each_form_of_a_model_gives_its_own_vectors(tiny_home: Home) -> None:
    vectors = [
        prepare_build(tiny_home, chosen(tiny_home, precision=precision)).load_embedder().encode_query("apples")
        for precision in ("int8", "fp32")
    ]
    assert abs(float(np.dot(*vectors))) < 0.99


def test_two_versions_of_a_model_with_the_same_files_share_their_vectors(
    tiny_home: Home, register_tiny: Register
) -> None:
    with_documents(tiny_home)
    build(prepare_build(tiny_home, chosen(tiny_home)))
    register_tiny(tiny_home)
    report = build(prepare_build(tiny_home, chosen(tiny_home, model="tiny@2")))
    assert (report.embeddings_computed, report.shards_written, report.release.number) == (0, 0, "2.1")


def test_progress_is_passed_on(tiny_home: Home) -> None:
    told: list[str] = []
    with_documents(tiny_home)
    build(
        prepare_build(
            tiny_home, chosen(tiny_home), on_progress=lambda stage, done, total: told.append(f"{stage} {done}")
        )
    )
    assert told[0] == "passages 2"
    assert "vectors 2" in told
    assert told[-1] == "shards 1"


def test_a_machine_with_other_arithmetic_is_refused_before_anything_is_stored(
    home: Home, register_tiny: Register
) -> None:
    with_documents(home)
    wrong = {precision: {CANONICAL_TEXTS[0]: [1.0, *[0.0] * 15]} for precision in ("int8", "fp32")}
    register_tiny(home, canonical=wrong)
    with pytest.raises(ModelMismatch, match="tiny@1 int8 gives other vectors on this machine"):
        build(prepare_build(home, chosen(home)))
    assert list_releases(home.catalogue) == []
    assert home.storage.list("shards") == []


def test_a_recipe_of_a_model_that_is_not_registered_cannot_be_prepared(tiny_home: Home) -> None:
    with pytest.raises(NotFound, match="No model 'gone@1'"):
        prepare_build(tiny_home, replace(chosen(tiny_home), model="gone@1"))


@pytest.mark.model
def test_the_default_model_builds_and_finds_by_meaning(home: Home, model_home: Home) -> None:
    home.models.copy_from(model_home.models)
    put_documents(
        home.catalogue,
        ARTICLES,
        [
            Document("password", "Forgotten password", "Open the sign-in page and ask for a link to choose a new one."),
            Document("refund", "Money back", "Refunds reach the original card within ten working days."),
        ],
    )
    context = prepare_build(home, chosen(home))
    report = build(context)
    assert (report.passages, report.embeddings_computed) == (2, 2)
    view = Snapshot(home.storage, report.release.snapshot).view(ARTICLES)
    assert view is not None
    numbers, rows, _ = view.search(context.load_embedder().encode_query("I cannot log in any more"), 1)
    assert view.passage(int(numbers[0]), int(rows[0])).document_id == "password"
    assert build(replace(context, load_embedder=refuse_to_load)).embeddings_computed == 0
