"""Load over HTTP by wrk: closed loop, one connection a client, so cheap that it takes little from the server beside it.

wrk is a Debian package (``apt-get install wrk``). ``load.lua`` sends given requests in turn.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

CLIENTS = (1, 8, 32)
WARM_UP_SECONDS = 3
SECONDS = 20
Request = tuple[str, str, str, object]
"""Method, path with query, API key or nothing, and the JSON body or ``None``."""


def measure(url: str, requests: Sequence[Request], clients: int, *, seconds: int = SECONDS) -> dict[str, float]:
    """Send ``requests`` in turn to ``url`` from ``clients`` connections, after a warm-up; gives rate and percentiles.

    Raises:
        SystemExit: wrk is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("This benchmark needs wrk: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for method, path, key, body in requests:
            file.write(f"{method}\t{path}\t{key}\t{'' if body is None else json.dumps(body)}\n")
        file.flush()
        script = Path(__file__).with_name("load.lua")
        options = ["-t", "1", "-c", str(clients), "--timeout", "60s", "-s", str(script), url, "--", file.name]
        for duration in (WARM_UP_SECONDS, seconds):
            done = subprocess.run([program, "-d", f"{duration}s", *options], check=True, capture_output=True, text=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    measured: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    if measured["failed"]:
        raise SystemExit(f"{measured['failed']} of {measured['requests']} requests failed: nothing is measured.")
    return measured


def loads(url: str, requests: Sequence[Request], seconds: int) -> dict[str, dict[str, float]]:
    """``measure`` for each number of ``CLIENTS``."""
    found = {}
    for count in CLIENTS:
        found[f"{count} client{'s' * (count > 1)}"] = measured = measure(url, requests, count, seconds=seconds)
        print(count, measured)
    return found
