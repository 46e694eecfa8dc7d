"""BM25: by hand, against a library, and the same however a partition is cut, cached and shared."""

import itertools
import math
from collections.abc import Sequence

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.indexes.analyser import PassageTerms
from indexing.indexes.bm25 import FOUND_TERMS_BYTES, Bm25
from indexing.indexes.postings import LexicalSegment, build_postings

BM25 = Bm25(k1=1.2, b=0.75)
Passages = Sequence[Sequence[str]]


def counted(passages: Passages) -> list[PassageTerms]:
    """Passages whose length is the number of their terms."""
    return [PassageTerms(terms, len(terms)) for terms in passages]


def segment(passages: Passages, *, before: Sequence[Passages] = (), after: Sequence[Passages] = ()) -> LexicalSegment:
    """A partition's segment in a shard that holds other partitions before and after it."""
    arrays, ranges = build_postings(map(counted, [*before, passages, *after]))
    start = sum(len(other) for other in before)
    return LexicalSegment(arrays, ranges[len(before)], start, start + len(passages))


def scores(segments: Sequence[LexicalSegment], terms: Sequence[str], bm25: Bm25 = BM25) -> tuple[np.ndarray, float]:
    found, max_score = bm25.scores(segments, terms)
    assert (found.dtype, len(found)) == (np.float32, sum(len(one) for one in segments))
    return found, max_score


def test_bm25_gives_what_one_computes_by_hand() -> None:
    # Two passages of 2 and 4 terms: N = 2, average length 3. For "b": df = 1, idf = ln(1 + 1.5 / 1.5) = ln 2, and
    # tf = 1 in a passage of length 2: ln 2 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3)) = 0.6931472 * 2.2 / 1.9.
    found, max_score = scores([segment([["a", "b"], ["a", "a", "c", "d"]])], ["b"])
    np.testing.assert_allclose(found, [0.8025915, 0.0], atol=1e-6)
    assert max_score == pytest.approx(0.6931472 * 2.2)
    # For "a": df = 2, idf = ln(1 + 0.5 / 2.5) = 0.1823216; lengths 2 and 4, frequencies 1 and 2:
    # 0.1823216 * 2.2 * 1 / 1.9 and 0.1823216 * 2.2 * 2 / (2 + 1.2 * (0.25 + 0.75 * 4 / 3)) = ... * 2 / 3.5.
    found, _ = scores([segment([["a", "b"], ["a", "a", "c", "d"]])], ["a"])
    np.testing.assert_allclose(found, [0.2111092, 0.2292043], atol=1e-6)


def test_a_term_that_occurs_everywhere_still_counts_a_little() -> None:
    found, _ = scores([segment([["a"], ["a", "b"]])], ["a"])
    assert (found > 0).all()


def test_a_repeated_query_term_counts_as_often_as_it_is_repeated() -> None:
    one = [segment([["a", "b"], ["b", "b"], ["c"]])]
    once, once_bound = scores(one, ["b"])
    twice, twice_bound = scores(one, ["b", "b"])
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    assert twice_bound == pytest.approx(2 * once_bound)


def test_the_order_of_the_query_terms_does_not_matter() -> None:
    one = [segment([["a", "b", "c"], ["b", "d"]])]
    forth, back = scores(one, ["a", "b", "d"]), scores(one, ["d", "b", "a"])
    assert forth[0].tobytes() == back[0].tobytes()
    assert forth[1] == back[1]


@pytest.mark.parametrize("passages", [[], [[]], [[], []], [["a"]]])
def test_where_no_query_term_occurs_scores_and_bound_are_zero(passages: Passages) -> None:
    for terms in ([], ["x"]):
        found, max_score = scores([segment(passages)], terms)
        assert found.tolist() == [0.0] * len(passages)
        assert max_score == 0.0


def test_no_segments_give_no_scores() -> None:
    found, max_score = BM25.scores([], ["a"])
    assert (len(found), max_score) == (0, 0.0)


WORDS = st.sampled_from("abcdefgh")
CORPUS = st.lists(st.lists(WORDS, max_size=12), min_size=1, max_size=10)
QUERY = st.lists(st.sampled_from("abcdefghxy"), max_size=5)
KNOBS = st.builds(Bm25, k1=st.sampled_from([0.0, 0.9, 1.2, 2.0]), b=st.sampled_from([0.0, 0.4, 0.75, 1.0]))


@given(corpus=CORPUS, query=QUERY, bm25=KNOBS, data=st.data())
def test_a_partition_cut_into_segments_in_any_way_scores_as_one(
    corpus: list[list[str]], query: list[str], bm25: Bm25, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(corpus)), max_size=3)))
    edges = [0, *cuts, len(corpus)]
    whole, max_score = scores([segment(corpus)], query, bm25)
    cut, cut_bound = scores([segment(corpus[begin:end]) for begin, end in itertools.pairwise(edges)], query, bm25)
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    assert cut_bound == max_score


