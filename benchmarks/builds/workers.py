"""Do workers scale, and what does the broker cost? A part of SciFact, built in one process and by real workers.

Each build has a fresh home. Workers have one pool child with one single-threaded encoder session each and are warm: a
first small build, of other documents, made each of them load the model. Reported of each build:

* *command*: seconds from the start of the build command to its end, everything counted.
* *embedding phase*: seconds from the first block of vectors taken to the last one done, by the workers' log entries.
* *before and after the phase*: what a second worker cannot make faster: the command's start, cutting documents into
  passages, planning; then shards, snapshot and release.
* *after the first block*: seconds from the first block of vectors stored to the last one stored. This can be had of a
  build in its own process too (there, with one session), so it gives what the broker costs.
* *gap*: time between a block's end and the next one's beginning in the same worker.
* *cpu*: processor seconds by role during the embedding phase.

Two things bound what a second worker can give and are reported beside it: the number of blocks (9 blocks are 5 and 4,
so at best 1.8 times as fast), and the machine: two processes that do nothing but encode against one.

Usage: python -m benchmarks.builds.workers --data ../shared/data [--documents 2200] [--block-size 64]
"""

import argparse
import multiprocessing
import tempfile
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import mean, median

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.harness.build_evidence import Done, account, blocks_done, stored_blocks
from benchmarks.harness.cluster import Cluster, Setup, add_documents, make_home, write_part
from benchmarks.harness.recording import write_result
from indexing.builds.context import prepare_build
from indexing.builds.plan import encoder_inputs as encoder_texts
from indexing.builds.plan import plan_shards, read_inputs
from indexing.home import open_home
from indexing.models.embedder import load_embedder
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings, limit_native_threads

_WARM_UP_DOCUMENTS = 12
_LONGEST_SECONDS = 900.0
_SAMPLE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """Processor seconds that each role had used at a moment."""

    at: float
    seconds: dict[str, float]


