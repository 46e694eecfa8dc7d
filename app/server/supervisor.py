"""Several API processes on one port: starts them, deals connections out to them in turn, and starts again what ends.

Each worker is a fresh interpreter (``python -m app.server.worker``), so nothing native is inherited. This process
accepts and passes the connection on, since processes that accept for themselves share them out badly: decision 22.
"""

import contextlib
import logging
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from indexing.errors import InvalidInput, NotReady
from indexing.settings import METRICS_VARIABLE, Settings, environment_of
from indexing.telemetry import configure_logging

logger = logging.getLogger(__name__)
GRACE_SECONDS = 30
"""How long requests in progress may take to finish after a process was told to stop."""
READY, LEAVING = b"r", b"l"
"""What a worker says: it can take connections; it has been told to stop by somebody else."""
CONNECTION, DRAIN = b"c", b"d"
"""What a worker is told: here is a connection; we are about to stop. The end of the channel means: finish, and end."""
_BACKLOG = 2048
_POLL_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.5
_MOST_PAUSE_SECONDS = 30.0


def supervise(settings: Settings) -> None:
    """Serve by ``settings.workers`` processes until told to stop; they share the cores unless sessions were chosen.

    Raises:
        InvalidInput: the port cannot be had.
        NotReady: the first worker ended before it could serve.
    """
    configure_logging(settings.log_level)
    if "sessions" not in settings.model_fields_set:
        settings = settings.model_copy(update={"sessions": max(1, settings.sessions // settings.workers)})
    supervisor = Supervisor(settings)
    fields = {"host": settings.host, "port": supervisor.port, "workers": settings.workers}
    logger.info("supervisor.listening", extra={"fields": fields})
    supervisor.run()


class Worker:
    """One worker process and the channel to it."""

    def __init__(self, settings: Settings, metrics: Path) -> None:
        """Start it; it says when it can take connections."""
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        with theirs, contextlib.ExitStack() as on_failure:
            on_failure.callback(self.channel.close)
            self.process = subprocess.Popen(
                # -P: what lies in the folder where the command was given must not be taken for our packages.
                [sys.executable, "-P", "-m", "app.server.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment_of(settings, **{METRICS_VARIABLE: str(metrics)}),
            )
            on_failure.pop_all()
        self.is_ready = False
        self.was_ready = False

    def give(self, connection: socket.socket) -> bool:
        """Hand a connection over; gives whether the worker can take it."""
        try:
            socket.send_fds(self.channel, [CONNECTION], [connection.fileno()])
        except OSError:  # it hangs with a full channel, or has ended
            return False
        return True

    def tell(self, message: bytes) -> None:
        """Tell it something, if it still listens."""
        try:
            self.channel.send(message)
        except OSError:
            logger.debug("supervisor.worker_deaf", extra={"fields": {"pid": self.process.pid}})

    def finish(self) -> None:
        """Let it finish what it has, and end."""
        self.is_ready = False
        try:
            self.channel.shutdown(socket.SHUT_WR)
        except OSError:
            logger.debug("supervisor.worker_deaf", extra={"fields": {"pid": self.process.pid}})

    def hear(self) -> bool:
        """Read what it says; gives whether it is still there."""
        try:
            said = self.channel.recv(16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if READY in said:
            self.is_ready = self.was_ready = True
        if LEAVING in said:
            self.finish()
        return bool(said)


class Supervisor:
    """Keeps ``settings.workers`` workers on one port until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        """Take the port.

        Raises:
            InvalidInput: it cannot be had.
        """
        self._settings = settings
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
        self._workers: list[Worker] = []
        self._turn = 0
        self._is_listening = False
        self._starts_again_at = 0.0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
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
                self._start_missing()
                self._wait(_POLL_SECONDS)
            self._stop()
        finally:
            self._listener.close()
            for worker in self._workers:
                worker.process.kill()
                worker.process.wait()
                worker.channel.close()
            self._selector.close()
            shutil.rmtree(self._metrics, ignore_errors=True)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _start_missing(self) -> None:
        if time.monotonic() < self._starts_again_at:
            return
        while len(self._workers) < self._settings.workers:
            try:
                worker = Worker(self._settings, self._metrics)
            except OSError as error:  # no memory or no descriptor in this moment: those that run go on
                if not self._has_served:
                    raise NotReady(f"A worker cannot be started: {error}.") from error
                logger.error("supervisor.start_failed", extra={"fields": {"reason": str(error)}})
                self._wait_before_starting()
                return
            self._selector.register(worker.channel, selectors.EVENT_READ, worker)
            self._workers.append(worker)
            logger.info("supervisor.worker_started", extra={"fields": {"pid": worker.process.pid}})

    def _wait(self, seconds: float) -> None:
        """Deal out connections and hear workers for a while; connections wait until a worker can take them."""
        is_wanted = self._listener.fileno() >= 0 and any(worker.is_ready for worker in self._workers)
        if is_wanted and not self._is_listening:
            self._selector.register(self._listener, selectors.EVENT_READ)
        elif self._is_listening and not is_wanted:
            self._selector.unregister(self._listener)
        self._is_listening = is_wanted
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._accept()
            elif not key.data.hear():
                self._ended(key.data)
            self._has_served = self._has_served or (key.data is not None and key.data.is_ready)

    def _accept(self) -> None:
        for _ in range(_BACKLOG):
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of descriptors, or the client is gone already
                logger.warning("supervisor.accept_failed", extra={"fields": {"reason": str(error)}})
                time.sleep(0.01)
                return
            with connection:
                with contextlib.suppress(OSError):  # the client is gone already
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._deal(connection)

    def _deal(self, connection: socket.socket) -> None:
        """Give a connection to the next worker that can take it."""
        for _ in self._workers:
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            if worker.is_ready and worker.give(connection):
                return
        logger.error("supervisor.connection_dropped")

    def _ended(self, worker: Worker) -> None:
        """Forget a worker that is gone; unless we stop, another takes its place, after a pause if it never served."""
        from prometheus_client.multiprocess import mark_process_dead

        self._selector.unregister(worker.channel)
        worker.channel.close()
        self._workers.remove(worker)
        status = worker.process.wait()
        mark_process_dead(worker.process.pid, str(self._metrics))  # type: ignore[no-untyped-call]
        if self._signals:
            return
        logger.warning("supervisor.worker_ended", extra={"fields": {"pid": worker.process.pid, "status": status}})
        if worker.was_ready:
            self._pause_seconds = _FIRST_PAUSE_SECONDS
            return
        if not self._has_served:
            raise NotReady(f"A worker ended (status {status}) before it could serve: its log says why.")
        self._wait_before_starting()

    def _wait_before_starting(self) -> None:
        self._starts_again_at = time.monotonic() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, _MOST_PAUSE_SECONDS)

    def _stop(self) -> None:
        """Say so, drain, close the port, and wait for the workers; a second signal does not wait."""
        for worker in self._workers:
            worker.tell(DRAIN)
        drained_at = time.monotonic() + (self._settings.drain_seconds if self._signals == [signal.SIGTERM] else 0.0)
        while time.monotonic() < drained_at and len(self._signals) == 1:
            self._wait(_POLL_SECONDS)
        self._accept()
        if self._is_listening:
            self._selector.unregister(self._listener)
        self._listener.close()
        for worker in self._workers:
            worker.finish()
        self._is_listening = False
        given_up_at = time.monotonic() + GRACE_SECONDS + 5
        while self._workers and len(self._signals) == 1 and time.monotonic() < given_up_at:
            self._wait(_POLL_SECONDS)
