"""A process that has loaded Groundwork's programs and forks into them: a start takes 10 ms of CPU, not a second or two.

``tests/support/forked_programs.py`` and ``tests/support/forked_workers.py`` start it and ask it. What it forks is as a
fresh process would be, but for what is loaded: arguments, environment, folder, descriptors and session are those that
were asked for.
"""

import atexit
import ctypes
import gc
import json
import os
import random
import runpy
import signal
import socket
import sys
import time
from dataclasses import dataclass

MAX_REQUEST_BYTES = 1 << 17
"""Arguments and environment take some kilobytes. Our choice; the system takes no larger message by default."""
MAX_DESCRIPTORS = 16
"""Of a request: standard input, output and errors, and those that a program is given. Our choice."""


@dataclass(frozen=True)
class Start:
    """A program to be started, and how.

    ``kind`` is ``script``, ``module`` or ``code``, as the interpreter takes programs; ``descriptors`` are the numbers
    that the descriptors sent along are to have. The program itself ``starts`` either ``workers`` of the API, for which
    it forks itself, or ``programs``, for which it gets a template of its own, or ``nothing`` otherwise than always.
    """

    kind: str
    program: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    descriptors: list[int]
    leads_session: bool
    niceness: int
    starts: str


class _Ending:
    """How a forked program ended, for the last thing that is done in it."""

    status: int | None = None


def leave_at_once():
    """End with nothing taken apart: that would copy every page that the program shares with its template."""
    if _Ending.status is not None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(_Ending.status)


def load_programs():
    """Load what Groundwork's programs need."""
    from indexing.process_start import prepare

    prepare()
    for name in (
        "app.main",
        "app.server.supervisor",
        "app.server.worker",
        "celery.apps.worker",
        "httpx",
        "indexing.builds.build",
        "indexing.builds.worker",
        "kombu.transport.redis",
    ):
        __import__(name)
    from indexing.commands.root import whole_command

    whole_command()
    from indexing.indexes.languages import language_of

    language_of("Which language is this?")  # the model of languages takes half a second


def load_parsers():
    """Load what the process that parses files needs, and no more: its memory is limited, as one address space."""
    from indexing.sources import parser_process

    parser_process.load()

    import tests.support.forked_programs  # noqa: F401 (these for ``become``)


def load_tests(folder, *arguments):
    """Load what a run of tests needs: collect them as pytest does; what cannot be loaded, a worker tells of."""
    import pytest

    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    pytest.main([*arguments, "-n0", "--collect-only"])

    import tests.support.forked_programs  # noqa: F401 (these for ``become``)


def load(loading, *arguments):
    """Load what the programs to be forked need; it starts no thread, which a fork would lose."""
    atexit.register(leave_at_once)  # the first that is registered is called last
    loading(*arguments)
    gc.collect()
    gc.freeze()  # no collection of a child looks at it, and so copies its pages
    assert len(os.listdir("/proc/self/task")) == 1, "something that was loaded has started a thread"


def forked_for(channel):
    """Fork for each request that comes, and answer with the process id; in the child alone the request is returned.

    The child's parent is the nearest process above this one that takes orphans in, which is the one that asked.
    """
    while True:
        message, received, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
        if not message:  # the one that asks has ended
            os._exit(0)
        read, write = os.pipe()
        between = os.fork()
        if between == 0:
            own = os.getpid()
            child = os.fork()
            if child:
                os.write(write, child.to_bytes(4, "big"))
                os._exit(0)
            while os.getppid() == own:
                time.sleep(0.0002)
            channel.detach()
            return Start(**json.loads(message)), received
        os.waitpid(between, 0)
        channel.send(os.read(read, 4))
        for descriptor in (read, write, *received):
            os.close(descriptor)


def place(received, numbers):
    """Give descriptors the numbers that they are to have, and close all others."""
    above = max(*numbers, *received) + 1
    moved = [os.dup2(one, above + place, inheritable=False) for place, one in enumerate(received)]
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number, inheritable=True)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in numbers:
            try:
                os.close(int(name))
            except OSError:  # that of the listing, which is closed already
                continue


def become(start, received):
    """Be the program: its process as it would have been, then what the interpreter does. Never returns."""
    if start.leads_session:
        os.setsid()
    os.nice(start.niceness)
    place(received, start.descriptors)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from prometheus_client import values

    values.ValueClass = values.get_value_class()  # where metrics go, which it reads from the environment when loaded
    random.seed()  # each draws its own
    _take_template(start)
    try:
        _run(start)
        _end(0)
    except SystemExit as ended:
        if ended.code is not None and not isinstance(ended.code, int):
            sys.stderr.write(f"{ended.code}\n")
        _end(0 if ended.code is None else ended.code if isinstance(ended.code, int) else 1)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        _end(1)


def _take_template(start):
    """Let the program start others in the same way: through a template of its own, or by forking itself."""
    from tests.support import forked_programs

    if start.starts == "workers":
        forked_programs.fork_workers()
    if start.starts != "programs":
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        theirs.close()
        forked_programs.fork_through(ours)
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    place([nothing, nothing, nothing, theirs.detach()], [0, 1, 2, 3])
    ours.detach()
    become(*forked_for(socket.socket(fileno=3)))


def _run(start):
    sys.argv[:] = [start.program, *start.arguments]
    if start.kind == "code":
        sys.argv[0] = "-c"
        exec(compile(start.program, "<string>", "exec"), {"__name__": "__main__"})
    elif start.kind == "module":
        sys.modules.pop(start.program, None)
        runpy.run_module(start.program, run_name="__main__", alter_sys=True)
    else:
        sys.modules["__main__"].__spec__ = None
        runpy.run_path(start.program, run_name="__main__")


def _end(status):
    """Do what the interpreter does at its end, up to where ``leave_at_once`` is called: join threads, call handlers."""
    _Ending.status = status & 0xFF
    ctypes.pythonapi.Py_FinalizeEx()


if __name__ == "__main__":
    loadings = {"programs": load_programs, "parsers": load_parsers, "tests": load_tests}
    load(loadings[sys.argv[2]], *sys.argv[3:])
    become(*forked_for(socket.socket(fileno=int(sys.argv[1]))))
