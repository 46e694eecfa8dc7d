"""No file takes more than its share of time and memory, whatever it does to the process that parses it."""

import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from indexing.errors import SourceInvalid
from indexing.sources import parser_sandbox
from indexing.sources.extracted_text import Unreadable
from indexing.sources.file_readers import PARSED_ENDINGS
from indexing.sources.parser_process import READERS
from indexing.sources.parser_sandbox import LENGTH, Extractor, Limits
from tests.support import made_files

SMALL = Limits(seconds=20, memory_bytes=192 * 1024**2)
PAGE = b"<h1>Title</h1><p>Text."
SPEAK = f"""
import os, signal, struct, sys, time
def say(frame): os.write(1, struct.pack({LENGTH.format!r}, len(frame)) + frame)
say(b"")
def hear():
    size = sys.stdin.buffer.read(4)
    return sys.stdin.buffer.read(struct.unpack({LENGTH.format!r}, size)[0]) if size else sys.exit()
"""


@dataclass
class Changing:
    """Limits that a test changes between two files."""

    seconds: float
    memory_bytes: int = Limits().memory_bytes


def acting(deed: str, limits: Changing | None = None) -> Extractor:
    """An extractor whose process does ``deed`` with the file ``data``, the ``number``-th it is given."""
    loop = f"number = 0\nwhile hear():\n    data = hear(); number += 1\n    {deed}\n    "
    answer = """say(b'{"text": "read %d"}' % number)"""
    return Extractor(limits or Limits(seconds=5), program=[sys.executable, "-c", SPEAK + loop + answer])


