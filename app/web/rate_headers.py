"""Rate headers: how a tenant with a limit stands towards it, on every answer to it, refusals included.

Two forms, since clients read either. ``RateLimit-Policy`` and ``RateLimit`` are those of the IETF's draft (its ``r``
is what is left, its ``t`` the seconds until all of it is back). ``X-RateLimit-Reset`` is a moment, in seconds since
1970, as GitHub and most libraries that write or read the older names have it.
"""

import math
import time
from typing import Final

from app.access.rate_limit import MINUTE_SECONDS, RateState

RATE: Final = "groundwork.rate"
"""Where a request's scope holds its ``RateState``; nothing of a tenant without a limit."""


def rate_headers(state: RateState) -> list[tuple[bytes, bytes]]:
    """The headers that say how a tenant stands.

    Source: draft-ietf-httpapi-ratelimit-headers-09, March 2025.
    """
    name, reset = state.kind, math.ceil(state.full_in_seconds)
    said = {
        "ratelimit-policy": f'"{name}";q={state.per_minute};w={MINUTE_SECONDS:.0f}',
        "ratelimit": f'"{name}";r={state.remaining};t={reset}',
        "x-ratelimit-limit": str(state.per_minute),
        "x-ratelimit-remaining": str(state.remaining),
        "x-ratelimit-reset": str(math.ceil(time.time()) + reset),
    }
    return [(header.encode(), value.encode()) for header, value in said.items()]
