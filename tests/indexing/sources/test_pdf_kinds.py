"""Each kind of PDF in which text went wrong: rows like running lines, raised or hidden text, forms, columns, scans."""

import pytest

from indexing.sources.extracted_text import Unreadable
from indexing.sources.pdf import read_pdf
from tests.support import made_files
from tests.support.made_files import form_pdf_of, pdf_of

WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord")


def drawn(*parts):
    """A page of content written out, each part a line of it."""
    return "\n".join(parts).encode("cp1252")


def shown(x, y, size, text, *, rise=0, mode=0, gray=0):
    return f"BT /F1 {size} Tf {rise} Ts {mode} Tr {gray} g 1 0 0 1 {x} {y} Tm ({text}) Tj ET"


@pytest.mark.parametrize(
    "row",
    [
        lambda page, place: f"Order {page * 40 + place} paid {place * 3 % 17}.50 EUR",
        lambda page, place: f"2024-03-{page + 1:02} 10:{place:02}:00 worker {place % 7} done",
        lambda page, place: f"{1000 + page * 40 + place}",
        lambda page, place: f"| {page}.{place} | {place * 11} |",
    ],
)
def test_rows_that_differ_in_their_digits_alone_all_stay(row):
    pages = [[(50, 800 - 14 * place, 10, row(page, place)) for place in range(40)] for page in range(5)]
    lines = [line for line in read_pdf(pdf_of(pages)).text.split("\n") if line]
    assert lines == [row(page, place) for page in range(5) for place in range(40)]


@pytest.mark.parametrize("form", ["{}", "Page {}", "- {} -", "Page {} of 6", "Seite {}", "{} / 6"])
def test_page_numbers_go_and_are_counted(form):
    pages = [[(50, 700, 11, f"About {word}."), (290, 30, 9, form.format(n))] for n, word in enumerate(WORDS, 1)]
    extract = read_pdf(pdf_of(pages))
    assert extract.text == "\n\n".join(f"About {word}." for word in WORDS)
    assert extract.account.left_out.keys() == {"running lines"}
    assert extract.account.unexplained == 0


@pytest.mark.parametrize(
    ("before", "raised", "after", "text"),
    [
        ("Dilute to 10", "6", " cells.", "Dilute to 10^6 cells."),
        ("Every 10", "-3", " mol counts.", "Every 10^-3 mol counts."),
        ("An area of 12 m", "2", " is let.", "An area of 12 m^2 is let."),
        ("We give refunds", "1", " in May.", "We give refunds [1] in May."),
        ("It ends here.", "12", " Then more.", "It ends here. [12] Then more."),
        ("On the 1", "st", " of May.", "On the 1st of May."),
    ],
)
def test_raised_text_keeps_its_meaning_and_breaks_no_line(before, raised, after, text):
    written = f"({before}) Tj 4 Ts /F1 6.5 Tf ({raised}) Tj 0 Ts /F1 11 Tf ({after}) Tj"
    assert read_pdf(pdf_of([drawn(f"BT /F1 11 Tf 50 700 Td {written} ET")])).text == text


def test_lowered_text_stays_joined():
    written = "(H) Tj -3 Ts /F1 7 Tf (2) Tj 0 Ts /F1 11 Tf (O is water.) Tj"
    assert read_pdf(pdf_of([drawn(f"BT /F1 11 Tf 50 700 Td {written} ET")])).text == "H2O is water."


SEEN = shown(50, 700, 11, "A seen line.")


@pytest.mark.parametrize(
    "hidden",
    [
        shown(50, 600, 11, "hidden words", gray=1),
        shown(50, -300, 11, "hidden words"),
        shown(900, 600, 11, "hidden words"),
        shown(50, 600, 0.5, "hidden words"),
        shown(50, 600, 11, "hidden words", mode=3),
    ],
)
def test_text_that_is_not_seen_is_left_out_and_said(hidden):
    extract = read_pdf(pdf_of([drawn(SEEN, hidden)]))
    assert extract.text == "A seen line."
    assert extract.account.left_out == {"hidden text": len("hiddenwords")}
    assert extract.account.unexplained == 0


def test_white_text_on_a_dark_ground_stays():
    assert "white words" in read_pdf(
        pdf_of([drawn("0.2 g 40 590 300 30 re f", SEEN, shown(50, 600, 11, "white words", gray=1))])
    ).text  # fmt: skip


