"""What a document's text says of its shape: the transformation of the built-in document view ``document_stats``.

The sha256 of this file is part of that view's definition: a change here, even of a comment, needs a new version of the
view with the new hash, so that values of the old code and of the new are never mixed.
"""

import re
from collections.abc import Mapping
from math import ceil

from indexing.records import MARKDOWN, Document

PIECE_CHARS = 1_000
"""Characters of a piece: about what 256 tokens of English hold, the default model's limit. Source: our choice."""
_LINE = re.compile(r"\r\n?|\n")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_LINK = re.compile(r"!?\[[^\[\]\n]*\]\([^\s)]+|https?://[^\s<>()\[\]]+")


def document_stats(document: Document) -> Mapping[str, int]:
    """Characters, headings, links and pieces of a document; a function of its text, title and content type alone.

    ``length`` counts code points; ``headings`` those of Markdown, outside code; ``links`` inline links and bare
    addresses, no images; ``passages`` how many pieces of ``PIECE_CHARS`` its sections make. That is an estimate which
    needs no model: how many passages a recipe cuts differs from recipe to recipe.
    """
    sections = _sections(document)
    pieces = sum(ceil(len(text) / PIECE_CHARS) for text in (section.strip() for section in sections) if text)
    return {
        "length": len(document.text),
        "headings": len(sections) - 1,
        "links": sum(not found[0].startswith("!") for found in _LINK.finditer(document.text)),
        "passages": pieces or int(bool(document.title.strip())),
    }


def _sections(document: Document) -> list[str]:
    """The text before the first heading, then each heading with what is below it, down to the next one."""
    if document.content_type != MARKDOWN:
        return [document.text]
    sections: list[list[str]] = [[]]
    fence = before = ""
    for line in _LINE.split(document.text):
        mark = _FENCE.match(line)
        if fence:
            if mark is not None and mark[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
        elif mark is not None:
            fence = mark[1]
        elif _HEADING.match(line):
            sections.append([])
        elif before.strip() and _UNDERLINE.match(line) and not _HEADING.match(before):
            sections.append([sections[-1].pop()])
        sections[-1].append(line)
        before = "" if fence or mark is not None else line
    return ["\n".join(lines) for lines in sections]
