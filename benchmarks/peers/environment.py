"""The peers that Groundwork is compared with, in a virtual environment of their own beside this file.

Nothing of Groundwork is installed there, and nothing of theirs in Groundwork's environment.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

HERE = Path(__file__).parent
_VENV = HERE / ".venv"
_READY_SECONDS = 120.0


def program(name: str) -> str:
    """The path of a program of the peers' environment, which is made if it is not there."""
    done = _VENV / ".done"
    requirements = HERE / "requirements.txt"
    if not done.is_file() or done.stat().st_mtime < requirements.stat().st_mtime:
        print("installing the peers (once)")
        subprocess.run([sys.executable, "-m", "venv", str(_VENV)], check=True)
        subprocess.run(
            [str(_VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True
        )
        done.touch()
    return str(_VENV / "bin" / name)


def script(name: str, *arguments: str) -> list[str]:
    """The command that runs a file of this folder with the peers' Python.

    ``-P`` keeps the file's folder out of the import path: there ``txtai.py`` stands before the library of that name.
    """
    return [program("python"), "-P", str(HERE / name), *arguments]


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], port: int, path: str, **environment: str) -> Iterator[str]:
    """A server as a process of its own, until the block ends; gives its URL once ``path`` answers.

    Raises:
        SystemExit: it does not answer in time.
    """
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        began = time.perf_counter()
        while time.perf_counter() - began < _READY_SECONDS and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(url + path).status_code == 200:
                    break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{command} did not answer {path} within {_READY_SECONDS} s")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)
