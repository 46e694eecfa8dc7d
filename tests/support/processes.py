"""Real processes for tests: the command, and a free port for what listens."""

import os
import socket
import subprocess
import sys
from pathlib import Path

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


def start(home, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **settings):
    """A command in a process group of its own."""
    return subprocess.Popen(
        [PROGRAM, "--home", str(home), *map(str, arguments)],
        stdout=stdout,
        stderr=stderr,
        cwd=ROOT,
        env=environment(**settings),
        start_new_session=True,
    )
