"""A client that writes small documents over a server that is killed, and knows which versions may be there."""

import threading
import time
from collections.abc import Iterator

import httpx

from benchmarks.harness.checked_client import COLLECTION, text, word
from benchmarks.harness.http_load import Connection

TENANT = "writer"
"""Whose documents they are."""
_DOCUMENTS = 8
_PAUSE_SECONDS = 0.25
_FOUND_SECONDS = 30.0
"""How long a document that is there may take until a search finds it, with a server and a builder that start."""
_LOOK_SECONDS = 0.05


class AcknowledgedWriter:
    """Writes its documents in turn. A version whose write failed may be there or not; one that was answered must be."""

    def __init__(self, url: str, key: str) -> None:
        """Write to ``url`` with the key of the tenant ``TENANT``."""
        self.writes = 0
        self.acknowledged = 0
        self.possible: dict[str, set[int | None]] = {}
        self._url, self._key = url, key
        self._connection = Connection(url)

    def run(self, stop: threading.Event) -> None:
        """Write one document after another until told to stop."""
        while not stop.wait(_PAUSE_SECONDS):
            self._write()

    def problems(self, connections: int) -> Iterator[str]:
        """What of the documents is not as it must be, asked over so many fresh connections; nothing may write."""
        for _ in range(connections):
            connection = Connection(self._url)
            try:
                for name, possible in self.possible.items():
                    answer = connection.send("read", "GET", self._path(name), self._key)
                    there = answer.json()["text"].split()[0] if answer.status_code == httpx.codes.OK else None
                    wanted = {None if version is None else word(TENANT, name, version) for version in possible}
                    if there not in wanted:
                        expected = sorted(wanted, key=str)
                        yield f"document {name} is {there} ({answer.status_code}), expected one of {expected}"
                    elif there is not None and not self._finds(connection, there):
                        yield f"{there} is there, and no search finds it within {_FOUND_SECONDS:.0f} s"
            finally:
                connection.close()

    def close(self) -> None:
        """Close its connection."""
        self._connection.close()

    def _write(self) -> None:
        self.writes += 1
        version, name = self.writes, f"n{self.writes % _DOCUMENTS}"
        possible = self.possible.setdefault(name, {None})
        possible.add(version)
        body = {"title": f"Note {name}", "text": text(TENANT, name, version)}
        try:
            answer = self._connection.send("write", "PUT", self._path(name), self._key, body)
        except httpx.TransportError:
            return  # it may have been written before the connection failed
        if answer.is_success:
            self.acknowledged += 1
            self.possible[name] = {version}

    def _finds(self, connection: Connection, wanted: str) -> bool:
        body = {"query": wanted, "collection": COLLECTION, "mode": "lexical", "k": 1}
        end = time.monotonic() + _FOUND_SECONDS
        while time.monotonic() < end:
            answer = connection.send("find", "POST", "/v1/search", self._key, body)
            hits = answer.json()["hits"] if answer.status_code == httpx.codes.OK else []
            if hits and hits[0]["text"].startswith(wanted + " "):
                return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _path(self, name: str) -> str:
        return f"/v1/collections/{COLLECTION}/documents/{name}"
