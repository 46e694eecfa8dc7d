"""One process that answers: uvicorn, stopping gracefully, on a port of its own or on connections dealt out to it.

``python -m app.server.worker DESCRIPTOR`` is one of several workers, which ``app/server/supervisor.py`` starts. The
application is loaded late, when the environment is as native libraries need it.
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from app.schemas.server_problems import too_many_connections
from app.server.connection_gates import CountingGate, DealtGate, OnRefused
from app.server.connection_limits import ConnectionCounts, ConnectionLimits, raise_open_files
from app.server.http_limits import HttpLimits
from app.server.http_protocol import HttpProtocol
from app.server.refusals import RefusalLog
from app.server.worker_channel import (
    CLOSED,
    CONNECTION,
    DRAIN,
    FRAME_BYTES,
    LEAVING,
    PING,
    PONG,
    READY,
    REFUSED,
    FrameWriter,
    frame,
    parse,
)
from app.server.worker_process import GRACE_SECONDS
from indexing.process_start import prepare, uncollected
from indexing.settings import Settings
from indexing.telemetry import configure_logging

logger = logging.getLogger(__name__)
SETTLE_SECONDS = 0.2
"""Between closing the port and closing idle connections: what is on its way is answered, with ``Connection: close``.
Our choice."""
TICKS_A_CHECK = 10
"""Of uvicorn's ten ticks a second: connections are looked at once a second, for less than a microsecond each.
Our choice."""


class GracefulServer(uvicorn.Server):
    """uvicorn's server that says when it is told to stop, and keeps its port open for a while if it should."""

    def __init__(self, config: uvicorn.Config, *, drain_seconds: float, on_stop: Callable[[], None]) -> None:
        """Serve ``config``; ``on_stop`` is called as soon as the process is told to stop."""
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._on_stop = on_stop
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: SIGTERM drains first; a second one, or Ctrl-C, does not."""
        self._on_stop()
        if sig == signal.SIGTERM and self._drain_seconds > 0 and self._drained_at is None:
            self._drained_at = time.monotonic() + self._drain_seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        if counter % TICKS_A_CHECK == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                _check(cast(HttpProtocol, connection), now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer what is on its way, then finish."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)


class DealtServer(GracefulServer):
    """A worker: it takes connections from the supervisor, and ends when no more come."""

    def __init__(
        self,
        config: uvicorn.Config,
        channel: socket.socket,
        *,
        on_stop: Callable[[], None],
        on_refused: OnRefused,
    ) -> None:
        """Serve ``config`` on what comes through ``channel``."""
        super().__init__(config, drain_seconds=0.0, on_stop=on_stop)
        self._channel = channel
        self._on_refused = on_refused
        self._refusal_log = RefusalLog("server.connections_lost")
        self._opening: set[asyncio.Task[object]] = set()
        self._frames: FrameWriter | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say that connections can come."""
        await super().startup(sockets=[])
        self._channel.setblocking(False)
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._frames = FrameWriter(self._channel, loop)
        loop.add_reader(self._channel, self._take, self._frames)
        self._frames.send(READY)

    def handle_exit(self, sig: int, frame_: FrameType | None) -> None:
        """Take a signal that was sent to this process alone: the supervisor has to know first."""
        self._on_stop()
        if self.should_exit:
            super().handle_exit(sig, frame_)
        elif self._frames is not None:  # a frame may be on its way in this moment: say it after that
            self._loop.call_soon_threadsafe(self._frames.send, LEAVING)
        else:
            try:
                self._channel.send(frame(LEAVING))
            except OSError:
                self.should_exit = True

    def _take(self, frames: FrameWriter) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._channel, FRAME_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        kind, number = parse(message) if len(message) == FRAME_BYTES else (b"", 0)
        if kind == CONNECTION and descriptors:
            self._open(socket.socket(fileno=descriptors[0]), partial(frames.send, CLOSED, number))
        elif kind == CONNECTION:
            frames.send(CLOSED, number)
            self._note_lost()
        elif kind == PING:
            frames.send(PONG, number)
        elif kind == REFUSED:
            self._on_refused(too_many_connections("refused by the supervisor"), number)
        elif kind == DRAIN:
            self._on_stop()
        else:  # the supervisor closed the channel, or is gone
            asyncio.get_running_loop().remove_reader(self._channel)
            self._on_stop()
            self.should_exit = True

    def _note_lost(self) -> None:
        """Count a connection that the system closed instead of giving it to us: no descriptor was left for it."""
        problem = too_many_connections("the worker has as many files open as it may: raise 'ulimit -n'")
        self._refusal_log.note(problem)
        self._on_refused(problem)

    def _open(self, connection: socket.socket, on_closed: Callable[[], None]) -> None:
        connection.setblocking(False)
        gate = DealtGate(on_closed, self._on_refused)
        make = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        protocol = partial(
            make, config=self.config, server_state=self.server_state, app_state=self.lifespan.state, gate=gate
        )
        loop = asyncio.get_running_loop()
        task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(protocol, connection))

        def on_opened(task: asyncio.Task[object]) -> None:
            self._opening.discard(task)
            if task.cancelled() or task.exception() is not None:  # the client is gone already
                gate.release()

        self._opening.add(task)
        task.add_done_callback(on_opened)


def _check(connection: HttpProtocol, now: float) -> None:
    """Look at one connection; a fault in that costs this connection, not the server, whose loop this is."""
    try:
        connection.check(now)
    except Exception:  # whatever this connection has, the others are to be served
        logger.exception("server.check_failed")
        connection.transport.abort()


def serve(settings: Settings, channel: socket.socket | None = None, *, limits: HttpLimits | None = None) -> None:
    """Serve until told to stop; requests in progress are finished.

    Args:
        settings: What the command was given.
        channel: Where connections come from; without one this process listens itself.
        limits: What a client may take of a connection, if not what is usual.
    """
    with uncollected():
        from app.main import count_refusal, create_app, say_stopping

    configure_logging(settings.log_level)
    raise_open_files()
    app = create_app(settings)
    # What is there now stays: a full collection among requests need not look at it. Measured over helpdesk, 8 clients:
    # p99 87 to 112 ms without this, 35 to 37 with it.
    gc.freeze()
    on_stop, on_refused = partial(say_stopping, app), partial(count_refusal, app)
    limits = limits or HttpLimits(keep_alive_seconds=settings.keep_alive_seconds)
    protocol: partial[HttpProtocol] = partial(HttpProtocol, limits=limits)
    if channel is None:
        counts = ConnectionCounts(ConnectionLimits.of(settings))
        protocol = partial(protocol, gate=CountingGate(counts, on_refused))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast(Any, protocol),  # uvicorn calls it as it would call the class
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = (
        GracefulServer(config, drain_seconds=settings.drain_seconds, on_stop=on_stop)
        if channel is None
        else DealtServer(config, channel, on_stop=on_stop, on_refused=on_refused)
    )
    try:
        server.run()
    except KeyboardInterrupt:
        return  # Ctrl-C, after everything was finished


def main() -> None:
    """Run one worker on the channel whose descriptor is the only argument."""
    prepare()
    serve(Settings(), socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
