"""What is taken out of one file: the record that the readers give, the account of its text, and its bounds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from indexing.records import TextAccount as TextAccount  # what readers fill, beside the rest of what they need

MAX_TEXT_CHARS = 10_000_000
"""The longest text that is taken out of one file: some 4,000 pages of a book."""
_MAX_TITLE_CHARS = 300
"""The longest title; what is longer is no title."""
_MAX_URL_CHARS = 2_000
"""The longest URL that is kept, in code points. Source: our choice."""
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum())
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


class Unreadable(Exception):
    """Why a file gives no text; its message names what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Extract:
    """One file's text, what it says of itself, and where its text went. ``facts`` become metadata."""

    text: str
    title: str = ""
    url: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    account: TextAccount | None = None


def letters_and_digits(text: str) -> int:
    """How many letters and digits ``text`` has: what readers count, since marks and space change with the form."""
    if text.isascii():
        return len(text.encode().translate(None, _ASCII_MARKS))
    return sum(map(str.isalnum, text))


def tidied(text: str) -> str:
    """``text`` with line feeds alone as line ends and without control characters, lone surrogates or space at its ends.

    Raises:
        Unreadable: It is longer than ``MAX_TEXT_CHARS``.
    """
    text = _UNREADABLE.sub("", _LINE_ENDS.sub("\n", text)).strip()
    if len(text) > MAX_TEXT_CHARS:
        raise Unreadable(
            f"it holds {len(text)} characters of text, more than {MAX_TEXT_CHARS}: split it into several files"
        )
    return text


def tidied_title(title: str) -> str:
    """``title`` on one line, cut where it is very long."""
    return " ".join(_UNREADABLE.sub("", title[: 4 * _MAX_TITLE_CHARS]).split())[:_MAX_TITLE_CHARS].rstrip()


def web_address(url: str) -> str:
    """``url`` if it is an absolute address of the web, else the empty string."""
    url = url.strip()
    is_address = re.fullmatch(r"https?://[^\s\"<>]+", url, re.IGNORECASE) and url.isprintable()
    return url if is_address and len(url) <= _MAX_URL_CHARS else ""
