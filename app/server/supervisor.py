"""Several API processes on one port: starts them, deals connections out to them in turn, and starts again what ends.

Each worker is a fresh interpreter (``python -m app.server.worker``), so nothing native is inherited. This process
accepts and passes the connection on, since processes that accept for themselves share them out badly: decision 22.
"""

import contextlib
import itertools
import logging
import selectors
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from app.schemas.server_problems import ServerProblem
from app.server.connection_limits import ConnectionCounts, ConnectionLimits, full, raise_open_files
from app.server.heartbeat import LOST_SECONDS, SILENT_SECONDS, Heartbeat
from app.server.refusals import RefusalLog, RefusedConnections
from app.server.worker_channel import DRAIN, REFUSED
from app.server.worker_process import GRACE_SECONDS, START_SECONDS, Worker
from indexing.backoff import Backoff
from indexing.errors import InvalidInput, NotReady
from indexing.settings import Settings
from indexing.telemetry import configure_logging

logger = logging.getLogger(__name__)
_BACKLOG = 2048
"""Connections that the system holds until one is dealt out. Our choice."""
_ACCEPTED_AT_ONCE = 64
"""Connections accepted before workers are heard again, so that what they have closed is soon counted no longer.
Our choice."""
_POLL_SECONDS = 0.2
"""How often the supervisor looks at its workers while nothing happens. Our choice."""
_PAUSES = Backoff(first_seconds=0.5, most_seconds=30.0)
"""How long a worker that ended before it served is left ended. Source: our choice."""


