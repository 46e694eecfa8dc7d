"""Rates of feedback: of the answers of a release, arm or slice, the share that users said or did something about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np

from eval.feedback.estimates import Estimate, Singles, clustered_mean, clustered_share
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.ledger.day_sources import OnFault, log_fault
from indexing.ledger.feedback import POSITIVE, FeedbackRow
from indexing.ledger.feedback_readers import ALL, Answer, Asked, answers_with_feedback, feedback_of
from indexing.ledger.ids import day_of, moment_of
from indexing.ledger.records import RequestRow

LONG_DWELL_MS = 30_000
"""A hit that is read for longer satisfied its reader. Source: Fox, Karnawat, Mydland, Dumais and White, TOIS 23, 2005;
the limit is the one in use since."""
PROMPT = timedelta(minutes=10)
"""After its query, in which feedback must come to be compared between an old window and a new one. Our choice."""
SETTLES = PROMPT + timedelta(minutes=1)
"""After its query, from when on all feedback that came within ``PROMPT`` is stored, queues of the service included."""
RATING = "rating"
"""The measure that is a mean, of the answers that were rated, and not a share of all."""
_BY: Final[Mapping[str, Callable[[Answer], str]]] = {
    "release": lambda answer: answer.release,
    "recipe": lambda answer: answer.release.partition(".")[0],
    "arm": lambda answer: answer.arm,
    "rollout": lambda answer: "none" if answer.rollout is None else str(answer.rollout),
    "tenant": lambda answer: answer.tenant,
    "collection": lambda answer: f"{answer.tenant}/{answer.collection}",
    "mode": lambda answer: answer.mode,
    "kind": lambda answer: answer.kind,
    "language": lambda answer: answer.language or "unknown",
    "day": lambda answer: str(day_of(answer.id)),
}
GROUPS = tuple(_BY)
"""What rates may be told by."""
_SHARES: Final[Mapping[str, Callable[[FeedbackRow], bool]]] = {
    "helped": lambda row: row.action in POSITIVE,
    "clicked": lambda row: row.action == "click",
    "copied": lambda row: row.action == "copy",
    "cited": lambda row: row.action == "cite",
    "read": lambda row: row.action == "dwell" and (row.value or 0) >= LONG_DWELL_MS,
    "answered": lambda row: row.action == "answered",
    "not answered": lambda row: row.action == "not_answered",
    "negative": lambda row: row.is_negative,
    "reformulated": lambda row: row.action == "reformulate",
    "abandoned": lambda row: row.action == "abandon",
    "commented": lambda row: row.comment is not None or row.action == "comment",
}
MEASURES = (*_SHARES, RATING)
"""What rates there are: of all answers the share with at least one such event, and the mean of the ratings."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One measure of one group of answers."""

    measure: str
    group: Mapping[str, str]
    """By what was asked for, such as ``{"release": "12.3", "arm": "live"}``."""
    answers: int
    """Of ``rating`` those that were rated, else all of the group."""
    users: int
    """Clusters: known users, and each answer without one by itself."""
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class FeedbackRates:
    """All rates of a period, by group, those with most answers first, and by measure."""

    rates: Sequence[Rate]
    answers: int
    with_feedback: int
    """Answers that anything was said or done about."""
    without_user: int
    """Answers that named no user: each counts as a user of its own, so their intervals may be too narrow."""
    unjoined: int
    """Feedback of the period whose answer is not there: still to come, lost, erased, or not asked for."""


@dataclass(slots=True)
class _Group:
    """Counts of one group by user: answers, one column a share, then rated answers and the sum of their ratings.

    Answers without a user are summed up, and take no memory each; of their ratings the squares are summed up, too.
    """

    users: dict[str, list[float]] = field(default_factory=dict)
    singles: list[float] = field(default_factory=lambda: [0.0] * (len(_SHARES) + 3))
    squares: float = 0.0

    @property
    def answers(self) -> int:
        """Of users and of none."""
        return int(sum(one[0] for one in self.users.values()) + self.singles[0])

    def add(self, user: str | None, shown: Sequence[bool], rating: float | None) -> None:
        if user is None:
            counts = self.singles
            self.squares += (rating or 0.0) ** 2
        else:
            counts = self.users.setdefault(user, [0.0] * len(self.singles))
        counts[0] += 1
        for place, is_so in enumerate(shown, 1):
            counts[place] += is_so
        if rating is not None:
            counts[-2] += 1
            counts[-1] += rating


