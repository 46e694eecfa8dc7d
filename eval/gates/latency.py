"""Timing two releases in turn, on the same queries at the same time, and what a policy's limits say of it."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from eval.datasets.query_sets import QuerySet
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.evaluations import boost_values
from eval.experiments.targets import LocalSearcher
from eval.gates.policy import LatencyLimits
from eval.gates.set_decision import Finding
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.records import Json, Partition
from indexing.releases.gate import HOLD, PROMOTE
from indexing.releases.recipes import read_recipe
from indexing.releases.release import Release

FEW_MS = 5.0
"""A p95 that is higher by less than this is no reason to hold. Source: our choice, as machines differ by that much."""
TIMED_QUERIES = 50
"""Queries of a set that are timed, chosen by hash. Source: our choice, seconds where a search takes tens of ms."""
ROUNDS = 2
"""How often each is timed under each release; the faster one counts. Source: our choice, against single hiccups."""
DOCUMENTS = 100
"""Documents a timed search is asked for, as an evaluation asks for. Our choice."""


@dataclass(frozen=True, slots=True)
class Timing:
    """p95 of both releases in milliseconds, over the same queries."""

    baseline_ms: float
    candidate_ms: float
    queries: int


Timer = Callable[[Home, tuple[Release, Release], QuerySet, str], Timing]
"""Times a baseline and a candidate on a query set in a mode."""


def time_in_turn(
    home: Home,
    releases: tuple[Release, Release],
    query_set: QuerySet,
    mode: str,
    *,
    opener: ArtefactOpener | None = None,
) -> Timing:
    """Search some queries of a set under both releases, query by query, each first every other time.

    What an evaluation took is of another hour and load; these are of one. Each release answers one query before, so
    that what is loaded once does not count.

    Args:
        home: Where both are.
        releases: The baseline and the candidate.
        query_set: Names the partition that is searched.
        mode: How to search.
        opener: Opens both; by default a new one.

    Raises:
        InvalidInput: the set names no partition.
        GroundworkError: a release cannot be searched whole.
    """
    if query_set.partition is None:
        raise InvalidInput(f"Query set {query_set.name!r} names no collection; expected one that its documents are of.")
    opened = opener or ArtefactOpener(
        home.storage, sessions=home.settings.sessions, max_shards=home.settings.max_open_shards
    )
    searches = [_searcher(home, one, query_set.partition, opened) for one in releases]
    chosen = sorted(query_set.queries, key=lambda one: hashlib.blake2b(one.encode()).digest())[:TIMED_QUERIES]
    for search in searches:
        search(query_set.queries[chosen[0]], k=DOCUMENTS, mode=mode)
    took = np.full((len(searches), len(chosen)), np.inf)
    for turn in range(ROUNDS):
        for place, query in enumerate(chosen):
            for which in (0, 1) if (turn + place) % 2 == 0 else (1, 0):
                started = time.perf_counter()
                searches[which](query_set.queries[query], k=DOCUMENTS, mode=mode)
                took[which, place] = min(took[which, place], (time.perf_counter() - started) * 1000)
    before, after = (float(np.percentile(one, 95)) for one in took)
    return Timing(before, after, len(chosen))


def judge_latency(limits: LatencyLimits, timing: Timing) -> Finding:
    """HOLD where searches are slower than the limits: a canary's p99, under load, tells more than this process."""
    before_ms, after_ms = timing.baseline_ms, timing.candidate_ms
    evidence: dict[str, Json] = {
        "baseline_p95_ms": before_ms,
        "candidate_p95_ms": after_ms,
        "timed_queries": timing.queries,
    }
    said = f"p95 is {after_ms:.1f} ms here against {before_ms:.1f}, {timing.queries} queries timed in turn"
    reasons: Sequence[str] = [
        *([f"{said}: over {limits.p95_ms:g}"] if limits.p95_ms is not None and after_ms > limits.p95_ms else []),
        *([f"{said}: over {limits.p95_ratio:g} times"] if _is_over(limits.p95_ratio, before_ms, after_ms) else []),
    ]
    return Finding(HOLD, tuple(reasons), evidence) if reasons else Finding(PROMOTE, (said,), evidence)


def _is_over(ratio: float | None, before_ms: float, after_ms: float) -> bool:
    return ratio is not None and after_ms > max(ratio * before_ms, before_ms + FEW_MS)


def _searcher(home: Home, release: Release, partition: Partition, opener: ArtefactOpener) -> LocalSearcher:
    recipe = read_recipe(home.catalogue, release.recipe)
    serving = opener.open(release, recipe, boost_values(home, release, recipe, partition, datetime.now(UTC)))
    serving.require_searchable(partition)
    return LocalSearcher(serving, partition)
