"""A query is in one split for ever: no wording of it, no set and no version leaks it into another."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.splits import SPLITS, normalised, split_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
WORDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1, max_size=8)


@given(WORDS, st.sampled_from([" ", "  ", "\t", " - ", ", ", "\u00a0"]), st.sampled_from(["", "?", " ?!", "..."]))
def test_spaces_punctuation_case_and_form_do_not_move_a_query(words, between, end):
    text = " ".join(words)
    for other in (
        between.join(words) + end,
        unicodedata.normalize("NFD", text).casefold(),
        unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFKC", text),
        f"  {text}\n",
    ):
        assert normalised(other) == normalised(text)
        assert split_of(other) == split_of(text)


@given(TEXTS)
def test_every_text_has_a_split_and_normalising_twice_changes_nothing(text):
    assert split_of(text) in SPLITS
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(("one", "other"), [("???", "!!!"), ("कि", "का"), ("C1", "C2")])
def test_texts_that_ask_for_something_else_stay_apart(one, other):
    assert normalised(one) != normalised(other)


def test_of_many_queries_a_fifth_each_trains_and_chooses_and_the_rest_decides():
    counts = Counter(split_of(f"question number {number}") for number in range(5_000))
    assert {split: round(counts[split] / 5_000, 1) for split in SPLITS} == {"train": 0.2, "dev": 0.2, "test": 0.6}


def test_the_split_of_a_query_is_what_it_was_in_the_first_version():
    """Sets that are stored hold it: another hash would move what was trained on into the test."""
    texts = ("how do I reset my password", "HL-4290", "wie kündige ich", "what is an index?", "where are my invoices")
    assert [split_of(text) for text in texts] == ["train", "dev", "train", "test", "train"]
