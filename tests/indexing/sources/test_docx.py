"""A Word file comes as Markdown in document order; what is broken or too much is named."""

import pytest

from indexing.sources import docx_parts
from indexing.sources.docx import read_word
from indexing.sources.extracted_text import Unreadable
from tests.support import made_files


def test_headings_lists_and_tables_come_in_document_order() -> None:
    body = (
        made_files.paragraph("Handbook", "Title")
        + made_files.paragraph("Refunds", "Heading1")
        + made_files.paragraph("Before & after.")
    )
    body += made_files.paragraph("card", numbering=1) + made_files.paragraph("cash", numbering=1)
    body += made_files.table([["Method", "Days"], ["Card | debit", "5"]]) + made_files.paragraph("Steps", "Heading2")
    body += made_files.paragraph("Open", numbering=2) + made_files.paragraph("Choose", numbering=2)
    extract = read_word(made_files.docx_of(body, title="The handbook"))
    assert extract.title == "The handbook"
    assert extract.text == (
        "# Handbook\n\n# Refunds\n\nBefore & after.\n\n- card\n- cash\n\n| Method | Days |\n| --- | --- |\n"
        "| Card \\| debit | 5 |\n\n## Steps\n\n1. Open\n2. Choose"
    )


def test_what_was_deleted_with_changes_tracked_is_not_there_and_what_was_added_is() -> None:
    body = "<w:p><w:r><w:t>kept </w:t></w:r><w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
    body += "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>"
    assert read_word(made_files.docx_of(body)).text == "kept added"


def test_pictures_are_left_out() -> None:
    inline = '<wp:inline xmlns:wp="urn:wp"><wp:docPr descr="a map"/></wp:inline>'
    drawing = f"<w:p><w:r><w:drawing>{inline}</w:drawing></w:r></w:p>"
    assert read_word(made_files.docx_of(made_files.paragraph("text") + drawing)).text == "text"


def test_a_file_without_properties_has_no_title() -> None:
    assert read_word(made_files.docx_of(made_files.paragraph("text"))).title == ""


def test_the_same_file_gives_the_same_text() -> None:
    data = made_files.docx_of(made_files.paragraph("One", "Heading1") + made_files.paragraph("two"))
    assert read_word(data) == read_word(data)


def entities(encoding: str) -> bytes:
    """A Word file whose entities would unfold to a billion words."""
    declared = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE w [<!ENTITY a "lollollol">{declared}]>'
    xml += f'<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>'
    return made_files.docx_of("", parts={"word/document.xml": xml.encode(encoding)})


def test_entities_are_not_unfolded() -> None:
    with pytest.raises(Unreadable, match=r"'word/document\.xml' has a DOCTYPE, which no Word file has"):
        read_word(entities("utf-8"))
    with pytest.raises(Unreadable, match="not a readable Word file"):
        read_word(entities("utf-16"))


def test_entities_that_name_a_file_are_not_read(tmp_path: object) -> None:
    xml = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'.encode("utf-16")
    for content in (xml, xml.decode("utf-16").encode()):
        with pytest.raises(Unreadable):
            read_word(made_files.docx_of("", parts={"word/document.xml": content}))


def test_a_bomb_is_refused_by_what_it_says_it_unpacks_to() -> None:
    with pytest.raises(Unreadable, match=f"bytes, more than {docx_parts.MAX_UNPACKED_BYTES}: split it"):
        read_word(made_files.docx_of(made_files.paragraph("x" * 70_000_000)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-40], "not a whole Word file"),
        (lambda data: b"PK" + data[2:60], "not a whole Word file"),
        (lambda data: b"hello", "not a whole Word file"),
        (lambda data: b"\xd0\xcf\x11\xe0" + bytes(600), "encrypted, or an old .doc"),
        (lambda data: b"PK\5\6" + bytes(18), r"without \[Content_Types\]\.xml"),
    ],
)
def test_what_is_no_word_file_is_refused_by_name(change: object, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_word(change(made_files.docx_of(made_files.paragraph("text"))))


@pytest.mark.parametrize(
    "parts",
    [
        {"word/document.xml": "<not closed"},
        {"word/document.xml": b"\xff\xfe\0"},
        {"word/numbering.xml": "no xml"},
        {"docProps/core.xml": "no xml"},
    ],
)
def test_a_broken_part_is_refused(parts: object) -> None:
    with pytest.raises(Unreadable, match=r"not a (?:readable|whole) Word file"):
        read_word(made_files.docx_of(made_files.paragraph("text"), parts=parts))


def test_a_part_that_fails_its_checksum_is_refused() -> None:
    data = bytearray(made_files.docx_of(made_files.paragraph("text " * 50)))
    at = data.index(b"word/document.xml") + len("word/document.xml") + 20
    data[at] ^= 0xFF
    with pytest.raises(Unreadable):
        read_word(bytes(data))


def test_a_file_without_words_is_refused_by_that_name() -> None:
    with pytest.raises(Unreadable, match="no readable text"):
        read_word(made_files.docx_of(made_files.paragraph("")))
