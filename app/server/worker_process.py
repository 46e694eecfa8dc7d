"""One worker of a supervisor: its process, the channel to it, the connections it holds, and whether it answers."""

import contextlib
import logging
import socket
import subprocess
import sys
import time
from pathlib import Path

from app.server.heartbeat import LOST_SECONDS, Heartbeat
from app.server.worker_channel import CLOSED, CONNECTION, LEAVING, PING, PONG, READY, FrameReader, frame
from indexing.settings import METRICS_VARIABLE, Settings, environment_of

logger = logging.getLogger(__name__)
GRACE_SECONDS = 30
"""How long requests in progress may take to finish after a process was told to stop. Source: decision 27."""
START_SECONDS = 120.0
"""How long a worker may take until it can take connections: 60 s to open its release (``app.main.OPENING_SECONDS``),
and as long again for all that comes before. Our choice."""
_FINISHING_SECONDS = GRACE_SECONDS + LOST_SECONDS
"""How long a worker that was told to finish may take; its threads have up to 10 s each after its requests."""


class Worker:
    """One worker process, the channel to it, and the connections that it holds."""

    def __init__(
        self, settings: Settings, metrics: Path, heartbeat: Heartbeat, *, start_seconds: float = START_SECONDS
    ) -> None:
        """Start it; it says when it can take connections, or is killed after ``start_seconds``."""
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
        self.heartbeat = heartbeat
        self.addresses: dict[int, str] = {}
        self.closed: list[str] = []
        self.is_ready = False
        self.was_ready = False
        self.is_silent = False
        self.is_late = False
        self._ready_by = time.monotonic() + start_seconds
        self.finishes_by: float | None = None
        self._frames = FrameReader()

    @property
    def takes_connections(self) -> bool:
        """Whether connections may be dealt to it."""
        return self.is_ready and not self.is_silent

    def give(self, connection: socket.socket, number: int, address: str) -> bool:
        """Hand a connection over; gives whether the worker can take it."""
        try:
            socket.send_fds(self.channel, [frame(CONNECTION, number)], [connection.fileno()])
        except OSError:  # it hangs with a full channel, or has ended
            return False
        self.addresses[number] = address
        return True

    def tell(self, kind: bytes, number: int = 0) -> bool:
        """Tell it something; gives whether it still listens."""
        try:
            self.channel.send(frame(kind, number))
        except OSError:
            logger.debug("supervisor.worker_deaf", extra={"fields": {"pid": self.process.pid}})
            return False
        return True

    def finish(self) -> None:
        """Let it finish what it has, and end."""
        self.is_ready = False
        self.finishes_by = time.monotonic() + _FINISHING_SECONDS
        try:
            self.channel.shutdown(socket.SHUT_WR)
        except OSError:
            logger.debug("supervisor.worker_deaf", extra={"fields": {"pid": self.process.pid}})

    def hear(self) -> bool:
        """Read what it says; gives whether it is still there. Addresses of closed connections are in ``closed``."""
        try:
            said = self.channel.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for kind, number in self._frames.feed(said):
            if kind == CLOSED:
                if (address := self.addresses.pop(number, None)) is not None:
                    self.closed.append(address)
            elif kind == PONG:
                self.heartbeat.answer(time.monotonic())
            elif kind == READY and self.finishes_by is None:
                self.is_ready = self.was_ready = True
                logger.info("supervisor.worker_ready", extra={"fields": {"pid": self.process.pid}})
            elif kind == LEAVING:
                self.finish()
        return bool(said)

    def forgive(self, seconds: float) -> None:
        """Do not count a time in which the supervisor itself did not run."""
        self.heartbeat.forgive(seconds)
        self._ready_by += seconds

    def examine(self, now: float) -> None:
        """Ask it whether it lives; find out whether it is silent, and kill it when it has been for too long."""
        about = {"fields": {"pid": self.process.pid}}
        if self.finishes_by is not None:
            if now >= self.finishes_by:
                logger.error("supervisor.worker_killed", extra=about)
                self.process.kill()
            return
        if not self.is_ready:
            if now >= self._ready_by:
                self.is_late = True
                logger.error("supervisor.worker_late", extra=about)
                self._kill(now)
            return
        if self.heartbeat.is_due(now):
            self.tell(PING)
        was_silent, self.is_silent = self.is_silent, self.heartbeat.is_silent(now)
        if self.is_silent != was_silent:
            logger.warning("supervisor.worker_silent" if self.is_silent else "supervisor.worker_answers", extra=about)
        if self.heartbeat.is_lost(now):
            self._kill(now)

    def _kill(self, now: float) -> None:
        logger.error("supervisor.worker_killed", extra={"fields": {"pid": self.process.pid}})
        self.is_ready = False
        self.finishes_by = now + LOST_SECONDS  # its end is heard through the channel, very soon
        self.process.kill()
