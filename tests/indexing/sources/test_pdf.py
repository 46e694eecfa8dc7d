"""The text of a PDF comes page by page, whole words and all, without what runs along every page."""

import zlib

import pytest

from indexing.sources import pdf
from indexing.sources.extracted_text import Unreadable
from indexing.sources.pdf import read_pdf
from tests.support import made_files

WORDS = ["first", "second", "third", "fourth"]


def test_pages_paragraphs_and_torn_words_come_whole() -> None:
    page = [
        (50, 700, 11, "A refund goes back to the card that was char-"),
        (50, 686, 11, "ged, and to no other. It is a"),
        (50, 672, 11, "well-known rule: a well-"),
        (50, 658, 11, "known one."),
        (50, 620, 11, "Another paragraph."),
    ]
    extract = read_pdf(made_files.pdf_of([page, [(50, 700, 11, "The second page.")]]))
    assert extract.text == (
        "A refund goes back to the card that was charged, and to no other. It is a\n"
        "well-known rule: a well-known one.\n\nAnother paragraph.\n\nThe second page."
    )
    assert extract.facts == {"pages": 2}


def test_a_name_that_a_line_end_tore_keeps_its_hyphen() -> None:
    page = [(50, 700, 11, "the Harbour-"), (50, 686, 11, "Signature header")]
    assert read_pdf(made_files.pdf_of([page])).text == "the Harbour-Signature header"


def test_what_runs_along_the_pages_is_left_out() -> None:
    pages = [
        [(50, 800, 9, "Harbour handbook"), (50, 760, 18, f"About {word}"), (50, 720, 11, f"The {word} text."),
         (50, 40, 9, "Confidential"), (290, 30, 9, f"Page {number} of 4")]
        for number, word in enumerate(WORDS, 1)
    ]  # fmt: skip
    assert read_pdf(made_files.pdf_of(pages)).text == "\n\n".join(f"About {word}\n\nThe {word} text." for word in WORDS)


def test_what_stands_on_every_page_of_a_short_file_stays() -> None:
    pages = [[(50, 800, 9, "Harbour"), (50, 700, 11, word)] for word in WORDS[:2]]
    assert read_pdf(made_files.pdf_of(pages)).text.count("Harbour") == 2


@pytest.mark.parametrize(
    ("given", "title"),
    [("The handbook", "The handbook"), ("", "Big words"), ("Microsoft Word - draft.docx", "Big words"),
     ("handbook_final.pdf", "Big words")],
)  # fmt: skip
def test_the_title_is_the_files_own_or_what_it_writes_largest(given: str, title: str) -> None:
    page = [(50, 760, 24, "Big words"), *((50, 700 - 14 * i, 11, f"line {word}") for i, word in enumerate(WORDS))]
    assert read_pdf(made_files.pdf_of([page], title=given)).title == title


def test_a_file_of_one_size_has_no_title_of_its_own() -> None:
    assert read_pdf(made_files.pdf_of([[(50, 700, 11, "text")]])).title == ""


def test_letters_beyond_ascii_come_as_they_are() -> None:
    text = "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n (5 \N{EURO SIGN}) \\"
    assert read_pdf(made_files.pdf_of([[(50, 700, 11, text)]])).text == text


def test_an_encrypted_file_opens_with_the_empty_password_alone() -> None:
    lines = [(50, 700, 11, "For everybody.")]
    assert read_pdf(made_files.encrypted_pdf_of(lines, "")).text == "For everybody."
    with pytest.raises(Unreadable, match="encrypted and needs a password"):
        read_pdf(made_files.encrypted_pdf_of(lines, "secret"))


def test_a_scanned_file_is_refused_by_that_name() -> None:
    with pytest.raises(Unreadable, match="it holds no text on its pages, 2 of them: run OCR first"):
        read_pdf(made_files.pdf_of([b"0 0 100 100 re f", b""]))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:200],
        lambda data: data[:-300],
        lambda data: b"hello",
        lambda data: data.replace(b"/Pages", b"/Pag"),
    ],
)
def test_what_is_no_whole_pdf_is_refused_by_name(change: object) -> None:
    with pytest.raises(Unreadable, match=r"not a readable PDF \(|holds no text"):
        read_pdf(change(made_files.pdf_of([[(50, 700, 11, "text")]])))


def test_loops_and_false_counts_in_the_page_tree_end() -> None:
    data = made_files.pdf_of([[(50, 700, 11, "text")]])
    assert read_pdf(data.replace(b"/Kids [5 0 R]", b"/Kids [2 0 R 5 0 R]")).text == "text"
    assert read_pdf(data.replace(b"/Count 1", b"/Count 2000000000")).text == "text"


def test_too_many_pages_are_refused() -> None:
    data = made_files.pdf_of([[(50, 700, 11, "text")]])
    kids = data.replace(b"/Kids [5 0 R] /Count 1", b"/Kids [" + b"5 0 R " * 20_000 + b"] /Count 20000")
    with pytest.raises(Unreadable, match=f"20000 pages, more than {pdf.MAX_PAGES}: split it"):
        read_pdf(kids)


def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_TEXT_CHARS", 20)
    with pytest.raises(Unreadable, match="more than 20 characters of text: split it"):
        read_pdf(made_files.pdf_of([[(50, 700, 11, "0123456789")]] * 3))


def test_compressed_pages_are_read() -> None:
    stream = zlib.compress(made_files.stream_of([(50, 700, 11, "compressed")]))
    assert read_pdf(made_files.pdf_of([stream], stream_fields=b"/Filter /FlateDecode")).text == "compressed"


def test_the_same_file_gives_the_same_text() -> None:
    data = made_files.pdf_of([[(50, 760, 24, "Big"), (50, 700, 11, "text")]] * 4)
    assert read_pdf(data) == read_pdf(data)
