"""Whether a call is sent again, and after how long."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from groundwork_client.calls import Call, is_again_readable

PASSING = frozenset({429, 502, 503})
"""Our choice: statuses that pass. Not 504, whose deadline is over."""

REFUSED_BEFORE = frozenset({"Overloaded", "NotReady"})
"""Errors of the API that come with 503 before anything was done, so that even an upload may be sent again."""

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before the first byte of the request."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is tried again, and how long it waits before.

    ``Retry-After`` is honoured: the wait is never shorter. Without it the wait doubles from ``first_seconds`` on. Up to
    a quarter is added at random, so that clients that were refused together do not come back together.
    """

    most: int = 3
    """Tries after the first; 0 turns retries off."""
    first_seconds: float = 0.25
    longest_seconds: float = 60.0
    """A ``Retry-After`` above it (a quota that renews tomorrow) is not waited for: the error comes at once."""
    jitter: Callable[[], float] = field(default=random.random)
    """A number from 0 to below 1."""

    def after_answer(self, call: Call, status: int, error: str, headers: Mapping[str, str], tries: int) -> float | None:
        """Seconds to wait before the next try, or None if the answer stands."""
        if status not in PASSING or tries > self.most or not is_again_readable(call):
            return None
        if not (call.is_repeatable or status == 429 or (status == 503 and error in REFUSED_BEFORE)):
            return None
        asked = _retry_after(headers.get("retry-after"))
        if asked is not None and asked > self.longest_seconds:
            return None
        return self._wait(tries, asked)

    def after_failure(self, call: Call, failure: httpx.TransportError, tries: int) -> float | None:
        """Seconds to wait before the next try, or None if the failure stands."""
        if tries > self.most or not is_again_readable(call):
            return None
        if isinstance(failure, NEVER_SENT):
            return self._wait(tries, None)
        is_broken = isinstance(failure, (httpx.NetworkError, httpx.RemoteProtocolError))
        return self._wait(tries, None) if is_broken and call.is_repeatable else None

    def _wait(self, tries: int, asked: float | None) -> float:
        doubled = min(self.first_seconds * 2.0 ** (tries - 1), self.longest_seconds)
        return max(asked or 0.0, doubled) * (1 + self.jitter() / 4)


def _retry_after(value: str | None) -> float | None:
    """``Retry-After`` in seconds: a number, or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
