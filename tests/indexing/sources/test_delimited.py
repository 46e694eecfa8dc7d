"""Each row of a table becomes a paragraph with the names of its columns, and what is odd about a file is said."""

import pytest

from indexing.sources import delimited
from indexing.sources.delimited import read_csv, read_tsv
from indexing.sources.extracted_text import Extract
from indexing.sources.refusals import Refused


def read(data: str | bytes) -> Extract:
    extract = read_csv(data.encode() if isinstance(data, str) else data)
    assert extract.account is not None
    assert extract.account.raw == extract.account.kept + sum(extract.account.left_out.values())
    return extract


def notes(extract: Extract) -> tuple[str, ...]:
    assert extract.account is not None
    return extract.account.notes


@pytest.mark.parametrize(
    "data",
    [
        "name,price\npen,2\nink,5\n",
        "name;price\r\npen;2\r\nink;5\r\n",
        "name\tprice\npen\t2\nink\t5",
        "name|price\npen|2\nink|5",
        "sep=;\nname;price\npen;2\nink;5",
        "\ufeffname,price\npen,2\n\nink,5",
        '"name","price"\n"pen","2"\n"ink","5"',
        "name,price\npen,2\nink,5\n,,\n".encode("utf-16"),
        "name,price\npen,2\nink,5\n".encode("utf-32"),
    ],
)
def test_every_delimiter_and_encoding_gives_the_same_rows(data: str | bytes) -> None:
    extract = read(data)
    assert extract.text == "name: pen\nprice: 2\n\nname: ink\nprice: 5"
    assert notes(extract) == ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('a,b\n"one\ntwo, three",x', "a: one two, three\nb: x"),
        ('a,b\n"says ""hi""",x', 'a: says "hi"\nb: x'),
        ("a;b\n1,5;2,5\n3,5;4,5", "a: 1,5\nb: 2,5\n\na: 3,5\nb: 4,5"),
        ("a,b\n,x", "b: x"),
        ("only\nword\nother", "only: word\n\nonly: other"),
        ("Report of May\n\nname,price\npen,2", "Report of May\n\nname: pen\nprice: 2"),
        ("a,b", "a, b"),
        ("a,,c\n1,2,3", "a: 1\ncolumn 2: 2\nc: 3"),
    ],
)
def test_cells_keep_what_they_say(data: str, text: str) -> None:
    assert read(data).text == text


@pytest.mark.parametrize(
    "data", ["ann,12\nbob,13", "2024-05-06,pen\n2024-05-07,ink", "pen,red\npen,blue", "a@b.org,x\nc@d.org,y"]
)
def test_a_file_without_names_of_columns_is_told_by_its_first_row(data: str) -> None:
    extract = read(data)
    assert extract.text.startswith("column 1: ")
    assert extract.text.count("column 1: ") == 2
    assert notes(extract) == ("No row names the columns.",)


def test_rows_of_other_lengths_are_named_and_lose_nothing() -> None:
    extract = read("a,b\n1,2\n3\n4,5,6\n")
    assert extract.text == "a: 1\nb: 2\n\na: 3\n\na: 4\nb: 5\ncolumn 3: 6"
    assert notes(extract) == ("Rows with more or fewer cells than 2 columns: 2, at line 3, 4.",)


def test_names_of_empty_columns_are_left_out_by_name() -> None:
    extract = read("a,spare\n1,\n2,\n")
    assert extract.account is not None
    assert extract.account.left_out == {"names of empty columns": 5}


def test_quotation_marks_that_do_not_pair_lose_no_rows() -> None:
    assert read('size,item\n5",pipe\n6",tube').text == 'size: 5"\nitem: pipe\n\nsize: 6"\nitem: tube'
    unclosed = read('a,b\n"open,3\nx,4\ny,5')
    assert unclosed.text == 'a: "open\nb: 3\n\na: x\nb: 4\n\na: y\nb: 5'
    assert "never closed" in notes(unclosed)[0]
    assert "as they stand" in notes(read('a,b\n"5" pipe",3\nx,4'))[0]


def test_a_file_of_tabs_is_read_by_tabs_whatever_else_it_holds() -> None:
    assert read_tsv(b"a,x\tb\n1,2\t3").text == "a,x: 1,2\nb: 3"


@pytest.mark.parametrize("name", ["allow", "Allow", "ACL", "alow", "allowed", "allow_list", "allow groups"])
def test_a_column_that_looks_like_a_permission_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="looks like a permission of each row"):
        read(f"name,{name}\npen,staff")


def test_what_is_too_large_or_empty_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="no cell of it has a word"):
        read(",,\n,,")
    with pytest.raises(Refused, match="field larger than field limit"):
        read("a,b\n" + "x" * 200_000 + ",y")
    monkeypatch.setattr(delimited, "MAX_ROWS", 3)
    with pytest.raises(Refused, match="more than 3 rows: split it"):
        read("a,b\n" + "1,2\n" * 5)
    monkeypatch.setattr(delimited, "MAX_ROWS", 100)
    monkeypatch.setattr(delimited, "MAX_TEXT_CHARS", 50)
    with pytest.raises(Refused, match="over 50 characters: split it"):
        read("a,b\n" + "1,2\n" * 9)
