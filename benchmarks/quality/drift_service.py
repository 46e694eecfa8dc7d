"""Is drift found in the ledger of a real service? MTRAG's stream of five domains, asked over HTTP, and its cause named.

``drift_stream`` writes the ledger itself and can thus place a question at any moment. Here ``groundwork serve`` answers
over HTTP and writes it, a second or so for a phase. The service is started anew for each phase, since a process keeps
500 sketches of query vectors at once and then so many an hour, and an hour passes here in seconds.

Each phase is looked at beside the last 200 questions of the phase before it: 100 of its questions first, then 20 more,
until a look finds that something moved; that look then names the cause by replay. The watch's own repeated look is
measured by ``drift_stream``.

Usage: nice python -m benchmarks.quality.drift_service --data ../shared/data [--home .groundwork]
Writes benchmarks/results/drift_service.json.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from app.services.replay import Replayer
from benchmarks.harness.drift_homes import MOST_DOCUMENTS, QUESTIONS, STEP, built, documents_of, made_home, tell
from benchmarks.harness.http_load import Connection
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import served_home
from eval.drift.look import compare, explain
from eval.drift.windows import LEAST, Reference, Scope
from indexing.catalogue.document_writes import put_documents
from indexing.home import Home, default_key
from indexing.ledger.day_sources import Period
from indexing.records import Partition
from tests.support.replays import allow_replays

COLLECTION = "cloud"
Moments = Sequence[datetime]
"""The moment before the first question of a phase, and that after each."""
Replayers = Callable[[Home], Replayer]


def asked(path: Path, key: str, texts: Sequence[str]) -> list[datetime]:
    """Ask a home's service, started for this; gives the moment before the first question, and that after each."""
    with served_home(path, log_queries="true") as server:
        connection, moments = Connection(server.url), [datetime.now(UTC)]
        for text in texts:
            answer = connection.send("search", "POST", "/v1/search", key, {"query": text, "collection": COLLECTION})
            answer.raise_for_status()
            moments.append(datetime.now(UTC))
        connection.close()
    return moments


def found_in(home: Home, partition: Partition, before: Moments, after: Moments, replayer: Replayers) -> dict:
    """After how many questions of a phase a look beside the phase before it finds something, and the cause it names."""
    scope = Scope(partition.tenant, partition.collection)
    reference = Reference("the phase before", Period(before[-1 - min(QUESTIONS, len(before) - 1)], before[-1]))
    for count in range(LEAST, len(after), STEP):
        compared = compare(home, scope, Period(after[0], after[count]), reference)
        if moved := [one.name for one in compared.report.moved]:
            cause = explain(compared, lambda: replayer(home)).cause
            named = [] if cause is None else list(cause.named)
            return {"questions": count, "of": len(after) - 1, "moved": moved, "cause": named}
    return {"questions": None, "of": len(after) - 1, "moved": [], "cause": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--home", type=Path, default=Path(".groundwork"), help="Whose models are used.")
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    lines = (options.data / "drift/mtrag_domain_stream.jsonl").read_text().splitlines()
    phases: dict[str, list[str]] = {}
    for entry in map(json.loads, lines):
        phases.setdefault(entry["phase"], []).append(entry["text"])
    with made_home(options.home, COLLECTION) as (home, partition):
        put_documents(
            home.catalogue, partition, documents_of(options.data / "mtrag_cloud/corpus.jsonl", MOST_DOCUMENTS)
        )
        allow_replays(home, partition.tenant)
        built(home)
        moments = {}
        for name, texts in phases.items():
            moments[name] = asked(home.path, default_key(home), texts)
            tell(f"asked {name}")
        found = {
            after: found_in(home, partition, moments[before], moments[after], Replayer)
            for before, after in pairwise(phases)
        }
    result = {"questions": len(lines), "documents": MOST_DOCUMENTS, "phases": found}
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("drift_service", result)


if __name__ == "__main__":
    main()
