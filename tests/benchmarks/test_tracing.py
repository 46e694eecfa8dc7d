"""The cost of tracing is that of loads side by side, and the collector beside them takes what is sent."""

import httpx

from benchmarks.search.tracing import OFF, ON, compare, discarding_collector


def test_the_collector_takes_what_is_posted():
    with discarding_collector() as endpoint:
        assert httpx.post(f"{endpoint}/v1/traces", content=b"x").status_code == 200


def test_ratios_are_of_one_round_each():
    def one(rate, milliseconds):
        slow = {"p95_ms": 2.0, "p99_ms": 2.0}
        return {"queries_per_second": rate, "p50_ms": milliseconds, **slow, "cpu_ms": milliseconds}

    rounds = [
        {OFF: one(100.0, 1.0), ON: one(90.0, 1.1)},
        {OFF: one(10.0, 10.0), ON: one(8.0, 12.0)},
        {OFF: one(100.0, 1.0), ON: one(95.0, 1.05)},
    ]
    ratios = {"queries_per_second": 0.9, "p50_ms": 1.1, "p95_ms": 1.0, "p99_ms": 1.0, "cpu_ms": 1.1}
    assert compare(rounds)["on to off"] == ratios
