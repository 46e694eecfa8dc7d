"""A canary as its judge sees it: simulated users ask a set's queries, both arms answer, the ledger keeps it."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.retrieval.retriever import Retriever
from app.services.request_rows import hits_of
from app.serving.release import ServingRelease
from eval.datasets.query_sets import QuerySet
from eval.gates.canary import judge_canary
from eval.gates.policy import Policy
from indexing.home import Home
from indexing.ledger.hashes import USER, keyed_hash
from indexing.ledger.records import RequestRow, ServedHit
from indexing.records import Partition
from indexing.releases.promotion import roll_back
from indexing.releases.rollouts import Rollout, find_rollout
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose, start_canary
from tests.support.ledger_rows import SECRET, made_feedback, made_row

SHARE = 0.2
USERS = 600
LOOK_QUERIES = 100
"""Queries between two looks of the judge: a minute of a service that is asked less than twice a second."""
LOOK_PART = 0.25
"""Or that part of those asked so far, if it is more: fewer looks later save this benchmark most of its time."""
MOST_QUERIES = 5_000
SHOWN = 5
"""Hits that a user looks at. Source: our choice."""
UNHAPPY = 0.3
"""The chance that a user says "nothing answered it" where no relevant document was shown. Source: our choice."""
GRUMPY = 0.02
"""The same where one was shown. Source: our choice: few say anything."""
_SECONDS = 0.05
"""Between two queries."""
_APART = timedelta(minutes=15)
"""Between the beginnings of two candidates' canaries."""
BEGIN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)

Answers = Mapping[str, Sequence[ServedHit]]
"""The hits of each query, by its id."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the judge said against a canary, and after how many queries; ``fail`` takes it back, else it is paused."""

    kind: str
    outcome: str
    reason: str
    queries: int
    candidate_queries: int
    users_touched: int


def answers_of(serving: ServingRelease, query_set: QuerySet, partition: Partition, k: int = 10) -> Answers:
    """What a release answers to each query."""
    retriever = Retriever()
    return {
        query: hits_of(retriever.search(serving, partition, text, k=k, mode="hybrid"))
        for query, text in query_set.queries.items()
    }


def overlap_of(one: Answers, other: Answers) -> float:
    """The mean share of the hits' documents that both have."""
    shares = []
    for query, hits in one.items():
        mine, theirs = ({hit.document_id for hit in found} for found in (hits, other[query]))
        shares.append(len(mine & theirs) / max(len(mine), len(theirs), 1))
    return sum(shares) / len(shares)


def watch(
    home: Home, candidate: int, live: Answers, other: Answers, query_set: QuerySet, policy: Policy, number: int
) -> list[Seen]:
    """Run a canary of ``candidate`` at ``SHARE`` until the judge takes it back, or the queries are over.

    Where a signal pauses it, an operator lets it go on, so that both can be told.

    Args:
        home: Whose ledger and catalogue it is written in; the canary is taken back at the end.
        candidate: The recipe.
        live: What the recipe in service answers.
        other: What the candidate answers.
        query_set: Whose queries are asked, drawn by chance; its judgments say what users think of an answer.
        policy: The guardrails.
        number: Seeds users and queries, and sets its canary apart in time from others.

    Returns:
        What is said first of each kind, in that order; nothing of a canary against which nothing is said.
    """
    begin = BEGIN + number * _APART
    opened = _open_canary(home, candidate, begin)
    users, found, now = _Users(number, query_set, opened, live, other), dict[str, Seen](), ""
    while users.asked < MOST_QUERIES and not any(one.outcome == "fail" for one in found.values()):
        users.ask(home, begin + timedelta(seconds=60))
        now = (begin + timedelta(seconds=61 + _SECONDS * users.asked)).isoformat(timespec="milliseconds")
        for one in judge_canary(home, opened, policy, now):
            if one.outcome in ("fail", "inconclusive") and one.kind not in found:
                counts = users.asked, users.of_candidate, len(users.touched)
                found[one.kind] = Seen(one.kind, one.outcome, one.reason, *counts)
    roll_back(home.catalogue, Decision("benchmark", "measured", now), rollout=opened)
    return list(found.values())


class _Users:
    """Those who ask, and sometimes say that nothing answered it; ``touched`` are those who had the candidate."""

    def __init__(self, number: int, query_set: QuerySet, rollout: Rollout, live: Answers, other: Answers) -> None:
        self.asked = self.of_candidate = 0
        self.touched: set[str] = set()
        self._number, self._set, self._rollout = number, query_set, rollout
        self._answers = {"live": live, "candidate": other}
        self._chance, self._queries = random.Random(number), list(query_set.queries)

    def ask(self, home: Home, since: datetime) -> None:
        """Ask the queries until the next look; the first of all is asked at ``since``."""
        rows, feedback = [], []
        for _ in range(min(max(LOOK_QUERIES, int(LOOK_PART * self.asked)), MOST_QUERIES - self.asked)):
            user, query = f"user-{self._chance.randrange(USERS)}", self._chance.choice(self._queries)
            arm = "candidate" if self._has_candidate(user) else "live"
            hits = self._answers[arm][query]
            row = _row(self.asked, since + timedelta(seconds=_SECONDS * self.asked), self._rollout, arm, user, hits)
            rows.append(row)
            self.asked += 1
            if arm == "candidate":
                self.of_candidate += 1
                self.touched.add(user)
            if self._chance.random() < (GRUMPY if _is_answered(hits, self._set.qrels[query]) else UNHAPPY):
                feedback.append(made_feedback(row, "not_answered", f"event-{self._number}-{self.asked}"))
        home.ledger.append(rows)
        home.ledger.append_feedback(feedback)

    def _has_candidate(self, user: str) -> bool:
        place = hashlib.sha256(f"{self._number} {user}".encode()).digest()[:4]
        return int.from_bytes(place, "big") < SHARE * 2**32


def _open_canary(home: Home, candidate: int, begin: datetime) -> Rollout:
    by = Decision("benchmark", "measured", begin.isoformat(timespec="milliseconds"))
    seen = propose(home.catalogue, candidate, by)
    start_canary(home.catalogue, seen, by, share=SHARE, steps=(), unit="user", max_recipes=100)
    return find_rollout(home.catalogue, seen.id)


def _row(number: int, at: datetime, rollout: Rollout, arm: str, user: str, hits: Sequence[ServedHit]) -> RequestRow:
    recipe = rollout.candidate if arm == "candidate" else rollout.baseline
    told = keyed_hash(SECRET, USER, user.encode())
    return made_row(
        number, at, rollout=rollout.id, arm=arm, unit=told, user=told, release=f"{recipe}.1", hits=tuple(hits)
    )


def _is_answered(hits: Sequence[ServedHit], grades: Mapping[str, int]) -> bool:
    return any(grades.get(hit.document_id, 0) > 0 for hit in hits[:SHOWN])
