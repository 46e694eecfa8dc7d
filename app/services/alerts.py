"""Alerts over HTTP: listed, and acknowledged by an operator's key."""

import logging
from dataclasses import asdict
from functools import partial

from app.access.authentication import Caller
from app.metrics import Metrics
from app.schemas.alerts import AlertAnswer, AlertsAnswer
from app.services.state import Services
from app.services.waiting_writes import counted
from indexing.catalogue.alerts import SEVERITIES, Severity, acknowledge_alert, count_open_alerts, list_alerts
from indexing.home import Home

logger = logging.getLogger(__name__)


def all_alerts(services: Services, *, has_acknowledged: bool, limit: int) -> AlertsAnswer:
    """The open alerts, or all of them, the last raised first."""
    found = list_alerts(services.home.catalogue, is_open_only=not has_acknowledged, limit=limit)
    return AlertsAnswer(alerts=[AlertAnswer(**asdict(one)) for one in found])


def acknowledge(services: Services, caller: Caller, number: int, note: str) -> AlertAnswer:
    """Say that the caller knows of an alert.

    Raises:
        NotFound: there is no such alert.
    """
    done = acknowledge_alert(services.home.catalogue, number, f"key {caller.key_id}", note, services.now())
    logger.info("alert.acknowledged", extra={"fields": {"alert": done.id, "key": done.key}})
    return AlertAnswer(**asdict(done))


def watch_alerts(home: Home, metrics: Metrics) -> None:
    """Let the metric of open alerts be what the catalogue says when it is scraped."""
    for severity in SEVERITIES:
        metrics.watch(metrics.open_alerts.labels(severity), partial(_count, home, severity))


def _count(home: Home, severity: Severity) -> float:
    return counted(lambda: count_open_alerts(home.catalogue)[severity])
