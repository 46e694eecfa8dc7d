"""Reads what was filled into a PDF's form: texts, choices and ticks, each beside the words that it stands at."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium

from indexing.sources.pdf_lines import Line

MAX_FIELDS = 5_000
"""Fields of a page that are read. Source: our choice."""
_TICKS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_TEXTS = (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
"""Marks of a field that a viewer does not show. Source: PDF 1.7, table 165."""
_PASSWORD = 1 << 13
"""Mark of a text field whose value is shown as stars. Source: PDF 1.7, table 228."""
_NEAR = 200.0
"""Points that a field's label may stand away. Source: our choice: a third of a page."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form: ``value`` as a reader sees it, ``[x]`` or ``[ ]`` for a tick.

    ``is_hidden``: No viewer shows it, or only as stars.
    """

    name: str
    value: str
    is_tick: bool
    is_hidden: bool
    left: float
    bottom: float
    right: float
    top: float


def read_fields(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> list[Field]:
    """The fields of a page that say something: filled ones, and ticks set or not."""
    environment = document.formenv
    if environment is None:
        return []
    found = []
    for number in range(min(MAX_FIELDS, pdfium.FPDFPage_GetAnnotCount(page.raw))):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        try:
            if pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_WIDGET:
                field = _field(environment.raw, annotation)
                if field is not None:
                    found.append(field)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def _field(form: object, annotation: object) -> Field | None:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    name = _text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    name = name or _text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
    box = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, box)
    place = (box.left, min(box.bottom, box.top), box.right, max(box.bottom, box.top))
    is_hidden = bool(pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN)
    if kind in _TICKS:
        value = "[x]" if pdfium.FPDFAnnot_IsChecked(form, annotation) else "[ ]"
        return Field(name, value, True, is_hidden, *place)
    if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
        is_hidden |= bool(pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD)
    value = _text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation) if kind in _TEXTS else ""
    value = " ".join(value.split())
    return Field(name, value, False, is_hidden, *place) if value else None


def _text(ask: Callable[..., int], *arguments: object) -> str:
    size = ask(*arguments, None, 0)
    units = (ctypes.c_ushort * (size // 2 + 1))()
    ask(*arguments, units, size)
    return bytes(units).decode("utf-16-le", "replace").rstrip("\0")


def with_fields(lines: list[Line], fields: list[Field]) -> list[Line]:
    """The lines of a page with each field beside its label, or in a line ``name: value`` below them."""
    made = list(lines)
    for field in fields:
        labels = [(_distance(line, field), place) for place, line in enumerate(lines)]
        distance, place = min(labels, default=(_NEAR, 0))
        if distance >= _NEAR:
            text = f"{field.value} {field.name}" if field.is_tick else f"{field.name}: {field.value}"
            size = max(1.0, field.top - field.bottom)
            made.append(Line(text, field.bottom, field.bottom, size, field.left, field.right))
            continue
        line = made[place]
        is_before = field.is_tick and field.left < lines[place].left
        made[place] = replace(line, text=f"{field.value} {line.text}" if is_before else f"{line.text} {field.value}")
    return made


def _distance(line: Line, field: Field) -> float:
    """How far a line stands from a field on the same height; ``_NEAR`` where it is no label of it."""
    middle = line.begin + line.size / 2
    if not field.bottom - line.size / 2 <= middle <= field.top + line.size / 2:
        return _NEAR
    if line.right <= field.left + line.size:
        return max(0.0, field.left - line.right)
    if field.is_tick and line.left >= field.right - line.size:
        return max(0.0, line.left - field.right)
    return _NEAR
