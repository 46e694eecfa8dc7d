"""What does a disturbance cost a build on workers? Each kind once, against an undisturbed build of the same documents.

Two workers of one pool child each do a part of SciFact. When a third of its blocks of vectors are stored, something is
done to the build:

* *worker*: kill -9 of a worker's process group while it is in the middle of a block (it holds the block's lease, for
  half of a block's usual time). It is started again at once, as a process supervisor would.
* *pool child*: kill -9 of the process that does the blocks, in the middle of one. Celery replaces it.
* *celery*: kill -9 of the Celery process. The worker command starts it again.
* *redis*: kill -9 of Redis, and a new, empty one at once.
* *delivered twice*: every message that waits, and every one in hand, is put into its queue again.
* *build command*: kill -9, and the same command at once. Its time is the sum of both.
* *full disk*: the home lies on a tmpfs, which a file fills to the last byte. The build fails; then the file is deleted
  and the build is started again. Its time is the sum of both commands, without the pause between them.

The undisturbed build runs twice; the faster one counts. Every build has a fresh home; workers are up and have loaded
nothing when it begins. Reported for each: seconds, the bound (1.5 times the undisturbed build plus the lease), whether
shards and snapshot are byte for byte those of the undisturbed build, and what was computed twice (by the workers'
logs): blocks done twice, and those of them that were begun again after they had been stored.

Usage: python -m benchmarks.faults.disturbances --data ../shared/data [--documents 1000] [--only redis]
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import redis
from rich.console import Console
from rich.table import Table

from benchmarks.harness.build_evidence import (
    account,
    attempts,
    blocks_done,
    count_stored,
    drafts_left,
    hash_files,
    torn_files,
)
from benchmarks.harness.cluster import ROOT, Build, Cluster, Setup, Worker, make_home, write_part
from benchmarks.harness.recording import write_result
from benchmarks.harness.waiting import wait_for

FRACTION = 1 / 3
LONGEST_SECONDS = 600.0
_ROOM_BYTES = 64 << 20

Notes = dict[str, object]


def leave(cluster: Cluster, build: Build) -> Notes:
    """Nothing: the undisturbed build."""
    return {}


def kill_worker(cluster: Cluster, build: Build) -> Notes:
    worker, block = in_the_middle(cluster)
    worker.kill()
    worker.start()
    return {"block in hand": block, "it was stored": is_stored(cluster.home, block), "replaced by": "the script"}


def kill_pool_child(cluster: Cluster, build: Build) -> Notes:
    worker, block = in_the_middle(cluster)
    child = worker.pool_child()
    if child is None:
        raise RuntimeError("the pool child is gone")
    child.kill()
    return {"block in hand": block, "it was stored": is_stored(cluster.home, block), "replaced by": "Celery"}


def kill_celery(cluster: Cluster, build: Build) -> Notes:
    worker, block = in_the_middle(cluster)
    celery = worker.celery()
    if celery is None:
        raise RuntimeError("the Celery process is gone")
    celery.kill()
    return {"block in hand": block, "replaced by": "the worker command"}


def empty_redis(cluster: Cluster, build: Build) -> Notes:
    messages = cluster.server.client.llen(cluster.embedding)
    cluster.server.kill()
    cluster.server.start()
    return {"messages lost": messages, "keys after": cluster.server.client.dbsize()}


def deliver_twice(cluster: Cluster, build: Build) -> Notes:
    client = cluster.server.client
    waiting = client.lrange(cluster.embedding, 0, -1)
    in_hand = [redis_message(entry) for entry in client.hvals("unacked")]
    for message in [*waiting, *in_hand]:
        client.rpush(cluster.embedding, message)
    return {"waiting messages doubled": len(waiting), "messages in hand doubled": len(in_hand)}


def redis_message(entry: str) -> str:
    """The message inside what kombu remembers of one that is not acknowledged, as its own redelivery takes it."""
    return json.dumps(json.loads(entry)[0])


def kill_build(cluster: Cluster, build: Build) -> Notes:
    build.kill()
    cluster.start_build()
    return {"seconds until the kill": round(build.seconds or 0, 1)}


def fill_disk(cluster: Cluster, build: Build) -> Notes:
    filler = cluster.home / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
        try:
            while True:
                file.write(b"0")
        except OSError:
            pass
    status = build.wait(LONGEST_SECONDS)
    said = build.error.splitlines()[-1] if build.error else ""
    filler.unlink()
    cluster.start_build()
    return {"exit status when full": status, "it said": said[:300]}


DISTURBANCES: dict[str, Callable[[Cluster, Build], Notes]] = {
    "worker": kill_worker,
    "pool child": kill_pool_child,
    "celery": kill_celery,
    "redis": empty_redis,
    "delivered twice": deliver_twice,
    "build command": kill_build,
    "full disk": fill_disk,
}


def in_the_middle(cluster: Cluster) -> tuple[Worker, str]:
    """A worker that has just spent half of a block's usual time on the block that it holds."""
    usual = mean(done.ended - done.began for done in blocks_done(cluster.logs)[-8:] if done.began is not None)
    before = {worker: worker.leased_block(cluster.server.client) for worker in cluster.workers}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for worker in cluster.workers:
            block = worker.leased_block(cluster.server.client)
            if block is not None and block not in (before[worker], None):
                time.sleep(usual / 2)
                if worker.leased_block(cluster.server.client) == block:
                    return worker, block
            before[worker] = block
    raise TimeoutError("no worker took a new block within 60 s")


