"""The one starter of servers: a process of its own on loopback, ready when the block begins, ended with it.

Groundwork's commands beside a server are run from here too. Nothing of the packages is imported: what is measured is
the program that is started, which may be another checkout's.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

PROGRAM = str(Path(sys.executable).parent / "groundwork")
"""The command of this checkout."""
READY_SECONDS = 120.0
"""How long a server may take until it answers; some peers load a model with torch first."""
_END_SECONDS = 60.0
"""How long a server may take to end by itself."""
_POLL_SECONDS = 0.02
"""Between two looks whether it answers: what the seconds to ready are exact to."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    seconds_to_ready: float


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(
    command: Sequence[str],
    port: int,
    path: str,
    *,
    environment: Mapping[str, str] | None = None,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> Iterator[Server]:
    """Run ``command`` until the block ends; the block begins once ``path`` answers 200 on ``port``.

    Args:
        command: The program, told to listen on ``port`` of 127.0.0.1.
        port: Where it listens.
        path: What it answers when it is ready.
        environment: All of its environment; ``None`` for this process's own.
        stderr: Where its log goes.

    Raises:
        SystemExit: It ended, or did not answer within ``READY_SECONDS``.
    """
    url, began = f"http://127.0.0.1:{port}", time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        while not _answers(url + path):
            if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                raise SystemExit(
                    f"{' '.join(command)} did not answer {path} within {READY_SECONDS:.0f} s"
                    f" (exit status {process.poll()}): run it by hand to see why."
                )
            time.sleep(_POLL_SECONDS)
        yield Server(url, process, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def served_home(
    home: Path,
    workers: int = 1,
    *,
    program: str = PROGRAM,
    environment: Mapping[str, str] | None = None,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
    **settings: object,
) -> Iterator[Server]:
    """``groundwork serve`` of a home until the block ends.

    Args:
        home: The home, with a release.
        workers: API processes.
        program: The ``groundwork`` command; by default this checkout's.
        environment: As in ``served``.
        stderr: As in ``served``.
        **settings: Settings in small letters, such as ``query_cache_mb=0``.

    Raises:
        SystemExit: As ``served``.
    """
    port = free_port()
    command = [program, "--home", str(home), "serve", "--port", str(port), "--workers", str(workers)]
    values = {f"GROUNDWORK_{name.upper()}": str(value) for name, value in settings.items()}
    inherited = os.environ if environment is None else environment
    with served(command, port, "/readyz", environment={**inherited, **values}, stderr=stderr) as server:
        yield server


def run_command(
    home: Path, *arguments: str, program: str = PROGRAM, environment: Mapping[str, str] | None = None
) -> str:
    """What a ``groundwork`` command on a home prints. It runs with ``nice`` 10, as it should beside an API.

    Raises:
        SystemExit: It failed; the message ends with what it said.
    """
    command = ["nice", "-n", "10", program, "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:].strip()}")
    return done.stdout


def ask_once(url: str, key: str, collection: str, queries: Sequence[str], workers: int) -> None:
    """Ask every query of every worker, so that all have its vector: connections are dealt out in turn."""
    with contextlib.ExitStack() as stack:
        headers = {"Authorization": f"Bearer {key}"}
        for _ in range(workers):
            session = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30.0))
            for query in queries:
                body = {"query": query, "collection": collection, "k": 1}
                session.post("/v1/search", json=body).raise_for_status()
