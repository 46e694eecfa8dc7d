"""Commands that run until they are ended: killed as a power cut would, and started again as a supervisor would."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.harness.server import PROGRAM


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children at once, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


def children_of(process: psutil.Process) -> list[psutil.Process]:
    """Its children that live."""
    try:
        return [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


class Service:
    """A ``groundwork`` command in a process group of its own; its log survives its restarts."""

    def __init__(self, home: Path, environment: Mapping[str, str], log: Path, *arguments: str) -> None:
        """Start ``groundwork --home HOME`` with ``arguments`` and ``environment``, all of it."""
        self._command = [PROGRAM, "--home", str(home), *arguments]
        self._environment, self.log = environment, log
        self.starts = 0
        self.start()

    def start(self) -> None:
        """Start it, as a process supervisor would after its end. Does not wait until it is ready."""
        self._offset = self.log.stat().st_size if self.log.exists() else 0
        self.starts += 1
        with self.log.open("a") as stream:
            self.process = subprocess.Popen(
                self._command, stdout=stream, stderr=stream, env=self._environment, start_new_session=True
            )

    def kill(self) -> None:
        """End the whole process group at once."""
        kill_group(self.process)

    def kill_first(self) -> None:
        """End the command's own process at once; what it started is left to find that out."""
        self.process.kill()
        self.process.wait(timeout=30)

    def kill_child(self, number: int) -> int:
        """End one of its children at once, counted from 0 and on from the first again; gives its process id.

        Raises:
            RuntimeError: it has none.
        """
        children = children_of(psutil.Process(self.process.pid))
        if not children:
            raise RuntimeError(f"{' '.join(self._command)} has no child to be killed: see {self.log}.")
        child = children[number % len(children)]
        child.kill()
        return child.pid

    def said(self) -> str:
        """What its log says since its latest start."""
        with self.log.open("rb") as stream:
            stream.seek(self._offset)
            return stream.read().decode(errors="replace")
