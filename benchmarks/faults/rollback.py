"""What does a rollback between open recipes cost clients, a second recipe in memory, and a shadow in latency?

- *Rollbacks.* Clients in closed loop over HTTP on two API processes. A candidate is opened as a canary, promoted, and
  rolled back, many times. Reported, for promotions and rollbacks: milliseconds from the call (the row in the catalogue)
  to the last answer of the old recipe, the longest time between two answers of one client in the second after it, and
  how many requests failed. With `--redis` these alone, without the signal of a Redis and with it, in turns.
- *Memory.* The own memory of all processes with one recipe, with a second that shares its model (another language), and
  with one that does not (fp32 beside int8).
- *Shadow.* Latency at a quarter of the rate that the server reached in closed loop, without a shadow and with one of
  everything, in turns; then, at full load, which share of the copies was shed.

Usage: nice python -m benchmarks.faults.rollback --data ../shared/data [--turns 20] [--seconds 15] [--redis]
Without SciFact there, the helpdesk corpus is used.
"""

import argparse
import contextlib
import itertools
import json
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from benchmarks.harness.askers import HELPDESK, Asker, longest_pause_ms
from benchmarks.harness.cluster import RedisServer
from benchmarks.harness.held_lease import held_lease
from benchmarks.harness.http_load import Connection, running
from benchmarks.harness.memory import memory_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, served_scratch
from benchmarks.harness.server import Server, ask_once, run_command, served_home
from benchmarks.harness.timing import percentiles
from eval.datasets.query_sets import load_queryset
from indexing.catalogue.database import Database, utc_now
from indexing.home import open_home
from indexing.releases.lifecycle import end
from indexing.releases.promotion import promote, roll_back
from indexing.releases.rollouts import open_rollout
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_canary, start_shadow
from indexing.settings import Settings

WORKERS = 2
CLIENTS = 4
OPEN_SECONDS = 120.0
"""How long a candidate may take until every process has it open."""
AFTER_SECONDS = 1.0
"""After a call: pauses that touch it count as the call's. Those before cannot be, and are as long."""
QUIET_SECONDS = 40.0
"""Before the first call, in windows as long: the pauses that the machine's other work causes."""
SETTLE_SECONDS = 1.0
"""Between two calls, so that what one did can be seen."""
TURNS_AT_ONCE = 5
"""Promotions and rollbacks without Redis before as many with it."""
LOOKS = 8
"""Answers of the probe in a row, each over a connection of its own, that must say that a recipe is open: connections
are dealt out to the processes in turn."""


def now() -> Decision:
    """Who asks, at this moment."""
    return Decision("benchmark", "measured", utc_now())


@contextlib.contextmanager
def catalogue_of(home: ServedHome, redis_url: str = "") -> Iterator[Database]:
    """The catalogue of a served home, as a command opens it, with a watcher's lease for its canaries."""
    opened = open_home(Settings(redis_url=redis_url), home.path)
    try:
        with held_lease(opened.catalogue):
            yield opened.catalogue
    finally:
        opened.close()


def wait_until_open(url: str, recipe: int) -> float:
    """Wait until every process has a recipe open; gives how long that took, in seconds."""
    began = time.perf_counter()
    agreed = 0
    while agreed < LOOKS:
        if time.perf_counter() - began > OPEN_SECONDS:
            raise SystemExit(f"Recipe {recipe} was not open after {OPEN_SECONDS:.0f} s: see the server's log.")
        # Plain HTTP: without verify=False each call loads certificates, which takes longer than the answer.
        ready = httpx.get(url + "/readyz", verify=False, timeout=OPEN_SECONDS).json()
        is_open = any(one["recipe"] == recipe and one["release"] for one in ready["recipes"])
        agreed = agreed + 1 if is_open else 0
        if not is_open:
            time.sleep(0.1)
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Call:
    """A promotion or a rollback: what it was, when, and the recipe that gets nothing from then on."""

    kind: str
    at: float
    old: int


def turn(catalogue: Database, url: str, recipe: int, home: ServedHome) -> tuple[list[Call], float]:
    """Open a candidate, promote it and roll it back; gives both calls, and the seconds that opening took."""
    seen = propose(catalogue, recipe, now())
    start_canary(catalogue, seen, now(), share=0.01, steps=(), unit="request", max_recipes=4)
    seconds = wait_until_open(url, recipe)
    time.sleep(SETTLE_SECONDS)
    calls = [Call("promotion", time.time(), home.recipe)]
    promote(catalogue, recipe, now(), max_recipes=4, override="measured")
    time.sleep(SETTLE_SECONDS + AFTER_SECONDS)
    calls.append(Call("rollback", time.time(), recipe))
    roll_back(catalogue, now())
    time.sleep(SETTLE_SECONDS + AFTER_SECONDS)
    return calls, seconds


