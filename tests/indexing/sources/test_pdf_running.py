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


CHAPTERS = (("Pumps of the north hall", 3), ("Valves", 2), ("Motors and their fuses", 4), ("What else to know", 2))


def book(head_of, *, opening_has_head=False, title_of=lambda number, name: [(60, 700, 20, name)]):
    """Pages of chapters: a title on each first page, and what ``head_of`` gives above the other ones."""
    pages = []
    for number, (name, count) in enumerate(CHAPTERS, 1):
        for of_chapter in range(count):
            page = len(pages) + 1
            lines = title_of(number, name) if of_chapter == 0 else []
            text = [(60, 600 - 14 * at, 11, f"The {word} of page {page} is {word}.") for at, word in enumerate(WORDS)]
            heads = head_of(page, number, name) if of_chapter or opening_has_head else []
            pages.append([*heads, *lines, *text])
    return pages


@pytest.mark.parametrize("opening_has_head", [False, True])
@pytest.mark.parametrize(
    "head_of",
    [
        lambda page, number, name: [(60, 800, 9, name)],
        lambda page, number, name: [(60, 800, 9, name.upper())],
        lambda page, number, name: [(60, 800, 9, f"{page + 12}   {name}")],
        lambda page, number, name: [(60, 800, 9, f"{name} | {page}")],
        lambda page, number, name: [(60, 800, 9, f"{page} | {name}" if page % 2 else f"{name} | {page}")],
        lambda page, number, name: [(60, 800, 9, name), (500, 800, 9, str(page))],
        lambda page, number, name: [(60, 800, 9, "Handbook"), (60, 788, 9, name)],
        lambda page, number, name: [(60, 800, 9, name), (60, 788, 9, "Handbook")],
        lambda page, number, name: [(60, 800, 9, "Handbook"), (200, 800, 9, name), (500, 800, 9, str(page))],
        lambda page, number, name: [(60, 40, 9, name)],
        lambda page, number, name: [(60, 800, 9, name if page % 2 else "Handbook")],
    ],
)
def test_heads_that_change_with_the_chapter_go_and_its_title_stays_once(head_of, opening_has_head):
    extract = read_pdf(pdf_of(book(head_of, opening_has_head=opening_has_head)))
    said = " ".join(extract.text.split())
    assert [said.casefold().count(name.casefold()) for name, _ in CHAPTERS] == [1] * len(CHAPTERS)
    assert all(f"The {word} of page {page} is {word}." in said for page in range(1, 12) for word in WORDS)
    assert extract.account.left_out.keys() == {"running lines"}
    assert extract.account.unexplained == 0


@pytest.mark.parametrize(
    "title_of",
    [
        lambda number, name: [(60, 720, 20, f"Chapter {number}"), (60, 690, 20, name)],
        lambda number, name: [(60, 720, 20, f"{number}. {name}")],
        lambda number, name: [(60, 720 - 22 * at, 18, part) for at, part in enumerate(name.split(" ", 1))],
    ],
)
def test_the_title_may_have_a_number_or_take_lines_of_its_own(title_of):
    def head_of(page, number, name):
        numbered = title_of(1, "")[0][3].startswith("1.")
        return [(60, 800, 9, f"{number}. {name}" if numbered else name)]

    extract = read_pdf(pdf_of(book(head_of, title_of=title_of)))
    said = " ".join(extract.text.split())
    assert [said.count(name) for name, _ in CHAPTERS] == [1] * len(CHAPTERS)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ((800, 9, "{name}"), None),  # the title stands nowhere else
        ((800, 9, "Account {number}"), (720, 20, "Account {number}")),
        ((800, 24, "{name}"), (720, 30, "{name}")),  # titles of slides
        ((800, 9, "{name} {page}00"), (720, 8, "{name}")),
        ((800, 9, "{name} {page}00"), (720, 20, "{name}")),
        ((800, 9, "{name} 202{number}"), (720, 20, "{name}")),
        ((800, 9, "{name} 202{number} | {page}"), (720, 20, "{name}")),
        ((800, 9, "Chapter {number}: {name}"), (720, 20, "{name}")),  # the title says no number
        ((800, 9, "Chapter {number}: {name} | {page}"), (720, 20, "{name}")),
        ((800, 9, "Handbook Chapter {number}: {name}"), (720, 20, "{name}")),
        ((614, 11, "{name}"), (720, 20, "{name}")),  # a row of the text
        ((800, 9, "{name}"), (720, 9, "{name}")),  # as a table may name its parts
    ],
)
def test_what_is_no_title_of_a_chapter_stays_on_each_page(head, title):
    def written(form, page, number, name):
        return [(60, form[0], form[1], form[2].format(page=page, number=number, name=name))] if form else []

    def head_of(page, number, name):
        return written(head, page, number, name)

    pages = book(head_of, title_of=lambda number, name: written(title, 0, number, name))
    heads = [head_of(page, number, name) for page, number, name in chapter_pages()]
    said = read_pdf(pdf_of(pages)).text
    assert all(said.count(head[0][3]) >= sum(head == other for other in heads) for head in heads)


def test_years_behind_the_title_of_a_chapter_stay():
    heads = [f"{name} {year}" for name in ("Revenue", "Costs", "Staff") for year in (2021, 2022, 2023)]
    pages = [
        [
            (60, 800, 9, head),
            *([(60, 700, 20, head.split()[0])] * head.endswith("2021")),
            *((60, 600 - 14 * at, 11, f"The {word} of {head.lower()} rose.") for at, word in enumerate(WORDS)),
        ]
        for head in heads
    ]
    said = read_pdf(pdf_of(pages)).text.split("\n")
    assert [line for line in said if line in heads] == heads


def test_a_head_with_the_number_of_its_chapter_goes_where_both_stand_large():
    def title_of(number, name):
        return [(60, 760, 14, f"Chapter {number}"), (60, 730, 11, f"Of {number} things."), (60, 690, 20, name)]

    def head_of(page, number, name):
        return [(60, 800, 9, f"Chapter {number}. {name} | {page}")]

    said = read_pdf(pdf_of(book(head_of, title_of=title_of))).text
    assert [said.count(name) for name, _ in CHAPTERS] == [1] * len(CHAPTERS)
    assert [said.count(f"Chapter {number}") for number in range(1, 5)] == [1] * len(CHAPTERS)


def chapter_pages():
    """Page, chapter and its name of all pages but first ones."""
    page = 0
    for number, (name, count) in enumerate(CHAPTERS, 1):
        for of_chapter in range(count):
            page += 1
            if of_chapter:
                yield page, number, name


def test_a_title_that_most_slides_repeat_stays_once():
    slides = [("Results", word) for word in WORDS[:6]] + [("Outlook", word) for word in WORDS[:3]]
    pages = [[(60, 760, 28, title), (60, 600, 14, f"The {word} is good.")] for title, word in slides]
    extract = read_pdf(pdf_of(pages))
    assert (extract.text.count("Results"), extract.text.count("Outlook")) == (1, 3)
    assert extract.text.startswith("Results\n\nThe amber is good.")
    assert extract.account.left_out == {"running lines": 5 * len("Results")}
