"""Training-serving skew as a job: what a day's answers used of documents, recomputed, and an alert by feature."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from eval.drift.alerting import say_alert
from indexing.catalogue.alerts import Severity
from indexing.features.skew import FeatureSkew, measure_skew, served_values
from indexing.features.transformations import TRANSFORMATIONS, Transformations
from indexing.home import Home
from indexing.ledger.readers import requests_of
from indexing.ledger.records import ANSWER_KINDS, RequestRow
from indexing.records import Json, moment_text
from indexing.releases.recipes import boost_features_of

WINDOW = timedelta(days=1)
"""Looked back over, as ``groundwork features skew`` does: older documents have changed since. Source: our choice."""
LEAST_ANSWERS = 100
"""Values of a feature below which no share is judged, as in the windows of drift. Source: that of drift."""
WARNING_SHARE, CRITICAL_SHARE = 0.01, 0.1
"""Shares of wrong values above which to look at it, and to look at it now. Source: our choice."""
SAMPLED_DOCUMENTS = 0.2
"""Share of documents that is recomputed, chosen by key, where nothing else is asked. Source: our choice."""
ROWS_A_STEP = 1_000
"""Answers between two moments at which a run may be ended. Source: our choice, a fraction of a second."""
SOURCE = "skew"


def check_skew(
    home: Home,
    *,
    now: datetime | None = None,
    share: float = SAMPLED_DOCUMENTS,
    transformations: Transformations = TRANSFORMATIONS,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> Json:
    """Measure the skew of a day, and say an alert for each feature that is wrong too often; what the daily job does.

    Args:
        home: Whose ledger, documents and alerts.
        now: The end of the day, UTC; by default this moment.
        share: The share of documents that is looked at, 0 to 1.
        transformations: The code that computes, by name.
        on_rows: Told how many answers were read, each ``ROWS_A_STEP``.

    Returns:
        The figures of ``SkewReport.to_json``; ``wrong``, the features above ``WARNING_SHARE``; and ``not_enough``,
        those of which too few values were served to say.
    """
    until = datetime.now(UTC) if now is None else now
    rows = _told(requests_of(home.ledger, None, until - WINDOW, until, kinds=ANSWER_KINDS), on_rows)
    features_of = boost_features_of(home.catalogue)
    report = measure_skew(
        home.catalogue, served_values(rows), features_of, share=share, transformations=transformations
    )
    few = sorted(name for name, one in report.features.items() if _served(one) < LEAST_ANSWERS)
    wrong = sorted(name for name, one in report.features.items() if one.share > WARNING_SHARE and name not in few)
    for name in wrong:
        _say(home, name, report.features[name], moment_text(until))
    return {**report.to_json(), "wrong": wrong, "not_enough": few}


def _told(rows: Iterable[RequestRow], on_rows: Callable[[int], None]) -> Iterator[RequestRow]:
    for count, row in enumerate(rows, 1):
        if count % ROWS_A_STEP == 0:
            on_rows(count)
        yield row


def _served(one: FeatureSkew) -> int:
    return one.compared + one.missing + one.extra


def _say(home: Home, name: str, one: FeatureSkew, at: str) -> None:
    severity: Severity = "critical" if one.share > CRITICAL_SHARE else "warning"
    message = (
        f"{one.share:.1%} of {_served(one):,} values of {name} that answers used differ from what is recomputed:"
        f" {one.mismatched:,} are other, {one.missing:,} were missing, {one.extra:,} should not be there. See"
        " 'groundwork features skew'; 'groundwork features materialise' computes stale ones anew."
    )
    say_alert(home, f"skew:{name}", severity, SOURCE, message, one.to_json(), at)
