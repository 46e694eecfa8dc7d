"""Puts the letters of Arabic and Hebrew ligatures in the order in which they are read.

PDFium turns a line that runs from right to left around, letter by letter. A glyph that stands for several letters, such
as lam-alef, is turned around within by that; a presentation form, which PDFium itself takes apart, is not.
"""

import re
import unicodedata
from itertools import groupby

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.pdf_raised import Change

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]{2,}")
"""Letters and marks of scripts that run from right to left, as PDFium gives them."""
_FORMS = range(0xFB1D, 0xFEFD)
"""Presentation forms of Hebrew and Arabic. Source: the Unicode blocks FB00, FB50 and FE70."""


def _taken_apart() -> frozenset[str]:
    """What PDFium makes of presentation forms of several letters, without those that say one when turned around."""
    letters = {unicodedata.normalize("NFKC", chr(code)) for code in _FORMS}
    several = {one for one in letters if len(one) > 1}
    return frozenset(one for one in several if one[::-1] not in several or one[::-1] == one)


_TAKEN_APART = _taken_apart()


def turned_ligatures(content: pypdfium2.PdfTextPage, text: str) -> list[Change]:
    """The changes of a page's text that put the letters of its ligatures in order, by their places."""
    changes: list[Change] = []
    for match in _RIGHT_TO_LEFT.finditer(text):
        units = len(text[: match.start()].encode("utf-16-le", "surrogatepass")) // 2
        places = range(match.start(), match.end())
        boxes = [_box(content, units + place - match.start()) for place in places]
        for _, members in groupby(zip(boxes, places, strict=True), key=lambda pair: pair[0]):
            some = [place for _, place in members]
            letters = text[some[0] : some[-1] + 1]
            if len(letters) > 1 and letters not in _TAKEN_APART:
                changes.append((some[0], some[-1] + 1, letters[::-1]))
    return changes


def _box(content: pypdfium2.PdfTextPage, unit: int) -> tuple[float, ...]:
    """Where the glyph of a letter stands: letters of one glyph have one box."""
    index = max(0, int(pdfium.FPDFText_GetCharIndexFromTextIndex(content.raw, unit)))
    return tuple(content.get_charbox(index))
