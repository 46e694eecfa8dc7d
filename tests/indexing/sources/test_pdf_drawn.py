"""PDF pages drawn in other ways: forms, columns, text from right to left, glyphs that PDFium passes over."""

import pytest

from indexing.sources.extracted_text import Unreadable
from indexing.sources.pdf import read_pdf
from indexing.sources.pdf_glyphs import is_language
from tests.support.made_files import pdf_file, pdf_of

RAISED, LOWERED, LEVEL = "4 Ts /F1 6.5 Tf", "-2 Ts /F1 7 Tf", "0 Ts /F1 11 Tf"


def page_with(font: bytes, stream: bytes, *more: bytes, resources: bytes = b"") -> bytes:
    """A PDF of one page; ``font`` is object 4, and ``more`` are objects from 6 on."""
    return pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
            b" /Resources << /Font << /F1 4 0 R >> %s >> >>" % resources,
            font,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
            *more,
        ]
    )


def mapped(letters: dict[int, str]) -> bytes:
    """A page that shows the glyphs A, B and C from left to right, and says which letters they are."""
    pairs = b"".join(
        b"<%02X> <%s>\n" % (code, text.encode("utf-16-be").hex().encode()) for code, text in letters.items()
    )
    table = (
        b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange %d beginbfchar\n%sendbfchar endcmap"
        % (len(letters), pairs)
    )  # fmt: skip
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R /FirstChar 65 /LastChar 67 /Widths [500 500 500] >>"  # noqa: E501
    return page_with(
        font,
        b"BT /F1 12 Tf 50 700 Td (ABC) Tj ET",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(table), table),
    )


@pytest.mark.parametrize(
    ("letters", "text"),
    [
        ({65: "\u0645", 66: "\u0644\u0627", 67: "\u0633"}, "\u0633\u0644\u0627\u0645"),  # lam-alef by its letters
        ({65: "\u0645", 66: "\ufefb", 67: "\u0633"}, "\u0633\u0644\u0627\u0645"),  # by its form
        ({65: "\ufee1", 66: "\ufefc", 67: "\ufeb3"}, "\u0633\u0644\u0627\u0645"),  # all by their forms
        ({65: "\u0644\u0644\u0647", 66: " ", 67: "\ufdf2"}, "\u0627\u0644\u0644\u0647 \u0644\u0644\u0647"),
        ({65: "\u0644\u0651", 66: "\u0643", 67: " "}, "\u0643\u0644\u0651"),  # a letter with its mark
        ({65: "\u0644\u0623", 66: " ", 67: "5"}, "5 \u0644\u0623"),
    ],
)
def test_ligatures_from_right_to_left_are_read_in_order(letters, text):
    assert read_pdf(mapped(letters)).text == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (f"(Dilute 10) Tj {RAISED} (-) Tj /F1 6.6 Tf (3) Tj {LEVEL} ( mol) Tj", "Dilute 10^-3 mol"),
        (f"(SO) Tj {LOWERED} (4) Tj {RAISED} (2-) Tj {LEVEL} ( ions) Tj", "SO4^2- ions"),
        (f"(x) Tj {RAISED} (n) Tj ( + ) Tj (1) Tj {LEVEL} ( grows) Tj", "x^(n+1) grows"),
    ],
)
def test_raised_text_of_several_pieces_is_one(written, text):
    assert read_pdf(pdf_of([f"BT /F1 11 Tf 50 700 Td {written} ET".encode()])).text == text


HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def test_text_in_a_form_object_is_judged_where_the_page_shows_it():
    shown = "BT /F1 1.1 Tf 5 70 Td (Take 10) Tj .4 Ts /F1 .65 Tf (6) Tj 0 Ts /F1 1.1 Tf ( cells.) Tj ET"
    hidden = "1 g BT /F1 1.1 Tf 5 60 Td (white words) Tj ET 0 g BT /F1 .1 Tf 5 50 Td (tiny) Tj ET"
    content = f"{shown} {hidden}".encode()
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 60 85] /Resources << /Font << /F1 4 0 R >> >> /Length %d >>"
        b"\nstream\n%s\nendstream" % (len(content), content)
    )
    data = page_with(HELVETICA, b"q 10 0 0 10 0 0 cm /X Do Q", form, resources=b"/XObject << /X 6 0 R >>")
    extract = read_pdf(data)
    assert extract.text == "Take 10^6 cells."
    assert extract.account.left_out == {"hidden text": len("whitewordstiny")}
    assert extract.account.unexplained == 0


