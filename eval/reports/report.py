"""Making a report of a home: every section asked in turn, those without data left out with their reason."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from eval.datasets.stored_sets import list_query_sets
from eval.reports.model import Block, Chart, ChartGrid, Report, Section
from eval.reports.options import ReportOptions
from eval.reports.sections.comparison import comparison_section
from eval.reports.sections.drift_looks import drift_section
from eval.reports.sections.feedback_rates import feedback_section
from eval.reports.sections.judged import judged_section
from eval.reports.sections.live import live_section
from eval.reports.sections.methods import methods_section
from eval.reports.sections.quality import quality_section
from eval.reports.sections.reliability import reliability_section
from eval.reports.sections.rollouts import rollouts_section
from eval.reports.sections.slices import slices_section
from eval.reports.sections.worst_queries import worst_section
from eval.reports.source import Source
from indexing.catalogue.evaluations import list_evaluations
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import moment_text

SECTIONS: Sequence[Callable[[Source], Section]] = (
    live_section,
    rollouts_section,
    quality_section,
    comparison_section,
    slices_section,
    worst_section,
    reliability_section,
    judged_section,
    drift_section,
    feedback_section,
)
"""In the order of the report; methods follow, since they are about those that are there."""
_ASKED_FOR = (comparison_section, slices_section)
"""What stands first where two releases to compare were named."""


def build_report(home: Home, options: ReportOptions, *, made_at: datetime) -> Report:
    """Everything that the home knows of the period.

    Raises:
        InvalidInput: the period ends before it begins.
        NotFound: a query set that was asked for is neither stored nor was it ever evaluated.
        GroundworkError: something that is kept cannot be read.
    """
    _require_sensible(home, options)
    source = Source(home, options)
    ordered = SECTIONS if options.compared is None else sorted(SECTIONS, key=lambda one: one not in _ASKED_FOR)
    sections = [section(source) for section in ordered]
    sections.append(methods_section({one.id for one in sections if one.is_present}))
    release = source.services[-1].release if source.services else "none"
    title = f"Release {release}"
    if options.compared is not None:
        title = f"Release {options.compared[1]} against {options.compared[0]}"
    return Report(title, home.path.name, release, made_at, options.since, options.until, with_distinct_ids(sections))


def _require_sensible(home: Home, options: ReportOptions) -> None:
    if options.since >= options.until:
        raise InvalidInput(
            f"The period from {moment_text(options.since)} to {moment_text(options.until)} is empty: expected a"
            " beginning before its end."
        )
    known = {one.name for one in list_query_sets(home)} | {one.query_set for one in list_evaluations(home.catalogue)}
    if unknown := [name for name in options.sets if name not in known]:
        raise NotFound(f"No query set {unknown[0]!r}: 'groundwork eval sets list' names those there are.")


def with_distinct_ids(sections: Sequence[Section]) -> list[Section]:
    """The sections with charts whose ids differ: names of sets that read alike in an id would share one.

    A page shows what an id names first, and its drawings clip and label by ids.
    """
    used: set[str] = set()

    def named(chart: Chart) -> Chart:
        free = (chart.id if number == 1 else f"{chart.id}-{number}" for number in count(1))
        name = next(one for one in free if one not in used)
        used.add(name)
        return replace(chart, id=name)

    def of(block: Block) -> Block:
        if isinstance(block, ChartGrid):
            return ChartGrid([named(one) for one in block.charts])
        return named(block) if isinstance(block, Chart) else block

    return [replace(section, blocks=[of(block) for block in section.blocks]) for section in sections]
