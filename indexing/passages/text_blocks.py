"""What a text is made of: Markdown's top-level blocks with their heading path, or paragraphs, and their sentences.

Markdown is read by markdown-it (CommonMark and tables); offsets are those of the text as given, whatever its line ends.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import chain

from markdown_it import MarkdownIt
from markdown_it.token import Token

from indexing.passages.tables import Table, heading_row

_HEADING_CHARS = 300
"""The longest heading; a longer one is a paragraph by mistake. Our choice."""
WINDOW_CHARS = 500_000
"""Markdown-it keeps some 130 bytes a character, so long documents are read in windows. Our choice."""
_CONTAINERS = frozenset({"bullet_list_open", "ordered_list_open", "blockquote_open", "table_open"})
_LINE = re.compile(r"\r\n?|\n")  # exactly what markdown-it takes for a line end
_MARKUP = re.compile(r"[\\`*_\[\]<>&!]")
_UNIT_CHARS = 2_000
"""The longest unit of a text, in code points; a longer sentence is cut. Source: our choice."""
_STOP = r"[.!?\u2026]"
_CLOSING = r"[\"')\]*_\u201d\u2019\u00bb]"
_CJK_STOP = r"[\u3002\uff01\uff1f\uff61]"
_CJK_CLOSING = r"[\u300d\u300f\uff09\u201d\u2019]"
_SENTENCE = re.compile(  # every lookbehind is short and every run possessive: linear time on any text
    rf"(?:(?<={_STOP})|(?<={_STOP}{_CLOSING}))\s++(?![a-z])"
    rf"|(?:(?<={_CJK_STOP})|(?<={_CJK_STOP}{_CJK_CLOSING}))(?!{_CJK_STOP}|{_CJK_CLOSING})"
)
_SENTENCE_OR_LINE = re.compile(_SENTENCE.pattern + r"|[\r\n]\s*+")
_ROW = re.compile(r"[\r\n]\s*+")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A top-level piece of a text: code points ``start`` to ``end``, which is where the next block starts.

    ``headings`` is the path from the topmost heading to the block's own or the one above it. ``is_prose`` tells a
    paragraph, whose line ends mean nothing, from a list, table, code or quote. ``tables`` are those in it, in order.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    is_heading: bool = False
    is_prose: bool = True
    tables: tuple[Table, ...] = ()


def one_line(text: str) -> str:
    """``text`` without space at its ends, every run of whitespace in it one space."""
    return " ".join(text.split())


def paragraphs(text: str) -> list[TextBlock]:
    """The paragraphs of plain text, which blank lines separate; together they cover the whole text."""
    starts, is_blank, begin = [0], False, 0
    for end in [*(match.end() for match in _LINE.finditer(text)), len(text)]:
        line_is_blank = not text[begin:end].strip()
        if is_blank and not line_is_blank:
            starts.append(begin)
        is_blank, begin = line_is_blank, end
    return [TextBlock(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A top-level block of Markdown: its first line, its heading level or 0, its heading, and the tables in it."""

    line: int
    level: int
    heading: str
    is_prose: bool
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where the tokens of a window stand in its text: the window begins with line ``first``."""

    text: str
    starts: Sequence[int]
    first: int

    def first_of(self, token: Token) -> int:
        """The line of the window in which it begins."""
        return (token.map or [0])[0]

    def start_of(self, line: int) -> int:
        """Where a line of the window begins in the text; the text's end after the last one."""
        number = self.first + line
        return self.starts[number] if number < len(self.starts) else len(self.text)

    def table(self, token: Token) -> Table:
        """The table that a token opens."""
        begin, end = token.map or [0, 0]
        start, rows = self.start_of(begin), self.start_of(begin + 1)
        return Table(start, rows, self.start_of(end), heading_row(self.text[start:rows]))

    def rest_of(self, table: Table, token: Token) -> Table:
        """What a paragraph holds of a table that began in a window before; without its heading row it is none."""
        begin, end = token.map or [0, 0]
        start = self.start_of(begin)
        return Table(start, start, self.start_of(end), table.heading)


