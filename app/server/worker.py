"""One process that answers: uvicorn, stopping gracefully, on a port of its own or on connections dealt out to it.

``python -m app.server.worker DESCRIPTOR`` is one of several workers, which ``app/server/supervisor.py`` starts. The
application is loaded late, when the environment is as native libraries need it.
"""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from app.server.supervisor import CONNECTION, DRAIN, GRACE_SECONDS, LEAVING, READY
from indexing.process_start import prepare
from indexing.settings import Settings
from indexing.telemetry import configure_logging

SETTLE_SECONDS = 0.2
"""Between closing the port and closing idle connections: what is on its way is answered, with ``Connection: close``."""


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
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer what is on its way, then finish."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(SETTLE_SECONDS)
        await super().shutdown(sockets)


class DealtServer(GracefulServer):
    """A worker: it takes connections from the supervisor, and ends when no more come."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket, *, on_stop: Callable[[], None]) -> None:
        """Serve ``config`` on what comes through ``channel``."""
        super().__init__(config, drain_seconds=0.0, on_stop=on_stop)
        self._channel = channel
        self._opening: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say that connections can come."""
        await super().startup(sockets=[])
        self._channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._channel, self._take)
        self._channel.send(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal that somebody sent to this process alone: the supervisor has to know first."""
        self._on_stop()
        if self.should_exit:
            super().handle_exit(sig, frame)
            return
        try:
            self._channel.send(LEAVING)
        except OSError:
            self.should_exit = True

    def _take(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        loop = asyncio.get_running_loop()
        if message == CONNECTION:
            for descriptor in descriptors:
                connection = socket.socket(fileno=descriptor)
                connection.setblocking(False)
                task = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
        elif message == DRAIN:
            self._on_stop()
        else:  # the supervisor closed the channel, or is gone
            loop.remove_reader(self._channel)
            self._on_stop()
            self.should_exit = True

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def serve(settings: Settings, channel: socket.socket | None = None) -> None:
    """Serve until told to stop; requests in progress are finished.

    Args:
        settings: What the command was given.
        channel: Where connections come from; without one this process listens itself.
    """
    from app.main import create_app, say_stopping

    configure_logging(settings.log_level)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )

    def on_stop() -> None:
        say_stopping(app)

    server = (
        GracefulServer(config, drain_seconds=settings.drain_seconds, on_stop=on_stop)
        if channel is None
        else DealtServer(config, channel, on_stop=on_stop)
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
