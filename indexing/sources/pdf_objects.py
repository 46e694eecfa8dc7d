"""What a page of a PDF draws: its texts with place, size and colour, what cannot be seen of them, and its pictures."""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

MAX_OBJECTS = 50_000
"""Objects of a page that are looked at; what stands behind them is taken as seen. Source: our choice."""
_WHITE = 250
"""Red, green and blue of 255 from which a colour is as good as that of paper. Source: our choice."""
_LEAST_POINTS = 1.5
"""The smallest size that is read: the fine print of maps and labels has 3 or 4 points. Source: our choice."""
_NO_WIDTH = 1e-3
"""Points of width below which PDFium gives no text. Source: seen with its version 159.0, and on the safe side."""
_DRAWN_PIXELS = 200.0
"""Of the longer side of a text that is drawn to see its colour. Source: our choice."""
_DEPTH = 8
"""Forms within forms that are looked into. Source: our choice."""
_UNSEEN_MODES = (3, 7)
"""Render modes that draw nothing (PDF 1.7, table 106)."""
HYPHEN = "\ufffe"
"""What PDFium gives for a hyphen at the end of a line, and the line end with it."""
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in points from the page's lower left corner."""
Matrix = tuple[float, float, float, float, float, float]
"""How an object lies on what draws it: a to f of PDF 1.7, 8.3.3."""
_AS_IT_IS: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One object of a page that is no text: ``is_dark``, whether white text upon it is seen."""

    order: int
    kind: int
    box: Box
    is_dark: bool


@dataclass(frozen=True, slots=True)
class TextObject:
    """One piece of text that a page draws at once; ``foot`` is its baseline, ``size`` the height of its letters."""

    raw: object
    order: int
    box: Box
    foot: float
    size: float
    is_upright: bool
    is_tiny: bool
    is_white: bool
    is_unseen: bool
    form: object | None
    """The form object that draws it, if it is not the page itself."""

    @property
    def unread_glyphs(self) -> int:
        """About how many glyphs PDFium passes over: text without width, as vertical text without its font has it."""
        left, bottom, right, top = self.box
        is_passed_over = right - left < _NO_WIDTH and top - bottom >= self.size > 0.0
        return round((top - bottom) / self.size) if is_passed_over else 0


@dataclass(frozen=True, slots=True)
class PageObjects:
    """What a page draws, in that order, and the part of it that is shown."""

    texts: Sequence[TextObject]
    others: Sequence[Drawn]
    shown: Box
    page: pypdfium2.PdfPage

    @property
    def hidden(self) -> list[TextObject]:
        """The texts that a reader of the page does not see: off it, white on white, tiny, or not drawn at all.

        Text that is not drawn stays where a picture lies around it: OCR read it from that picture.
        """
        return [text for text in self.texts if self._is_hidden(text)]

    @property
    def has_picture(self) -> bool:
        """Whether the page draws a picture, which may show text."""
        return any(one.kind == pdfium.FPDF_PAGEOBJ_IMAGE for one in self.others)

    @property
    def is_blank(self) -> bool:
        """Whether the page draws nothing at all."""
        return not self.texts and not self.others

    def _is_hidden(self, text: TextObject) -> bool:
        if text.is_tiny or _is_apart(text.box, self.shown):
            return True
        if not (text.is_white or text.is_unseen):
            return False
        under = [one for one in self.others if _holds(one.box, text.box) and (text.is_unseen or one.order < text.order)]
        if text.is_unseen:
            return not any(one.kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM) for one in under)
        return not any(one.is_dark for one in under) and _is_drawn_white(text, self.page)


def read_objects(page: pypdfium2.PdfPage) -> PageObjects:
    """Look at the objects of a page, those inside form objects too."""
    texts: list[TextObject] = []
    others: list[Drawn] = []
    ask = _Answers()
    for order, (one, kind, form, matrix) in enumerate(islice(_drawn(page, ask), MAX_OBJECTS)):
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts.append(_text(one, order, form, matrix, ask))
        else:
            others.append(Drawn(order, kind, _placed(ask.box(one), matrix), _is_dark(one, kind, ask)))
    return PageObjects(texts, others, tuple(page.get_bbox()), page)


class _Answers:
    """Asks PDFium about objects; what it writes its answers into is made once, since pages have many objects."""

    def __init__(self) -> None:
        self._matrix = pdfium.FS_MATRIX()
        self._size = ctypes.c_float()
        self._sides = tuple(ctypes.c_float() for _ in range(4))
        self._colors = tuple(ctypes.c_uint() for _ in range(4))

    def matrix(self, one: object) -> Matrix:
        """How an object lies on what draws it."""
        matrix = self._matrix
        pdfium.FPDFPageObj_GetMatrix(one, matrix)
        return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f

    def size(self, one: object) -> float:
        """The size of a text, before its matrix."""
        pdfium.FPDFTextObj_GetFontSize(one, self._size)
        return self._size.value

    def color(self, one: object) -> tuple[int, int, int, int] | None:
        """What fills an object: red, green, blue and alpha; ``None`` where PDFium cannot say."""
        red, green, blue, alpha = self._colors
        if not pdfium.FPDFPageObj_GetFillColor(one, red, green, blue, alpha):
            return None
        return red.value, green.value, blue.value, alpha.value

    def box(self, one: object) -> Box:
        """Where an object stands on what draws it."""
        left, bottom, right, top = self._sides
        pdfium.FPDFPageObj_GetBounds(one, left, bottom, right, top)
        return left.value, bottom.value, right.value, top.value


_Found = tuple[object, int, object | None, Matrix]
"""An object, its kind, the form that holds it, and how that lies on the page."""


def _drawn(page: pypdfium2.PdfPage, ask: _Answers) -> Iterator[_Found]:
    """The objects of a page in the order in which it draws them."""
    for place in range(pdfium.FPDFPage_CountObjects(page.raw)):
        one = pdfium.FPDFPage_GetObject(page.raw, place)
        kind = pdfium.FPDFPageObj_GetType(one)
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            yield from _opened(one, None, _AS_IT_IS, _DEPTH, ask)
        else:
            yield one, kind, None, _AS_IT_IS


def _opened(one: object, form: object | None, matrix: Matrix, depth: int, ask: _Answers) -> Iterator[_Found]:
    kind = pdfium.FPDFPageObj_GetType(one)
    if depth == 0 or kind != pdfium.FPDF_PAGEOBJ_FORM:
        yield one, kind, form, matrix
        return
    within = _joined(ask.matrix(one), matrix)
    for place in range(pdfium.FPDFFormObj_CountObjects(one)):
        yield from _opened(pdfium.FPDFFormObj_GetObject(one, place), one, within, depth - 1, ask)


def text_of(one: TextObject, content: pypdfium2.PdfTextPage) -> str:
    """What a text object says."""
    size = pdfium.FPDFTextObj_GetText(one.raw, content.raw, None, 0)
    units = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFTextObj_GetText(one.raw, content.raw, units, size)
    return bytes(units).decode("utf-16-le", "replace").rstrip("\0")


def _text(one: object, order: int, form: object | None, within: Matrix, ask: _Answers) -> TextObject:
    a, b, c, d, _, foot = _joined(ask.matrix(one), within)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(one)
    color = ask.color(one)
    height = abs(ask.size(one)) * (c**2 + d**2) ** 0.5
    is_upright = d > 0 and abs(b) + abs(c) < 0.1 * d
    is_white = mode == 0 and color is not None and min(color[:3]) >= _WHITE
    is_unseen = mode in _UNSEEN_MODES or (color is not None and color[3] == 0)
    box = _placed(ask.box(one), within)
    high = box[2] - box[0] if abs(b) > abs(a) else box[3] - box[1]  # some files scale letters in other ways than these
    is_tiny = max(height, high) < _LEAST_POINTS
    return TextObject(one, order, box, foot, height, is_upright, is_tiny, is_white, is_unseen, form)


def _is_drawn_white(text: TextObject, page: pypdfium2.PdfPage) -> bool:
    """Whether a text is white as it is drawn: PDFium also calls it white where a pattern or a shading fills it."""
    side = max(text.box[2] - text.box[0], text.box[3] - text.box[1], 1.0)
    bitmap = pdfium.FPDFTextObj_GetRenderedBitmap(page.pdf.raw, page.raw, text.raw, min(1.0, _DRAWN_PIXELS / side))
    if not bitmap:
        return True
    try:
        count = pdfium.FPDFBitmap_GetStride(bitmap) * pdfium.FPDFBitmap_GetHeight(bitmap)
        pixels = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), count)
        if pdfium.FPDFBitmap_GetFormat(bitmap) != pdfium.FPDFBitmap_BGRA:
            return True
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    blue, green, red, alpha = (pixels[place::4] for place in range(4))
    return all(min(color) >= _WHITE for *color, seen in zip(blue, green, red, alpha, strict=True) if seen)


def _joined(inner: Matrix, outer: Matrix) -> Matrix:
    """What both do, the inner one first."""
    if outer == _AS_IT_IS:
        return inner
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u


def _placed(box: Box, matrix: Matrix) -> Box:
    """Where a box of a form stands on the page."""
    if matrix == _AS_IT_IS:
        return box
    a, b, c, d, e, f = matrix
    across = [a * x + c * y + e for x in (box[0], box[2]) for y in (box[1], box[3])]
    up = [b * x + d * y + f for x in (box[0], box[2]) for y in (box[1], box[3])]
    return min(across), min(up), max(across), max(up)


def _is_dark(one: object, kind: int, ask: _Answers) -> bool:
    if kind != pdfium.FPDF_PAGEOBJ_PATH:
        return True  # a picture, a shading or a form: it may be dark
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(one, fill, stroke)
    color = ask.color(one)
    return fill.value != 0 and (color is None or (min(color[:3]) < _WHITE and color[3] > 0))


def _is_apart(box: Box, other: Box) -> bool:
    """Whether two boxes have nothing in common; the first is widened, since that of a space or a line has no area."""
    is_beside = box[2] + 0.1 <= other[0] or other[2] <= box[0] - 0.1
    return is_beside or box[3] + 0.1 <= other[1] or other[3] <= box[1] - 0.1


def _holds(outer: Box, inner: Box) -> bool:
    """Whether the middle of a box lies in another."""
    across, up = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= across <= outer[2] and outer[1] <= up <= outer[3]
