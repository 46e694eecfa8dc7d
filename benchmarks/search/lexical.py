"""Is our BM25 as good as a well-kept library's? SciFact and cranfield, whole documents, both from their own analysers.

Ours: the real postings over whole texts. Baselines: bm25s (method "lucene", the same k1 and b), once on our terms,
which compares the scoring alone, and once with its own stop words and tokeniser and the same Snowball stemmer.

Usage: python -m benchmarks.search.lexical --data ../shared/data
"""

import argparse
import json
from pathlib import Path

import bm25s
import numpy as np
import Stemmer

from benchmarks.harness.recording import write_result
from eval.datasets.query_sets import load_queryset
from eval.experiments.measures import run_from_ranking, score_run
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.indexes.postings import LexicalSegment, build_postings
from indexing.releases.recipes import RetrievalConfig


def retrieve(library: bm25s.BM25, tokens, ids: list[str], queries: list[str]) -> dict[str, dict[str, float]]:
    found, _ = library.retrieve(tokens, k=100, show_progress=False)
    return {query_id: run_from_ranking([ids[i] for i in rows]) for query_id, rows in zip(queries, found, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    config = RetrievalConfig()
    results = {}
    for name in ("scifact", "cranfield"):
        queryset = load_queryset(data / name)
        records = [json.loads(line) for line in (data / name / "corpus.jsonl").open()]
        ids = [record["_id"] for record in records]
        texts = [f"{record.get('title') or ''} {record['text']}" for record in records]

        analyser = Analyser("english")
        arrays, ranges = build_postings([[analyser.passage_terms(text) for text in texts]])
        segment = LexicalSegment(arrays, ranges[0], 0, len(texts))
        ours = {}
        for query_id, query in queryset.queries.items():
            scores, _ = Bm25(config.bm25_k1, config.bm25_b).scores([segment], analyser.terms(query))
            order = np.argsort(-scores, kind="stable")[:100]
            ours[query_id] = run_from_ranking([ids[i] for i in order if scores[i] > 0])

        stemmer = Stemmer.Stemmer("english")
        library = bm25s.BM25(method="lucene", k1=config.bm25_k1, b=config.bm25_b)
        library.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
        tokens = bm25s.tokenize(list(queryset.queries.values()), stopwords="en", stemmer=stemmer, show_progress=False)
        theirs = retrieve(library, tokens, ids, list(queryset.queries))
        same = bm25s.BM25(method="lucene", k1=config.bm25_k1, b=config.bm25_b)
        same.index([analyser.terms(text) for text in texts], show_progress=False)
        our_tokens = [analyser.terms(query) for query in queryset.queries.values()]
        theirs_on_ours = retrieve(same, our_tokens, ids, list(queryset.queries))
        runs = {"groundwork": ours, "bm25s on our terms": theirs_on_ours, "bm25s with its own analyser": theirs}
        results[name] = {
            side: {measure: round(value, 4) for measure, value in score_run(queryset.qrels, run).means.items()}
            for side, run in runs.items()
        }
    print(json.dumps(results, indent=1))
    write_result("lexical", results)


if __name__ == "__main__":
    main()
