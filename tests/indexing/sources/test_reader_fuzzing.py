"""Whatever bytes a file holds, its reader gives a document or says why not, and the parser process lives on."""

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.passages.text_blocks import MarkdownReader
from indexing.records import Document, Reject
from indexing.sources.extracted_text import Unreadable
from indexing.sources.file_document import file_document
from indexing.sources.file_readers import FILE_READERS
from indexing.sources.json_lines import JsonLines
from indexing.sources.parser_sandbox import Extractor, Limits
from indexing.sources.refusals import Refused
from tests.support.made_files import docx_of, paragraph, pdf_of
from tests.support.mutations import changed, damaged, examples

MARKDOWN = (
    b"---\nid: a\ntitle: 'A'\nallow: [ann]\ntags: {x: [1, 2]}\n---\n"
    b"# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx\n"
)
PAGE = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A</title><meta name="robots" content="none">'
    b"<body><main><h1>A</h1><p>Some <b>text</b> <sup>2</sup></p><table><tr><th>a<td rowspan=2>b</table><pre>x</pre>"
    b"<details><summary>s</summary>t</details><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math></main>"
)
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# A\n", "text"], "metadata": {}},
        {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream", "text": ["1"]}], "metadata": {}},
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
}
SEEDS = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN.replace(b"---", b"+++").replace(b": ", b" = "),
    ".txt": "A text, in \u00e9.".encode("utf-16"),
    ".html": PAGE,
    ".htm": PAGE.replace(b"utf-8", b"shift_jis"),
    ".xhtml": b'<?xml version="1.0" encoding="iso-8859-2"?>' + PAGE,
    ".pdf": pdf_of([[(50, 700, 11, "A text."), (50, 680, 11, "Another.")]], title="A"),
    ".docx": docx_of(paragraph("A text.") + paragraph("Another."), title="A"),
    ".rst": b"A\n=\n\n.. note:: b\n\n.. list-table::\n\n   * - a\n     - b\n\n:ref:`x` |s|\n\n.. |s| replace:: t\n",
    ".mdx": b"import A from 'a'\n\n# A\n\n<A b={1}>c</A>\n\n{x}\n\nexport const y = `z`\n",
    ".csv": b'a;b;c\n1;"2\n3";4\n"5"";6\n',
    ".tsv": b"a\tb\n1\t2\n",
    ".ipynb": json.dumps(NOTEBOOK).encode(),
}
"""A file of each ending that is read."""
LINE = {"id": "a", "title": "A", "text": "A text.", "url": "https://a.example", "metadata": {"a": [1]}, "allow": ["b"]}


@pytest.fixture(scope="module")
def extractor():
    with Extractor(Limits(seconds=20)) as extractor:
        yield extractor


def require_told(extractor, suffix, data):
    """A document, or a refusal in words; what ended the process is a finding."""
    said = ""
    try:
        document = file_document(f"a{suffix}", data, extractor.read, MarkdownReader())
        document.text.encode()  # no half of a pair of surrogates
        json.dumps(dict(document.metadata), allow_nan=False).encode()
    except (Refused, Unreadable) as refusal:
        said = str(refusal) or "broke off"
    assert "broke off" not in said


def test_there_is_a_file_of_every_ending():
    assert set(SEEDS) == set(FILE_READERS)


@pytest.mark.parametrize("suffix", SEEDS)
def test_a_file_with_damage_is_read_or_refused_in_words(extractor, suffix):
    @examples(15)
    @given(data=damaged(SEEDS[suffix]) | st.binary(max_size=200))
    def read(data):
        require_told(extractor, suffix, data)

    require_told(extractor, suffix, SEEDS[suffix])
    read()


@examples(25)
@given(data=st.data())
def test_a_word_file_with_damage_inside_its_package_is_read_or_refused_in_words(extractor, data):
    with zipfile.ZipFile(io.BytesIO(SEEDS[".docx"])) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    parts[name] = data.draw(damaged(parts[name]))
    with io.BytesIO() as stream:
        with zipfile.ZipFile(stream, "w") as package:
            for part, content in parts.items():
                package.writestr(part, content)
        require_told(extractor, ".docx", stream.getvalue())


@examples(25)
@given(notebook=changed(NOTEBOOK))
def test_a_notebook_with_other_cells_is_read_or_refused_in_words(extractor, notebook):
    require_told(extractor, ".ipynb", json.dumps(notebook).encode("utf-8", "surrogatepass"))


@examples(30)
@given(line=changed(LINE), spoilt=damaged(json.dumps(LINE).encode()))
def test_any_line_of_json_is_a_document_or_a_reject(tmp_path_factory, line, spoilt):
    path = tmp_path_factory.getbasetemp() / "fuzzed.jsonl"
    path.write_bytes(json.dumps(line).encode() + b"\n" + spoilt)
    for one in JsonLines("a", path, ("id", "_id")).read():
        assert isinstance(one, Document | Reject)
        if isinstance(one, Document):
            f"{one.id}{one.title}{one.text}{one.url}{one.allow}".encode()
