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
import contextlib
import json
import random
import re
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.harness.http_load import Connection, running
from benchmarks.harness.memory import watched_memory
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import run_command, served_home
from benchmarks.harness.timing import percentiles
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import create_collection
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import create_tenant
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.models.compiler import DEFAULT_MODEL, register_model
from indexing.records import Document, Partition
from indexing.settings import Settings

TENANTS = ("alder", "birch", "cedar", "dogwood")
WORKERS = 2
DOCUMENTS = 40
"""That a client has at most in each tenant."""
PAGE = 100
FOUND_SECONDS = 10.0
SETTLE_SECONDS = 3.0
COLLECTION = "notes"
SUBJECTS = ["invoices", "refunds", "calendars", "passwords", "exports", "webhooks", "seats", "coupons", "backups"]
VERBS = ["fail", "arrive", "expire", "repeat", "vanish", "overlap", "wait", "double", "freeze", "return"]
_WORD = re.compile(r"zq([a-z]+)x(\w+?)v(\d+)")


class Model:
    """What a plain dictionary says of the documents of one client, and what went wrong. Each client has its own."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, int]] = {tenant: {} for tenant in TENANTS}
        self.deleted: dict[str, dict[str, str]] = {tenant: {} for tenant in TENANTS}
        self.problems: list[str] = []


def word(tenant: str, name: str, version: int) -> str:
    """A word that only this version of this document has."""
    return f"zq{tenant}x{name}v{version}"


def text(tenant: str, name: str, version: int) -> str:
    chance = random.Random(f"{tenant} {name} {version}")
    lines = [f"When {chance.choice(SUBJECTS)} {chance.choice(VERBS)}, see {chance.choice(SUBJECTS)}." for _ in range(4)]
    return f"{word(tenant, name, version)} {' '.join(lines)}"


class Client:
    """One client: a connection, its documents, and the checks of every answer."""

    def __init__(self, number: int, url: str, keys: dict[str, str], seed: int) -> None:
        self.model = Model()
        self.connection = Connection(url)
        self._number, self._keys = number, keys
        self._chance = random.Random(seed)
        self._count = 0

    def run(self, stop: threading.Event) -> None:
        """Do one thing after another until told to stop."""
        while not stop.is_set():
            act = self._chance.choices((self.search, self.write, self.delete, self.read), (80, 12, 4, 4))[0]
            try:
                act(self._chance.choice(TENANTS))
            except Exception as error:
                self.model.problems.append(f"{act.__name__}: {error!r}")

    def send(self, kind: str, method: str, path: str, tenant: str, body: object = None, *, expected: int = 200) -> Any:
        """One request; an answer with another status than expected is a problem."""
        answer = self.connection.send(kind, method, path, self._keys[tenant], body)
        if answer.status_code != expected:
            self.model.problems.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer.json()

    def hits(self, tenant: str, query: str, **more: object) -> list[dict]:
        """Search, and check that every hit is this tenant's and what it says it is."""
        answer = self.send("search", "POST", "/v1/search", tenant, {"query": query, "collection": COLLECTION} | more)
        found = [] if answer is None else answer["hits"]
        for hit in found:
            match = _WORD.match(hit["text"])
            if match is None or match.group(1) != tenant or match.group(2) != hit["document_id"]:
                self.model.problems.append(f"tenant {tenant} was given {hit['document_id']}: {hit['text'][:60]!r}")
        return found

    def search(self, tenant: str) -> None:
        """Ask something that many documents speak of."""
        self.hits(tenant, f"why do {self._chance.choice(SUBJECTS)} {self._chance.choice(VERBS)}")

    def write(self, tenant: str, name: str | None = None) -> tuple[str, int]:
        """Write a document's next version; then find it by a search that must see it."""
        mine = self.model.documents[tenant]
        if name is None:
            name = f"c{self._number}n{self._chance.randrange(DOCUMENTS)}"
        self._count += 1
        version = mine[name] = self._count
        self.model.deleted[tenant].pop(name, None)
        body = {"title": f"Note {name}", "text": text(tenant, name, version)}
        written = self.send("write", "PUT", f"/v1/collections/{COLLECTION}/documents/{name}", tenant, body)
        if written is not None:
            self.expect(tenant, name, min_seq=written["seq"])
        return name, version

    def expect(self, tenant: str, name: str, **more: object) -> None:
        """The newest version of a document must be found first by its own word."""
        wanted = word(tenant, name, self.model.documents[tenant][name])
        found = self.hits(tenant, wanted, k=3, mode="lexical", **more)
        if not found or not found[0]["text"].startswith(wanted + " "):
            self.model.problems.append(f"{wanted} is not found, but {[hit['text'][:30] for hit in found]}")

    def delete(self, tenant: str) -> None:
        """Delete a document; from then on this process finds it no more."""
        mine = self.model.documents[tenant]
        if not mine:
            return
        name = self._chance.choice(sorted(mine))
        gone = word(tenant, name, mine.pop(name))
        self.model.deleted[tenant][name] = gone
        self.send("delete", "DELETE", f"/v1/collections/{COLLECTION}/documents/{name}", tenant)
        if self.hits(tenant, gone, k=1, mode="lexical"):
            self.model.problems.append(f"{gone} was deleted and is found")

    def read(self, tenant: str) -> None:
        """Read a document as it was written; what another tenant has under that name, or no tenant, is 404."""
        mine = self.model.documents[tenant]
        if mine:
            name = self._chance.choice(sorted(mine))
            found = self.send("read", "GET", f"/v1/collections/{COLLECTION}/documents/{name}", tenant)
            if found is not None and not found["text"].startswith(word(tenant, name, mine[name]) + " "):
                self.model.problems.append(f"{name} of {tenant} reads {found['text'][:60]!r}")
        if self.model.deleted[tenant]:
            name = self._chance.choice(sorted(self.model.deleted[tenant]))
            self.send("read", "GET", f"/v1/collections/{COLLECTION}/documents/{name}", tenant, expected=404)


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
        first._count += 1
        version = first.model.documents[tenant]["watched"] = first._count
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
    if models is None:
        register_model(home.models, home.storage, DEFAULT_MODEL)
    else:
        with contextlib.closing(open_home(Settings(home=models), create=False)) as other:
            home.models.copy_from(other.models)
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
    parser.add_argument("--models", type=Path, metavar="HOME", help="Take its models; by default the default model.")
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, progress_bar() as progress:
        path = Path(place) / "home"
        keys = prepare(path, options.models)
        with served_home(path, WORKERS) as server, watched_memory(server.process) as memory:
            clients = [Client(number, server.url, keys, number) for number in range(options.clients)]
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
