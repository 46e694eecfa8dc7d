"""Comparing evaluations: what is shown, what is not, and when the judgments cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from eval.datasets.query_sets import QuerySet
from eval.experiments.comparison import compare
from eval.experiments.evaluations import Evaluation, judgments_of
from eval.experiments.experiment import Latency
from eval.experiments.measures import CONDENSED, EVERY_MEASURE, JUDGED, run_from_ranking, score_run
from indexing.errors import InvalidInput
from indexing.records import Partition

PLACE = Partition("a", "articles")
LATENCY = Latency(1.0, 2.0, 3.0)


def set_of(queries: int, **fields: object) -> QuerySet:
    """Each query ``qNNN`` has one relevant document ``dNNN`` and one that is judged not relevant, ``nNNN``."""
    ids = [f"{number:03d}" for number in range(queries)]
    made = QuerySet(
        "made",
        {f"q{one}": f"text {one}" for one in ids},
        {f"q{one}": {f"d{one}": 1, f"n{one}": 0} for one in ids},
        "",
        partition=PLACE,
        version=1,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def evaluation(query_set: QuerySet, rankings: dict[str, list[str]], **fields: object) -> Evaluation:
    run = {query: run_from_ranking(ids) for query, ids in rankings.items()}
    made = Evaluation(
        id="a" * 64,
        recipe=1,
        release="1.1",
        snapshot="s",
        seq=5,
        partition=PLACE,
        query_set=query_set.name,
        version=query_set.version,
        split=query_set.split,
        mode="hybrid",
        k=100,
        scores=score_run(query_set.qrels, run, EVERY_MEASURE).per_query,
        rankings=rankings,
        absent={},
        documents="9-aa-bb",
        judgments=judgments_of(query_set),
        latency=LATENCY,
        created_at="2026-11-29T00:00:00.000+00:00",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def ranking(query: str, *, rank: int, unjudged: int = 0) -> list[str]:
    """The relevant document at ``rank`` among two judged ones, and ``unjudged`` others after them."""
    number = query[1:]
    pair = [f"d{number}", f"n{number}"] if rank == 1 else [f"n{number}", f"d{number}"]
    return [*pair, *(f"x{number}-{place}" for place in range(unjudged))]


def all_at(query_set: QuerySet, rank: int, unjudged: int = 0, **fields: object) -> Evaluation:
    return evaluation(
        query_set, {one: ranking(one, rank=rank, unjudged=unjudged) for one in query_set.queries}, **fields
    )


def test_a_gain_on_most_queries_is_shown_with_its_interval_and_counts() -> None:
    queries = set_of(40)
    ranks = {one: 1 if place < 30 else 2 for place, one in enumerate(queries.queries)}
    worse = all_at(queries, 2)
    better = evaluation(queries, {one: ranking(one, rank=rank) for one, rank in ranks.items()}, release="2.1")
    found = compare(worse, better, queries)
    assert (found.verdict, found.is_comparable, found.queries) == ("better", True, 40)
    assert (found.win_tie_loss.wins, found.win_tie_loss.ties, found.win_tie_loss.losses) == (30, 10, 0)
    gain = 1 - 1 / np.log2(3)
    assert found.difference == pytest.approx(0.75 * gain)
    differences = np.array([gain] * 30 + [0.0] * 10)
    theirs = scipy.stats.bootstrap((differences,), np.mean, method="percentile", rng=np.random.default_rng(1))
    assert found.interval == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert found.p == pytest.approx(1e-4)
    assert "the mean changes by +0.2768" in found.reasons[0]
    turned = compare(better, worse, queries)
    assert (turned.verdict, turned.difference) == ("worse", pytest.approx(-found.difference))
    assert (turned.release_a, turned.release_b) == ("2.1", "1.1")


def test_a_difference_on_few_queries_is_not_shown() -> None:
    queries = set_of(40)
    ranks = {one: 1 if place < 4 else 2 for place, one in enumerate(queries.queries)}
    found = compare(all_at(queries, 2), evaluation(queries, {q: ranking(q, rank=r) for q, r in ranks.items()}), queries)
    assert (found.verdict, found.p) == ("no difference shown", 0.125)
    assert "expected below 0.05" in found.reasons[0]


def test_the_queries_that_changed_most_come_with_both_rankings_and_their_grades() -> None:
    queries = set_of(12)
    b = {one: ranking(one, rank=2, unjudged=1) for one in queries.queries} | {"q007": ["x", "y"]}
    found = compare(all_at(queries, 1, unjudged=1), evaluation(queries, b), queries)
    first = found.most_changed[0]
    assert (first.query_id, first.text, first.score_a, first.score_b) == ("q007", "text 007", 1.0, 0.0)
    assert (first.ranking_a, first.ranking_b) == (["d007", "n007", "x007-0"], ["x", "y"])
    assert first.grades == {"d007": 1, "n007": 0}
    assert [one.query_id for one in found.most_changed[1:]] == [f"q{n:03d}" for n in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
    assert compare(all_at(queries, 1), all_at(queries, 1), queries).most_changed == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"documents": "9-aa-cc", "seq": 6}, "the documents differ: release 1.1 holds 9 as of write 5"),
        ({"documents": "8-ab-cc"}, "the documents differ"),
        (
            {"judgments": "other", "version": 2},
            "the queries or judgments differ: made version 1 (test) and made version",
        ),
        ({"k": 10}, "100 and 10 documents were asked for"),
        ({"partition": Partition("a", "others")}, "the collections differ: a/articles and a/others"),
    ],
)
def test_other_inputs_are_not_comparable_and_it_says_why(change: dict[str, object], said: str) -> None:
    queries = set_of(30)
    found = compare(all_at(queries, 2), all_at(queries, 1, **change), queries)
    assert (found.verdict, found.is_comparable) == ("not comparable", False)
    assert said in found.why_not[0]
    assert found.reasons == found.why_not


def test_views_that_keep_other_parts_of_the_texts_as_of_one_write_are_comparable() -> None:
    queries = set_of(30)
    assert compare(all_at(queries, 2), all_at(queries, 1, documents="9-aa-cc"), queries).verdict == "better"


def test_other_queries_are_not_paired() -> None:
    few, many = set_of(10), set_of(12)
    found = compare(all_at(few, 1), all_at(many, 1), many)
    assert found.verdict == "not comparable"
    assert (found.p, found.interval, found.win_tie_loss, found.slices, found.most_changed) == (None, None, None, (), ())


def test_judgments_that_changed_since_both_were_measured_are_told() -> None:
    old, new = set_of(10), set_of(10)
    new.qrels["q000"]["x"] = 1
    found = compare(all_at(old, 1), all_at(old, 2), new)
    assert "query set 'made' has other judgments now" in found.why_not[0]


def test_coverage_that_differs_by_more_than_five_points_holds_whatever_the_gain() -> None:
    queries = set_of(40)
    found = compare(all_at(queries, 2), all_at(queries, 1, unjudged=1), queries)
    assert found.p is not None
    assert found.p < 0.01
    assert found.verdict == "hold"
    assert found.coverage == pytest.approx((1.0, 2 / 3))
    assert "judged@10 is 1.000 and 0.667: one has 33.3 points more" in found.reasons[0]
    assert found.to_judge == tuple((f"q{number:03d}", f"x{number:03d}-0") for number in range(40))
    assert found.reasons[-1] == "judge the 40 documents that are listed, then compare again"


def test_queries_that_one_side_does_not_answer_say_nothing_of_coverage() -> None:
    queries = set_of(40)
    a = all_at(queries, 1, unjudged=2)
    b = a.rankings | {one: [] for one in list(queries.queries)[:30]}
    found = compare(a, evaluation(queries, b), queries)
    assert (found.verdict, found.coverage) == ("worse", (0.5, 0.5))
    nothing = evaluation(queries, {one: [] for one in queries.queries})
    assert (compare(a, nothing, queries).verdict, compare(nothing, a, queries).verdict) == ("worse", "better")


def test_coverage_that_differs_by_five_points_or_less_does_not_hold() -> None:
    queries = set_of(100)
    b = {one: ranking(one, rank=1, unjudged=int(place < 15)) for place, one in enumerate(queries.queries)}
    found = compare(all_at(queries, 2), evaluation(queries, b), queries)
    assert found.coverage == pytest.approx((1.0, 0.95))
    assert found.verdict == "better"


def test_a_gain_that_is_a_loss_on_judged_documents_alone_holds() -> None:
    queries = set_of(40)
    # The second drops unjudged documents that stood first, and swaps the judged ones: nDCG gains, condensed loses.
    a = {one: [f"x{one}-{place}" for place in range(4)] + ranking(one, rank=1) for one in queries.queries}
    b = {one: ranking(one, rank=2) + [f"x{one}-{place}" for place in range(4)] for one in queries.queries}
    found = compare(evaluation(queries, a), evaluation(queries, b), queries)
    assert found.difference > 0 > found.condensed_difference
    assert found.verdict == "hold"
    assert "the sign hangs on documents that were never judged" in found.reasons[0]


def test_differences_that_are_next_to_none_have_no_sign_to_disagree_in() -> None:
    queries = set_of(100)
    a = {one: ranking(one, rank=1) for one in queries.queries}
    b = a | {"q000": [f"x{place}" for place in range(3)] + ranking("q000", rank=1)}
    a["q000"] = ranking("q000", rank=2) + [f"x{place}" for place in range(3)]
    found = compare(evaluation(queries, a), evaluation(queries, b), queries)
    assert found.difference < 0 < found.condensed_difference < 0.005
    assert found.verdict == "no difference shown"


def test_what_only_one_ranking_has_is_judged_first_and_the_best_ranks_before_others() -> None:
    queries = set_of(2)
    a = evaluation(queries, {"q000": ["both", "d000", "left"], "q001": ["d001"]})
    b = evaluation(queries, {"q000": ["d000", "both"], "q001": ["right", "n001"]})
    assert compare(a, b, queries).to_judge == (("q001", "right"), ("q000", "left"), ("q000", "both"))


def test_slices_are_tested_together_small_ones_only_shown_and_the_whole_set_left_out() -> None:
    queries = set_of(46)
    names = list(queries.queries)
    slices = {
        one: {"language": "en" if place < 20 else "de" if place < 40 else "fr", "topic": "all"}
        for place, one in enumerate(names)
    }
    queries = replace(queries, slices=slices)
    b = {one: ranking(one, rank=1 if place < 8 else 2) for place, one in enumerate(names)}
    found = compare(all_at(queries, 2), evaluation(queries, b), queries)
    assert [(one.slice, one.value, one.n) for one in found.slices] == [
        ("language", "de", 20),
        ("language", "en", 20),
        ("language", "fr", 6),
    ]
    german, english, french = found.slices
    assert (german.difference, german.p, german.p_adjusted) == (0.0, 1.0, 1.0)
    assert (english.p, english.p_adjusted) == pytest.approx((2 / 2**8, 4 / 2**8))
    assert (french.p, french.p_adjusted) == (None, None)


def test_any_measure_is_compared_and_an_unknown_one_refused() -> None:
    queries = set_of(30)
    found = compare(all_at(queries, 2), all_at(queries, 1), queries, measure="MRR@10")
    assert (found.measure, found.mean_a, found.mean_b) == ("MRR@10", 0.5, 1.0)
    assert compare(all_at(queries, 2), all_at(queries, 1), queries, measure=JUDGED).difference == 0
    assert compare(all_at(queries, 2), all_at(queries, 1), queries, measure=CONDENSED).difference > 0
    with pytest.raises(InvalidInput, match="measure 'speed'; expected one of: nDCG@10"):
        compare(all_at(queries, 2), all_at(queries, 1), queries, measure="speed")
