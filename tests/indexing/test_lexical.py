"""Terms are the same whatever form a text has; BM25 is the same however a partition is cut and whoever is beside it."""

import itertools
import math
import threading
from collections import Counter
from collections.abc import Sequence

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.lexical import LANGUAGES, Analyser, Bm25, LexicalSegment, build_postings

BM25 = Bm25(k1=1.2, b=0.75)
Passages = Sequence[Sequence[str]]


def segment(passages: Passages, *, before: Sequence[Passages] = (), after: Sequence[Passages] = ()) -> LexicalSegment:
    """A partition's segment in a shard that holds other partitions before and after it."""
    arrays, ranges = build_postings([*before, passages, *after])
    start = sum(len(other) for other in before)
    return LexicalSegment(arrays, ranges[len(before)], start, start + len(passages))


def scores(segments: Sequence[LexicalSegment], terms: Sequence[str], bm25: Bm25 = BM25) -> tuple[np.ndarray, float]:
    parts, bound = bm25.scores(segments, terms)
    assert [(part.dtype, len(part)) for part in parts] == [(np.float32, len(one)) for one in segments]
    return np.concatenate(parts) if parts else np.empty(0, np.float32), bound


# The analyser


def test_english_drops_function_words_and_stems() -> None:
    terms = Analyser("english").terms("How do I reset the forgotten PASSWORDS of my accounts?")
    assert terms == ["reset", "forgotten", "password", "account"]


def test_a_query_and_a_passage_in_other_inflections_meet() -> None:
    english = Analyser("english")
    assert english.terms("cancelling subscriptions") == english.terms("Cancel a subscription")


def test_other_languages_stem_and_keep_every_word() -> None:
    assert Analyser("german").terms("Die Häuser") == ["die", "haus"]
    assert Analyser("french").terms("Les chevaux") == ["le", "cheval"]


def test_none_keeps_the_words_as_they_are() -> None:
    assert Analyser("none").terms("The THE cats' e-mail_box v2.10, №5") == [
        "the", "the", "cats", "e", "mail", "box", "v2", "10", "no5",
    ]  # fmt: skip


def test_order_and_repetitions_are_kept() -> None:
    assert Analyser("none").terms("b a b") == ["b", "a", "b"]


def test_compatible_forms_of_a_text_have_the_same_terms() -> None:
    none = Analyser("none")
    assert none.terms("ﬁle ＡＢＣ １２ Ⅷ") == ["file", "abc", "12", "viii"]
    assert none.terms("cafe\u0301") == none.terms("café") == ["café"]
    assert none.terms("Straße") == none.terms("STRASSE") == ["strasse"]


def test_scripts_without_case_and_spaces_give_words_too() -> None:
    assert Analyser("none").terms("東京 Привет ภาษาไทย") == ["東京", "привет", "ภาษาไทย"]


@pytest.mark.parametrize(
    ("language", "word"),
    [("hindi", "हिन्दी"), ("nepali", "नेपाली"), ("tamil", "தமிழ்"), ("none", "বাংলা"), ("none", "עִבְרִית"), ("none", "ที่นี่")],
)
def test_a_word_with_vowel_signs_is_one_term(language: str, word: str) -> None:
    assert len(Analyser(language).terms(word)) == 1


@pytest.mark.parametrize(("one", "other"), [("ταΐζω", "ΤΑΪ́ΖΩ"), ("İstanbul", "i̇stanbul")])
def test_a_word_has_the_same_single_term_in_either_case(one: str, other: str) -> None:
    none = Analyser("none")
    assert none.terms(one) == none.terms(other)
    assert len(none.terms(one)) == 1


