"""A watcher's lease that is renewed without a watcher, so that a canary goes on and no guard ends what is measured."""

import contextlib
import threading
from collections.abc import Iterator

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.watcher_lease import RENEW_SECONDS, give_up_lease, take_lease

_NAME = "benchmark"


@contextlib.contextmanager
def held_lease(catalogue: Database) -> Iterator[None]:
    """Hold the lease of a home in which no watcher runs until the block ends."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.is_set():
            take_lease(catalogue, _NAME, utc_now())
            ended.wait(RENEW_SECONDS)

    thread = threading.Thread(target=renew, name="held-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        give_up_lease(catalogue, _NAME)