def supervise(settings: Settings) -> None:
    """Serve by ``settings.workers`` processes until told to stop; they share the cores unless sessions were chosen.

    Raises:
        InvalidInput: the port cannot be had.
        NotReady: the first worker ended before it could serve.
    """
    configure_logging(settings.log_level)
    raise_open_files()
    if "sessions" not in settings.model_fields_set:
        settings = settings.model_copy(update={"sessions": max(1, settings.sessions // settings.workers)})
    supervisor = Supervisor(settings)
    fields = {"host": settings.host, "port": supervisor.port, "workers": settings.workers}
    logger.info("supervisor.listening", extra={"fields": fields})
    supervisor.run()


class Supervisor:
    """Keeps ``settings.workers`` workers on one port until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        silent_seconds: float = SILENT_SECONDS,
        lost_seconds: float = LOST_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        """Take the port.

        Args:
            settings: What the command was given.
            silent_seconds: A worker that does not answer for so long gets no connections until it does.
            lost_seconds: A worker that does not answer for so long is killed, and another started.
            start_seconds: So is a worker that cannot take connections so long after its start.

        Raises:
            InvalidInput: it cannot be had.
        """
        self._settings = settings
        self._silent_seconds = silent_seconds
        self._lost_seconds = lost_seconds
        self._start_seconds = start_seconds
        self._limits = ConnectionLimits.of(settings)
        self._counts = ConnectionCounts(self._limits, processes=settings.workers)
        self._numbers = itertools.count(1)
        self._refusal_log = RefusalLog("supervisor.connections_refused")
        self._uncounted_refusals = 0
        self._examined_at = time.monotonic()
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        try:
            self._listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise InvalidInput(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}): choose another --host or --port."
            ) from error
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._metrics = Path(tempfile.mkdtemp(prefix="groundwork-metrics-"))
        self._selector = selectors.DefaultSelector()
        self._refused = RefusedConnections(self._selector)
        self._workers: list[Worker] = []
        self._turn = 0
        self._is_listening = False
        self._starts_again_at = 0.0
        self._failed_starts = 0
        self._has_served = False
        self._signals: list[int] = []

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM, then let every worker finish what it took.

        Raises:
            NotReady: the first worker ended before it could serve; its log says why.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        try:
            while not self._signals:
                self.step(_POLL_SECONDS)
            self._stop()
        finally:
            self.close()

    def step(self, seconds: float) -> None:
        """Start workers that are missing, then deal out connections and hear workers, for ``seconds`` at most.

        Raises:
            NotReady: as ``run``.
        """
        self._start_missing()
        self._wait(seconds)

    def close(self) -> None:
        """Give up the port, and end every worker at once."""
        self._listener.close()
        self._refused.close()
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()
            worker.channel.close()
        self._selector.close()
        shutil.rmtree(self._metrics, ignore_errors=True)

    @property
    def workers(self) -> Sequence[Worker]:
        """The workers that were started and have not ended, the oldest first."""
        return tuple(self._workers)

    @property
    def refused(self) -> int:
        """How many refused connections are open still, so that their clients read why."""
        return len(self._refused)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _start_missing(self) -> None:
        if time.monotonic() < self._starts_again_at:
            return
        while len(self._workers) < self._settings.workers:
            try:
                heartbeat = Heartbeat(silent_seconds=self._silent_seconds, lost_seconds=self._lost_seconds)
                worker = Worker(self._settings, self._metrics, heartbeat, start_seconds=self._start_seconds)
            except OSError as error:  # no memory or no descriptor in this moment: those that run go on
                if not self._has_served:
                    raise NotReady(f"A worker cannot be started: {error}.") from error
                logger.error("supervisor.start_failed", extra={"fields": {"reason": str(error)}})
                self._wait_before_starting()
                return
            self._selector.register(worker.channel, selectors.EVENT_READ, partial(self._hear, worker))
            self._workers.append(worker)
            logger.info("supervisor.worker_started", extra={"fields": {"pid": worker.process.pid}})

    def _wait(self, seconds: float) -> None:
        """Deal out connections and hear workers for a while; connections wait until a worker can take them."""
        is_wanted = self._listener.fileno() >= 0 and any(worker.takes_connections for worker in self._workers)
        if is_wanted and not self._is_listening:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        elif self._is_listening and not is_wanted:
            self._selector.unregister(self._listener)
        self._is_listening = is_wanted
        for key, _ in self._selector.select(seconds):
            key.data()
        self._examine(time.monotonic())

    def _hear(self, worker: Worker) -> None:
        is_there = worker.hear()
        while worker.closed:
            self._counts.release(worker.closed.pop())
        self._has_served = self._has_served or worker.is_ready
        if not is_there:
            self._ended(worker)

    def _examine(self, now: float) -> None:
        """Look after every worker; a time in which this process itself did not run does not count as their silence."""
        missed = now - self._examined_at - 2 * _POLL_SECONDS
        self._examined_at = now
        for worker in self._workers:
            if missed > 0:
                worker.forgive(missed)
            worker.examine(now)
        self._refused.examine(now)
        self._count_refusals()

    def _accept(self, most: int = _ACCEPTED_AT_ONCE) -> None:
        for _ in range(most):
            try:
                connection, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of descriptors, or the client is gone already
                logger.warning("supervisor.accept_failed", extra={"fields": {"reason": str(error)}})
                self._refused.close()
                time.sleep(0.01)
                return
            with contextlib.suppress(OSError):  # the client is gone already
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._admit(connection, str(peer[0]))

    def _admit(self, connection: socket.socket, address: str) -> None:
        """Deal out a connection, which is then closed here, or refuse it with an answer where too many are open."""
        problem = self._counts.admit(address)
        if problem is None:
            problem = self._deal(connection, address)
            if problem is None:
                connection.close()
                return
            self._counts.release(address)
        self._refused.answer(connection, problem, time.monotonic())
        self._refusal_log.note(problem)
        self._uncounted_refusals += 1

    def _count_refusals(self) -> None:
        """Have a worker count what was refused here: metrics are the workers' to write."""
        for worker in self._workers:
            if not self._uncounted_refusals:
                return
            if worker.takes_connections and worker.tell(REFUSED, self._uncounted_refusals):
                self._uncounted_refusals = 0

    def _deal(self, connection: socket.socket, address: str) -> ServerProblem | None:
        """Give a connection to the next worker that can take it; gives the refusal if none can."""
        number = next(self._numbers)
        for _ in self._workers:
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            has_room = worker.takes_connections and len(worker.addresses) < self._limits.per_process
            if has_room and worker.give(connection, number, address):
                return None
        return full(self._counts.total - 1)

    def _ended(self, worker: Worker) -> None:
        """Forget a worker that is gone; unless we stop, another takes its place, after a pause if it never served."""
        from prometheus_client.multiprocess import mark_process_dead

        self._selector.unregister(worker.channel)
        worker.channel.close()
        self._workers.remove(worker)
        for address in worker.addresses.values():
            self._counts.release(address)
        status = worker.process.wait()
        mark_process_dead(worker.process.pid, str(self._metrics))  # type: ignore[no-untyped-call]
        if self._signals:
            return
        logger.warning("supervisor.worker_ended", extra={"fields": {"pid": worker.process.pid, "status": status}})
        if worker.was_ready:
            self._failed_starts = 0
            return
        if not self._has_served and not worker.is_late:
            raise NotReady(f"A worker ended (status {status}) before it could serve: its log says why.")
        self._wait_before_starting()

    def _wait_before_starting(self) -> None:
        self._failed_starts += 1
        self._starts_again_at = time.monotonic() + _PAUSES.pause_seconds(self._failed_starts)

    def _stop(self) -> None:
        """Say so, drain, close the port, and wait for the workers; a second signal does not wait."""
        for worker in self._workers:
            worker.tell(DRAIN)
        drained_at = time.monotonic() + (self._settings.drain_seconds if self._signals == [signal.SIGTERM] else 0.0)
        while time.monotonic() < drained_at and len(self._signals) == 1:
            self._wait(_POLL_SECONDS)
        self._accept(_BACKLOG)
        if self._is_listening:
            self._selector.unregister(self._listener)
        self._listener.close()
        for worker in self._workers:
            worker.finish()
        self._is_listening = False
        given_up_at = time.monotonic() + GRACE_SECONDS + 5
        while self._workers and len(self._signals) == 1 and time.monotonic() < given_up_at:
            self._wait(_POLL_SECONDS)
