"""Has files parsed in a process of its own, so that no file can take more than its share of memory and time.

The answer for a file depends on the file alone: what fails in a process that read other files before is tried once
more in a fresh one. Only a file near the time limit may be read on a fast machine and refused on a slow one.
"""

import json
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from indexing.errors import SourceInvalid
from indexing.sources.extracted_text import MAX_TEXT_CHARS, Extract, TextAccount, TextFile, Unreadable

LIBRARIES = ("docutils", "html_to_markdown", "pypdfium2", "selectolax")
"""What the extra ``sources`` installs, by the names that are imported."""
_PROGRAM = (sys.executable, "-P", "-m", "indexing.sources.parser_process")
_START_SECONDS = 60.0
"""Loading the libraries, before the first file's time begins. Our choice."""
_MAX_ANSWER_BYTES = 5 * MAX_TEXT_CHARS
"""The largest answer: a character takes up to four bytes, and headings come beside them. Our choice."""
LENGTH = struct.Struct(">I")
"""What stands before each frame that the two processes send each other: its length in bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may use: seconds of wall-clock time, and bytes of memory (address space of the process)."""

    seconds: float = 30.0
    memory_bytes: int = 1024**3


def missing_libraries() -> list[str]:
    """The libraries of the extra ``sources`` that are not installed."""
    return [name for name in LIBRARIES if find_spec(name) is None]


class ReadingAborted(Exception):
    """Another thread ended the reading of a file; that says nothing of the file."""


class _Died(Exception):
    """The process did not answer, or could not for want of memory; says why and what to do."""


class Extractor:
    """Reads one file after another in one process, which is started for the first and again after each that killed it.

    A context manager; not for several threads at once.

    Args:
        limits: What one file may use.
        program: The command that answers; it is given ``limits`` as its last two arguments.
    """

    def __init__(self, limits: Limits | None = None, *, program: Sequence[str] = _PROGRAM) -> None:
        self._limits = limits or Limits()
        self._command = [*program, str(self._limits.memory_bytes), str(self._limits.seconds)]
        self._process: subprocess.Popen[bytes] | None = None
        self._is_aborted = False

    @property
    def pid(self) -> int | None:
        """The id of the process that reads, ``None`` while there is none."""
        return None if self._process is None else self._process.pid

    def abort(self) -> None:
        """End what is read at this moment, from another thread, and read no more."""
        self._is_aborted = True
        process = self._process
        if process is not None:
            process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def extract(self, suffix: str, data: bytes) -> Extract:
        """The text of one file; ``suffix`` is one of ``parser_process.READERS``. Else as ``read``."""
        return self.read(suffix, data).extract

    def read(self, suffix: str, data: bytes) -> TextFile:
        """What one file holds, whatever of those that are read it is.

        Args:
            suffix: What the file's name ends in, one of ``FILE_READERS``.
            data: The file's bytes.

        Raises:
            Unreadable: The file gives no text: it is broken, empty, or uses more than the limits.
            SourceInvalid: The process does not start.
            ReadingAborted: ``abort`` was called.
        """
        if not data.strip():
            raise Unreadable("it is empty: write into it, or remove it")
        if self._process is not None:
            with suppress(_Died):
                return self._exchange(self._process, suffix, data)
        try:
            return self._exchange(self._started(), suffix, data)
        except _Died as died:
            if self._is_aborted:
                raise ReadingAborted("it is to be read no more") from died
            raise Unreadable(str(died)) from died

    def _started(self) -> subprocess.Popen[bytes]:
        if self._is_aborted:
            raise ReadingAborted("it is to be read no more")
        self._process = process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with _Deadline(process, _START_SECONDS):
            is_ready = _received(process) == b""
        if not is_ready:
            self._stop()
            raise SourceInvalid(
                f"the process that parses files does not start ({_ending(process)}): expected the libraries of the"
                " extra 'sources'; install groundwork[sources] again"
            )
        return process

    def _exchange(self, process: subprocess.Popen[bytes], suffix: str, data: bytes) -> TextFile:
        with _Deadline(process, self._limits.seconds) as deadline:
            answer = _received(process) if _sent(process, suffix.encode(), data) else None
        if deadline.is_over:
            self._stop()
            raise Unreadable(
                f"reading it takes over {self._limits.seconds:g} seconds: simplify it, or split it into several files"
            )
        mebibytes = self._limits.memory_bytes // 1024**2
        if answer is None:
            self._stop()
            raise _Died(
                f"the parser broke off ({_ending(process)}), as it does when a file needs more than {mebibytes} MiB of"
                " memory or is broken: open it in the program it was made with and save it again"
            )
        fields = json.loads(answer)
        if "refused" in fields:
            raise Unreadable(str(fields["refused"]))
        if "memory" in fields:
            self._stop()
            raise _Died(
                f"reading it takes more than {mebibytes} MiB of memory: simplify it, or split it into several files"
            )
        account, above = fields.pop("account", None), fields.pop("fields", {})
        account = account and TextAccount(**account | {"notes": tuple(account["notes"])})
        return TextFile(Extract(**fields, account=account), above)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class _Deadline:
    """Kills a process that is still busy after some seconds, and knows afterwards whether it did."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.is_over = False
        self._process = process
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()

    def _end(self) -> None:
        self.is_over = True
        self._process.kill()


def _sent(process: subprocess.Popen[bytes], *frames: bytes) -> bool:
    """Whether the process took everything."""
    pipe = process.stdin
    if pipe is None:
        return False
    try:
        for frame in frames:
            pipe.write(LENGTH.pack(len(frame)))
            pipe.write(frame)
            pipe.flush()
    except BrokenPipeError:
        return False
    return True


def _received(process: subprocess.Popen[bytes]) -> bytes | None:
    """One frame of the process, or ``None`` where it ended before that, or answers at a length that it never has."""
    pipe = process.stdout
    head = pipe.read(LENGTH.size) if pipe else b""
    size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else _MAX_ANSWER_BYTES + 1
    if pipe is None or size > _MAX_ANSWER_BYTES:
        return None
    answer = pipe.read(size)
    return answer if len(answer) == size else None


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"
