"""The thread that follows the serving plan: it looks every moment, and at once when it is woken, as by a signal."""

import logging
import threading
from collections.abc import Callable

from app.serving.release_pool import ReleasePool
from indexing.errors import NotReady
from indexing.plan_signal import channel_of
from indexing.storage.store import Storage

logger = logging.getLogger(__name__)


class PlanFollower:
    """Swaps a pool to another recipe as soon as the plan says so, also while a release is being opened."""

    def __init__(self, pool: ReleasePool, every_seconds: float, is_wanted: threading.Event) -> None:
        """Look every so many seconds; ``is_wanted`` is set where a release is to be opened, which others do."""
        self._pool = pool
        self._every_seconds = every_seconds
        self._is_wanted = is_wanted
        self._is_woken = threading.Event()

    def wake(self) -> None:
        """Let it look now."""
        self._is_woken.set()

    def run(self, on_look: Callable[[], None], stop: threading.Event) -> None:
        """Look until told to stop, and woken then; no failure ends it. ``on_look`` is called before each look."""
        failure = ""
        while True:
            self._is_woken.wait(self._every_seconds)
            self._is_woken.clear()
            if stop.is_set():
                return
            on_look()
            try:
                if self._pool.follow_plan():
                    self._is_wanted.set()
                failure = ""
            except NotReady:
                continue  # nothing is deployed yet
            except Exception as error:  # an unforeseen failure must not freeze the process; said once
                if str(error) != failure:
                    logger.exception("pool.plan_not_read")
                failure = str(error)


def listen_to_plan(redis_url: str, storage: Storage, wake: Callable[[], None], stop: threading.Event) -> None:
    """Call ``wake`` whenever another process, or this one, changed the plan of the home; until told to stop."""
    from app.serving.plan_listener import PlanListener  # a process without Redis need not load its client

    PlanListener(redis_url, channel_of(storage), wake).run(stop)
