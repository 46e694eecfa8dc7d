"""The Markdown of a report reads as its texts are, and has a table for every chart."""

from dataclasses import replace

from markdown_it import MarkdownIt

from eval.reports.model import Prose, Section
from eval.reports.rendering.markdown import HIDDEN, escaped, to_markdown
from tests.support.made_report import HOSTILE, charts_of, made_report


def tokens_of(text):
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        found += [token, *(token.children or ())]
    return found


def test_no_text_of_a_report_becomes_markup():
    found = tokens_of(to_markdown(made_report()))
    assert {token.type for token in found} & {
        "html_inline",
        "html_block",
        "link_open",
        "code_inline",
        "em_open",
    } == set()
    said = "".join(token.content for token in found if token.type == "text")
    assert HOSTILE in said


def test_a_text_of_several_lines_stays_one_paragraph():
    section = Section("odd", "Odd", [Prose(["# one\n\n- two\n1. three"])])
    found = tokens_of(to_markdown(replace(made_report(), sections=[section])))
    assert [token.content for token in found if token.type == "text"][-1] == "# one - two 1. three"
    assert escaped("1. a") == "1\\. a"


def test_every_chart_is_a_table_and_a_hidden_query_says_so():
    text = to_markdown(made_report())
    titles = [token.content for token in tokens_of(text) if token.type == "text"]
    charts = charts_of(made_report())
    assert {chart.title for chart in charts} <= set(titles)
    assert len([token for token in tokens_of(text) if token.type == "table_open"]) > len(charts)
    assert escaped(HIDDEN) in text
    assert "## Left out" in text
