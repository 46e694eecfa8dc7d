"""Clients that check every answer: each looks after documents of its own in several tenants.

A client writes and deletes its documents, and searches. Each version of a document carries a word that nothing else
has, so every hit says whose it is and which version.
"""

import random
import re
import threading
from typing import Any

from benchmarks.harness.http_load import Connection
from tests.support.letter_words import in_letters

TENANTS = ("alder", "birch", "cedar", "dogwood")
COLLECTION = "notes"
DOCUMENTS = 40
"""That a client has at most in each tenant."""
SUBJECTS = ["invoices", "refunds", "calendars", "passwords", "exports", "webhooks", "seats", "coupons", "backups"]
VERBS = ["fail", "arrive", "expire", "repeat", "vanish", "overlap", "wait", "double", "freeze", "return"]
_WORD = re.compile(r"zq([a-z]+)x([a-z]+?)v([bcdfghjkmp]+)")


class Model:
    """What a plain dictionary says of the documents of one client, and what went wrong. Each client has its own."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, int]] = {tenant: {} for tenant in TENANTS}
        self.deleted: dict[str, dict[str, str]] = {tenant: {} for tenant in TENANTS}
        self.problems: list[str] = []


def word(tenant: str, name: str, version: int) -> str:
    """A word that only this version of this document has: of letters alone, since digits would be parts of it."""
    return in_letters(f"zq{tenant}x{name}v{version}")


def text(tenant: str, name: str, version: int) -> str:
    chance = random.Random(f"{tenant} {name} {version}")
    lines = [f"When {chance.choice(SUBJECTS)} {chance.choice(VERBS)}, see {chance.choice(SUBJECTS)}." for _ in range(4)]
    return f"{word(tenant, name, version)} {' '.join(lines)}"


class Client:
    """One client: a connection, its documents, and the checks of every answer."""

    def __init__(self, number: int, url: str, keys: dict[str, str], seed: int, *, pause_seconds: float = 0.0) -> None:
        """Act as client ``number`` with the tenants' ``keys``; after each thing that is done, pause."""
        self.model = Model()
        self.connection = Connection(url)
        self._number, self._keys, self._pause_seconds = number, keys, pause_seconds
        self._chance = random.Random(seed)
        self._count = 0

    def next_version(self) -> int:
        """A number that no version of a document of this client has yet."""
        self._count += 1
        return self._count

    def run(self, stop: threading.Event) -> None:
        """Do one thing after another until told to stop."""
        while not stop.wait(self._pause_seconds):
            act = self._chance.choices((self.search, self.write, self.delete, self.read), (80, 12, 4, 4))[0]
            try:
                act(self._chance.choice(TENANTS))
            except Exception as error:
                self.model.problems.append(f"{act.__name__}: {error!r}")

    def send(self, kind: str, method: str, path: str, tenant: str, body: object = None, *, expected: int = 200) -> Any:
        """One request; an answer with another status than expected is a problem."""
        answer = self.connection.send(kind, method, path, self._keys[tenant], body)
        if answer.status_code != expected:
            self.model.problems.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer.json()

    def hits(self, tenant: str, query: str, **more: object) -> list[dict]:
        """Search, and check that every hit is this tenant's and what it says it is."""
        answer = self.send("search", "POST", "/v1/search", tenant, {"query": query, "collection": COLLECTION} | more)
        found = [] if answer is None else answer["hits"]
        for hit in found:
            match = _WORD.match(hit["text"])
            if match is None or match.group(1) != tenant or match.group(2) != in_letters(hit["document_id"]):
                self.model.problems.append(f"tenant {tenant} was given {hit['document_id']}: {hit['text'][:60]!r}")
        return found

    def search(self, tenant: str) -> None:
        """Ask something that many documents speak of."""
        self.hits(tenant, f"why do {self._chance.choice(SUBJECTS)} {self._chance.choice(VERBS)}")

    def write(self, tenant: str, name: str | None = None) -> tuple[str, int]:
        """Write a document's next version; then find it by a search that must see it."""
        mine = self.model.documents[tenant]
        if name is None:
            name = f"c{self._number}n{self._chance.randrange(DOCUMENTS)}"
        version = mine[name] = self.next_version()
        self.model.deleted[tenant].pop(name, None)
        body = {"title": f"Note {name}", "text": text(tenant, name, version)}
        written = self.send("write", "PUT", f"/v1/collections/{COLLECTION}/documents/{name}", tenant, body)
        if written is not None:
            self.expect(tenant, name, min_seq=written["seq"])
        return name, version

    def expect(self, tenant: str, name: str, **more: object) -> None:
        """The newest version of a document must be found first by its own word."""
        wanted = word(tenant, name, self.model.documents[tenant][name])
        found = self.hits(tenant, wanted, k=3, mode="lexical", **more)
        if not found or not found[0]["text"].startswith(wanted + " "):
            self.model.problems.append(f"{wanted} is not found, but {[hit['text'][:30] for hit in found]}")

    def delete(self, tenant: str) -> None:
        """Delete a document; from then on this process finds it no more."""
        mine = self.model.documents[tenant]
        if not mine:
            return
        name = self._chance.choice(sorted(mine))
        gone = word(tenant, name, mine.pop(name))
        self.model.deleted[tenant][name] = gone
        self.send("delete", "DELETE", f"/v1/collections/{COLLECTION}/documents/{name}", tenant)
        if self.hits(tenant, gone, k=1, mode="lexical"):
            self.model.problems.append(f"{gone} was deleted and is found")

    def read(self, tenant: str) -> None:
        """Read a document as it was written; what another tenant has under that name, or no tenant, is 404."""
        mine = self.model.documents[tenant]
        if mine:
            name = self._chance.choice(sorted(mine))
            found = self.send("read", "GET", f"/v1/collections/{COLLECTION}/documents/{name}", tenant)
            if found is not None and not found["text"].startswith(word(tenant, name, mine[name]) + " "):
                self.model.problems.append(f"{name} of {tenant} reads {found['text'][:60]!r}")
        if self.model.deleted[tenant]:
            name = self._chance.choice(sorted(self.model.deleted[tenant]))
            self.send("read", "GET", f"/v1/collections/{COLLECTION}/documents/{name}", tenant, expected=404)
