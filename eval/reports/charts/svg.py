"""A figure of matplotlib as an SVG inside a page: text as text, colours and fonts the page's, ids unique."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from eval.reports.charts.theme import ROLES, TEXT_PX, paint

_POINTS_PER_INCH = 72
"""matplotlib writes SVG at 72 points an inch, so that a point of a figure is a CSS pixel of the page."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "groundwork",  # the same values give the same ids, and so the same bytes
    "font.size": TEXT_PX,
    "axes.titlesize": TEXT_PX,
    "axes.labelsize": TEXT_PX,
    "xtick.labelsize": TEXT_PX,
    "ytick.labelsize": TEXT_PX,
    "text.color": paint("muted"),
    "axes.labelcolor": paint("muted"),
    "axes.edgecolor": paint("grid"),
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": paint("grid"),
    "ytick.color": paint("grid"),
    "xtick.labelcolor": paint("muted"),
    "ytick.labelcolor": paint("muted"),
    "xtick.major.size": 4,
    "ytick.major.size": 0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": paint("grid"),
    "grid.linewidth": 1,
    "lines.linewidth": 2,
    "path.simplify": True,
}
_PAINTS = {paint(role): f"var(--{role})" for role in ROLES}
_PAINT = re.compile("|".join(_PAINTS))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LENGTHS = frozenset({"d", "x", "y", "width", "height", "transform", "points"})
"""Attributes of lengths, which are written to a hundredth of a pixel: matplotlib gives six decimals."""
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_OF_THE_PAGE = ("font-family", "font-stretch", "font-variant")
"""What a text of a drawing leaves to the page."""


@contextmanager
def styled() -> Iterator[None]:
    """Within it, figures are drawn in the style of reports. matplotlib has one style a process: for one thread."""
    with rc_context(_STYLE):
        yield


def new_figure(width_px: float, height_px: float) -> Figure:
    """An empty figure of this size in CSS pixels, laid out so that no label is cut, with no gap between plots."""
    size = (width_px / _POINTS_PER_INCH, height_px / _POINTS_PER_INCH)
    return Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.02, hspace=0.0))


def to_svg(figure: Figure, *, prefix: str, label: str) -> str:
    """The figure as an ``svg`` element for an HTML page.

    Args:
        figure: What to write.
        prefix: Stands before each id in it, so that no two drawings of a page share one.
        label: What it shows, in words.

    Returns:
        Equal figures give equal bytes. It has no size of its own, only proportions.
    """
    stream = StringIO()
    # Not ``figure.savefig``, which draws twice.
    FigureCanvasSVG(figure).print_svg(stream, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    root = ElementTree.fromstring(stream.getvalue())  # noqa: S314 (what matplotlib drew)
    for parent in list(root.iter()):
        for child in list(parent):
            # The style would reach the whole page, and metadata says who drew.
            if _local(child.tag) in ("style", "metadata"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(name): _themed(name, value, prefix) for name, value in element.attrib.items()}
    view_box = root.attrib["viewBox"]
    root.attrib = {"viewBox": view_box, "role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _themed(name: str, value: str, prefix: str) -> str:
    """An attribute's value with the page's colours and fonts, and ids under ``prefix``."""
    local = _local(name)
    if local == "id":
        return f"{prefix}-{value}"
    if local == "href":
        return f"#{prefix}-{value.removeprefix('#')}"
    if local == "style":
        kept = (part.strip() for part in value.split(";"))
        value = "; ".join(part for part in kept if part and not part.startswith(_OF_THE_PAGE))
    elif local in _LENGTHS:
        return _DECIMALS.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
    return _PAINT.sub(lambda found: _PAINTS[found[0]], value)
