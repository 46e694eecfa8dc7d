"""Word marks: which of the characters of a token are those by which a query found it."""

from collections.abc import Callable, Container, Iterable, Iterator
from typing import TypeAlias

from indexing.indexes.aligned_text import Span
from indexing.indexes.word_cutting import Token, Word

TermsOf: TypeAlias = Callable[[str], Iterable[str]]
"""The terms of a form of a word."""


def marks_in(token: str, parsed: Token, wanted: Container[str], terms_of: TermsOf) -> list[Span]:
    """Where a token holds what is wanted: all of it by a form as a whole, else its words, else parts of those.

    Args:
        token: As it stands in a text.
        parsed: What is in it.
        wanted: Terms of a query.
        terms_of: As the analyser has it.

    Returns:
        Spans of ``token``; they may overlap.
    """

    def is_wanted(*forms: str) -> bool:
        return any(term in wanted for form in forms for term in terms_of(form))

    if is_wanted(*parsed.wholes):
        return [(0, len(token))]
    found: list[Span] = []
    at = 0
    for word in parsed.words:
        start = token.find(word.text, at)
        if start < 0:  # a number that is written otherwise, or a word in its long form
            if is_wanted(word.text, *word.others, *word.parts):
                return [(0, len(token))]
            continue
        at = start + len(word.text)
        if not word.is_unspaced and is_wanted(word.text, *word.others):
            found.append((start, at))
        else:
            found += ((start + begin, start + end) for begin, end in _within(word, is_wanted))
    return found


def _within(word: Word, is_wanted: Callable[[str], bool]) -> Iterator[Span]:
    """Where a word, which is not wanted itself, has parts, pairs of letters or letters that are."""
    for parts in (word.parts, word.bigrams):
        at = 0
        for part in parts:
            start = word.text.find(part, at)
            if start < 0:
                continue
            at = start + (1 if parts is word.bigrams else len(part))  # pairs overlap
            if is_wanted(part):
                yield start, start + len(part)
    for letter in word.letters:
        if is_wanted(letter):
            yield from ((at, at + 1) for at, one in enumerate(word.text) if one == letter)
