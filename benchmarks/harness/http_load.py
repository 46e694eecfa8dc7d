"""The one generator of load over HTTP, in closed loop: by wrk for speed, by ``Connection`` where answers are checked.

``measure`` and ``loads`` send given requests in turn by wrk, which is so cheap that it takes little from the server
beside it. wrk is a Debian package (``apt-get install wrk``); ``load.lua`` is what it runs.

wrk keeps percentiles and a count of failures. Where a client's next request depends on the last answer, where every
answer is checked, or where the moment of each answer matters (a swap, a soak), clients are threads that send by a
``Connection`` of their own and are run by ``running``. They take more of the machine: their rates are no measure of a
server's speed.
"""

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from benchmarks.harness.timing import percentiles

CLIENTS = (1, 8, 32)
WARM_UP_SECONDS = 3
SECONDS = 20
Request = tuple[str, str, str, object]
"""Method, path with query, API key or nothing, and the JSON body or ``None``."""


def measure(
    url: str, requests: Sequence[Request], clients: int, *, seconds: int = SECONDS, stages: str | None = None
) -> dict:
    """Send ``requests`` in turn to ``url`` from ``clients`` connections, after a warm-up; gives rate and percentiles.

    Args:
        url: The server.
        requests: What is asked, over and over.
        clients: Connections; each sends its next request once it has its answer.
        seconds: How long, beside ``WARM_UP_SECONDS``.
        stages: The name of an object of milliseconds in each answer (``timings_ms``); with it, ``stages_ms`` has the
            percentiles of each of its members. It makes wrk read every answer, which costs it some time.

    Returns:
        ``requests``, ``failed``, ``queries_per_second``, ``p50_ms``, ``p95_ms``, ``p99_ms``.

    Raises:
        SystemExit: wrk is not installed, or a request failed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("This benchmark needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory() as place:
        file, kept = Path(place) / "requests.tsv", Path(place) / "stages.jsonl"
        with file.open("w") as lines:
            for method, path, key, body in requests:
                lines.write(f"{method}\t{path}\t{key}\t{'' if body is None else json.dumps(body)}\n")
        script = Path(__file__).with_name("load.lua")
        options = ["-t", "1", "-c", str(clients), "--timeout", "60s", "-s", str(script), url, "--", str(file)]
        if stages is not None:
            options += [stages, str(kept)]
        for duration in (WARM_UP_SECONDS, seconds):
            done = subprocess.run([program, "-d", f"{duration}s", *options], check=True, capture_output=True, text=True)
            line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
            measured: dict = json.loads(line.removeprefix("RESULT "))
            if measured["failed"]:
                raise SystemExit(
                    f"{measured['failed']} of {measured['requests']} requests failed: nothing is measured."
                )
        if stages is not None:
            measured["stages_ms"] = _by_stage(kept)
    return measured


def _by_stage(kept: Path) -> dict[str, dict[str, float]]:
    found: dict[str, list[float]] = {}
    for line in kept.read_text().splitlines():
        for stage, milliseconds in json.loads(line).items():
            found.setdefault(stage, []).append(milliseconds)
    return {stage: percentiles(values, 2) for stage, values in found.items()}


def loads(url: str, requests: Sequence[Request], seconds: int, *, stages: str | None = None) -> dict[str, dict]:
    """``measure`` for each number of ``CLIENTS``."""
    found = {}
    for count in CLIENTS:
        name = f"{count} client{'s' * (count > 1)}"
        found[name] = measured = measure(url, requests, count, seconds=seconds, stages=stages)
        print(count, {key: value for key, value in measured.items() if key != "stages_ms"})
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what was asked, when it came (Unix time), after how long, and what it says of itself."""

    kind: str
    at: float
    milliseconds: float
    status: int
    """0: the connection failed."""
    release: str
    """The release that answered, or nothing."""


class Connection:
    """One client's connection, which keeps an ``Answer`` of every request. For one thread."""

    def __init__(self, url: str) -> None:
        """Connect to ``url`` with the first request."""
        self.answers: list[Answer] = []
        self._http = httpx.Client(base_url=url, timeout=30.0)

    def send(self, kind: str, method: str, path: str, key: str, body: object = None) -> httpx.Response:
        """Send one request and wait for its answer, whatever its status; ``kind`` is what it counts as.

        Raises:
            TransportError: The connection failed; that is kept as status 0.
        """
        began = time.perf_counter()
        status, release = 0, ""
        try:
            response = self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
            status, release = response.status_code, response.headers.get("x-release-id", "")
            return response
        finally:
            took = (time.perf_counter() - began) * 1000.0
            self.answers.append(Answer(kind, time.time(), took, status, release))

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Client(Protocol):
    """Something that sends one request after another."""

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set."""


@contextlib.contextmanager
def running(*clients: Client) -> Iterator[None]:
    """Each client in a thread of its own while the block lasts."""
    stop = threading.Event()
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
