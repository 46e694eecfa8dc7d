"""Forks the workers of pytest-xdist from a process that has collected the tests: one process loads all, not each.

A worker collects for itself; where every module is there, that takes 2 seconds of CPU and not 11.
"""

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from execnet import gateway_io

from tests.support.forked_programs import ForkedPopen, start_template


def worker_popen(folder: Path, arguments: tuple[str, ...]) -> type[ForkedPopen]:
    """``subprocess.Popen`` for what execnet starts: an interpreter that does what it reads.

    It has loaded the tests that pytest finds in ``folder`` by ``arguments``, and starts programs as every process does.
    """
    template = start_template("tests", str(folder), *arguments)

    class WorkerPopen(ForkedPopen):
        def _is_forked(self, start):
            return start.program == gateway_io.popen_bootstrapline

        def _forked(self, start, descriptors):
            return template.fork(replace(start, starts="nothing"), descriptors)

        def _execute_child(self, *given):
            try:
                super()._execute_child(*given)
            except RuntimeError:  # why the template has ended stands above; each worker loads the tests for itself
                super(ForkedPopen, self)._execute_child(*given)

    return WorkerPopen


def fork_workers(config: pytest.Config) -> None:
    """Let pytest-xdist start the workers of this run so."""
    popen = worker_popen(config.invocation_params.dir, tuple(map(str, config.invocation_params.args)))
    forking = SimpleNamespace(Popen=popen, PIPE=subprocess.PIPE)

    class ForkedIO(gateway_io.Popen2IOMaster):
        """Both ends of its pipes."""

        def __init__(self, args, execmodel):
            super().__init__(args, SimpleNamespace(subprocess=forking))
            self.execmodel = execmodel

    gateway_io.Popen2IOMaster = ForkedIO
