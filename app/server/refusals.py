"""Refused connections: logged at most once a second, and read for a moment so that clients get to read why."""

import contextlib
import logging
import selectors
import socket
import time
from functools import partial

from app.schemas.server_problems import ServerProblem, request_id_for
from app.server.http_limits import MAX_LINGERING_CONNECTIONS, HttpLimits

logger = logging.getLogger(__name__)
_LOG_SECONDS = 1.0
"""How long after a line about refusals the next one may follow: there may be thousands of them a second.
Our choice."""
_LINGERING_SECONDS = HttpLimits().lingering_seconds
_LINGERING_BYTES = 256 * 1024
"""Read of a refused connection: the largest body of a search. What sends more may find the connection reset.
Our choice."""
_READ_BYTES = 64 * 1024
"""Read at once, so that one connection does not keep the others waiting (our choice)."""


class RefusalLog:
    """Logs refused connections, several in one line. Not for several threads."""

    def __init__(self, event: str) -> None:
        """Log them as ``event``."""
        self._event = event
        self._connections = 0
        self._next_at = 0.0

    def note(self, problem: ServerProblem) -> None:
        """Log one more, now or with a later one."""
        self._connections += 1
        now = time.monotonic()
        if now >= self._next_at:
            fields = {"connections": self._connections, "reason": problem.message}
            logger.warning(self._event, extra={"fields": fields})
            self._connections, self._next_at = 0, now + _LOG_SECONDS


class RefusedConnections:
    """Answers connections that may not stay, and reads what they still send: closed at once, they could be reset.

    A system that closes a socket with unread data resets the connection, and the client loses the answer (RFC 9112,
    section 9.6). So each stays until the client closes it, for 2 s and 256 KiB at most; beyond
    ``MAX_LINGERING_CONNECTIONS`` the oldest is closed for the newest.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        """Read when ``selector`` says so: the data of its keys are the functions to be called then."""
        self._selector = selector
        self._until: dict[socket.socket, float] = {}
        self._left: dict[socket.socket, int] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._until)

    def answer(self, connection: socket.socket, problem: ServerProblem, now: float) -> None:
        """Answer with ``problem`` and say that no more comes; the connection is closed later, or now if it is gone."""
        try:
            connection.setblocking(False)
            connection.send(problem.encode(request_id_for("")))
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # the client is gone already
            connection.close()
            return
        if len(self._until) >= MAX_LINGERING_CONNECTIONS:
            self._close(next(iter(self._until)))
        self._until[connection] = now + _LINGERING_SECONDS
        self._left[connection] = _LINGERING_BYTES
        self._selector.register(connection, selectors.EVENT_READ, partial(self._read, connection))

    def examine(self, now: float) -> None:
        """Close those whose time is over."""
        for connection in [one for one, until in self._until.items() if now >= until]:
            self._close(connection)

    def close(self) -> None:
        """Close all."""
        for connection in tuple(self._until):
            self._close(connection)

    def _read(self, connection: socket.socket) -> None:
        if connection not in self._until:  # closed for another since the selector looked
            return
        try:
            count = len(connection.recv(_READ_BYTES))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        self._left[connection] -= count
        if count == 0 or self._left[connection] <= 0:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        del self._until[connection], self._left[connection]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection)
        connection.close()
