"""Values over time with their intervals, above lanes that say which release, model and views were in force."""

from collections.abc import Sequence
from datetime import datetime

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from eval.reports.charts.data import Lane, Line, Timeline
from eval.reports.charts.svg import new_figure
from eval.reports.charts.theme import TEXT_PX, WIDTH_PX, paint

_PLOT_PX = 230
"""Height of the values. Our choice."""
_LANE_PX = 26
"""Height of a lane: a line of text with air. Our choice."""
_AXIS_PX = 46
"""Height of the axis of time with its two lines of text. Our choice."""
_LEAST_SHARE = 0.2
"""Of an axis of shares the least top, so that what hardly moves looks like it. Our choice."""
_DAY_SECONDS = 86_400
"""Seconds of a day."""
_LETTER_PX = 0.62 * TEXT_PX
"""How wide a letter is at most on average, so that a text that does not fit is left to the table. Our choice."""
_LANES_WIDE_PX = 130
"""What names of lanes take beside a wide drawing. Our choice."""


def draw_timeline(data: Timeline, width_px: float) -> Figure:
    """The figure: dashed lines mark where the first lane changes."""
    lanes_px = _LANE_PX * len(data.lanes)
    figure = new_figure(width_px, _PLOT_PX + lanes_px + _AXIS_PX)
    is_wide = width_px >= WIDTH_PX["wide"]
    if not data.lanes:
        plot = figure.subplots()
        last = plot
    else:
        heights = [_PLOT_PX, lanes_px]
        plot, last = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        _draw_lanes(last, data, width_px, is_wide=is_wide)
        for at, _ in data.lanes[0].spans[1:]:
            plot.axvline(_number(at), color=paint("muted"), linewidth=1, linestyle=(0, (3, 3)))
        plot.tick_params(axis="x", length=0)
    for line in data.lines:
        _draw_line(plot, line)
    plot.set_ylabel(data.value_label)
    plot.yaxis.set_major_locator(MaxNLocator(5))
    if data.is_share:
        plot.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        plot.set_ylim(0.0, max(_LEAST_SHARE, *(1.1 * point.high for line in data.lines for point in line.points)))
    locator = AutoDateLocator(minticks=3, maxticks=8 if is_wide else 4)
    last.xaxis_date()
    last.xaxis.set_major_locator(locator)
    last.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    last.set_xlim(_number(data.since), _number(data.until))
    return figure


def _number(at: datetime) -> float:
    """A moment as matplotlib counts time: days since 1970 in UTC."""
    return at.timestamp() / _DAY_SECONDS


def _draw_line(axes: Axes, line: Line) -> None:
    xs = [_number(point.at) for point in line.points]
    values = [point.value for point in line.points]
    color = paint(line.role)
    axes.vlines(
        xs, [point.low for point in line.points], [point.high for point in line.points], colors=color, alpha=0.35, lw=5
    )
    axes.plot(xs, values, color=color, marker="o", markersize=6, markeredgecolor=paint("surface"))


def _draw_lanes(axes: Axes, data: Timeline, width_px: float, *, is_wide: bool) -> None:
    """A row for each lane, spans in turn light and dark, the label of a span in it where it fits."""
    begin, end = _number(data.since), _number(data.until)
    per_px = (end - begin) / (width_px - (_LANES_WIDE_PX if is_wide else 0))
    for row, lane in enumerate(data.lanes):
        _draw_lane(axes, row, lane, (begin, end), per_px, names=() if is_wide else (lane.name,))
    axes.set_ylim(len(data.lanes) - 0.5, -0.5)
    axes.set_yticks(range(len(data.lanes)), [lane.name for lane in data.lanes] if is_wide else [""] * len(data.lanes))
    axes.grid(False)


def _draw_lane(
    axes: Axes, row: int, lane: Lane, between: tuple[float, float], per_px: float, names: Sequence[str]
) -> None:
    begin, end = between
    starts = [max(_number(at), begin) for at, _ in lane.spans]
    for place, (start, stop) in enumerate(zip(starts, [*starts[1:], end], strict=True)):
        color = paint("band" if place % 2 == 0 else "grid")
        axes.broken_barh([(start, stop - start)], (row - 0.42, 0.84), facecolors=color)
        text = " ".join((*names, lane.spans[place][1])) if place == 0 else lane.spans[place][1]
        if len(text) * _LETTER_PX <= (stop - start) / per_px - TEXT_PX:
            axes.text(start + per_px * 6, row, text, va="center_baseline", color=paint("ink"), clip_on=True)
