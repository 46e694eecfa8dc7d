"""The section on scores: whether hits are relevant as often as their score says, and what each ``min_score`` leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.datasets.stored_sets import list_query_sets
from eval.experiments.evaluation_files import JudgedScores
from eval.experiments.kept_evaluations import Evaluation
from eval.experiments.reliability import Bin, Cut, JudgedHit, Reliability, reliability
from eval.reports.charts.data import Diagonal, Share
from eval.reports.model import Block, Chart, Column, Estimate, Headline, Key, Prose, Section, Table, Tone
from eval.reports.sections.comparison import slug
from eval.reports.source import Source
from indexing.snapshots.collection_calibration import JUDGMENTS

ID, TITLE = "reliability", "What a score means"
NOTHING = "No release in service was evaluated on a stored query set in this period, or not since scores are kept."
MAX_SETS = 6
"""Query sets that are drawn. Our choice."""
FAR_OFF = 0.1
"""A calibration error from which on a score misleads, and is told as a caution. Our choice."""
_FEW = 100
"""Hits of a bin below which its share says little; its interval is wide. Our choice."""


@dataclass(frozen=True, slots=True)
class ScoredSet:
    """How reliable the scores of a release are on a query set; ``source`` says where they are from.

    Of a synthetic set it is told; scores are not to be fitted to it, since no person judged its documents.
    """

    query_set: str
    release: str
    mode: str
    source: str
    found: Reliability
    is_synthetic: bool = False


def reliability_section(source: Source) -> Section:
    """The scores of what is in service on each query set."""
    shown = [one for one in source.newest_in_service if any(one.judged_scores.values())]
    made = {one.name for one in list_query_sets(source.home) if one.is_synthetic}
    sets = [
        ScoredSet(one.query_set, one.release, one.mode, _fitted_on(source, one), found, one.query_set in made)
        for one, found in ((one, reliability(hits_of(one.judged_scores))) for one in shown)
    ]
    return tell_reliability(sets, frozenset(one.partition.tenant for one in shown))


def hits_of(scores: JudgedScores) -> list[JudgedHit]:
    """What an evaluation kept of its hits, as they are measured."""
    return [
        JudgedHit(query, rank, score, is_right)
        for query, hits in scores.items()
        for rank, (score, is_right) in enumerate(hits, 1)
    ]


def _fitted_on(source: Source, evaluation: Evaluation) -> str:
    calibration = source.calibration(evaluation.snapshot, evaluation.partition)
    if calibration is None:
        return "fitted on other collections: the recipe's general curve"
    if calibration.source == JUDGMENTS:
        return f"fitted on {calibration.samples} judged queries of the splits train and dev"
    return f"the recipe's general curve, moved by the leg check of {calibration.samples} passages"


def tell_reliability(sets: Sequence[ScoredSet], tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was read."""
    if not sets:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = [Prose([MEANING])]
    for one in sets[:MAX_SETS]:
        blocks += [_chart(one), _cuts(one)]
    if len(sets) > MAX_SETS:
        blocks.append(Prose([f"Of {len(sets)} query sets {MAX_SETS} are shown."]))
    return Section(ID, TITLE, blocks, [_headline(one) for one in sets[:MAX_SETS]], tenants=tenants)


MEANING = (
    "A score is the chance that the document answers, as far as judgments say: of hits that score 0.6, six in ten"
    " should be judged relevant. A document without a judgment counts as not relevant, so sets that judge few documents"
    " make scores look too high."
)


def _headline(one: ScoredSet) -> Headline:
    found = one.found
    tone: Tone = "caution" if found.calibration_error >= FAR_OFF else "neutral"
    way = "low" if _mean_score(found) < found.base_rate else "high"
    if one.is_synthetic:
        return Headline(
            f"Scores on {one.query_set} lie {found.calibration_error:.2f} from what its one document a query says, on"
            " average: no person judged the others, so this says little."
        )
    said = f"Scores on {one.query_set} lie {found.calibration_error:.2f} from what was judged, on average"
    advice = f", too {way}: 'groundwork eval calibrate --set {one.query_set}' fits them." if tone == "caution" else "."
    return Headline(said + advice, tone)


def _mean_score(found: Reliability) -> float:
    return sum(one.hits * one.mean_score for one in found.bins) / found.hits


def _chart(one: ScoredSet) -> Chart:
    found = one.found
    return Chart(
        id=f"reliability-{slug(one.query_set)}",
        title=f"{one.query_set}: how often hits are relevant, by score",
        summary=(
            f"Of {found.hits:,} hits of {found.queries:,} queries, {100 * found.base_rate:.0f} % are relevant."
            f" Calibration error {found.calibration_error:.3f}, Brier score {found.brier:.4f}. First hits score"
            f" {found.first_score:.2f} on average, and {100 * found.first_right:.0f} % of them are relevant."
        ),
        drawing=Diagonal([_share(bin_) for bin_ in found.bins], "score", "share relevant", "hits"),
        table=_bins(one),
        legend=[Key("hits of a tenth of all scores", "series-1", "dot"), Key("as the score says", "muted")],
        note=(
            f"Release {one.release}, {one.mode}; scores are {one.source}. A bar is the 90 % interval of a"
            f" share; with fewer than {_FEW} hits it is wide. Below: how many hits have such a score."
        ),
    )


def _share(one: Bin) -> Share:
    return Share(one.low, one.high, one.mean_score, one.relevant_share, *one.interval, one.hits)


def _bins(one: ScoredSet) -> Table:
    columns = [
        Column("scores"),
        Column("hits", "count"),
        Column("mean score", "score"),
        Column("relevant (90 % interval)", "share"),
    ]
    rows = [
        (
            f"{bin_.low:.1f} to {bin_.high:.1f}",
            bin_.hits,
            bin_.mean_score,
            Estimate(bin_.relevant_share, *bin_.interval),
        )
        for bin_ in one.found.bins
    ]
    return Table(f"Scores of the first ten hits on {one.query_set}", columns, rows)


def _cuts(one: ScoredSet) -> Table:
    columns = [
        Column("min_score", "number"),
        Column("questions with a hit", "share"),
        Column("hits", "count"),
        Column("of those relevant", "share"),
        Column("first hits relevant", "share"),
    ]
    rows = [_cut(cut) for cut in one.found.cuts]
    return Table(f"What a min_score leaves on {one.query_set}", columns, rows)


def _cut(cut: Cut) -> tuple[float, float, int, float | None, float | None]:
    return cut.min_score, cut.queries_share, cut.hits, cut.precision, cut.first_right
