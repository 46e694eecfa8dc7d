"""Reads Word files (DOCX) as Markdown. It alone imports mammoth."""

import io
import re
import xml.dom.expatbuilder  # noqa: F401 - minidom loads it when it first parses, and then no file may be opened
import zlib
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import mammoth

from indexing.sources.extracted_text import Extract, Unreadable, tidied_title
from indexing.sources.html_to_markdown import markdown_of

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""The most that the XML parts of a file may unpack to; what a part declares is the most that is ever unpacked of it."""
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_CORE = "docProps/core.xml"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_BACK_LINK = re.compile(r'<a href="#(?:foot|end)note-ref-\d+">\u2191</a>')
_WRONG = "open it in a word processor and save it as .docx again"


def read_word(data: bytes) -> Extract:
    """The text of a Word file in document order: headings, lists, tables and notes, without pictures.

    Text that was deleted with changes tracked is not part of it, and comments, headers and footers are not either.

    Raises:
        Unreadable: It is no DOCX, is encrypted, unpacks to too much, or holds no text.
    """
    if data.startswith(_OLD_FORMAT):
        raise Unreadable("it is encrypted, or an old .doc: save it as .docx without a password")
    try:
        with ZipFile(io.BytesIO(data)) as parts:
            _check(parts)
            facts = _core(parts)
        html = mammoth.convert_to_html(
            io.BytesIO(data),
            style_map=_STYLES,
            include_embedded_style_map=False,
            convert_image=lambda image: [],
            external_file_access=False,
        ).value
    except BadZipFile as error:
        raise Unreadable(f"it is not a whole Word file ({error}): {_WRONG}") from error
    except (MemoryError, Unreadable):
        raise
    except Exception as error:  # whatever mammoth and expat say of XML that is not what they expect
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise Unreadable(f"it is not a readable Word file ({what}): {_WRONG}") from error
    text = markdown_of(_BACK_LINK.sub("", html))
    if not re.search(r"\w", text):
        raise Unreadable("no readable text: the file has no words; remove it, or copy its text out of its pictures")
    language = facts.get("language", "")
    return Extract(text, tidied_title(facts.get("title", "")), "", {"lang": language} if language else {})


def _check(parts: ZipFile) -> None:
    xml = [part for part in parts.infolist() if part.filename.endswith((".xml", ".rels"))]
    size = sum(part.file_size for part in xml)
    if size > MAX_UNPACKED_BYTES:
        raise Unreadable(
            f"its parts unpack to {size} bytes, more than {MAX_UNPACKED_BYTES}: split it into several files"
        )
    if "[Content_Types].xml" not in parts.namelist():
        raise Unreadable(f"it is a zip file without [Content_Types].xml, not a Word file: {_WRONG}")
    for part in xml:
        try:
            content = parts.read(part)
        except (zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise Unreadable(f"its part {part.filename[:100]!a} is broken ({error}): {_WRONG}") from error
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise Unreadable(f"its part {part.filename[:100]!a} has a DOCTYPE, which no Word file has: {_WRONG}")


def _core(parts: ZipFile) -> dict[str, str]:
    """Title and language by the file's own properties, where it has them."""
    if _CORE not in parts.namelist():
        return {}
    root = ElementTree.fromstring(parts.read(_CORE))
    found = {name: (root.findtext(f"{_DUBLIN_CORE}{name}") or "").strip() for name in ("title", "language")}
    return {name: value[:1_000] for name, value in found.items() if value}
