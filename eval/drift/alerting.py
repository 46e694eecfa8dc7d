"""Saying an alert: once to the catalogue, and where it is news to the log and to a webhook.

The metric of open alerts is counted from the catalogue by the API.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict

import httpx

from indexing.catalogue.alerts import Alert, Severity, amend_alert, raise_alert
from indexing.home import Home
from indexing.records import Json

logger = logging.getLogger(__name__)
WEBHOOK_SECONDS = 5.0
"""For each of connecting, sending and waiting: a webhook that is down must not hold up the schedule. Our choice."""


def say_alert(
    home: Home,
    key: str,
    severity: Severity,
    source: str,
    message: str,
    evidence: Mapping[str, Json],
    at: str,
    *,
    tenant: str | None = None,
) -> Alert:
    """Say an alert, at the moment ``at``; one that is open already is counted again, and not said anew.

    The webhook gets ``id``, ``key``, ``severity``, ``source``, ``message``, ``evidence`` and moments: names of tenants
    and figures, never a query. Where it fails that is logged, and the alert stands in the list all the same.
    """
    alert, is_news = raise_alert(home.catalogue, key, severity, source, message, evidence, at, tenant=tenant)
    if is_news:
        _tell(home, alert)
    return alert


def say_more(home: Home, alert: Alert, severity: Severity, message: str, evidence: Mapping[str, Json]) -> Alert:
    """Add to an alert that was said a moment ago what was found since; it is told again where the alert was news."""
    found = amend_alert(home.catalogue, alert.id, severity, message, evidence)
    if alert.times == 1 or found.severity != alert.severity:
        _tell(home, found)
    return found


def _tell(home: Home, alert: Alert) -> None:
    told = {"key": alert.key, "severity": alert.severity, "source": alert.source, "message": alert.message}
    logger.warning("alert.raised", extra={"fields": {"alert": alert.id, **told}})
    if home.settings.alert_webhook_url is not None:
        post_alert(home.settings.alert_webhook_url, alert)


def post_alert(url: str, alert: Alert) -> bool:
    """Post an alert as JSON; gives whether it was taken, and logs why not."""
    try:
        response = httpx.post(url, json=asdict(alert), timeout=WEBHOOK_SECONDS, follow_redirects=False)
        reason = "" if response.is_success else f"it answered {response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: a figure that JSON has no word for
        reason = type(error).__name__  # its text may hold the address, and with it a token
    if reason:
        logger.error("alert.webhook_failed", extra={"fields": {"alert": alert.id, "reason": reason}})
    return not reason
