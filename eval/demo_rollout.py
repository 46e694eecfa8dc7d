"""The demo's second act: a recipe is shadowed, given half of the users, rolled back; the ledger says who saw what."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from rich.console import Console
from rich.table import Table

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.database import utc_now
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.commands.watching import watching
from indexing.errors import NotReady
from indexing.home import Home
from indexing.ledger.ids import find_ledger_id
from indexing.ledger.readers import requests_of, served_request, shares
from indexing.ledger.records import RequestRow
from indexing.releases.promotion import roll_back
from indexing.releases.recipe_choices import recipe_in_service
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_canary, start_shadow
from indexing.settings import current_user

USERS = 20
"""Who asks in each part of the act. Our choice."""
_WAIT_SECONDS = 30.0
"""How long the act waits for the API or the ledger to follow. Our choice."""
_LOOK_SECONDS = 0.1
"""Between two looks. Our choice."""
_OTHER_WEIGHT = 0.9
"""The dense leg's share in the second recipe, which then trusts words less. Our choice."""


class Act:
    """One second recipe on its way, over an API that serves ``home`` at ``url``."""

    def __init__(self, out: Console, home: Home, url: str, key: str, ask: Mapping[str, object]) -> None:
        """Ask ``ask``, the body of a search, in the name of users; ``key`` is the default tenant's."""
        self._out, self._home, self._url = out, home, url
        self._headers, self._ask = {"Authorization": f"Bearer {key}"}, ask
        self._began = datetime.now(UTC)

    def play(self) -> None:
        """Build, shadow, canary, roll back, and what the ledger knows of it, while a watcher runs, as canaries need.

        Raises:
            NotReady: the API does not follow in time.
        """
        with watching(self._home):
            self._play()

    def _play(self) -> None:
        home, out = self._home, self._out
        now = recipe_in_service(home)
        other = replace(now, retrieval=replace(now.retrieval, dense_weight=_OTHER_WEIGHT), number=0)
        built = build(prepare_build(home, other))
        recipe = built.release.recipe
        out.print(
            f"recipe {recipe} weighs vectors {_OTHER_WEIGHT} instead of {now.retrieval.dense_weight}: release"
            f" {built.release.number},\n{built.embeddings_computed} embeddings computed in {built.seconds:.1f} s"
        )
        seen = propose(home.catalogue, recipe, self._by("to try other weights"))
        limit = home.settings.max_recipes
        end = End(queries=10 * USERS)
        seen = start_shadow(
            home.catalogue, seen, self._by("first unseen"), share=1.0, end=end, decides="a canary", max_recipes=limit
        )
        self._until(lambda: self._is_open(recipe), f"Recipe {recipe} is not open")
        self._ask_all("shadow")
        self._until(lambda: len(self._shadows()) >= USERS, "The shadow's answers are not in the ledger")
        out.print(f"\nshadow: {self._agreement()}")
        start_canary(home.catalogue, seen, self._by("half"), share=0.5, steps=(), unit="user", max_recipes=limit)
        self._until(lambda: str(recipe) in self._recipes_of(self._ask_all("canary")), "The canary has no share")
        first, same = self._ask_all("canary"), self._ask_all("canary")
        if self._recipes_of(first) != self._recipes_of(same):
            raise NotReady("A user got another recipe when it asked again: see demo-api.log in the home.")
        given = self._recipes_of(first).count(str(recipe))
        out.print(f"canary: {given} of {USERS} users got recipe {recipe}, the same ones when they asked again")
        began = time.monotonic()
        roll_back(home.catalogue, self._by("enough seen"))
        self._until(lambda: str(recipe) not in self._recipes_of([self._one(same, recipe)]), "It is not rolled back")
        out.print(f"rollback: one call, followed after {time.monotonic() - began:.1f} s")
        self._tell(same, recipe)

    def _by(self, reason: str) -> Decision:
        return Decision(current_user(), reason, utc_now())

    def _until(self, is_true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not is_true():
            if time.monotonic() > deadline:
                raise NotReady(f"{otherwise} after {_WAIT_SECONDS:.0f} s: see demo-api.log in the home.")
            time.sleep(_LOOK_SECONDS)

    def _is_open(self, recipe: int) -> bool:
        found = httpx.get(f"{self._url}/readyz", timeout=10.0).json()
        return any(one["recipe"] == recipe and one["release"] for one in found["recipes"])

    def _send(self, user: str) -> dict[str, str]:
        body = {**self._ask, "user": user}
        answer = httpx.post(f"{self._url}/v1/search", json=body, headers=self._headers, timeout=30.0)
        answer.raise_for_status()
        found = answer.json()
        return {"user": user, "release": found["release"], "query_id": found["query_id"]}

    def _ask_all(self, part: str) -> list[dict[str, str]]:
        return [self._send(f"{part}-user-{number}") for number in range(USERS)]

    def _one(self, answers: list[dict[str, str]], recipe: int) -> dict[str, str]:
        """A new answer for a user who had the candidate's."""
        return self._send(next(one["user"] for one in answers if one["release"].startswith(f"{recipe}.")))

    @staticmethod
    def _recipes_of(answers: list[dict[str, str]]) -> list[str]:
        return [one["release"].partition(".")[0] for one in answers]

    def _shadows(self) -> list[RequestRow]:
        return [row for row in requests_of(self._home.ledger, since=self._began) if row.kind == "shadow"]

    def _agreement(self) -> str:
        compared = [row.comparison for row in self._shadows() if row.comparison]
        overlap = sum(float(one["overlap"]) for one in compared) / len(compared)
        return f"{len(compared)} answers compared, {overlap:.0%} of their hits are the same"

    def _tell(self, answers: list[dict[str, str]], recipe: int) -> None:
        """What the ledger says: who was served by what, and why one user got what it got."""
        table = Table(title="the ledger: who answered in this act")
        for column in ("release", "arm", "answers", "share"):
            table.add_column(column)
        for one in shares(self._home.ledger, DEFAULT_TENANT, self._began):
            table.add_row(one.release, one.arm, str(one.requests), f"{one.share:.0%}")
        self._out.print(table)
        candidate = next(one for one in answers if one["release"].startswith(f"{recipe}."))
        ledger_id = find_ledger_id(candidate["query_id"])
        row = None if ledger_id is None else served_request(self._home.ledger, ledger_id)
        if row is not None:
            self._out.print(f"query {candidate['query_id']}:\n  release {row.release}, arm {row.arm} ({row.reason})")
