"""What do clients notice of a new release, of another recipe, and of rolling back? Nothing, it should be.

8 clients in closed loop over HTTP, hybrid, 10 hits, queries that repeat. Meanwhile, each by its command: documents
change and are built (a new release of the same recipe, in service at once); another recipe is built, deployed, and
rolled back. Builds run with ``nice``, as they should beside an API. Reported: failed requests; the longest time between
two answers of one client, in the quiet beginning, while builds run, and around each switch; steady and peak memory.

Usage: python -m benchmarks.faults.swap --data ../shared/data [--workers 2] [--clients 8] [--quiet 10]
Without SciFact there, the helpdesk corpus is used.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import httpx
import psutil

from benchmarks.harness.recording import write_result
from benchmarks.search.latency import ask_once, start
from eval.collection import Choices, scratch_collection, scratch_path
from eval.querysets import load_queryset
from indexing.home import default_key, open_home
from indexing.releases import deploy
from indexing.settings import Settings

HELPDESK = Path("corpora/helpdesk")
CHANGED = 10
AROUND_SECONDS = 1.0


class Clients:
    """Clients that ask until they are told to stop, and when each got its answers."""

    def __init__(self, url: str, key: str, collection: str, queries: list[str], count: int) -> None:
        self.answers: list[list[tuple[float, int, str]]] = [[] for _ in range(count)]
        self.stop = threading.Event()
        self._url, self._headers, self._collection = url, {"Authorization": f"Bearer {key}"}, collection
        self._queries = queries
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def join(self) -> None:
        """Ask no more."""
        self.stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask(number) for number in range(len(self.answers))))

    async def _ask(self, number: int) -> None:
        mine, turn = self.answers[number], number * 37
        async with httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=30.0) as session:
            while not self.stop.is_set():
                body = {"query": self._queries[turn % len(self._queries)], "collection": self._collection, "k": 10}
                turn += 1
                try:
                    response = await session.post("/v1/search", json=body)
                    status, release = response.status_code, response.headers.get("x-release-id", "")
                except httpx.TransportError:
                    status, release = 0, ""
                mine.append((time.time(), status, release))

    def longest_pause_ms(self, begin: float, end: float) -> float:
        """The longest time between two answers of one client that touches a span of time."""
        pauses = [
            later - sooner
            for mine in self.answers
            for (sooner, _, _), (later, _, _) in pairwise(mine)
            if later > begin and sooner < end
        ]
        return round(max(pauses, default=0.0) * 1000.0, 1)


class Memory:
    """The memory of a server's processes, looked at five times a second. PSS counts shared pages once."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.seen: list[tuple[float, float, float]] = []
        self._server = psutil.Process(process.pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            infos = [one.memory_full_info() for one in (self._server, *self._server.children(recursive=True))]
            own, shared = sum(info.uss for info in infos), sum(info.pss for info in infos)
            self.seen.append((time.time(), own / 2**20, shared / 2**20))

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def summary(self, quiet_until: float) -> dict:
        """Megabytes before anything happened, and at the peak."""
        quiet = [one for one in self.seen if one[0] < quiet_until][-5:]
        steady = [sum(one[place] for one in quiet) / len(quiet) for place in (1, 2)]
        peak = [max(one[place] for one in self.seen) for place in (1, 2)]
        return {
            name: {"steady_mb": round(steady[i]), "peak_mb": round(peak[i]), "ratio": round(peak[i] / steady[i], 3)}
            for i, name in enumerate(("own", "with_shared_pages"))
        }


def command(home: Path, *arguments: str) -> str:
    program = shutil.which("groundwork", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        ["nice", "-n", "10", program, "--home", str(home), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def prepare(folder: Path, copy: Path) -> tuple[str, str, int]:
    """A copy of the corpus's scratch home that may be changed; its key, its collection and the recipe in service."""
    home = open_home(Settings())
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
        number = serving.release.recipe
    shutil.copytree(scratch_path(home, folder), copy)
    opened = open_home(home.settings, copy)
    deploy(opened.catalogue, number, reason="measured", actor="benchmark")
    key = default_key(opened)
    opened.close()
    return key, partition.collection, number


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
        if entry.get("event") == "pool.release_in_service":
            found.append((datetime.fromisoformat(entry["at"]).timestamp(), entry["release"]))
    return found


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
        copy, log = Path(place) / "home", Path(place) / "api.log"
        key, collection, recipe = prepare(folder, copy)
        queries = list(load_queryset(folder).queries.values())
        with log.open("wb") as stream:
            process, url, _ = start(copy, options.workers, stderr=stream)
        memory = Memory(process)
        clients = Clients(url, key, collection, queries, options.clients)
        times: dict[str, tuple[float, float]] = {}

        def step(name: str, *arguments: str) -> None:
            began = time.time()
            command(copy, *arguments)
            times[name] = (began, time.time())
            print(f"{name}: {times[name][1] - began:.1f} s")

        try:
            asyncio.run(ask_once(url, key, collection, queries, options.workers))
            clients.start()
            quiet = (time.time(), time.time() + options.quiet)
            time.sleep(options.quiet)
            step("ingest", "ingest", str(change_documents(folder, copy)), "--collection", collection)
            step("content build", "build")
            time.sleep(3.0)
            step("build of another recipe", "build", "--language", "none")
            another = json.loads(command(copy, "releases", "list", "--json"))[-1]["release"]
            step("deploy", "releases", "deploy", another, "--reason", "measured")
            time.sleep(3.0)
            step("roll back", "releases", "deploy", str(recipe), "--reason", "measured")
            time.sleep(max(3.0, options.quiet))
        finally:
            clients.join()
            memory.close()
            process.terminate()
            process.wait(timeout=60)
        statuses = [status for mine in clients.answers for _, status, _ in mine]
        seen = {release for mine in clients.answers for _, _, release in mine}
        swapped = switches(log)[options.workers :]
        result = {
            "collection": collection,
            "workers": options.workers,
            "clients": options.clients,
            "requests": len(statuses),
            "failed": sum(status != 200 for status in statuses),
            "releases_that_answered": sorted(seen),
            "longest_pause_ms": {
                "quiet": clients.longest_pause_ms(*quiet),
                **{name: clients.longest_pause_ms(*span) for name, span in times.items()},
                **{
                    f"switch to {release} ({number})": clients.longest_pause_ms(
                        at - AROUND_SECONDS, at + AROUND_SECONDS
                    )
                    for number, (at, release) in enumerate(swapped, 1)
                },
            },
            "memory": memory.summary(quiet[1]),
        }
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("swap" if options.workers == 1 else f"swap_{options.workers}_workers", result)


if __name__ == "__main__":
    main()
