"""Files of queries: BEIR's, TREC's classic topics, lines with a tab; what is malformed is named."""

import pytest

from eval.datasets.topics import Topic, read_topics
from indexing.errors import SourceInvalid


def test_the_format_of_a_file_is_told_by_how_it_begins(tmp_path):
    files = {
        "beir": '\ufeff{"_id": "1", "text": "one", "metadata": {"domain": "cloud"}}\n\n{"_id": "2", "text": "two"}\n',
        "tabs": "1\tone\n\n2\t two \r\n",
        "classic": "<top>\n<num> Number: 1\n<title> one\n\n<desc> Description:\nmore\n</top>\n"
        "<top>\n<num> Number: 2 </num>\n<title>\ntwo </title></top>\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert {one: topic.text for one, topic in read_topics(tmp_path / name).items()} == {"1": "one", "2": "two"}
    assert read_topics(tmp_path / "beir")["1"] == Topic("one", {"domain": "cloud"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no query"),
        ("1 one\n", r"topics:1: '1 one'; expected a query id, a tab"),
        ("1\tone\n1\tother\n", "query id '1' has two texts"),
        ("<top><num> 1 <desc> d </top>", "lacks <num> or <title>"),
        ("<html>", "holds no query"),
        ('{"_id": "1"}', "'text' is None"),
    ],
)
def test_a_malformed_file_is_refused_with_what_was_expected(tmp_path, text, said):
    (tmp_path / "topics").write_text(text)
    with pytest.raises(SourceInvalid, match=said):
        read_topics(tmp_path / "topics")


def test_a_file_that_is_missing_or_no_text_is_refused_by_name(tmp_path):
    with pytest.raises(SourceInvalid, match="cannot be read"):
        read_topics(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"1\t\xff")
    with pytest.raises(SourceInvalid, match="not UTF-8 at byte 2"):
        read_topics(tmp_path / "bytes")
