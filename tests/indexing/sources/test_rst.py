"""reStructuredText comes as Markdown, nothing is lost in silence, and nothing is read from elsewhere or run."""

import pytest

from indexing.sources.extracted_text import Extract, Unreadable
from indexing.sources.parser_sandbox import Extractor
from indexing.sources.rst import read_rst


def read(source: str) -> Extract:
    extract = read_rst(source.encode())
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


def left_out(extract: Extract) -> dict[str, int]:
    assert extract.account is not None
    return dict(extract.account.left_out)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Title\n=====\n\nSub\n---\n\nText.", "# Title\n\n## Sub\n\nText."),
        ("=====\nTitle\n=====\n\nOne\n===\n\na\n\nTwo\n===\n\nb", "# Title\n\n## One\n\na\n\n## Two\n\nb"),
        ("a *b* **c** ``d`` `e <http://x>`_ f", "a *b* **c** `d` e f"),
        ("- a\n- b\n\n  - c", "- a\n\n- b\n\n  - c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("Code::\n\n   a = 1\n     b", "Code:\n\n```\na = 1\n  b\n```"),
        ("10\\ :sup:`6` and H\\ :sub:`2`\\ O", "10^6 and H2O"),
        ("word [#]_.\n\n.. [#] A note.", "word [1].\n\n[1] A note."),
        ("| one\n| two", "one\ntwo"),
        ("|x| here\n\n.. |x| replace:: text", "text here"),
        ("== ==\na  b\n== ==\n1  2\n== ==", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (".. list-table::\n   :header-rows: 1\n\n   * - a\n     - b\n   * - 1\n     - x | y",
         "| a | b |\n| --- | --- |\n| 1 | x \\| y |"),
        (".. csv-table:: Prices\n   :header: a, b\n\n   1, 2", "**Prices**\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("term\n   meaning", "- **term**\n\n  meaning"),
        (".. image:: x.png\n   :alt: a map", "a map"),
        (".. figure:: x.png\n\n   The caption\n\n   The legend", "The caption\n\nThe legend"),
    ],
)  # fmt: skip
def test_what_docutils_knows_becomes_markdown(source: str, text: str) -> None:
    assert read(source).text == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (".. code-block:: python\n   :linenos:\n\n   def f():\n       pass", "```python\ndef f():\n    pass\n```"),
        (".. code-block:: sql\n   :caption: Query\n\n   SELECT 1", "Query\n\n```sql\nSELECT 1\n```"),
        (".. note:: Short.", "**Note:**\n\nShort."),
        (".. seealso::\n\n   The *other* page", "The *other* page"),
        (".. toctree::\n   :maxdepth: 2\n\n   intro\n   Guide <guide/index>", "- intro\n- Guide"),
        (".. versionadded:: 3.1\n   The word.", "Added in version 3.1: The word."),
        (".. deprecated:: 2.0", "Deprecated since version 2.0"),
        (".. py:function:: open(path, mode='r')\n\n   Opens.\n\n   :param path: Where.",
         "`open(path, mode='r')`\n\nOpens.\n\n- param path: Where."),
        (".. tab-set::\n\n   .. tab-item:: Linux\n\n      apt\n\n   .. tab-item:: Mac\n\n      brew",
         "Linux\n\napt\n\nMac\n\nbrew"),
        (".. a-directive-of-ours:: With words\n   :key: v\n\n   And content.", "With words\n\nAnd content."),
        ("See :ref:`the page <label>`, :doc:`/guide`, :func:`~os.path.join`.", "See the page, /guide, `os.path.join`."),
        (":our-role:`its text` and :py:class:`A title <a.B>`.", "its text and `A title`."),
        ("|undefined| stays and so does missing_.", "|undefined| stays and so does missing_."),
        (".. only:: html\n\n   Kept.", "Kept."),
        (".. admonition:: Mind\n   :collapsible: open\n\n   The gap.", "**Mind**\n\nThe gap."),
    ],
)  # fmt: skip
def test_what_sphinx_knows_keeps_its_text(source: str, text: str) -> None:
    assert read(source).text == text


def test_what_makes_no_sense_stays_as_it_is_written_and_is_said() -> None:
    extract = read("Before.\n\n+---+---+\n| a | broken\n+--\n\nAfter.")
    assert "| a | broken" in extract.text
    assert extract.text.startswith("Before.")
    assert extract.text.endswith("After.")
    assert extract.account is not None
    assert extract.account.notes == ("Parts that are not reStructuredText stand as code: 1.",)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (".. include:: /etc/hostname", "names of files that would be included"),
        (".. literalinclude:: ../secret.py", "names of files that would be included"),
        (".. raw:: html\n\n   <b>markup</b>", "raw code of other formats"),
        (".. a comment", "comments"),
        (".. index:: words", "directives without text"),
    ],
)
def test_nothing_is_included_and_what_is_left_out_has_a_reason(source: str, reason: str) -> None:
    extract = read(f"Text.\n\n{source}")
    assert extract.text == "Text."
    assert list(left_out(extract)) == [reason]


def test_tables_from_files_and_raw_files_are_not_read(tmp_path: object) -> None:
    secret = f"{tmp_path}/secret"
    with open(secret, "w") as file:
        file.write("hunter2,x")
    for source in (
        f".. csv-table::\n   :file: {secret}",
        f".. raw:: html\n   :file: {secret}",
        f".. include:: {secret}",
    ):
        assert "hunter2" not in read(f"Text.\n\n{source}").text


def test_fields_above_the_text_become_facts_and_a_permission_is_refused() -> None:
    assert read(":author: Ann\n:orphan:\n\nTitle\n=====\n\nText.").facts == {"author": "Ann"}
    with pytest.raises(Unreadable, match="it has a field 'allow', which is not read in reStructuredText"):
        read(":allow: staff\n\nText.")


def test_utf_16_is_read_and_other_bytes_are_refused() -> None:
    assert read_rst("Grüße".encode("utf-16")).text == "Grüße"
    with pytest.raises(Unreadable, match="is not UTF-8"):
        read_rst(b"\xe9t\xe9 and more")
    with pytest.raises(Unreadable, match="no readable text"):
        read_rst(b".. nothing but a comment")


def test_the_parser_process_reads_it_without_opening_files() -> None:
    source = "Title\n=====\n\n.. note:: :pep:`8` [#]_\n\n.. math:: a^2\n\n.. figure:: x.png\n\n   Map\n\n.. [#] Foot"
    with Extractor() as extractor:
        assert extractor.extract(".rst", source.encode()) == read(source)
