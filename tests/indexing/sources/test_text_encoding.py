"""Text files are read as their byte order marks say."""

from pathlib import Path

import pytest

from indexing.records import Document
from indexing.sources.readers import open_source
from indexing.sources.refusals import Refused
from indexing.sources.text_encoding import file_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_each_encoding_gives_the_same_text(encoding: str) -> None:
    assert file_text("Grüße, 世界 🎉\n".encode(encoding)) == "Grüße, 世界 🎉\n"


def test_both_orders_of_bytes_are_read() -> None:
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le")):
        assert file_text(mark + "Grüße".encode(encoding)) == "Grüße"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfea", "its byte order mark says UTF-16, but it is not"),
        (b"\xff\xfe\x00\xd8a\x00", "its byte order mark says UTF-16, but it is not"),
        ("words".encode("utf-16-le"), "it has no byte order mark: save it as UTF-8"),
        (b"caf\xe9", "is not UTF-8: save it as UTF-8"),
    ],
)
def test_what_is_of_another_encoding_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        file_text(data)


def test_files_of_every_text_ending_may_be_utf_16(tmp_path: Path) -> None:
    texts = {"a.txt": "Grüße", "b.md": "---\ntitle: Größe\n---\nGrüße", "c.csv": "wort\nGrüße", "d.mdx": "Grüße"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode("utf-16"))
    documents = list(open_source(tmp_path).read())
    assert all(isinstance(document, Document) and "Grüße" in document.text for document in documents), documents
    assert [document.title for document in documents if isinstance(document, Document)] == ["a", "Größe", "c", "d"]
