"""What the section on drift is told of: the last day of the period against each reference, and open alerts."""

from datetime import datetime, timedelta

from eval.drift.look import DriftReport, look
from eval.drift.signals import Histogram, Signal
from eval.drift.windows import Scope
from eval.feedback.rates import feedback_of_requests
from eval.reports.charts.data import Distribution
from eval.reports.model import Section
from eval.reports.sections.drift import Drift, DriftSignal, OpenAlert, tell_drift
from eval.reports.sections.drift_history import past_looks, tell_history, tenants_of
from eval.reports.source import Source
from indexing.catalogue.alerts import open_alerts
from indexing.commands.terminal import short_time
from indexing.ledger.day_sources import Period

WINDOW = timedelta(days=1)
"""How long before the end of the period is looked at. Our choice: a whole day has all its hours."""
KINDS = ("launch", "last-good", "last-week")
"""What the window is compared with, of ``eval.drift.windows.REFERENCES``."""
_REFERENCES = {
    "launch": "the week after the launch of what is live",
    "last-good": "the last week without an alarm",
    "last-week": "the same day a week before",
}


def drift_section(source: Source) -> Section:
    """The last day of the period against each reference; without replay, since a report loads no model."""
    home, until = source.home, source.options.until
    raised = open_alerts(home.catalogue)
    alerts = [
        OpenAlert(
            *(one.severity, one.source, one.message, one.times),
            *(datetime.fromisoformat(one.first_at), datetime.fromisoformat(one.last_at)),
        )
        for one in raised
    ]
    past = past_looks(source)
    history = tell_history(past, source.options.since, until)
    tenants = frozenset(one.tenant for one in raised if one.tenant is not None) | tenants_of(past)
    if not source.services:
        return tell_drift([], alerts, tenants, history)
    window = Period(until - WINDOW, until)
    found = [
        look(home, Scope(), window, kind, feedback=feedback_of_requests, explains=False, seed=source.options.seed)
        for kind in KINDS
    ]
    told = [_look(one) for one in found if one.n_window and one.n_reference]
    return tell_drift(told, alerts, tenants, history)


def _look(found: DriftReport) -> Drift:
    return Drift(
        window=f"the 24 hours to {short_time(found.until)}",
        reference=_REFERENCES[found.reference],
        queries=found.n_window,
        reference_queries=found.n_reference,
        signals=[_signal(one) for one in found.signals if one.outcome != "not enough data"],
        cause="" if found.cause is None else ", ".join(found.cause.named),
        reason=" ".join(found.notes),
    )


def _signal(one: Signal) -> DriftSignal:
    return DriftSignal(
        *(one.name.replace("_", " "), one.group, one.slice, one.outcome, one.before, one.value, one.test),
        *(one.statistic, one.p_adjusted, one.n_reference, one.n_window),
        distribution=None if one.histogram is None else _distribution(one.name.replace("_", " "), one.histogram),
    )


def _distribution(name: str, found: Histogram) -> Distribution:
    """Bars over numbers, whose labels are their lower edges, or over categories."""
    try:
        lows = [float(label) for label in found.labels]
    except ValueError:
        return Distribution(found.reference, found.window, name, labels=found.labels)
    if len(lows) < 2 or lows[-1] <= lows[0]:
        return Distribution(found.reference, found.window, name, labels=found.labels)
    step = (lows[-1] - lows[0]) / (len(lows) - 1)
    edges = [lows[0] + step * place for place in range(len(lows) + 1)]
    return Distribution(found.reference, found.window, name, edges=edges)
