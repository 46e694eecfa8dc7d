"""What does a collector of traces cost a search? One home is served with and without it, in turn, as ratios.

The helpdesk is served twice at once, with a collector named and without; both are loaded for some seconds in turn, in
another order each round, since a machine's speed changes. Load comes from wrk, one client in closed loop, ten hits with
their text, every query cached, so that tracing counts most. The collector takes everything and keeps nothing, in this
script's process. ``cpu_ms`` is the server's processor time for each search, all its threads together: spans are made
after the answer and sent in the background, so more of it is spent than a client waits. A ratio is that of two loads
of one round; its median over the rounds counts.

Usage: python -m benchmarks.search.tracing [--rounds 5] [--seconds 6] [--dry]
"""

import argparse
import contextlib
import json
import os
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.harness.http_load import Request, measure
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, corpus_folder, served_scratch, take_models
from benchmarks.harness.server import Server, ask_once, served_home
from eval.datasets.query_sets import load_queryset
from indexing.home import open_home
from indexing.settings import Settings

FIGURES = ("queries_per_second", "p50_ms", "p95_ms", "p99_ms", "cpu_ms")
ON, OFF = "on", "off"


class _Discarding(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    def do_POST(self) -> None:
        """Read it, and say that it is well."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def discarding_collector() -> Iterator[str]:
    """The address of a collector that keeps nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Discarding)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def cpu_seconds(server: Server) -> float:
    """The server's processor time so far."""
    ticks = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def measured(server: Server, requests: Sequence[Request], seconds: int) -> dict[str, float]:
    """One load of some seconds; the warm-up's processor time is left out by its share of the requests."""
    measure(server.url, requests[:1], 1, seconds=1)
    before = cpu_seconds(server)
    found = measure(server.url, requests, 1, seconds=seconds)
    whole = (cpu_seconds(server) - before) * seconds / (seconds + 3)  # the load begins with three seconds more
    return {**found, "cpu_ms": 1000.0 * whole / found["requests"]}


def compare(rounds: Sequence[dict[str, dict[str, float]]]) -> dict:
    """The figures of both, and of *on* to *off*, as medians over rounds."""
    result: dict = {
        side: {figure: round(median(one[side][figure] for one in rounds), 3) for figure in FIGURES}
        for side in (OFF, ON)
    }
    result["on to off"] = {
        figure: round(median(one[ON][figure] / one[OFF][figure] for one in rounds), 3) for figure in FIGURES
    }
    return result


def run(home: ServedHome, queries: Sequence[str], options: argparse.Namespace) -> dict:
    """Both servers, loaded in turn."""
    body = {"collection": home.collection, "k": 10}
    requests: list[Request] = [("POST", "/v1/search", home.key, {**body, "query": query}) for query in queries]
    rounds = []
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(discarding_collector())
        servers = {
            OFF: stack.enter_context(served_home(home.path)),
            ON: stack.enter_context(served_home(home.path, otel_endpoint=endpoint)),
        }
        for server in servers.values():
            ask_once(server.url, home.key, home.collection, queries, 1)
        for number in range(options.rounds):
            order = (OFF, ON) if number % 2 else (ON, OFF)
            found = {side: measured(servers[side], requests, options.seconds) for side in order}
            print(number + 1, found, flush=True)
            rounds.append(found)
    return {"queries": len(queries), "rounds": options.rounds, **compare(rounds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="Not used: the helpdesk comes with the project.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="Of each load, beside its warm-up.")
    parser.add_argument("--dry", action="store_true", help="Print the result and write no file.")
    options = parser.parse_args()
    folder = corpus_folder(Path(), "helpdesk")
    kept = open_home(Settings())
    take_models(kept, None)
    home = served_scratch(kept, folder)
    result = run(home, list(load_queryset(folder, "test").queries.values()), options)
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("tracing", result)


if __name__ == "__main__":
    main()
