"""The slice of ``benchmarks.quality.synthetic_sets``: what it says of two modes, and that it runs on a small corpus."""

import json

import pytest

from benchmarks.quality.synthetic_sets import compare, measure
from indexing.records import MODES
from tests.eval.datasets.test_synthesis import PARTS, page

WELL, BADLY = dict.fromkeys("abcdefgh", 0.9), dict.fromkeys("abcdefgh", 0.2)


@pytest.mark.parametrize(
    ("made", "says"), [(("hybrid",), "agree"), (("dense", "lexical"), "contradict"), (MODES, "one shows nothing")]
)
def test_two_sets_agree_contradict_or_one_shows_nothing(made, says):
    by_persons = {"hybrid": WELL, "dense": BADLY, "lexical": BADLY}
    by_documents = {mode: WELL if mode in made else BADLY for mode in MODES}
    first = compare(by_persons, by_documents)[0]
    assert (first["pair"], first["judged"]["shows"], first["says"]) == ("hybrid against dense", "better", says)


def test_a_small_corpus_is_measured_by_both_sets(tiny_home, tmp_path):
    folder = tmp_path / "pages"
    (folder / "qrels").mkdir(parents=True)
    pages = [page(part) for part in PARTS]
    lines = [{"_id": one.id, "title": one.title, "text": one.text, "content_type": one.content_type} for one in pages]
    (folder / "corpus.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "clean the rotor"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tpage/rotor\t1\n")
    found = measure(tiny_home, folder, count=12)
    assert found["queries"] == {"judged": 1, "synthetic": 12}
    assert found["nDCG@10"]["synthetic"]["lexical"] > 0.9
    assert len(found["pairs"]) == 3
