"""Reads Word files (DOCX) as Markdown."""

import re
from xml.etree.ElementTree import Element

from indexing.sources.docx_account import Tally, letters_of
from indexing.sources.docx_blocks import flat, markdown
from indexing.sources.docx_body import BodyReader
from indexing.sources.docx_inline import set_ticks
from indexing.sources.docx_numbering import Numbering
from indexing.sources.docx_parts import WRONG, WordParts
from indexing.sources.docx_styles import Styles
from indexing.sources.extracted_text import (
    Extract,
    TextAccount,
    Unreadable,
    letters_and_digits,
    tidied,
    tidied_title,
)

READER = "docx 2"
_CORE = "docProps/core.xml"
_ASIDE = {"comments": "comments", "header": "running lines", "footer": "running lines"}
"""Parts beside the text, by what relations call them, and the reason for which they are left out."""
_TEXT_PER_PICTURE = 200
"""A file with fewer letters for each of its pictures may be pictures of text. Source: our choice."""


def read_word(data: bytes) -> Extract:
    """The text of a Word file in document order: headings, lists, tables, equations, boxes and notes.

    Numbers of lists and headings are written as Word shows them, ticks as ``[x]`` and ``[ ]``. Deleted and hidden
    text, tables of contents, comments, headers and footers are left out, and the account says how much.

    Raises:
        Unreadable: It is no DOCX, is encrypted, unpacks to too much, or holds no text.
    """
    parts, tally = WordParts(data), Tally()
    root = parts.xml(parts.main)
    body = root.find("w-body") if root is not None else None
    if root is None or body is None:
        raise Unreadable(f"it is not a readable Word file (it has no part {parts.main[:100]!a} with a body): {WRONG}")
    notes = _notes(parts)
    raw = letters_of(root) + sum(map(letters_of, notes.values())) + _beside(parts, tally)
    for story in (body, *notes.values()):
        set_ticks(story, tally)
    reader = BodyReader(parts, Styles(_part(parts, "styles")), Numbering(_part(parts, "numbering")), tally)
    text = tidied("\n\n".join(filter(None, [markdown(reader.story(body)), *_written(reader, notes, tally)])))
    if not re.search(r"\w", text):
        raise Unreadable("no readable text: the file has no words; remove it, or copy its text out of its pictures")
    kept = letters_and_digits(text) - tally.added
    said = tuple(dict.fromkeys([*reader.notes, *_pictures(root, kept)]))
    facts = _core(parts)
    language = facts.get("language", "")
    account = TextAccount(READER, raw + reader.raw, kept, tally.left_out, said)
    return Extract(text, tidied_title(facts.get("title", "")), "", {"lang": language} if language else {}, account)


def _part(parts: WordParts, kind: str) -> Element | None:
    """The part of a kind by the relations of the main part, or by its usual name."""
    named = parts.related(parts.main, kind)
    return parts.xml(named[0] if named else f"word/{kind}.xml")


def _notes(parts: WordParts) -> dict[tuple[str, str], Element]:
    """The notes of the file by (kind, id), without the lines that separate them from the text."""
    found: dict[tuple[str, str], Element] = {}
    for kind in ("footnote", "endnote"):
        root = _part(parts, f"{kind}s")
        for note in root if root is not None else ():
            if note.get("type", "normal") == "normal":
                found[kind, note.get("id", "")] = note
    return found


def _beside(parts: WordParts, tally: Tally) -> int:
    """How much stands in comments, headers and footers, which are counted as left out."""
    raw = 0
    for kind, reason in _ASIDE.items():
        for name in parts.related(parts.main, kind):
            root = parts.xml(name)
            if root is not None:
                raw += letters_of(root)
                tally.leave(reason, root)
    return raw


def _written(reader: BodyReader, notes: dict[tuple[str, str], Element], tally: Tally) -> list[str]:
    """The notes with their marks, in the order of the marks in the text; what has no mark there is left out."""
    written = []
    left = dict(notes)
    for number, key in enumerate(reader.marks, 1):
        note = left.pop(key, None)
        blocks = reader.story(note) if note is not None else []
        if flat(blocks):
            tally.add(str(number))
            written.append(f"[{number}] {markdown(blocks)}")
    for note in left.values():
        tally.leave("notes without a mark", note)
    return written


def _pictures(root: Element, kept: int) -> list[str]:
    pictures = sum(1 for one in root.iter() if one.tag in ("a-blip", "v-imagedata"))
    return [f"It holds pictures ({pictures}), whose text is not read."] if kept < _TEXT_PER_PICTURE * pictures else []


def _core(parts: WordParts) -> dict[str, str]:
    """Title and language by the file's own properties, where it has them."""
    root = parts.xml(_CORE)
    if root is None:
        return {}
    found = {name: (root.findtext(f"dc-{name}") or "").strip() for name in ("title", "language")}
    return {name: value[:1_000] for name, value in found.items() if value}
