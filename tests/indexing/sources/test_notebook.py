"""Notebooks come as Markdown with their code and the text of its results; the rest is counted by name."""

import json
from typing import Any

import pytest

from indexing.sources.extracted_text import Extract
from indexing.sources.notebook import read_notebook
from indexing.sources.refusals import Refused

PYTHON = {"language_info": {"name": "python"}}


def read(cells: list[dict[str, Any]], metadata: dict[str, Any] | None = None) -> Extract:
    notebook = {"nbformat": 4, "metadata": PYTHON if metadata is None else metadata, "cells": cells}
    extract, _ = read_notebook(json.dumps(notebook).encode())
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


def code(source: str | list[str], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def shown(**formats: str) -> dict[str, Any]:
    named = {"plain": "text/plain", "html": "text/html", "png": "image/png", "markdown": "text/markdown"}
    return {"output_type": "display_data", "data": {named[name]: text for name, text in formats.items()}}


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([{"cell_type": "markdown", "source": ["# Title\n", "\n", "Words."]}], "# Title\n\nWords."),
        ([code(["x = 1\n", "x"])], "```python\nx = 1\nx\n```"),
        ([code("print(1)", {"output_type": "stream", "text": ["one\n"]})], "```python\nprint(1)\n```\n\n```\none\n```"),
        ([code("t", shown(plain="a b", html="<td>a</td>"))], "```python\nt\n```\n\n```\na b\n```"),
        ([code("m", shown(markdown="**bold**", plain="<Markdown object>"))], "```python\nm\n```\n\n**bold**"),
        ([code("e", {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[0;31mlong"]})],
         "```python\ne\n```\n\n```\nKeyError: 'x'\n```"),
        ([{"cell_type": "raw", "source": "as it is"}], "as it is"),
        ([code("'''```'''")], "````python\n'''```'''\n````"),
    ],
)  # fmt: skip
def test_cells_come_in_order_with_their_results(cells: list[dict[str, Any]], text: str) -> None:
    assert read(cells).text == text


def test_pictures_and_other_formats_are_left_out_by_name() -> None:
    extract = read([code("plot()", shown(png="aGVsbG8=", plain="<Figure size 640x480 with 1 Axes>", html="<b>x</b>"))])
    assert extract.text == "```python\nplot()\n```"
    assert extract.account is not None
    assert set(extract.account.left_out) == {"names of objects in results", "results in HTML or scripts"}
    assert extract.account.notes == ("Pictures among its results are not read: 1.",)
    inside = f"![x](data:image/png;base64,{'A' * 400}) words"
    assert "AAAA" not in read([{"cell_type": "markdown", "source": inside}]).text


def test_notebooks_of_the_third_format_are_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Part"},
        {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": ["1"]}]},
    ]
    old = {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}
    assert read_notebook(json.dumps(old).encode())[0].text == "## Part\n\n```\nx\n```\n\n```\n1\n```"


def test_what_the_metadata_says_of_the_document_is_given_and_slips_are_refused() -> None:
    notebook = {"metadata": {"title": "T", "allow": ["staff"], "kernelspec": {}}, "cells": [code("x")]}
    assert read_notebook(json.dumps(notebook).encode())[1] == {"title": "T", "allow": ["staff"]}
    with pytest.raises(Refused):
        read([code("x")], {"Allow": ["staff"]})


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b'{"cells": []}', b"[" * 100_000])
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        read_notebook(data)
