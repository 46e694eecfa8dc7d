"""A boost adds half of its weight at its saturation, never more than its weight, and nothing without a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.features.boosts import Boost, boosted, parse_boost

WEIGHTS = st.floats(-10, 10)
SATURATIONS = st.floats(1e-3, 1e9)
VALUES = st.floats(0, 1e15)


@given(WEIGHTS, SATURATIONS, VALUES, VALUES)
def test_a_contribution_grows_with_the_value_and_stays_below_the_weight(weight, saturation, x, more):
    boost = Boost("v:x", weight, saturation)
    low, high = sorted((x, more))
    less, much = (abs(boost.contribution(value)) for value in (low, high))
    assert 0 <= less <= much * (1 + 1e-12)
    assert much <= abs(weight)
    assert boost.contribution(saturation) == pytest.approx(weight / 2)


def test_values_below_zero_count_as_zero():
    assert Boost("v:x", 0.3, 10).contribution(-5.0) == 0


def test_boosts_add_up_and_a_value_that_is_absent_adds_nothing():
    boosts = (Boost("v:x", 0.4, 10), Boost("v:y", -0.2, 1))
    assert boosted(boosts, {"v:x": 10.0}) == pytest.approx(0.2)
    assert boosted(boosts, {"v:x": 10.0, "v:y": 1.0}) == pytest.approx(0.1)
    assert boosted(boosts, {}) == 0


def test_a_boost_is_read_as_it_is_written():
    assert parse_boost("document_stats:age=-0.1,30") == Boost("document_stats:age", -0.1, 30.0)


@pytest.mark.parametrize("text", ["a:b", "a:b=1", "a:b=1,0", "a:b=1,-2", "a:b=nan,1", "a:b=1,inf", "a:b=1,2,3", "=1,2"])
def test_a_boost_of_another_form_is_refused(text):
    with pytest.raises(InvalidInput, match="expected VIEW:COLUMN=WEIGHT,SATURATION"):
        parse_boost(text)
