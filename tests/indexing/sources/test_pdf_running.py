"""Running lines of PDF files: heads of left and right pages go, heading rows stay, scans below them are named."""

import pytest

from indexing.sources.pdf import read_pdf
from tests.support.made_files import pdf_of

WORDS = ("amber", "basalt", "cedar", "dune", "ember", "fjord", "grove", "heath")


def lines_of(pages):
    return [line for line in read_pdf(pdf_of(pages)).text.split("\n") if line]


@pytest.mark.parametrize(
    "heading",
    [
        ["SKU  Weight  Price"],
        ["Model  Rating", "(type)  (ampere)"],
        ["Time  Level  Message"],
    ],
)
@pytest.mark.parametrize("head", [[], [(50, 820, 8, "Parts of the year")]])
def test_a_heading_row_that_each_page_repeats_stays_on_its_rows(heading, head):
    rows = [[f"{word}-{page}  {page * 7 + place}" for place, word in enumerate(WORDS)] for page in range(4)]
    pages = [head + [(50, 780 - 15 * place, 11, line) for place, line in enumerate([*heading, *body])] for body in rows]
    found = lines_of(pages)
    wanted = [" ".join(line.split()) for body in rows for line in [*heading, *body]]
    assert [" ".join(line.split()) for line in found] == wanted


def test_a_total_that_each_page_repeats_stays_below_its_rows():
    pages = [
        [*((50, 780 - 15 * at, 11, f"{word} {page}") for at, word in enumerate(WORDS)), (50, 660, 11, "to be carried")]
        for page in range(4)
    ]
    assert lines_of(pages).count("to be carried") == 4


@pytest.mark.parametrize(
    ("left", "right"), [("Operating manual", "Acme Pumps"), ("Handbook", ""), ("Acme - Internal", "Rev. 3 of May")]
)
def test_heads_of_left_and_right_pages_go_and_are_counted(left, right):
    pages = [
        [(50, 810, 9, name)] * bool(name) + [(50, 700, 11, f"About {word}."), (50, 686, 11, f"The {word} text.")]
        for name, word in zip((left, right) * 4, WORDS, strict=True)
    ]
    extract = read_pdf(pdf_of(pages))
    assert extract.text == "\n\n".join(f"About {word}.\nThe {word} text." for word in WORDS)
    assert extract.account.left_out.keys() == {"running lines"}
    assert extract.account.unexplained == 0


@pytest.mark.parametrize(
    "head",
    [
        "Acme handbook Page {}",
        "Seite {} von 8 - Handbuch",
        "{} | Handbook of Acme",
        "Handbook \u00b7 {}",
        "Rev. 2, page {}/8",
    ],
)
def test_heads_with_the_number_of_their_page_go(head):
    pages = [[(50, 810, 9, head.format(at)), (50, 700, 11, f"About {word}.")] for at, word in enumerate(WORDS, 1)]
    assert lines_of(pages) == [f"About {word}." for word in WORDS]


@pytest.mark.parametrize("head", ["Invoice {}", "Chapter {} of Page", "Order {} | Acme", "Page 7 of volume {}"])
def test_heads_with_another_number_stay(head):
    pages = [[(50, 810, 9, head.format(at)), (50, 700, 11, f"About {word}.")] for at, word in enumerate(WORDS, 1)]
    assert lines_of(pages)[::2] == [head.format(at) for at in range(1, 9)]


def test_a_heading_of_terms_on_the_back_of_each_page_stays():
    back = [(50, 800, 11, "Terms of sale"), (50, 700, 11, "We deliver in May."), (50, 686, 11, "You pay in June.")]
    pages = [[(50, 700, 11, f"Invoice {word}")] if at % 2 == 0 else back for at, word in enumerate(WORDS)]
    assert lines_of(pages).count("Terms of sale") == 4


@pytest.mark.parametrize("scans", [{1}, {0, 2}, {3}])
def test_a_scan_under_a_running_line_is_named(scans):
    picture = "q 500 0 0 600 40 100 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x7f EI Q"
    head = "BT /F1 8 Tf 50 820 Td (Archive of Acme) Tj ET"
    body = "BT /F1 11 Tf 50 700 Td (About {}.) Tj ET"
    pages = [
        "\n".join([head, picture if at in scans else body.format(word)]).encode("latin-1")
        for at, word in enumerate(WORDS[:5])
    ]
    (note,) = read_pdf(pdf_of(pages)).account.notes
    assert all(str(at + 1) in note for at in scans)
    assert "without text" in note
