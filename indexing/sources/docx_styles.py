"""What a Word file's styles say of paragraphs and runs: headings, hidden and raised text, numbering."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_CODE_NAMES = frozenset({"source code", "sourcecode", "code", "html preformatted", "preformatted text", "code block"})
_RAISED_HALF_POINTS = 4
"""By so much text of a size of its own stands higher that is raised by hand; less evens a line. Source: our choice."""
_MAX_LEVEL = 6
"""The deepest heading that Markdown has."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a style and those that it is based on say; ``None`` where they say nothing.

    Args:
        level: Of a heading, from 1 to 6; 0 for text.
        number: (list, level in the list) as numbering is named in the file; either may be missing.
    """

    level: int = 0
    is_code: bool = False
    is_hidden: bool | None = None
    raised: str | None = None
    number: tuple[str | None, str | None] | None = None


_PLAIN = Style()


class Styles:
    """The styles of one file by their ids.

    Args:
        root: Of the part ``styles.xml``, or ``None`` where the file has none.
    """

    def __init__(self, root: Element | None) -> None:
        styles = root.findall("w-style") if root is not None else []
        self._elements = {style.get("styleId", ""): style for style in styles}
        self._known: dict[str, Style] = {}
        usual = [one for one in styles if one.get("type") == "paragraph" and is_on(one.get("default", "0"))]
        self._usual = usual[0].get("styleId", "") if usual else ""
        path = "w-docDefaults/w-rPrDefault/w-rPr/w-vanish"
        self._all_hidden = bool(switch(root.find(path))) if root is not None else False

    def paragraph(self, properties: Element | None) -> Style:
        """The style of a paragraph by its ``w:pPr``."""
        return self._style(value(properties, "w-pStyle") or self._usual)

    def paragraph_id(self, properties: Element | None) -> str:
        """The id of the style of a paragraph."""
        return value(properties, "w-pStyle") or self._usual

    def is_hidden(self, properties: Element | None, above: Style) -> bool:
        """Whether a run is hidden, by its ``w:rPr`` and the style of its paragraph.

        What styles of a paragraph and of its characters both say cancels out, as Word has it.
        """
        own = switch(properties.find("w-vanish")) if properties is not None else None
        if own is not None:
            return own
        named = self._style(value(properties, "w-rStyle") or "")
        return bool(above.is_hidden) != bool(named.is_hidden) or self._all_hidden

    def raised(self, properties: Element | None, above: Style) -> str:
        """``superscript``, ``subscript`` or ``baseline``; small letters that stand higher are the first, too."""
        own = value(properties, "w-vertAlign")
        if own is None and value(properties, "w-sz") is not None:
            height = value(properties, "w-position") or ""
            own = "superscript" if height.isdecimal() and int(height) >= _RAISED_HALF_POINTS else None
        return own or self._style(value(properties, "w-rStyle") or "").raised or above.raised or "baseline"

    def _style(self, identity: str) -> Style:
        if not identity:
            return _PLAIN
        if identity not in self._known:
            self._known[identity] = self._resolved(identity)
        return self._known[identity]

    def _chain(self, identity: str) -> Iterator[tuple[str, Element]]:
        seen: set[str] = set()
        while identity in self._elements and identity not in seen:
            seen.add(identity)
            yield identity, self._elements[identity]
            identity = value(self._elements[identity], "w-basedOn") or ""

    def _resolved(self, identity: str) -> Style:
        level, is_hidden, raised, number, is_code = None, None, None, None, False
        for name, style in self._chain(identity):
            paragraph, run = style.find("w-pPr"), style.find("w-rPr")
            title = (value(style, "w-name") or name).strip()
            is_code = is_code or title.casefold() in _CODE_NAMES
            level = _level(title, paragraph) if level is None else level
            if run is not None:
                is_hidden = switch(run.find("w-vanish")) if is_hidden is None else is_hidden
                raised = raised or value(run, "w-vertAlign")
            number = number or list_of(paragraph)
        if identity not in self._elements:
            level = _level(identity, None)
        return Style(level or 0, is_code, is_hidden, raised, number)


def value(element: Element | None, name: str) -> str | None:
    """The attribute ``val`` of the child ``name``; ``None`` where either is missing."""
    child = element.find(name) if element is not None else None
    return child.get("val") if child is not None else None


def switch(element: Element | None) -> bool | None:
    """What a property that is on or off says; ``None`` where it is not there."""
    return None if element is None else is_on(element.get("val", "1"))


def is_on(text: str) -> bool:
    """Whether an attribute's value means on."""
    return text.lower() not in ("0", "false", "off", "none")


def list_of(properties: Element | None) -> tuple[str | None, str | None] | None:
    """(list, level) of a ``w:pPr``; ``None`` where it has no numbering of its own."""
    numbering = properties.find("w-numPr") if properties is not None else None
    return None if numbering is None else (value(numbering, "w-numId"), value(numbering, "w-ilvl"))


def outline(properties: Element | None) -> int | None:
    """The heading level that ``w:outlineLvl`` gives, from 1 to 6, 0 for text; ``None`` where it says nothing."""
    given = value(properties, "w-outlineLvl")
    if given is None or not given.isdecimal():
        return None
    return min(int(given) + 1, _MAX_LEVEL) if int(given) < 9 else 0


def _level(title: str, properties: Element | None) -> int | None:
    found = _HEADING.fullmatch(title)
    if found:
        return min(int(found.group(1)), _MAX_LEVEL)
    return 1 if title.casefold() == "title" else outline(properties)
