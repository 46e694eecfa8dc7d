"""Columns of PDF files whose lines never go on with small letters are told by geometry; rows of tables stay rows."""

import pytest
from fpdf import FPDF

from indexing.sources.pdf import read_pdf
from indexing.sources.pdf_column_kinds import ColumnLine, are_columns
from tests.support.made_files import pdf_of

CAPITALS = (
    "THE PUMPS OF THE NORTH HALL ARE CHECKED IN MAY AND OCTOBER BY TWO FITTERS WHO KNOW THEM WELL AND WRITE A "
    "REPORT ON WHAT THEY FOUND SO THAT PARTS CAN BE BOUGHT IN TIME FOR WINTER",
    "EVERY MEMBER MAY ASK FOR A COPY OF THAT REPORT AND SHALL RECEIVE IT WITHIN FOUR WEEKS FROM THE OFFICE IN "
    "TOWN WHERE ALL FILES ARE KEPT FOR TEN YEARS AFTER A PUMP WAS SOLD",
)
NOUNS = (
    "Pumpen Motoren Ventile Dichtungen Schrauben Kabel Sicherungen Schalter Leitungen Filter Messger\u00e4te "
    "Anzeigen Werkzeuge Handschuhe Brillen Helme Stiefel Lampen Batterien Kisten Eimer Besen T\u00fccher Leitern "
    "Ger\u00fcste Farben Pinsel N\u00e4gel Bohrer S\u00e4gen Zangen Feilen Hobel",
    "Fahrzeuge Anh\u00e4nger Reifen Bremsen Spiegel Gurte Planen Seile Ketten Haken Rampen Karren Paletten B\u00e4nder "
    "Etiketten Folien Kartons Beutel Deckel Griffe Stempel Tinte Papier Ordner Regale Tische St\u00fchle Teppiche "
    "Vorh\u00e4nge Fenster T\u00fcren Schl\u00f6sser Klingeln Treppen Gel\u00e4nder",
)
NUMBERS = (
    "412 PUMPS IN 1990, 388 IN 1991 (OF THESE 97 NEW), 1204 VALVES, 77 MOTORS OF 15 KW, 610 HOURS AT 230 V, 45"
    " STOPS IN 1993, 3 REPAIRS AT 909 EUR, 12 MEN, 655 DAYS WITHOUT LOSS, 20 TONS, 1 FIRE IN 1994, 8 PUMPS "
    "SOLD FOR 2100 EUR EACH",
    "18 HALLS, 7740 METRES OF PIPE, 5 TANKS WITH 333 LITRES, 29 DOORS, 811 LAMPS OF 60 W, 64 SWITCHES, 1500 "
    "SCREWS (M8), 21 LADDERS, 4 CRANES FOR 87 TONS, 2 LIFTS SINCE 1989, 16 GATES, 300 CHAIRS, 9 OFFICES ON 3 "
    "FLOORS, 1 LIBRARY",
)


def beside(*columns, widths=(50, 330), size=11):
    """Columns that the file writes row by row."""
    return [
        (x, 700 - 14 * place, size, column[place])
        for place in range(max(map(len, columns)))
        for x, column in zip(widths, columns, strict=True)
        if place < len(column)
    ]


def lines_of(page):
    return [" ".join(line.split()) for line in read_pdf(pdf_of([page])).text.split("\n") if line]


