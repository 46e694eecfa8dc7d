"""A page is read in the character set in which it was written, if it says so or gives a hint."""

import pytest
from webencodings.labels import LABELS

from indexing.sources.html_encoding import page_text

EURO = "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e, 5 \N{EURO SIGN}"
CYRILLIC = "\u041f\u0440\u0438\u0432\u0435\u0442"
JAPANESE = "\u65e5\u672c\u8a9e\u306e\u30da\u30fc\u30b8"
KOREAN = "\ud55c\uad6d\uc5b4"
CHINESE = "\u4e2d\u6587\u7f51\u9875"


@pytest.mark.parametrize(
    ("text", "codec", "head"),
    [
        (EURO, "utf-8", '<meta charset="utf-8">'),
        (EURO, "utf-8", ""),
        (EURO, "utf-8-sig", "<meta charset=iso-8859-1>"),  # the mark wins
        (EURO, "utf-16", ""),
        (EURO, "cp1252", ""),
        (EURO, "cp1252", "<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=ISO-8859-1'>"),
        (EURO, "iso8859-15", '<?xml version="1.0" encoding="iso-8859-15"?>'),
        (CYRILLIC, "cp1251", '<meta charset="windows-1251">'),
        (CYRILLIC, "koi8-r", "<meta charset='KOI8-R'>"),
        (JAPANESE, "cp932", '<meta charset="Shift_JIS">'),
        (JAPANESE, "euc_jp", '<meta charset="euc-jp">'),
        (CHINESE, "gb18030", '<meta charset="gb2312">'),
        ("\u4e2d\u6587", "big5", '<meta charset="big5">'),
        (JAPANESE, "iso2022_jp", "<meta charset=iso-2022-jp>"),
        (EURO, "cp1252", '<meta charset="cp819">'),
        (EURO, "cp1252", '<meta charset="iso_8859-1:1987">'),
        (EURO, "cp1252", '<meta charset="ansi">'),  # the standard knows no such label
        (EURO, "cp1252", '<meta charset="x-user-defined">'),
        (CYRILLIC, "koi8-r", '<meta charset="koi">'),
        (CYRILLIC, "cp1251", '<meta charset="x-cp1251">'),
        (CYRILLIC, "mac_cyrillic", '<meta charset="x-mac-ukrainian">'),
        (KOREAN, "cp949", '<meta charset="ks_c_5601-1989">'),
        (KOREAN, "cp949", '<meta charset="korean">'),
        (CHINESE, "gb18030", '<meta charset="chinese">'),
        (JAPANESE, "cp932", '<meta charset="csshiftjis">'),
        (EURO, "utf-8", '<meta charset="rot13">'),
        (EURO, "utf-8", '<meta charset="no-such-set">'),
        (EURO, "utf-8", '<meta charset="utf-16">'),  # what could be read as ASCII so far is no UTF-16
        (EURO, "utf-8", '<meta charset="shift_jis">'),  # a declaration that the bytes contradict
    ],
)
def test_a_page_is_read_as_it_was_written(text: str, codec: str, head: str) -> None:
    assert page_text(f"{head}<p>{text}".encode(codec)) == f"{head}<p>{text}"


def test_bytes_that_fit_nothing_leave_the_rest_readable() -> None:
    assert page_text(b'<meta charset="utf-8"><p>a\xffb') == '<meta charset="utf-8"><p>a\N{REPLACEMENT CHARACTER}b'
    assert page_text(b"<p>a\x81b") == "<p>a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("label", sorted(LABELS))
def test_every_label_of_the_encoding_standard_is_read_and_ascii_stays_what_it_is(label: str) -> None:
    page = f'<meta charset="{label}"><p>abc'
    assert page_text(page.encode() + b"\xff\xff").startswith(page)


def test_a_set_that_browsers_do_not_read_is_not_read_either() -> None:
    assert page_text(b'<meta charset="hz-gb-2312"><p>~{abc\xff').endswith(
        "~{abc\N{LATIN SMALL LETTER Y WITH DIAERESIS}"
    )