@pytest.mark.parametrize(
    ("catalog", "is_named"),
    [
        (b"/NeedsRendering true /AcroForm << /Fields [] /XFA [(template) 6 0 R] >>", True),
        (b"/NeedsRendering true /AcroForm << /Fields [] /XFA 6 0 R >>", True),
        (b"/AcroForm << /Fields [] >>", False),
    ],
)
def test_a_form_that_a_program_draws_is_named(catalog, is_named, caplog):
    template = b"<template xmlns='http://www.xfa.org/schema/xfa-template/3.0/'><subform/></template>"
    content = b"BT /F1 11 Tf 50 700 Td (Please wait...) Tj ET"
    data = pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
            b" /Resources << /Font << /F1 4 0 R >> >> >>",
            HELVETICA,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(template), template),
        ]
    )
    notes = read_pdf(data).account.notes
    assert ["(XFA)" in note for note in notes] == [True] * is_named


SHADES = {
    "axial": "/PatternType 2 /Shading << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [50 0 300 0] /Function {} >>",
    "axial, extended": "/PatternType 2 /Shading << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [50 0 90 0]"
    " /Extend [true true] /Function {} >>",
    "radial": "/PatternType 2 /Shading << /ShadingType 3 /ColorSpace /DeviceRGB /Coords [150 700 0 150 700 300]"
    " /Function {} >>",
}


@pytest.mark.parametrize("shade", SHADES.values(), ids=SHADES)
def test_text_that_a_shading_fills_is_seen_and_not_white(shade):
    function = "<< /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >>"
    content = (
        b"/Pattern cs /P1 scn BT /F1 30 Tf 50 700 Td (Shaded heading) Tj ET"
        b" 1 g BT /F1 11 Tf 50 600 Td (white words) Tj ET 0 g BT /F1 11 Tf 50 500 Td (Plain text.) Tj ET"
    )
    pattern = f"/Pattern << /P1 << /Type /Pattern {shade.format(function)} >> >>".encode()
    extract = read_pdf(page_with(HELVETICA, content, resources=pattern))
    assert extract.text == "Shaded heading\n\nPlain text."
    assert extract.account.left_out == {"hidden text": len("whitewords")}


COLUMNS = (
    ("The committee met in", "Money for the year to", "Votes were counted by"),
    ("spring and spoke about", "come was set aside and", "the clerk who wrote the"),
    ("the pumps of the hall", "the rest was paid back", "result on a sheet of it"),
    ("in the north of town.", "to all of its members.", "paper for every member."),
)


@pytest.mark.parametrize("places", [(40, 320), (40, 220, 400)])
@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("longer", [0, 1])
def test_columns_of_uneven_feet_and_lengths_come_one_after_the_other(places, shift, longer):
    last = len(COLUMNS) - longer  # the first column may go on below the others
    page = [
        (x, 700 - 14 * row - column * shift, 9, texts[column])
        for row, texts in enumerate(COLUMNS)
        for column, x in enumerate(places)
        if row < last or column == 0
    ]
    order = [COLUMNS[row][column] for column in range(len(places)) for row in range(4) if row < last or column == 0]
    assert [line for line in read_pdf(pdf_of([page])).text.split("\n") if line] == order


@pytest.mark.parametrize("row", ["heartbeat ok", "0.0 0.0 0.0", "Pump 4 normal"])
def test_rows_that_are_all_the_same_stay(row):
    pages = [[(50, 800 - 14 * place, 10, row) for place in range(40)] for _ in range(5)]
    assert read_pdf(pdf_of(pages)).text.count(row) == 200


@pytest.mark.parametrize("form", ["{} 100", "Invoice {}", "{}.5 kg", "2024-01-{}"])
def test_numbers_that_are_no_page_numbers_stay(form):
    lines = [form.replace("100", str(100 * n)).format(n + 10) for n in range(1, 6)]
    pages = [[(50, 800, 10, line), (50, 700, 10, f"Text {line}.")] for line in lines]
    text = read_pdf(pdf_of(pages)).text.split("\n")
    assert all(line in text for line in lines)


