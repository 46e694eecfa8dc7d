"""How fast is the ledger written, how large is it, and how long do its questions take? One day of made-up rows.

The rows are as searches leave them: ten hits with the scores of two legs, features of the query, timings, no text.
A day is written in batches as the recorder writes it, asked, compacted to Parquet and asked again.

Usage: nice -n 19 python -m benchmarks.search.ledger [--rows 1000000] [--tenants 300] [--folder /tmp]
"""

import argparse
import json
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.harness.recording import write_result
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.day_list import list_days
from indexing.ledger.guard_window import guard_window
from indexing.ledger.ids import first_id
from indexing.ledger.parquet_day import require_analytics
from indexing.ledger.readers import (
    recipe_days,
    requests_named,
    requests_of,
    requests_of_recipes,
    served_request,
    shares,
)
from indexing.ledger.records import RequestRow, ServedHit
from indexing.ledger.store import LedgerStore

BATCH_ROWS = 500
"""As ``app.ledger.batch_queue`` hands them over."""
DAY = datetime(2026, 11, 24, tzinfo=UTC)
SECONDS_A_DAY = 86_400
REQUESTS_A_SECOND = 100
"""The load that issue 11 asks bytes a day for."""
CANDIDATE, LIVE = 13, 12


def made_rows(count: int, tenants: int, seed: int = 11) -> Iterator[RequestRow]:
    """A day of rows in the order of their moments; a few tenants ask most, a tenth goes to a candidate."""
    random_ = random.Random(seed)
    weights = [1 / (rank + 10) for rank in range(tenants)]
    names = random_.choices([f"tenant-{n:04d}" for n in range(tenants)], weights, k=count)
    numbers = np.random.default_rng(seed).random((count, 3), dtype=np.float32)
    for number, tenant in enumerate(names):
        at_ms = int(DAY.timestamp() * 1000) + number * SECONDS_A_DAY * 1000 // count
        is_candidate = random_.random() < 0.1
        dense, lexical, best = map(float, numbers[number])
        hits = [
            ServedHit(
                f"articles/{random_.randrange(100_000):06d}.md",
                start := random_.randrange(6000),
                start + random_.randrange(200, 1200),
                random_.random() / (rank + 1),
                float(np.float32(dense / (rank + 1))),
                None if rank > 7 else random_.random() * 20 * lexical,
                None,
            )
            for rank in range(10)
        ]
        yield RequestRow(
            id=UUID(int=first_id(at_ms).int | secrets.randbits(62)),
            process="3f9a1c0d5b7e8f21",
            number=number + 1,
            kind="search" if number % 5 else "context",
            request_id=f"{random_.getrandbits(128):032x}",
            tenant=tenant,
            collection="default",
            user=f"{random_.getrandbits(128):032x}",
            release=f"{CANDIDATE if is_candidate else LIVE}.{1 + number * 4 // count}",
            rollout=4,
            arm="candidate" if is_candidate else "live",
            reason="share 0.1 by user",
            unit=f"{random_.getrandbits(128):032x}",
            mode="hybrid",
            k=10,
            grouped=True,
            query_hash=f"{random_.getrandbits(128):032x}",
            query=None,
            filters=None,
            principals=None,
            query_features={
                **{"characters": 40.0, "words": 7.0, "language": "en", "terms": 4.0, "unknown_share": 0.25},
                **{"leg_overlap": round(dense, 4), "term_share": 0.8, "top_score": best},
            },
            is_reranked=False,
            seq=4711,
            view=0,
            hits=hits,
            timings_ms={
                stage: round(random_.random() * 5, 3)
                for stage in ("encode", "dense", "lexical", "fuse", "filter", "hydrate", "total")
            },
            status=200,
            error=None,
            warnings=(),
        )


