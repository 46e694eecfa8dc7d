"""A drawing is an SVG for inside of a page: its text is text, its colours and fonts are the page's."""

from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest

from eval.reports.charts.data import (
    Curve,
    Diagonal,
    Differences,
    Distribution,
    IntervalRow,
    Intervals,
    Lane,
    Line,
    Point,
    Share,
    Timeline,
)
from eval.reports.charts.theme import ROLES, paint
from tests.support.made_report import SINCE, UNTIL

POINTS = [Point(SINCE, 0.7, 0.65, 0.75), Point(UNTIL, 0.6, 0.55, 0.66)]
TIMELINE = Timeline(
    [Line("set <a>", "series-1", POINTS)],
    [Lane("release", [(SINCE, "12.1"), (UNTIL, "12.2")])],
    SINCE,
    UNTIL,
    "nDCG@10",
)
DRAWINGS = [
    TIMELINE,
    replace(TIMELINE, lanes=[]),
    Distribution([0.5, 0.5], [0.2, 0.8], "terms", edges=[0, 1, 2]),
    Distribution([0.5, 0.5], [0.2, 0.8], "language", labels=["en", "<de>"]),
    Intervals([IntervalRow("language: <de> & more", -0.1, -0.2, 0.0, "bad")], "difference", 0.0),
    Differences([0.1, -0.2, 0.0], "difference in nDCG@10"),
    Curve([1, 2], [1.0, 0.6], [1.0, 0.5], [1.0, 0.7], "rank", "examined"),
    Diagonal(
        [Share(0.0, 0.1, 0.05, 0.1, 0.0, 0.3, 12), Share(0.9, 1.0, 0.95, 1.0, 0.8, 1.0, 3)], "score", "right", "hits"
    ),
]


def draw():
    """What draws, with matplotlib: each process of a run would load it only to collect these tests."""
    from eval.reports.charts import draw

    return draw


@pytest.fixture(scope="module")
def both_widths():
    """The drawing at each place of ``DRAWINGS``, drawn once."""
    return cache(lambda place: draw().drawn(DRAWINGS[place], prefix="a", label='says "what" <it> shows'))


def kind(place):
    return type(DRAWINGS[place]).__name__


@pytest.mark.parametrize("place", range(len(DRAWINGS)), ids=kind)
def test_a_drawing_is_well_formed_has_no_size_of_its_own_and_is_the_same_each_time(both_widths, place):
    drawing, found = DRAWINGS[place], both_widths(place)
    assert set(found) == {"wide", "narrow"}
    for svg in (*found.values(), draw().drawn_small(drawing, prefix="b", label="l")):
        root = ElementTree.fromstring(svg)
        assert root.attrib.keys() == {"viewBox", "role", "aria-label"}
        assert {element.tag for element in root.iter()} <= {
            "svg",
            "g",
            "path",
            "text",
            "defs",
            "clipPath",
            "use",
            "rect",
        }
        assert [element for element in root.iter("text")]
    again = draw().drawn(drawing, prefix="a", label='says "what" <it> shows', widths=("narrow",))
    assert again["narrow"] == found["narrow"]


@pytest.mark.parametrize("place", range(len(DRAWINGS)), ids=kind)
def test_every_colour_is_one_of_the_page_and_no_font_is_named(both_widths, place):
    svg = both_widths(place)["wide"]
    styles = [element.attrib.get("style", "") for element in ElementTree.fromstring(svg).iter()]
    colours = {part for style in styles for part in style.replace(";", " ").split() if part.startswith(("#", "var("))}
    assert colours <= {f"var(--{role})" for role in ROLES}
    assert "font-family" not in svg


def test_labels_are_text_and_escaped():
    svg = draw().drawn(DRAWINGS[4], prefix="a", label="l")["narrow"]
    texts = [element.text for element in ElementTree.fromstring(svg).iter("text")]
    assert "language: <de> & more" in texts


def test_drawings_under_other_prefixes_share_no_id():
    found = [draw().drawn_small(DRAWINGS[2], prefix=prefix, label="l") for prefix in ("a", "b")]
    first, second = (
        {one.attrib["id"] for one in ElementTree.fromstring(svg).iter() if "id" in one.attrib} for svg in found
    )
    assert first
    assert first & second == set()


def test_thousands_of_queries_are_drawn_in_little_markup():
    values = [float(value) for value in np.random.default_rng(1).normal(0, 0.3, 5000)]
    assert len(draw().drawn(Differences(values, "d"), prefix="a", label="l")["wide"]) < 60_000


def test_a_role_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="pink"):
        paint("pink")
