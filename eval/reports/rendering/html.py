"""A report as one HTML file: styles and drawings inside it, no script, nothing to load."""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from eval.reports.cells import MINUS, aligned_right, interval, moment, said
from eval.reports.model import Badge, Chart, Estimate, Report
from eval.reports.rendering.markdown import HIDDEN

_PERCENT = re.compile(r"(?<=\d) %")
_P_VALUE = re.compile(r"\bp ([<=]) (?=\d)")
_NEGATIVE = re.compile(r"(?<![\w.-])-(?=\d)")
_LONG_TEXT = 60
"""Characters from which on a cell is a sentence, whose column is to be no narrower than one. Our choice."""
_FOLDER = Path(__file__).parent
_STYLES = "report.css"
_TEMPLATE = "report.html.j2"


def to_html(report: Report) -> str:
    """The report as a page. Equal reports give equal bytes; every text in it is escaped."""
    styles = Markup((_FOLDER / _STYLES).read_text())  # noqa: S704 (a file of this package)
    return _template().render(report=report, styles=styles)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["glued"] = glued
    environment.globals |= {
        "HIDDEN": HIDDEN,
        "aligned_right": aligned_right,
        "drawings": _drawings,
        "interval": interval,
        "is_badge": lambda cell: isinstance(cell, Badge),
        "is_estimate": lambda cell: isinstance(cell, Estimate),
        "is_long": lambda cell: isinstance(cell, str) and len(cell) > _LONG_TEXT,
        "kind": lambda block: type(block).__name__,
        "moment": moment,
        "said": said,
        "small_drawing": _small_drawing,
    }
    return environment.get_template(_TEMPLATE)


def glued(text: str) -> str:
    """A text whose percent signs and p values stay on one line, and whose numbers below zero have a minus sign."""
    glued_p = _P_VALUE.sub("p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    return _NEGATIVE.sub(MINUS, _PERCENT.sub("\N{NO-BREAK SPACE}%", glued_p))


def _drawings(chart: Chart) -> dict[str, Markup]:
    """By width; matplotlib's output is markup, in which it has escaped every text."""
    from eval.reports.charts.draw import drawn  # matplotlib, which a report without a chart need not wait for

    found = drawn(chart.drawing, prefix=chart.id, label=chart.summary)
    return {width: Markup(svg) for width, svg in found.items()}  # noqa: S704 (see above)


def _small_drawing(chart: Chart) -> Markup:
    from eval.reports.charts.draw import drawn_small

    return Markup(drawn_small(chart.drawing, prefix=chart.id, label=chart.summary))  # noqa: S704 (as there)