class MarkdownReader:
    """Finds blocks and headings in Markdown. Takes linear time; safe to share between threads."""

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark").enable("table").disable("inline")
        self._inline = MarkdownIt("commonmark")

    def blocks(self, text: str) -> list[TextBlock]:
        """The top-level blocks in order; together they cover the whole text.

        A heading inside a list, a quote or a code block is not a heading. Link definitions belong to the block
        before them. A list, quote or table of over half a million characters comes as several blocks, of a table each
        with its heading row.
        """
        starts = [0, *(match.end() for match in _LINE.finditer(text))]
        marks: list[tuple[int, tuple[str, ...], bool, bool, tuple[Table, ...]]] = []
        path: list[tuple[int, str]] = []
        for mark in self._marks(text, starts):
            if mark.level:
                path = [step for step in path if step[0] < mark.level]
                path += [(mark.level, mark.heading)] if mark.heading else []
            headings = tuple(name for _, name in path)
            marks.append((starts[mark.line], headings, mark.level > 0, mark.is_prose, mark.tables))
        if not marks:
            return [TextBlock(0, len(text))]
        edges = [0, *(mark[0] for mark in marks[1:]), len(text)]
        return [TextBlock(edges[i], edges[i + 1], *mark[1:]) for i, mark in enumerate(marks)]

    def first_title(self, text: str) -> str:
        """The first heading of level 1, as a reader sees it, or the empty string; looks no further than 500 kB."""
        text = text[:WINDOW_CHARS]
        starts = [0, *(match.end() for match in _LINE.finditer(text))]
        return next((mark.heading for mark in self._marks(text, starts) if mark.level == 1 and mark.heading), "")

    def _marks(self, text: str, starts: Sequence[int]) -> Iterator[_Mark]:
        """Each top-level block, in order."""
        env: dict[str, object] = {}
        first, size = 0, WINDOW_CHARS
        going_on: Table | None = None  # a table that fills the window before this one
        while first < len(starts):
            after = max(first + 1, bisect_right(starts, starts[first] + size))
            is_last = after >= len(starts)
            tokens = self._parser.parse(text[starts[first] : None if is_last else starts[after]], env)
            tops = [i for i, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0 and token.map]
            if len(tops) == 1 and not is_last and tokens[tops[0]].type not in _CONTAINERS:
                size *= 2  # one paragraph or code block fills the window: it is cheap to hold, so see it whole
                continue
            lines = _Lines(text, starts, first)
            for number, i in enumerate(tops if is_last or len(tops) == 1 else tops[:-1]):
                token = tokens[i]
                level = int(token.tag[1:]) if token.type == "heading_open" else 0
                heading = self._heading(tokens[i + 1].content, env) if level else ""
                own = tokens[i : tops[number + 1] if number + 1 < len(tops) else None]
                tables = tuple(lines.table(one) for one in own if one.type == "table_open")
                is_prose = token.type == "paragraph_open"
                if going_on and not number and is_prose and not lines.first_of(token):
                    tables = (lines.rest_of(going_on, token),)
                yield _Mark(first + lines.first_of(token), level, heading, is_prose, tables)
                going_on = tables[-1] if tables and (is_prose or token.type == "table_open") else None
            if len(tops) != 1 or is_last:
                going_on = None
            first = after if is_last or len(tops) < 2 else first + (tokens[tops[-1]].map or [0])[0]
            size = WINDOW_CHARS

    def _heading(self, source: str, env: MutableMapping[str, object]) -> str:
        """A heading as a reader sees it, without emphasis, code marks or link targets."""
        source = source[: 2 * _HEADING_CHARS]
        if _MARKUP.search(source):
            shown = self._inline.parseInline(source, env)[0].children or []
            source = "".join(
                " " if token.type.endswith("break") else token.content for token in shown if token.type != "html_inline"
            )
        return one_line(source)[:_HEADING_CHARS].rstrip()


def sections(blocks: Sequence[TextBlock]) -> list[list[TextBlock]]:
    """Runs of blocks under one heading path; a heading with nothing below it opens its first subsection."""
    found: list[list[TextBlock]] = []
    for block in blocks:
        above = found[-1][-1] if found else None
        if above and (not block.is_heading or (above.is_heading and _is_below(block.headings, above.headings))):
            found[-1].append(block)
        else:
            found.append([block])
    return found


def _is_below(path: Sequence[str], ancestor: Sequence[str]) -> bool:
    return len(path) > len(ancestor) and path[: len(ancestor)] == ancestor


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """``start`` and ``end`` moved past the whitespace between them."""
    piece = text[start:end].rstrip()
    return start + len(piece) - len(piece.lstrip()), start + len(piece)


def block_pieces(text: str, block: TextBlock, *, whole_rows: bool) -> Iterator[tuple[int, int, bool]]:
    """What a block is cut into, as (start, end, whether it is a row of a table), as ``pieces`` does but for rows."""
    begin = block.start
    for table in block.tables if whole_rows else ():
        yield from ((*piece, False) for piece in pieces(text, begin, table.start, lines=not block.is_prose))
        yield from ((*piece, True) for piece in _pieces(text, table.start, table.end, _ROW))
        begin = table.end
    yield from ((*piece, False) for piece in pieces(text, begin, block.end, lines=not block.is_prose))


def pieces(text: str, start: int, end: int, *, lines: bool) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence, with ``lines`` also of each line, without space around it, at most 2,000 long.

    Together they cover all that is not whitespace. A stop before a lower-case letter does not end a sentence.
    """
    return _pieces(text, start, end, _SENTENCE_OR_LINE if lines else _SENTENCE)


def _pieces(text: str, start: int, end: int, boundary: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    begin = start
    for cut in chain((match.end() for match in boundary.finditer(text, start, end)), (end,)):
        first, last = trimmed(text, begin, cut)
        while last - first > _UNIT_CHARS:
            middle = cut_near(text, first, first + _UNIT_CHARS)
            yield trimmed(text, first, middle)
            while text[middle].isspace():
                middle += 1
            first = middle
        if first < last:
            yield first, last
        begin = cut


def halves(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Two parts of a text of at least two characters that has no whitespace at its ends."""
    middle = cut_near(text, start, (start + end + 1) // 2)
    return [trimmed(text, start, middle), trimmed(text, middle, end)]


def cut_near(text: str, start: int, cut: int) -> int:
    """``cut``, or a little before it but after ``start``, so that no word or joined character is torn if possible."""
    if cut >= len(text) or text[cut].isspace() or text[cut - 1].isspace():
        return cut
    words = text[start + (cut - start) // 2 : cut].rsplit(None, 1)
    if len(words) == 2:
        return cut - len(words[1])
    return next((at for at in range(cut, max(start, cut - 32), -1) if not _is_joined(text, at)), cut)


def _is_joined(text: str, at: int) -> bool:
    here = text[at]
    joiner = "\u200d"
    return (
        unicodedata.category(here).startswith("M")
        or joiner in (here, text[at - 1])
        or "\U0001f3fb" <= here <= "\U0001f3ff"
    )
