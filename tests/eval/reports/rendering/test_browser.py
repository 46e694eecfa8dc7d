"""The page of a report in a real Chromium: nothing complains, nothing is asked for, and everything fits."""

import json

import pytest

from tests.support.chromium import chromium, measured, show
from tests.support.made_report import charts_of, made_report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="no Chromium here (apt-get install chromium): pages are only read"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text)
    return path


def test_the_console_is_silent_and_no_address_is_asked(page, tmp_path):
    shown = show(page, tmp_path)
    assert shown.console == []
    assert shown.asked == set()
    assert "<h1>Release 13.1 against 12.2</h1>" in shown.dom


@pytest.mark.parametrize("is_dark", [False, True])
def test_on_a_desk_and_on_a_telephone_every_chart_is_there_and_nothing_is_wider_than_the_page(page, tmp_path, is_dark):
    found = json.loads(measured(page, tmp_path, (1280, 390), dark=is_dark))
    assert [one["width"] for one in found] == [1280, 390]
    for one in found:
        assert one["scrolls"] == one["width"], one["beyond"]
        assert one["beyond"] == []
        assert one["drawings"] == len(charts_of(made_report()))
        assert (one["paper"], one["ink"]) == (
            ("rgb(20, 23, 27)", "rgb(232, 234, 237)") if is_dark else ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
        )