def feedback_rates(
    home: Home,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    by: Sequence[str] = ("release",),
    asked: Asked = ALL,
    on_fault: OnFault = log_fault,
) -> FeedbackRates:
    """Rates of the answers of a period with 95 % intervals, robust to users that answer often.

    An answer's feedback counts whenever it came; young answers may still get some. Several events of one kind about one
    answer count once, several ratings by their mean.

    Args:
        home: Whose ledger.
        since: Of answers from this moment on; ``None`` for all that is kept.
        until: Of answers before this moment.
        by: What groups are told by, some of ``GROUPS``; each combination that occurs is one.
        asked: Of one tenant, collection or rollout alone.
        on_fault: Told of each day that cannot be read.

    Raises:
        InvalidInput: a group is unknown.
    """
    keys = _keys(by)
    asked = Asked(asked.tenant, asked.collection, asked.rollout, language="language" in by)
    groups: dict[tuple[str, ...], _Group] = {}
    answers = with_feedback = without_user = 0
    unjoined = 0

    def count_unjoined(row: FeedbackRow) -> None:
        nonlocal unjoined
        unjoined += 1

    for answer, about in answers_with_feedback(
        home.ledger, since, until, asked=asked, on_unjoined=count_unjoined, on_fault=on_fault
    ):
        user = answer.user or next((row.user for row in about if row.user), None)
        answers += 1
        with_feedback += bool(about)
        without_user += user is None
        group = groups.setdefault(tuple(key(answer) for key in keys), _Group())
        ratings = [row.value for row in about if row.action == "rate" and row.value is not None]
        rating = sum(ratings) / len(ratings) if ratings else None
        # Tenants name their users themselves, so one name of two tenants is two users.
        whose = None if user is None else f"{answer.tenant}/{user}"
        group.add(whose, [any(map(is_so, about)) for is_so in _SHARES.values()], rating)
    ordered = sorted(groups.items(), key=lambda item: (-item[1].answers, item[0]))
    rates = [rate for names, group in ordered for rate in _rates(dict(zip(by, names, strict=True)), group)]
    return FeedbackRates(rates, answers, with_feedback, without_user, unjoined)


def feedback_of_requests(home: Home, rows: Sequence[RequestRow]) -> Mapping[str, Sequence[bool]]:
    """Of each row, in order, whether what users said or did speaks for its hits, and whether it speaks against it.

    What drift watches: ``helped`` and ``negative``. Only what came within ``PROMPT`` of its query counts, since an old
    window has all of its feedback and a new one has not; nothing is told of rows that got none at all.
    """
    about: dict[UUID, list[FeedbackRow]] = {row.id: [] for row in rows}
    if not rows:
        return {}
    moments = [moment_of(row.id) for row in rows]
    for found in feedback_of(home.ledger, None, min(moments), max(moments) + timedelta(milliseconds=1)):
        if found.query_id in about and found.received_at - moment_of(found.query_id) <= PROMPT:
            about[found.query_id].append(found)
    if not any(about.values()):
        return {}
    return {name: [any(map(_SHARES[name], about[row.id])) for row in rows] for name in ("helped", "negative")}


def _keys(by: Sequence[str]) -> list[Callable[[Answer], str]]:
    for name in by:
        if name not in _BY:
            raise InvalidInput(f"Rates by {name!r} are unknown: expected some of {', '.join(GROUPS)}.")
    return [_BY[name] for name in by]


def _rates(names: Mapping[str, str], group: _Group) -> list[Rate]:
    table = np.array(list(group.users.values()), np.float64).reshape(-1, len(group.singles))
    counts, alone = table[:, 0].astype(np.int64), int(group.singles[0])
    rates = []
    for place, measure in enumerate(_SHARES, 1):
        singles = Singles(alone, group.singles[place], group.singles[place])
        share = clustered_share(table[:, place].astype(np.int64), counts, singles=singles)
        rates.append(Rate(measure, names, group.answers, len(counts) + alone, share))
    rated, singles = table[table[:, -2] > 0], Singles(int(group.singles[-2]), group.singles[-1], group.squares)
    ratings = clustered_mean(rated[:, -1], rated[:, -2].astype(np.int64), least=0.0, most=1.0, singles=singles)
    answers, users = int(rated[:, -2].sum()) + singles.count, len(rated) + singles.count
    return [*rates, Rate(RATING, names, answers, users, ratings)]
