"""Concurrency limits: what is over the limit is refused at once, never queued."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from indexing.errors import Overloaded


@dataclass(slots=True)
class Places:
    """So many may be in here at once, and whoever comes then is refused, never queued. For the event loop only."""

    most: int
    refusal: str
    retry_after_seconds: int = 1
    taken: int = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Have a place while the block lasts.

        Raises:
            Overloaded: none is free.
        """
        if self.taken >= self.most:
            raise Overloaded(self.refusal, retry_after_seconds=self.retry_after_seconds)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