def rollbacks(
    home: ServedHome,
    queries: Sequence[str],
    recipe: int,
    turns: int,
    *,
    redis_url: str = "",
    quiet_seconds: float = QUIET_SECONDS,
) -> dict:
    """What clients saw of ``turns`` promotions and rollbacks, after ``quiet_seconds`` without any."""
    served = served_home(home.path, WORKERS, redis_url=redis_url)
    with served as server, catalogue_of(home, redis_url) as catalogue:
        ask_once(server.url, home.key, home.collection, queries, WORKERS)
        clients = [Asker(number, server.url, home, queries) for number in range(CLIENTS)]
        with running(*clients):
            began = time.time()
            time.sleep(quiet_seconds)
            done = [turn(catalogue, server.url, recipe, home) for _ in range(turns)]
    answers = [answer for client in clients for answer in client.connection.answers]
    calls = [call for pair, _ in done for call in pair]
    starts = np.arange(began, began + quiet_seconds, AFTER_SECONDS)
    quiet = [longest_pause_ms(clients, start, start + AFTER_SECONDS) for start in starts.tolist()]
    found: dict = {
        "requests": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "longest_pause_in_quiet_ms": summary(quiet),
        "seconds_until_eight_probes_in_a_row_said_open": summary([seconds for _, seconds in done]),
    }
    for kind in ("promotion", "rollback"):
        of_kind = [call for call in calls if call.kind == kind]
        last = [last_answer_ms(answers, call) for call in of_kind]
        pauses = [longest_pause_ms(clients, one.at, one.at + AFTER_SECONDS) for one in of_kind]
        found[kind] = {"ms_to_the_last_answer_of_the_old_recipe": summary(last), "longest_pause_ms": summary(pauses)}
    return found


