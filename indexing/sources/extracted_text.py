"""What is taken out of one file: the record that the readers give, the account of its text, and its bounds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from indexing.records import Json
from indexing.records import TextAccount as TextAccount  # what readers fill, beside the rest of what they need

MAX_TEXT_CHARS = 10_000_000
"""The longest text that is taken out of one file: some 4,000 pages of a book. Our choice."""
_MAX_TITLE_CHARS = 300
"""The longest title; what is longer is no title. Our choice."""
_MAX_URL_CHARS = 2_000
"""The longest URL that is kept, in code points. Source: our choice."""
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ud800-\udfff\ufeff\ufffe\uffff]")
"""Control characters, and soft hyphens and spaces of no width: they split words for all who compare characters."""
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1cff\u07c0-\u085f"
    "\ua840-\ua8ff\ua980-\ua9df\uaa60-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
)
"""Scripts whose letters change their form beside each other: Arabic, Syriac, Indic, Tibetan, Burmese, Khmer, Mongolian
and others, by block. Source: the Unicode Standard, chapter 23.2 (joiners)."""
_EMOJI = "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
_JOINERS = re.compile(
    f"(?<![{_JOINING}])\u200c|\u200c(?![{_JOINING}])|(?<![{_JOINING}{_EMOJI}])\u200d|(?<=[{_EMOJI}])\u200d(?![{_EMOJI}])"
)
"""Joiners and non-joiners of no width where nothing joins; in Persian, Hindi and emoji they are a part of the word."""
_MARKS_AND_SPACE = bytes(code for code in range(128) if not chr(code).isalnum())
_ASCII = re.compile("[\x00-\x7f]+")


def _without_signs_of_no_width(text: str) -> str:
    text = _UNREADABLE.sub("", text)
    return _JOINERS.sub("", text) if "\u200c" in text or "\u200d" in text else text


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


@dataclass(frozen=True, slots=True)
class TextFile:
    """What a file holds: its text, and the fields that its author wrote above it, such as id, title and allow."""

    extract: Extract
    fields: Mapping[str, Json]


def letters_and_digits(text: str) -> int:
    """How many letters and digits ``text`` has: what readers count, since marks and space change with the form."""
    plain = text.encode("ascii", "ignore")  # most of most texts, and counted without a loop
    count = len(plain.translate(None, _MARKS_AND_SPACE))
    return count if len(plain) == len(text) else count + sum(map(str.isalnum, _ASCII.sub("", text)))


def tidied(text: str) -> str:
    """``text`` with line feeds alone as line ends, without characters that are not seen or space at its ends.

    Those are control characters, lone surrogates, soft hyphens, and spaces and joiners of no width; joiners stay where
    they belong to the writing, as in Persian and in emoji.

    Raises:
        Unreadable: It is longer than ``MAX_TEXT_CHARS``.
    """
    text = _without_signs_of_no_width(_LINE_ENDS.sub("\n", text)).strip()
    if len(text) > MAX_TEXT_CHARS:
        raise Unreadable(
            f"it holds {len(text)} characters of text, more than {MAX_TEXT_CHARS}: split it into several files"
        )
    return text


def tidied_title(title: str) -> str:
    """``title`` on one line, cut where it is very long."""
    return " ".join(_without_signs_of_no_width(title[: 4 * _MAX_TITLE_CHARS]).split())[:_MAX_TITLE_CHARS].rstrip()


def web_address(url: str) -> str:
    """``url`` if it is an absolute address of the web, else the empty string."""
    url = url.strip()
    is_address = re.fullmatch(r"https?://[^\s\"<>]+", url, re.IGNORECASE) and url.isprintable()
    return url if is_address and len(url) <= _MAX_URL_CHARS else ""
