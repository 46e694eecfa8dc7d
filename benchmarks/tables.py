"""Print the README's tables from benchmarks/results: paste them after measuring anew.

Usage: python benchmarks/tables.py
"""

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def result(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text())["result"]


def quality() -> None:
    found = result("quality")
    print("| collection | queries | passages | hybrid | dense | BM25 | hybrid R@10 | hybrid R@100 | hybrid MRR@10 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in ("scifact", "ray_docs", "mtrag_cloud", "cranfield", "helpdesk"):
        one = found[name]
        modes = one["modes"]
        ndcg = [f"{modes[mode]['nDCG@10']:.3f}" for mode in ("hybrid", "dense", "lexical")]
        more = [f"{modes['hybrid'][measure]:.3f}" for measure in ("R@10", "R@100", "MRR@10")]
        print(
            f"| {name} | {one['queries']} | {one['passages']:,} | **{ndcg[0]}** | " + " | ".join(ndcg[1:] + more) + " |"
        )


def speed() -> None:
    found = result("latency")
    print("| clients | searches/s | p50 ms | p95 ms | p99 ms | encode | dense | BM25 | fuse | hydrate |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for clients in ("1 client", "8 clients", "32 clients"):
        one = found[f"hybrid, {clients}"]
        latency = [f"{one['latency_ms'][q]:.1f}" for q in ("p50", "p95", "p99")]
        stages = [
            f"{one['stages_ms'][stage]['p50']:.1f}" for stage in ("encode", "dense", "lexical", "fuse", "hydrate")
        ]
        print(f"| {clients.split()[0]} | {one['queries_per_second']:.0f} | " + " | ".join(latency + stages) + " |")


if __name__ == "__main__":
    quality()
    print()
    speed()
