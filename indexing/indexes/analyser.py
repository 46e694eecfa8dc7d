"""Text to terms, the same offline and online."""

import threading
import unicodedata

import regex
import Stemmer

from indexing.errors import InvalidInput

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*")


# Function words of English: articles, conjunctions, prepositions, pronouns, auxiliaries. Written for Groundwork;
# question words stay out of it on purpose only where they carry meaning ("how" and "why" do not).
_ENGLISH_STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be because been being but by can could did do does doing for from
    had has have having he her here hers him his how i if in into is it its just me more most my no nor not of off on
    only or other our ours out over own same she should so some such than that the their theirs them then there these
    they this those through to too under until up very was we were what when where which while who whom why will with
    would you your yours""".split()  # noqa: SIM905 (a paragraph of words reads better than 110 quoted ones)
)


LANGUAGES = frozenset({*Stemmer.algorithms(), "none"})


class Analyser:
    """Text to terms, the same offline and online: words of letters and digits, stop words, stems.

    Before that NFKC and case folding; a letter keeps the marks on it, which are vowels in many scripts.

    ``none`` is the default for a text of unknown language: words as they are, nothing removed, nothing stemmed.
    Safe to share between threads.
    """

    def __init__(self, language: str = "english") -> None:
        """Prepare for a Snowball language or ``none``.

        Raises:
            InvalidInput: the language is unknown.
        """
        if language not in LANGUAGES:
            raise InvalidInput(f"language {language!r} is unknown: expected one of {', '.join(sorted(LANGUAGES))}.")
        self.language = language
        self._stop_words = _ENGLISH_STOP_WORDS if language == "english" else frozenset()
        self._local = threading.local()

    def terms(self, text: str) -> list[str]:
        """The terms of ``text`` in their order, repetitions kept."""
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        words = _WORD.findall(folded)
        words = [word for word in words if word not in self._stop_words]
        if self.language == "none":
            return words
        stemmer = getattr(self._local, "stemmer", None)
        if stemmer is None:
            # A stemmer caches and is not safe to share between threads.
            stemmer = self._local.stemmer = Stemmer.Stemmer(self.language)
        return list(stemmer.stemWords(words))
