"""Does a build survive fifty random kills? A part of SciFact on two workers, and what is left at the end.

First an undisturbed build of the same documents on the same set-up: the reference. Then one build during which, at
seeded random moments 1 to 3 seconds apart, something is ended by SIGKILL: a worker with its whole process group (the
script starts it again at once), the process that does a worker's blocks (Celery replaces it), a worker's Celery process
(the worker command starts it again), Redis (a new, empty one is started at once), or the build command (the same
command is started at once). A build that fails by itself is counted, and started again too.

Reported: passages lost, rows of which vector, postings or texts differ from the reference's, files that are not what
their manifest promises, what was computed twice, seconds, and kills by kind. Take more --documents where the build ends
before all kills are done; the result says how many were.

Usage: python -m benchmarks.faults.kills --data ../shared/data [--documents 3000] [--kills 50] [--seed 20261124]
"""

import argparse
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.harness.build_evidence import (
    account,
    attempts,
    compare_rows,
    count_stored,
    drafts_left,
    hash_files,
    snapshot_rows,
    stored_blocks,
    torn_files,
)
from benchmarks.harness.cluster import Build, Cluster, Setup, make_home, write_part
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import PROGRAM
from benchmarks.harness.waiting import wait_for

KINDS = ("worker", "pool child", "celery", "redis", "build command")
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 3.0
_MOST_FAILED_BUILDS = 10
_TO_APPEAR_SECONDS = 10.0


@dataclass(slots=True)
class Campaign:
    """Kills over one build: what was done so far."""

    cluster: Cluster
    chance: random.Random
    kills: list[dict[str, object]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def build(self) -> Build:
        """The build command that runs now."""
        return self.cluster.builds[-1]

    def is_over(self) -> bool:
        """Whether the build succeeded. One that failed by itself is started again.

        Raises:
            RuntimeError: that happened too often.
        """
        if not self.build.has_ended():
            return False
        if self.build.process.returncode == 0:
            return True
        self.failures.append(self.build.error[-300:])
        if len(self.failures) > _MOST_FAILED_BUILDS:
            raise RuntimeError(f"{len(self.failures)} builds failed: {self.failures}")
        self.cluster.start_build()
        return False

    def pause(self, seconds: float) -> bool:
        """Let the build run; gives whether it is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.is_over():
                return True
            time.sleep(0.05)
        return self.is_over()

    def kill(self, began: float) -> None:
        """Kill something of a random kind."""
        kind = self.chance.choice(KINDS)
        worker = self.chance.choice(self.cluster.workers)
        at = round(time.perf_counter() - began, 2)
        if kind == "worker":
            worker.kill()
            worker.start()
        elif kind == "pool child":
            wait_for(lambda: worker.pool_child() is not None, _TO_APPEAR_SECONDS, "a pool child")
            if child := worker.pool_child():
                child.kill()
        elif kind == "celery":
            wait_for(lambda: worker.celery() is not None, _TO_APPEAR_SECONDS, "a Celery process")
            if celery := worker.celery():
                celery.kill()
        elif kind == "redis":
            self.cluster.server.kill()
            self.cluster.server.start()
        else:
            self.build.kill()
            self.cluster.start_build()
        self.kills.append({"at_seconds": at, "kind": kind, "blocks_stored": count_stored(self.cluster.home)})


def undisturbed(setup: Setup, corpus: Path, folder: Path) -> tuple[Path, dict]:
    """The reference: a home, and its build's report with its ``wall_seconds``."""
    home = make_home(folder, corpus)
    with Cluster(home, setup, folder) as cluster:
        build = cluster.start_build()
        report = build.report(900)
    return home, report | {"wall_seconds": round(build.seconds or 0.0, 1)}


def disturbed(setup: Setup, corpus: Path, folder: Path, kills: int, seed: int) -> tuple[Path, dict, dict]:
    """One build under kills: its home, the last command's report, and what happened."""
    home = make_home(folder, corpus)
    with Cluster(home, setup, folder) as cluster:
        campaign = Campaign(cluster, random.Random(seed))
        began = time.perf_counter()
        cluster.start_build()
        while len(campaign.kills) < kills:
            if campaign.pause(campaign.chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)):
                break
            campaign.kill(began)
        last = round(time.perf_counter() - began, 1)
        while not campaign.pause(1.0):
            if time.perf_counter() - began > 1800:
                raise TimeoutError("the build did not end within half an hour")
        seconds = round(time.perf_counter() - began, 1)
        report = campaign.build.report(1)
        logs = cluster.logs
    kinds = Counter(str(kill["kind"]) for kill in campaign.kills)
    return (
        home,
        report,
        {
            "kills": len(campaign.kills),
            "kills_by_kind": {kind: kinds[kind] for kind in KINDS},
            "seconds": seconds,
            "seconds_until_the_last_kill": last,
            "build_commands": len(cluster.builds),
            "builds_that_failed_by_themselves": campaign.failures,
            "celery_restarts_logged": sum(log.read_text(errors="replace").count('"worker.restarted"') for log in logs),
            **account(home, logs),
            **attempts(home),
            "each_kill": campaign.kills,
        },
    )


