"""Text to terms, the same offline and online: what every analyser gives, and algorithm 1, whose terms are words alone.

Algorithm 2 is ``indexing.indexes.forms_analyser``; ``indexing.indexes.analysers`` chooses.
"""

import threading
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import regex
import Stemmer

from indexing.errors import InvalidInput
from indexing.indexes.aligned_text import Span, aligned, joined
from indexing.indexes.stop_words import ENGLISH
from indexing.records import Partition

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*")

NONE = "none"
"""The language of texts whose language is not known: nothing is removed, nothing is stemmed."""
SNOWBALL = frozenset({*Stemmer.algorithms(), NONE})
"""What algorithm 1 knows. ``porter`` and ``dutch_porter`` are older stemmers of languages that are there already."""


@dataclass(frozen=True, slots=True)
class PassageTerms:
    """The terms of a passage, repetitions kept, and the ``length`` that BM25 counts it with, in words."""

    terms: Sequence[str]
    length: int


class TextAnalyser(Protocol):
    """Text to terms, for passages and for queries. Threads may share one."""

    def of(self, partition: Partition) -> "TextAnalyser":
        """The analyser of a collection's texts: this one, unless each collection has its own."""
        ...

    def passage_terms(self, text: str) -> PassageTerms:
        """What a passage is found by."""
        ...

    def query_weights(self, text: str) -> dict[str, float]:
        """What each term of a query counts, in the order of the text; a repeated word counts as often as it stands."""
        ...

    def stop_weights(self, text: str) -> dict[str, float]:
        """As ``query_weights``, for a text of nothing but stop words: what those count."""
        ...

    def marks(self, text: str, wanted: frozenset[str]) -> list[Span]:
        """Where a passage's text holds some terms of a query: in order, apart from each other, as small as can be."""
        ...


class Analyser:
    """Algorithm 1: words of letters and digits, stop words of English, stems.

    Before that NFKC and case folding; a letter keeps the marks on it, which are vowels in many scripts.

    ``none`` is the default for a text of unknown language: words as they are, nothing removed, nothing stemmed.
    Safe to share between threads.
    """

    def __init__(self, language: str = "english") -> None:
        """Prepare for a Snowball language or ``none``.

        Raises:
            InvalidInput: the language is unknown.
        """
        if language not in SNOWBALL:
            raise InvalidInput(f"language {language!r} is unknown: expected one of {', '.join(sorted(SNOWBALL))}.")
        self.language = language
        self._stop_words = ENGLISH if language == "english" else frozenset()
        self._local = threading.local()

    def of(self, partition: Partition) -> "Analyser":
        """See ``TextAnalyser``."""
        return self

    def terms(self, text: str) -> list[str]:
        """The terms of ``text`` in their order, repetitions kept."""
        return self._stems([word for word in _WORD.findall(_folded(text)) if word not in self._stop_words])

    def _stems(self, words: list[str]) -> list[str]:
        if self.language == NONE:
            return words
        stemmer = getattr(self._local, "stemmer", None)
        if stemmer is None:
            # A stemmer caches and is not safe to share between threads.
            stemmer = self._local.stemmer = Stemmer.Stemmer(self.language)
        return list(stemmer.stemWords(words))

    def passage_terms(self, text: str) -> PassageTerms:
        """See ``TextAnalyser``: the length is the number of terms."""
        terms = self.terms(text)
        return PassageTerms(terms, len(terms))

    def query_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``."""
        return dict(Counter(self.terms(text)))

    def stop_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``: none, since passages do not keep them."""
        return {}

    def marks(self, text: str, wanted: frozenset[str]) -> list[Span]:
        """See ``TextAnalyser``."""
        if not wanted:
            return []
        found = aligned(text, _folded)
        words = [one for one in _WORD.finditer(found.text) if one[0] not in self._stop_words]
        terms = self._stems([word[0] for word in words])
        return joined(found.original(*word.span()) for word, term in zip(words, terms, strict=True) if term in wanted)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
