"""Everything that serves a home, each in processes of its own that can be killed: API, builder, watcher, worker, Redis.

What is killed is started again at once, as a process supervisor would; a killed API process by its own supervisor.
"""

import random
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import httpx

from benchmarks.harness.cluster import RedisServer, Setup
from benchmarks.harness.server import PROGRAM, READY_SECONDS, free_port
from benchmarks.harness.services import Service, kill_group
from benchmarks.harness.waiting import wait_for

API_PROCESSES = 2
API_KINDS = ("api process", "api supervisor", "whole api")
"""Kills that reach what answers requests."""
BUILD_KINDS = ("worker", "redis")
"""Kills of what builds run on; without them the builder builds in its own process."""
KINDS = (*API_KINDS, "builder", "watcher", *BUILD_KINDS)
_BUILD_EVERY_SECONDS = 3
"""So that a build is in progress at most moments."""
_LEASE_SECONDS = 2.0
"""Of a block in a worker's hands: what the kill of one costs a build."""
_COMMAND_SECONDS = 120.0
_LOOK = ("rollouts", "list")
"""A command that changes nothing."""


class KillableSite:
    """The processes of a home that can serve; leaving it ends them all."""

    def __init__(self, home: Path, folder: Path, *, has_workers: bool) -> None:
        """Start them, with logs in ``folder``, and wait until the API answers."""
        self.home, self.folder = home, folder
        self._left = ExitStack()
        self.redis: RedisServer | None = None
        try:
            if has_workers:
                self.redis = RedisServer(folder)
                self._left.callback(self.redis.kill)
            url = self.redis.url if self.redis else None
            self.environment = Setup(int(has_workers), lease_seconds=_LEASE_SECONDS).environment(url)
            port = str(free_port())
            self.url = f"http://127.0.0.1:{port}"
            self.services = {"api": self._service("serve", "--port", port, "--workers", str(API_PROCESSES))}
            self.services["builder"] = self._service("builder", "--every", str(_BUILD_EVERY_SECONDS))
            self.services["watcher"] = self._service("rollouts", "watch")
            if has_workers:
                self.services["worker"] = self._service("worker", "--concurrency", "1")
            wait_for(self._answers, READY_SECONDS, "the API")
        except BaseException:
            self._left.close()
            raise

    def _service(self, *arguments: str) -> Service:
        service = Service(self.home, self.environment, self.folder / f"{arguments[0]}.log", *arguments)
        self._left.callback(service.kill)
        return service

    def kill(self, kind: str, chance: random.Random) -> None:
        """Kill what ``kind`` of ``KINDS`` names, and start it again.

        Raises:
            ValueError: there is nothing of that kind.
        """
        api = self.services["api"]
        if kind == "api process":
            api.kill_child(chance.randrange(API_PROCESSES))
        elif kind == "api supervisor":
            api.kill_first()
            api.start()
        elif kind == "redis" and self.redis is not None:
            self.redis.kill()
            self.redis.start()
        elif (service := api if kind == "whole api" else self.services.get(kind)) is not None:
            service.kill()
            service.start()
        else:
            raise ValueError(f"{kind!r} does not run here: expected one of {', '.join(KINDS)}.")

    def ended(self) -> list[str]:
        """Each service that ended by itself, with the end of its log; it is started again."""
        found = []
        for name, service in self.services.items():
            status = service.process.poll()
            if status is not None:
                found.append(f"{name} ended by itself with {status}: {service.said()[-1000:].strip()}")
                service.start()
        return found

    def _answers(self) -> bool:
        api = self.services["api"]
        if api.process.poll() is not None:
            raise RuntimeError(f"the API ended with {api.process.returncode}: {api.said()[-2000:]}")
        try:
            return httpx.get(self.url + "/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def __enter__(self) -> "KillableSite":
        """The site itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End every process."""
        self._left.close()


class Operator:
    """Gives commands one after another; each may be killed in its middle, and is then given again."""

    def __init__(self, site: KillableSite) -> None:
        """Give commands on ``site``'s home; the first only looks, and says what a command takes here."""
        self._site = site
        self._log = site.folder / "command.log"
        self._seconds: dict[tuple[str, ...], float] = {}
        self.refused: list[str] = []
        self.kills = 0
        self.give(*_LOOK)

    def give(self, *arguments: str, chance: random.Random | None = None) -> bool:
        """Give a command; gives whether it did what it was to do. What it says if not is added to ``refused``.

        With ``chance`` it is killed at a moment drawn from the second half of the time that it took the last time, if
        it has not ended before; then it is given once more.
        """
        name = arguments[:2]
        if chance is not None:
            usual = self._seconds.get(name, self._seconds[_LOOK])
            process = self._start(arguments)
            try:
                process.wait(timeout=usual * chance.uniform(0.5, 1.05))
            except subprocess.TimeoutExpired:
                kill_group(process)
                self.kills += 1
            else:
                return self._has_done(process, arguments)
        began = time.monotonic()
        process = self._start(arguments)
        process.wait(timeout=_COMMAND_SECONDS)
        self._seconds[name] = time.monotonic() - began
        return self._has_done(process, arguments)

    def _start(self, arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        command = [PROGRAM, "--home", str(self._site.home), *arguments]
        with self._log.open("w") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self._site.environment, start_new_session=True)

    def _has_done(self, process: "subprocess.Popen[bytes]", arguments: tuple[str, ...]) -> bool:
        if process.returncode == 0:
            return True
        self.refused.append(f"{' '.join(arguments[:2])}: {self._log.read_text().strip()[-300:]}")
        return False
