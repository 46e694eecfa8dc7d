"""The watcher as a thread of another command: it goes on while that does, whatever it is busy with."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from indexing.home import Home


@contextmanager
def watching(home: Home) -> Iterator[None]:
    """Watch the home's rollout in a thread of its own until the block ends."""
    from indexing.releases.rollout_ledger import RolloutLedger
    from indexing.releases.watcher import Watcher

    ended = threading.Event()
    watcher = Watcher(home.catalogue, RolloutLedger(home.ledger), with_room=home.reserve.run)
    thread = threading.Thread(target=watcher.run, args=(ended,), name="rollout-watcher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
