"""The rows of alerts: what a judge of quality saw that a person should know, said once until it is acknowledged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from indexing.catalogue.database import Database, Row
from indexing.errors import NotFound
from indexing.records import Json

Severity = Literal["warning", "critical"]
"""How bad it is: to be looked at, or to be looked at now."""
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")
"""Every severity, the lowest first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``key`` names what it is about: while it is open, the same is said of no other one.

    ``tenant`` is whose traffic it is about, ``None`` for all. Moments are UTC, ISO 8601. ``times`` counts how often it
    was raised; ``message`` and ``evidence`` are of the last time.
    """

    id: int
    key: str
    tenant: str | None
    severity: Severity
    source: str
    message: str
    evidence: Mapping[str, Json]
    times: int
    first_at: str
    last_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None

    @property
    def is_open(self) -> bool:
        """Whether it was not acknowledged yet."""
        return self.acknowledged_at is None


def raise_alert(
    database: Database,
    key: str,
    severity: Severity,
    source: str,
    message: str,
    evidence: Mapping[str, Json],
    at: str,
    *,
    tenant: str | None = None,
) -> tuple[Alert, bool]:
    """Say an alert at the moment ``at``; gives it, and whether it is news: it was not open, or was less severe.

    An open alert of the same key is said again instead: it is counted, has the newer message and evidence, and the
    higher severity of the two.
    """
    with database.write() as db:
        before = db.conn.execute(
            "SELECT severity FROM alerts WHERE key = ? AND acknowledged_at IS NULL", (key,)
        ).fetchone()
        if before is None:
            sql = (
                "INSERT INTO alerts (key, tenant, severity, source, message, evidence, times, first_at, last_at)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?7)"
            )
            worst = severity
        else:
            worst = max(severity, before[0], key=SEVERITIES.index)
            sql = (
                "UPDATE alerts SET tenant = ?2, severity = ?3, source = ?4, message = ?5, evidence = ?6,"
                " times = times + 1, last_at = ?7 WHERE key = ?1 AND acknowledged_at IS NULL"
            )
        db.conn.execute(sql, (key, tenant, worst, source, message, json.dumps(dict(evidence)), at))
    row = database.row("SELECT * FROM alerts WHERE key = ? ORDER BY id DESC LIMIT 1", (key,))
    if row is None:
        raise NotFound(f"Alert {key!r} was erased while it was raised: its tenant is gone.")
    return _alert(row), before is None or worst != before[0]


def amend_alert(
    database: Database, number: int, severity: Severity, message: str, evidence: Mapping[str, Json]
) -> Alert:
    """Say more of what an alert was raised for, without counting it again; the severity is the higher of the two.

    Raises:
        NotFound: there is no such alert.
    """
    with database.write() as db:
        row = db.conn.execute("SELECT severity FROM alerts WHERE id = ?", (number,)).fetchone()
        if row is not None:
            worst = max(severity, row[0], key=SEVERITIES.index)
            sql = "UPDATE alerts SET severity = ?, message = ?, evidence = ? WHERE id = ?"
            db.conn.execute(sql, (worst, message, json.dumps(dict(evidence)), number))
    return _found(database, number)


def list_alerts(database: Database, *, is_open_only: bool = True, limit: int = 1000) -> list[Alert]:
    """Alerts, the last raised first: those that are open, or all of them."""
    where = "WHERE acknowledged_at IS NULL" if is_open_only else ""
    return [_alert(row) for row in database.rows(f"SELECT * FROM alerts {where} ORDER BY id DESC LIMIT ?", (limit,))]


def open_alerts(database: Database) -> list[Alert]:
    """Alerts that were not acknowledged yet, the last raised first."""
    return list_alerts(database)


def count_open_alerts(database: Database) -> dict[Severity, int]:
    """How many alerts are open, by severity; every severity is there."""
    sql = "SELECT severity, count(*) AS n FROM alerts WHERE acknowledged_at IS NULL GROUP BY severity"
    found = {row["severity"]: int(row["n"]) for row in database.rows(sql)}
    return {severity: found.get(severity, 0) for severity in SEVERITIES}


def acknowledge_alert(database: Database, number: int, by: str, note: str, at: str) -> Alert:
    """Say that a person knows of an alert; one that was acknowledged before stays as it is.

    Raises:
        NotFound: there is no such alert.
    """
    with database.write(grows=False) as db:
        sql = (
            "UPDATE alerts SET acknowledged_at = ?, acknowledged_by = ?, note = ?"
            " WHERE id = ? AND acknowledged_at IS NULL"
        )
        db.conn.execute(sql, (at, by, note, number))
    return _found(database, number)


def last_acknowledged(database: Database, key: str) -> str | None:
    """When an alert of a key was acknowledged last, or ``None``."""
    row = database.row("SELECT max(acknowledged_at) AS at FROM alerts WHERE key = ?", (key,))
    return None if row is None else row["at"]


def count_alerts(database: Database, tenant: str) -> int:
    """How many alerts there are of a tenant, acknowledged or not."""
    row = database.row("SELECT count(*) AS n FROM alerts WHERE tenant = ?", (tenant,))
    return 0 if row is None else int(row["n"])


def forget_alerts(database: Database, tenant: str) -> int:
    """Delete what alerts say of a tenant, and what its watches have seen; gives how many alerts."""
    with database.write(grows=False) as db:
        db.conn.execute("DELETE FROM drift_watches WHERE tenant = ?", (tenant,))
        return int(db.conn.execute("DELETE FROM alerts WHERE tenant = ?", (tenant,)).rowcount)


def forget_alerts_before(database: Database, moment: str) -> int:
    """Delete the alerts that were acknowledged before a moment; gives how many. The last of each key stays.

    By the last one drift knows from when on traffic is its reference.
    """
    with database.write(grows=False) as db:
        sql = "DELETE FROM alerts WHERE acknowledged_at < ? AND id NOT IN (SELECT max(id) FROM alerts GROUP BY key)"
        return int(db.conn.execute(sql, (moment,)).rowcount)


def _found(database: Database, number: int) -> Alert:
    row = database.row("SELECT * FROM alerts WHERE id = ?", (number,))
    if row is None:
        raise NotFound(f"There is no alert {number}: see 'groundwork eval alerts list --all'.")
    return _alert(row)


def _alert(row: Row) -> Alert:
    return Alert(**{**row, "evidence": json.loads(row["evidence"])})
