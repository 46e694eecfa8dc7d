"""Counts the numbered paragraphs of a Word file as Word does, so that lists resume and headings have their numbers."""

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from indexing.sources.docx_styles import switch, value

BULLET = "-"
"""The label of a paragraph whose list has signs, not numbers."""
_PLACE = re.compile(r"%([1-9])")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_MAX_ROMAN = 4_000
"""From here on Roman numerals need signs of their own."""


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    text: str | None
    start: int
    restart: int | None
    is_legal: bool
    style: str


@dataclass(slots=True)
class _List:
    """An abstract list and how far each of its levels has been counted."""

    levels: dict[int, _Level]
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """The labels of one document's numbered paragraphs, asked for in document order.

    Args:
        root: Of the part ``numbering.xml``, or ``None`` where the file has none.
    """

    def __init__(self, root: Element | None) -> None:
        self._lists: dict[str, _List] = {}
        self._numbers: dict[str, tuple[str, dict[int, int], dict[int, _Level]]] = {}
        self._begun: set[tuple[str, int]] = set()
        if root is None:
            return
        links: dict[str, str] = {}
        for element in root.findall("w-abstractNum"):
            identity = element.get("abstractNumId", "")
            self._lists[identity] = _List(_levels(element))
            links[value(element, "w-styleLink") or ""] = identity
        for element in root.findall("w-abstractNum"):
            linked = value(element, "w-numStyleLink")
            if linked and linked in links:
                self._lists[element.get("abstractNumId", "")] = self._lists[links[linked]]
        for element in root.findall("w-num"):
            starts: dict[int, int] = {}
            levels: dict[int, _Level] = {}
            for override in element.findall("w-lvlOverride"):
                levels |= _levels(override)
                start = value(override, "w-startOverride")
                if start is not None:
                    starts[_whole(override.get("ilvl"), 0)] = _whole(start, 1)
            self._numbers[element.get("numId", "")] = (value(element, "w-abstractNumId") or "", starts, levels)

    def level_of(self, number: str, style: str) -> int:
        """The level of a list that is linked to a paragraph style; 0 where none is."""
        abstract, _, _ = self._numbers.get(number, ("", {}, {}))
        levels = self._lists[abstract].levels if abstract in self._lists else {}
        return next((level for level, one in levels.items() if style and one.style == style), 0)

    def label(self, number: str, level: int) -> str:
        """The label of the next paragraph of a list at a level from 0: ``-``, ``3.``, ``2.1``, ``a)`` or nothing."""
        if number not in self._numbers:
            return ""
        abstract, starts, overrides = self._numbers[number]
        counted = self._lists.setdefault(abstract, _List({}))
        levels = counted.levels | overrides
        here = levels.get(level) or _Level("decimal", None, 1, None, False, "")
        if level in starts and (number, level) not in self._begun:
            counted.counts[level] = starts[level] - 1
        self._begun.add((number, level))
        counted.counts[level] = counted.counts.get(level, here.start - 1) + 1
        for deeper in [one for one in counted.counts if one > level]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or (restart > 0 and level < restart):
                del counted.counts[deeper]
        return _written(here, level, levels, counted.counts)


def _written(here: _Level, level: int, levels: dict[int, _Level], counts: dict[int, int]) -> str:
    if here.form == "bullet":
        return here.text.strip() if here.text and _WORDS.search(here.text) else BULLET
    pattern = f"%{level + 1}." if here.text is None else here.text

    def number(found: re.Match[str]) -> str:
        place = int(found.group(1)) - 1
        one = levels.get(place)
        count = counts.get(place, one.start if one else 1)
        return _figure(count, "decimal" if here.is_legal or one is None else one.form)

    return " ".join(_PLACE.sub(number, pattern).split())


def _levels(element: Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for level in element.findall("w-lvl"):
        restart = value(level, "w-lvlRestart")
        found[_whole(level.get("ilvl"), 0)] = _Level(
            form=value(level, "w-numFmt") or "decimal",
            text=value(level, "w-lvlText"),
            start=_whole(value(level, "w-start"), 1),
            restart=None if restart is None else _whole(restart, 0),
            is_legal=bool(switch(level.find("w-isLgl"))),
            style=value(level, "w-pStyle") or "",
        )
    return found


def _whole(text: str | None, usual: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,6}", text) else usual


def _figure(count: int, form: str) -> str:
    if form == "none":
        return ""
    if form == "decimalZero":
        return f"{count:02d}"
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 % 20 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < count < _MAX_ROMAN:
        roman = ""
        for amount, sign in _ROMAN:
            roman += sign * (count // amount)
            count %= amount
        return roman.upper() if form == "upperRoman" else roman
    return str(count)