PICTURE = "q 500 0 0 700 40 60 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"


def test_what_ocr_wrote_under_a_picture_stays():
    assert read_pdf(pdf_of([drawn(PICTURE, shown(50, 600, 11, "words of a scan", mode=3))])).text == "words of a scan"


def test_pages_that_are_pictures_are_named():
    scan, text, blank = drawn(PICTURE), [(50, 700, 11, "Words.")], b""
    extract = read_pdf(pdf_of([text, scan, scan, scan, text, blank, scan]))
    assert extract.account.notes == ("Pages 2 to 4, 7 of 7 are pictures without text.",)
    with pytest.raises(Unreadable, match="no text on its pages, 2 of them"):
        read_pdf(pdf_of([scan, scan]))


def test_a_form_is_read_with_what_was_filled_in():
    lines = [(50, 700, 11, "Serial number:"), (70, 650, 11, "Urgent"), (50, 600, 11, "By post"), (50, 550, 11, "City")]
    form = made_files.form_pdf_of(
        lines,
        [
            ((200, 695, 400, 715), b"/FT /Tx /T (serial) /V (ZX-88417-Q)"),
            ((50, 647, 64, 661), b"/FT /Btn /T (urgent) /V /Yes /AS /Yes /AP << /N << /Yes null /Off null >> >>"),
            ((200, 597, 214, 611), b"/FT /Btn /T (post) /V /Off /AS /Off /AP << /N << /Yes null /Off null >> >>"),
            ((200, 547, 400, 562), b"/FT /Ch /Ff 131072 /T (city) /Opt [(Bern) (Rome)] /V (Rome)"),
            ((200, 100, 400, 130), b"/FT /Tx /T (remark) /TU (What else) /V (Ring twice)"),
            ((200, 60, 400, 80), b"/FT /Tx /T (empty)"),
        ],
    )
    extract = read_pdf(form)
    assert [line for line in extract.text.split("\n") if line] == [
        "Serial number: ZX-88417-Q",
        "[x] Urgent",
        "By post [ ]",
        "City Rome",
        "What else: Ring twice",
    ]
    assert extract.account.unexplained == 0


LEFT = ("The committee reviewed the whole", "report and found that all pumps", "were serviced twice in a year.")
RIGHT = ("Budget for the coming year was", "approved by most of the members", "who were in the room on Friday.")


def rows_of(rows):
    """Lines of two columns, written from left to right and row by row."""
    places = ((700 - 14 * place, row) for place, row in enumerate(rows))
    return [line for height, row in places for line in ((50, height, 11, row[0]), (330, height, 11, row[1]))]


def test_columns_that_are_written_row_by_row_are_read_one_after_the_other():
    page = [
        line
        for row in range(3)
        for line in ((50, 700 - 14 * row, 11, LEFT[row]), (330, 700 - 14 * row, 11, RIGHT[row]))
    ]
    around = [(50, 740, 18, "Minutes of a meeting that was held in spring"), *page, (50, 600, 11, "Signed by both.")]
    text = " ".join(read_pdf(pdf_of([around])).text.split())
    assert " ".join(LEFT) in text
    assert " ".join(RIGHT) in text
    assert text.index(LEFT[0]) < text.index(RIGHT[0]) < text.index("Signed")


@pytest.mark.parametrize(
    "rows",
    [
        [("Pump of the north hall, with a motor", "Replaced in spring by the fitters")] * 4,
        [(f"Setting number {n} of the machine", f"Its value is {n} of a hundred") for n in range(5)],
        [(f"\u00d6lwechsel der Pumpe {n} im Mai", f"\u00c4ndern der Messung {n} im Herbst") for n in range(4)],
        [(f"\u00c9tat de la pompe {n} en mars", f"\u00c0 mesurer {n} fois par jour") for n in range(3)],
        [("pump of the north hall, in use.", "checked by the fitters in May.")] * 4,
        [("name", "the name that is shown to users"), ("size", "how many bytes it may have"), ("kind", "which it is")],
    ],
)  # fmt: skip
def test_rows_of_a_table_are_not_torn_into_columns(rows):
    page = [
        line
        for place, row in enumerate(rows)
        for line in ((50, 700 - 14 * place, 11, row[0]), (330, 700 - 14 * place, 11, row[1]))
    ]
    text = read_pdf(pdf_of([page])).text
    assert [" ".join(line.split()) for line in text.split("\n")] == [f"{left} {right}" for left, right in rows]


