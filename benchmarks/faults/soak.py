"""A working day in ten minutes: searches, writes and deletes of several tenants while builds run and releases swap.

8 clients in closed loop over HTTP against two API processes, four tenants. A client looks after documents of its own in
each tenant: it writes and deletes them, and searches. Each version of a document carries a word that nothing else has,
so every hit says whose it is and which version. Meanwhile a build runs, twice, each with what was written since.

What must hold: no request fails; no hit is another tenant's; a write is found, in its newest version, once it can be
found; what was deleted is not found; at the end the lists are what a dictionary says, before and after a last build.
Reported besides: how long until a write is found through every process (with and without a build running), latencies,
and the memory of the API with its slope.

Usage: python -m benchmarks.faults.soak [--seconds 600] [--clients 8] [--models HOME] [--dry]
"""

import argparse
import json
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.harness.checked_client import COLLECTION, TENANTS, Client, text, word
from benchmarks.harness.http_load import running
from benchmarks.harness.memory import watched_memory
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import take_models
from benchmarks.harness.server import run_command, served_home
from benchmarks.harness.timing import percentiles
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import create_collection
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import create_tenant
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.settings import Settings

WORKERS = 2
PAGE = 100
FOUND_SECONDS = 10.0
SETTLE_SECONDS = 3.0


class Watch:
    """Writes one document after another, and looks through every process how long it takes until it is found."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        self.seconds: dict[str, list[float]] = {"quiet": [], "during builds": []}
        self.is_building = False
        # Connections are dealt out in turn: one for each process.
        self.clients = [Client(90 + number, url, keys, number) for number in range(WORKERS)]

    def run(self, stop: threading.Event) -> None:
        """Write and wait until told to stop."""
        while not stop.wait(0.2):
            try:
                self._look()
            except Exception as error:
                self.clients[0].model.problems.append(f"watch: {error!r}")

    def _look(self) -> None:
        first = self.clients[0]
        when = "during builds" if self.is_building else "quiet"
        tenant = TENANTS[len(self.seconds[when]) % len(TENANTS)]
        version = first.model.documents[tenant]["watched"] = first.next_version()
        body = {"title": "Watched", "text": text(tenant, "watched", version)}
        if first.send("write", "PUT", f"/v1/collections/{COLLECTION}/documents/watched", tenant, body) is None:
            return
        began = time.monotonic()
        waiting = list(self.clients)
        while waiting and time.monotonic() - began < FOUND_SECONDS:
            wanted = word(tenant, "watched", version)
            waiting = [
                client
                for client in waiting
                if not any(
                    hit["text"].startswith(wanted + " ") for hit in client.hits(tenant, wanted, k=1, mode="lexical")
                )
            ]
            time.sleep(0.01)
        if waiting:
            first.model.problems.append(f"{wanted} is not found within {FOUND_SECONDS} s")
        self.seconds[when].append(time.monotonic() - began)


def prepare(path: Path, models: Path | None = None) -> dict[str, str]:
    """A home with the models of another, else with the default one, tenants and a first release; gives their keys."""
    home = open_home(Settings(home=path))
    take_models(home, models)
    for tenant in TENANTS:
        create_tenant(home.catalogue, tenant)
        create_collection(home.catalogue, Partition(tenant, COLLECTION))
        put_documents(
            home.catalogue, Partition(tenant, "other"), [Document("first", "First", "A home begins with one.")]
        )
    keys = {tenant: create_key(home.catalogue, tenant, scopes=("search", "write"))[1] for tenant in TENANTS}
    home.close()
    run_command(path, "build")
    return keys


def day(path: Path, clients: list[Client], watch: Watch, seconds: float, progress: Any) -> list[float]:
    """The load, with a build after a quarter and after five eighths of the time; gives how long each build took.

    It lasts until both builds have ended, however slow the machine is.
    """
    builds: list[float] = []
    began = time.monotonic()
    due = [seconds / 4, seconds * 5 / 8]
    with running(*clients, watch):
        while (elapsed := time.monotonic() - began) < seconds or len(builds) < len(due):
            progress("seconds", min(int(elapsed), int(seconds)), int(seconds))
            if len(builds) < len(due) and elapsed >= due[len(builds)]:
                watch.is_building, started = True, time.monotonic()
                run_command(path, "build")
                builds.append(round(time.monotonic() - started, 1))
                watch.is_building = False
            time.sleep(0.2)
    return builds


def check_all(clients: list[Client], watch: Watch) -> list[str]:
    """Every document of every client is there in its newest version, and nothing else is."""
    problems: list[str] = []
    models = [client.model for client in [*clients, watch.clients[0]]]
    for tenant in TENANTS:
        expected = {name: version for model in models for name, version in model.documents[tenant].items()}
        listed: dict[str, Any] = {}
        path = after = f"/v1/collections/{COLLECTION}/documents?limit={PAGE}"
        while after is not None:
            page = clients[0].send("list", "GET", after, tenant)
            listed |= {one["id"]: one for one in page["documents"]}
            after = None if page["next"] is None else f"{path}&after={page['next']}"
        if listed.keys() != expected.keys():
            problems.append(f"{tenant} lists {sorted(listed.keys() ^ expected.keys())[:5]} wrongly")
        for client in clients:
            for name in client.model.documents[tenant]:
                client.expect(tenant, name)
            for name, gone in client.model.deleted[tenant].items():
                if client.hits(tenant, gone, k=1, mode="lexical"):
                    problems.append(f"{name} of {tenant} was deleted and is found")
    return problems


def summary(clients: list[Client], watch: Watch, builds: list[float], memory: dict, problems: list[str]) -> dict:
    everyone = clients + watch.clients
    answers = [answer for client in everyone for answer in client.connection.answers]
    found = problems + [problem for client in everyone for problem in client.model.problems]
    return {
        "clients": len(clients),
        "workers": WORKERS,
        "tenants": len(TENANTS),
        "documents at the end": sum(len(mine) for one in everyone for mine in one.model.documents.values()),
        "requests": dict(Counter(answer.kind for answer in answers)),
        "problems": len(found),
        "first problems": found[:10],
        "milliseconds": {
            kind: percentiles([answer.milliseconds for answer in answers if answer.kind == kind], 1)
            for kind in ("search", "write", "delete", "read")
        },
        "seconds until a write is found through every process": {
            when: percentiles(values, 3) | {"writes": len(values)} for when, values in watch.seconds.items()
        },
        "seconds of the builds": builds,
        "memory of the API's own": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="Of clients, between requests.")
    parser.add_argument("--models", type=Path, metavar="HOME", help="Take its models; by default the default model.")
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, progress_bar() as progress:
        path = Path(place) / "home"
        keys = prepare(path, options.models)
        with served_home(path, WORKERS) as server, watched_memory(server.process) as memory:
            clients = [
                Client(number, server.url, keys, number, pause_seconds=options.pause)
                for number in range(options.clients)
            ]
            watch = Watch(server.url, keys)
            began = time.time()
            builds = day(path, clients, watch, options.seconds, progress)
            grown = memory.slope(began + options.seconds / 5)
            time.sleep(SETTLE_SECONDS)
            problems = check_all(clients, watch)
            run_command(path, "build")
            time.sleep(SETTLE_SECONDS)
            problems += check_all(clients, watch)
            for client in clients + watch.clients:
                client.connection.close()
    result = {"seconds": options.seconds} | summary(clients, watch, builds, grown, problems)
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("soak", result)
    if result["problems"]:
        raise SystemExit(f"{result['problems']} problems")


if __name__ == "__main__":
    main()
