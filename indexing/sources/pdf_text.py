"""Makes the text of a PDF from its lines: paragraphs, words that a line end tore, letters that are written as one."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from indexing.sources.extracted_text import tidied_title
from indexing.sources.pdf_lines import Line
from indexing.sources.pdf_objects import HYPHEN

_TORN = re.compile(rf"([\w-]*){HYPHEN}(\w*)")
_HYPHENATED = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_ALWAYS_HYPHENATED = frozenset({"self", "ex", "non", "quasi"})
"""What makes compounds with a hyphen in English wherever it stands. Source: our choice."""
_FORMS = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]+")
"""Presentation forms: ligatures of Latin, Armenian and Hebrew letters, and Arabic letters as they are drawn."""
_NO_TITLE = re.compile(
    r"\W*|untitled\W*\d*|document\W*\d*|title|unknown|none|anonymous|microsoft \w+ - .*"
    r"|(?:[a-z]:)?[\\/].*|.*\.[a-z]{2,4}\d?",
    re.IGNORECASE,
)
"""What programs write as a title where there is none: names of files most of all."""
_STAMPS = frozenset(
    """approved archived cancelled canceled certified classified confidential copy draft duplicate entwurf final
    geheim internal kopie muster original paid preliminary proof received restricted sample secret specimen
    unofficial urgent vertraulich void brouillon confidentiel copie borrador confidencial copia bozza
    riservato""".split()  # noqa: SIM905 (a paragraph of words reads better)
)
"""Words that are stamped over pages. Source: our choice."""


def letter_by_letter(text: str) -> str:
    """``text`` with ligatures as the letters they stand for."""
    return _FORMS.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)


def page_text(lines: Sequence[Line]) -> str:
    """The lines of a page with a blank line where one block ends."""
    drops = [above.end - below.begin for above, below in pairwise(lines) if above.end > below.begin]
    usual = median(drops) if drops else 0.0
    parts = [lines[0].text] if lines else []
    for above, below in pairwise(lines):
        is_other = abs(above.size - below.size) > 0.15 * max(above.size, below.size)
        is_gap = is_other or above.end - below.begin > 1.3 * min(usual, 1.8 * above.size)
        parts.append(("\n\n" if is_gap else "\n") + below.text)
    return "".join(parts)


def whole_words(text: str) -> str:
    """``text`` with the words joined that a line end tore; compounds keep their hyphen.

    What is a compound, the text says itself: it has the compound elsewhere; or it has both parts as words elsewhere,
    and never both in one.
    """
    if HYPHEN not in text:
        return text
    hyphenated = {word.lower() for word in _HYPHENATED.findall(text)}
    words = Counter(word.lower() for word in _WORD.findall(_TORN.sub(" ", text)))

    def is_compound(first: str, last: str) -> bool:
        if not first or not last or not last[0].islower() or "-" in first or not first[-1].isalpha():
            return True
        if len(first) == 1:  # a single letter is no syllable: X-ray, T-shirt
            return True
        begin, end = first.lower(), last.lower()
        if f"{begin}-{end}" in hyphenated or begin in _ALWAYS_HYPHENATED:
            return True
        return not words[begin + end] and bool(words[begin]) and bool(words[end])

    def joined(match: re.Match[str]) -> str:
        first, last = match.groups()
        return f"{first}-{last}" if is_compound(first, last) else first + last

    return _TORN.sub(joined, text)


def given_title(title: str) -> str:
    """The title that a file gives itself, unless a program made it up."""
    title = tidied_title(title)
    return "" if _NO_TITLE.fullmatch(title) else title


def largest_text(pages: Sequence[Sequence[Line]]) -> str:
    """What the first page with text writes largest, if that is clearly larger than the document's usual size.

    Stamps are passed over, and what is no title: ``DRAFT``, the name of a file.
    """
    first = next((page for page in pages if page), [])
    usual = median(line.size for page in pages for line in page) if first else 0.0
    left = [line for line in first if not _is_stamp(line.text)]
    while left:
        largest = max(line.size for line in left)
        if largest < 1.2 * usual:
            return ""
        title = tidied_title(" ".join(line.text for line in left if line.size > 0.95 * largest).replace(HYPHEN, ""))
        if not _NO_TITLE.fullmatch(title):
            return title
        left = [line for line in left if line.size <= 0.95 * largest]
    return ""


def _is_stamp(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", text.lower())
    return bool(words) and all(word in _STAMPS for word in words)
