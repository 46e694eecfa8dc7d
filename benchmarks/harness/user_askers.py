"""Askers that speak for many users and keep which release answered each request, to be held against the ledger."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from benchmarks.harness.checked_client import TENANTS
from benchmarks.harness.http_load import Connection
from indexing.ledger.ids import find_ledger_id
from indexing.ledger.readers import requests_of
from indexing.ledger.records import RequestRow
from indexing.ledger.store import LedgerStore

HELPDESK = "helpdesk"
"""The collection that they ask."""
USERS = 500
"""That they speak for, in each tenant: a share of 5 % is then some 100 of 2,000 users, give or take 10."""
_AGAIN_SECONDS = 0.02
"""After a connection failed, so that a server that starts again is not kept busy with refusing."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an asker was told of one answer, and in which phase and for whom it asked."""

    phase: str
    tenant: str
    user: str
    query_id: str
    release: str


class UserAsker:
    """Asks real questions in the name of users, one after another, and keeps what it was told.

    ``told`` are the answers, ``refused`` those of another status than 200, ``unanswered`` the connections that failed.
    """

    def __init__(
        self,
        number: int,
        url: str,
        keys: dict[str, str],
        questions: Sequence[str],
        phase: Callable[[], str],
        *,
        pause_seconds: float = 0.0,
    ) -> None:
        """Ask ``url`` with the tenants' ``keys``; ``phase`` tells which phase it is. Pause while it is none."""
        self.told: list[Told] = []
        self.refused: list[str] = []
        self.unanswered: list[str] = []
        self.connection = Connection(url)
        self._keys, self._questions, self._phase = keys, questions, phase
        self._chance, self._pause_seconds = random.Random(1000 + number), pause_seconds

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.wait(0.0 if self._phase() else self._pause_seconds):
            if not self.ask():
                stop.wait(_AGAIN_SECONDS)

    def ask(self) -> bool:
        """Ask one question; gives whether an answer came."""
        tenant, user = self._chance.choice(TENANTS), f"user-{self._chance.randrange(USERS)}"
        body = {"query": self._chance.choice(self._questions), "collection": HELPDESK, "k": 10, "user": user}
        phase = self._phase()
        try:
            answer = self.connection.send("ask", "POST", "/v1/search", self._keys[tenant], body)
        except httpx.TransportError as error:
            self.unanswered.append(f"ask: {error!r}")
            return False
        if answer.status_code != httpx.codes.OK:
            self.refused.append(f"ask: {answer.status_code} {answer.text[:200]}")
            return True
        found = answer.json()
        # What was asked while a decision was on its way counts for neither phase.
        phase = phase if phase == self._phase() else ""
        self.told.append(Told(phase, tenant, user, found["query_id"], found["release"]))
        return True


@dataclass(frozen=True, slots=True)
class LedgerWord:
    """What the ledger says of the answers that clients have.

    ``same`` are the rows that say what the client was told, ``otherwise`` counts those that say something else,
    ``missing`` are the answers without a row, ``more`` the searches answered with 200 that no client was told of.
    """

    same: list[RequestRow]
    otherwise: int
    missing: list[Told]
    more: int


def ledger_word(ledger: LedgerStore, told: Sequence[Told], since: datetime | None = None) -> LedgerWord:
    """Hold answers against the rows of their tenants from ``since`` on."""
    rows = {row.id: row for row in requests_of(ledger, since=since) if row.kind == "search"}
    named, missing, otherwise, same = set(), [], 0, []
    for one in told:
        ledger_id = find_ledger_id(one.query_id)
        row = None if ledger_id is None else rows.get(ledger_id)
        if row is None:
            missing.append(one)
            continue
        named.add(row.id)
        if row.release != one.release or row.tenant != one.tenant:
            otherwise += 1
        else:
            same.append(row)
    theirs = (row for row in rows.values() if row.tenant in TENANTS and row.collection == HELPDESK)
    more = sum(row.status == httpx.codes.OK and row.id not in named for row in theirs)
    return LedgerWord(same, otherwise, missing, more)
