import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.agreement import overlap, rank_biased_overlap

RANKINGS = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [("", "", 1.0), ("ab", "", 0.0), ("ab", "ba", 1.0), ("abcd", "cdef", 0.5), ("a", "ab", 0.5)],
)
def test_overlap_is_the_share_of_the_longer_ranking_that_is_in_both(one, other, share):
    assert overlap(list(one), list(other)) == share


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ("", "", 1.0),
        ("ab", "", 0.0),
        ("abc", "abc", 1.0),
        ("abc", "def", 0.0),
        ("ab", "ba", 0.1 / 0.9 * (0.0 + 0.81) + 0.81),  # nothing at rank 1, everything at rank 2
        ("abcdefg", "abcdefh", 0.1 / 0.9 * (sum(0.9**d for d in range(1, 7)) + 6 / 7 * 0.9**7) + 6 / 7 * 0.9**7),
    ],
)
def test_rank_biased_overlap_by_hand(one, other, value):
    assert rank_biased_overlap(list(one), list(other)) == pytest.approx(value)


def naive(one, other, p):
    """Equation 32 word by word."""
    short, long = sorted((one, other), key=len)
    s, n = len(short), len(long)
    x = {d: len(set(short[:d]) & set(long[:d])) for d in range(1, n + 1)}
    total = sum(x[d] / d * p**d for d in x) + sum(x[s] * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * total + ((x[n] - x[s]) / n + x[s] / s) * p**n


@given(RANKINGS, RANKINGS, st.floats(0.05, 0.95))
def test_rank_biased_overlap_is_that_of_the_paper_and_lies_between_0_and_1(one, other, p):
    found = rank_biased_overlap(one, other, p)
    assert -1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(rank_biased_overlap(other, one, p))
    if one and other:
        assert found == pytest.approx(naive(one, other, p))


@given(RANKINGS)
def test_a_ranking_agrees_with_itself(one):
    assert overlap(one, one) == 1.0
    assert rank_biased_overlap(one, one) == pytest.approx(1.0)
