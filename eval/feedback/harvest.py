"""From the ledger to pairs of query and document: how often each was shown and clicked at each rank."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from eval.feedback.position_bias import ShownPairs
from indexing.home import Home
from indexing.ledger.day_sources import OnFault, log_fault
from indexing.ledger.feedback import POSITIVE
from indexing.ledger.feedback_readers import (
    ALL,
    SHOWN_RANKS,
    Answer,
    Asked,
    answers_of,
    answers_with_feedback,
    shown_documents,
)
from indexing.ledger.ids import moment_of
from indexing.records import Partition

MOST_QUERIES = 20_000
"""Queries that are looked at, the most frequent; some 200,000 pairs. Source: our choice."""
MOST_COUNTED = 1_000_000
"""Queries that are counted at once, some 300 MB; of more a half, a quarter ... by hash. Source: our choice."""
LEAST_ASKED = 2
"""How often a query must be asked to show a document at two ranks. Our choice."""
MOST_ASKERS = 100
"""Users of a query that are kept: while any of them stays, so may its text. Source: our choice."""
_MOST_HALVINGS = 32
"""As many bits of a hash decide."""
_QueryKey = tuple[Partition, str]


@dataclass(frozen=True, slots=True)
class PairKey:
    """A query, by the ledger's hash of its text, and a document that was shown for it."""

    partition: Partition
    query_hash: str
    document_id: str


@dataclass(frozen=True, slots=True)
class AskedText:
    """A query's text, who asked it (some, ``None`` for unknown ones), and when it was last asked."""

    text: str
    askers: frozenset[str | None]
    asked_at: datetime

    @classmethod
    def of(cls, answer: Answer, before: "AskedText | None") -> "AskedText":
        """The text of an answer that keeps it, with those who asked it ``before``."""
        askers = frozenset[str | None]() if before is None else before.askers
        if len(askers) < MOST_ASKERS:
            askers |= {answer.user}
        return cls(answer.query or "", askers, moment_of(answer.id))


@dataclass(frozen=True, slots=True)
class Harvest:
    """What a period showed and what of it was clicked."""

    shown: ShownPairs
    keys: Sequence[PairKey]
    """Of each pair in ``shown``."""
    texts: Mapping[tuple[Partition, str], AskedText]
    """The texts of queries, by partition and hash, where they may be kept."""
    answers: int
    """That were looked at: of queries that were asked twice or more."""
    moved: int
    """Clicks whose client saw the hit at another rank than the answer had it: then the estimate is off."""
    halvings: int = 0
    """There were too many queries, and one in ``2 ** halvings`` was looked at, chosen by hash."""


@dataclass(slots=True)
class _Cells:
    """Showings and clicks by pair and rank while they are counted."""

    pairs: dict[PairKey, int] = field(default_factory=dict)
    shown: Counter[tuple[int, int]] = field(default_factory=Counter)
    clicked: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, key: PairKey, rank: int, *, is_clicked: bool) -> None:
        cell = self.pairs.setdefault(key, len(self.pairs)), rank
        self.shown[cell] += 1
        self.clicked[cell] += is_clicked


def harvest(
    home: Home,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    asked: Asked = ALL,
    depth: int = SHOWN_RANKS,
    least_asked: int = LEAST_ASKED,
    most_queries: int = MOST_QUERIES,
    most_counted: int = MOST_COUNTED,
    on_fault: OnFault = log_fault,
) -> Harvest:
    """Count what queries that were asked several times showed, and what of it spoke for a hit.

    A click, a copy, a citation or "this hit answered it" is a click; several of one answer and document are one. Where
    an answer has an ``impression`` only the documents with one were shown, else those of its first ``depth`` ranks.
    Answers from which an erasure took hits are left out: their ranks are no longer those that were shown.

    Args:
        home: Whose ledger.
        since: Of answers from this moment on.
        until: Of answers before this moment.
        asked: Of one tenant, collection or rollout alone.
        depth: See above; at least 1.
        least_asked: Queries that were asked less often are left out.
        most_queries: Only so many, the most frequent ones.
        most_counted: Of more queries than so many a part is looked at, which ``halvings`` says.
        on_fault: Told of each day that cannot be read.
    """
    plain = replace(asked, hits=False, text=False)
    counted = _count(answers_of(home.ledger, since, until, asked=plain, on_fault=on_fault), most_counted)
    most_asked = counted.queries.most_common(most_queries)
    frequent = frozenset(key for key, count in most_asked if count >= least_asked)
    cells, texts, answers, moved = _Cells(), dict[_QueryKey, AskedText](), 0, 0
    wanted = replace(asked, hits=True, text=True)
    for answer, about in answers_with_feedback(home.ledger, since, until, asked=wanted, on_fault=lambda fault: None):
        query = _key(answer)
        if query is None or query not in frequent or answer.is_erased:
            continue
        answers += 1
        if answer.query is not None:
            texts[query] = AskedText.of(answer, texts.get(query))
        clicked = {row.document_id: row.position for row in about if row.action in POSITIVE}
        for rank, name in shown_documents(answer, about, depth):
            cells.add(PairKey(*query, name), rank, is_clicked=name in clicked)
            moved += clicked.get(name) not in (None, rank)
    return Harvest(_table(cells), list(cells.pairs), texts, answers, moved, counted.halvings)


def _key(answer: Answer) -> _QueryKey | None:
    return None if answer.query_hash is None else (Partition(answer.tenant, answer.collection), answer.query_hash)


@dataclass(slots=True)
class _Counted:
    """How often queries were asked, of those that one part of the hashes chooses."""

    queries: Counter[_QueryKey] = field(default_factory=Counter)
    halvings: int = 0

    def is_kept(self, key: _QueryKey) -> bool:
        return int(key[1][-8:], 16) % (1 << self.halvings) == 0


def _count(answers: Iterable[Answer], most: int) -> _Counted:
    """Count queries; read first and without hits, so that rare ones take little memory."""
    counted = _Counted()
    for key in map(_key, answers):
        if key is None or not counted.is_kept(key):
            continue
        counted.queries[key] += 1
        while len(counted.queries) > most and counted.halvings < _MOST_HALVINGS:
            counted.halvings += 1
            counted.queries = Counter({one: n for one, n in counted.queries.items() if counted.is_kept(one)})
    return counted


def _table(cells: _Cells) -> ShownPairs:
    """The counts as arrays; queries are numbered in the order in which they came."""
    order = sorted(cells.shown)
    queries: dict[_QueryKey, int] = {}
    query = [queries.setdefault((key.partition, key.query_hash), len(queries)) for key in cells.pairs]
    columns = (
        [pair for pair, _ in order],
        [rank for _, rank in order],
        [cells.shown[cell] for cell in order],
        [cells.clicked[cell] for cell in order],
        query,
    )
    return ShownPairs(*(np.array(column, np.int64) for column in columns))