class Sampler(threading.Thread):
    """Reads the processor time of a cluster's processes until it is told to stop."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._cluster = cluster
        self._stopping = threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Take samples."""
        while not self._stopping.wait(_SAMPLE_SECONDS):
            self.samples.append(Sample(time.time(), self._read()))

    def stop(self) -> None:
        """Take no more."""
        self._stopping.set()
        self.join()

    def between(self, begin: float, end: float) -> dict[str, float]:
        """Seconds by role from the first sample after ``begin`` to the last one before ``end``."""
        inside = [sample for sample in self.samples if begin <= sample.at <= end]
        if len(inside) < 2:
            return {}
        first, last = inside[0].seconds, inside[-1].seconds
        return {role: round(last[role] - first[role], 2) for role in first if role in last}

    def _read(self) -> dict[str, float]:
        cluster = self._cluster
        roles: dict[str, list[psutil.Process | None]] = {"build command": [], "redis": [], "celery": [], "pool": []}
        roles["build command"] = [_process(cluster.builds[-1].process.pid)]
        if cluster.redis:
            roles["redis"] = [_process(cluster.redis.process.pid)]
        roles["celery"] = [worker.celery() for worker in cluster.workers]
        roles["pool"] = [worker.pool_child() for worker in cluster.workers]
        return {role: sum(_cpu_seconds(one) for one in processes) for role, processes in roles.items()}


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _cpu_seconds(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def measure(setup: Setup, corpus: Path, warm_up: Path, folder: Path) -> dict[str, object]:
    """One build by ``setup.workers`` warm workers, or in its own process where there are none."""
    home = make_home(folder, warm_up, "warm-up")
    with Cluster(home, setup, folder) as cluster:
        cluster.start_build(block_size=1).report(_LONGEST_SECONDS)
        if cluster.workers and len({done.worker for done in blocks_done(cluster.logs)}) < len(cluster.workers):
            raise RuntimeError("the first build did not warm every worker: give it more documents")
        before = set(stored_blocks(home))
        add_documents(home, corpus, "scifact")
        build = cluster.start_build()
        sampler = Sampler(cluster)
        sampler.start()
        try:
            report = build.report(_LONGEST_SECONDS)
        finally:
            sampler.stop()
        found = {name: block for name, block in stored_blocks(home).items() if name not in before}
        done = [one for one in blocks_done(cluster.logs) if one.block in found]
        counts = account(home, cluster.logs)
    moments = sorted((block.at, block.vectors) for block in found.values())
    vectors = sum(count for _, count in moments)
    after = moments[-1][0] - moments[0][0]
    result: dict[str, object] = {
        "vectors": vectors,
        "passages": report["passages"],
        "blocks": len(found),
        "command_seconds": round(build.seconds or 0.0, 2),
        "after_the_first_block_seconds": round(after, 2),
        "after_the_first_block_vectors_per_second": round((vectors - moments[0][1]) / after, 1),
    }
    begin, end = moments[0][0], moments[-1][0]
    if done:
        begin = min(one.began for one in done if one.began is not None)
        end = max(one.ended for one in done)
        result |= {
            "embedding_phase_seconds": round(end - begin, 2),
            "before_the_phase_seconds": round(begin - build.started_at, 2),
            "after_the_phase_seconds": round(build.started_at + (build.seconds or 0.0) - end, 2),
            "vectors_per_second": round(vectors / (end - begin), 1),
            "blocks_by_worker": [sum(one.worker == log for one in done) for log in cluster.logs],
            "gaps": gaps(done),
            "blocks_done_twice": counts["blocks_done_twice"],
        }
    return result | {"cpu_seconds": sampler.between(begin, end), "cpu_of_seconds": round(end - begin, 2)}


def gaps(done: list[Done]) -> dict[str, float]:
    """Milliseconds from a block's end to the next one's beginning in the same worker."""
    found = []
    for log in {one.worker for one in done}:
        mine = [one for one in done if one.worker == log]
        pairs = pairwise(mine)
        found += [(later.began - one.ended) * 1000 for one, later in pairs if later.began is not None]
    if not found:
        return {}
    return {
        "mean_ms": round(mean(found), 2),
        "median_ms": round(median(found), 2),
        "longest_ms": round(max(found), 2),
        "share_of_time": round(sum(found) / 1000 / sum(one.ended - one.began for one in done if one.began), 4),
    }


def measure_machine(home: Path, texts: list[str]) -> dict[str, object]:
    """The encoder alone: seconds that one process takes for ``texts``, and two at once for as many each."""
    one, two = encode_side_by_side(home, texts, 1), encode_side_by_side(home, texts, 2)
    return {
        "texts_of_each_process": len(texts),
        "one_process_seconds": round(one, 2),
        "two_processes_seconds": round(two, 2),
        "two_against_one": round(2 * one / two, 2),
    }


def encode_side_by_side(home: Path, texts: list[str], processes: int) -> float:
    """Seconds until the last of ``processes`` has encoded ``texts``, all having loaded the model before."""
    limit_native_threads()  # spawned processes inherit the environment
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    started = [context.Process(target=_encode, args=(home, texts, barrier, results)) for _ in range(processes)]
    for process in started:
        process.start()
    try:
        return float(max(results.get(timeout=_LONGEST_SECONDS) for _ in started))
    finally:
        for process in started:
            process.join(timeout=30)
            if process.is_alive():
                process.kill()


def _encode(home: Path, texts: list[str], barrier: threading.Barrier, results: multiprocessing.Queue) -> None:
    opened = open_home(Settings(), home)
    embedder = load_embedder(opened.storage, opened.models.list()[-1], "int8", sessions=1)
    opened.close()
    embedder.encode_passages(texts[:16])
    barrier.wait(timeout=120)
    began = time.perf_counter()
    embedder.encode_passages(texts)
    results.put(time.perf_counter() - began)


def encoder_inputs(home: Path, count: int) -> list[str]:
    """Some encoder inputs of the home's documents."""
    opened = open_home(Settings(), home)
    context = prepare_build(opened, default_recipe(opened))
    plans, _ = plan_shards(context)
    texts = dict.fromkeys(
        text for plan in plans for _, some in encoder_texts(context, read_inputs(context, plan)) for text in some
    )
    opened.close()
    return list(texts)[:: max(1, len(texts) // count)][:count]


def summarise(own: dict, one: dict, two: dict, machine: dict) -> dict[str, object]:
    """The ratios that are asked for."""
    blocks = one["blocks"]
    cost = one["after_the_first_block_seconds"] / own["after_the_first_block_seconds"] - 1
    return {
        "two_workers_against_one_embedding_phase": round(
            one["embedding_phase_seconds"] / two["embedding_phase_seconds"], 2
        ),
        "two_workers_against_one_command": round(one["command_seconds"] / two["command_seconds"], 2),
        "two_workers_against_one_at_most_with_these_blocks": round(blocks / ceil(blocks / 2), 2),
        "two_processes_that_only_encode_against_one": machine["two_against_one"],
        "broker_overhead": round(cost, 3),
        "one_worker_against_the_own_process_command": round(one["command_seconds"] / own["command_seconds"], 2),
    }


def show(result: dict) -> None:
    builds = result["builds"]
    table = Table(title=f"blocks of {result['setup']['block_size']}, {builds['one_worker']['vectors']} vectors")
    for column in ("build", "command s", "embedding phase s", "after first block s", "gap ms", "cpu s by role"):
        table.add_column(column, justify="left" if column.startswith(("build", "cpu")) else "right")
    for name, one in builds.items():
        table.add_row(
            name.replace("_", " "),
            str(one["command_seconds"]),
            str(one.get("embedding_phase_seconds", "")),
            str(one["after_the_first_block_seconds"]),
            str(one.get("gaps", {}).get("mean_ms", "")),
            ", ".join(f"{role} {seconds}" for role, seconds in one["cpu_seconds"].items() if seconds),
        )
    Console(width=140).print(table)
    for name, value in result["summary"].items():
        print(f"{name.replace('_', ' ')}: {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=2200)
    parser.add_argument("--block-size", type=int, default=64)
    parser.add_argument("--texts", type=int, default=800, help="for the encoder alone")
    parser.add_argument("--dry", action="store_true", help="record nothing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_part(arguments.data, folder / "part.jsonl", arguments.documents)
        warm_up = write_part(
            arguments.data, folder / "warm-up.jsonl", _WARM_UP_DOCUMENTS, skip=5183 - _WARM_UP_DOCUMENTS
        )
        sized = {count: Setup(count, arguments.block_size) for count in (0, 1, 2)}
        own, one, two = (measure(sized[count], corpus, warm_up, folder) for count in sized)
        home = make_home(folder, corpus)
        machine = measure_machine(home, encoder_inputs(home, arguments.texts))
    result = {
        "setup": {key: value for key, value in sized[1].describe().items() if key != "workers"}
        | {"corpus": f"the first {arguments.documents} documents of SciFact", "workers_are_warm": True},
        "builds": {"own_process_one_session": own, "one_worker": one, "two_workers": two},
        "the_encoder_alone": machine,
        "summary": summarise(own, one, two, machine),
    }
    show(result)
    if not arguments.dry:
        write_result("workers", result)


if __name__ == "__main__":
    main()
