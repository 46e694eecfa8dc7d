"""Is drift found, how soon, how often in vain, and is its cause named? MTRAG's stream of five domains, and Ray's docs.

The stream's 1,109 human questions (cloud, a gradual shift to finance, finance, government, general) are answered in
this process by the API's retriever over a part of MTRAG's cloud documents, and their rows written to the ledger, a
second apart; the hourly look then runs on that ledger. The API's queue and its sample of sketches are left out: every
question leaves one.

- ``phases``: after how many questions of each new phase one look finds it, beside the phase before;
- ``inside``: how often a look inside a phase says that something moved, over reshuffles of the phase;
- ``watch``: where the hourly look alarmed, run every 20 questions, each alarm acknowledged at once;
- ``causes``: traffic (the stream), corpus (Ray's documentation of 2022-07 under questions of 2023), recipe (a candidate
  without its lexical leg and stop words), none (a quiet week).

Usage: python -m benchmarks.quality.drift_stream --data ../shared/data [--home .groundwork] [--ray-alone]
Writes benchmarks/results/drift_stream.json.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.services.replay import Replayer
from app.serving.release_opening import ReleaseOpener
from benchmarks.harness.drift_homes import (
    MOST_DOCUMENTS,
    QUESTIONS,
    STEP,
    built,
    documents_of,
    made_home,
    tell,
)
from benchmarks.harness.recording import RESULTS, write_result
from eval.drift.error_control import LEVEL
from eval.drift.look import look
from eval.drift.observations import observe
from eval.drift.signals import decide, measure
from eval.drift.watch import watch_drift
from eval.drift.windows import LEAST, Sample, Scope
from indexing.catalogue.alerts import acknowledge_alert
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.features.views import lexical_view
from indexing.ledger.day_sources import Period
from indexing.ledger.query_sketches import unpacked
from indexing.records import moment_text
from indexing.releases.deployments import deploy
from indexing.releases.recipe_choices import default_recipe
from tests.support.asked_traffic import AskedTraffic
from tests.support.ledger_rows import SECRET
from tests.support.replays import allow_replays

RESHUFFLES = 200
"""As issue 12 asks."""
WEEK = timedelta(days=7)
BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""After everything that is built here."""


def sample_of(rows) -> Sample:
    """Rows as a period's sample."""
    packed = [row.sketch.packed for row in rows if row.sketch is not None]
    return Sample(Period(), len(rows), rows, [observe(row) for row in rows], unpacked(packed))


def moved_between(before, after, *, seed: int = 0) -> list[str]:
    """The signals that one look says moved."""
    signals = decide(measure(sample_of(before), sample_of(after), seed=seed))
    return [one.name for one in signals if one.outcome == "moved"]


def found_after(before, after, *, step: int = STEP) -> dict:
    """After how many questions a look that is repeated every ``step`` finds that they are others; ``None`` if never."""
    for count in range(LEAST, len(after) + 1, step):
        if moved := moved_between(before, after[:count]):
            return {"questions": count, "moved": moved}
    return {"questions": None, "moved": []}


def false_alarms(rows, reshuffles: int) -> dict:
    """How often a look at the last hundred of a reshuffled phase, beside the rest of it, says that something moved."""
    chance, alarmed, signals = np.random.default_rng(0), 0, Counter()
    for number in range(reshuffles):
        order = [rows[place] for place in chance.permutation(len(rows))]
        moved = moved_between(order[:-LEAST], order[-LEAST:], seed=number)
        alarmed += bool(moved)
        signals.update(moved)
    return {"reshuffles": reshuffles, "alarmed": alarmed, "rate": alarmed / reshuffles, "signals": dict(signals)}


def watched(home, rows, phases, replayer) -> list[dict]:
    """Where the hourly look alarmed; each alarm is acknowledged at once, so that what follows is the new reference."""
    ends = [rows[place].id for place in range(STEP - 1, len(rows), STEP)]
    alarms = []
    for number, _ in enumerate(ends, 1):
        at = BEGIN + timedelta(seconds=number * STEP)
        for done in watch_drift(home, now=at, replayer=replayer):
            for alert in done.alerts:
                alarms.append(
                    {
                        "question": number * STEP,
                        "phase": phases[number * STEP - 1],
                        "looks": done.looks,
                        "causes": alert.evidence["causes"],
                        "signals": list(alert.evidence["signals"]),
                    }
                )
                acknowledge_alert(home.catalogue, alert.id, "benchmark", "", moment_text(at))
    return alarms


def cause_of(home, opener, partition, since, until) -> dict:
    """What a look at a window names, beside what was asked a week before."""
    scope, window = Scope(partition.tenant, partition.collection), Period(since, until)
    report = look(home, scope, window, "last-week", replayer=Replayer(home, opener=opener))
    contrasts = [] if report.cause is None else report.cause.contrasts
    return {
        "named": [] if report.cause is None else list(report.cause.named),
        "moved": [one.name for one in report.moved],
        "least_p": min((one.p for one in report.signals if one.p is not None), default=None),
        "contrasts": [
            {"cause": one.cause, "verdict": one.verdict, "queries": one.queries, "overlap": one.overlap, "why": one.why}
            for one in contrasts
        ],
        "changed_share": report.staleness.changed_share,
    }


