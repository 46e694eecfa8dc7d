"""What does one row of the ledger cost the process that serves? Processor time, on the request and in the writer.

Requests are recorded as a search leaves them, ten hits each, in bursts as large as a batch is under load; every batch
is written before the next burst. Nothing else runs, so this is the cost itself; what a search feels of it
``ledger_cost`` says. Of several rounds the lowest figure counts, since a busy machine only adds to it.

Usage: python -m benchmarks.search.ledger_rows [--rows 5000] [--burst 60] [--rounds 5] [--before CHECKOUT] [--dry]

With ``--before``, the packages of another checkout are measured in turn, with this script and this interpreter.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from app.access.authentication import Caller
from app.ledger.counters import ProcessCounts
from app.ledger.query_ids import QueryIds
from app.ledger.recorder import Recorder
from app.retrieval.hits import RankedPassage, Result
from app.schemas.search import SearchBody
from app.services.request_records import SEARCH, RequestRecords
from app.services.request_rows import RowPolicy
from app.serving.assignment import Assignment
from app.web.problems import status_of
from benchmarks.harness.recording import write_result
from indexing.ledger.day_list import list_days
from indexing.ledger.store import LedgerStore
from indexing.records import Partition
from indexing.releases.release import Release
from indexing.snapshots.shard import StoredPassage
from indexing.telemetry import request_id

ROOT = Path(__file__).parents[2]
SECRET = b"a secret of a benchmark"
BATCH_SECONDS = 0.005
"""Longer than a burst takes to be recorded, so that it is one batch."""
STAGES = ("encode", "dense", "lexical", "fuse", "filter", "hydrate", "total")
TENANTS, HITS, DOCUMENTS = 300, 10, 100_000
RELEASE = Release(12, 3, "snapshot", 7, "", "")
_WORDS = ("password", "reset", "card", "declined", "email", "how", "my", "the", "when", "is", "no", "do")


class _Dropped:
    """Counts rows that were dropped, of which there must be none."""

    def __init__(self) -> None:
        self.rows = 0

    def accepted(self, rows: int) -> None:
        """See ``RowCounts``."""

    def written(self, rows: int) -> None:
        """See ``RowCounts``."""

    def dropped(self, reason: str, rows: int) -> None:
        """See ``RowCounts``."""
        self.rows += rows


def answered(count: int, seed: int = 12) -> Iterator[tuple[Caller, SearchBody, Result]]:
    """What callers of many tenants asked, with what they were answered."""
    random_ = random.Random(seed)
    for _ in range(count):
        caller = Caller(f"tenant-{random_.randrange(TENANTS):04d}", frozenset({"search"}), "k_1")
        body = SearchBody(query=" ".join(random_.sample(_WORDS, 7)), user=f"user-{random_.randrange(5000)}", k=HITS)
        partition = Partition(caller.tenant, body.collection)
        hits = [_hit(random_, rank, partition) for rank in range(1, HITS + 1)]
        features = {"terms": 4.0, "unknown_share": 0.25, "leg_overlap": round(random_.random(), 3)}
        yield caller, body, Result(hits, {stage: random_.random() * 5 for stage in STAGES}, [], features)


def _hit(random_: random.Random, rank: int, partition: Partition) -> RankedPassage:
    name, start = f"articles/{random_.randrange(DOCUMENTS):06d}.md", random_.randrange(6000)
    passage = StoredPassage(
        partition, name, "Title", "", {}, 0, start, start + random_.randrange(200, 1200), (), "text"
    )
    legs = _float32(random_.random()), None if rank > 8 else _float32(random_.random() * 20)
    return RankedPassage(rank, random_.random() / rank, *legs, passage)


def _float32(value: float) -> float:
    """As a leg scores."""
    return float(np.float32(value))


def measure(folder: Path, rows: int, burst: int) -> dict[str, float]:
    """Record so many rows; microseconds a row of each thread, and bytes a row on the disk."""
    ledger = LedgerStore(folder / "ledger", days=30, max_mb=10_000)
    counts, told = ProcessCounts(folder, "3f9a1c0d5b7e8f21"), _Dropped()
    recorder = Recorder(ledger, counts, told, batch_seconds=BATCH_SECONDS)
    writer = next(thread for thread in threading.enumerate() if thread.name == "write-ledger")
    clock = time.pthread_getcpuclockid(writer.ident or 0)
    policy = RowPolicy(SECRET, is_whole=True, may_keep_text=False)
    records = RequestRecords(recorder, QueryIds(SECRET), policy, status_of)
    names, token = random.Random(burst), request_id.set("")
    requests, assignment = list(answered(rows)), Assignment(12, "live", "live")
    on_request, writer_began = 0.0, time.clock_gettime(clock)
    for first in range(0, rows, burst):
        request_id.set(f"{names.getrandbits(128):032x}")
        began = time.thread_time()
        for caller, body, result in requests[first : first + burst]:
            with records.begin(SEARCH, caller, body) as record:
                record.release, record.assignment, record.seq, record.result = RELEASE, assignment, 7, result
        on_request += time.thread_time() - began
        recorder.flush(60.0)
    in_writer = time.clock_gettime(clock) - writer_began
    request_id.reset(token)
    recorder.close()
    ledger.close()
    if told.rows:
        raise SystemExit(f"{told.rows} rows were dropped: the figures are of fewer rows.")
    size_bytes = sum(one.size_bytes for one in list_days(ledger.folder))
    return {
        "on_request_us": on_request / rows * 1e6,
        "in_writer_us": in_writer / rows * 1e6,
        "bytes_a_row": size_bytes / rows,
    }


def measure_apart(packages: Path, options: argparse.Namespace) -> dict[str, float]:
    """One round with the packages of a checkout, in a process of its own."""
    program = [sys.executable, "-P", __file__, "--once", "--rows", str(options.rows), "--burst", str(options.burst)]
    environment = {**os.environ, "PYTHONPATH": str(packages.resolve())}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def lowest(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The lowest of each figure."""
    return {name: round(min(one[name] for one in rounds), 1) for name in rounds[0]}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--burst", type=int, default=60, help="Rows of a batch: 300 requests/s for 0.2 s.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--before", type=Path, help="A checkout to compare with.")
    parser.add_argument("--once", action="store_true", help="One round, printed alone.")
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.once:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(Path(folder), options.rows, options.burst)))
        return
    sides = {"now": ROOT} | ({} if options.before is None else {"before": options.before})
    rounds: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side, packages in sides.items():
            rounds[side].append(measure_apart(packages, options))
    result = {side: lowest(found) for side, found in rounds.items()}
    print(json.dumps(result, indent=1))
    if not options.dry:
        about = {"rows": options.rows, "burst": options.burst, "load_average": os.getloadavg()}
        write_result("ledger_rows", {**about, **result, "rounds": rounds})


if __name__ == "__main__":
    main()
