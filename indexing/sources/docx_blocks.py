"""The blocks that a Word file is read into, and how they are written as Markdown."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from indexing.sources.docx_numbering import BULLET

_ORDERED = re.compile(r"[0-9]{1,9}[.)]")
_STRUCTURE = re.compile(r"^(?=#{1,6}(?:\s|$)|>|={2,}\s*$|-{2,}\s*$|\*{3,}\s*$|_{3,}\s*$|`{3}|~{3})", re.MULTILINE)
"""Where text would be read as a heading, a quote, a rule or code."""
_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document; ``flat`` is what stands in a cell of a table for a block that has rows itself."""

    kind: Literal["text", "heading", "item", "code", "table"]
    text: str
    level: int = 0
    label: str = ""
    flat: str = ""


def flat(blocks: Iterable[Block]) -> str:
    """Blocks on one line, as a cell of a table holds them."""
    parts = []
    for block in blocks:
        label = "" if block.label in ("", BULLET) else f"{block.label} "
        parts.append(label + (block.flat or block.text))
    return " ".join(" ".join(parts).split())


def table(rows: Sequence[Sequence[str]]) -> Block | None:
    """A table whose first row is its heading; ``None`` where no cell has text."""
    filled = [row for row in rows if any(row)]
    if not filled:
        return None
    width = max(map(len, filled))
    lines = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in [*row, *[""] * (width - len(row))]) + " |"
        for row in filled
    ]
    lines.insert(1, "|" + " --- |" * width)
    return Block("table", "\n".join(lines), flat="; ".join(", ".join(cell for cell in row if cell) for row in filled))


def markdown(blocks: Sequence[Block]) -> str:
    """The whole document."""
    written, before = "", ""
    widths: list[tuple[int, int]] = []
    for block in _merged(blocks):
        if block.kind != "item":
            widths.clear()
            text = _written(block)
        else:
            while widths and widths[-1][0] >= block.level:
                widths.pop()
            marker, text = (block.label, block.text) if _ORDERED.fullmatch(block.label) else (BULLET, _labelled(block))
            indent = " " * sum(width for _, width in widths)
            widths.append((block.level, len(marker) + 1))
            inner = "\n" + indent + " " * (len(marker) + 1)
            text = f"{indent}{marker} {inner.join(text.splitlines())}"
        between = "" if not written else "\n" if before == block.kind == "item" else "\n\n"
        written += between + text
        before = block.kind
    return written


def _labelled(block: Block) -> str:
    return block.text if block.label in ("", BULLET) else f"{block.label} {block.text}"


def _written(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * block.level} {' '.join(_labelled(block).split())}"
    if block.kind == "code":
        longest = max((len(run) for run in _FENCE.findall(block.text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}\n{block.text.rstrip()}\n{fence}"
    return block.text if block.kind == "table" else _STRUCTURE.sub(r"\\", block.text)


def _merged(blocks: Iterable[Block]) -> list[Block]:
    """The blocks with lines of code that follow each other as one."""
    merged: list[Block] = []
    for block in blocks:
        if merged and block.kind == "code" == merged[-1].kind:
            merged[-1] = Block("code", f"{merged[-1].text}\n{block.text}")
        elif block.text.strip():
            merged.append(block)
    return merged
