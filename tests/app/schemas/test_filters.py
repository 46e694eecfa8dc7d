"""Filters on the wire: what the grammar allows is read as it stands, all else is refused by its place and value."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from app.retrieval.filters import Comparison, Compound, Filter
from app.schemas.documents import DeleteBody
from app.schemas.filters import FilterBody, filter_of
from app.schemas.search import SearchBody
from indexing.records import Json
from tests.support.api_document import api_document


class Body(BaseModel):
    filters: FilterBody


def read(value: Json) -> Filter:
    return filter_of(Body(filters=value).filters)


def said(value: Json) -> str:
    """Why a filter is refused."""
    with pytest.raises(ValidationError) as refused:
        read(value)
    (fault,) = refused.value.errors(include_url=False)
    return str(fault["msg"])


def wire_of(filter_: Filter) -> Json:
    if isinstance(filter_, Compound):
        return {"type": filter_.type, "filters": [wire_of(part) for part in filter_.filters]}
    is_list = filter_.type in ("in", "nin")
    return {"type": filter_.type, "key": filter_.key, "value": list(filter_.values) if is_list else filter_.values[0]}


def typed(filter_: Filter) -> Json:
    """A filter with the types of its values: 1, 1.0 and true are equal to Python."""
    if isinstance(filter_, Compound):
        return filter_.type, [typed(part) for part in filter_.filters]
    return filter_.type, filter_.key, [(type(value), repr(value)) for value in filter_.values]


def is_scalar(value: Json) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def follows_the_grammar(value: Json, depth: int = 1) -> bool:
    """A plain reading of the grammar, without its limit of comparisons."""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    if kind in ("and", "or") and value.keys() == {"type", "filters"}:
        parts = value["filters"]
        is_list = isinstance(parts, list) and len(parts) > 0 and depth < 8
        return is_list and all(follows_the_grammar(part, depth + 1) for part in parts)
    if value.keys() != {"type", "key", "value"} or not isinstance(value["key"], str) or not value["key"]:
        return False
    if kind in ("in", "nin"):
        return isinstance(value["value"], list) and all(map(is_scalar, value["value"]))
    is_ordered = kind in ("gt", "gte", "lt", "lte") and not isinstance(value["value"], bool)
    return (kind in ("eq", "ne") or is_ordered) and is_scalar(value["value"])


SCALARS = st.one_of(
    st.text(max_size=3),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from([0, 1, 1.0, True, -0.0, 2**53 + 1, math.nan, math.inf]),
)
COMPARISONS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), "key": st.just("a"), "value": SCALARS}
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["in", "nin"]), "key": st.just("a"), "value": st.lists(SCALARS, max_size=3)}
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["eq", "in", "gt", "and", "equals", "", None, 1, True]) | st.just(["or"]),
            "key": st.sampled_from(["a", "", 5, None, True]),
            "value": SCALARS | st.lists(SCALARS, max_size=2) | st.just({}),
        },
        optional={"filters": st.just([]), "boost": SCALARS},
    ),
    SCALARS,
)
TREES = st.recursive(
    COMPARISONS,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["and", "or"]), "filters": st.lists(inner, max_size=3)}
    ),
    max_leaves=6,
)


@given(TREES)
def test_exactly_what_follows_the_grammar_is_read_and_no_value_is_converted(value: Json) -> None:
    try:
        filter_ = read(value)
    except ValidationError:
        assert not follows_the_grammar(value)
        return
    assert follows_the_grammar(value)
    body = json.dumps({"query": "x", "filters": value})
    searched = SearchBody.model_validate_json(body).filters
    assert searched is not None
    assert typed(filter_of(searched)) == typed(filter_)
    assert json.dumps(wire_of(filter_), sort_keys=True) == json.dumps(value, sort_keys=True)


def test_the_grammar_of_openai_is_read() -> None:
    value = {
        "type": "and",
        "filters": [
            {"type": "gte", "key": "n", "value": 1.5},
            {"type": "in", "key": "x", "value": ["billing", 5, True]},
        ],
    }
    parts = Comparison("gte", "n", (1.5,)), Comparison("in", "x", ("billing", 5, True))
    assert read(value) == Compound("and", parts)


IS_ONE = {"type": "eq", "key": "a", "value": 1}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (
            "billing",
            "filters is 'billing': expected an object with type one of eq, ne, gt, gte, lt",
        ),
        ({"type": "equals", "key": "a", "value": 1}, "'equals', 'value': 1}: expected an object with type one of"),
        ({"type": ["or"], "filters": []}, "expected an object with type one of"),
        ({"type": "eq", "key": "a"}, "filters has the wrong fields ('value'): expected key, type, value"),
        ({"type": "eq", "key": "a", "value": 1, "eq": 2}, "filters has the wrong fields ('eq'): expected key, type"),
        ({"type": "eq", "key": "a", "value": 1, "\ud800": 2}, "wrong fields ('\\ud800')"),
        (
            {"type": "or", "filters": [{"type": "eq", "key": "a", "value": 1}], "key": 2},
            "filters has the wrong fields ('key'): expected filters, type",
        ),
        ({"type": "eq", "key": 5, "value": 1}, "filters.key is 5: expected the name of a metadata field"),
        ({"type": "eq", "key": "", "value": 1}, "filters.key is '': expected the name of a metadata field"),
        ({"type": "eq", "key": "a", "value": None}, "filters.value is None: expected a string, a number, or true or"),
        ({"type": "eq", "key": "a", "value": ["x"]}, "filters.value is ['x']: expected a string, a number, or true or"),
        ({"type": "gt", "key": "a", "value": True}, "filters.value is True: expected a string or a number, which have"),
        ({"type": "lt", "key": "a", "value": math.nan}, "filters.value is nan: expected a finite number"),
        ({"type": "in", "key": "a", "value": "x"}, "filters.value is 'x': expected a list of at most 1000 values"),
        ({"type": "in", "key": "a", "value": [1, {}]}, "filters.value.1 is {}: expected a string, a number"),
        ({"type": "in", "key": "a", "value": [1] * 1001}, "1, 1, ...]: expected a list of at most 1000 values"),
        ({"type": "and", "filters": []}, "filters.filters is []: expected a list of at least one filter"),
        ({"type": "or", "filters": {}}, "filters.filters is {}: expected a list of at least one filter"),
        (
            {"type": "or", "filters": [{"type": "eq", "key": "a", "value": {}}]},
            "filters.filters.0.value is {}: expected a",
        ),
    ],
)
def test_what_does_not_follow_the_grammar_is_refused_by_its_place_and_value(value: Json, fault: str) -> None:
    assert fault in said(value)


def nested(levels: int) -> Json:
    value: Json = {"type": "eq", "key": "a", "value": 1}
    for _ in range(levels):
        value = {"type": "and", "filters": [value]}
    return value


@pytest.mark.parametrize("levels", [8, 10_000])
def test_a_filter_that_is_too_deep_is_refused_before_it_is_built(levels: int) -> None:
    assert "filters.filters.0.filters.0.filters.0" in said(nested(levels))
    assert "is nested deeper than 8: flatten the filter" in said(nested(levels))
    read(nested(7))


def test_a_filter_is_bounded_in_comparisons_and_fields() -> None:
    comparisons = [{"type": "eq", "key": "a", "value": n} for n in range(101)]
    assert "more than 100 comparisons: use 'in'" in said({"type": "or", "filters": comparisons})
    halves = [{"type": "or", "filters": comparisons[:51]}, {"type": "or", "filters": comparisons[:50]}]
    assert "more than 100 comparisons: use 'in'" in said({"type": "or", "filters": halves})
    read({"type": "or", "filters": comparisons[:100]})
    assert "filters has 100000 fields" in said({str(n): n for n in range(100_000)})


def test_the_openapi_document_has_the_grammar() -> None:
    schemas = api_document()["components"]["schemas"]
    for body in (SearchBody, DeleteBody):
        text = json.dumps(schemas[body.__name__]["properties"]["filters"])
        for name in ("EqualityFilter", "OrderFilter", "MembershipFilter", "CompoundFilter"):
            assert f"#/components/schemas/{name}" in text
    assert schemas["EqualityFilter"]["properties"]["type"]["enum"] == ["eq", "ne"]
    assert schemas["EqualityFilter"]["additionalProperties"] is False
    assert schemas["MembershipFilter"]["properties"]["value"]["maxItems"] == 1000