@pytest.mark.parametrize(
    ("encoding", "collection", "text"),
    [
        ("UniGB-UCS2-V", "GB1", "\u6587\u5b57\u7ad6\u6392\u7684\u4e2d\u6587\u6587\u4ef6".encode("utf-16-be")),
        ("KSCms-UHC-V", "Korea1", "\ud55c\uad6d\uc5b4\ubb38\uc11c\ub97c\uc138\ub85c\ub85c".encode("cp949")),
        ("ETen-B5-V", "CNS1", "\u76f4\u6392\u7684\u4e2d\u6587\u6587\u4ef6".encode("big5")),
    ],
)
def test_vertical_text_without_its_font_is_refused_by_that_name(encoding, collection, text):
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /%s /DescendantFonts [6 0 R] >>" % encoding.encode()
    )
    descendant = (
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Song /CIDSystemInfo << /Registry (Adobe) /Ordering (%s)"
        b" /Supplement 0 >> /FontDescriptor 7 0 R >>" % collection.encode()
    )
    about = (
        b"<< /Type /FontDescriptor /FontName /Song /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800"
        b" /Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    data = page_with(font, b"BT /F1 11 Tf 50 700 Td <%s> Tj ET" % text.hex().encode(), descendant, about)
    with pytest.raises(Unreadable, match=r"glyphs cannot be read.*fonts embedded, or run OCR"):
        read_pdf(data)


@pytest.mark.parametrize(
    "text",
    [
        "Checkliste Service",
        "V\u00fdbava na p\u0159\u00e1n\u00ed",
        "201",
        "ab ba abba",
        "\u041f\u0440\u0438\u0432\u0435\u0442",
    ],
)
def test_what_reads_as_language_may_be_guessed_right(text):
    assert is_language(text)


@pytest.mark.parametrize(
    "text", ["6XPPD", "9$7&RGH", "-\t/ \t \t%,-00", "\u0514\u03f8\u0407\u03b0\u07d9\u03a8", "\u0102\u0103\u0102"]
)
def test_what_does_not_read_as_language_is_not(text):
    assert not is_language(text)


@pytest.mark.parametrize(
    "rows",
    [
        [(str(n), str(40 + 7 * n)) for n in range(1, 10)],
        [("a", "amber"), ("b", "basalt"), ("c", "cedar")],
        [("x",), ("y",), ("z",)],
        [("1", "Replace the filter, then"), ("2", "close the lid and wait"), ("3", "until the lamp is green")],
    ],
)
def test_rows_that_begin_with_a_single_character_are_lines_of_their_own(rows):
    page = [
        (50 + 280 * at, 700 - 14 * row, 11, cell) for row, cells in enumerate(rows) for at, cell in enumerate(cells)
    ]
    extract = read_pdf(pdf_of([page]))
    assert [" ".join(line.split()) for line in extract.text.split("\n") if line] == [" ".join(row) for row in rows]
    assert extract.account.unexplained == 0


@pytest.mark.parametrize("turn", ["0 -1 1 0", "0 1 -1 0", "0.707 -0.707 0.707 0.707", "0.98 -0.174 0.174 0.98"])
@pytest.mark.parametrize("page", [b"", b"/Rotate 90", b"/Rotate 270"])
def test_turned_text_stays_whole_though_it_runs_down_the_page(turn: str, page: bytes) -> None:
    label = "A label of words I have to read"
    data = pdf_of([f"BT /F1 10 Tf {turn} 200 400 Tm ({label}) Tj ET".encode()])
    assert read_pdf(data.replace(b"/Type /Page /", b"/Type /Page " + page + b" /")).text == label


def test_a_row_that_begins_below_a_slanted_one_is_no_part_of_it() -> None:
    rows = [f"1 0 0.3 1 50 {700 - 14 * row} Tm ({row}) Tj 1 0 0 1 90 {700 - 14 * row} Tm (Pump) Tj" for row in range(5)]
    text = read_pdf(pdf_of([f"BT /F1 10 Tf {' '.join(rows)} ET".encode()])).text
    assert text.split("\n") == [f"{row} Pump" for row in range(5)]