def is_stored(home: Path, block: str) -> bool:
    return any(home.glob(f"features/*/{block.removeprefix('embed-')}/manifest.json"))


@contextmanager
def place(folder: Path, *, is_small: bool, home_bytes: int) -> Iterator[Path]:
    """Where a home is made: ``folder``, or a tmpfs with room for it and a little more.

    Raises:
        PermissionError: this user may not mount one.
    """
    if not is_small:
        yield folder
        return
    mounted = Path(tempfile.mkdtemp(dir=folder, prefix="small-"))
    size = f"size={home_bytes + _ROOM_BYTES}"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(mounted)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise PermissionError("no right to mount a small tmpfs")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def measure(
    name: str, disturb: Callable[[Cluster, Build], Notes], setup: Setup, corpus: Path, folder: Path, total: int
) -> dict[str, object]:
    """One build with one disturbance once a third of ``total`` blocks are stored; 0 means that the total is unknown."""
    is_small = name == "full disk"
    home_bytes = sum(path.stat().st_size for path in (ROOT / ".groundwork" / "models").rglob("*")) if is_small else 0
    with place(folder, is_small=is_small, home_bytes=home_bytes) as parent:
        home = make_home(parent, corpus)
        with Cluster(home, setup, folder) as cluster:
            build = cluster.start_build()
            notes: Notes = {}
            if total:
                threshold = max(1, round(total * FRACTION))
                wait_for(lambda: count_stored(home) >= threshold, LONGEST_SECONDS, "a third of the blocks")
                stored = count_stored(home)
                notes = {"blocks stored when disturbed": stored} | disturb(cluster, build)
            report = cluster.builds[-1].report(LONGEST_SECONDS)
            logs, builds = cluster.logs, cluster.builds
        return {
            "seconds": round(sum(one.seconds or 0.0 for one in builds), 2),
            "commands_seconds": [round(one.seconds or 0.0, 2) for one in builds],
            "passages": report["passages"],
            "embeddings_computed_says_the_last_command": report["embeddings_computed"],
            "snapshot_sha256": hash_files(home),
            "features_sha256": hash_files(home, ("features",)),
            "torn_files": torn_files(home),
            "drafts_left": drafts_left(home),
            **account(home, logs),
            **attempts(home),
            "notes": notes,
        }


def judge(found: dict, undisturbed: dict, lease_seconds: float) -> dict[str, object]:
    """Compare a disturbed build with the undisturbed one; the file hashes give way to whether they are equal."""
    bound = 1.5 * undisturbed["seconds"] + lease_seconds
    kept = {key: value for key, value in found.items() if not key.endswith("_sha256")}
    return {
        "seconds": kept.pop("seconds"),
        "bound_seconds": round(bound, 2),
        "within_bound": found["seconds"] <= bound,
        "files_equal": found["snapshot_sha256"] == undisturbed["snapshot_sha256"],
        "feature_files_equal": found["features_sha256"] == undisturbed["features_sha256"],
        **kept,
    }


def show(results: dict[str, dict], setup: Setup) -> None:
    table = Table(title=f"{setup.workers} workers, blocks of {setup.block_size}, lease {setup.lease_seconds} s")
    for column in ("disturbed", "s", "bound s", "within", "files equal", "stored", "computed", "twice"):
        table.add_column(column, justify="left" if column == "disturbed" else "right")
    for name, one in results.items():
        if "skipped" in one:
            table.add_row(name, one["skipped"])
            continue
        table.add_row(
            name,
            f"{one['seconds']:.1f}",
            f"{one.get('bound_seconds', 0):.1f}",
            str(one.get("within_bound", "")),
            str(one.get("files_equal", "")),
            str(one["vectors_stored"]),
            str(one["vectors_computed"]),
            f"{one['blocks_done_twice']} ({one['blocks_begun_although_stored']} although stored)",
        )
    Console(width=120).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--block-size", type=int, default=64)
    parser.add_argument("--lease-seconds", type=float, default=10.0)
    parser.add_argument("--only", choices=DISTURBANCES, action="append", help="these alone; nothing is recorded")
    arguments = parser.parse_args()
    setup = Setup(2, arguments.block_size, arguments.lease_seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_part(arguments.data, folder / "part.jsonl", arguments.documents)
        pair = [measure("nothing", leave, setup, corpus, folder, 0) for _ in range(2)]
        undisturbed = min(pair, key=lambda one: one["seconds"])
        results: dict[str, dict] = {"nothing": {k: v for k, v in undisturbed.items() if not k.endswith("_sha256")}}
        results["nothing"]["seconds_of_both"] = [one["seconds"] for one in pair]
        for kind in arguments.only or DISTURBANCES:
            try:
                found = measure(kind, DISTURBANCES[kind], setup, corpus, folder, int(undisturbed["blocks_stored"]))
                results[kind] = judge(found, undisturbed, setup.lease_seconds)
            except PermissionError as error:
                results[kind] = {"skipped": str(error)}
            except (redis.RedisError, RuntimeError, TimeoutError, subprocess.TimeoutExpired) as error:
                results[kind] = {"skipped": f"FAILED: {type(error).__name__}: {error}"}
            print(kind, results[kind].get("seconds", results[kind]), results[kind].get("notes"), flush=True)
    show(results, setup)
    if not arguments.only:
        write_result(
            "disturbances",
            {
                "setup": setup.describe(),
                "corpus": f"the first {arguments.documents} documents of SciFact",
                "disturbed_when_stored": "a third of the blocks of vectors",
                "builds": results,
            },
        )


if __name__ == "__main__":
    main()
