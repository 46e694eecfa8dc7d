"""How searches with and without the ledger are compared."""

from benchmarks.search.ledger_cost import compare


def one_round(rate, milliseconds):
    figures = {"queries_per_second": rate, "p50_ms": milliseconds, "p95_ms": 2.0, "p99_ms": 4.0, "cpu_ms": 1.0}
    return {**figures, "rows_dropped": 1.0}


def test_ratios_are_of_one_round_each():
    rounds = {
        "on": [one_round(99.0, 1.01), one_round(50.0, 2.0), one_round(98.0, 1.02)],
        "off": [one_round(100.0, 1.0), one_round(50.0, 2.0), one_round(100.0, 1.0)],
        "without": [one_round(100.0, 1.0), one_round(100.0, 1.0), one_round(98.0, 1.02)],
    }
    found = compare(rounds)
    assert found["rows dropped"] == 3.0
    assert found["on"]["queries_per_second"] == 98.0
    assert found["on to off"]["queries_per_second"] == {"median": 0.99, "lowest": 0.98, "highest": 1.0}
    assert found["on to without"]["p50_ms"] == {"median": 1.01, "lowest": 1.0, "highest": 2.0}
