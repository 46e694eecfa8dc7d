"""Text that is lost is a warning or a refusal by name, and what is left out for good reason is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.records import MARKDOWN, Document, Reject, TextAccount
from indexing.sources import file_readers
from indexing.sources.account_rules import refuse_losses, warnings_of
from indexing.sources.extracted_text import Extract, TextFile, letters_and_digits
from indexing.sources.file_readers import FILE_READERS, FileReader
from indexing.sources.readers import open_source
from indexing.sources.refusals import Refused
from indexing.sources.text_losses import LossTally


@pytest.mark.parametrize(
    ("raw", "kept", "is_warned", "is_refused"),
    [
        (1_000, 1_000, False, False),
        (1_000, 990, False, False),
        (1_000, 989, True, False),
        (1_000_000, 999_800, False, False),
        (1_000_000, 999_799, True, False),
        (1_000, 800, True, False),
        (1_000, 799, True, True),
        (0, 0, False, False),
        (10, 30, False, False),
    ],
)
def test_text_lost_without_a_reason_is_warned_of_and_refused(
    raw: int, kept: int, is_warned: bool, is_refused: bool
) -> None:
    account = TextAccount("made 1", raw, kept)
    assert bool(warnings_of(account)) is is_warned
    if not is_refused:
        refuse_losses(account)
        return
    with pytest.raises(Refused, match=r"20\.1% of its text is lost by its reader \(made 1\)"):
        refuse_losses(account)


@pytest.mark.parametrize(
    ("left_out", "warning"),
    [
        ({"navigation": 800}, None),
        ({"navigation": 500, "parts around the article": 450}, "95% of its text is left out as boilerplate."),
        ({"scripts and styles": 990}, None),
        ({"scripts and styles": 500, "navigation": 480}, "96% of its text is left out as boilerplate."),
        ({"hidden text": 150}, None),
        ({"hidden text": 250}, "25% of its text is left out as hidden text."),
        ({"unreadable glyphs": 9}, None),
        ({"unreadable glyphs": 20}, "2% of its text is left out as unreadable glyphs."),
    ],
)
def test_what_may_be_content_is_warned_of_where_it_is_much(left_out: dict[str, int], warning: str | None) -> None:
    account = TextAccount("made 1", 1_000, 1_000 - sum(left_out.values()), left_out)
    assert warnings_of(account) == ([] if warning is None else [warning])
    refuse_losses(account)


def test_notes_are_warnings_and_unreadable_characters_a_refusal() -> None:
    assert warnings_of(TextAccount("made 1", 10, 10, notes=("Page 2 is a picture.",))) == ["Page 2 is a picture."]
    with pytest.raises(Refused, match=r"21\.0% of its characters cannot be read"):
        refuse_losses(TextAccount("made 1", 100, 79, {"unreadable glyphs": 21}))


def test_a_reader_that_loses_text_is_seen_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(data: bytes) -> TextFile:
        text = data.decode()
        kept = text.replace("lost", "")
        return TextFile(Extract(kept, account=TextAccount("lossy 1", len(text), len(kept))), {})

    monkeypatch.setitem(FILE_READERS, ".lossy", FileReader("made", MARKDOWN, lossy))  # type: ignore[arg-type]
    (tmp_path / "a.lossy").write_text("kept" * 40 + "lost")
    (tmp_path / "b.lossy").write_text("kept" + "lost")
    document, reject = open_source(tmp_path).read()
    assert isinstance(document, Document)
    assert isinstance(reject, Reject)
    assert document.account is not None
    assert document.account.unexplained == 4
    assert "50.0% of its text is lost by its reader (lossy 1)" in reject.reason


def test_losses_are_summed_and_the_files_with_warnings_come_first() -> None:
    tally = LossTally()
    accounts = (
        TextAccount("r 1", 100, 90, {"navigation": 10}),
        TextAccount("r 1", 100, 100),
        TextAccount("r 1", 100, 98),
        None,
    )
    tally.add(Document(f"d{i}", "", "", account=account) for i, account in enumerate(accounts))
    losses = tally.losses()
    assert (losses.raw, losses.kept, losses.left_out, losses.unexplained) == (300, 288, {"navigation": 10}, 2)
    assert [(file.name, len(file.warnings)) for file in losses.files] == [("d2", 1), ("d0", 0)]
    assert losses.warned == 1


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
_FIELDS = st.dictionaries(
    st.sampled_from(["title", "tags", "version", "on", "\u00e9t\u00e9"]), st.integers() | st.booleans()
)


@given(fields=_FIELDS, comment=st.sampled_from(["", "# a comment of 5\n"]), body=_TEXT, is_toml=st.booleans())
def test_every_letter_of_a_text_file_is_kept_or_stands_in_its_front_matter(
    fields: dict[str, object], comment: str, body: str, is_toml: bool
) -> None:
    mark, join = ("+++", "=") if is_toml else ("---", ":")
    lines = "".join(f'"{key}" {join} {str(value).lower()}\n' for key, value in fields.items())
    head = f"{mark}\n{comment}{lines}{mark}\n" if fields else ""
    for ending in (".md", ".txt"):
        read = FILE_READERS[ending].read
        assert read is not None
        try:
            file = read((head + body).encode())
        except Refused:
            continue
        account = file.extract.account
        assert account is not None
        assert file.extract.text.endswith(body.removeprefix("\ufeff") if not head else body)
        assert account.raw == letters_and_digits((head + body).removeprefix("\ufeff"))
        assert account.kept + sum(account.left_out.values()) == account.raw
        assert account.kept == letters_and_digits(file.extract.text)


def test_kinds_of_files_are_named_with_their_endings() -> None:
    assert file_readers.kinds_of_files().startswith("Markdown (.md, .markdown), text (.txt)")
