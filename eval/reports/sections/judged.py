"""The section on judged answers: what ragas measured in the period, and how much of it could not be measured."""

from collections.abc import Sequence
from datetime import datetime

from eval.judging.judgement import Judgement, list_judgements
from eval.reports.model import Block, Column, Estimate, Headline, Prose, Section, Table
from eval.reports.source import Source
from indexing.retention.evaluation_files import EVALUATIONS

ID, TITLE = "judged", "Judged answers"
NOTHING = "No answers or contexts were judged in this period: 'groundwork eval judge' judges them."
MISSING = (
    "A mean is of the samples that were measured. Could be is what it would be if every other sample had the worst or"
    " the best score."
)


def judged_section(source: Source) -> Section:
    """Every judgement of the period, the newest first."""
    options = source.options
    found = [
        one
        for one in list_judgements(source.home.path / EVALUATIONS)
        if options.since <= datetime.fromisoformat(one.made_at) < options.until
    ]
    return tell_judged(sorted(found, key=lambda one: one.made_at, reverse=True))


def tell_judged(found: Sequence[Judgement]) -> Section:
    """The section of what was read."""
    if not found:
        return Section(ID, TITLE, absent=NOTHING)
    missing = [summary for one in found for summary in one.summaries if summary.failed or summary.unmeasured]
    blocks: list[Block] = [*map(_table, found), Prose([MISSING], is_caveat=bool(missing))]
    samples = sum(len(one.samples) for one in found)
    headlines = [Headline(f"{samples:,} samples were judged, {len(missing)} metrics lack some of them.")]
    tenants = frozenset(sample.partition.tenant for one in found for sample in one.samples)
    return Section(ID, TITLE, blocks, headlines, tenants=tenants)


def _table(judgement: Judgement) -> Table:
    columns = [
        Column("metric"),
        Column("mean (95 %)", "score"),
        Column("could be"),
        Column("measured", "count"),
        Column("failed", "count"),
        Column("unmeasured", "count"),
    ]
    rows = [
        (
            one.metric,
            None if one.mean is None else Estimate(one.mean, *(one.interval or (None, None))),
            f"{one.lowest:.3f} to {one.highest:.3f}",
            *(one.measured, one.failed, one.unmeasured),
        )
        for one in judgement.summaries
    ]
    at = judgement.made_at[:16].replace("T", " ")
    return Table(f"{len(judgement.samples):,} samples, judged {at} UTC", columns, rows)
