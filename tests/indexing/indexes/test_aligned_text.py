"""Marks of words lie in the text as it was given, whatever is folded on the way."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexing.indexes.aligned_text import aligned, joined
from indexing.indexes.analysers import analyser_of
from indexing.indexes.word_cutting import plain

APART = unicodedata.normalize("NFD", "Büro")
ANALYSERS = {(name, algorithm): analyser_of(name, algorithm) for name in ("english", "none") for algorithm in (1, 2)}
ANALYSERS |= {(name, 2): analyser_of(name, 2) for name in ("german", "french", "japanese", "korean", "turkish")}


def marked(text, query, language="english", algorithm=2):
    analyser = ANALYSERS[language, algorithm]
    wanted = frozenset(analyser.query_weights(query) or analyser.stop_weights(query))
    return [text[start:end] for start, end in analyser.marks(text, wanted)]


@pytest.mark.parametrize(
    ("text", "query", "language", "expected"),
    [
        (
            "Reset a forgotten password: passwords.",
            "how to reset passwords",
            "english",
            ["Reset", "password", "passwords"],
        ),
        ("exportCsvFile and Wi-Fi, the wifi", "export wifi", "english", ["export", "Wi-Fi", "wifi"]),
        ("getUserById", "user", "english", ["User"]),
        (f"Das Büro, {APART}, buero, BÜRO", "büro", "german", ["Büro", APART, "buero", "BÜRO"]),
        ("L'église n’est pas l’hôtel", "eglise hotel", "french", ["église", "hôtel"]),
        ("パスワードを再設定するにはｻｲﾝｲﾝ", "再設定 サインイン", "japanese", ["再設定", "ｻｲﾝｲﾝ"]),
        ("학교에서 비밀번호를", "비밀번호 학교", "korean", ["학교", "비밀번호"]),
        ("İSTANBUL istanbul", "istanbul", "turkish", ["İSTANBUL", "istanbul"]),
        ("a\u00adgent soft\u00adhyphen", "agent softhyphen", "english", ["a\u00adgent", "soft\u00adhyphen"]),
        ("costs 1,000 or 1000 in 2.10.1", "1000 2.10.1", "english", ["1,000", "1000", "2.10.1"]),
        ("the IT team", "IT", "english", ["IT"]),
        ("\U0001f469\u200d\U0001f4bb ﬁle ﬁles", "file", "english", ["ﬁle", "ﬁles"]),
        ("C++ and C#, .env", "c++ env", "english", ["C++", "env"]),
    ],
)
def test_what_found_a_text_is_what_is_marked(text, query, language, expected):
    assert marked(text, query, language) == expected


def test_algorithm_1_marks_words_by_their_stems():
    assert marked("Straße, STRASSE: the passwords of it", "password strasse the", algorithm=1) == [
        "Straße",
        "STRASSE",
        "passwords",
    ]


ANY = st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("e\u0301\u00ad\u200dAb \n가ㄱ각ﬁ㌔"), max_size=60)


@given(ANY, st.sampled_from(sorted(ANALYSERS)))
def test_marks_lie_inside_the_text_in_order_and_apart_and_hold_what_is_wanted(text, which):
    analyser = ANALYSERS[which]
    terms = frozenset(analyser.passage_terms(text).terms)
    spans = analyser.marks(text, terms)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))
    assert bool(spans) == bool(terms)
    assert analyser.marks(text, frozenset()) == []


@given(ANY)
@example("\u00ad")
def test_each_piece_of_an_aligned_text_is_the_fold_of_where_it_says_it_stands(text):
    found = aligned(text, plain)
    assert found.text == plain(text)
    ends = [*found.begins[1:], len(found.text)][: len(found.begins)]  # of what is not seen there is no piece
    for begin, end, (start, stop, is_same) in zip(found.begins, ends, found.spans, strict=True):
        assert 0 <= start <= stop <= len(text)
        assert plain(text[start:stop]) == found.text[begin:end]
        assert not is_same or end - begin == stop - start
    whole = [found.original(at, at + 1) for at in range(len(found.text))]
    assert all(0 <= start < end <= len(text) for start, end in whole)


def test_spans_that_overlap_or_touch_are_one():
    assert joined([(4, 6), (0, 2), (1, 3), (3, 4), (8, 9)]) == [(0, 6), (8, 9)]