@pytest.fixture
def started_as_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is not forked from one that has loaded the parsers, so that it must load all by itself."""
    monkeypatch.setattr(parser_sandbox, "subprocess", subprocess)


@pytest.fixture
def extractor() -> Iterator[Extractor]:
    with Extractor(SMALL) as made:
        yield made


def process_of(extractor: Extractor) -> int:
    assert extractor.pid is not None
    return extractor.pid


def refusal_of(extractor: Extractor, suffix: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as raised:
        extractor.extract(suffix, data)
    return str(raised.value)


@pytest.mark.usefixtures("started_as_always")
def test_every_kind_is_read_by_one_process(extractor: Extractor) -> None:
    files = {".html": PAGE, ".htm": PAGE, ".xhtml": PAGE, ".pdf": made_files.pdf_of([[(50, 700, 11, "Text.")]]),
             ".docx": made_files.docx_of(made_files.paragraph("Text."), title="Title"), ".rst": b"Text."}  # fmt: skip
    assert set(files) == set(PARSED_ENDINGS) == set(READERS)
    processes = set()
    for suffix, data in files.items():
        assert "Text." in extractor.extract(suffix, data).text
        processes.add(process_of(extractor))
    assert len(processes) == 1


def test_a_process_is_started_for_the_first_file_and_gone_afterwards() -> None:
    with Extractor() as extractor:
        assert extractor.pid is None
        assert extractor.extract(".html", PAGE).title == "Title"
        process = process_of(extractor)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.usefixtures("started_as_always")
def test_every_character_set_is_read_by_a_process_that_may_open_no_file(extractor: Extractor) -> None:
    for name in ("shift_jis", "gb2312", "big5", "euc-kr", "koi8-r", "windows-1251", "iso-8859-2", "macintosh"):
        text = extractor.extract(".html", f'<meta charset="{name}"><p>abc '.encode() + b"\xb5\xb5").text
        assert text.startswith("abc"), name


def test_an_empty_file_is_refused_by_that_name(extractor: Extractor) -> None:
    for suffix in READERS:
        assert refusal_of(extractor, suffix, b" \n") == "it is empty: write into it, or remove it"


# what uses too much


def bombs() -> dict[str, tuple[str, bytes]]:
    packed = zlib.compress(b"BT /F1 11 Tf " + b"(aaaaaaaaaa) Tj " * 3_000_000, 9)
    return {
        "page of a million elements": (".html", b"<p>a <b>b</b>\n" * 400_000),
        "huge table": (".html", b"<table>" + b"<tr><td>x<td>y" * 250_000),
        "word file of many paragraphs": (".docx", made_files.docx_of(made_files.paragraph("x y") * 300_000)),
        "compressed PDF page": (".pdf", made_files.pdf_of([packed], stream_fields=b"/Filter /FlateDecode")),
        "PDF page compressed twice": (
            ".pdf",
            made_files.pdf_of(
                [zlib.compress(zlib.compress(bytes(250_000_000), 1), 9)],
                stream_fields=b"/Filter [/FlateDecode /FlateDecode]",
            ),
        ),
    }


def test_files_that_take_too_much_memory_are_named_and_reading_goes_on(extractor: Extractor) -> None:
    for name, (suffix, data) in bombs().items():
        reason = refusal_of(extractor, suffix, data)
        assert "192 MiB of memory" in reason or "holds no text" in reason, name
        assert extractor.extract(".html", PAGE).text == "# Title\n\nText.", name


@pytest.mark.parametrize(
    "data", [b"<div>" * 100_000 + b"x", b"<p " + b" ".join(b"a%d=1" % i for i in range(200_000)) + b">x"]
)
def test_a_page_that_takes_too_long_is_named_and_reading_goes_on(data: bytes) -> None:
    with Extractor(Limits(seconds=0.5)) as extractor:
        assert "reading it takes over 0.5 seconds: simplify it" in refusal_of(extractor, ".html", data)
        assert extractor.pid is None
    with Extractor() as extractor:
        assert extractor.extract(".html", PAGE).title == "Title"


# what happens to the process


@pytest.mark.parametrize(
    ("deed", "ending"),
    [("os.abort()", "SIGABRT"), ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"), ("sys.exit(3)", "exit status 3")],
)
def test_a_parser_that_breaks_off_is_named_and_reading_goes_on(deed: str, ending: str) -> None:
    with acting(f"data == b'bad' and {deed}") as extractor:
        assert f"the parser broke off ({ending})" in refusal_of(extractor, ".pdf", b"bad")
        assert extractor.extract(".pdf", b"good").text == "read 1"
        assert f"the parser broke off ({ending})" in refusal_of(extractor, ".pdf", b"bad")
        assert extractor.extract(".pdf", b"good").text == "read 1"


def test_a_parser_that_hangs_is_stopped_and_reading_goes_on() -> None:
    limits = Changing(seconds=0.3)
    with acting("data == b'bad' and time.sleep(60)", limits) as extractor:
        assert "takes over 0.3 seconds" in refusal_of(extractor, ".pdf", b"bad")
        limits.seconds = 30
        assert extractor.extract(".pdf", b"good").text == "read 1"


def test_a_parser_that_takes_no_input_is_stopped() -> None:
    program = [sys.executable, "-c", SPEAK + "time.sleep(60)"]
    with Extractor(Limits(seconds=0.3), program=program) as extractor:
        assert "takes over 0.3 seconds" in refusal_of(extractor, ".pdf", b"x" * 1_000_000)


def test_what_fails_only_in_a_process_that_read_others_before_is_read_in_a_fresh_one() -> None:
    with acting("number == 3 and os.abort()") as extractor:
        assert [extractor.extract(".pdf", b"x").text for _ in range(4)] == ["read 1", "read 2", "read 1", "read 2"]


def test_a_process_that_died_between_two_files_costs_none_of_them(extractor: Extractor) -> None:
    extractor.extract(".html", PAGE)
    os.kill(process_of(extractor), signal.SIGKILL)
    os.waitid(os.P_PID, process_of(extractor), os.WEXITED | os.WNOWAIT)
    assert extractor.extract(".html", PAGE).title == "Title"


def test_an_answer_of_an_absurd_length_is_not_waited_for() -> None:
    with acting("os.write(1, b'\\xff' * 8)") as extractor:
        assert "the parser broke off" in refusal_of(extractor, ".pdf", b"x")


def test_a_process_that_does_not_start_ends_the_source() -> None:
    told = r"does not start \(exit status 7\).*groundwork\[sources\]"
    program = [sys.executable, "-c", "import sys; sys.exit(7)"]
    with Extractor(program=program) as extractor, pytest.raises(SourceInvalid, match=told):
        extractor.extract(".pdf", b"x")


# what a file may not do


@pytest.mark.usefixtures("started_as_always")
def test_a_file_can_make_a_parser_open_neither_file_nor_socket(tmp_path: Path) -> None:
    code = """
import socket, sys
from indexing.sources import parser_process
def tried(data):
    failed = []
    for act in (lambda: open(data.decode()), lambda: open(data.decode() + ".new", "w"), socket.socket):
        try: act()
        except OSError as error: failed.append(error.strerror)
    return parser_process.Extract(" ".join(failed))
parser_process.READERS = {".html": tried}
parser_process.main()
"""
    secret = tmp_path / "secret"
    secret.write_text("x")
    with Extractor(program=[sys.executable, "-c", code]) as extractor:
        assert extractor.extract(".html", str(secret).encode()).text == " ".join(["Too many open files"] * 3)


def test_every_library_of_the_extra_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parser_sandbox.missing_libraries() == []
    monkeypatch.setattr(parser_sandbox, "LIBRARIES", ("pypdfium2", "no_such_library"))
    assert parser_sandbox.missing_libraries() == ["no_such_library"]
