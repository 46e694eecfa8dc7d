"""Algorithm 2 of text to terms: beside a word itself its parts, its folded form, and the whole that it stands in.

A passage has every form, its stop words too; a query weighs them, so that both ways are found and the exact one wins.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import regex
import Stemmer

from indexing.errors import InvalidInput
from indexing.indexes.aligned_text import Span, aligned, joined
from indexing.indexes.analyser import NONE, SNOWBALL, PassageTerms
from indexing.indexes.folding import cased, folded
from indexing.indexes.stop_words import stop_words
from indexing.indexes.word_cutting import Word, cut, placed_tokens, plain, tokens_of
from indexing.indexes.word_marks import marks_in
from indexing.records import Partition

WITHOUT_SPACES = ("chinese", "japanese", "korean", "thai")
"""Languages beside the Snowball ones. Of their texts only what is in Latin letters has stems and stop words."""
WHOLE_WEIGHT = 1.0
"""What a token as a whole counts in a query, beside its words, of which each counts 1. Source: decision 49."""
HYPHENATED_WEIGHT = 0.5
"""The same for words that only hyphens join: a hyphen says less than a dot or a slash does. Source: decision 49."""
FOLDED_SHARE = 0.4
"""What of a word's weight its folded form has, where that is another one. Source: decision 49."""
PARTS_WEIGHT = 0.5
"""What the parts of a word count in a query together, beside the word, which counts 1. Source: decision 49."""
SYLLABLES_WEIGHT = 1.0
"""What the bigrams of a Korean word count in a query together, beside the word. Source: our choice."""
_HANGUL_WORD_WEIGHT = 0.5
"""What a Korean word of more than two syllables counts in a query, beside its bigrams. Source: our choice."""
_CACHED_TOKENS = 16_384
"""Tokens whose terms a thread keeps: some 8 MB, and nine of ten tokens of a text. Source: our choice."""
_OTHER_THAN_HYPHENS = regex.compile(r"[^\p{L}\p{N}\p{M}\-\u2010]")
_ELIDING = frozenset({"french", "italian", "catalan"})


@dataclass(frozen=True, slots=True)
class _Forms:
    """What a token gives: to a passage its terms and length, to a query weights.

    ``stop_weights`` is the weights of a query that has stop words alone; ``shouted`` is a stop word in capitals, such
    as IT.
    """

    terms: tuple[str, ...]
    length: int
    weights: tuple[tuple[str, float], ...]
    stop_weights: tuple[tuple[str, float], ...]
    shouted: str = ""


