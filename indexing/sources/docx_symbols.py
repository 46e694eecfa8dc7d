"""The characters of the fonts Symbol, Wingdings and Wingdings 2 that Word files name by their places in the font."""

from collections.abc import Mapping
from typing import Final

_GREEK = "".join((
    "\u0391\u0392\u03a7\u0394\u0395\u03a6\u0393\u0397\u0399\u03d1\u039a\u039b\u039c\u039d\u039f\u03a0\u0398\u03a1\u03a3",
    "\u03a4\u03a5\u03c2\u03a9\u039e\u03a8\u0396",
))  # fmt: skip
"""What stands at A to Z in Symbol. Source: the encoding of the font Symbol, PDF 32000-1, annex D.5."""
_SMALL_GREEK = "".join((
    "\u03b1\u03b2\u03c7\u03b4\u03b5\u03c6\u03b3\u03b7\u03b9\u03d5\u03ba\u03bb\u03bc\u03bd\u03bf\u03c0\u03b8\u03c1\u03c3",
    "\u03c4\u03c5\u03d6\u03c9\u03be\u03c8\u03b6",
))  # fmt: skip
"""What stands at a to z in Symbol. Source: as above."""
_SIGNS: Final = {
    0x22: "\u2200", 0x24: "\u2203", 0x27: "\u220b", 0x2A: "\u2217", 0x2D: "\u2212", 0x40: "\u2245", 0x5C: "\u2234",
    0x5E: "\u22a5", 0x7E: "\u223c", 0xA0: "\u20ac", 0xA2: "\u2032", 0xA3: "\u2264", 0xA4: "\u2044", 0xA5: "\u221e",
    0xA6: "\u0192", 0xAB: "\u2194", 0xAC: "\u2190", 0xAD: "\u2191", 0xAE: "\u2192", 0xAF: "\u2193", 0xB0: "\u00b0",
    0xB1: "\u00b1", 0xB2: "\u2033", 0xB3: "\u2265", 0xB4: "\u00d7", 0xB5: "\u221d", 0xB6: "\u2202", 0xB7: "\u2022",
    0xB8: "\u00f7", 0xB9: "\u2260", 0xBA: "\u2261", 0xBB: "\u2248", 0xBC: "\u2026", 0xC4: "\u2297", 0xC5: "\u2295",
    0xC6: "\u2205", 0xC7: "\u2229", 0xC8: "\u222a", 0xC9: "\u2283", 0xCA: "\u2287", 0xCC: "\u2282", 0xCD: "\u2286",
    0xCE: "\u2208", 0xCF: "\u2209", 0xD0: "\u2220", 0xD1: "\u2207", 0xD2: "\u00ae", 0xD3: "\u00a9", 0xD4: "\u2122",
    0xD5: "\u220f", 0xD6: "\u221a", 0xD7: "\u22c5", 0xD8: "\u00ac", 0xD9: "\u2227", 0xDA: "\u2228", 0xDB: "\u21d4",
    0xDC: "\u21d0", 0xDD: "\u21d1", 0xDE: "\u21d2", 0xDF: "\u21d3", 0xE5: "\u2211", 0xF2: "\u222b",
}  # fmt: skip
_WINGDINGS: Final = {
    0x6C: "\u25cf", 0x6E: "\u25a0", 0x6F: "\u2610", 0x71: "\u2610", 0x76: "\u2756", 0x77: "\u25c6", 0x78: "\u2612",
    0x9F: "\u2022", 0xA7: "\u25aa", 0xA8: "\u2610", 0xD8: "\u27a2", 0xDF: "\u2190", 0xE0: "\u2192", 0xE1: "\u2191",
    0xE2: "\u2193", 0xE8: "\u2794", 0xF0: "\u21e8", 0xFB: "\u2717", 0xFC: "\u2713", 0xFD: "\u2612", 0xFE: "\u2611",
}  # fmt: skip
_WINGDINGS_2: Final = {0x4F: "\u2717", 0x50: "\u2713", 0x51: "\u2612", 0x52: "\u2611", 0x53: "\u2612", 0xA3: "\u2610"}
TICKS: Final = {"\u2610": "[ ]", "\u2611": "[x]", "\u2612": "[x]"}
"""Boxes to tick, empty and ticked, with how they are written."""
_LATIN: Final = {place: chr(place) for place in (*range(0x20, 0x22), 0x23, 0x25, 0x26, *range(0x28, 0x2A))} | {
    place: chr(place) for place in (0x2B, 0x2C, *range(0x2E, 0x40), 0x5B, 0x5D, 0x5F, *range(0x7B, 0x7E))
}
_FONTS: Mapping[str, Mapping[int, str]] = {
    "symbol": _LATIN
    | {ord("A") + i: sign for i, sign in enumerate(_GREEK)}
    | {ord("a") + i: sign for i, sign in enumerate(_SMALL_GREEK)}
    | _SIGNS,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
}
_PRIVATE = range(0xF000, 0xF100)


def symbol(font: str, place: int) -> str:
    """The character at a place of a font, boxes as ``[ ]`` and ``[x]``; the empty string where it is not known.

    Places from U+F000 are meant as those from 0, as Word writes them.
    """
    signs = _FONTS.get(font.casefold())
    at = place - 0xF000 if place in _PRIVATE else place
    if signs is None:
        return "" if place in _PRIVATE or place < 0x20 or place > 0x10FFFF or 0xD800 <= place < 0xE000 else chr(place)
    found = signs.get(at, "")
    return TICKS.get(found, found)


def with_symbols(font: str, text: str) -> str:
    """``text`` with its characters of private use as the signs that they stand for in ``font``, where known."""
    if not any(ord(sign) in _PRIVATE for sign in text):
        return text
    return "".join(symbol(font, ord(sign)) or sign if ord(sign) in _PRIVATE else sign for sign in text)
