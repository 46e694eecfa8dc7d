"""A reliability diagram: what came true over what was said, and how often each was said."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator

from eval.reports.charts.data import Diagonal
from eval.reports.charts.svg import new_figure
from eval.reports.charts.theme import paint

_HEIGHT_PX = 360
"""Height of the drawing. Our choice."""
_PARTS = (3, 1)
"""How the diagram and the counts below it share the height. Our choice."""


def draw_diagonal(data: Diagonal, width_px: float) -> Figure:
    """The figure: shares with their intervals beside the diagonal, and bars of counts below, on one axis."""
    figure = new_figure(width_px, _HEIGHT_PX)
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=_PARTS)
    axes.plot([0, 1], [0, 1], color=paint("muted"), linewidth=1)
    said, values = [one.said for one in data.shares], [one.value for one in data.shares]
    axes.vlines(said, [one.value_low for one in data.shares], [one.value_high for one in data.shares],
                color=paint("series-1"), linewidth=2)  # fmt: skip
    axes.plot(said, values, color=paint("series-1"), marker="o", markersize=6, linewidth=1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MultipleLocator(0.25))
    axes.set_ylabel(data.value_label)
    counts.bar(
        [one.low for one in data.shares],
        [one.count for one in data.shares],
        [one.high - one.low for one in data.shares],
        align="edge",
        color=paint("band"),
        edgecolor=paint("muted"),
        linewidth=1,
    )
    counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    counts.xaxis.set_major_locator(MultipleLocator(0.2))
    counts.set_ylabel(data.count_label)
    counts.set_xlabel(data.x_label)
    return figure
