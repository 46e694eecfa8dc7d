"""The error tree: one root, one class a cause, each with a sentence that says when it happens."""

import inspect
from pathlib import Path

import pytest

from indexing import errors
from indexing.errors import public_text

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_a_groundwork_error_with_a_description(error: type[Exception]) -> None:
    assert issubclass(error, errors.GroundworkError)
    assert error.__module__ == "indexing.errors"
    assert (error.__doc__ or "").strip().endswith(".")


def test_a_bad_source_counts_as_bad_input() -> None:
    assert issubclass(errors.SourceInvalid, errors.InvalidInput)


def test_an_overloaded_door_says_when_to_come_back() -> None:
    assert errors.Overloaded("full").retry_after_seconds == 1
    assert errors.Overloaded("full", retry_after_seconds=7).retry_after_seconds == 7


HOME = Path("/srv/my data/home")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (f"{HOME}/catalogue.db cannot be opened.", "HOME/catalogue.db cannot be opened."),
        (f"No room to write {HOME}: free some space.", "No room to write HOME: free some space."),
        (f"models/m@1 is not in {HOME}. Build again.", "models/m@1 is not in HOME. Build again."),
        (f"[Errno 13] Permission denied: '{HOME}/shards/a/x'", "[Errno 13] Permission denied: 'HOME/shards/a/x'"),
        ("[Errno 2] No such file: '/usr/lib/python3/site-packages/x.py'", "[Errno 2] No such file: 'x.py'"),
        ("cannot load /opt/lib/libonnx.so.1: no such file", "cannot load libonnx.so.1: no such file"),
        ("cannot list /opt/lib/", "cannot list ..."),
        ("Ask POST /v1/keys/mine again, 3/4 of https://a.example/b/c.", None),
        ("shards/abc/vectors.safetensors is corrupt", None),
    ],
)
def test_what_leaves_the_machine_names_no_place_on_it(message: str, told: str | None) -> None:
    assert public_text(message, HOME) == (message if told is None else told)


def test_a_relative_home_is_hidden_where_a_file_in_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Path("data")
    assert public_text("data/catalogue.db: the data is bad", home) == "HOME/catalogue.db: the data is bad"
    assert public_text(f"{tmp_path}/data/catalogue.db", home) == "HOME/catalogue.db"
    assert public_text(f"{home.resolve()} is full", home) == "HOME is full"


def test_what_a_caller_sent_is_told_as_it_was_sent() -> None:
    message = "No document '/guides/setup/first.md': see /srv/lists/all.txt"
    assert public_text(message, HOME, quotes_caller=True) == "No document '/guides/setup/first.md': see all.txt"
    assert public_text(message, HOME) == "No document 'first.md': see all.txt"
