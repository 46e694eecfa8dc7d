"""Measures agree with pytrec_eval on BM25's rankings of every collection that the project is developed on."""

import json
from functools import lru_cache
from pathlib import Path

import bm25s
import numpy as np
import pytest
import pytrec_eval

from eval.datasets.trec import Qrels, Run, read_qrels, read_queries
from eval.experiments.measures import CONDENSED, EVERY_MEASURE, JUDGED, score_run

DATA = Path(__file__).parents[3].parent / "shared" / "data"
COLLECTIONS = [
    ("cranfield", "test", "queries.jsonl"),
    ("cranfield", "graded", "queries.jsonl"),
    ("mtrag_cloud", "test", "queries.jsonl"),
    ("mtrag_cloud", "un", "queries_un_lastturn.jsonl"),
    ("ray_docs", "test", "queries.jsonl"),
    ("scifact", "test", "queries.jsonl"),
]
CHARACTERS = 200
"""Of each document that are looked at: the rankings need not be good."""
pytestmark = pytest.mark.data


@lru_cache(maxsize=1)
def index_of(folder: Path) -> tuple[list[str], bm25s.BM25]:
    """The ids of a collection's documents and BM25 over them."""
    records = [json.loads(line) for line in (folder / "corpus.jsonl").read_bytes().splitlines() if line]
    texts = [f"{one['title']} {one['text']}"[:CHARACTERS] for one in records]
    library = bm25s.BM25(method="lucene")
    library.index(bm25s.tokenize(texts, stopwords=None, show_progress=False), show_progress=False)
    return [str(one["_id"]) for one in records], library


def lexical_run(folder: Path, queries: dict[str, str]) -> Run:
    """BM25's first 100, its scores rounded so that many tie."""
    ids, library = index_of(folder)
    asked = bm25s.tokenize(list(queries.values()), stopwords=None, show_progress=False)
    found, scores = library.retrieve(asked, k=100, show_progress=False)
    return {
        query_id: {
            ids[place]: float(np.round(score, 1))
            for place, score in zip(found[row].tolist(), scores[row].tolist(), strict=True)
        }
        for row, query_id in enumerate(queries)
    }


def trec_evals(qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    """trec_eval's own numbers by measure and query."""
    wanted = {"ndcg_cut_10", "recall_10", "recall_100", "recip_rank", "map", "success_10"}
    scored = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    condensed = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10"}, judged_docs_only_flag=True).evaluate(run)
    found = {
        "nDCG@10": "ndcg_cut_10",
        "R@10": "recall_10",
        "R@100": "recall_100",
        "MAP": "map",
        "Success@10": "success_10",
    }
    numbers = {ours: {query: one[theirs] for query, one in scored.items()} for ours, theirs in found.items()}
    numbers["MRR@10"] = {
        query: one["recip_rank"] if one["recip_rank"] >= 1 / 10 else 0.0 for query, one in scored.items()
    }
    numbers[CONDENSED] = {query: one["ndcg_cut_10"] for query, one in condensed.items()}
    return numbers


@pytest.mark.parametrize(("name", "split", "queries_file"), COLLECTIONS)
def test_every_measure_is_trec_evals_on_a_real_collection(name: str, split: str, queries_file: str) -> None:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: it is not part of the repository")
    qrels = read_qrels(folder / "qrels" / f"{split}.tsv")
    texts = read_queries(folder / queries_file)
    run = lexical_run(folder, {query_id: texts[query_id] for query_id in qrels})
    scores = score_run(qrels, run, EVERY_MEASURE)
    theirs = trec_evals(qrels, run)
    for measure, expected in theirs.items():
        assert scores.per_query[measure] == pytest.approx(expected, abs=1e-6), measure
    assert EVERY_MEASURE.keys() - theirs.keys() == {JUDGED}  # which trec_eval does not have
    assert 0.05 < scores.means["nDCG@10"] < scores.means[CONDENSED] < 1
