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

_HEADING_CHARS = 300
"""The longest heading; a longer one is a paragraph by mistake."""
_WINDOW_CHARS = 500_000
"""Markdown-it keeps some 130 bytes a character, so long documents are read in windows."""
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


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A top-level piece of a text: code points ``start`` to ``end``, which is where the next block starts.

    ``headings`` is the path from the topmost heading to the block's own or the one above it. ``is_prose`` tells a
    paragraph, whose line ends mean nothing, from a list, table, code or quote.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    is_heading: bool = False
    is_prose: bool = True


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


class MarkdownReader:
    """Finds blocks and headings in Markdown. Takes linear time; safe to share between threads."""

    def __init__(self) -> None:
        self._parser = MarkdownIt("commonmark").enable("table").disable("inline")
        self._inline = MarkdownIt("commonmark")

    def blocks(self, text: str) -> list[TextBlock]:
        """The top-level blocks in order; together they cover the whole text.

        A heading inside a list, a quote or a code block is not a heading. Link definitions belong to the block
        before them. A list, quote or table of over half a million characters comes as several blocks.
        """
        starts = [0, *(match.end() for match in _LINE.finditer(text))]
        marks: list[tuple[int, tuple[str, ...], bool, bool]] = []
        path: list[tuple[int, str]] = []
        for line, level, heading, is_prose in self._marks(text, starts):
            if level:
                path = [step for step in path if step[0] < level] + ([(level, heading)] if heading else [])
            marks.append((starts[line], tuple(name for _, name in path), level > 0, is_prose))
        if not marks:
            return [TextBlock(0, len(text))]
        edges = [0, *(mark[0] for mark in marks[1:]), len(text)]
        return [TextBlock(edges[i], edges[i + 1], *mark[1:]) for i, mark in enumerate(marks)]

    def first_title(self, text: str) -> str:
        """The first heading of level 1, as a reader sees it, or the empty string; looks no further than 500 kB."""
        text = text[:_WINDOW_CHARS]
        starts = [0, *(match.end() for match in _LINE.finditer(text))]
        return next((heading for _, level, heading, _ in self._marks(text, starts) if level == 1 and heading), "")

    def _marks(self, text: str, starts: Sequence[int]) -> Iterator[tuple[int, int, str, bool]]:
        """(line, heading level or 0, heading, is prose) of each top-level block, in order."""
        env: dict[str, object] = {}
        first, size = 0, _WINDOW_CHARS
        while first < len(starts):
            after = max(first + 1, bisect_right(starts, starts[first] + size))
            is_last = after >= len(starts)
            tokens = self._parser.parse(text[starts[first] : None if is_last else starts[after]], env)
            tops = [i for i, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0 and token.map]
            if len(tops) == 1 and not is_last and tokens[tops[0]].type not in _CONTAINERS:
                size *= 2  # one paragraph or code block fills the window: it is cheap to hold, so see it whole
                continue
            for i in tops if is_last or len(tops) == 1 else tops[:-1]:
                token = tokens[i]
                level = int(token.tag[1:]) if token.type == "heading_open" else 0
                heading = self._heading(tokens[i + 1].content, env) if level else ""
                yield first + (token.map or [0])[0], level, heading, token.type == "paragraph_open"
            first = after if is_last or len(tops) < 2 else first + (tokens[tops[-1]].map or [0])[0]
            size = _WINDOW_CHARS

    def _heading(self, source: str, env: MutableMapping[str, object]) -> str:
        """A heading as a reader sees it, without emphasis, code marks or link targets."""
        source = source[: 2 * _HEADING_CHARS]
        if _MARKUP.search(source):
            shown = self._inline.parseInline(source, env)[0].children or []
            source = "".join(
                " " if token.type.endswith("break") else token.content for token in shown if token.type != "html_inline"
            )
        return one_line(source)[:_HEADING_CHARS].rstrip()


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """``start`` and ``end`` moved past the whitespace between them."""
    piece = text[start:end].rstrip()
    return start + len(piece) - len(piece.lstrip()), start + len(piece)


def pieces(text: str, start: int, end: int, *, lines: bool) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence, with ``lines`` also of each line, without space around it, at most 2,000 long.

    Together they cover all that is not whitespace. A stop before a lower-case letter does not end a sentence.
    """
    boundary = _SENTENCE_OR_LINE if lines else _SENTENCE
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
