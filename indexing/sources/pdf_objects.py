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
_DEPTH = 8
"""Forms within forms that are looked into. Source: our choice."""
_UNSEEN_MODES = (3, 7)
"""Render modes that draw nothing (PDF 1.7, table 106)."""
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
        if text.is_tiny or _area(_common(_widened(text.box), self.shown)) <= 0.0:
            return True
        if not (text.is_white or text.is_unseen):
            return False
        under = [one for one in self.others if _holds(one.box, text.box) and (text.is_unseen or one.order < text.order)]
        if text.is_unseen:
            return not any(one.kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM) for one in under)
        return not any(one.is_dark for one in under)


def read_objects(page: pypdfium2.PdfPage) -> PageObjects:
    """Look at the objects of a page, those inside form objects too."""
    texts: list[TextObject] = []
    others: list[Drawn] = []
    for order, (one, form, matrix) in enumerate(islice(_drawn(page), MAX_OBJECTS)):
        kind = pdfium.FPDFPageObj_GetType(one)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            texts.append(_text(one, order, form, matrix))
        else:
            others.append(Drawn(order, kind, _placed(_box(one), matrix), _is_dark(one, kind)))
    return PageObjects(texts, others, tuple(page.get_bbox()))


def _drawn(page: pypdfium2.PdfPage) -> Iterator[tuple[object, object | None, Matrix]]:
    """The objects of a page in the order in which it draws them, with the form that holds them, and how it lies."""
    for place in range(pdfium.FPDFPage_CountObjects(page.raw)):
        yield from _opened(pdfium.FPDFPage_GetObject(page.raw, place), None, _AS_IT_IS, _DEPTH)


def _opened(
    one: object, form: object | None, matrix: Matrix, depth: int
) -> Iterator[tuple[object, object | None, Matrix]]:
    if depth == 0 or pdfium.FPDFPageObj_GetType(one) != pdfium.FPDF_PAGEOBJ_FORM:
        yield one, form, matrix
        return
    within = _joined(_matrix(one), matrix)
    for place in range(pdfium.FPDFFormObj_CountObjects(one)):
        yield from _opened(pdfium.FPDFFormObj_GetObject(one, place), one, within, depth - 1)


def text_of(one: TextObject, content: pypdfium2.PdfTextPage) -> str:
    """What a text object says."""
    size = pdfium.FPDFTextObj_GetText(one.raw, content.raw, None, 0)
    units = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFTextObj_GetText(one.raw, content.raw, units, size)
    return bytes(units).decode("utf-16-le", "replace").rstrip("\0")


def _text(one: object, order: int, form: object | None, within: Matrix) -> TextObject:
    size = ctypes.c_float()
    a, b, c, d, _, foot = _joined(_matrix(one), within)
    pdfium.FPDFTextObj_GetFontSize(one, size)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(one)
    color = _color(one)
    height = abs(size.value) * (c**2 + d**2) ** 0.5
    is_upright = d > 0 and abs(b) + abs(c) < 0.1 * d
    is_white = mode == 0 and color is not None and min(color[:3]) >= _WHITE
    is_unseen = mode in _UNSEEN_MODES or (color is not None and color[3] == 0)
    box = _placed(_box(one), within)
    high = box[2] - box[0] if abs(b) > abs(a) else box[3] - box[1]  # some files scale letters in other ways than these
    is_tiny = max(height, high) < _LEAST_POINTS
    return TextObject(one, order, box, foot, height, is_upright, is_tiny, is_white, is_unseen, form)


def _matrix(one: object) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(one, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


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


def _is_dark(one: object, kind: int) -> bool:
    if kind != pdfium.FPDF_PAGEOBJ_PATH:
        return True  # a picture, a shading or a form: it may be dark
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(one, fill, stroke)
    color = _color(one)
    return fill.value != 0 and (color is None or (min(color[:3]) < _WHITE and color[3] > 0))


def _color(one: object) -> tuple[int, int, int, int] | None:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not pdfium.FPDFPageObj_GetFillColor(one, red, green, blue, alpha):
        return None
    return red.value, green.value, blue.value, alpha.value


def _box(one: object) -> Box:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(one, left, bottom, right, top)
    return left.value, bottom.value, right.value, top.value


def _widened(box: Box) -> Box:
    """A box that has an area even where its text is a space or a line."""
    return box[0] - 0.1, box[1] - 0.1, box[2] + 0.1, box[3] + 0.1


def _common(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _holds(outer: Box, inner: Box) -> bool:
    """Whether the middle of a box lies in another."""
    across, up = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= across <= outer[2] and outer[1] <= up <= outer[3]
