"""The page of a report stands alone: no script, nothing to load, every text escaped, a table behind every chart."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from eval.reports.model import RankedDocument, RankedQueries, RankedQuery, Ranking, Section
from eval.reports.rendering.html import glued, to_html
from eval.reports.rendering.markdown import HIDDEN
from tests.support.made_report import HOSTILE, charts_of, made_report

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """What a page holds; refuses elements that are not closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.counts, self.attributes, self.texts = [], Counter(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.counts[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_elements_are_closed_in_order_and_no_id_is_given_twice(page):
    ids = Counter(value for _, name, value in page.attributes if name == "id")
    assert [name for name, count in ids.items() if count > 1] == []
    targets = [value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"]
    assert targets
    assert set(targets) <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(page, text):
    assert page.counts["script"] == 0
    assert [name for _, name, _ in page.attributes if name.startswith("on")] == []
    loaded = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action", "poster")]
    assert {value[:1] if value.startswith("#") else value for value in loaded} == {"#", "data:,"}
    assert set(re.findall(r"url\(([^)]{0,1})", text)) <= {"#"}
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_every_text_is_shown_as_it_is(page):
    assert HOSTILE in "".join(page.texts)
    assert HIDDEN in page.texts


def test_every_chart_has_a_table_behind_it_and_says_in_words_what_it_shows(page):
    figures = page.counts["figure"]
    assert figures == len(charts_of(made_report())) == 18
    assert page.counts["details"] == figures
    labels = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(labels) == page.counts["svg"] > figures
    assert all(len(label) > 20 for label in labels)


def test_equal_reports_give_equal_bytes(text):
    assert to_html(made_report()) == text


def test_what_was_left_out_says_why(page):
    said = " ".join(page.texts)
    assert "Left out" in said
    assert "Nothing was to be told" in said


def test_a_percent_sign_stays_with_its_number_and_a_number_below_zero_has_a_minus_sign():
    assert (
        glued("10 % of 2026-11-29, -0.1 (-1 to 2) q-3 a -b")
        == "10\N{NO-BREAK SPACE}% of 2026-11-29, −0.1 (−1 to 2) q-3 a -b"
    )


def test_a_p_value_stays_on_one_line():
    assert glued("a to b; p < 0.001, p = 0.2 p of") == "a to b; p\xa0<\xa00.001, p\xa0=\xa00.2 p of"


def test_only_a_grade_above_zero_is_marked_as_relevant():
    documents = [RankedDocument(rank, f"d{rank}", grade) for rank, grade in enumerate((2, 1, 0, -1, None), 1)]
    query = RankedQuery("q", "why", "nDCG@10", [Ranking("1.1", 0.5, documents)])
    report = replace(made_report(), sections=[Section("worst", "Worst", [RankedQueries([query])])])
    marked = [value for tag, name, value in Page(to_html(report)).attributes if (tag, name) == ("li", "class")]
    assert marked == ["relevant", "relevant"]
