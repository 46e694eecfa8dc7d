"""How users engage with documents: the values of the built-in document view ``document_engagement``, from the ledger.

Counts are of answers and of the feedback that was known at a moment, so that nothing leaks in from later; rates have a
prior, so that a document that was shown once and clicked is not the best of all. A change of what is counted needs a
new version of the view.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import ids_in_features, rows_as_of
from indexing.features.feature_values import FeatureRow, row_of
from indexing.features.materialise import Appended, Push, append_values, now_utc
from indexing.features.views import DOCUMENT_ENGAGEMENT, ENGAGEMENT_DAYS, Scalar
from indexing.ledger.day_sources import OnFault, log_fault
from indexing.ledger.feedback import POSITIVE, FeedbackRow
from indexing.ledger.feedback_readers import SHOWN_RANKS, Answer, Asked, answers_with_feedback, shown_documents
from indexing.ledger.ids import moment_of
from indexing.ledger.store import LedgerStore
from indexing.records import Partition, moment_text

PRIOR_IMPRESSIONS = 20.0
"""Showings at the collection's own click rate that each document is given. Source: our choice, two first pages."""
PRIOR_OPINIONS = 5.0
"""Opinions that each document is given, at the collection's own mean. Source: our choice."""
NEUTRAL = 0.5
"""The mean opinion of a collection of which there is none: the middle of a rating."""
DECIMALS = 4
"""Of rates: what differs by less is no change, and makes no row. Source: our choice."""
REFRESH = timedelta(days=10)
"""A value that does not change is appended anew when it is that old, well before it expires. Source: our choice."""


@dataclass(slots=True)
class Engagement:
    """What one document got in one window."""

    impressions: int = 0
    clicks: int = 0
    """Answers in which it was clicked, copied, cited or said to answer."""
    opinions: int = 0
    """Ratings of it, and "this hit answered it", which is the best of ratings."""
    opinion_sum: float = 0.0

    def add(self, about: Sequence[FeedbackRow]) -> None:
        """Count one showing, with the feedback about the document."""
        self.impressions += 1
        self.clicks += any(row.action in POSITIVE for row in about)
        opinions = [
            1.0 if row.action == "answered" else row.value for row in about if row.action in ("answered", "rate")
        ]
        told = [opinion for opinion in opinions if opinion is not None]
        self.opinions += len(told)
        self.opinion_sum += sum(told)


@dataclass(slots=True)
class _Window:
    """All documents of a partition in one window, and their sum."""

    documents: dict[str, Engagement] = field(default_factory=dict)
    total: Engagement = field(default_factory=Engagement)

    def add(self, name: str, about: Sequence[FeedbackRow]) -> None:
        self.documents.setdefault(name, Engagement()).add(about)
        self.total.add(about)

    def values(self, name: str) -> tuple[Scalar, ...]:
        """The columns of a window, in the view's order."""
        one, total = self.documents.get(name, Engagement()), self.total
        click_rate = total.clicks / total.impressions if total.impressions else 0.0
        opinion = total.opinion_sum / total.opinions if total.opinions else NEUTRAL
        smoothed_clicks = (one.clicks + PRIOR_IMPRESSIONS * click_rate) / (one.impressions + PRIOR_IMPRESSIONS)
        smoothed_opinion = (one.opinion_sum + PRIOR_OPINIONS * opinion) / (one.opinions + PRIOR_OPINIONS)
        return (
            *(one.impressions, one.clicks, round(smoothed_clicks, DECIMALS)),
            *(one.opinions, round(smoothed_opinion, DECIMALS)),
        )


_COLUMNS = tuple(column.name for column in DOCUMENT_ENGAGEMENT.stored)
_LONGEST_IMPRESSIONS = _COLUMNS.index(f"impressions_{max(ENGAGEMENT_DAYS)}d")
_Windows = tuple[_Window, ...]
"""One for each of ``ENGAGEMENT_DAYS``."""


def materialise_engagement(
    catalogue: Database,
    ledger: LedgerStore,
    *,
    as_of: datetime | None = None,
    now: Callable[[], datetime] = now_utc,
    on_fault: OnFault = log_fault,
) -> Appended:
    """Count the last week and month, and append a row for each document whose values changed.

    Args:
        catalogue: Where the values go.
        ledger: Where answers and feedback are.
        as_of: As it was known then, for training on the past; by default now. Rows of the past are so from ``as_of``
            on, and known since now.
        now: Tells the present moment.
        on_fault: Told of each day that cannot be read: its showings are lacking.

    Returns:
        How many rows were appended, and the documents that are not there any more.
    """
    at = as_of or now()
    # What is of now is so from the moment on at which it is stored: no search before then could have known it.
    moment = now if as_of is None else lambda: at
    rows, left_out = 0, list[str]()
    for partition, windows in sorted(_count(ledger, at, on_fault).items()):
        changes = (
            Push(name, moment_text(moment()), dict(zip(_COLUMNS, values, strict=True)))
            for name, values in _changes(catalogue, partition, windows, at)
        )
        appended = append_values(catalogue, DOCUMENT_ENGAGEMENT, partition, changes, now=now)
        rows += appended.rows
        left_out += appended.left_out
    return Appended(rows, tuple(left_out))


def _count(ledger: LedgerStore, at: datetime, on_fault: OnFault) -> Mapping[Partition, _Windows]:
    """Every partition that anything was asked of within the longest window."""
    found: dict[Partition, _Windows] = {}
    since, asked = at - timedelta(days=max(ENGAGEMENT_DAYS)), Asked(hits=True)
    for answer, about in answers_with_feedback(ledger, since, at, asked=asked, known_at=at, on_fault=on_fault):
        partition = Partition(answer.tenant, answer.collection)
        windows = found.setdefault(partition, tuple(_Window() for _ in ENGAGEMENT_DAYS))
        age = at - moment_of(answer.id)
        _add(answer, about, [one for one, days in zip(windows, ENGAGEMENT_DAYS, strict=True) if age <= timedelta(days)])
    return found


def _add(answer: Answer, about: Sequence[FeedbackRow], windows: Sequence[_Window]) -> None:
    for _, name in shown_documents(answer, about, SHOWN_RANKS):
        of_document = [row for row in about if row.document_id == name]
        for window in windows:
            window.add(name, of_document)


def _changes(
    catalogue: Database, partition: Partition, windows: _Windows, at: datetime
) -> Iterator[tuple[str, tuple[Scalar, ...]]]:
    """The values of documents that were shown, or had been by their last ones, where they differ from those."""
    shown = frozenset().union(*(window.documents for window in windows))
    names, view = shown | ids_in_features(catalogue, partition), DOCUMENT_ENGAGEMENT
    stored = rows_as_of(catalogue, view.fingerprint, partition, names, event_time=moment_text(at), known_at=None)
    last = {name: row_of(view, row) for name, row in stored.items()}
    for name in sorted(shown | {name for name, row in last.items() if row.values[_LONGEST_IMPRESSIONS]}):
        values = tuple(value for window in windows for value in window.values(name))
        if not _is_same(last.get(name), values, at):
            yield name, values


def _is_same(last: FeatureRow | None, values: tuple[Scalar, ...], at: datetime) -> bool:
    return last is not None and last.values == values and at.timestamp() - last.event_seconds < REFRESH.total_seconds()