@pytest.mark.parametrize(
    ("first", "last", "elsewhere", "text"),
    [
        ("infor-", "mation", "", "information"),
        ("open-", "source", "An open door, a source.", "open-source"),
        ("note-", "book", "A notebook: a note, a book.", "notebook"),
        ("self-", "service", "", "self-service"),
        ("state-of-the-", "art", "", "state-of-the-art"),
        ("long-", "term", "It is long-term.", "long-term"),
        ("X-", "ray", "", "X-ray"),
        ("T-", "shirt", "", "T-shirt"),
        ("e-", "mail", "", "e-mail"),
    ],
)
def test_a_hyphen_at_a_line_end_stays_in_a_compound_alone(first, last, elsewhere, text):
    page = [(50, 700, 11, f"Here {first}"), (50, 686, 11, f"{last} ends."), (50, 640, 11, elsewhere or "Else.")]
    assert read_pdf(pdf_of([page])).text.startswith(f"Here {text} ends.")


@pytest.mark.parametrize("stamp", ["DRAFT", "Confidential - copy", "handbook_v3.docx", "C:\\\\temp\\\\handbook"])
def test_a_stamp_or_the_name_of_a_file_is_no_title(stamp):
    lines = [(50, 500 - 14 * place, 11, f"line {word}") for place, word in enumerate(WORDS)]
    page = drawn(shown(50, 800, 40, stamp), shown(50, 760, 24, "Big words"), *(shown(*line) for line in lines))
    assert read_pdf(pdf_of([page])).title == "Big words"


def unmapped(codes: bytes) -> bytes:
    """A page in a font of codes that does not say which letters they are, and is not in the file."""
    stream = b"BT /F1 11 Tf 50 700 Td <%s> Tj ET" % codes.hex().encode()
    return made_files.pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 7 0 R"
            b" /Resources << /Font << /F1 4 0 R >> >> >>",
            b"<< /Type /Font /Subtype /Type0 /BaseFont /Unknown /Encoding /Identity-H /DescendantFonts [5 0 R] >>",
            b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Unknown /CIDSystemInfo"
            b" << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 6 0 R >>",
            b"<< /Type /FontDescriptor /FontName /Unknown /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800"
            b" /Descent -200 /CapHeight 700 /StemV 80 >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    )


@pytest.mark.parametrize("codes", [bytes(range(2, 60)), b"\xe0\x01\xe0\x02\xe0\x03" * 8, b"\x01\x02\x01\x03" * 9])
def test_glyphs_without_a_meaning_are_refused_by_that_name(codes):
    with pytest.raises(Unreadable, match=r"of its \d+ glyphs cannot be read.*fonts embedded, or run OCR"):
        read_pdf(unmapped(codes))


@pytest.mark.parametrize(
    "entries",
    [
        b"/FT /Tx /T (code) /V (SECRET1) /F 2",  # hidden
        b"/FT /Tx /T (code) /V (SECRET1) /F 32",  # not shown on screens
        b"/FT /Tx /T (code) /V (SECRET1) /Ff 8192",  # a password
        b"/FT /Ch /T (code) /V (SECRET1) /F 2",
    ],
)
def test_fields_that_no_viewer_shows_are_left_out_and_said(entries):
    hidden_tick = ((150, 655, 170, 672), b"/FT /Btn /T (tick) /V /Yes /AS /Yes /F 2")
    shown = ((150, 615, 300, 632), b"/FT /Tx /T (town) /V (Rome) /F 4")
    lines = [(50, 700, 11, "Code"), (50, 660, 11, "Urgent"), (50, 620, 11, "Town")]
    extract = read_pdf(form_pdf_of(lines, [((150, 695, 300, 712), entries), hidden_tick, shown]))
    assert extract.text.split("\n\n") == ["Code", "Urgent", "Town Rome"]
    assert extract.account.left_out == {"hidden text": len("SECRET1")}
    assert extract.account.unexplained == 0
