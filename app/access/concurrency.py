"""Concurrency limits: what is over the limit is refused at once, never queued."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from indexing.errors import Overloaded


class Gauge(Protocol):
    """Shows how many are inside; a gauge of Prometheus is one."""

    def set(self, value: float) -> None:
        """Show ``value``."""
        ...


@dataclass(slots=True)
class ConcurrencyLimit:
    """Lets ``most`` in at a time and refuses every other at once. For the event loop only.

    ``gauge`` shows how many are inside, and ``on_refusal`` is called for each that is not let in.
    """

    most: int
    refusal: str
    retry_after_seconds: int = 1
    gauge: Gauge | None = None
    on_refusal: Callable[[], None] | None = None
    taken: int = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Be inside while the block lasts.

        Raises:
            Overloaded: ``most`` are inside already.
        """
        if self.taken >= self.most:
            if self.on_refusal is not None:
                self.on_refusal()
            raise Overloaded(self.refusal, retry_after_seconds=self.retry_after_seconds)
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self.taken += change
        if self.gauge is not None:
            self.gauge.set(self.taken)
