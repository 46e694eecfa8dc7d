"""Finds out in which character set a web page is written, and decodes it."""

import codecs
import re
from contextlib import suppress

_START_BYTES = 4_096
_DECLARED = re.compile(rb"""<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_DECLARED_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# What browsers read for a label that is not one of Python's own names of the same set.
_LABELS = {
    "ascii": "cp1252", "us-ascii": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252", "ansi": "cp1252", "x-cp1252": "cp1252", "iso-8859-9": "cp1254", "iso-8859-11": "cp874",
    "tis-620": "cp874", "windows-874": "cp874", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932",
    "x-sjis": "cp932", "windows-31j": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "big5": "big5hkscs", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "x-euc-jp": "euc_jp", "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8",
}  # fmt: skip
_NAMES = (
    *(f"cp{n}" for n in (866, 874, 932, 949, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
    *(f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    *("utf-8", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "koi8-r", "koi8-u", "mac_roman", "mac_cyrillic"),
)
_SEVEN_BITS = ("iso2022_jp",)  # whose bytes are always UTF-8 too
# Looked up when this module is loaded: each is a file to load, and the process that reads pages opens no files later.
_KNOWN = {codecs.lookup(name).name for name in (*_NAMES, "utf-16-le", "utf-16-be", "cp437")}


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
    declared = _known(found.group(1).decode()) if found else ""
    if declared not in _SEVEN_BITS:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8")
    return data.decode(declared or "cp1252", "replace")


def _known(label: str) -> str:
    """The codec for a label as browsers read it, or the empty string."""
    label = label.lower()
    name = _LABELS.get(label, label).replace("windows-", "cp")
    try:
        name = codecs.lookup(name).name
    except (LookupError, ValueError, OSError):
        return ""
    return name if name in _KNOWN else ""
