"""Walks through the body, boxes, tables and notes of a Word file in the order in which they are read."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from indexing.sources.docx_account import DELETED, Tally, letters_of
from indexing.sources.docx_blocks import Block, flat, table
from indexing.sources.docx_inline import DELETED_TEXT, NAVIGATION, InlineReader
from indexing.sources.docx_numbering import Numbering
from indexing.sources.docx_parts import WordParts
from indexing.sources.docx_styles import Style, Styles, list_of, outline

_INLINE = frozenset({"w-r", "w-hyperlink", "w-fldSimple", "m-oMath", "m-oMathPara"})
_GALLERY = "w-sdtPr/w-docPartObj/w-docPartGallery"
_CONTENTS = "table of contents"


class BodyReader:
    """Reads the blocks of one Word file; ``raw`` counts what its diagrams and charts add to the text of its parts.

    Args:
        parts: The file.
        styles: Its styles.
        numbering: Its lists, not asked for a label before.
        tally: Where what is left out and added is counted.
    """

    def __init__(self, parts: WordParts, styles: Styles, numbering: Numbering, tally: Tally) -> None:
        self.raw = 0
        self.notes: list[str] = []
        self._parts = parts
        self._styles = styles
        self._numbering = numbering
        self._tally = tally
        self._inline = InlineReader(styles, tally)
        self._carried = ""
        self._cells = 0

    def story(self, element: Element) -> list[Block]:
        """All blocks of the body, or of one note."""
        self._inline.begin(element)
        self._carried = ""
        return self._blocks(element)

    @property
    def marks(self) -> list[tuple[str, str]]:
        """The notes whose marks were met so far, in their order, each as (kind, id)."""
        return self._inline.notes

    def _blocks(self, container: Element) -> list[Block]:
        blocks: list[Block] = []
        for child in container:
            blocks.extend(self._child(child))
        if self._carried:
            blocks.append(Block("text", self._carried.strip()))
            self._carried = ""
        return blocks

    def _child(self, element: Element) -> list[Block]:
        tag = element.tag
        if tag == "w-p":
            return self._paragraph(element)
        if tag == "w-tbl":
            return self._table(element)
        if tag in _INLINE:
            around = Element("w-p")
            around.append(element)
            return self._paragraph(around)
        if tag in DELETED:
            self._tally.leave(DELETED_TEXT, element)
        elif tag == "w-sdt" and (element.findtext(_GALLERY) or _val(element, _GALLERY)).casefold() == _CONTENTS:
            self._tally.leave(NAVIGATION, element)
        elif tag == "w-altChunk":
            self.notes.append("A document that is embedded in it is not read.")
        elif tag == "mc-AlternateContent":
            return [block for child in self._tally.chosen(element) for block in self._child(child)]
        elif not tag.endswith("Pr"):
            return [block for child in element for block in self._child(child)]
        return []

    def _paragraph(self, paragraph: Element) -> list[Block]:
        properties = paragraph.find("w-pPr")
        style = self._styles.paragraph(properties)
        given = outline(properties)
        level = style.level if given is None else given
        is_code = style.is_code and not level and not self._cells
        emphasis = not level and not self._cells
        read = self._inline.read(paragraph, style, emphasis=emphasis, is_code=is_code)
        text, self._carried = self._carried + read.text, ""
        boxes = [block for box in read.boxes for block in self._box(box)]
        if properties is not None and _joins_next(properties) and not boxes:
            self._carried = text
            return []
        text = text if is_code else text.strip()
        depth, label = self._label(properties, style)
        if not text.strip():
            return [Block("code", "")] if is_code and not boxes else boxes
        self._tally.add("" if label == "-" else label)
        if level:
            return [Block("heading", text, level, label), *boxes]
        if label:
            return [Block("item", text, depth, label), *boxes]
        return [Block("code" if is_code else "text", text), *boxes]

    def _label(self, properties: Element | None, style: Style) -> tuple[int, str]:
        """(level, label) of a numbered paragraph; the label of others is empty."""
        own, inherited = list_of(properties), style.number
        number = (own[0] if own else None) or (inherited[0] if inherited else None)
        if number is None or number == "0":
            return 0, ""
        level = (own[1] if own else None) or (inherited[1] if inherited and not (own and own[0]) else None)
        if level is None and not (own and own[0]):
            depth = self._numbering.level_of(number, self._styles.paragraph_id(properties))
        else:
            depth = int(level) if level and level.isdecimal() and len(level) == 1 else 0
        return depth, self._numbering.label(number, depth)

    def _box(self, box: Element) -> list[Block]:
        """What a box, a diagram or lettering that is anchored in a paragraph says."""
        if box.tag == "w-txbxContent":
            return self._boxed(box)
        if box.tag == "v-textpath":
            self._tally.add(box.get("string", ""))
            texts = [box.get("string", "")]
        elif box.tag == "a-p":
            texts = ["".join(one.text or "" for one in box.iter("a-t"))]
        else:
            texts = self._drawn(box)
        return [Block("text", whole) for text in texts if (whole := " ".join(text.split()))]

    def _boxed(self, box: Element) -> list[Block]:
        carried, cells, self._carried, self._cells = self._carried, self._cells, "", 0
        blocks = self._blocks(box)
        self._carried, self._cells = carried, cells
        return blocks

    def _drawn(self, reference: Element) -> list[str]:
        relation = reference.get("dm") or reference.get("id") or ""
        root = self._parts.xml(self._parts.target(self._parts.main, relation)) if relation else None
        if root is None:
            return []
        self.raw += letters_of(root)
        texts = ["".join(one.text or "" for one in paragraph.iter("a-t")) for paragraph in root.iter("a-p")]
        names = [one.text or "" for cache in root.iter("c-strCache") for one in cache.iter("c-v")]
        seen: set[str] = set()
        for name in names:
            if name in seen:
                self._tally.leave("names repeated in charts", name)
            seen.add(name)
        return [*texts, "; ".join(dict.fromkeys(names))]

    def _table(self, element: Element) -> list[Block]:
        rows = [list(self._in(row, "w-tc")) for row in self._in(element, "w-tr")]
        if _is_layout(element, rows):
            return [block for row in rows for cell in row for block in self._boxed(cell)]
        carried, self._carried = self._carried, ""
        self._cells += 1
        read = table([self._row(row) for row in rows])
        self._cells -= 1
        self._carried = carried
        return [read] if read else []

    def _row(self, cells: list[Element]) -> list[str]:
        row: list[str] = []
        for cell in cells:
            span = _val(cell, "w-tcPr/w-gridSpan")
            row.append(flat(self._blocks(cell)))
            row.extend([""] * (min(int(span), 100) - 1 if span.isdecimal() else 0))
        return row

    def _in(self, element: Element, wanted: str) -> Iterator[Element]:
        """The rows of a table or the cells of a row, also inside controls; what was deleted is counted."""
        for child in element:
            if child.tag == wanted:
                if child.find("w-trPr/w-del") is not None or child.find("w-tcPr/w-cellDel") is not None:
                    self._tally.leave(DELETED_TEXT, child)
                else:
                    yield child
            elif child.tag in DELETED:
                self._tally.leave(DELETED_TEXT, child)
            elif not child.tag.endswith("Pr"):
                yield from self._in(child, wanted)


def _val(element: Element, path: str) -> str:
    found = element.find(path)
    return found.get("val", "") if found is not None else ""


def _joins_next(properties: Element) -> bool:
    """Whether a paragraph goes on in the next: its mark was deleted, or it is a large first letter."""
    frame = properties.find("w-framePr")
    is_letter = frame is not None and frame.get("dropCap", "none") != "none"
    return is_letter or properties.find("w-rPr/w-del") is not None


def _is_layout(element: Element, rows: list[list[Element]]) -> bool:
    """Whether a table only places things on the page: one cell, or one row or column that holds tables."""
    if len(rows) == 1 == len(rows[0]):
        return True
    is_line = len(rows) == 1 or all(len(row) == 1 for row in rows)
    return is_line and next(element.iterfind(".//w-tbl"), None) is not None
