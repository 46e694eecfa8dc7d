"""Where the API is and by which key it is asked: arguments first, then the environment."""

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where ``groundwork serve`` listens by itself."""

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Our choice, in seconds; uploads of hundreds of megabytes may need more."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The place of an API and the key for it. Its ``repr`` does not show the key."""

    url: str
    headers: dict[str, str] = field(repr=False)


def connection(base_url: str | None, api_key: str | None) -> Connection:
    """The connection by arguments, or by ``GROUNDWORK_URL`` and ``GROUNDWORK_API_KEY``.

    Raises:
        ValueError: There is no key, or the URL is none of HTTP.
    """
    url = base_url or os.environ.get("GROUNDWORK_URL") or DEFAULT_URL
    key = api_key or os.environ.get("GROUNDWORK_API_KEY") or ""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"base_url is {url!r}: give one that begins with http:// or https://.")
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("There is no valid key: give api_key, or set GROUNDWORK_API_KEY to one of printable ASCII.")
    headers = {
        "authorization": f"Bearer {key}",
        "accept": "application/json, text/event-stream;q=0.2, */*;q=0.1",
        "user-agent": _user_agent(),
    }
    return Connection(url.rstrip("/"), headers)


def _user_agent() -> str:
    try:
        return f"groundwork-client/{version('groundwork-client')}"
    except PackageNotFoundError:  # run from a checkout
        return "groundwork-client"