def write(ledger: LedgerStore, count: int, tenants: int) -> tuple[dict[str, float], list[RequestRow]]:
    """Append all rows; the time is of the appends alone. A thousand of the rows are kept, to ask for."""
    seconds, slowest, batch, kept, cpu = 0.0, 0.0, [], [], 0.0
    for row in made_rows(count, tenants):
        batch.append(row)
        if len(batch) == BATCH_ROWS or row.number == count:
            began, cpu_began = time.perf_counter(), time.process_time()
            ledger.append(batch)
            took, cpu = time.perf_counter() - began, cpu + time.process_time() - cpu_began
            seconds, slowest = seconds + took, max(slowest, took)
            kept.append(batch[len(batch) // 2])
            batch = []
    random.Random(1).shuffle(kept)
    return {
        "rows_per_second": round(count / seconds),
        "slowest_batch_ms": round(slowest * 1000, 1),
        "batch_rows": BATCH_ROWS,
        "cpu_us_a_row": round(cpu / count * 1e6, 1),
    }, kept[:1000]


def timed(ask: Callable[[RequestRow], object], rows: list[RequestRow]) -> dict[str, float]:
    """Milliseconds of one question about each of the rows."""
    took = []
    for row in rows:
        began = time.perf_counter()
        ask(row)
        took.append((time.perf_counter() - began) * 1000)
    p50, p95 = np.percentile(took, (50, 95))
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2), "asked": len(took)}


def questions(ledger: LedgerStore, rows: list[RequestRow]) -> dict[str, dict[str, float]]:
    """The time of each question, the files being in memory."""
    noon, hour, day_end = DAY + timedelta(hours=12), timedelta(hours=1), DAY + timedelta(days=1)
    largest = [row for row in rows if row.tenant == "tenant-0000"][:5]

    def by_id(row: RequestRow) -> None:
        found = served_request(ledger, row.id)
        if found is None or found.hits != tuple(row.hits):
            raise SystemExit(f"{row.id} was not found as it was written")

    asked: dict[str, tuple[Callable[[RequestRow], object], list[RequestRow]]] = {
        "request by its ledger id": (by_id, rows[:200]),
        "request by the caller's id, in a day": (
            lambda row: requests_named(ledger, row.request_id, DAY, day_end),
            rows[:100],
        ),
        "a tenant's day: shares": (lambda row: shares(ledger, row.tenant, DAY, day_end), rows[:100]),
        "the largest tenant's day: shares": (lambda row: shares(ledger, row.tenant, DAY, day_end), largest),
        "a tenant's hour: all rows": (lambda row: list(requests_of(ledger, row.tenant, noon, noon + hour)), rows[:50]),
        "a recipe's day: answers by release": (lambda row: recipe_days(ledger, [LIVE], DAY, day_end), rows[:10]),
        "a recipe's day: newest 100 rows": (
            lambda row: list(requests_of_recipes(ledger, [LIVE], DAY, day_end, limit=100, newest_first=True)),
            rows[:10],
        ),
        "all tenants' day: shares": (lambda row: shares(ledger, None, DAY, day_end), rows[:5]),
        "guards: an hour of a rollout": (lambda row: guard_window(ledger, 4, noon, noon + hour), rows[:5]),
    }
    return {name: timed(*one) for name, one in asked.items()}


def size(ledger: LedgerStore, count: int) -> dict[str, float]:
    size_bytes = sum(one.size_bytes for one in list_days(ledger.folder))
    a_row = size_bytes / count
    return {
        "mb": round(size_bytes / 1e6, 1),
        "bytes_a_row": round(a_row, 1),
        f"gb_a_day_at_{REQUESTS_A_SECOND}_requests_a_second": round(a_row * REQUESTS_A_SECOND * SECONDS_A_DAY / 1e9, 2),
    }


def measure(folder: Path, count: int, tenants: int) -> dict[str, object]:
    """Write, ask, compact, ask again."""
    require_analytics()
    ledger = LedgerStore(folder / "ledger")
    written, rows = write(ledger, count, tenants)
    ledger.close()
    result: dict[str, object] = {
        "rows": count,
        "tenants": tenants,
        "sqlite": {"writing": written, **size(ledger, count)},
    }
    result["sqlite_questions"] = questions(ledger, rows)
    began = time.perf_counter()
    for one in sealed_days(ledger, DAY + timedelta(days=2)):
        compact(ledger, one)
    seconds = time.perf_counter() - began
    result["parquet"] = {"compacting_rows_per_second": round(count / seconds), **size(ledger, count)}
    result["parquet_questions"] = questions(ledger, rows)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="Where the day is written; by default the system's.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result = measure(Path(folder), options.rows, options.tenants)
    print(json.dumps(result, indent=1))
    write_result("ledger", result)


if __name__ == "__main__":
    main()