def wrapped(text, width, size):
    """The lines of a text, each as full as Helvetica lets it be within so many points."""
    pdf = FPDF(unit="pt")
    pdf.set_font("Helvetica", size=size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if pdf.get_string_width(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


FEW_SMALL = tuple(text.replace(" Schalter", " und Schalter").replace(" Karren", " f\u00fcr Karren") for text in NOUNS)
SMALL_NUMBERS = tuple(text.lower().replace(" eur", " EUR") for text in NUMBERS)


@pytest.mark.parametrize("texts", [CAPITALS, NOUNS, NUMBERS, FEW_SMALL, SMALL_NUMBERS])
@pytest.mark.parametrize("width", [150, 180, 210])
def test_full_lines_are_columns_though_none_goes_on_with_a_small_letter(texts, width):
    columns = [wrapped(text, width, 9) for text in texts]
    extract = read_pdf(pdf_of([beside(*columns, size=9)]))
    assert extract.text.split() == " ".join(texts).split()
    assert extract.account.unexplained == 0


MEMBERS = ("Abel, Ruth", "Baker, Tom", "Carr, Ida", "D\u00fcrr, Jan", "Ewing, Mo", "F\u00e4hr, Lu", "Gray, Al")
OTHERS = ("Hale, Bo", "Ito, Ken", "Jost, Eva", "Kahn, Leo", "Lund, Per", "M\u00fcnz, Isa")


@pytest.mark.parametrize(
    "columns",
    [
        (MEMBERS, OTHERS),
        ([f"{n} {word}" for n, word in enumerate(MEMBERS, 1)], [f"{n} {word}" for n, word in enumerate(OTHERS, 8)]),
        (["amber", "basalt", "cedar", "dune", "ember", "fjord"], ["grove", "heath", "island", "jetty", "knoll"]),
    ],
)
def test_a_list_whose_order_goes_down_its_columns_is_read_so(columns):
    assert lines_of(beside(*columns)) == [entry for column in columns for entry in column]


@pytest.mark.parametrize(
    "rows",
    [
        [("Abel, Ruth", "Nurse"), ("Baker, Tom", "Cook"), ("Carr, Ida", "Driver"), ("Dale, J.", "Clerk"), ("E", "Vet")],
        [(str(n), str(40 + 7 * n)) for n in range(1, 8)],
        [(f"{n} Pump", f"{100 + 3 * n} EUR") for n in range(1, 8)],
        [("Germany", "Berlin"), ("France", "Paris"), ("Spain", "Madrid"), ("Italy", "Rome"), ("Norway", "Oslo")],
        [
            ("PUMP OF THE NORTH HALL", "CHECKED IN MAY BY THE FITTERS"),
            ("MOTOR", "NOT IN USE SINCE THE FIRE OF THE WINTER"),
            ("VALVE WITH A LONG HANDLE OF BRASS", "SOLD"),
            ("CABLE OF FORTY METRES", "LENT TO THE TOWN"),
            ("A LAMP", "HANGS ABOVE THE DOOR OF THE OFFICE"),
            ("SWITCH BESIDE THE DOOR", "NEW"),
        ],
        [(f"Motor {n} der Halle im Norden", f"Wartung {n} im Jahr 20{10 + n}") for n in range(8)],
        [("Rome Italy Europe", "Capital City Old"), ("Lima Peru America", "Seat Harbour Young")] * 4,
        [
            ("Opening an account needs a passport", "Bring the passport to Counter 4"),
            ("Closing one needs a signed letter", "Letters go to the Berlin Office"),
            ("Cards are sent within three days", "Cards go to the registered home"),
            ("Loans need two months of payslips", "Payslips go to Lending Counter 2"),
            ("Fees are listed in the price table", "Prices hang beside the entrance"),
            ("Transfers abroad take about a day", "Transfers carry a fee of 5 Euro"),
        ],
        [("amber", "resin"), ("basalt", "stone"), ("cedar", "wood"), ("dune", "sand"), ("ember", "coal")],
    ],
)  # fmt: skip
def test_rows_of_names_numbers_nouns_and_capitals_stay_rows(rows):
    page = beside(*zip(*rows, strict=True))
    assert lines_of(page) == [f"{left} {right}" for left, right in rows]


@pytest.mark.parametrize("mark", ["\u0301", "\u0308\u0301"])
def test_a_line_of_nothing_but_combining_marks_orders_no_list(mark):
    columns = [[ColumnLine(text, 50, 90, 11) for text in (*names[:5], mark)] for names in (MEMBERS, OTHERS)]
    assert not are_columns(columns)
