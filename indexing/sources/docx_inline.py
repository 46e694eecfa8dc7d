"""Reads what stands inside a paragraph of a Word file: runs, fields, equations, marks of notes, boxes."""

import re
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element

from indexing.sources.docx_account import DELETED, Tally
from indexing.sources.docx_math import linear
from indexing.sources.docx_styles import Style, Styles, is_on, switch, value
from indexing.sources.docx_symbols import TICKS, symbol, with_symbols
from indexing.sources.superscripts import footnote_mark, superscript

HIDDEN = "hidden text"
DELETED_TEXT = "deleted text"
NAVIGATION = "navigation"
FORMS = "form controls"
_BOXES = frozenset({"w-txbxContent", "a-p", "dgm-relIds", "c-chart", "v-textpath"})
_SIGNS: Final = {"w-tab": " ", "w-ptab": " ", "w-cr": "\n", "w-noBreakHyphen": "-", "w-softHyphen": ""}
_CONTENTS = re.compile(r"\s*TOC\b", re.IGNORECASE)
_TICK = re.compile(f"([{''.join(TICKS)}])")
_SPACE = re.compile(r"[ \t]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_EMPHASIS = (("w-strike", "~~"), ("w-dstrike", "~~"), ("w-b", "**"), ("w-i", "*"))


@dataclass(frozen=True, slots=True)
class _Look:
    """How a run's text is shown."""

    is_hidden: bool = False
    is_raised: bool = False
    mark: str = ""
    font: str = ""


@dataclass(slots=True)
class _Field:
    """A field that has begun: what it says and whether its result has."""

    code: str = ""
    is_result: bool = False


@dataclass(slots=True)
class Inline:
    """The text of one paragraph, with one space at most at its ends, and what is anchored in it."""

    text: str
    boxes: list[Element] = field(default_factory=list)


class InlineReader:
    """Reads the paragraphs of one Word file in document order.

    ``notes`` holds the notes whose marks were met, in their order, each as (kind, id).

    Args:
        styles: The file's styles.
        tally: Where what is left out and added is counted.
    """

    def __init__(self, styles: Styles, tally: Tally) -> None:
        self.notes: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._styles = styles
        self._tally = tally
        self._fields: list[_Field] = []
        self._follows_fields = True
        self._pieces: list[tuple[str, _Look]] = []
        self._boxes: list[Element] = []
        self._look = _Look()
        self._style = Style()

    def begin(self, story: Element) -> None:
        """Begins the document, or one note; fields that do not end in it are taken for text."""
        kinds = [one.get("fldCharType") for one in story.iter("w-fldChar")]
        self._fields = []
        self._follows_fields = kinds.count("begin") == kinds.count("end")

    def read(self, paragraph: Element, style: Style, *, emphasis: bool = True, is_code: bool = False) -> Inline:
        """What stands in one paragraph of a style.

        Args:
            paragraph: A ``w:p``, or anything that holds runs.
            style: Of the paragraph.
            emphasis: Whether bold, italic and struck text is marked.
            is_code: Whether space is kept as it is.
        """
        self._pieces, self._boxes, self._style, self._look = [], [], style, _Look()
        self._children(paragraph)
        text = _joined(self._pieces, emphasis and not is_code)
        if not is_code:
            text = _AROUND_BREAK.sub("\n", _SPACE.sub(" ", text))
        return Inline(text, self._boxes)

    def _children(self, element: Element) -> None:
        for child in element:
            self._child(child)

    def _child(self, element: Element) -> None:
        tag = element.tag
        if tag == "w-r":
            self._run(element)
        elif tag in DELETED:
            self._tally.leave(DELETED_TEXT, element)
        elif tag in _BOXES:
            self._boxes.append(element)
        elif tag in ("m-oMath", "m-oMathPara"):
            for one in (one for one in element.iter() if one.tag in DELETED):
                self._tally.leave(DELETED_TEXT, one)
            self._put(linear(element))
        elif tag == "mc-AlternateContent":
            for child in self._tally.chosen(element):
                self._child(child)
        elif tag == "w-ruby":
            self._ruby(element)
        elif not tag.endswith("Pr"):
            self._in_run(element)

    def _in_run(self, element: Element) -> None:
        tag = element.tag
        if tag == "w-t":
            self._text(element.text or "")
        elif tag in _SIGNS:
            self._put(_SIGNS[tag])
        elif tag == "w-br":
            self._put("\n" if element.get("type", "textWrapping") == "textWrapping" else " ")
        elif tag == "w-sym":
            sign = symbol(element.get("font", ""), _place(element.get("char", "")))
            self._put(sign, is_added=True)
        elif tag == "w-fldChar":
            self._field(element)
        elif tag == "w-instrText":
            if self._fields:
                self._fields[-1].code += element.text or ""
        elif tag in ("w-footnoteReference", "w-endnoteReference"):
            self._note(tag[2:-9], element.get("id", ""))
        elif tag == "w-delText":
            self._tally.leave(DELETED_TEXT, element)
        else:
            self._children(element)

    def _run(self, run: Element) -> None:
        properties, before = run.find("w-rPr"), self._look
        fonts = properties.find("w-rFonts") if properties is not None else None
        mark = ""
        if properties is not None:
            mark = next((sign for name, sign in _EMPHASIS if switch(properties.find(name))), "")
        self._look = _Look(
            is_hidden=self._styles.is_hidden(properties, self._style),
            is_raised=self._styles.raised(properties, self._style) == "superscript",
            mark=mark,
            font=(fonts.get("ascii") or fonts.get("hAnsi") or "") if fonts is not None else "",
        )
        for child in run:
            self._child(child)
        self._look = before

    def _text(self, text: str) -> None:
        shown = with_symbols(self._look.font, text)
        if shown != text:
            self._tally.add("".join(sign for sign, was in zip(shown, text, strict=False) if sign != was))
        for part in _TICK.split(shown):
            self._put(TICKS.get(part, part), is_added=part in TICKS)

    def _put(self, text: str, *, is_added: bool = False) -> None:
        reason = self._absence()
        if reason and not is_added:
            self._tally.leave(reason, text)
        elif not reason and text:
            if is_added:
                self._tally.add(text)
            self._pieces.append((text, self._look))

    def _absence(self) -> str:
        """Why the text that comes now is not shown, or is shown elsewhere, too; the empty string if it is."""
        if self._look.is_hidden:
            return HIDDEN
        if any(not one.is_result for one in self._fields):
            return "field codes"
        return NAVIGATION if any(_CONTENTS.match(one.code) for one in self._fields) else ""

    def _field(self, element: Element) -> None:
        kind = element.get("fldCharType")
        if kind == "begin":
            self._form(element.find("w-ffData"))
        if not self._follows_fields:
            return
        if kind == "begin":
            self._fields.append(_Field())
        elif kind == "separate" and self._fields:
            self._fields[-1].is_result = True
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _form(self, data: Element | None) -> None:
        """Writes what a field of an old form shows that is no text of the document: a tick, or what is chosen."""
        box = data.find("w-checkBox") if data is not None else None
        choices = data.find("w-ddList") if data is not None else None
        if box is not None:
            ticked = switch(box.find("w-checked"))
            ticked = switch(box.find("w-default")) if ticked is None else ticked
            self._put("[x]" if ticked else "[ ]", is_added=True)
        elif choices is not None:
            entries = [entry.get("val", "") for entry in choices.findall("w-listEntry")]
            chosen = value(choices, "w-result") or value(choices, "w-default") or "0"
            if chosen.isdecimal() and int(chosen) < len(entries):
                self._put(entries[int(chosen)], is_added=True)

    def _note(self, kind: str, identity: str) -> None:
        if self._absence():
            return
        number = self._numbers.setdefault((kind, identity), len(self.notes) + 1)
        if number > len(self.notes):
            self.notes.append((kind, identity))
        mark = footnote_mark(str(number))
        self._look, look = replace(self._look, is_raised=False, mark=""), self._look
        self._put(mark, is_added=True)
        self._look = look

    def _ruby(self, element: Element) -> None:
        """Writes a word and, in brackets, how it is read."""
        word, reading = element.find("w-rubyBase"), element.find("w-rt")
        if word is not None:
            self._children(word)
        if reading is not None and any((one.text or "").strip() for one in reading.iter("w-t")):
            self._put("(")
            self._children(reading)
            self._put(")")


def set_ticks(root: Element, tally: Tally) -> None:
    """Writes ``[x]`` or ``[ ]`` into each content control that is a box to tick, in place of its sign."""
    for control in root.iter("w-sdt"):
        box, content = control.find("w-sdtPr/w14-checkbox"), control.find("w-sdtContent")
        if box is None or content is None:
            continue
        checked = box.find("w14-checked")
        ticked = checked is not None and is_on(checked.get("val", "1"))
        tally.leave(FORMS, content)
        holder = next(content.iter("w-r"), None)
        if holder is None:
            holder = Element("w-r")
            content.append(holder)
        for run in content.iter("w-r"):
            for child in [child for child in run if child.tag in ("w-t", "w-sym")]:
                run.remove(child)
        written = Element("w-t")
        written.text = "[x]" if ticked else "[ ]"
        tally.add(written.text)
        holder.append(written)


def _place(code: str) -> int:
    return int(code, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,6}", code) else 0


def _joined(pieces: list[tuple[str, _Look]], emphasis: bool) -> str:
    shown = [(text, replace(look, font="")) for text, look in pieces]
    groups = groupby(shown, key=lambda piece: piece[1])
    parts = [("".join(text for text, _ in group), look) for look, group in groups]
    written = ""
    for i, (text, look) in enumerate(parts):
        if look.is_raised:
            written += superscript(text)
        elif emphasis and look.mark:
            after = parts[i + 1][0][:1] if i + 1 < len(parts) else ""
            written += _marked(text, look.mark, written[-1:], after)
        else:
            written += text
    return written


def _marked(text: str, mark: str, before: str, after: str) -> str:
    """``text`` between marks, unless they would stand inside a word, where they break it in two."""
    inner = text.strip()
    at = text.find(inner)
    before, after = text[:at][-1:] or before, text[at + len(inner) :][:1] or after
    if not inner or "\n" in inner or mark[0] in inner + before + after or before.isalnum() or after.isalnum():
        return text
    return f"{text[:at]}{mark}{inner}{mark}{text[at + len(inner) :]}"
