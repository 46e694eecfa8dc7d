"""Turns a document into passages: where they begin and end, their headings, and what the encoder reads.

Inside one section, blocks are packed up to the token limit; blocks that are too long are cut at sentences, then
lines, then tokens.
"""

from bisect import bisect_left
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

from tokenizers import Encoding, Tokenizer

from indexing.errors import InvalidInput
from indexing.features.views import FIRST_WITH_TABLES, PassageView
from indexing.passages.packing import SMALL_TOKENS, Packer, Unit
from indexing.passages.tables import Tables
from indexing.passages.text_blocks import (
    MarkdownReader,
    TextBlock,
    block_pieces,
    cut_near,
    halves,
    one_line,
    paragraphs,
    pieces,
    sections,
    trimmed,
)
from indexing.records import MARKDOWN, ROWS, Document, Passage, Span

MAX_CHARS = 8_000
"""No passage is longer, whatever its tokens: WordPiece turns a word of over 100 characters into a single token.
Our choice."""
HEADING_ROW_SHARE = 0.25
"""The most that a table's heading row takes of what the encoder reads. Our choice: the rows are what is looked for."""
_BATCH = 512
"""Texts that are tokenised in one call. Source: our choice."""


_Contexts: TypeAlias = MutableMapping[tuple[tuple[str, ...], str], str]
"""What the encoder reads before a text, by its headings and the heading row of its table."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Consecutive units that may share passages, under one heading path."""

    headings: tuple[str, ...]
    units: list[Unit]
    tokens: int


@dataclass(frozen=True, slots=True)
class _Rooms:
    """How many tokens the text may have under a heading path, by the sizes of the parts of its context."""

    title: str
    fixed: int
    context_tokens: int
    separator: int
    sizes: Mapping[str, int]

    def of(self, headings: Sequence[str]) -> int:
        parts = [self.title, *(heading for heading in headings if not _same(heading, self.title))]
        context = sum(self.sizes[part] + self.separator for part in parts)
        return max(1, self.fixed - min(context, self.context_tokens))