@given(corpus=CORPUS, query=QUERY, bm25=KNOBS)
def test_no_score_exceeds_the_bound_or_is_negative(corpus: list[list[str]], query: list[str], bm25: Bm25) -> None:
    found, max_score = scores([segment(corpus)], query, bm25)
    assert (found >= 0).all()
    assert (found <= max_score * (1 + 1e-6)).all()
    hits = [bool(set(query) & set(passage)) for passage in corpus]
    assert (found > 0).tolist() == hits


@given(mine=CORPUS, others=st.lists(CORPUS, max_size=3), place=st.integers(0, 3), query=QUERY)
def test_other_partitions_of_the_shard_never_change_a_score(
    mine: list[list[str]], others: list[list[list[str]]], place: int, query: list[str]
) -> None:
    alone, alone_bound = scores([segment(mine)], query)
    beside, beside_bound = scores([segment(mine, before=others[:place], after=others[place:])], query)
    assert beside.tobytes() == alone.tobytes()
    assert beside_bound == alone_bound


@examples(max_examples=50)
@given(
    corpus=st.lists(st.lists(WORDS, min_size=1, max_size=12), min_size=2, max_size=10),
    query=st.lists(WORDS, min_size=1, max_size=4),
    bm25=st.builds(Bm25, k1=st.sampled_from([0.9, 1.2, 2.0]), b=st.sampled_from([0.0, 0.4, 0.75, 1.0])),
)
def test_bm25_agrees_with_the_bm25s_library(corpus: list[list[str]], query: list[str], bm25: Bm25) -> None:
    reference = bm25s.BM25(method="lucene", k1=bm25.k1, b=bm25.b)
    reference.index(corpus, show_progress=False)
    known = [term for term in query if any(term in passage for passage in corpus)]
    expected = reference.get_scores(known) if known else np.zeros(len(corpus))
    # Lucene, and with it bm25s, leaves out the factor k1 + 1, which is the same for every passage.
    found, _ = scores([segment(corpus)], query, bm25)
    np.testing.assert_allclose(found / (bm25.k1 + 1.0), expected, atol=1e-4)


def test_idf_falls_with_the_number_of_passages_that_hold_the_term() -> None:
    bounds = [scores([segment([["a"]] * df + [["b"]] * (10 - df))], ["a"])[1] for df in range(1, 10)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == pytest.approx(math.log(1 + 9.5 / 1.5) * 2.2)


def test_a_term_that_counts_twice_is_a_term_that_stands_there_twice():
    bm25 = Bm25(1.2, 0.75)
    arrays, ranges = build_postings([counted([["apple", "pear"], ["pear", "plum", "plum"]])])
    segment = LexicalSegment(arrays, ranges[0], 0, 2)
    repeated, max_score = bm25.scores([segment], ["apple", "plum", "plum"])
    weighted, same_bound = bm25.scores([segment], {"apple": 1.0, "plum": 2.0})
    assert weighted[0].tobytes() == repeated[0].tobytes()
    assert same_bound == max_score
    halved, half_bound = bm25.scores([segment], {"plum": 0.5})
    single, single_bound = bm25.scores([segment], ["plum"])
    assert halved[0] == pytest.approx(single[0] / 2)
    assert half_bound == pytest.approx(single_bound / 2)


def test_what_is_remembered_is_of_these_segments_alone() -> None:
    bm25 = Bm25(1.2, 0.75)
    one, other = [["apple"], ["pear", "plum"]], [["pear"], ["apple", "apple", "plum"], ["plum"]]
    first, second = segment(one), segment(other)
    for _ in range(2):
        for segments in ([first], [second], [first, second], [second, first]):
            for term in ("apple", "pear", "quince"):
                found, max_score = bm25.scores(segments, [term])
                fresh, fresh_bound = Bm25(1.2, 0.75).scores(segments, [term])
                assert found.tolist() == fresh.tolist()
                assert max_score == fresh_bound


def test_scores_are_the_callers_to_change() -> None:
    bm25 = Bm25(1.2, 0.75)
    segments = [segment([["apple"], ["pear"]])]
    before = bm25.scores(segments, ["apple"])[0].tolist()
    bm25.scores(segments, ["apple"])[0][:] = 7.0
    assert bm25.scores(segments, ["apple"])[0].tolist() == before


def test_what_is_remembered_is_bounded_also_by_its_words() -> None:
    bm25 = Bm25(1.2, 0.75)
    words = ["x" * 100_000 + str(n) for n in range(200)]
    known = segment([[word] for word in words[:150]])
    for word in words:
        bm25.scores([known], [word])
    assert 0 < len(bm25.found_terms) < 150
    assert bm25.found_terms.size_bytes <= FOUND_TERMS_BYTES
