"""Starts Groundwork's programs by forking a process that has loaded them, for tests of what they do once they run.

Tests of how a program starts use ``subprocess``, as do those that run each command once as a user does.
"""

import atexit
import ctypes
import functools
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.support import program_template

ROOT = Path(__file__).parent.parent.parent
PROGRAM = str(Path(sys.executable).parent / "groundwork")
WORKER, PARSER = "app.server.worker", "indexing.sources.parser_process"
_PR_SET_CHILD_SUBREAPER = 36
"""Of prctl(2): orphans below the calling process become its children. Source: linux/prctl.h."""


class _Template:
    """The process that forks, at the other end of a channel: it ends when this one does."""

    def __init__(self, channel):
        self._channel, self._lock, self._prctl = channel, threading.Lock(), ctypes.CDLL(None).prctl

    def close(self):
        """Let it end."""
        self._channel.close()

    def fork(self, start, descriptors):
        """The id of a new child of this process that does what ``start`` says."""
        with self._lock:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            try:
                socket.send_fds(self._channel, [json.dumps(vars(start)).encode()], descriptors)
                answer = self._channel.recv(4)
            except ConnectionError:
                answer = b""
            finally:
                self._prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        if not answer:
            raise RuntimeError("The process that forks programs has ended: its errors stand above.")
        return int.from_bytes(answer, "big")


_adopted = []
"""The template that this process was given, if any."""


@functools.cache
def _template(kind):
    """The template of this process for ``programs`` or ``parsers``, started when it is first needed."""
    return _adopted[0] if _adopted else start_template(kind)


def start_template(kind, *arguments):
    """A process that forks, with what it is to load."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", program_template.__name__, str(theirs.fileno()), kind, *arguments]
    with theirs:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, cwd=ROOT)
    template = _Template(ours)
    atexit.register(process.wait)
    atexit.register(template.close)  # what is registered last is called first
    return template


class ForkedPopen(subprocess.Popen):
    """``subprocess.Popen``, which starts Groundwork's programs by a fork and everything else as always."""

    def _execute_child(self, *given):
        asked = inspect.signature(super()._execute_child).bind(*given).arguments
        start, descriptors = _start_of(asked)
        if start is None or not self._is_forked(start):
            super()._execute_child(*given)
            return
        self.pid = self._forked(start, descriptors)
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in pipes))

    def _is_forked(self, start):
        return start.program != PARSER or not _adopted  # which has loaded more than a parser may have

    def _forked(self, start, descriptors):
        return _template("parsers" if start.program == PARSER else "programs").fork(start, descriptors)


class _OwnFork(ForkedPopen):
    """Forks this process for one worker of the API more: a supervisor has nothing that its workers should not have."""

    def _is_forked(self, start):
        return start.program == WORKER

    def _forked(self, start, descriptors):
        if child := os.fork():
            return child
        program_template.become(start, descriptors)


def _start_of(asked):
    """What to start, from the arguments of ``Popen``, and the descriptors that it gets; ``None`` for other programs."""
    command = [asked["args"]] if isinstance(asked["args"], str) else [os.fspath(one) for one in asked["args"]]
    niceness = 0
    if command[:2] == ["nice", "-n"]:
        niceness, command = int(command[2]), command[3:]
    program = _program_of(command)
    if program is None or asked["preexec_fn"] or asked["shell"] or asked["executable"]:
        return None, []
    kind, name, arguments = program
    standard = enumerate((asked["p2cread"], asked["c2pwrite"], asked["errwrite"]))
    descriptors = {number: number if own < 0 else own for number, own in standard}
    descriptors |= {number: number for number in asked["pass_fds"]}
    start = program_template.Start(
        kind,
        name,
        arguments,
        dict(os.environ if asked["env"] is None else asked["env"]),
        os.fspath(asked["cwd"] or os.getcwd()),
        list(descriptors),
        asked["start_new_session"],
        niceness,
        starts="programs" if name.startswith("benchmarks.") else "workers",
    )
    return start, list(descriptors.values())


def _program_of(command):
    """How the interpreter is told to run what a command line starts: kind, program and arguments; ``None`` if not."""
    if command[0] == PROGRAM:
        return "script", PROGRAM, command[1:]
    if command[0] == sys.executable:
        kind, *rest = [one for one in command[1:] if one not in ("-P", "-u")]
        if kind in ("-m", "-c"):
            return {"-m": "module", "-c": "code"}[kind], rest[0], rest[1:]
        if kind.endswith(".py"):
            return "script", kind, rest
    return None


def fork_workers():
    """Let this process, which is a forked program, fork itself where it would start one worker of the API more."""
    subprocess.Popen = _OwnFork


def fork_through(channel):
    """Let this process start Groundwork's programs through the template at the other end of ``channel``."""
    _adopted.append(_Template(channel))
    subprocess.Popen = ForkedPopen
