"""YAML that people write: read as a mapping, or refused by name, whatever it holds."""

import pytest

from indexing.errors import InvalidInput
from indexing.releases.yaml_mapping import read_mapping


def read(text):
    return read_mapping(text, "p.yaml", holds="policy", example="level: 0.05\n")


def test_a_mapping_is_read_with_all_of_its_values():
    assert read("a: 1\nb: {c: [x, 2.5]}\nd: &e {f: null}\ng: *e\n") == {
        **{"a": 1, "b": {"c": ["x", 2.5]}},
        **{"d": {"f": None}, "g": {"f": None}},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level: 0.01\nmargin: 1\nlevel: 0.05\n", r"'level' stands there twice \(line 3\)"),
        ("a: {b: 1, 'b': 2}", "'b' stands there twice"),
        ("level: 2026-13-45", "p.yaml is not YAML: month must be in 1..12"),
        ("[" * 5000, "p.yaml is not YAML"),
        ("level: [", "p.yaml is not YAML"),
        ("!!python/object:os.system {}", "p.yaml is not YAML"),
        ("- a", "p.yaml holds no policy"),
        ("", "p.yaml holds no policy"),
    ],
)
def test_what_is_no_mapping_or_says_a_key_twice_is_refused_by_name(text, said):
    with pytest.raises(InvalidInput, match=said):
        read(text)
