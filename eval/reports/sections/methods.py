"""The section on methods and caveats: how each figure was made, and what it does not say, in plain words."""

from collections.abc import Collection

from eval.reports.model import Section, Terms
from eval.reports.sections import (
    comparison,
    drift,
    feedback,
    judged,
    quality,
    reliability,
    rollouts,
    slices,
    worst_queries,
)

ID, TITLE = "methods", "Methods and caveats"
_TERMS: tuple[tuple[str, str, str], ...] = (
    (
        quality.ID,
        "nDCG@10",
        "How much of what was judged relevant stands among the first ten documents, and how high; 1 is the best order"
        " there can be. Gain is linear, as in trec_eval. A document without a judgment counts as not relevant.",
    ),
    (
        quality.ID,
        "Condensed and judged@10",
        "A release that finds documents which were never judged looks worse than it is. The condensed value leaves out"
        " what is not judged; judged@10 says how much of the first ten is. Where the two values disagree, judge first.",
    ),
    (
        quality.ID,
        "Intervals",
        "95 % intervals over queries, by seeded resampling (bootstrap): they say how far another sample of such queries"
        " could lie, and nothing about queries of another kind. Two intervals that overlap may still differ: compare"
        " releases in pairs.",
    ),
    (
        comparison.ID,
        "Paired comparison",
        "Both releases answer the same queries, and each query is compared with itself. The p value is of a"
        " randomization test: how often a difference as large comes about when each query's two scores are swapped at"
        " random. No difference shown does not mean that there is none.",
    ),
    (
        comparison.ID,
        "Not comparable",
        "When documents or judgments changed between two evaluations, their difference says nothing of the releases."
        " The report then says so, and gives no number.",
    ),
    (
        slices.ID,
        "Slices",
        "Of many slices some differ by chance. Their p values are adjusted together (Benjamini and Hochberg), so that"
        " at most one in twenty of those called different is a false alarm. Small slices have wide intervals.",
    ),
    (
        worst_queries.ID,
        "Worst queries",
        "They are chosen because they score least, so they look worse than such queries are on average. Read them for"
        " what went wrong, not for how often it does.",
    ),
    (
        reliability.ID,
        "Reliability of scores",
        "Hits are put together by their score, and the share of them that was judged relevant is held against it."
        " Calibration error: how far the two lie apart, on average over ten bins of as many hits each. Brier score: the"
        " mean squared difference of score and truth; it also counts how well scores tell right from wrong. Judged"
        " questions have an answer: questions that nothing answers are not among them.",
    ),
    (
        drift.ID,
        "Drift",
        "A window is compared with its reference, signal by signal. Drift says that something is different, not that it"
        " is worse. Fewer than 100 queries are not judged. False alarms are held at a stated level, over all signals of"
        " a look and over all looks.",
    ),
    (
        judged.ID,
        "Judged answers",
        "Faithfulness and relevancy are what a language model says of an answer: they compare releases that the same"
        " model judged, and are not shares of good answers. Context precision and recall by ids need no model.",
    ),
    (
        feedback.ID,
        "Feedback",
        "Users who answer are not all users, and those who click follow the order that they are shown. Rates are for"
        " comparing releases that were shown side by side; they are not the share of good answers.",
    ),
    (
        rollouts.ID,
        "Verdicts",
        "The offline gate asks whether a candidate is not worse than what is live by more than the policy's margin. A"
        " canary is watched without a planned end, by a bound that stays valid at every look.",
    ),
)
_ALWAYS = (
    (
        "Text in this report",
        "Queries and comments of users are shown only where GROUNDWORK_LOG_QUERIES and their tenant allow it. Queries"
        " of curated and imported sets are the team's own. A copy of this file outside its home is beyond the reach of"
        " erasure.",
    ),
)


def methods_section(present: Collection[str]) -> Section:
    """What is to be known of the sections with these ids."""
    terms = [(name, text) for section, name, text in _TERMS if section in present]
    return Section(ID, TITLE, [Terms([*terms, *_ALWAYS])])
