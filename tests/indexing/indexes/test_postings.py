"""Terms are the same whatever form a text has; BM25 is the same however a partition is cut and whoever is beside it."""

import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import InvalidInput
from indexing.indexes.analyser import SNOWBALL, Analyser, PassageTerms
from indexing.indexes.postings import LexicalSegment, build_postings

Passages = Sequence[Sequence[str]]


def counted(passages: Passages) -> list[PassageTerms]:
    """Passages whose length is the number of their terms."""
    return [PassageTerms(terms, len(terms)) for terms in passages]


def segment(passages: Passages, *, before: Sequence[Passages] = (), after: Sequence[Passages] = ()) -> LexicalSegment:
    """A partition's segment in a shard that holds other partitions before and after it."""
    arrays, ranges = build_postings(map(counted, [*before, passages, *after]))
    start = sum(len(other) for other in before)
    return LexicalSegment(arrays, ranges[len(before)], start, start + len(passages))


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


@pytest.mark.parametrize("language", sorted(SNOWBALL))
def test_every_language_works(language: str) -> None:
    analyser = Analyser(language)
    assert analyser.language == language
    assert analyser.terms("groundwork 2026") == analyser.terms("Groundwork, 2026!")


@pytest.mark.parametrize("language", ["", "English", "klingon", "en"])
def test_an_unknown_language_is_refused_with_those_there_are(language: str) -> None:
    with pytest.raises(InvalidInput, match=r"is unknown: expected one of .*english.*none"):
        Analyser(language)


ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates and unassigned code points included


@given(text=ANY_TEXT, other=ANY_TEXT, language=st.sampled_from(sorted(SNOWBALL)))
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
    arrays, ranges = build_postings(map(counted, partitions))
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
    arrays, _ = build_postings(map(counted, [[["b", "a", "b"]], [["a"]]]))
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
