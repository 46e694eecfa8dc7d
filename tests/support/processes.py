"""Real processes for tests: the command, and a free port for what listens."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent.parent


PROGRAM = str(Path(sys.executable).parent / "groundwork")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**values):
    return os.environ | {"PYTHONPATH": str(ROOT)} | {f"GROUNDWORK_{k.upper()}": str(v) for k, v in values.items()}


def run(home, *arguments, check=True, **settings):
    return subprocess.run(
        [PROGRAM, "--home", str(home), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=ROOT,
        timeout=300,
        env=environment(**settings),
    )


def start(home, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, program=(PROGRAM,), **settings):
    """A command in a process group of its own."""
    return subprocess.Popen(
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
