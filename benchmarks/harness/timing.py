"""How times are told: percentiles of what was measured, and each query's median of several passes."""

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

PASSES = 3
"""Times that each query is asked: its median leaves out what other users of the machine did."""


def percentiles(values: Sequence[float], digits: int = 3, unit: str = "") -> dict[str, float]:
    """``{"p50": ..., "p95": ..., "p99": ...}``, with ``unit`` at the end of each name; nothing of no values."""
    if not len(values):
        return {}
    return {f"p{q}{unit}": round(float(np.percentile(values, q)), digits) for q in (50, 95, 99)}


def milliseconds(job: Callable[[], object]) -> float:
    """How long ``job`` takes."""
    began = time.perf_counter()
    job()
    return (time.perf_counter() - began) * 1000.0


def typical_milliseconds(queries: Iterable, search: Callable, passes: int = PASSES) -> dict[str, float]:
    """Percentiles over the queries of each one's median of ``passes`` passes of ``search``."""
    asked = list(queries)
    found = [[milliseconds(lambda query=query: search(query)) for query in asked] for _ in range(passes)]
    return percentiles(np.median(found, axis=0), unit="_ms")
