"""An article's HTML becomes Markdown that says the same, in bounded length."""

import pytest

from indexing.sources import extracted_text
from indexing.sources.extracted_text import Unreadable
from indexing.sources.html_to_markdown import MAX_DEPTH, markdown_of


@pytest.mark.parametrize("tag", ["form", "fieldset", "center", "font", "nav", "header", "footer", "x-own", "details"])
def test_no_element_takes_its_text_with_it(tag: str) -> None:
    assert "word" in markdown_of(f"<div><{tag}>word</{tag}></div>")


def test_text_at_the_greatest_depth_is_there() -> None:
    assert markdown_of("<div>" * MAX_DEPTH + "<p>word</p>") == "word"


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracted_text, "MAX_TEXT_CHARS", 10)
    assert markdown_of("<p>0123456789</p>").strip() == "0123456789"
    with pytest.raises(Unreadable, match="characters of text, more than 10: split it"):
        markdown_of("<p>0123456789 0123456789</p>")