class FormsAnalyser:
    """Algorithm 2. Threads may share one."""

    def __init__(self, language: str) -> None:
        """Prepare for a Snowball language, one of ``WITHOUT_SPACES``, or ``none``.

        Raises:
            InvalidInput: the language is unknown.
        """
        if language not in SNOWBALL and language not in WITHOUT_SPACES:
            known = ", ".join(sorted({*SNOWBALL, *WITHOUT_SPACES}))
            raise InvalidInput(f"language {language!r} is unknown: expected one of {known}.")
        self.language = language
        self._words_of = "english" if language in WITHOUT_SPACES else language
        self._elides = language in _ELIDING
        self._is_turkish = language == "turkish"
        self._stop_words = frozenset(self._case(word.replace("\u200c", "")) for word in stop_words(self._words_of))
        self._local = threading.local()

    def of(self, partition: Partition) -> "FormsAnalyser":
        """See ``TextAnalyser``."""
        return self

    def passage_terms(self, text: str) -> PassageTerms:
        """See ``TextAnalyser``; the length counts words that are no stop words, one of several parts by those."""
        forms_of = self._cached()
        terms: list[str] = []
        length, shouts = 0, False
        for token in tokens_of(text):
            found = forms_of(token)
            terms += found.terms
            length += found.length
            shouts = shouts or bool(found.shouted)
        if shouts:
            terms += self._shouted(text)
        return PassageTerms(terms, length)

    def query_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``: stop words count nothing, unless they stand in capitals among small letters."""
        forms_of = self._cached()
        found = [forms_of(token) for token in tokens_of(text)]
        weights = _summed(one.weights for one in found)
        if any(one.shouted for one in found):
            for term in self._shouted(text):
                weights[term] = weights.get(term, 0.0) + 1.0
        return weights

    def stop_weights(self, text: str) -> dict[str, float]:
        """See ``TextAnalyser``."""
        forms_of = self._cached()
        return _summed(forms_of(token).stop_weights for token in tokens_of(text))

    def marks(self, text: str, wanted: frozenset[str]) -> list[Span]:
        """See ``TextAnalyser``: a token as a whole, else words of it, else parts of those."""
        if not wanted:
            return []
        found, spans = aligned(text, plain), list[Span]()
        marks = lru_cache(None)(lambda token: self._marks_in(token, wanted))  # most tokens stand there more than once
        for at, token in placed_tokens(found.text):
            spans += (found.original(at + start, at + end) for start, end in marks(token))
        return joined(spans)

    def _marks_in(self, token: str, wanted: frozenset[str]) -> list[Span]:
        forms = self._cached()(token)
        if forms.shouted and forms.shouted in wanted:
            return [(0, len(token))]
        if wanted.isdisjoint(forms.terms):
            return []
        return marks_in(token, cut(token, elides=self._elides), wanted, self._terms_of_form)

    def _terms_of_form(self, text: str) -> Iterable[str]:
        return self._case(text), *self._term(text, self._stem())

    def _shouted(self, text: str) -> list[str]:
        """Stop words in capitals that stand in a line with small letters: they are names."""
        forms_of = self._cached()
        lines = (line for line in plain(text).splitlines() if line.upper() != line)
        found = (forms_of(token).shouted for line in lines for token in tokens_of(line))
        return [term for term in found if term]

    def _cached(self) -> Callable[[str], _Forms]:
        """The forms of a token, as this thread keeps them: a stemmer is not safe to share between threads."""
        found: Callable[[str], _Forms] | None = getattr(self._local, "forms", None)
        if found is None:
            stem = self._stem()
            found = self._local.forms = lru_cache(_CACHED_TOKENS)(lambda token: self._forms(token, stem))
        return found

    def _stem(self) -> Callable[[str], str]:
        """What gives the stem of a word, as this thread keeps it."""
        found: Callable[[str], str] | None = getattr(self._local, "stem", None)
        if found is None:
            found = (lambda word: word) if self._words_of == NONE else Stemmer.Stemmer(self._words_of).stemWord
            self._local.stem = found
        return found

    def _forms(self, token: str, stem: Callable[[str], str]) -> _Forms:
        parsed = cut(token, elides=self._elides)
        content: dict[str, float] = {}
        stops: dict[str, float] = {}
        unasked: list[str] = []
        length = 0
        is_stop = any(self._case(whole) in self._stop_words for whole in parsed.wholes)
        for word in parsed.words:
            forms = self._word(word, stem)
            if is_stop or word.is_elided or self._case(word.text) in self._stop_words:
                _add(stops, forms)
                continue
            _add(content, forms)
            unasked += [letter for letter in word.letters if letter not in forms]
            length += len(word.bigrams) if word.is_unspaced else max(1, len(word.parts))
        weight = WHOLE_WEIGHT if _OTHER_THAN_HYPHENS.search(token) else HYPHENATED_WEIGHT
        for whole in parsed.wholes:
            shares = self._term(whole, stem)
            _add(stops if is_stop else content, {term: weight * share for term, share in shares.items()})
        is_shouted = len(token) > 1 and token.isalpha() and token.isupper() and bool(stops)
        return _Forms(
            terms=tuple(dict.fromkeys([*content, *stops, *unasked])),
            length=length,
            weights=tuple(content.items()),
            stop_weights=tuple({**stops, token: 1.0}.items()) if is_shouted else tuple(stops.items()),
            shouted=token if is_shouted else "",
        )

    def _word(self, word: Word, stem: Callable[[str], str]) -> dict[str, float]:
        """The forms of a word with what each counts in a query."""
        if word.is_unspaced:
            return {self._case(one): 1.0 for one in word.bigrams}
        found = self._term(word.text, stem)
        for other in word.others:
            _add(found, self._term(other, stem))
        if word.bigrams:
            found = {term: weight * _HANGUL_WORD_WEIGHT for term, weight in found.items()}
            _add(found, dict.fromkeys(word.bigrams, SYLLABLES_WEIGHT / len(word.bigrams)))
        parts = [part for part in map(self._case, word.parts) if part not in self._stop_words]
        for part in parts:
            shares = self._term(part, stem)
            _add(found, {term: share * PARTS_WEIGHT / len(parts) for term, share in shares.items()})
        return found

    def _term(self, text: str, stem: Callable[[str], str]) -> dict[str, float]:
        """The term of a form, and that of its folded form if it is another one; the weights sum to 1."""
        exact = self._case(text)
        term, other = stem(exact), stem(folded(exact))
        return {term: 1.0} if term == other else {term: 1.0 - FOLDED_SHARE, other: FOLDED_SHARE}

    def _case(self, text: str) -> str:
        return cased(text, is_turkish=self._is_turkish)


def _add(weights: dict[str, float], more: dict[str, float]) -> None:
    """Give each term the larger weight: a form that is found twice in a token counts once."""
    for term, weight in more.items():
        weights[term] = max(weight, weights.get(term, 0.0))


def _summed(found: Iterable[tuple[tuple[str, float], ...]]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for one in found:
        for term, weight in one:
            weights[term] = weights.get(term, 0.0) + weight
    return weights
