"""Writes docutils' tree of a reStructuredText file as Markdown, and counts what it keeps and leaves out."""

import re
from collections.abc import Callable, Iterator, Sequence

from docutils import nodes

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.rst_directives import ADDED, LEFT_OUT
from indexing.sources.superscripts import footnote_mark, superscript


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAX_LEVEL = 6
"""The deepest heading that Markdown has. Source: CommonMark."""
_FENCE = re.compile(r"`{3,}")
_STRUCTURE = re.compile(r"^(?=#{1,6}(?:\s|$)|>|={2,}\s*$|-{2,}\s*$|\*{3,}\s*$|`{3}|~{3})", re.MULTILINE)
_ADMONITIONS = _names("attention caution danger error hint important note tip warning")
_LEFT_OUT = {
    "comment": "comments",
    "substitution_definition": "definitions of substitutions",
    "raw": "raw code of other formats",
}
_UNSEEN = frozenset({"target", "pending", "meta", "decoration"})
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")


class MarkdownWriter:
    """Writes one file's tree.

    Afterwards ``raw`` counts the letters and digits of the tree, ``left_out`` what was left out by reason, ``added``
    what the writer added.
    """

    def __init__(self) -> None:
        self.raw = 0
        self.added = 0
        self.left_out: dict[str, int] = {}
        self._broken = 0
        self._writers: dict[str, Callable[[nodes.Element, int], str]] = {
            "section": lambda node, level: self._blocks(node, level + 1),
            "title": self._title,
            "rubric": self._strong_line,
            "paragraph": lambda node, level: _STRUCTURE.sub(r"\\", self._inline(node)),
            "bullet_list": self._list,
            "enumerated_list": self._list,
            "definition_list_item": self._definition,
            "field_list": self._fields,
            "field": self._field,
            "option_list_item": self._option,
            "literal_block": self._code,
            "doctest_block": self._code,
            "math_block": lambda node, level: self._inline(node),
            "line_block": lambda node, level: self._lines(node),
            "block_quote": lambda node, level: _quoted(self._blocks(node, _MAX_LEVEL)),
            "attribution": lambda node, level: self._inline(node),
            "table": self._table,
            "image": lambda node, level: self._alt(node),
            "caption": lambda node, level: self._inline(node),
            "footnote": self._note,
            "citation": self._note,
            "system_message": self._message,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a reader of the document must know."""
        return (f"Parts that are not reStructuredText stand as code: {self._broken}.",) if self._broken else ()

    def document(self, document: nodes.document) -> str:
        """The whole file."""
        self.raw = sum(map(letters_and_digits, _texts(document)))
        return self._blocks(document, 0)

    def _blocks(self, node: nodes.Element, level: int) -> str:
        return "\n\n".join(self._parts(node.children, level))

    def _parts(self, children: Sequence[nodes.Node], level: int) -> Iterator[str]:
        """The text of each block; inline nodes that stand among blocks make a paragraph."""
        for child in children:
            written = self._block(child, level) if isinstance(child, nodes.Element) else child.astext()
            if written.strip():
                yield written

    def _block(self, node: nodes.Element, level: int) -> str:
        name = type(node).__name__
        if name in _LEFT_OUT:
            self._leave(node.get(LEFT_OUT, _LEFT_OUT[name]), node)
            return ""
        if name in _UNSEEN or "system-messages" in node.get("classes", ()):
            return ""
        if name in _ADMONITIONS:
            self.added += letters_and_digits(name)
            return f"**{name.capitalize()}:**\n\n{self._blocks(node, _MAX_LEVEL)}"
        writer = self._writers.get(name)
        if writer:
            return writer(node, level)
        return self._inline(node) if isinstance(node, nodes.TextElement) else self._blocks(node, level)

    def _leave(self, reason: str, node: nodes.Element) -> None:
        count = sum(map(letters_and_digits, _texts(node)))
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count

    def _inline(self, node: nodes.Element) -> str:
        written = ""
        for text in map(self._run, node.children):
            written += text.lstrip() if text.startswith(" [") and written[-1:].isspace() else text
        return written

    def _run(self, node: nodes.Node) -> str:
        if not isinstance(node, nodes.Element):
            return node.astext()
        name = type(node).__name__
        if name in _LEFT_OUT:
            self._leave(node.get(LEFT_OUT, _LEFT_OUT[name]), node)
            return ""
        if name == "system_message":
            return ""
        if name == "image":
            return self._alt(node)
        if name == "footnote_reference":
            return footnote_mark(node.astext())
        if name == "citation_reference":
            return f"[{node.astext()}]"
        text = self._inline(node)
        if node.get(ADDED):
            self.added += letters_and_digits(text)
        if name == "superscript":
            return superscript(text)
        mark = {"strong": "**", "emphasis": "*", "literal": "`"}.get(name, "")
        return text if not mark or mark[0] in text or not text.strip() else f"{mark}{text}{mark}"

    def _alt(self, node: nodes.Element) -> str:
        return str(node.get("alt", ""))

    def _title(self, node: nodes.Element, level: int) -> str:
        text = " ".join(self._inline(node).split())
        return f"{'#' * min(level, _MAX_LEVEL)} {text}" if isinstance(node.parent, nodes.section) else f"**{text}**"

    def _strong_line(self, node: nodes.Element, level: int) -> str:
        return f"**{self._inline(node)}**"

    def _list(self, node: nodes.Element, level: int) -> str:
        number, items = int(node.get("start", 1)), []
        is_tight = all(len(item.children) <= 1 for item in node.children if isinstance(item, nodes.Element))
        for item in node.children:
            if isinstance(item, nodes.Element):
                marker = "-" if type(node).__name__ == "bullet_list" else f"{number}."
                self.added += letters_and_digits(marker)
                items.append(_item(marker, self._blocks(item, _MAX_LEVEL)))
                number += 1
        return ("\n" if is_tight else "\n\n").join(items)

    def _definition(self, node: nodes.Element, level: int) -> str:
        parts = _elements(node)
        heads = [self._inline(child) for child in parts if not isinstance(child, nodes.definition)]
        bodies = [self._blocks(child, _MAX_LEVEL) for child in parts if isinstance(child, nodes.definition)]
        return _item("-", "\n\n".join([f"**{' : '.join(heads)}**", *bodies]))

    def _fields(self, node: nodes.Element, level: int) -> str:
        return "\n".join(self._parts(node.children, level))

    def _field(self, node: nodes.Element, level: int) -> str:
        title, body = _elements(node)[:2]
        if not body.children:
            self._leave("fields without a value", node)
            return ""
        return _item("-", f"{self._inline(title)}: {self._blocks(body, _MAX_LEVEL)}")

    def _option(self, node: nodes.Element, level: int) -> str:
        group, description = _elements(node)[:2]
        shown = ", ".join(option.astext() for option in group.children)
        return _item("-", f"`{shown}`\n\n{self._blocks(description, _MAX_LEVEL)}")

    def _code(self, node: nodes.Element, level: int) -> str:
        text = node.astext()
        named: list[str] = list(node.get("classes", ()))
        classes = [one for one in named if one not in ("code", "") and _LANGUAGE.fullmatch(one)]
        language = classes[0] if type(node).__name__ == "literal_block" and classes else ""
        self.added += letters_and_digits(language)
        fence = "`" * (max((len(run) for run in _FENCE.findall(text)), default=2) + 1)
        return f"{fence}{language}\n{text}\n{fence}"

    def _lines(self, node: nodes.Element) -> str:
        lines = [
            self._lines(child) if isinstance(child, nodes.line_block) else self._inline(child)
            for child in node.children
            if isinstance(child, nodes.Element)
        ]
        return "\n".join(lines)

    def _table(self, node: nodes.Element, level: int) -> str:
        before = [f"**{self._inline(child)}**" for child in node.children if isinstance(child, nodes.title)]
        rows: list[list[str]] = []
        for row in node.findall(nodes.row):
            cells: list[str] = []
            if row.parent.parent.parent is node:
                for entry in _elements(row):
                    cells.append(" ".join(self._blocks(entry, _MAX_LEVEL).split()).replace("|", "\\|"))
                    cells.extend([""] * int(entry.get("morecols", 0)))
                rows.append(cells)
        if not rows:
            return "\n\n".join(before)
        width = max(map(len, rows))
        lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        return "\n\n".join([*before, "\n".join(lines)])

    def _note(self, node: nodes.Element, level: int) -> str:
        labels = [child.astext() for child in node.children if isinstance(child, nodes.label)]
        rest = [child for child in node.children if not isinstance(child, nodes.label)]
        return f"[{' '.join(labels)}] " + "\n\n".join(self._parts(rest, _MAX_LEVEL))

    def _message(self, node: nodes.Element, level: int) -> str:
        """What docutils could not make sense of, which it keeps as it is written; what it says of it is left out."""
        kept = [self._code(child, level) for child in node.children if isinstance(child, nodes.literal_block)]
        self._broken += len(kept)
        return "\n\n".join(kept)


def _elements(node: nodes.Element) -> list[nodes.Element]:
    return [child for child in node.children if isinstance(child, nodes.Element)]


def _texts(node: nodes.Element) -> Iterator[str]:
    """Every text of the source below a node, whatever becomes of it; not what docutils and directives say."""
    if isinstance(node, nodes.image):
        yield str(node.get("alt", ""))
    if node.get(ADDED):
        return
    for child in node.children:
        is_remark = isinstance(node, nodes.system_message) and not isinstance(child, nodes.literal_block)
        if isinstance(child, nodes.Element) and not is_remark:
            yield from _texts(child)
        elif isinstance(child, nodes.Text):
            yield child.astext()


def _item(marker: str, text: str) -> str:
    indent = " " * (len(marker) + 1)
    first, *rest = text.split("\n")
    return "\n".join([f"{marker} {first}", *(f"{indent}{line}" if line else "" for line in rest)])


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
