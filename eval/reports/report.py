"""Making a report of a home: every section asked in turn, those without data left out with their reason."""

from collections.abc import Callable, Sequence
from datetime import datetime

from eval.reports.model import Report, Section
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
from indexing.home import Home

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
        GroundworkError: something that is kept cannot be read.
    """
    source = Source(home, options)
    ordered = SECTIONS if options.compared is None else sorted(SECTIONS, key=lambda one: one not in _ASKED_FOR)
    sections = [section(source) for section in ordered]
    sections.append(methods_section({one.id for one in sections if one.is_present}))
    release = source.services[-1].release if source.services else "none"
    title = f"Release {release}"
    if options.compared is not None:
        title = f"Release {options.compared[1]} against {options.compared[0]}"
    return Report(title, home.path.name, release, made_at, options.since, options.until, sections)
