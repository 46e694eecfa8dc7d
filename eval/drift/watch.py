"""The repeated look: every collection that is asked, against all that was before, until its evidence makes an alarm.

Each window is compared with everything from the watch's beginning up to the window, so that the p values of looks are
independent while nothing changes; ``error_control`` says what the alarms then hold. Acknowledging an alarm says that
the traffic from then on is the new reference.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from app.services.replay import Replayer
from eval.drift.alerting import say_alert, say_more
from eval.drift.cause import Contrast
from eval.drift.error_control import LOOKS_BETWEEN_FALSE_ALARMS, alarms, gathered
from eval.drift.feedback_signals import FeedbackOfRequests
from eval.drift.look import DriftReport, compare, explain
from eval.drift.predictors import propose_queries
from eval.drift.windows import LEAST, SOURCE, Reference, Scope, alert_key, launched_at
from eval.feedback.rates import feedback_of_requests
from indexing.catalogue.alerts import Alert, Severity, last_acknowledged
from indexing.catalogue.drift_watches import DriftWatch, put_watch, read_watch
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.ledger.day_sources import Period
from indexing.ledger.sampled_readers import collections_asked
from indexing.records import Json, moment_text
from indexing.releases.deployments import stable_release

logger = logging.getLogger(__name__)
RECENT = timedelta(days=7)
"""A collection that was not asked for so long is not watched. Source: our choice."""
SERIOUS = ("results", "contexts")
"""Groups of signals that users feel at once: empty answers, low scores, cut contexts."""
_AT_FAULT = ("recipe", "corpus")
"""Causes that are ours: traffic is not."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at one collection did: ``report`` and ``alerts`` where there were enough queries, and an alarm.

    ``failure`` is what kept it from looking to the end; then an alert says so.
    """

    scope: str
    looks: int
    queries: int
    report: DriftReport | None
    alerts: tuple[Alert, ...]
    failure: str | None = None


def watch_drift(
    home: Home,
    *,
    now: datetime | None = None,
    feedback: FeedbackOfRequests = feedback_of_requests,
    replayer: Callable[[Home], Replayer] = Replayer,
    seed: int = 0,
    on_scope: Callable[[str], None] = lambda scope: None,
) -> list[Looked]:
    """Look once at every collection that was asked lately; what the hourly job does.

    What goes wrong with one collection is an alert of its own, and the others are looked at all the same.

    Args:
        home: Whose ledger and alerts.
        now: The end of the windows, UTC; by default this moment.
        feedback: What users said.
        replayer: Makes what replays, where a cause is to be found.
        seed: Of permutations; each look adds its number.
        on_scope: Told of each collection before it is looked at; what it raises ends the looks.

    Raises:
        NotReady: nothing is released yet.
    """
    until = datetime.now(UTC) if now is None else now
    asked = collections_asked(home.ledger, Period(until - RECENT, until))
    scopes = [Scope(one.tenant, one.collection) for one in sorted(asked)]
    if scopes:
        stable_release(home.catalogue)
    found = []
    for scope in scopes:
        on_scope(scope.key)
        found.append(_looked(home, scope, until, feedback, replayer, seed))
    return found


def _looked(
    home: Home,
    scope: Scope,
    until: datetime,
    feedback: FeedbackOfRequests,
    replayer: Callable[[Home], Replayer],
    seed: int,
) -> Looked:
    try:
        return _look(home, scope, until, feedback, replayer, seed)
    except Exception as error:  # whatever it was, the collections of other tenants must be looked at
        logger.exception("drift.look_failed", extra={"fields": {"scope": scope.key}})
        name = type(error).__name__
        reason = f"{name}: {error}" if isinstance(error, GroundworkError) else f"{name}, see the log"
        message = f"Drift could not look at {scope.key} to the end: {reason}"
        told = {"error": name}
        at = moment_text(until)
        alert = say_alert(home, f"unlooked:{scope.key}", "warning", SOURCE, message, told, at, tenant=scope.tenant)
        return Looked(scope.key, 0, 0, None, (alert,), reason)


def _look(
    home: Home,
    scope: Scope,
    until: datetime,
    feedback: FeedbackOfRequests,
    replayer: Callable[[Home], Replayer],
    seed: int,
) -> Looked:
    watch = _watch_of(home, scope, until)
    since = datetime.fromisoformat(watch.looked_until)
    window = Period(since, until)
    reference = Reference("before", Period(datetime.fromisoformat(watch.reference_at), since))
    compared = compare(home, scope, window, reference, feedback=feedback, seed=seed + watch.looks)
    report = compared.report
    if report.n_reference < LEAST:  # all that was asked so far is needed to compare with
        put_watch(home.catalogue, _with(watch, until, watch.looks, watch.evidence))
        return Looked(scope.key, watch.looks, report.n_window, None, ())
    if report.n_window < LEAST:  # the window grows until there are enough
        put_watch(home.catalogue, watch)
        return Looked(scope.key, watch.looks, report.n_window, None, ())
    p_values = {one.key: one.p for one in report.signals if one.p is not None}
    evidence = gathered(watch.evidence, p_values)
    watch = _with(watch, until, watch.looks + 1, evidence)
    found = alarms(evidence)
    put_watch(home.catalogue, watch)
    said = [_say_stale(home, scope, report, until)] if report.staleness.is_stale else []
    if found:  # is said before its cause is looked for, which takes long and may fail
        key, severity, told = alert_key(scope), _severity(report, found), _evidence(report, found, watch)
        message = _message(scope, found, "its cause is looked for")
        alert = say_alert(home, key, severity, SOURCE, message, told, moment_text(until), tenant=scope.tenant)
        report = explain(compared, lambda: replayer(home), seed=seed)
        causes = () if report.cause is None else report.cause.named
        message = _message(scope, found, f"cause: {', '.join(causes)}" if causes else "no cause could be named")
        said.append(say_more(home, alert, _severity(report, found), message, _evidence(report, found, watch)))
        propose_queries(home, report.to_judge)
    return Looked(scope.key, watch.looks, report.n_window, report, tuple(said))


def _watch_of(home: Home, scope: Scope, until: datetime) -> DriftWatch:
    """The watch of a scope; a new one, or one whose alarm was acknowledged since, begins with a reference alone."""
    watch = read_watch(home.catalogue, scope.key)
    acknowledged = last_acknowledged(home.catalogue, alert_key(scope))
    if watch is None:
        begins = moment_text(min(launched_at(home), until))
        return DriftWatch(scope.key, scope.tenant, begins, moment_text(until), 0, {})
    if acknowledged is not None and acknowledged > watch.reference_at:
        return DriftWatch(scope.key, scope.tenant, acknowledged, acknowledged, 0, {})
    return watch


def _with(watch: DriftWatch, until: datetime, looks: int, evidence: Mapping[str, float]) -> DriftWatch:
    return DriftWatch(watch.scope, watch.tenant, watch.reference_at, moment_text(until), looks, evidence)


def _severity(report: DriftReport, found: list[str]) -> Severity:
    causes = () if report.cause is None else report.cause.named
    groups = {one.group for one in report.signals if one.key in found}
    return "critical" if groups & set(SERIOUS) or set(causes) & set(_AT_FAULT) else "warning"


def _message(scope: Scope, found: list[str], why: str) -> str:
    return (
        f"{scope.key} drifted in {', '.join(found[:5])}{' and others' if len(found) > 5 else ''}; {why}. See"
        f" 'groundwork eval drift', then acknowledge it: what is asked from then on is the new reference."
    )


def _evidence(report: DriftReport, found: list[str], watch: DriftWatch) -> dict[str, Json]:
    signals = {one.key: one for one in report.signals}
    return {
        "signals": {
            name: {
                "evidence": watch.evidence[name],
                "before": None if name not in signals else signals[name].before,
                "value": None if name not in signals else signals[name].value,
                "p": None if name not in signals else signals[name].p,
            }
            for name in found
        },
        "causes": [] if report.cause is None else list(report.cause.named),
        "contrasts": [] if report.cause is None else [_contrast(one) for one in report.cause.contrasts],
        "recipe": None if report.release is None else int(report.release.partition(".")[0]),
        "looks": watch.looks,
        "looks_between_false_alarms": LOOKS_BETWEEN_FALSE_ALARMS,
        "reference": [report.reference_since, report.reference_until],
        "window": [report.since, report.until],
    }


def _contrast(contrast: Contrast) -> dict[str, Json]:
    told = asdict(contrast)
    return {name: told[name] for name in ("cause", "verdict", "queries", "overlap", "effects", "why")}


def _say_stale(home: Home, scope: Scope, report: DriftReport, until: datetime) -> Alert:
    staleness = report.staleness
    message = (
        f"{staleness.changed_share:.0%} of the documents of {scope.key} changed since the snapshot of release"
        f" {staleness.release}: build, so that searches find them as they are."
    )
    return say_alert(
        home,
        f"stale:{scope.key}",
        "warning",
        SOURCE,
        message,
        asdict(staleness),
        moment_text(until),
        tenant=scope.tenant,
    )
