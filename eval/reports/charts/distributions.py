"""A window over its reference, and a value by rank."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from eval.reports.charts.data import Curve, Distribution
from eval.reports.charts.svg import new_figure
from eval.reports.charts.theme import TEXT_PX, WIDTH_PX, paint

_HEIGHT_PX = 180
"""Height of a small drawing. Our choice."""
_CURVE_PX = 240
"""Height of a curve. Our choice."""
_BAR = 0.38
"""How thick each of the two bars of a category is, of 1. Our choice."""


def draw_distribution(data: Distribution, width_px: float) -> Figure:
    """The figure: the reference as an area, the window as a line over it; categories as pairs of bars."""
    height = _HEIGHT_PX if data.edges else max(_HEIGHT_PX, 60 + 2.4 * TEXT_PX * len(data.labels))
    figure = new_figure(width_px, height)
    axes = figure.subplots()
    if data.edges:
        axes.stairs(data.reference, data.edges, fill=True, color=paint("band"))
        axes.stairs(data.reference, data.edges, color=paint("muted"), linewidth=1)
        axes.stairs(data.window, data.edges, color=paint("series-1"), linewidth=2)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_ylim(bottom=0)
    else:
        places = range(len(data.labels))
        axes.barh([place - _BAR / 2 for place in places], data.reference, _BAR, color=paint("band"))
        axes.barh([place + _BAR / 2 for place in places], data.window, _BAR, color=paint("series-1"))
        axes.set_yticks(places, data.labels)
        axes.set_ylim(len(data.labels) - 0.4, -0.6)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
    axes.set_xlabel(data.value_label)
    return figure


def draw_curve(data: Curve, width_px: float) -> Figure:
    """The figure: a line with the band of its interval, and a line across at its mark."""
    figure = new_figure(width_px, _CURVE_PX)
    axes = figure.subplots()
    axes.fill_between(data.xs, data.lows, data.highs, color=paint("series-1"), alpha=0.2, linewidth=0)
    axes.plot(data.xs, data.values, color=paint("series-1"), marker="o", markersize=5)
    axes.xaxis.set_major_locator(MaxNLocator(10 if width_px >= WIDTH_PX["wide"] else 5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if data.mark is None:
        axes.set_ylim(bottom=0)
    else:  # values on both sides of nothing
        axes.axhline(0.0, color=paint("muted"), linewidth=1)
        axes.axhline(data.mark, color=paint("bad"), linewidth=1.5)
    axes.set_xlabel(data.x_label)
    axes.set_ylabel(data.value_label)
    return figure
