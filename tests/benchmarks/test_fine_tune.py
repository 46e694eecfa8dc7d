"""The pairs that the second model is trained on come from the articles, the same each time, and from no query."""

import json
from pathlib import Path

from benchmarks.builds.fine_tune import make_pairs

CORPUS = Path("corpora/helpdesk")


def test_pairs_are_seeded_and_differ():
    pairs = make_pairs(CORPUS)
    assert pairs == make_pairs(CORPUS)
    assert pairs != make_pairs(CORPUS, seed=8)
    assert sorted(pairs) == sorted(make_pairs(CORPUS, seed=8))
    assert len(set(pairs)) == len(pairs) > 500


def test_a_key_sentence_is_not_in_its_own_passage():
    whole = [(short, passage) for short, passage in make_pairs(CORPUS) if short in passage and short.endswith(".")]
    assert whole == []


def test_no_query_of_the_judgments_is_trained_on():
    queries = {json.loads(line)["text"] for line in (CORPUS / "queries.jsonl").read_text().splitlines()}
    texts = {text for pair in make_pairs(CORPUS) for text in pair}
    assert not queries & texts
