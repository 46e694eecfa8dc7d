"""Fingerprints depend on the value alone, and documents and passages are identified by what is made from them."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import MARKDOWN, PLAIN, Document, Partition, Passage, canonical_json, fingerprint

TEXT = st.text(st.characters(), max_size=20)  # lone surrogates included
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def turned_around(value: Any) -> Any:
    """The same value with the keys of every object in the other order."""
    if isinstance(value, dict):
        return {key: turned_around(value[key]) for key in reversed(value)}
    return [turned_around(item) for item in value] if isinstance(value, list) else value


@given(value=VALUES)
def test_canonical_json_gives_the_value_back_and_ignores_the_order_of_keys(value: Any) -> None:
    encoded = canonical_json(value)
    assert json.loads(encoded.decode("utf-8", "surrogatepass")) == value
    assert canonical_json(turned_around(value)) == encoded


def test_canonical_json_and_its_fingerprint_never_change() -> None:
    value = {"b": [1, 2.5, None, True], "a": "é\n"}
    assert canonical_json(value) == '{"a":"é\\n","b":[1,2.5,null,true]}'.encode()
    assert fingerprint(value) == "0985a6a7d1398afab2c9bc76835695708e2751338d6c70d0e036d050a43b122c"


@given(one=VALUES, other=VALUES)
def test_fingerprints_are_equal_only_when_the_bytes_are(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (canonical_json(one) == canonical_json(other))
    assert len(fingerprint(one)) == 64


def test_text_cannot_move_between_title_and_body_unnoticed() -> None:
    assert Document("d", "ab", "c").content_sha256 != Document("d", "a", "bc").content_sha256


@pytest.mark.parametrize(
    ("field", "value", "changes_content"),
    [
        ("title", "other", True),
        ("text", "other", True),
        ("content_type", MARKDOWN, True),
        ("id", "other", False),
        ("url", "https://other", False),
        ("metadata", {"k": "other"}, False),
    ],
)
def test_a_document_is_identified_by_its_content_and_by_its_whole_record(
    field: str, value: object, changes_content: bool
) -> None:
    document = Document("d", "title", "text", "https://x", {"k": "v"}, PLAIN)
    changed = dataclasses.replace(document, **{field: value})
    assert (changed.content_sha256 != document.content_sha256) == changes_content
    assert changed.record_sha256 != document.record_sha256


@given(metadata=st.dictionaries(TEXT, VALUES, max_size=4), texts=st.tuples(TEXT, TEXT, TEXT, TEXT))
def test_a_document_with_any_text_and_metadata_has_stable_hashes(
    metadata: dict[str, Any], texts: tuple[str, str, str, str]
) -> None:
    one = Document(*texts, metadata)
    other = Document(*texts, turned_around(metadata))
    assert (one.content_sha256, one.record_sha256) == (other.content_sha256, other.record_sha256)


def test_records_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Document("d", "", "").text = "other"  # type: ignore[misc]


def test_a_passage_is_named_after_its_document_and_place() -> None:
    assert Passage("doc#1", 4, 0, 1, "a", (), "a").id == "doc#1#4"


def test_partitions_sort_by_tenant_then_collection_and_read_as_a_path() -> None:
    partitions = [Partition("b", "a"), Partition("a", "b"), Partition("a", "a")]
    assert [str(partition) for partition in sorted(partitions)] == ["a/a", "a/b", "b/a"]
