"""Who lets a connection in, and is told when it is closed: the process itself, or the supervisor that dealt it out."""

from collections.abc import Callable
from typing import Protocol

from app.schemas.server_problems import ServerProblem
from app.server.connection_limits import ConnectionCounts
from app.server.http_limits import MAX_LINGERING_CONNECTIONS


class Gate(Protocol):
    """Who decides whether a connection may stay, and is told when it is closed and when a request is refused."""

    def admit(self, address: str) -> ServerProblem | None:
        """Why the connection may not stay; ``None`` lets it in."""

    def release(self, address: str) -> None:
        """Called once for each connection that was let in, when it is closed."""

    def refused(self, problem: ServerProblem) -> None:
        """Called for each answer that the server gives itself."""

    def may_linger(self) -> bool:
        """Whether a connection that was not let in may stay for a moment, so that its client can read why."""

    def linger_no_longer(self) -> None:
        """Called once for each connection that was allowed to stay for a moment, when it is closed."""


class CountingGate:
    """Lets connections in that a process takes for itself."""

    def __init__(self, counts: ConnectionCounts, on_refused: Callable[[ServerProblem], None]) -> None:
        """Count in ``counts``."""
        self._counts = counts
        self._lingering = 0
        self.refused = on_refused

    def admit(self, address: str) -> ServerProblem | None:
        """Why the connection may not stay, if it may not."""
        return self._counts.admit(address)

    def release(self, address: str) -> None:
        """Count a connection no longer."""
        self._counts.release(address)

    def may_linger(self) -> bool:
        """Whether fewer than ``MAX_LINGERING_CONNECTIONS`` stay beyond those that were let in; then one more does."""
        if self._lingering >= MAX_LINGERING_CONNECTIONS:
            return False
        self._lingering += 1
        return True

    def linger_no_longer(self) -> None:
        """Count one that stayed no longer."""
        self._lingering -= 1


class OnRefused(Protocol):
    """Counts what the server refused."""

    def __call__(self, problem: ServerProblem, times: int = 1) -> None:
        """Count ``problem`` so many times."""


class DealtGate:
    """Lets in one connection, which the supervisor has counted, and reports once that it is closed."""

    def __init__(self, on_closed: Callable[[], None], on_refused: Callable[[ServerProblem], None]) -> None:
        """Call ``on_closed`` when the connection is closed, or could not be taken."""
        self._on_closed: Callable[[], None] | None = on_closed
        self.refused = on_refused

    def admit(self, address: str) -> None:
        """Let it in."""

    def may_linger(self) -> bool:
        """Nothing lingers: each connection was let in."""
        return False

    def linger_no_longer(self) -> None:
        """Nothing lingers."""

    def release(self, address: str = "") -> None:
        """Report that it is closed, unless that is done."""
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed()
