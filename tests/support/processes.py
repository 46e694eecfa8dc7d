"""Real processes for tests: the command, and a free port for what listens."""

import os
import socket
import subprocess
import sys
import time

import httpx

from tests.support.forked_programs import PROGRAM, ROOT, ForkedPopen


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**values):
    return os.environ | {"PYTHONPATH": str(ROOT)} | {f"GROUNDWORK_{k.upper()}": str(v) for k, v in values.items()}


def run(home, *arguments, check=True, popen=ForkedPopen, **settings):
    """A command from its start to its end; ``popen=subprocess.Popen`` starts it as a user does."""
    command = [PROGRAM, "--home", str(home), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with popen(command, cwd=ROOT, env=environment(**settings), **pipes) as process:
        try:
            out, error = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    if check and process.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {process.returncode}: {error[-3000:]}")
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def run_code(code, *arguments):
    """Python code from its start to its end, in a process that has loaded Groundwork; what it printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with ForkedPopen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, error = process.communicate(timeout=300)
    return subprocess.CompletedProcess(command, process.returncode, out, error)


def start(
    home,
    *arguments,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    program=(PROGRAM,),
    popen=ForkedPopen,
    **settings,
):
    """A command in a process group of its own; ``popen`` as for ``run``."""
    return popen(
        [*program, "--home", str(home), *map(str, arguments)],
        stdout=stdout,
        stderr=stderr,
        cwd=ROOT,
        env=environment(**settings),
        start_new_session=True,
    )


def wait_until(is_true, log, seconds=60):
    """Wait until a server does what is asked; one that does not listen yet is asked again. Else show its log."""
    for _ in range(int(seconds / 0.02)):
        try:
            if is_true():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(log.read_text()[-3000:])
