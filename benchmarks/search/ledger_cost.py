"""What does the ledger cost a search? One home is served with and without it in turn, and their medians are compared.

The home holds SciFact. All sides are served at once, each over a copy of it, and loaded for some seconds in turn, in
another order each round, since a machine's speed changes; load comes from wrk, closed loop, 8 clients, ten hits with
their text:

* *on*: ``GROUNDWORK_LEDGER=on``, every row with hits, scores, features and hashes;
* *off*: ``GROUNDWORK_LEDGER=off``, assignments alone;
* *without* (given ``--without CHECKOUT``): the code of before there was a ledger, from a git worktree with a ``.venv``,
  over a copy of the home.

*Uncached text* is hybrid without a query cache, so that every query is encoded; *cached text* is hybrid, only queries
that every worker was asked before. The goal is that a search with the ledger takes at most 1.02 times as long as
without. ``cpu_ms`` is the server's processor time for each request, all its threads together: it says what the ledger
costs where the machine has other work, too, and cannot say whether a client waits for it.

Usage: python -m benchmarks.search.ledger_cost [--home HOME] [--without ../baseline] [--rounds 5] [--seconds 10]
           [--workers 1] [--data ../shared/data] [--dry]

The home is built unless one is given that holds the collection; copies of it are served.
"""

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from benchmarks.harness.checkouts import COLLECTION, FIGURES, KEY, Checkout, text_requests, texts
from benchmarks.harness.http_load import Request, measure
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import Server, ask_once, served_home

ON, OFF, WITHOUT = "on", "off", "without"
ANSWERED, DROPPED = "groundwork_search_requests_total", "groundwork_ledger_rows_dropped_total"
COMPARED = (*FIGURES, "cpu_ms")
UNCACHED, CACHED = "uncached text", "cached text"
Rounds = dict[str, list[dict[str, float]]]
"""The figures of every round, by side."""


@dataclass(frozen=True, slots=True)
class Side:
    """A way to serve: a checkout with a copy of the home of its own, and settings."""

    checkout: Checkout
    settings: dict[str, object]


def measure_load(sides: dict[str, Side], load: str, requests: Sequence[Request], options: argparse.Namespace) -> Rounds:
    """One load on every side, all of them served at once and loaded in turn, so that they share the machine's moods."""
    rounds: Rounds = {side: [] for side in sides}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(served_side(side, load, options)) for name, side in sides.items()}
        for number in range(options.rounds):
            order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
            for name in order:
                found = measure_once(servers[name], requests, options)
                rounds[name].append(found)
                print(load, number + 1, name, found["queries_per_second"], round(found["cpu_ms"], 2), flush=True)
    return rounds


@contextlib.contextmanager
def served_side(side: Side, load: str, options: argparse.Namespace) -> Iterator[Server]:
    """A side's server, which has seen every query if they are to be cached."""
    checkout = side.checkout
    settings = {**side.settings, **({"query_cache_mb": 0} if load == UNCACHED else {})}
    shared = {"program": checkout.program, "environment": checkout.environment, "api_key": KEY}
    with served_home(checkout.home, options.workers, **shared, **settings) as server:
        ask_once(server.url, KEY, COLLECTION, texts(options.data, options.queries), options.workers)
        yield server


def measure_once(server: Server, requests: Sequence[Request], options: argparse.Namespace) -> dict[str, float]:
    """What one load of some seconds shows."""
    before = counted(server)
    measured = measure(server.url, requests, options.clients, seconds=options.seconds)
    after = counted(server)
    cpu_seconds, answered = after["cpu_seconds"] - before["cpu_seconds"], after[ANSWERED] - before[ANSWERED]
    return {figure: measured[figure] for figure in FIGURES} | {
        "cpu_ms": 1000.0 * cpu_seconds / answered,
        "rows_dropped": after[DROPPED] - before[DROPPED],
    }


def counted(server: Server) -> dict[str, float]:
    """The server's processor time so far, all its processes together, and its own counts."""
    pids = [server.process.pid]
    for pid in pids:
        pids += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    times = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
    found = {"cpu_seconds": sum(int(ticks) for both in times for ticks in both) / os.sysconf("SC_CLK_TCK")}
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    for name in (ANSWERED, DROPPED):
        found[name] = sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
    return found


def compare(rounds: Rounds) -> dict[str, object]:
    """Medians of each side, and of the ratios within a round of *on* to each other side.

    A ratio is of two loads one after the other, which share the machine's mood; ``lowest`` and ``highest`` say how far
    it can be trusted.
    """
    about: dict[str, object] = {
        side: {figure: round(median(one[figure] for one in found), 2) for figure in COMPARED}
        for side, found in rounds.items()
    }
    for other in [side for side in rounds if side != ON]:
        pairs = list(zip(rounds[ON], rounds[other], strict=True))
        about[f"on to {other}"] = {
            figure: _ratios([one[figure] / base[figure] for one, base in pairs]) for figure in COMPARED
        }
    about["rows dropped"] = sum(one["rows_dropped"] for one in rounds[ON])
    return about


def _ratios(ratios: Sequence[float]) -> dict[str, float]:
    named = {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return {name: round(value, 3) for name, value in named.items()}


def sides_of(options: argparse.Namespace, place: Path) -> dict[str, Side]:
    """Every side with its own copy of the home."""
    here = Path(__file__).parents[2]
    home = options.home or place / "built"
    if options.without is not None:  # the older code builds, since it may not read what the newer one makes
        Checkout(options.without.resolve(), home).build(options.data)
    else:
        Checkout(here, home).build(options.data)
    found = {ON: Side(_over_copy(here, home, place / ON), {"ledger": "on"})}
    found[OFF] = Side(_over_copy(here, home, place / OFF), {"ledger": "off"})
    if options.without is not None:
        found[WITHOUT] = Side(_over_copy(options.without.resolve(), home, place / WITHOUT), {})
    return found


def _over_copy(folder: Path, home: Path, place: Path) -> Checkout:
    shutil.copytree(home, place)
    return Checkout(folder, place)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="With SciFact and a release; built where there is none.")
    parser.add_argument("--without", type=Path, help="A checkout of before the ledger, with its own .venv.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="Of each load, beside 3 to warm up.")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1, help="API processes.")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    requests = text_requests(texts(options.data, options.queries))
    with tempfile.TemporaryDirectory() as name:
        sides = sides_of(options, Path(name))
        rounds = {load: measure_load(sides, load, requests, options) for load in (UNCACHED, CACHED)}
        result = {
            "clients": options.clients,
            "workers": options.workers,
            "seconds": options.seconds,
            "load_average": os.getloadavg(),
            "checkouts": {side: one.checkout.describe() for side, one in sides.items()},
            "loads": {load: compare(found) for load, found in rounds.items()},
            "rounds": rounds,
        }
    print(json.dumps(result["loads"], indent=1))
    if not options.dry:
        write_result("ledger_cost", result)


if __name__ == "__main__":
    main()