def with_and_without_redis(home: ServedHome, queries: Sequence[str], recipe: int, turns: int, folder: Path) -> dict:
    """The same without a signal and with it, ``TURNS_AT_ONCE`` each in turns: other work is beside both."""
    redis = RedisServer(folder)
    try:
        urls = [("without", ""), ("with_the_signal", redis.url)]
        found = {}
        for number in range(1, max(2, turns // TURNS_AT_ONCE) + 1):
            for name, url in urls:
                found[f"{name}_{number}"] = rollbacks(
                    home, queries, recipe, min(turns, TURNS_AT_ONCE), redis_url=url, quiet_seconds=AFTER_SECONDS
                )
            urls.reverse()  # on a busy machine the second of two is the slower one
        return found
    finally:
        redis.kill()


def last_answer_ms(answers: Sequence, call: Call) -> float:
    """Milliseconds from a call to the last answer that the old recipe gave, within the time until the next call."""
    until = call.at + SETTLE_SECONDS + AFTER_SECONDS
    late = [one.at for one in answers if call.at < one.at < until and one.release.split(".")[0] == str(call.old)]
    return (max(late, default=call.at) - call.at) * 1000.0


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median and maximum."""
    return {"p50": round(float(np.median(values)), 3), "max": round(max(values), 3), "runs": len(values)}


def memory(home: ServedHome, queries: Sequence[str], recipe: int | None) -> dict[str, int]:
    """The memory of both processes once all queries were asked, with another recipe open or alone."""
    with served_home(home.path, WORKERS) as server, catalogue_of(home) as catalogue:
        if recipe is not None:
            seen = propose(catalogue, recipe, now())
            start_canary(catalogue, seen, now(), share=0.5, steps=(), unit="request", max_recipes=4)
            wait_until_open(server.url, recipe)
        for _ in range(2):
            ask_once(server.url, home.key, home.collection, queries, WORKERS)
        found = memory_mb(server.process)
        if recipe is not None:
            roll_back(catalogue, now())
    return found


class Paced:
    """A client that asks at fixed moments, whatever the last answer took; it keeps what each took."""

    def __init__(self, number: int, url: str, home: ServedHome, queries: Sequence[str], every_seconds: float) -> None:
        self.connection = Connection(url)
        self._home, self._every = home, every_seconds
        self._queries = itertools.cycle(queries[number * 37 % len(queries) :] + queries)

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        due = time.perf_counter()
        while not stop.wait(max(0.0, due - time.perf_counter())):
            due += self._every
            body = {"query": next(self._queries), "collection": self._home.collection, "k": 10}
            self.connection.send("search", "POST", "/v1/search", self._home.key, body)
        self.connection.close()


def rate(server: Server, home: ServedHome, queries: Sequence[str], seconds: float) -> float:
    """Searches a second in closed loop, by clients that take their part of the machine, too."""
    clients = [Asker(number, server.url, home, queries) for number in range(2 * CLIENTS)]
    with running(*clients):
        time.sleep(seconds)
    return sum(len(client.connection.answers) for client in clients) / seconds


def paced(server: Server, home: ServedHome, queries: Sequence[str], a_second: float, seconds: float) -> list[float]:
    """What each search took, in milliseconds, at a given rate."""
    clients = [Paced(number, server.url, home, queries, CLIENTS / a_second) for number in range(CLIENTS)]
    with running(*clients):
        time.sleep(seconds)
    return [answer.milliseconds for client in clients for answer in client.connection.answers]


def shadowed(catalogue: Database, url: str, recipe: int, do: Callable[[], object]) -> object:
    """What ``do`` gives while a candidate shadows everything."""
    seen = propose(catalogue, recipe, now())
    ends = End(queries=10_000_000)
    start_shadow(catalogue, seen, now(), share=1.0, end=ends, decides="what a shadow costs", max_recipes=4)
    wait_until_open(url, recipe)
    time.sleep(SETTLE_SECONDS)
    done = do()
    if (shadow_of_all := open_rollout(catalogue)) is not None:
        end(catalogue, shadow_of_all, now())
    time.sleep(SETTLE_SECONDS)
    return done


def outcomes(url: str) -> dict[str, float]:
    """What became of the queries that were to be copied, of all processes."""
    pattern = r'groundwork_shadow_searches_total\{outcome="(\w+)"\} (\S+)'
    return {name: float(value) for name, value in re.findall(pattern, httpx.get(url + "/metrics").text)}


def shadow(home: ServedHome, queries: Sequence[str], recipe: int, seconds: float) -> dict:
    """What a shadow of everything costs at a quarter of capacity, and what is shed of it there and at full load."""
    with served_home(home.path, WORKERS) as server, catalogue_of(home) as catalogue:
        ask_once(server.url, home.key, home.collection, queries, WORKERS)
        capacity = rate(server, home, queries, seconds / 3)
        without: list[float] = []
        with_shadow: list[float] = []
        for _ in range(3):
            without += paced(server, home, queries, capacity / 4, seconds)
            with_shadow += shadowed(  # type: ignore[operator]
                catalogue, server.url, recipe, lambda: paced(server, home, queries, capacity / 4, seconds)
            )
        quarter = outcomes(server.url)
        loaded = shadowed(catalogue, server.url, recipe, lambda: rate(server, home, queries, seconds))
        all_of_it = outcomes(server.url)
    full = {name: value - quarter.get(name, 0.0) for name, value in all_of_it.items()}
    one, other = percentiles(without, 2, "_ms"), percentiles(with_shadow, 2, "_ms")
    return {
        "searches_a_second_in_closed_loop": round(capacity, 1),
        "a_quarter_of_that": {
            "without": {**one, "searches": len(without)},
            "with_a_shadow": {**other, "searches": len(with_shadow)},
            "p99_ratio": round(other["p99_ms"] / one["p99_ms"], 3),
            "copies": quarter,
        },
        "full_load": {"searches_a_second": loaded, "copies": full, "share_shed": round(share_shed(full), 3)},
    }


def share_shed(copies: dict[str, float]) -> float:
    """The share of the queries to be copied that no candidate searched."""
    shed = sum(value for name, value in copies.items() if name not in ("answered", "failed"))
    return shed / max(1.0, sum(copies.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0, help="Of each round of the shadow's cost.")
    parser.add_argument("--redis", action="store_true", help="Rollbacks alone, without and with Redis; no result.")
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    folder = options.data / "scifact" if (options.data / "scifact").is_dir() else HELPDESK
    queries = list(load_queryset(folder).queries.values())
    with tempfile.TemporaryDirectory() as place:
        home = served_scratch(open_home(Settings()), folder, copy=Path(place) / "home")
        for choice in (("--language", "none"), ("--precision", "fp32")):
            run_command(home.path, "build", *choice)
        listed = json.loads(run_command(home.path, "releases", "list", "--json"))
        same, other = (int(one["release"].split(".")[0]) for one in listed[-2:])
        if options.redis:
            print(json.dumps(with_and_without_redis(home, queries, same, options.turns, Path(place)), indent=1))
            return
        result = {
            "collection": home.collection,
            "workers": WORKERS,
            "clients": CLIENTS,
            "rollbacks": rollbacks(home, queries, same, options.turns),
            "memory_mb": {
                "one recipe": memory(home, queries, None),
                "two that share a model": memory(home, queries, same),
                "two that do not": memory(home, queries, other),
            },
            "shadow": shadow(home, queries, same, options.seconds),
        }
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("rollback", result)


if __name__ == "__main__":
    main()
