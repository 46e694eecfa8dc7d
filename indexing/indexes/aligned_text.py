"""Aligned text: a text in the form that words are found in, which knows where each character of it came from."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import regex

Span: TypeAlias = tuple[int, int]
"""From and to, in code points; the end is not part of it."""
_CHUNK = re.compile(r"\s+|\S+")
_CHARACTER = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class AlignedText:
    """``text`` is the folded form of another text, in pieces that begin at ``begins``.

    ``spans`` says for each piece where it stands in the original, and whether each of its characters is one there.
    """

    text: str
    begins: list[int]
    spans: list[tuple[int, int, bool]]

    def original(self, start: int, end: int) -> Span:
        """Where what stands from ``start`` to ``end`` of ``text``, one character at least, stands in the original."""
        first, last = self._piece(start), self._piece(end - 1)
        begin, _, is_same = self.spans[first]
        found = begin + start - self.begins[first] if is_same else begin
        begin, until, is_same = self.spans[last]
        return found, begin + end - self.begins[last] if is_same else until

    def _piece(self, at: int) -> int:
        return bisect_right(self.begins, at) - 1


def aligned(text: str, fold: Callable[[str], str]) -> AlignedText:
    """A text as ``fold`` gives it.

    Characters are told apart as far as ``fold`` gives for each what it gives for all, else what stands without a space;
    where not even that is so, all of the text is one piece.
    """
    whole, fold_one = fold(text), lru_cache(None)(fold)
    if len(whole) == len(text) and (text.isascii() or whole == text):
        return AlignedText(whole, [0], [(0, len(text), True)])
    begins, spans, at = list[int](), list[tuple[int, int, bool]](), 0
    for chunk in _CHUNK.finditer(text):
        for start, end, folded, is_same in _pieces(chunk[0], fold_one):
            if folded:
                begins.append(at)
                spans.append((chunk.start() + start, chunk.start() + end, is_same))
                at += len(folded)
    is_whole = at == len(whole) and "".join(fold_one(chunk[0]) for chunk in _CHUNK.finditer(text)) == whole
    return AlignedText(whole, begins, spans) if is_whole else AlignedText(whole, [0], [(0, len(text), False)])


def _pieces(chunk: str, fold: Callable[[str], str]) -> Iterable[tuple[int, int, str, bool]]:
    folded = fold(chunk)
    if len(folded) == len(chunk) and (chunk.isascii() or folded == chunk):
        return [(0, len(chunk), folded, True)]
    each = [(found.start(), found.end(), fold(found[0]), False) for found in _CHARACTER.finditer(chunk)]
    if "".join(piece for _, _, piece, _ in each) == folded:
        return each
    return [(0, len(chunk), folded, False)]


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
