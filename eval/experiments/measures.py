"""Measures of a ranking against judgments, with trec_eval's numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np

from eval.datasets.trec import Qrels, Run
from indexing.errors import InvalidInput

MEASURES: Mapping[str, ir_measures.Measure] = {
    "nDCG@10": ir_measures.nDCG @ 10,
    "R@10": ir_measures.R @ 10,
    "R@100": ir_measures.R @ 100,
    "MRR@10": ir_measures.RR @ 10,
}
"""What every evaluation reports, by the name it has in results.

nDCG has linear gain (the grade) and discount ``log2(rank + 1)``; the other measures count grades of 1 and more as
relevant. Source: trec_eval's ``ndcg_cut``, ``recall`` and ``recip_rank``, by way of ir_measures, which takes the
first two from pytrec_eval and ``RR@10`` from MS MARCO's script.
"""
CONDENSED, JUDGED = "nDCG@10 condensed", "judged@10"
"""nDCG@10 of what is left of a ranking when documents without a judgment are taken out, and which share of the first
ten has one."""
EVERY_MEASURE: Mapping[str, ir_measures.Measure] = {
    **MEASURES,
    "MAP": ir_measures.AP,
    "Success@10": ir_measures.Success @ 10,
    CONDENSED: ir_measures.nDCG(cutoff=10, judged_only=True),
    JUDGED: ir_measures.Judged @ 10,
}
"""What an evaluation of a release keeps of each query, beside what tells how far the judgments reach.

``MAP`` looks at all results that were asked for. An nDCG whose condensed form says otherwise rests on documents that
were never judged. Source: trec_eval's ``map``, ``success`` and ``-J``; Sakai, SIGIR 2007 (condensed lists).
"""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a run scored: ``per_query[measure][query_id]`` and ``means[measure]``, all in [0, 1]."""

    per_query: dict[str, dict[str, float]]
    means: dict[str, float]


def run_from_ranking(ids: Sequence[str]) -> dict[str, float]:
    """Scores under which a ranking is measured in exactly the order it was returned in.

    Args:
        ids: Document ids, best first, no duplicates.

    Returns:
        Document id -> score, strictly decreasing: ``len(ids)`` for the first, 1.0 for the last. Whole numbers,
        because trec_eval compares scores as float32, in which retrieval scores that differ in float64 may tie.

    Raises:
        InvalidInput: An id occurs twice.
    """
    run = {document_id: float(len(ids) - place) for place, document_id in enumerate(ids)}
    if len(run) != len(ids):
        twice = next(document_id for place, document_id in enumerate(ids) if document_id in ids[:place])
        raise InvalidInput(f"document {twice!r} is in the ranking twice; expected each document once")
    return run


def score_run(qrels: Qrels, run: Run, measures: Mapping[str, ir_measures.Measure] = MEASURES) -> Scores:
    """Score a run on every query of the judgments, with each of some measures.

    A run must have strictly decreasing scores to be measured in the order it was returned in; make it with
    ``run_from_ranking``. Ties, and scores that tie in float32, are ordered as trec_eval orders them, for all
    measures alike: by document id, descending, whatever order they came in.

    Args:
        qrels: At least one query. A query without a grade above 0 scores 0.
        run: Results; queries without judgments are ignored, and documents without a judgment count as not relevant.
        measures: By the names that they have in the result.

    Returns:
        One score for each query in ``qrels``, in its order (0.0 where the run has no results), and means over all
        of them.

    Raises:
        InvalidInput: ``qrels`` is empty, or a score is not finite.
    """
    if not qrels:
        raise InvalidInput("the judgments are empty; expected at least one query to score the run on")
    # Negative grades mean "not relevant" to trec_eval too, but pytrec_eval uses a grade as an index.
    grades = {query_id: {id_: max(grade, 0) for id_, grade in judged.items()} for query_id, judged in qrels.items()}
    # ir_measures hands RR@10 to another provider, which breaks ties the other way round: leave it none to break.
    ordered = {
        query_id: run_from_ranking(_trec_order(query_id, run[query_id])) for query_id in qrels if run.get(query_id)
    }
    names = {measure: name for name, measure in measures.items()}
    per_query = {name: dict.fromkeys(qrels, 0.0) for name in measures}
    for metric in ir_measures.iter_calc(list(measures.values()), grades, ordered):
        per_query[names[metric.measure]][metric.query_id] = float(metric.value)
    means = {name: math.fsum(values.values()) / len(values) for name, values in per_query.items()}
    return Scores(per_query, means)


def _trec_order(query_id: str, results: Mapping[str, float]) -> list[str]:
    """Document ids by score in float32, then by id, both descending (UTF-8 sorts as its code points do)."""
    scores = np.fromiter(results.values(), dtype=np.float64, count=len(results))
    if not np.isfinite(scores).all():
        worst = next(id_ for id_, score in results.items() if not math.isfinite(score))
        raise InvalidInput(f"score {results[worst]} of {worst!r} for query {query_id!r}; expected a finite number")
    with np.errstate(over="ignore"):
        single = scores.astype(np.float32).tolist()
    return [id_ for _, id_ in sorted(zip(single, results, strict=True), reverse=True)]
