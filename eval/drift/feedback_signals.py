"""What users said and did as signals of drift: rates of answers that are old enough to have all of their feedback."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from eval.drift.signals import Signal, rate_signal
from eval.drift.windows import Sample
from eval.feedback.rates import SETTLES
from indexing.home import Home
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow


class FeedbackOfRequests(Protocol):
    """What users said of requests, as far as it is stored."""

    def __call__(self, home: Home, rows: Sequence[RequestRow]) -> Mapping[str, Sequence[bool]]:
        """By kind of feedback: of each row, in order, whether it got it."""
        ...


def feedback_signals(
    home: Home, before: Sample, after: Sample, until: datetime, feedback: FeedbackOfRequests
) -> list[Signal]:
    """The rate of each kind of feedback in a reference and in a window; which moved is not decided yet.

    Answers that are younger than ``SETTLES`` at ``until``, the end of the window, are in neither: what their users will
    still say would be missing in the window alone, and so make it look worse than the reference, whatever happens.
    """
    settled = until - SETTLES
    was, now = (
        feedback(home, [row for row in sample.rows if moment_of(row.id) <= settled]) for sample in (before, after)
    )
    return [
        rate_signal(name, "feedback", "", list(was.get(name, ())), list(now.get(name, ())))
        for name in sorted(was.keys() | now.keys())
    ]
