"""What does the ledger cost a search? One home is served with and without it in turn, and their medians are compared.

The home holds SciFact. In each round it is served by every side one after the other, in another order each round, since
a machine's speed changes; load comes from wrk, closed loop, 8 clients, ten hits with their text:

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
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from benchmarks.harness.http_load import Request, measure
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import Server, ask_once, served_home
from benchmarks.search.before_after import COLLECTION, FIGURES, KEY, Checkout, Round, text_requests, texts

ON, OFF, WITHOUT = "on", "off", "without"
ANSWERED, DROPPED = "groundwork_search_requests_total", "groundwork_ledger_rows_dropped_total"
COMPARED = (*FIGURES, "cpu_ms")


@dataclass(frozen=True, slots=True)
class Side:
    """A way to serve: a checkout with a copy of the home of its own, and settings."""

    checkout: Checkout
    settings: dict[str, object]


def measure_round(
    side: Side, queries: Sequence[str], requests: Sequence[Request], options: argparse.Namespace
) -> Round:
    """Both loads on one side."""
    checkout = side.checkout
    shared = {"program": checkout.program, "environment": checkout.environment, "api_key": KEY, **side.settings}
    found: Round = {}
    for load, more in (("uncached text", {"query_cache_mb": 0}), ("cached text", {})):
        with served_home(checkout.home, options.workers, **shared, **more) as server:
            if load == "cached text":
                ask_once(server.url, KEY, COLLECTION, queries, options.workers)
            before = counted(server)
            measured = measure(server.url, requests, options.clients, seconds=options.seconds)
            after = counted(server)
        found[load] = {figure: measured[figure] for figure in FIGURES}
        found[load] |= {
            "cpu_ms": 1000.0 * (after["cpu_seconds"] - before["cpu_seconds"]) / (after[ANSWERED] - before[ANSWERED]),
            "rows_dropped": after[DROPPED] - before[DROPPED],
        }
    return found


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


def compare(rounds: dict[str, list[Round]]) -> dict[str, dict[str, object]]:
    """By load: medians of each side, and of the ratios within a round of *on* to each other side.

    A ratio is of two runs one after the other, which share the machine's mood; ``lowest`` and ``highest`` say how far
    it can be trusted.
    """
    result: dict[str, dict[str, object]] = {}
    for load in rounds[ON][0]:
        about: dict[str, object] = {
            side: {figure: round(median(one[load][figure] for one in found), 2) for figure in COMPARED}
            for side, found in rounds.items()
        }
        for other in [side for side in rounds if side != ON]:
            pairs = list(zip(rounds[ON], rounds[other], strict=True))
            about[f"on to {other}"] = {
                figure: _ratios([one[load][figure] / base[load][figure] for one, base in pairs]) for figure in COMPARED
            }
        about["rows dropped"] = sum(one[load]["rows_dropped"] for one in rounds[ON])
        result[load] = about
    return result


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
    queries = texts(options.data, options.queries)
    requests = text_requests(queries)
    with tempfile.TemporaryDirectory() as name:
        sides = sides_of(options, Path(name))
        rounds: dict[str, list[Round]] = {side: [] for side in sides}
        for number in range(options.rounds):
            order = list(sides)[number % len(sides) :] + list(sides)[: number % len(sides)]
            for side in order:
                found = measure_round(sides[side], queries, requests, options)
                rounds[side].append(found)
                print(number + 1, side, {load: one["queries_per_second"] for load, one in found.items()}, flush=True)
        result = {
            "clients": options.clients,
            "workers": options.workers,
            "seconds": options.seconds,
            "checkouts": {side: one.checkout.describe() for side, one in sides.items()},
            "loads": compare(rounds),
            "rounds": rounds,
        }
    print(json.dumps(result["loads"], indent=1))
    if not options.dry:
        write_result("ledger_cost", result)


if __name__ == "__main__":
    main()