def verify(home: Path, setup: Setup) -> tuple[int, str]:
    """Exit status and output of ``snapshots verify``."""
    done = subprocess.run(
        [PROGRAM, "--home", str(home), "snapshots", "verify"],
        env=setup.environment(None),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def compare(reference: tuple[Path, dict], found: tuple[Path, dict], setup: Setup) -> dict[str, object]:
    """What differs between the reference and the disturbed home."""
    (one, one_report), (two, two_report) = reference, found
    names = [report["release"]["snapshot"] for report in (one_report, two_report)]
    torn = torn_files(two)
    status, said = verify(two, setup)
    counted = compare_rows(snapshot_rows(one, names[0]), snapshot_rows(two, names[1]))
    checked = hash_files(two, ("models", "features", "shards", "snapshots"))
    return {
        **counted,
        "torn_files": len(torn),
        "torn_names": torn[:20],
        "files_checked": len(checked),
        "snapshots_verify": {"exit_status": status, "said": said[-300:]},
        "same_snapshot": names[0] == names[1],
        "snapshot_files_equal": hash_files(one) == hash_files(two),
        "feature_files_equal": hash_files(one, ("features",)) == hash_files(two, ("features",)),
        "drafts_left": drafts_left(two),
        "inputs_left": len(list((two / "work").glob("*/*/block.jsonl"))),
    }


def show(result: dict) -> None:
    table = Table(
        title=f"{result['kills']} kills in {result['seconds']} s (undisturbed: {result['undisturbed_seconds']} s)"
    )
    table.add_column("what")
    table.add_column("count", justify="right")
    for name in (
        "passages",
        "lost_passages",
        "torn_files",
        "wrong_rows",
        "vectors_stored",
        "vectors_computed",
        "blocks_done_twice",
        "blocks_begun_although_stored",
        "blocks_stored_without_an_entry",
    ):
        table.add_row(name.replace("_", " "), str(result[name]))
    for kind, count in result["kills_by_kind"].items():
        table.add_row(f"kills: {kind}", str(count))
    table.add_row("builds that failed by themselves", str(len(result["builds_that_failed_by_themselves"])))
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--block-size", type=int, default=16)
    parser.add_argument("--lease-seconds", type=float, default=2.0)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--dry", action="store_true", help="record nothing")
    arguments = parser.parse_args()
    setup = Setup(2, arguments.block_size, arguments.lease_seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_part(arguments.data, folder / "part.jsonl", arguments.documents)
        reference = undisturbed(setup, corpus, folder)
        home, report, happened = disturbed(setup, corpus, folder, arguments.kills, arguments.seed)
        result = {
            "setup": setup.describe() | {"seed": arguments.seed, "documents": arguments.documents},
            "blocks": len(stored_blocks(reference[0])),
            "undisturbed_seconds": reference[1]["wall_seconds"],
            **compare(reference, (home, report), setup),
            **happened,
        }
    show(result)
    if arguments.dry:
        print(json.dumps(result, indent=1))
    else:
        write_result("kills", result)


if __name__ == "__main__":
    main()
