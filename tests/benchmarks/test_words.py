"""A slice of the measure of words: languages without spaces are found by their words, code by its parts."""

from tests.support.benchmark_slices import run_slice


def test_made_collections_are_found_by_words_and_code_is_found_better_by_parts():
    made = run_slice("search.words")["made"]
    for language in ("chinese", "japanese", "thai"):
        assert made[language]["documents"] == made[language]["queries"] == 100
        assert made[language]["algorithm 2"]["nDCG@10"] >= 0.9
    assert made["code"]["difference"] > 0
