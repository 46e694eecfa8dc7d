"""Near-duplicates: texts that say the same but for a few words, found among many without comparing all to all.

Two texts are near-duplicates if they hold the same numbers, and of all their runs of three words nine tenths are in
both. What differs by a number, such as a version, a price or an error code, is never one.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from zlib import crc32

import regex

SHINGLE_WORDS = 3
"""Words of a run. Source: our choice; Broder, "On the resemblance and containment of documents", 1997, has four."""
LEAST_SHARE = 0.9
"""Of the runs of two texts, the share that must be in both. Source: our choice, see decision 57: one other word in
sixty is as much as it allows, or a boilerplate of twelve words beside two hundred."""
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}]"
_WORD = regex.compile(
    rf"{_UNSPACED}|[\p{{L}}\p{{N}}][\p{{L}}\p{{N}}\p{{M}}]*?(?=(?:{_UNSPACED})|[^\p{{L}}\p{{N}}\p{{M}}]|$)"
)
"""A word; in scripts without spaces a letter."""
_DIGIT = regex.compile(r"\p{N}")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a text is compared by: its runs of words, and the words in it that hold a digit."""

    shingles: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Fingerprint":
        """That of a text, whatever its case, spacing and punctuation."""
        words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
        runs = max(1, len(words) - SHINGLE_WORDS + 1)
        shingles = frozenset(" ".join(words[at : at + SHINGLE_WORDS]) for at in range(runs))
        return cls(shingles, frozenset(word for word in words if _DIGIT.search(word)))

    def is_near(self, other: "Fingerprint") -> bool:
        """Whether the texts are near-duplicates."""
        if self.numbers != other.numbers:
            return False
        both = len(self.shingles & other.shingles)
        return both >= LEAST_SHARE * (len(self.shingles) + len(other.shingles) - both)

    @property
    def rarest(self) -> Iterable[str]:
        """Some of its runs, of which a near-duplicate has at least one among its own of them.

        Source: prefix filtering; Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data
        cleaning", ICDE 2006. The order that both texts share is that of a checksum.
        """
        count = len(self.shingles) - ceil(LEAST_SHARE * len(self.shingles)) + 1
        return sorted(self.shingles, key=lambda run: (crc32(run.encode("utf-8", "surrogatepass")), run))[:count]


class NearDuplicates:
    """Texts that were seen, each that is no near-duplicate of one before it at the next place, from 0."""

    def __init__(self) -> None:
        self._first: list[Fingerprint] = []
        self._holders: dict[str, list[int]] = {}

    def place(self, text: str) -> int:
        """The place of the first text that this one is a near-duplicate of; a place of its own where there is none."""
        mine = Fingerprint.of(text)
        rarest = list(mine.rarest)
        for place in sorted({place for run in rarest for place in self._holders.get(run, ())}):
            if mine.is_near(self._first[place]):
                return place
        for run in rarest:
            self._holders.setdefault(run, []).append(len(self._first))
        self._first.append(mine)
        return len(self._first) - 1
