"""Values with intervals below each other, and the differences of every query in order."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from eval.reports.charts.data import Differences, Intervals
from eval.reports.charts.svg import new_figure
from eval.reports.charts.theme import WIDTH_PX, paint

_ROW_PX = {True: 30, False: 46}
"""Height of a row, wide and narrow: in a narrow drawing the label stands above its interval. Our choice."""
_AXIS_PX = 56
"""Height of the axis with its label. Our choice."""
_MOST_BARS = 600
"""Bars of differences that are drawn, of more queries evenly chosen ones: thinner ones cannot be seen. Our choice."""
_DIFFERENCES_PX = 220
"""Height of the differences. Our choice."""


def draw_intervals(data: Intervals, width_px: float) -> Figure:
    """The figure: a dot for each value on the line of its interval, in the order of the rows."""
    is_wide = width_px >= WIDTH_PX["wide"]
    figure = new_figure(width_px, _ROW_PX[is_wide] * len(data.rows) + _AXIS_PX)
    axes = figure.subplots()
    if data.mark is not None:
        axes.axvline(data.mark, color=paint("muted"), linewidth=1)
    for place, row in enumerate(data.rows):
        color = paint(row.role)
        axes.hlines(place, row.low, row.high, colors=color, linewidth=5, alpha=0.35)
        axes.plot([row.value], [place], marker="o", markersize=7, color=color, markeredgecolor=paint("surface"))
        if not is_wide:
            left = axes.get_yaxis_transform()
            axes.text(0, place - 0.3, row.label, transform=left, color=paint("ink"), va="bottom")
    labels = [row.label if is_wide else "" for row in data.rows]
    axes.set_yticks(range(len(data.rows)), labels)
    axes.tick_params(axis="y", labelcolor=paint("ink"))
    axes.set_ylim(len(data.rows) - 0.5, -0.5 if is_wide else -0.9)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6 if is_wide else 4))
    if data.is_share:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.set_xlabel(data.value_label)
    return figure


def draw_differences(data: Differences, width_px: float) -> Figure:
    """The figure: losses below zero at the left, gains above at the right, ties between them."""
    queries = len(data.values)
    ordered = np.sort(np.asarray(data.values, dtype=np.float64))[_shown(queries)]
    edges = np.linspace(0, queries, len(ordered) + 1)
    figure = new_figure(width_px, _DIFFERENCES_PX)
    axes = figure.subplots()
    axes.stairs(np.minimum(ordered, 0.0), edges, fill=True, color=paint("bad"))
    axes.stairs(np.maximum(ordered, 0.0), edges, fill=True, color=paint("good"))
    axes.axhline(0, color=paint("muted"), linewidth=1)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlim(0, queries)
    axes.set_xlabel("queries, from the greatest loss to the greatest gain")
    axes.set_ylabel(data.value_label)
    return figure


def _shown(queries: int) -> NDArray[np.int64]:
    """Which of the ordered values are drawn: int64, ascending, the first and the last among them."""
    return np.linspace(0, queries - 1, min(queries, _MOST_BARS)).round().astype(np.int64)
