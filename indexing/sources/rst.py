"""Reads reStructuredText as Markdown. It alone, with the modules named ``rst_*``, imports docutils.

Nothing is included, run, or read from another file.
"""

import re
from importlib import import_module
from pkgutil import iter_modules

from docutils import nodes
from docutils.core import Publisher
from docutils.io import NullOutput, StringInput
from docutils.parsers.rst import Parser, directives
from docutils.readers.standalone import Reader
from docutils.writers.null import Writer

from indexing.sources.extracted_text import Extract, TextAccount, Unreadable, letters_and_digits, tidied, tidied_title
from indexing.sources.refusals import Refused
from indexing.sources.rst_directives import declare
from indexing.sources.rst_markdown import MarkdownWriter
from indexing.sources.text_encoding import file_text

READER = "rst 1"
_SETTINGS = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 5,
    "report_level": 2,
    "warning_stream": False,
    "input_encoding": "unicode",
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "sectsubtitle_xform": False,
    "record_dependencies": None,
    "line_length_limit": 100_000,
}
_MAX_FIELD_CHARS = 1_000
"""The longest field above the text that becomes metadata. Source: our choice."""

_SAMPLE = b"""Title
=====

.. note:: A :pep:`8` note [#]_ and |broken.

.. unknown:: thing

.. [#] Foot.

== ==
a  b
== ==
1  2
== ==
"""


def load() -> None:
    """Has docutils load what it loads when a file first needs it, for a process that may open no files later."""
    for module in iter_modules(directives.__path__):
        import_module(f"{directives.__name__}.{module.name}")
    read_rst(_SAMPLE)


def read_rst(data: bytes) -> Extract:
    """The text of a reStructuredText file: headings, lists, code, tables, notes; links are their text.

    Directives and roles that are not docutils's own, such as Sphinx's, keep their text. What docutils cannot make sense
    of stays as it is written, as code.

    Raises:
        Unreadable: It is not UTF-8 or UTF-16, has no words, or restricts itself by a field, which this format has not.
    """
    try:
        source = file_text(data)
    except Refused as refusal:
        raise Unreadable(str(refusal)) from refusal
    declare(source)
    document = _parsed(source)
    writer = MarkdownWriter()
    text = tidied(writer.document(document))
    if not re.search(r"\w", text):
        raise Unreadable("no readable text: the file has no words outside directives and comments; write some")
    fields = _fields(document)
    if "allow" in fields:
        raise Unreadable(
            "it has a field 'allow', which is not read in reStructuredText: give the document as Markdown or JSON Lines"
        )
    account = TextAccount(READER, writer.raw, letters_and_digits(text) - writer.added, writer.left_out, writer.notes)
    title = str(fields.pop("title", ""))
    return Extract(text, tidied_title(title), "", fields, account)


def _parsed(source: str) -> nodes.document:
    publisher = Publisher(Reader(), Parser(), Writer(), source_class=StringInput, destination_class=NullOutput)
    publisher.process_programmatic_settings(None, _SETTINGS, None)
    publisher.set_source(source, None)
    publisher.set_destination(None, None)
    publisher.publish()
    if publisher.document is None:
        raise Unreadable("docutils gives no document: check that it is reStructuredText")
    return publisher.document


def _fields(document: nodes.document) -> dict[str, str | int]:
    """The fields above the text, or below its first heading."""
    first = next((child for child in document.children if not isinstance(child, nodes.comment)), None)
    if isinstance(first, nodes.section):
        first = first.children[1] if len(first.children) > 1 else None
    if not isinstance(first, nodes.field_list):
        return {}
    pairs = ((field.children[0].astext(), field.children[1].astext()) for field in first.findall(nodes.field))
    return {name: " ".join(text.split())[:_MAX_FIELD_CHARS] for name, text in pairs if text.strip()}
