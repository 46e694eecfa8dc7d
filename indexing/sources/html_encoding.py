"""Finds out in which character set a web page is written, and decodes it.

What a label such as ``latin1`` or ``x-sjis`` means is decided by the table of the WHATWG's Encoding Standard, by which
browsers read pages. It comes with ``webencodings`` (kept by the Python projects that read CSS; 0.6.1 of August 2026,
without dependencies): the table of 40 labels that stood here lacked some 70 of its 228, and Python's own aliases read
``latin1`` as ISO 8859-1, which no browser does. A label that the standard does not know is ignored, as there.
"""

import codecs
import re
from contextlib import suppress

import webencodings
from webencodings.labels import LABELS

_START_BYTES = 4_096
"""Bytes in which a page must have declared its encoding; browsers look at 1,024. Source: our choice."""
_DECLARED = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_DECLARED_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FALLBACK = "cp1252"
_DIFFERENT = {
    "gbk": "gb18030",
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
    "x-user-defined": _FALLBACK,
    "replacement": "",
}
"""Encodings that a page is read by another one for. Source: the Encoding Standard for GBK, whose decoder is that of
gb18030; the HTML Standard's prescan for UTF-16, since a declaration that was read as ASCII is not UTF-16, and for
x-user-defined; ``replacement`` stands for sets that are not to be read at all."""
_SEVEN_BITS = ("iso2022_jp",)  # whose bytes are always UTF-8 too


def _codecs() -> dict[str, str]:
    """The name of Python's codec for each encoding of the standard, empty where none is to be used.

    They are all looked up when this module is loaded: each is a file to load, and the process that reads pages opens
    no files later.
    """
    found = {}
    for name in sorted(set(LABELS.values())):
        other = _DIFFERENT.get(name)
        codec = webencodings.lookup(name).codec_info.name if other is None else other
        found[name] = codecs.lookup(codec).name if codec else ""
    return found


_CODECS = _codecs()
for _name in ("utf-16-le", "utf-16-be", "cp437"):  # byte order marks, and the names in archives that Word files are
    codecs.lookup(_name)


def page_text(data: bytes) -> str:
    """A web page's text, by its byte order mark, as UTF-8 if its bytes are that, or as it declares itself.

    UTF-8 comes before the declaration, since browsers save a page as UTF-8 and leave the declaration as it was. A page
    that is neither is windows-1252. Each byte that fits nothing is U+FFFD.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    start = data[:_START_BYTES]
    found = _DECLARED_XML.search(start) or _DECLARED.search(start)
    declared = _codec_of(found.group(1).decode()) if found else ""
    if declared not in _SEVEN_BITS:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8")
    return data.decode(declared or _FALLBACK, "replace")


def _codec_of(label: str) -> str:
    """The codec for a label as browsers read it, or the empty string."""
    return _CODECS.get(LABELS.get(label.lower(), ""), "")
