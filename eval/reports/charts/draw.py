"""Every kind of chart at every width: the one door to the drawings."""

from collections.abc import Sequence

from eval.reports.charts.comparisons import draw_differences, draw_intervals
from eval.reports.charts.data import Curve, Diagonal, Differences, Distribution, Drawing, Intervals, Timeline
from eval.reports.charts.distributions import draw_curve, draw_distribution
from eval.reports.charts.reliability import draw_diagonal
from eval.reports.charts.svg import styled, to_svg
from eval.reports.charts.theme import SMALL_PX, WIDTH_PX, Width
from eval.reports.charts.timeline import draw_timeline


def drawn(drawing: Drawing, *, prefix: str, label: str, widths: Sequence[Width] = ("wide", "narrow")) -> dict[str, str]:
    """A drawing as SVG elements, one for each width.

    Args:
        drawing: What to draw.
        prefix: Unique in the page, for the ids of the elements.
        label: What it shows, in words.
        widths: At which widths; a page shows that which fits.

    Returns:
        Width -> ``svg`` element; equal drawings give equal bytes.
    """
    return {width: _draw(drawing, WIDTH_PX[width], f"{prefix}-{width}", label) for width in widths}


def drawn_small(drawing: Drawing, *, prefix: str, label: str) -> str:
    """A drawing as an SVG element for a grid."""
    return _draw(drawing, SMALL_PX, prefix, label)


def _draw(drawing: Drawing, width_px: float, prefix: str, label: str) -> str:
    with styled():
        match drawing:
            case Timeline():
                figure = draw_timeline(drawing, width_px)
            case Distribution():
                figure = draw_distribution(drawing, width_px)
            case Intervals():
                figure = draw_intervals(drawing, width_px)
            case Differences():
                figure = draw_differences(drawing, width_px)
            case Curve():
                figure = draw_curve(drawing, width_px)
            case Diagonal():
                figure = draw_diagonal(drawing, width_px)
        return to_svg(figure, prefix=prefix, label=label)
