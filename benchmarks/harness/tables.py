"""Print the README's tables from benchmarks/results: paste them after measuring anew.

Usage: python -m benchmarks.harness.tables
"""

import json

from benchmarks.harness.recording import RESULTS


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


def load(one: dict) -> str:
    """Searches a second, and p50 / p99 in milliseconds."""
    return f"{one['queries_per_second']:.0f}: {one['p50_ms']:.1f} / {one['p99_ms']:.1f}"


def texts() -> None:
    found = result("peer_txtai")
    ours, theirs = found["groundwork"], found["txtai"]
    print("| clients | every query encoded | query vectors cached | txtai, one process | txtai, two processes |")
    print("|---|---|---|---|---|")
    for clients in ("1 client", "8 clients", "32 clients"):
        ways = (ours["uncached"], ours["cached query vectors"], theirs["1 process"], theirs["2 processes"])
        print(f"| {clients.split()[0]} | " + " | ".join(load(way[clients]) for way in ways) + " |")
    print(f"nDCG@10 {ours['nDCG@10']:.3f} and {theirs['nDCG@10']:.3f}")


def vectors() -> None:
    found = result("peer_chroma")
    ours, theirs = found["groundwork"], found["chroma"]
    print("| | recall@10 | 1 client | 8 clients | 32 clients |")
    print("|---|---|---|---|---|")
    for name, one in (
        ("one partition", ours["one partition"]),
        *((f"Chroma, {way}", one) for way, one in theirs.items() if way.startswith("one partition")),
        ("100 tenants", ours["100 tenants"]),
        ("Chroma, a filter by tenant", theirs["100 tenants"]),
        ("Chroma, a collection each", theirs["100 tenants, a collection each"]),
    ):
        cells = [load(one[clients]) for clients in ("1 client", "8 clients", "32 clients")]
        print(f"| {name} | {one['recall@10']:.3f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    quality()
    print()
    texts()
    print()
    vectors()
