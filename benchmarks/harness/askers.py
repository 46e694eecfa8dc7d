"""Clients in closed loop that ask some queries in turn, and the longest time that any of them waited for an answer."""

import contextlib
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import httpx

from benchmarks.harness.http_load import Connection
from benchmarks.harness.scratch_homes import ServedHome

HELPDESK = Path("corpora/helpdesk")


class Asker:
    """A client that asks some queries in turn. A connection that failed is an answer of status 0; it asks on."""

    def __init__(self, number: int, url: str, home: ServedHome, queries: Sequence[str]) -> None:
        self.connection = Connection(url)
        self._home, self._queries, self._turn = home, queries, number * 37

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.is_set():
            query = self._queries[self._turn % len(self._queries)]
            self._turn += 1
            body = {"query": query, "collection": self._home.collection, "k": 10}
            with contextlib.suppress(httpx.TransportError):
                self.connection.send("search", "POST", "/v1/search", self._home.key, body)
        self.connection.close()


def longest_pause_ms(clients: Sequence[Asker], begin: float, end: float) -> float:
    """The longest time between two answers of one client that touches a span of time."""
    pauses = [
        later.at - sooner.at
        for client in clients
        for sooner, later in pairwise(client.connection.answers)
        if later.at > begin and sooner.at < end
    ]
    return round(max(pauses, default=0.0) * 1000.0, 1)
