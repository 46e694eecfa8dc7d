"""Context: hits to one block of text for a prompt, with numbered citations, inside a budget of tokens.

Nothing is said twice, neighbours are joined, and whatever does not get in is named. A pure function of its arguments.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from app.retrieval.hits import RankedPassage
from indexing.passages.text_blocks import one_line, pieces
from indexing.snapshots.shard import StoredPassage

Reason: TypeAlias = Literal["budget", "duplicate", "empty"]
CountTokens: TypeAlias = Callable[[str], int]
_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of a document in one run: ``text == document.text[start:end]``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered entry of a context: neighbouring passages of one document.

    ``passages`` are the ids of the passages it holds, in reading order; ``pieces`` their text, those that overlap or
    touch joined into one. ``score`` is the best of the passages'. ``is_cut`` says that the text ends before its last
    passage does. ``table_heading`` is the heading row of the table among whose rows the first piece begins; those of
    other tables stand in the text.
    """

    number: int
    document_id: str
    title: str
    url: str
    headings: tuple[str, ...]
    score: float
    passages: tuple[str, ...]
    pieces: tuple[Piece, ...]
    is_cut: bool = False
    table_heading: str = ""

    @property
    def entry(self) -> str:
        """The citation as it stands in the block: number and origin, then the text below its table's heading row."""
        path = " > ".join([one_line(part) for part in (self.title, *self.headings) if part.strip()])
        head = " ".join(part for part in (f"[{self.number}]", path, f"({self.url})" if self.url else "") if part)
        above = [head, self.table_heading] if self.table_heading else [head]
        return "\n".join([*above, *(piece.text for piece in self.pieces)])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A hit that is not in the context. ``of`` is the passage that a duplicate repeats or is part of."""

    passage_id: str
    document_id: str
    reason: Reason
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """``text`` has ``tokens`` tokens and all ``citations``; every hit is in one of them or in ``left_out``."""

    text: str
    citations: tuple[Citation, ...]
    left_out: tuple[LeftOut, ...]
    tokens: int


def assemble(hits: Sequence[RankedPassage], count_tokens: CountTokens, max_tokens: int) -> Context:
    """The best hits as one block of at most ``max_tokens`` tokens.

    A text that another hit holds as well, alone or as a part, counts once. Passages of a document that overlap, touch
    or follow each other are one citation. Documents stand by their best hit, the citations of one in reading order.
    Hits are taken best first; one that does not fit is left out, and smaller ones after it may still get in. If not
    even the best hit fits, it is cut at the end of a sentence, and says so; if no sentence of it fits, the block is
    empty.

    Args:
        hits: Best first, each passage once.
        count_tokens: Tokens of a text.
        max_tokens: The budget, headings of the citations included.
    """
    kept, left_out = _without_repetitions(hits)
    chosen: list[RankedPassage] = []
    costs: dict[tuple[str, ...], int] = {}
    for hit in kept:
        if _cost([*chosen, hit], count_tokens, costs) <= max_tokens:
            chosen.append(hit)
    citations = _citations(chosen)
    while chosen and count_tokens(_block(citations)) > max_tokens:  # parts may count less than their whole
        chosen.pop()
        citations = _citations(chosen)
    if not citations and kept:
        citations = _cut(kept[0], count_tokens, max_tokens)
    text = _block(citations)
    cited = {passage for citation in citations for passage in citation.passages}
    left_out += [_left_out(hit, "budget") for hit in kept if hit.passage.id not in cited]
    ranks = {hit.passage.id: hit.rank for hit in hits}
    left_out.sort(key=lambda one: ranks[one.passage_id])
    return Context(text, tuple(citations), tuple(left_out), count_tokens(text) if text else 0)


def _left_out(hit: RankedPassage, reason: Reason, of: RankedPassage | None = None) -> LeftOut:
    return LeftOut(hit.passage.id, hit.passage.document_id, reason, None if of is None else of.passage.id)


def _without_repetitions(hits: Iterable[RankedPassage]) -> tuple[list[RankedPassage], list[LeftOut]]:
    """The hits that say something of their own, best first, and the others.

    One that holds a better hit's text takes its place. Passages that overlap in their document are not repetitions:
    they become one.
    """
    kept: list[RankedPassage] = []
    texts: dict[str, str] = {}
    repeated: dict[str, tuple[RankedPassage, RankedPassage]] = {}
    left_out: list[LeftOut] = []
    for hit in hits:
        text = " ".join(hit.passage.text.split())
        if not text:
            left_out.append(_left_out(hit, "empty"))
            continue
        others = [other for other in kept if not _overlap(other.passage, hit.passage)]
        whole = next((other for other in others if text in texts[other.passage.id]), None)
        if whole is not None:
            repeated[hit.passage.id] = hit, whole
            continue
        parts = [other for other in others if texts[other.passage.id] in text]
        texts[hit.passage.id] = text
        place = kept.index(parts[0]) if parts else len(kept)
        kept.insert(place, hit)
        for part in parts:
            kept.remove(part)
            repeated[part.passage.id] = part, hit
    for one, whole in repeated.values():
        while whole.passage.id in repeated:  # what it was part of became part of another
            whole = repeated[whole.passage.id][1]
        left_out.append(_left_out(one, "duplicate", whole))
    return kept, left_out


def _overlap(one: StoredPassage, other: StoredPassage) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _cost(hits: Sequence[RankedPassage], count_tokens: CountTokens, costs: dict[tuple[str, ...], int]) -> int:
    """Tokens of the citations that some hits give, each counted by itself and once."""
    total = 0
    for citation in _citations(hits):
        if citation.passages not in costs:
            costs[citation.passages] = count_tokens(citation.entry + _SEPARATOR)
        total += costs[citation.passages]
    return total


def _citations(hits: Sequence[RankedPassage]) -> list[Citation]:
    """Citations of best-first hits, numbered in the order in which they stand."""
    by_document: dict[str, list[RankedPassage]] = {}
    for hit in hits:
        by_document.setdefault(hit.passage.document_id, []).append(hit)
    citations: list[Citation] = []
    for own in by_document.values():
        for run in _runs(sorted(own, key=lambda hit: (hit.passage.start, hit.passage.end))):
            citations.append(_citation(len(citations) + 1, run))
    return citations


def _runs(hits: Sequence[RankedPassage]) -> list[list[RankedPassage]]:
    """Passages of a document in reading order, those together that overlap, touch or follow each other."""
    runs: list[list[RankedPassage]] = []
    end = ordinal = -1
    for hit in hits:
        passage = hit.passage
        if runs and (passage.start <= end or passage.ordinal == ordinal + 1):
            runs[-1].append(hit)
        else:
            runs.append([hit])
            end = ordinal = -1
        end, ordinal = max(end, passage.end), max(ordinal, passage.ordinal)
    return runs


def _citation(number: int, run: Sequence[RankedPassage]) -> Citation:
    first = run[0].passage
    joined: list[Piece] = []
    for hit in run:
        passage = hit.passage
        if joined and passage.start <= joined[-1].end:
            before = joined[-1]
            more = passage.text[before.end - passage.start :] if passage.end > before.end else ""
            joined[-1] = Piece(before.start, max(before.end, passage.end), before.text + more)
        else:
            joined.append(Piece(passage.start, passage.end, passage.text))
    return Citation(
        number=number,
        document_id=first.document_id,
        title=first.title,
        url=first.url,
        headings=_shared([hit.passage.headings for hit in run]),
        score=max(hit.score for hit in run),
        passages=tuple(hit.passage.id for hit in run),
        pieces=tuple(joined),
        table_heading=first.table_heading,
    )


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all paths begin with."""
    same = 0
    while all(len(path) > same and path[same] == paths[0][same] for path in paths):
        same += 1
    return paths[0][:same]


def _block(citations: Sequence[Citation]) -> str:
    return _SEPARATOR.join(citation.entry for citation in citations)


def _cut(hit: RankedPassage, count_tokens: CountTokens, max_tokens: int) -> list[Citation]:
    """As many whole sentences from the beginning of a hit as fit, or nothing."""
    whole = _citation(1, [hit])
    (piece,) = whole.pieces
    low, shortened = 0, None
    ends = [end for _, end in pieces(piece.text, 0, len(piece.text), lines=True) if end < len(piece.text)]
    high = len(ends)
    while low < high:  # the largest number of sentences that fits
        middle = (low + high) // 2
        end = ends[middle]
        shorter = replace(whole, pieces=(Piece(piece.start, piece.start + end, piece.text[:end]),), is_cut=True)
        if count_tokens(shorter.entry) <= max_tokens:
            low, shortened = middle + 1, shorter
        else:
            high = middle
    return [] if shortened is None else [shortened]