@pytest.mark.parametrize("text", ["", " \n\t", "?!… — _", "\ud800", "\x00", "👍🏽"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert Analyser("english").terms(text) == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_works(language: str) -> None:
    analyser = Analyser(language)
    assert analyser.language == language
    assert analyser.terms("groundwork 2026") == analyser.terms("Groundwork, 2026!")


@pytest.mark.parametrize("language", ["", "English", "klingon", "en"])
def test_an_unknown_language_is_refused_with_those_there_are(language: str) -> None:
    with pytest.raises(InvalidInput, match=r"is unknown: expected one of .*english.*none"):
        Analyser(language)


ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates and unassigned code points included


@given(text=ANY_TEXT, other=ANY_TEXT, language=st.sampled_from(sorted(LANGUAGES)))
def test_any_text_has_terms_that_do_not_depend_on_what_stands_beside_it(text: str, other: str, language: str) -> None:
    analyser = Analyser(language)
    terms = analyser.terms(text)
    assert all(isinstance(term, str) and term for term in terms)
    assert Analyser(language).terms(text) == terms
    assert analyser.terms(f"{text}\n{other}") == terms + analyser.terms(other)


def test_threads_share_an_analyser() -> None:
    analyser, text = Analyser("english"), "running runners ran " * 50
    expected, found = analyser.terms(text), []

    def run() -> None:
        found.extend(analyser.terms(text) == expected for _ in range(20))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 80


# Postings

TERMS = st.text(st.characters(), min_size=1, max_size=3) | st.sampled_from(["a", "b", "ab", "é"])
PARTITIONS = st.lists(st.lists(st.lists(TERMS, max_size=6), max_size=5), max_size=4)


@given(partitions=PARTITIONS, absent=TERMS)
def test_postings_give_back_every_frequency_and_length_of_each_partition(
    partitions: list[list[list[str]]], absent: str
) -> None:
    arrays, ranges = build_postings(partitions)
    assert len(ranges) == len(partitions)
    start = 0
    for passages, term_range in zip(partitions, ranges, strict=True):
        one = LexicalSegment(arrays, term_range, start, start + len(passages))
        start += len(passages)
        assert len(one) == len(passages)
        assert one.lengths.tolist() == [len(passage) for passage in passages]
        assert one.total_length == sum(map(len, passages))
        vocabulary = {term for passage in passages for term in passage}
        assert term_range.stop - term_range.start == len(vocabulary)
        for term in vocabulary:
            found = one.postings(term)
            assert found is not None
            expected = [(row, Counter(passage)[term]) for row, passage in enumerate(passages) if term in passage]
            assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == expected
        if absent not in vocabulary:
            assert one.postings(absent) is None
    assert start == len(arrays["lengths"])


def test_postings_have_the_types_that_the_format_promises() -> None:
    arrays, _ = build_postings([[["b", "a", "b"]], [["a"]]])
    assert {name: str(array.dtype) for name, array in arrays.items()} == {
        "term_bytes": "uint8",
        "term_offsets": "uint64",
        "posting_offsets": "uint64",
        "posting_rows": "uint32",
        "posting_frequencies": "uint16",
        "lengths": "uint32",
    }
    assert bytes(arrays["term_bytes"]) == b"aba"
    assert arrays["term_offsets"].tolist() == [0, 1, 2, 3]
    assert arrays["posting_rows"].tolist() == [0, 0, 1]
    assert arrays["posting_frequencies"].tolist() == [1, 2, 1]


def test_a_frequency_beyond_sixteen_bits_is_capped_and_the_length_is_not() -> None:
    one = segment([["a"] * 70_000, ["b"]])
    found = one.postings("a")
    assert found is not None
    assert found[1].tolist() == [65_535]
    assert one.lengths.tolist() == [70_000, 1]


def test_a_term_of_another_partition_of_the_shard_is_not_found() -> None:
    mine = segment([["mine"]], before=[[["theirs"], ["aaa"]]], after=[[["others"]]])
    assert mine.postings("theirs") is None
    assert mine.postings("others") is None
    assert mine.postings("zzz") is None
    assert mine.postings("mine") is not None


# BM25


def test_bm25_gives_what_one_computes_by_hand() -> None:
    # Two passages of 2 and 4 terms: N = 2, average length 3. For "b": df = 1, idf = ln(1 + 1.5 / 1.5) = ln 2, and
    # tf = 1 in a passage of length 2: ln 2 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3)) = 0.6931472 * 2.2 / 1.9.
    found, bound = scores([segment([["a", "b"], ["a", "a", "c", "d"]])], ["b"])
    np.testing.assert_allclose(found, [0.8025915, 0.0], atol=1e-6)
    assert bound == pytest.approx(0.6931472 * 2.2)
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
        found, bound = scores([segment(passages)], terms)
        assert found.tolist() == [0.0] * len(passages)
        assert bound == 0.0


def test_no_segments_give_no_scores() -> None:
    assert BM25.scores([], ["a"]) == ([], 0.0)


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
    whole, bound = scores([segment(corpus)], query, bm25)
    cut, cut_bound = scores([segment(corpus[begin:end]) for begin, end in itertools.pairwise(edges)], query, bm25)
    np.testing.assert_allclose(cut, whole, atol=1e-5)
    assert cut_bound == bound


@given(corpus=CORPUS, query=QUERY, bm25=KNOBS)
def test_no_score_exceeds_the_bound_or_is_negative(corpus: list[list[str]], query: list[str], bm25: Bm25) -> None:
    found, bound = scores([segment(corpus)], query, bm25)
    assert (found >= 0).all()
    assert (found <= bound * (1 + 1e-6)).all()
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
    arrays, ranges = build_postings([[["apple", "pear"], ["pear", "plum", "plum"]]])
    segment = LexicalSegment(arrays, ranges[0], 0, 2)
    repeated, bound = bm25.scores([segment], ["apple", "plum", "plum"])
    weighted, same_bound = bm25.scores([segment], {"apple": 1.0, "plum": 2.0})
    assert weighted[0].tobytes() == repeated[0].tobytes()
    assert same_bound == bound
    halved, half_bound = bm25.scores([segment], {"plum": 0.5})
    single, single_bound = bm25.scores([segment], ["plum"])
    assert halved[0] == pytest.approx(single[0] / 2)
    assert half_bound == pytest.approx(single_bound / 2)
