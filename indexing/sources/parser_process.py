"""The process that parses files by libraries: one request after another, in bounded memory and time.

``indexing/sources/parser_sandbox.py`` starts it and talks to it in frames: four bytes of length, then that many bytes.
It loads all it needs, then gives up the right to open files and sockets, so that nothing in a file can make a parser
read another file or ask the network.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import BinaryIO

from indexing.sources import rst
from indexing.sources.docx import read_word
from indexing.sources.extracted_text import Extract, Unreadable
from indexing.sources.file_readers import FILE_READERS
from indexing.sources.html import read_webpage
from indexing.sources.parser_sandbox import LENGTH
from indexing.sources.pdf import read_pdf
from indexing.sources.refusals import Refused

READERS: Mapping[str, Callable[[bytes], Extract]] = {
    ".htm": read_webpage,
    ".html": read_webpage,
    ".xhtml": read_webpage,
    ".pdf": read_pdf,
    ".docx": read_word,
    ".rst": rst.read_rst,
}
_SAMPLES: Mapping[str, Sequence[bytes]] = {
    ".txt": [b"a", *("a".encode(name) for name in ("utf-8-sig", "utf-16", "utf-32")), b"\xff", b"---\n[\n---\n"],
    ".md": [b"---\nid: a\nat: 2026-11-29\n---\n# A\n", b"+++\nid = 'a'\nat = 2026-11-29T10:00:00Z\n+++\n# A\n"],
    ".mdx": [b"import A from 'a'\n\n# A\n\n<A b={1}>c</A>\n"],
    ".csv": [b"a,b\n1,2\n3,4\n", b"a;b\n1;2\n3;4\n"],
    ".tsv": [b"a\tb\n1\t2\n"],
    ".ipynb": [b'{"cells": [{"cell_type": "code", "source": "a", "outputs": []}], "metadata": {}}', b"{"],
}
"""What each reader of this package reads once before it may open no more files, since modules are
loaded at their first use."""
_SPARE_SECONDS = 5
"""How much later than its parent this process ends itself. Our choice."""


def main() -> None:
    """Answers requests on standard input until it ends; the arguments are the bytes and seconds it may use."""
    max_bytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests, answers = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what a library prints must not stand between the answers
    load()
    _limit(max_bytes)
    _send(answers, b"")  # ready
    while suffix := _frame(requests):
        signal.alarm(int(seconds) + _SPARE_SECONDS)  # ends this process even if its parent is gone
        answer = json.dumps(_answer(suffix.decode(), _frame(requests)), ensure_ascii=False).encode("utf-8", "replace")
        signal.alarm(0)
        _send(answers, answer)


def load() -> None:
    """Load all that the readers need."""
    rst.load()
    for suffix, samples in _SAMPLES.items():
        for sample in samples:
            _answer(suffix, sample)


def _limit(max_bytes: int) -> None:
    limits = {
        resource.RLIMIT_AS: max_bytes,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        with suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(name, (value, value))


def _send(answers: BinaryIO, frame: bytes) -> None:
    answers.write(LENGTH.pack(len(frame)) + frame)
    answers.flush()


def _frame(requests: BinaryIO) -> bytes:
    head = requests.read(LENGTH.size)
    return requests.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def _answer(suffix: str, data: bytes) -> dict[str, object]:
    try:
        return _read(suffix, data)
    except (Unreadable, Refused) as refusal:
        return {"refused": str(refusal)}
    except MemoryError:
        return {"memory": True}
    except RecursionError:
        return {"refused": "it is nested too deep to be read: simplify it"}
    except Exception as error:  # whatever a parser says of bytes that it does not expect
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return {
            "refused": f"the parser cannot read it ({what}): open it in the program it was made with and save it again"
        }


def _read(suffix: str, data: bytes) -> dict[str, object]:
    """What a file holds: its text, and where its kind has them the fields that its author wrote above it."""
    reader = READERS.get(suffix)
    if reader is not None:
        return asdict(reader(data))
    read = FILE_READERS[suffix].read
    if read is None:
        raise Unreadable(f"files that end in {suffix} have no reader here: convert it")
    file = read(data)
    return {**asdict(file.extract), "fields": dict(file.fields)}


if __name__ == "__main__":
    main()
