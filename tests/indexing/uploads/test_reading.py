"""Files are read as the folder reader reads them, in the parser process, under what was given with them."""

import pytest

from indexing.catalogue.collections import create_collection
from indexing.catalogue.file_readings import Attachment, attach_files
from indexing.home import open_home
from indexing.records import MARKDOWN, Partition
from indexing.settings import Settings
from indexing.sources.extracted_text import Unreadable
from indexing.sources.parser_sandbox import Extractor
from indexing.uploads.reading import ReadingFailed, read_documents
from tests.support.made_files import docx_of, paragraph, pdf_of
from tests.support.uploaded_files import kept_file

DESK = Partition("acme", "desk")
LINES = b"""{"id": "one", "text": "A text.", "metadata": {"a": 1, "b": 1}}
{"text": "No id."}

{"id": "two", "text": "Another.", "title": "Two", "allow": ["bob"]}
not json
"""


@pytest.fixture(scope="module")
def extractor():
    with Extractor() as extractor:
        yield extractor


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=tmp_path / "home"))
    yield home
    home.close()


def reading_of(home, name, content, *, attributes=None, own=True, **fields):
    create_collection(home.catalogue, DESK)
    file_id = kept_file(home, "acme", name, content, collection="desk" if own else None)
    (reading,) = attach_files(home.catalogue, DESK, [Attachment(file_id, attributes or {}, {"type": "auto"}, fields)])
    return reading


def test_the_parser_process_reads_every_kind_with_the_fields_above_it(extractor):
    found = extractor.read(".md", b"---\nid: x\nallow: [ann]\n---\n# Title\n\nText.\n")
    assert found.fields == {"id": "x", "allow": ["ann"]}
    assert found.extract.text.startswith("# Title")
    assert found.extract.account.left_out
    assert "1" in extractor.read(".csv", b"a,b\n1,2\n").extract.text
    assert "x" in extractor.read(".ipynb", b'{"cells": [{"cell_type": "markdown", "source": "x"}]}').extract.text
    assert "Hi" in extractor.read(".mdx", b"import A from 'a'\n\n# Hi\n").extract.text
    assert extractor.read(".txt", "\u00e9".encode("utf-16")).extract.text == "\u00e9"
    for broken in (b"---\nid: [\n---\ntext", b"---\na: 1\na: 2\n---\ntext", b"\xff\xfe\x00"):
        with pytest.raises(Unreadable):
            extractor.read(".md", broken)
    assert extractor.read(".txt", b"after").extract.text == "after"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", pdf_of([[(72, 700, 12, "A zeppelin is moored.")]])),
        ("a.docx", docx_of(paragraph("A zeppelin is moored."))),
        ("a.HTML", b"<html><body><p>A zeppelin is moored.</p></body></html>"),
        ("a.markdown", b"A zeppelin is moored."),
        ("a.rst", b"Masts\n=====\n\nA zeppelin is moored.\n"),
        ("a.tsv", b"what\tnote\nA zeppelin is moored.\tyes\n"),
    ],
)
def test_each_kind_becomes_a_document_named_as_its_file(home, extractor, name, content):
    found = read_documents(home, reading_of(home, name, content, attributes={"n": 1}), extractor)
    (document,) = found.documents
    assert (document.id, document.metadata) == (name, {"n": 1})
    assert "A zeppelin is moored." in document.text


def test_what_is_given_goes_before_what_the_file_says(home, extractor):
    page = b"---\nid: own\ntitle: Own\nurl: https://own.example/\nallow: [ann]\nyear: 1929\n---\n# Heading\n"
    (own,) = read_documents(home, reading_of(home, "a.md", page), extractor).documents
    assert (own.id, own.title, own.url, own.allow, own.metadata) == ("own", "Own", "https://own.example/", ("ann",), {})
    assert own.content_type == MARKDOWN
    given = {"id": "given", "title": "Given", "url": "https://given.example/", "allow": ["bob"]}
    (other,) = read_documents(home, reading_of(home, "a.md", page, **given), extractor).documents
    assert (other.id, other.title, other.url, other.allow) == ("given", "Given", "https://given.example/", ("bob",))


def test_a_file_of_the_tenant_is_a_document_of_its_own_id_with_the_permissions_that_it_says(home, extractor):
    reading = reading_of(home, "a.md", b"---\nid: password\nallow: [ann]\n---\nText.\n", own=False)
    (document,) = read_documents(home, reading, extractor).documents
    assert (document.id, document.allow) == (reading.file, ("ann",))


def test_lines_become_documents_and_those_that_cannot_are_named(home, extractor):
    reading = reading_of(home, "lines.jsonl", LINES, attributes={"b": 2})
    found = read_documents(home, reading, extractor)
    assert [(one.id, one.metadata, one.allow) for one in found.documents] == [
        ("one", {"a": 1, "b": 2}, None),
        ("two", {"b": 2}, ("bob",)),
    ]
    assert [reject.partition(":")[0] for reject in found.rejects] == ["line 2", "line 5"]
    with pytest.raises(ReadingFailed, match="holds no document") as failed:
        read_documents(home, reading_of(home, "lines.jsonl", b"no\n"), extractor)
    assert len(failed.value.rejects) == 1
