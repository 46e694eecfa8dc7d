"""Counts the letters and digits of a Word file: what it holds, what is left out and why, what the reader adds."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from indexing.sources.extracted_text import letters_and_digits

DELETED = frozenset({"w-del", "w-moveFrom"})
"""What was taken away with changes tracked."""
_TEXTS = frozenset({"w-t", "w-delText", "m-t", "a-t"})


def letters_of(element: Element) -> int:
    """How many letters and digits stand in an element, whatever becomes of them."""
    cached = (point for cache in element.iter("c-strCache") for point in cache.iter("c-v"))
    texts = (one for one in element.iter() if one.tag in _TEXTS)
    return sum(letters_and_digits(one.text or "") for one in (*texts, *cached))


class Tally:
    """What was left out of one file by reason, and what was added to it. Not for several threads."""

    def __init__(self) -> None:
        self.left_out: dict[str, int] = {}
        self.added = 0

    def leave(self, reason: str, left: Element | str) -> None:
        """Counts the text of what is left out."""
        count = letters_and_digits(left) if isinstance(left, str) else letters_of(left)
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def add(self, text: str) -> None:
        """Counts text that stands in the result and not in the file's text."""
        self.added += letters_and_digits(text)

    def chosen(self, alternatives: Element) -> Iterable[Element]:
        """The one of several copies of the same content that says most; the others are counted as left out."""
        copies = list(alternatives)
        if not copies:
            return ()
        best = max(copies, key=letters_of)
        for copy in copies:
            if copy is not best:
                self.leave("copies for older programs", copy)
        return best
