"""What do clients notice of a new release, of another recipe, and of rolling back? Nothing, it should be.

8 clients in closed loop over HTTP, hybrid, 10 hits, queries that repeat. Meanwhile, each by its command: documents
change and are built (a new release of the same recipe, in service at once); another recipe is built, deployed, and
rolled back. Builds run with ``nice``, as they should beside an API. Reported: failed requests; the longest time between
two answers of one client, in the quiet beginning, while builds run, and around each switch; steady and peak memory.

Usage: python -m benchmarks.faults.swap --data ../shared/data [--workers 2] [--clients 8] [--quiet 10]
Without SciFact there, the helpdesk corpus is used.
"""

import argparse
import json
import tempfile
import time
from datetime import datetime
from pathlib import Path

from benchmarks.harness.askers import HELPDESK, Asker, longest_pause_ms
from benchmarks.harness.http_load import running
from benchmarks.harness.memory import watched_memory
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, served_scratch
from benchmarks.harness.server import ask_once, run_command, served_home
from eval.datasets.query_sets import load_queryset
from indexing.home import open_home
from indexing.settings import Settings

CHANGED = 10
AROUND_SECONDS = 1.0
"""Before and after a switch: pauses in it are told apart."""
SETTLE_SECONDS = 3.0
"""Between two steps, so that what one did can be seen."""


def change_documents(folder: Path, copy: Path) -> Path:
    """The first documents of a corpus, each with a sentence more."""
    lines = (folder / "corpus.jsonl").read_text().splitlines()[:CHANGED]
    documents = [json.loads(line) for line in lines]
    path = copy.parent / "changed.jsonl"
    with path.open("w") as stream:
        for one in documents:
            record = {"id": one["_id"], "title": one.get("title", ""), "text": one["text"] + " This was revised."}
            stream.write(json.dumps(record) + "\n")
    return path


def switches(log: Path) -> list[tuple[float, str]]:
    """When each release came into service in a process after the first one, from the server's log."""
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("event") in ("pool.release_in_service", "pool.recipe_in_service"):
            found.append((datetime.fromisoformat(entry["at"]).timestamp(), entry["release"]))
    return found


def disturb(home: ServedHome, folder: Path, quiet: float) -> tuple[tuple[float, float], dict[str, tuple[float, float]]]:
    """Build, deploy and roll back beside the clients; gives the span of the quiet beginning and that of each step."""
    times: dict[str, tuple[float, float]] = {}

    def step(name: str, *arguments: str) -> None:
        began = time.time()
        run_command(home.path, *arguments)
        times[name] = (began, time.time())
        print(f"{name}: {times[name][1] - began:.1f} s")

    beginning = (time.time(), time.time() + quiet)
    time.sleep(quiet)
    step("ingest", "ingest", str(change_documents(folder, home.path)), "--collection", home.collection)
    step("content build", "build")
    time.sleep(SETTLE_SECONDS)
    step("build of another recipe", "build", "--language", "none")
    another = json.loads(run_command(home.path, "releases", "list", "--json"))[-1]["release"]
    deployed = ("--reason", "measured", "--override", "measured")
    step("deploy", "releases", "deploy", another, *deployed)
    time.sleep(SETTLE_SECONDS)
    step("roll back", "releases", "deploy", str(home.recipe), *deployed)
    time.sleep(max(SETTLE_SECONDS, quiet))
    return beginning, times


def measure(home: ServedHome, folder: Path, log: Path, options: argparse.Namespace) -> dict:
    """What the clients saw, and what the server took."""
    queries = list(load_queryset(folder).queries.values())
    with log.open("wb") as stream, served_home(home.path, options.workers, stderr=stream) as server:
        clients = [Asker(number, server.url, home, queries) for number in range(options.clients)]
        ask_once(server.url, home.key, home.collection, queries, options.workers)
        with watched_memory(server.process) as memory, running(*clients):
            quiet, times = disturb(home, folder, options.quiet)
    answers = [answer for client in clients for answer in client.connection.answers]
    around = {
        f"switch to {release} ({number})": (at - AROUND_SECONDS, at + AROUND_SECONDS)
        for number, (at, release) in enumerate(switches(log)[options.workers :], 1)
    }
    return {
        "collection": home.collection,
        "workers": options.workers,
        "clients": options.clients,
        "requests": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "releases_that_answered": sorted({answer.release for answer in answers}),
        "longest_pause_ms": {
            name: longest_pause_ms(clients, *span) for name, span in ({"quiet": quiet} | times | around).items()
        },
        "memory": memory.summary(quiet[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--quiet", type=float, default=10.0, help="Seconds before and after all that happens.")
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    folder = options.data / "scifact" if (options.data / "scifact").is_dir() else HELPDESK
    with tempfile.TemporaryDirectory() as place:
        home = served_scratch(open_home(Settings()), folder, copy=Path(place) / "home")
        result = measure(home, folder, Path(place) / "api.log", options)
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("swap" if options.workers == 1 else f"swap_{options.workers}_workers", result)


if __name__ == "__main__":
    main()
