"""A document's statistics are what a reader would count, and their code is the code that the definition names."""

import pytest

from indexing.errors import FeatureViewChanged, InvalidInput
from indexing.features.document_stats import PIECE_CHARS, document_stats
from indexing.features.transformations import TRANSFORMATIONS, Transformation, require_code, transformation_of
from indexing.features.views import DOCUMENT_STATS, Column, DocumentView
from indexing.records import MARKDOWN, PLAIN, Document


def stats(text, content_type=MARKDOWN, title=""):
    return document_stats(Document("d", title, text, content_type=content_type))


def test_length_counts_code_points_of_the_text_as_it_is():
    assert stats("ä\U0001f600 b\r\n")["length"] == 6


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("# one\n\ntext\n\n## two ##\n\n####### seven is none\n", 2),
        ("Title\n=====\n\nSub\n---\ntext", 2),
        ("text\n\n---\n\nmore", 0),
        ("# one\n---\n", 1),
        ("```\n# code\n```\n# one", 1),
        ("~~~~\n# code\n~~~\n# code\n~~~~\n# one", 1),
        ("    # indented code\n#no space", 0),
        ("", 0),
    ],
)
def test_headings_are_those_of_markdown_outside_code(text, headings):
    assert stats(text)["headings"] == headings


def test_a_plain_text_has_no_headings():
    assert stats("# one\n# two", PLAIN)["headings"] == 0


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](http://a.example/x) and [b](/b)", 2),
        ("![picture](p.png)", 0),
        ("see https://a.example/x, <http://b.example>", 2),
        ("[http://a.example](http://a.example)", 1),
        ("[no link] (apart)", 0),
    ],
)
def test_links_are_inline_links_and_bare_addresses_but_no_images(text, links):
    assert stats(text)["links"] == links


def test_passages_estimates_the_pieces_of_each_section():
    text = "a" * PIECE_CHARS + "\n# one\n" + "b" * (2 * PIECE_CHARS) + "\n# two\nc"
    assert stats(text)["passages"] == 1 + 3 + 1
    assert stats("", title="only a title")["passages"] == 1
    assert stats(" \n")["passages"] == 0


@pytest.mark.parametrize("unit", ["[", "![](", "`", "#\n", "http://", "[a]("])
def test_a_text_of_nothing_but_markup_is_counted_in_one_pass(unit):
    assert stats(unit * 100_000)["length"] == 100_000 * len(unit)


def test_the_built_in_view_names_the_code_that_there_is():
    # If this fails the code was changed: give DOCUMENT_STATS the next version and the hash that is said.
    require_code(DOCUMENT_STATS, TRANSFORMATIONS["document_stats"])
    assert DOCUMENT_STATS.fingerprint == "6d464658a6ce6db7083f48ddb9cfcd0d78e19d5b7e185bccb1d9b5ea9cb8ec47"


def test_other_code_under_the_same_name_is_refused():
    other = Transformation("document_stats", lambda document: {"length": 1})
    with pytest.raises(FeatureViewChanged, match="add version 2 of the view"):
        require_code(DOCUMENT_STATS, other)


def test_a_view_without_a_known_transformation_says_what_to_do():
    pushed = DocumentView("clicks", 1, (Column("clicks", "int"),), None)
    with pytest.raises(InvalidInput, match="features push"):
        transformation_of(pushed)
    unknown = DocumentView("x", 1, (Column("x", "int"),), None, "mystery", "0" * 64)
    with pytest.raises(InvalidInput, match="expected one of document_stats"):
        transformation_of(unknown)