class Chunker:
    """Cuts documents by one passage view for one model.

    The same document gives the same passages. No passage's encoder input has more than ``limit`` tokens, special
    tokens included, so the model never truncates. Safe to share between threads.

    Args:
        view: How to cut.
        tokenizer: The model's, with truncation and padding off. It is not changed.
        model_max_tokens: The most tokens that the model reads, special tokens included.

    Raises:
        InvalidInput: The tokenizer truncates or pads, or the limit leaves no room for text.
    """

    def __init__(self, view: PassageView, tokenizer: Tokenizer, model_max_tokens: int) -> None:
        if tokenizer.truncation is not None or tokenizer.padding is not None:
            raise InvalidInput(
                f"the tokenizer for view {view.name!r} has truncation or padding on; counts would be wrong: "
                "call no_truncation() and no_padding() on it"
            )
        self.limit = model_max_tokens if view.max_tokens is None else min(view.max_tokens, model_max_tokens)
        self._view = view
        self._tokenizer = tokenizer
        self._room = self.limit - int(tokenizer.num_special_tokens_to_add(False))
        if self._room < 1:
            raise InvalidInput(
                f"view {view.name!r} allows {self.limit} tokens, of which special tokens take "
                f"{self.limit - self._room}; at least one must be left for text: raise max_tokens"
            )
        self._context_tokens = max(0, min(view.context_tokens, self._room // 2))
        self._has_tables = view.algorithm >= FIRST_WITH_TABLES
        self._heading_tokens = int(self._room * HEADING_ROW_SHARE)
        self._max_chars = max(MAX_CHARS, 8 * self.limit)
        self._packer = Packer(view.overlap_tokens, self._max_chars)
        self._separator, self._newline = self._counts([" > ", "\n"])
        self._markdown = MarkdownReader()

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's; it is not to be changed."""
        return self._tokenizer

    def spans(self, document: Document) -> list[Span]:
        """Where the passages stand, in document order, each without whitespace at its ends.

        With strategy ``headings`` they cover every character that is not whitespace, and overlap by at most
        ``overlap_tokens``. A document without text has one empty span if it has a title, else none.
        """
        if not document.text or document.text.isspace():
            return [Span(0, 0)] if document.title.strip() else []
        if self._view.strategy == "head":
            return [self._head(document)]
        is_rows = document.content_type == ROWS
        runs = self._rows(document.text) if is_rows else self._parts(document)
        blocks = chain.from_iterable(runs) if self._has_tables else ()
        tables = Tables(chain.from_iterable(block.tables for block in blocks))
        rooms = self._rooms(document.title, [section[-1].headings for section in runs])
        groups = self._groups(document.text, runs, rooms, tables)
        groups = groups if is_rows else self._merged(groups, rooms)
        planned = [
            _span(tables, group.units[first].start, group.units[last - 1].end, group.headings)
            for group in groups
            for first, last in self._packer.packed(group.units, rooms.of(group.headings))
        ]
        return self._checked(document, planned, tables)

    def _parts(self, document: Document) -> list[list[TextBlock]]:
        is_markdown = document.content_type == MARKDOWN
        return sections(self._markdown.blocks(document.text) if is_markdown else paragraphs(document.text))

    def _rows(self, text: str) -> list[list[TextBlock]]:
        """Each row by itself; one that is too long for a passage is cut between its lines."""
        return [[replace(row, is_prose=False)] for row in paragraphs(text)]

    def passages(self, document: Document, spans: Sequence[Span]) -> list[Passage]:
        """The passages at ``spans``, which ``spans`` gave for a document of the same ``content_sha256``.

        Nothing else than the two arguments and the constructor's matters, so spans may be stored and used later.
        """
        contexts: _Contexts = {}
        return [
            Passage(
                document_id=document.id,
                ordinal=ordinal,
                start=span.start,
                end=span.end,
                text=document.text[span.start : span.end],
                headings=span.headings,
                encoder_input=self._encoder_input(document, span, contexts),
                table_heading=span.table_heading,
            )
            for ordinal, span in enumerate(spans)
        ]

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _counts(self, texts: Sequence[str], *, special: bool = False) -> list[int]:
        return [
            len(encoding)
            for start in range(0, len(texts), _BATCH)
            for encoding in self._tokenizer.encode_batch_fast(
                list(texts[start : start + _BATCH]), add_special_tokens=special
            )
        ]

    def _fit(self, text: str, tokens: int) -> int:
        """The length of the longest beginning of ``text`` that has at most ``tokens`` tokens."""
        keep = tokens
        beginning = text[: 8 * tokens].rstrip()  # rarely too short, and much faster to encode than a whole document
        while beginning:
            encoding = self._encode(beginning)
            if len(encoding) <= tokens:
                if keep < tokens or len(beginning) == len(text):
                    break
                beginning = text
                continue
            beginning = beginning[: encoding.offsets[keep][0]].rstrip() if keep > 0 else ""
            keep -= 1
        return len(beginning)

    def _cut(self, text: str, tokens: int) -> str:
        return text[: self._fit(text, tokens)] if tokens > 0 else ""

    def _head(self, document: Document) -> Span:
        text = document.text
        start = len(text) - len(text.lstrip())
        title = document.title.strip()[: self._max_chars]
        prefix = f"{title} " if title else ""
        end = start + self._fit((prefix + text[start : start + self._max_chars]).rstrip(), self._room) - len(prefix)
        return Span(start, max(start, end))

    def _context(self, title: str, headings: Sequence[str]) -> str:
        """Title and heading path in at most ``context_tokens`` tokens; the oldest headings go first."""
        room = self._context_tokens
        if room < 1:
            return ""
        title = one_line(title[: self._max_chars])
        path = [heading for heading in headings if not _same(heading, title)]
        while True:
            context = " > ".join([title, *path] if title else path)
            if self._counts([context])[0] <= room or not path:
                return self._cut(context, room)
            if len(path) == 1:
                deepest = self._cut(path[0], room // 2) if title else path[0]
                left = room - self._counts([f" > {deepest}"])[0]
                return self._cut(" > ".join(part for part in (self._cut(title, left), deepest) if part), room)
            path = path[1:]

    def _encoder_input(self, document: Document, span: Span, contexts: _Contexts) -> str:
        if span.start == span.end:
            return self._cut(document.title.strip()[: self._max_chars], self._room)
        text = document.text[span.start : span.end]
        if self._view.strategy == "head":
            return f"{document.title.strip()[: self._max_chars]} {text}".strip()
        key = span.headings, span.table_heading
        if key not in contexts:
            above = self._context(document.title, span.headings), self._cut(span.table_heading, self._heading_tokens)
            contexts[key] = "\n".join(part for part in above if part)
        context = contexts[key]
        whole = f"{context}\n{text}" if context else text
        if len(text) > 1:
            return whole
        choices = (whole, text, "")  # one character may still be too much for a tiny limit
        return next((one for one in choices if self._counts([one], special=True)[0] <= self.limit), "")

    def _checked(self, document: Document, planned: Sequence[Span], tables: Tables) -> list[Span]:
        """``planned`` with every span halved until its real encoder input keeps to the limit."""
        contexts: _Contexts = {}
        spans: list[Span] = []
        for start in range(0, len(planned), _BATCH):
            batch = planned[start : start + _BATCH]
            inputs = [self._encoder_input(document, span, contexts) for span in batch]
            for span, tokens in zip(batch, self._counts(inputs, special=True), strict=True):
                if tokens <= self.limit or span.end - span.start <= 1:
                    spans.append(span)
                    continue
                parts = halves(document.text, span.start, span.end)
                shorter = [_span(tables, *part, span.headings) for part in parts]
                spans.extend(self._checked(document, shorter, tables))
        return spans

    def _rooms(self, title: str, paths: Sequence[tuple[str, ...]]) -> _Rooms:
        title = one_line(title[: self._max_chars])
        parts = list(dict.fromkeys([title, *chain.from_iterable(paths)]))
        sizes = dict(zip(parts, self._counts(parts), strict=True))
        return _Rooms(title, self._room - self._newline, self._context_tokens, self._separator, sizes)

    def _groups(self, text: str, runs: Sequence[Sequence[TextBlock]], rooms: _Rooms, tables: Tables) -> list[_Group]:
        parts = [
            (number, place, first, last, is_row or block.is_prose)
            for number, section in enumerate(runs)
            for place, block in enumerate(section)
            for first, last, is_row in block_pieces(text, block, whole_rows=self._has_tables)
        ]
        carried: dict[str, int] = {"": 0}
        units: list[list[Unit]] = [[] for _ in runs]
        for start in range(0, len(parts), _BATCH):
            batch = parts[start : start + _BATCH]
            counts = self._counts([text[first:last] for _, _, first, last, _ in batch])
            for (number, place, first, last, has_parts), tokens in zip(batch, counts, strict=True):
                heading = tables.heading_at(first)
                if heading not in carried:
                    carried[heading] = min(self._counts([heading])[0], self._heading_tokens) + self._newline
                above = carried[heading]
                room = max(1, rooms.of(runs[number][-1].headings) - above)
                if tokens <= room:
                    units[number].append(Unit(first, last, tokens, place, above))
                else:
                    shorter = self._shorter(text, first, last, room, lines=has_parts)
                    units[number].extend(Unit(*piece, place, above) for piece in shorter)
        return [
            _Group(section[-1].headings, own, sum(unit.tokens for unit in own))
            for section, own in zip(runs, units, strict=True)
            if own
        ]

    def _shorter(self, text: str, start: int, end: int, room: int, *, lines: bool) -> list[tuple[int, int, int]]:
        """(start, end, tokens) of parts with at most ``room`` tokens each, or one character."""
        parts = list(pieces(text, start, end, lines=True)) if lines else [(start, end)]
        if len(parts) == 1:
            parts = self._token_pieces(text, start, end, room)
        shorter: list[tuple[int, int, int]] = []
        for (first, last), tokens in zip(parts, self._counts([text[a:b] for a, b in parts]), strict=True):
            if tokens <= room or last - first <= 1:
                shorter.append((first, last, tokens))
            elif len(parts) > 1 and lines:
                shorter.extend(self._shorter(text, first, last, room, lines=False))
            else:
                for half in halves(text, first, last):
                    shorter.extend(self._shorter(text, *half, room, lines=False))
        return shorter

    def _token_pieces(self, text: str, start: int, end: int, room: int) -> list[tuple[int, int]]:
        begins = [offset[0] for offset in self._encode(text[start:end]).offsets]
        cuts, i = [start], 0
        while i + room < len(begins):
            cuts.append(cut_near(text, cuts[-1], min(end, max(start + begins[i + room], cuts[-1] + 1))))
            i = bisect_left(begins, cuts[-1] - start, i + 1)
        whole = (trimmed(text, a, b) for a, b in zip(cuts, [*cuts[1:], end], strict=True))
        return [piece for piece in whole if piece[0] < piece[1]]

    def _merged(self, sections: Sequence[_Group], rooms: _Rooms) -> list[_Group]:
        """Joins each small section to the neighbour that shares more of its heading path, the next one if equal."""
        groups: list[_Group] = []
        for section in sections:
            if groups and groups[-1].tokens < SMALL_TOKENS:
                back = self._joined(groups[-2], groups[-1], rooms) if len(groups) > 1 else None
                forth = self._joined(groups[-1], section, rooms)
                if back and (forth is None or len(back.headings) > len(forth.headings)):
                    groups[-2:] = [back]
                elif forth:
                    groups[-1] = forth
                    continue
            groups.append(section)
        if (
            len(groups) > 1
            and groups[-1].tokens < SMALL_TOKENS
            and (back := self._joined(groups[-2], groups[-1], rooms))
        ):
            groups[-2:] = [back]
        return groups

    def _joined(self, left: _Group, right: _Group, rooms: _Rooms) -> _Group | None:
        headings = _shared(left.headings, right.headings)
        tokens = left.tokens + right.tokens
        if tokens > rooms.of(headings) or right.units[-1].end - left.units[0].start > self._max_chars:
            return None
        return _Group(headings, left.units + right.units, tokens)


def _span(tables: Tables, start: int, end: int, headings: tuple[str, ...]) -> Span:
    return Span(start, end, headings, tables.heading_at(start))


def _same(heading: str, title: str) -> bool:
    return heading.casefold() == title.casefold()


def _shared(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    return left[:same]
