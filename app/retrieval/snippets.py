"""Snippets: the sentences of a text that hold most of what was looked for, within a length; the same for the same."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import regex

from indexing.indexes.aligned_text import Span
from indexing.passages.text_blocks import cut_near, trimmed

BETWEEN = " … "
"""What stands in a snippet for what is left out between two pieces of it."""
_STOP = regex.compile(r"[\p{Sentence_Terminal}\u2026\u0f0d\u0f0e]++[\p{Pe}\p{Pf}\p{Pi}\"'*_`]*+")
"""What ends a sentence, in any script, with the quotes and brackets that it closes. Source: the stops are those of
Unicode's Sentence_Terminal (UAX 29), and what it lacks: the ellipsis and Tibetan's strokes."""
_NEEDS_SPACE = frozenset(".!?\u2026")
"""Stops that also stand inside of words and numbers: they end a sentence before a space alone."""
_LINES = regex.compile(r"\n[ \t]*\n\s*|\n\s*+(?=[-*+#|>]|\d+[.)])")
"""Between paragraphs, and before a line that is a heading, an entry of a list or a row of a table."""
_LETTER, _LOWER = regex.compile(r"\p{L}"), regex.compile(r"\s+\p{Ll}")
_CHARACTER = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class SnippetPieces:
    """The pieces of a text that a snippet is made of, in order; ``is_cut`` says that one is a part of a sentence."""

    spans: tuple[Span, ...]
    is_cut: bool = False

    def text(self, whole: str) -> str:
        """What is shown of a text."""
        return BETWEEN.join(whole[start:end] for start, end in self.spans)

    def html(self, whole: str, marks: Sequence[Span]) -> str:
        """The same for a page, with ``<mark>`` around ``marks`` of the whole text; nothing of the text is markup."""
        return BETWEEN.join(_marked(whole, span, marks) for span in self.spans)


def _marked(whole: str, span: Span, marks: Sequence[Span]) -> str:
    at, until = span
    made = list[str]()
    for start, end in marks:
        first, last = max(start, at), min(end, until)
        if first < last:
            made += escape(whole[at:first]), "<mark>", escape(whole[first:last]), "</mark>"
            at = last
    return "".join([*made, escape(whole[at:until])])


def sentences(text: str) -> list[Span]:
    """The sentences of a text, each without space around it; they cover all that is not whitespace.

    What has no letter, such as the number of a list's entry, belongs to what follows it.
    """
    cuts = sorted({*_ends(text), *(found.start() for found in _LINES.finditer(text)), len(text)})
    found, begin = list[Span](), 0
    for cut in cuts:
        if cut < len(text) and not _LETTER.search(text, begin, cut):
            continue
        start, end = trimmed(text, begin, cut)
        if start < end:
            found.append((start, end))
        begin = cut
    return found


def _ends(text: str) -> Iterator[int]:
    for stop in _STOP.finditer(text):
        after = text[stop.end() : stop.end() + 1]
        needs_space = all(one in _NEEDS_SPACE for one in stop[0] if _STOP.match(one))
        if not needs_space or (after.isspace() and not _LOWER.match(text, stop.end())):
            yield stop.end()


def best_pieces(
    text: str,
    weights: Mapping[str, float],
    terms_of: Callable[[str], Collection[str]],
    marks: Sequence[Span],
    most: int,
) -> SnippetPieces:
    """The best sentences of a text, of at most ``most`` code points with what stands between them.

    Each time the sentence is taken that holds most of what no other holds yet, the first of equal ones; then what
    stands next to them, as long as it fits. Where nothing of the query is in the text, it is the beginning of it. Where
    not even the best sentence fits, a part of it is shown, around what was looked for.

    Args:
        text: What the snippet is of.
        weights: What each term of the query counts.
        terms_of: The terms of a sentence.
        marks: Where what was looked for stands in the text.
        most: At least 1.
    """
    every = sentences(text)
    held = [
        frozenset(terms_of(text[start:end])) & weights.keys() if _is_marked(start, end, marks) else frozenset()
        for start, end in every
    ]
    chosen, covered = set[int](), frozenset[str]()
    while True:
        gains = [
            (sum(weights[term] for term in sorted(terms - covered)), -place)
            for place, terms in enumerate(held)
            if place not in chosen and (not chosen or _fits(text, every, chosen | {place}, most))
        ]
        gain, place = max(gains, default=(0.0, 0))
        if gain <= 0:
            break
        if not chosen and not _fits(text, every, {-place}, most):
            return SnippetPieces((_part(text, every[-place], marks, most),), is_cut=True)
        chosen.add(-place)
        covered |= held[-place]
    if not every:
        return SnippetPieces(())
    if not chosen:
        if not _fits(text, every, {0}, most):
            return SnippetPieces((_part(text, every[0], (), most),), is_cut=True)
        chosen.add(0)
    _fill(text, every, chosen, most)
    return SnippetPieces(tuple(_runs(every, chosen)))


def _is_marked(start: int, end: int, marks: Sequence[Span]) -> bool:
    place = bisect_left(marks, (start, start))
    return place < len(marks) and marks[place][0] < end


def _fill(text: str, every: Sequence[Span], chosen: set[int], most: int) -> None:
    """Choose what stands next to what is chosen, after it rather than before, as long as it fits."""
    while True:
        near = [*(place + 1 for place in sorted(chosen)), *(place - 1 for place in sorted(chosen))]
        more = (place for place in near if 0 <= place < len(every) and place not in chosen)
        place = next((one for one in more if _fits(text, every, chosen | {one}, most)), None)
        if place is None:
            return
        chosen.add(place)


def _runs(every: Sequence[Span], chosen: set[int]) -> list[Span]:
    """Chosen sentences in order, those that follow each other as one."""
    runs, before = list[Span](), -2
    for place in sorted(chosen):
        start, end = every[place]
        if place == before + 1 and runs:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
        before = place
    return runs


def _fits(text: str, every: Sequence[Span], chosen: set[int], most: int) -> bool:
    runs = _runs(every, chosen)
    return sum(end - start for start, end in runs) + len(BETWEEN) * (len(runs) - 1) <= most


def _part(text: str, sentence: Span, marks: Sequence[Span], most: int) -> Span:
    """As much of a sentence as may be shown, around as many marks as can be, without torn words if possible."""
    begin, end = sentence
    own = [mark for mark in marks if begin <= mark[0] and mark[1] <= end] or [(begin, begin)]
    counts = [sum(other[0] >= one[0] and other[1] <= one[0] + most for other in own) for one in own]
    first = counts.index(max(counts))
    last = max(first, first + counts[first] - 1)
    room = max(0, most - (own[last][1] - own[first][0]))
    start = min(max(begin, own[first][0] - room // 2), max(begin, end - most))
    start = _whole_word_from(text, start, own[first][0]) if start > begin else begin
    until = min(end, start + most)
    if until < end:
        until = cut_near(text, start, until)
    return trimmed(text, start, until)


def _whole_word_from(text: str, start: int, limit: int) -> int:
    """Where the first whole word at or after ``start`` begins, before ``limit``; else the first whole character."""
    if text[start - 1].isspace():
        return start
    found = regex.search(r"\s\S", text, pos=start, endpos=limit)
    if found is not None:
        return int(found.start()) + 1
    return next((one.start() for one in _CHARACTER.finditer(text, max(0, start - 16)) if one.start() >= start), start)
