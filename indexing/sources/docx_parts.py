"""Opens the parts of a Word file's zip: bounded, without entities, their names brought to one form."""

import codecs
import io
import zlib
from collections.abc import Iterator
from posixpath import dirname, normpath
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import BadZipFile, ZipFile

from indexing.sources.extracted_text import Unreadable

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""The most that the XML parts of a file may unpack to; what a part declares is the most that is ever unpacked of it.
Source: decision 53."""
WRONG = "open it in a word processor and save it as .docx again"
"""What to do about a file that is no whole Word file."""
_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_TYPES = "[Content_Types].xml"
_MAIN = "word/document.xml"
_PREFIXES: Final = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w-",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w-",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m-",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m-",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a-",
    "http://purl.oclc.org/ooxml/drawingml/main": "a-",
    "http://schemas.openxmlformats.org/drawingml/2006/diagram": "dgm-",
    "http://purl.oclc.org/ooxml/drawingml/diagram": "dgm-",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c-",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c-",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc-",
    "http://schemas.microsoft.com/office/word/2010/wordml": "w14-",
    "urn:schemas-microsoft-com:vml": "v-",
    "http://purl.org/dc/elements/1.1/": "dc-",
}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class WordParts:
    """The XML parts of one Word file, read when they are asked for.

    Elements are named ``w-p``, ``m-t`` and so on (a colon would mean something in paths), whichever of the two
    standards the file follows; attributes go by their local names.

    Args:
        data: The file's bytes.

    Raises:
        Unreadable: It is no zip, is encrypted or an old file, unpacks to too much, or has a part with a DOCTYPE.
    """

    def __init__(self, data: bytes) -> None:
        if data.startswith(_OLD_FORMAT):
            raise Unreadable("it is encrypted, or an old .doc: save it as .docx without a password")
        try:
            self._zip = ZipFile(io.BytesIO(data))
        except BadZipFile as error:
            raise Unreadable(f"it is not a whole Word file ({error}): {WRONG}") from error
        self._names: dict[str, str] = {}
        size = 0
        for part in self._zip.infolist():
            if part.filename.endswith((".xml", ".rels")):
                size += part.file_size
                self._names[part.filename] = part.filename
        if size > MAX_UNPACKED_BYTES:
            raise Unreadable(
                f"its parts unpack to {size} bytes, more than {MAX_UNPACKED_BYTES}: split it into several files"
            )
        if _TYPES not in self._names:
            raise Unreadable(f"it is a zip file without {_TYPES}, not a Word file: {WRONG}")
        self.main = next(iter(self.related("", "officeDocument")), _MAIN)

    def xml(self, name: str) -> Element | None:
        """The root of a part; ``None`` where the file has none of that name.

        Raises:
            Unreadable: The part is broken, or has a DOCTYPE.
        """
        if name not in self._names:
            return None
        content = self._content(name)
        try:
            root = ElementTree.fromstring(content, ElementTree.XMLParser(encoding="utf-8"))  # noqa: S314 (no DOCTYPE)
        except (ElementTree.ParseError, ValueError) as error:
            raise Unreadable(f"it is not a readable Word file (its part {name[:100]!a}: {error}): {WRONG}") from error
        _rename(root)
        return root

    def related(self, part: str, kind: str) -> list[str]:
        """The names of the parts that ``part``, or the whole file for ``""``, has as its ``kind``: ``styles``."""
        return [target for _, found, target in self._relations(part) if found == kind]

    def target(self, part: str, relation: str) -> str:
        """The part that ``part`` means by a relation's id; the empty string where there is none."""
        return next((target for identity, _, target in self._relations(part) if identity == relation), "")

    def _relations(self, part: str) -> Iterator[tuple[str, str, str]]:
        """(id, last word of the type, name of the part) of each relation inside the file."""
        folder, name = dirname(part), part.rpartition("/")[2]
        root = self.xml(f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels")
        for relation in root if root is not None else ():
            if relation.get("TargetMode") != "External":
                target = relation.get("Target", "")
                whole = target[1:] if target.startswith("/") else normpath(f"{folder}/{target}").lstrip("/")
                yield relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], whole

    def _content(self, name: str) -> bytes:
        try:
            content = self._zip.read(self._names[name])
        except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise Unreadable(
                f"it is not a whole Word file: its part {name[:100]!a} is broken ({error}): {WRONG}"
            ) from error
        if content.startswith(_UTF_16) or b"\0" in content[:4]:
            content = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-16-le", "replace").encode()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:  # the parser is told UTF-8, so no encoding hides them
            what = f"its part {name[:100]!a} has a DOCTYPE, which no Word file has"
            raise Unreadable(f"it is not a readable Word file: {what}: {WRONG}")
        return content


def _rename(root: Element) -> None:
    short: dict[str, str] = {}
    for element in root.iter():
        tag = element.tag
        if tag not in short:
            space, _, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
            short[tag] = _PREFIXES.get(space, "") + local
        element.tag = short[tag]
        if element.attrib:
            for key in [key for key in element.attrib if key.startswith("{")]:
                element.attrib.setdefault(key.rpartition("}")[2], element.attrib[key])
