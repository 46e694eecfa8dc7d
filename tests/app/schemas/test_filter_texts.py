"""Filters of a command line mean what they look like."""

import pytest

from app.retrieval.filters import Comparison, Compound
from app.schemas.filter_texts import filter_from
from indexing.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("category=billing", ("eq", "category", "billing")),
        (" category = two words ", ("eq", "category", "two words")),
        ("year>=2026", ("gte", "year", 2026)),
        ("price<1.5", ("lt", "price", 1.5)),
        ("is_public!=true", ("ne", "is_public", True)),
        ('code="5"', ("eq", "code", "5")),
        ("code=5", ("eq", "code", 5)),
        ("note=", ("eq", "note", "")),
        ("url=https://x/?a=b", ("eq", "url", "https://x/?a=b")),
        ("list=[1]", ("eq", "list", "[1]")),
        ('{"type": "gt", "key": "a=b", "value": "c"}', ("gt", "a=b", "c")),
    ],
)
def test_a_comparison_is_read_with_the_type_of_its_value(text, expected):
    kind, key, value = expected
    found = filter_from([text])
    assert found == Comparison(kind, key, (value,))
    assert type(found.values[0]) is type(value)


def test_several_must_all_fit():
    assert filter_from(["a=1", "b=2"]) == Compound("and", (Comparison("eq", "a", (1,)), Comparison("eq", "b", (2,))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "The filter 'a' has no comparison: write KEY=VALUE"),
        ("=x", "has no comparison"),
        ("{", "is no JSON"),
        ('{"type": "like"}', "expected an object with type one of eq"),
        ("flag>true", "expected a string or a number"),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(InvalidInput, match=said):
        filter_from([text])
