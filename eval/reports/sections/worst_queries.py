"""The section on the worst queries of the live release, each with its ranking."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.experiments.kept_evaluations import Evaluation
from eval.reports.model import Block, Prose, RankedQueries, RankedQuery, Section
from eval.reports.rankings import ranked_query
from eval.reports.source import Source

ID, TITLE = "worst-queries", "Worst queries"
NOTHING = "No release that is in service was evaluated on a stored query set in this period."
PERFECT = "Every query of the sets that were evaluated scores 1 under the release in service."
MAX_QUERIES = 8
"""How many queries of a set are shown. Our choice: a screen or two."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The queries of a set on which a release scored least, the worst first."""

    query_set: str
    release: str
    measure: str
    queries: Sequence[RankedQuery]
    of: int


def worst_section(source: Source) -> Section:
    """The worst queries of what is in service, on each query set."""
    found = [one for one in (_worst(source, evaluation) for evaluation in source.newest_in_service) if one is not None]
    return tell_worst(found, frozenset(one.partition.tenant for one in source.newest_in_service))


def _worst(source: Source, evaluation: Evaluation) -> Worst | None:
    query_set, measure = source.query_set(evaluation), source.options.measure
    if query_set is None:
        return None
    scores = evaluation.scores[measure]
    ids = sorted((name for name in scores if scores[name] < 1.0), key=lambda name: (scores[name], name))[:MAX_QUERIES]
    texts = source.policy.shown_queries(query_set)
    queries = [ranked_query(name, [evaluation], query_set, texts, measure) for name in ids]
    return Worst(evaluation.query_set, evaluation.release, measure, queries, len(scores))


def tell_worst(found: Sequence[Worst], tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was read."""
    blocks: list[Block] = []
    for one in found:
        if not one.queries:
            continue
        blocks.append(
            Prose(
                [
                    f"The {len(one.queries)} queries of {one.query_set} ({one.of} in all) on which release"
                    f" {one.release} scored least in {one.measure}. A document that is not judged counts as not"
                    " relevant: look whether it is, before the release is blamed."
                ]
            )
        )
        blocks.append(RankedQueries(one.queries))
    return Section(ID, TITLE, blocks, tenants=tenants, absent="" if blocks else PERFECT if found else NOTHING)
