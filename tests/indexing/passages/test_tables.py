"""A passage that begins among the rows of a table carries its heading row, wherever the table stands."""

import itertools

import pytest

from indexing.features.views import PassageView
from indexing.passages import text_blocks
from indexing.passages.chunker import Chunker
from indexing.passages.tables import MAX_HEADING_CHARS, Table, Tables, heading_row
from indexing.passages.text_blocks import MarkdownReader
from indexing.records import Passage
from indexing.sources.html_to_markdown import markdown_of
from tests.support.chunkers import TOKENIZER, chunker, cut

HEAD = "| name | cost |"


def rows(count: int, *, before: str = "", row: str = "| r{} | {} word |") -> str:
    lines = [HEAD, "|---|---|", *(row.format(number, number) for number in range(count))]
    return "".join(f"{before}{line}\n" for line in lines)


def check_carried(passages: list[Passage], heading: str = HEAD) -> None:
    """Every passage that begins below the heading row has it before its text; no other has."""
    assert len(passages) > 2
    assert heading.replace("| ", "").split()[0] in passages[0].text
    assert [passage.table_heading for passage in passages] == ["", *[heading] * (len(passages) - 1)]
    for passage in passages[1:]:
        assert passage.encoder_input.endswith(f"{heading}\n{passage.text}")


@pytest.mark.parametrize("overlap", [0, 16])
def test_each_passage_of_a_table_begins_with_a_row_below_the_heading_row(overlap: int) -> None:
    passages = cut(rows(40), chunker(80, overlap=overlap), title="Stock")
    check_carried(passages)
    assert all(line.startswith("| r") for passage in passages[1:] for line in passage.text.split("\n"))
    assert passages[1].encoder_input.startswith(f"Stock\n{HEAD}\n| r")


def test_text_before_and_after_a_table_has_no_heading_row_of_it() -> None:
    text = f"# T\n\n{'The word. ' * 20}\n\n{rows(30)}\n{'The word. ' * 40}\n"
    passages = cut(text, chunker(64, overlap=0))
    tables = text.index("|---|"), text.rindex("|")
    assert {passage.table_heading for passage in passages} == {"", HEAD}
    for passage in passages:
        assert (passage.table_heading == HEAD) is (tables[0] <= passage.start < tables[1])


def test_each_of_two_tables_carries_its_own() -> None:
    passages = cut(rows(20) + "\nAnd then:\n\n" + rows(20).replace("cost", "size"), chunker(64, overlap=0))
    carried = [passage.table_heading for passage in passages]
    assert set(carried) == {"", HEAD, "| name | size |"}
    assert sorted(carried, key=["", HEAD, "| name | size |"].index) == sorted(
        carried, key=lambda one: (one != "", "size" in one)
    )
    assert "r19" in [passage for passage in passages if passage.table_heading == HEAD][-1].text


@pytest.mark.parametrize("before", ["> ", "  "])
def test_a_table_in_a_quote_or_a_list_carries_its_heading_row(before: str) -> None:
    text = rows(40, before=before)
    if before == "  ":
        text = "- " + text[2:]
    check_carried(cut(text, chunker(80, overlap=0)))


def test_a_table_of_a_page_carries_its_heading_row() -> None:
    cells = "".join(f"<tr><td>r{number}</td><td>{number} word</td></tr>" for number in range(40))
    page = f"<table><thead><tr><th>name</th><th>cost</th></tr></thead><tbody>{cells}</tbody></table>"
    check_carried(cut(markdown_of(page), chunker(80, overlap=0)))


def test_a_row_with_sentences_stays_whole_and_one_that_does_not_fit_is_cut_below_its_heading_row() -> None:
    passages = cut(rows(12, row="| r{} | The word. A word. Word {} |"), chunker(64, overlap=0))
    check_carried(passages)
    assert all(line.count("|") == 3 for passage in passages for line in passage.text.split("\n"))
    long = cut(rows(2, row="| r{} | " + "The word. " * 60 + "{} |"), chunker(64, overlap=0))
    check_carried(long)
    assert any(not passage.text.startswith("|") for passage in long)


def test_a_heading_row_without_names_is_not_carried() -> None:
    passages = cut(rows(40).replace(HEAD, "|  |  |"), chunker(80))
    assert {passage.table_heading for passage in passages} == {""}


def test_a_wide_heading_row_takes_a_quarter_of_what_the_encoder_reads_and_stands_whole_in_the_passage() -> None:
    wide = "| " + " | ".join(f"word the c{number}" for number in range(20)) + " |"
    text = f"{wide}\n{'|---' * 20}|\n" + ("| the " * 20 + "|\n") * 20
    passages = cut(text, chunker(120, overlap=0))
    assert {passage.table_heading for passage in passages} == {"", wide}
    above = passages[-1].encoder_input.removesuffix(passages[-1].text).strip()
    assert wide.startswith(above)
    assert 20 < len(TOKENIZER.encode(above, add_special_tokens=False).ids) <= 30


def test_the_first_algorithm_cuts_as_it_did_and_carries_nothing() -> None:
    first = cut(rows(40), chunker(80, overlap=0, algorithm=1), title="Stock")
    assert {passage.table_heading for passage in first} == {""}
    assert first[1].encoder_input == f"Stock\n{first[1].text}"
    head = Chunker(PassageView("head", 1, "head", 32, 0, 8, algorithm=2), TOKENIZER, 64)
    assert [passage.table_heading for passage in cut(rows(40), head)] == [""]


def test_a_table_that_is_read_in_several_windows_keeps_its_heading_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "WINDOW_CHARS", 300)
    text = rows(80) + "\nThe end.\n\n| not | a table |\n"
    blocks = MarkdownReader().blocks(text)
    tables = [table for block in blocks for table in block.tables]
    assert len(tables) == 2
    assert {table.heading for table in tables} == {HEAD}
    assert (tables[0].start, tables[-1].end) == (0, text.index("\nThe end."))
    assert all(one.end == other.start == other.rows for one, other in itertools.pairwise(tables))
    passages = cut(text, chunker(80, overlap=0))
    assert all(passage.table_heading == HEAD for passage in passages[1:] if passage.text.startswith("| r"))
    assert passages[-1].table_heading == ("" if "The end" in passages[-1].text[:8] else HEAD)


def test_a_place_has_the_heading_row_of_the_table_among_whose_rows_it_is() -> None:
    tables = Tables([Table(2, 5, 9, "a"), Table(12, 14, 20, "b")])
    assert [tables.heading_at(place) for place in (0, 2, 4, 5, 8, 9, 13, 14, 19, 20, 99)] == [
        *("", "", "", "a", "a", "", "", "b", "b", "", "")
    ]
    assert Tables([]).heading_at(3) == ""


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("| a |   b |\n", "| a | b |"),
        ("a | b\r\n", "a | b"),
        ("> > | a | b |", "| a | b |"),
        (">| a | b |", "| a | b |"),
        ("12. | a | b |", "| a | b |"),
        ("|  | - |", ""),
        ("", ""),
        ("| " + "column | " * 200, "| " + "column | " * 110 + "column |"),
        ("x" * 2000, "x" * MAX_HEADING_CHARS),
    ],
)
def test_a_heading_row_is_one_line_without_what_stands_before_it(line: str, row: str) -> None:
    assert heading_row(line) == row
