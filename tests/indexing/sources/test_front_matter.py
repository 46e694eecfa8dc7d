"""Front matter gives what its author wrote, and a text that has none is read whole."""

from typing import Any

import pytest

from indexing.sources.front_matter import front_matter
from indexing.sources.refusals import Refused


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(
            (text, text)
            for text in ("NO", "yes", "on", "Off", "y", "1.10", "1.1", "-0.5", "0123", "007", "0x1F", "0o17")
        ),
        *((text, text) for text in ("12:30:45", "190:20:30", "1_000", "1e3", ".inf", ".nan", "+5", "-0", "2024-05-06")),
        *((text, text) for text in ("2024-05-06 10:00:00", "12345678901234567890123", "1234e56")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("2024", 2024),
        ("'2024'", "2024"),
        ("!!float 4.50", 4.5),
        ("!!str true", "true"),
        ("[1.10, no, {b: 1}]", ["1.10", "no", {"b": 1}]),
    ],
)
def test_a_plain_scalar_of_yaml_stays_as_it_is_written(written: str, value: Any) -> None:
    assert front_matter(f"---\nkey: {written}\n---\nbody")[0] == {"key": value}


def test_keys_are_texts_as_they_are_written() -> None:
    fields, body = front_matter("---\non: a\nyes: b\n2024: c\ntrue: d\n0x1F: e\nnull: f\nk k: g\n---\n")
    assert fields == {"on": "a", "yes": "b", "2024": "c", "true": "d", "0x1F": "e", "null": "f", "k k": "g"}
    assert body == ""


def test_anchors_and_merged_keys_are_followed() -> None:
    fields, _ = front_matter("---\na: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n---\n")
    assert fields["b"] == {"x": 1, "y": 3}


def test_toml_between_plus_signs_is_front_matter_with_types_of_its_own() -> None:
    text = '+++\ntitle = "T"\nday = 2024-05-06\nrate = 1.5\nallow = ["ann"]\n[extra]\nn = 1\n+++\n---\nbody\n'
    fields, body = front_matter(text)
    assert fields == {"title": "T", "day": "2024-05-06", "rate": 1.5, "allow": ["ann"], "extra": {"n": 1}}
    assert body == "---\nbody\n"


@pytest.mark.parametrize(
    "text",
    [
        "---\nA rule above and below.\n\n---\n\nbody\n",
        "---\n- one\n- two\n---\nbody",
        "---\n# Heading\n\n---\n",
        "---\nIt *is [open\n---\n",
        "---\n\n**Note**: a: b\n---\n",
        "---\n\n# Pumps\n\nNote: keep them dry.\n\n---\n\nbody\n",
        "---\n\nNote: keep them dry.\n\n---\nbody",
        "---\r\n\r\n## Pumps\r\nWhere: in the hall\r\n---\r\nbody",
        "---\nnothing closes it\n",
        "----\ntitle: four dashes\n----\n",
        "***\ntitle: x\n***\n",
        "+++ x\ntitle = 1\n+++\n",
        "\n---\ntitle: below an empty line\n---\n",
        "text\n---\ntitle: x\n---\n",
        "",
    ],
)
def test_a_text_without_a_mapping_at_its_head_is_read_whole(text: str) -> None:
    assert front_matter(text) == ({}, text)


def test_fields_below_a_blank_line_are_still_fields() -> None:
    assert front_matter("---\n\ntitle: x\n---\nbody") == ({"title": "x"}, "body")
    assert front_matter("---\n# a remark\ntitle: x\n\n---\nbody") == ({"title": "x"}, "body")
    with pytest.raises(Refused, match="looks like a permission"):
        front_matter("---\n\n# who\nallow: [ann]\n\n---\nbody")


@pytest.mark.parametrize("text", ["---\n---\nbody", "---\r\n\r\n---\r\nbody", "---\nt: x\n...\nbody", "+++\n+++\nbody"])
def test_front_matter_may_be_empty_or_end_in_dots(text: str) -> None:
    assert front_matter(text)[1] == "body"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\na: [\n---\n", "not YAML"),
        ("---\na: 1\n b: 2\n---\n", "not YAML"),
        ("---\n# comment\n\n'a': !!python/object:x 1\n---\n", "not YAML"),
        ("---\na: 1\na: 2\n---\n", "a stands there twice"),
        ("+++\na = \n+++\n", "not TOML"),
        ("+++\na = 1\na = 2\n+++\n", "not TOML"),
        (f"---\na: {'x' * 300_000}\n---\n", "shorten it"),
        ("---\nallow:\n---\n", "allow is empty"),
        ("---\nallow: ~\n---\n", "allow is empty"),
    ],
)
def test_broken_front_matter_is_refused_and_not_taken_for_text(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        front_matter(text)