def of_stream(data: Path, models: Path, reshuffles: int) -> dict:
    entries = [json.loads(line) for line in (data / "drift/mtrag_domain_stream.jsonl").read_text().splitlines()]
    phases = [entry["phase"] for entry in entries]
    with made_home(models, "cloud") as (home, partition):
        put_documents(home.catalogue, partition, documents_of(data / "mtrag_cloud/corpus.jsonl", MOST_DOCUMENTS))
        allow_replays(home, partition.tenant)
        release, opener = built(home), ReleaseOpener(home)
        traffic = AskedTraffic(home, opener, partition, SECRET)
        rows, _ = traffic.ask(release, [entry["text"] for entry in entries], BEGIN)
        tell("asked the stream")
        found = {"questions": len(rows), "documents": MOST_DOCUMENTS, "phases": {}, "inside": {}}
        names = list(dict.fromkeys(phases))
        by_phase = {name: [row for row, one in zip(rows, phases, strict=True) if one == name] for name in names}
        for before, after in pairwise(names):
            found["phases"][after] = found_after(by_phase[before][-QUESTIONS:], by_phase[after])
        tell("looked at its phases")
        for name, own in by_phase.items():
            if len(own) >= 2 * LEAST:
                found["inside"][name] = {"questions": len(own), **false_alarms(own, reshuffles)}
        tell("reshuffled its phases")
        found["watch"] = watched(home, rows, phases, lambda home: Replayer(home, opener=opener))
        tell("watched it")
        found["causes"] = of_traffic_and_recipe(home, opener, traffic, release, by_phase, names)
    return found


def of_traffic_and_recipe(home, opener, traffic, release, by_phase, names) -> dict:
    """Causes on the stream's home, each a month later than the one before."""
    texts = {name: [row.query["query"] for row in own] for name, own in by_phase.items()}
    chance = np.random.default_rng(1)
    general = list(chance.permutation(texts[names[-1]]))
    halves = general[: len(general) // 2], general[len(general) // 2 :]
    partition, causes = traffic.partition, {}

    def compare(name, at, old, before, new, after):
        traffic.ask(old, before, at)
        _, end = traffic.ask(new, after, at + WEEK)
        causes[name] = cause_of(home, opener, partition, at + WEEK, end)

    compare("traffic", BEGIN + 5 * WEEK, release, texts[names[0]], release, texts[names[3]])
    compare("none", BEGIN + 10 * WEEK, release, halves[0], release, halves[1])
    now = default_recipe(home)
    damaged = replace(now, lexical=lexical_view("none"), retrieval=replace(now.retrieval, dense_weight=1.0))
    compare("recipe", BEGIN + 15 * WEEK, release, halves[0], built(home, damaged), halves[1])
    return causes


def of_ray(data: Path, models: Path) -> dict:
    """The corpus as the cause: the questions of 2023 over an index that is fourteen months older.

    Both indexes hold all sections that answer a question and were there at that date, and others by the hashes of ids.
    """
    human = [json.loads(line)["text"] for line in (data / "ray_docs/queries.jsonl").read_text().splitlines()]
    human = list(np.random.default_rng(2).permutation(human))
    windows = human[: len(human) // 2], human[len(human) // 2 :]
    gold = {line.split("\t")[1] for line in (data / "ray_docs/qrels/test.tsv").read_text().splitlines()[1:]}
    history = data / "ray_docs_history"
    new, old = (documents_of(history / f"{date}.jsonl", MOST_DOCUMENTS, gold) for date in ("2023-09-10", "2022-07-01"))
    with made_home(models, "ray") as (home, partition):
        allow_replays(home, partition.tenant)
        put_documents(home.catalogue, partition, new)
        current, opener = built(home), ReleaseOpener(home)
        traffic = AskedTraffic(home, opener, partition, SECRET)
        traffic.ask(current, windows[0], BEGIN)
        remove_documents(home.catalogue, partition, {one.id for one in new} - {one.id for one in old})
        put_documents(home.catalogue, partition, old)
        stale = built(home)
        deploy(home.catalogue, stale.recipe, reason="an old index", actor="benchmark")
        _, end = traffic.ask(stale, windows[1], BEGIN + WEEK)
        found = {"corpus": cause_of(home, opener, partition, BEGIN + WEEK, end)}
        put_documents(home.catalogue, partition, new)  # and no build: the corpus moves on under the index
        found["corpus, not built"] = cause_of(home, opener, partition, BEGIN + WEEK, end)
    return found


def kept_of_stream() -> dict:
    """The result that is there, which says when and at which commit the stream was measured."""
    before = json.loads((RESULTS / "drift_stream.json").read_text())
    measured = {"stream_measured": {name: before[name] for name in ("measured_at", "commit")}}
    return measured | before["result"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--home", type=Path, default=Path(".groundwork"), help="Whose models are used.")
    parser.add_argument("--reshuffles", type=int, default=RESHUFFLES)
    parser.add_argument(
        "--ray-alone", action="store_true", help="Measure Ray's causes anew, and keep what the file has of the stream."
    )
    options = parser.parse_args()
    started = time.process_time()
    if options.ray_alone:
        found = kept_of_stream()
    else:
        found = of_stream(options.data, options.home, options.reshuffles) | {"level_of_a_look": LEVEL}
    tell("named the stream's causes")
    found["causes"] |= of_ray(options.data, options.home)
    found["cpu_seconds"] = round(time.process_time() - started, 1)
    print(json.dumps(found, indent=1))
    write_result("drift_stream", found)


if __name__ == "__main__":
    main()
