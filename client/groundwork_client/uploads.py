"""Uploads that are waited for: when to look next, and when to give up."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from groundwork_client.errors import TimedOut
from groundwork_client.generated import answers

FIRST_SECONDS, LONGEST_SECONDS = 0.2, 5.0
"""Our choice: a small file is read in less than a second, a large PDF takes minutes."""


def polling_waits(timeout_seconds: float, clock: Callable[[], float] = time.monotonic) -> Iterator[float]:
    """Seconds to wait before each look, doubling.

    Raises:
        TimedOut: The time is over.
    """
    ends_at, wait = clock() + timeout_seconds, FIRST_SECONDS
    while True:
        left = ends_at - clock()
        if left <= 0:
            raise TimedOut(f"Files are still read after {timeout_seconds:g} s: look again with get_upload.")
        yield min(wait, left)
        wait = min(wait * 2, LONGEST_SECONDS)


def is_pending(upload: answers.UploadAnswer) -> bool:
    """Whether a file is still read or indexed."""
    return upload.state == "in_progress"


def form_text(value: Mapping[str, Any] | Sequence[str] | None) -> str | None:
    """A field of a form that holds JSON."""
    return None if value is None else json.dumps(value, ensure_ascii=False)
