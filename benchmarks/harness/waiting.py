"""Waiting for what another process does, for as long as it may take and no longer."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once ``condition`` holds.

    Raises:
        TimeoutError: it does not within ``seconds``; the message names ``what``.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
