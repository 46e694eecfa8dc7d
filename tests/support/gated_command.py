"""The command ``groundwork`` that waits for its turn before each task of a build: for kills in the middle of one.

A worker waits while it holds the task's lease, a build without workers just before it does the task. The test gives
turns through a ``Gate``, so how fast a machine is changes nothing.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

from indexing.commands.start import main
from indexing.process_start import prepare

VARIABLE = "TESTS_GATE"


class Gate:
    """The test's side: how many tasks may be done, and how many were begun."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        os.mkfifo(folder / "turns")
        self._turns = os.open(folder / "turns", os.O_RDWR)  # open for both: it has no end while the test runs

    def give(self, turns=10_000):
        """Let so many tasks more be done."""
        os.write(self._turns, bytes(turns))

    def begun(self):
        """How many tasks were begun: those that were done, and those that wait in the hands of a process."""
        file = self.folder / "begun"
        return file.stat().st_size if file.exists() else 0

    def close(self):
        os.close(self._turns)


def wait_for_turn():
    folder = Path(os.environ[VARIABLE])
    with (folder / "begun").open("ab") as begun:
        begun.write(b".")
    with (folder / "turns").open("rb", buffering=0) as turns:
        turns.read(1)


def gate_worker():
    """Nothing that starts threads may be loaded here: the pool forks."""
    from indexing.builds import worker

    class GatedLeases(worker.Leases):
        @contextmanager
        def hold(self, job, name):
            with super().hold(job, name) as is_ours:
                if is_ours:
                    wait_for_turn()
                yield is_ours

    worker.Leases = GatedLeases


def gate_build():
    from indexing.builds.tasks import TaskRunner

    do = TaskRunner.do

    def do_in_turn(runner, task):
        wait_for_turn()
        return do(runner, task)

    TaskRunner.do = do_in_turn


if __name__ == "__main__":
    prepare()
    gate_worker() if "worker" in sys.argv else gate_build()
    main()
