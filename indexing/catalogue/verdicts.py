"""The rows of verdicts: what a gate says about a recipe, and what judges of quality say about it while it is tried."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from indexing.catalogue.database import Database, Row
from indexing.records import Json

OFFLINE = "offline"
"""The kind of a gate's verdict: PROMOTE, HOLD or REJECT. All other kinds are read by the guards of a rollout."""
OTHER_POLICY = "of_other_policy"
"""Stands in a gate's evidence where it judged by another policy than its home's own: such a verdict admits nothing."""
_IS_OWN = f"json_extract(evidence, '$.{OTHER_POLICY}') IS NOT 1"
ERASED = "what it rested on was erased with its tenant"
"""The reason of a verdict whose queries were a tenant's that was erased."""
_OF_TENANT = (
    "kind = 'offline' AND EXISTS (SELECT 1 FROM json_each(evidence, '$.findings')"
    " WHERE json_extract(value, '$.tenant') = ?)"
)
_COLUMNS = "id, recipe, kind, verdict, reasons, at, baseline, release, policy, level, is_synthetic, rollout, evidence"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a verdict rests on: the recipe it is against, the build that was judged, the policy, the test's level.

    ``is_synthetic`` says that its queries were made from documents; ``rollout`` is the trial that was judged.
    """

    baseline: int | None = None
    release: str | None = None
    policy: str | None = None
    level: float | None = None
    is_synthetic: bool = False
    rollout: int | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)


def insert_verdict(
    database: Database,
    recipe: int,
    kind: str,
    verdict: str,
    reasons: Sequence[str],
    at: str,
    grounds: Grounds | None = None,
) -> int:
    """Record what a judge of one kind says about a recipe at the moment ``at``; gives the row's id.

    What it said before stays.
    """
    on = Grounds() if grounds is None else grounds
    row: Row = {
        "recipe": recipe,
        "kind": kind,
        "verdict": verdict,
        "reasons": json.dumps(list(reasons)),
        "at": at,
        "baseline": on.baseline,
        "release": on.release,
        "policy": on.policy,
        "level": on.level,
        "is_synthetic": int(on.is_synthetic),
        "rollout": on.rollout,
        "evidence": json.dumps(on.evidence, sort_keys=True),
    }
    with database.write() as db:
        sql = f"INSERT INTO verdicts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        return int(db.conn.execute(sql, tuple(row.values())).lastrowid or 0)


def refresh_verdict(
    database: Database, verdict: int, reasons: Sequence[str], at: str, evidence: Mapping[str, Json]
) -> None:
    """Let a judge that still says the same say it again, with its figures of now."""
    with database.write() as db:
        sql = "UPDATE verdicts SET reasons = ?, at = ?, evidence = ? WHERE id = ?"
        db.conn.execute(sql, (json.dumps(list(reasons)), at, json.dumps(evidence, sort_keys=True), verdict))


def newest_verdict_rows(database: Database, recipe: int, since: str) -> list[Row]:
    """The last verdict of each kind that guards read, as far as it was given at the moment ``since`` or later."""
    sql = (
        f"SELECT {_COLUMNS} FROM verdicts WHERE id IN (SELECT max(id) FROM verdicts"
        " WHERE recipe = ? AND at >= ? AND kind != ? GROUP BY kind) ORDER BY kind"
    )
    return list(database.rows(sql, (recipe, since, OFFLINE)))


def newest_gate_row(
    database: Database, recipe: int, baseline: int | None = None, *, of_any_policy: bool = False
) -> Row | None:
    """A gate's last verdict about a recipe by the home's own policy, against one baseline or any, or ``None``."""
    own = "" if of_any_policy else f" AND {_IS_OWN}"
    sql = (
        f"SELECT {_COLUMNS} FROM verdicts WHERE recipe = ? AND kind = ? AND (? IS NULL OR baseline = ?){own}"
        " ORDER BY id DESC LIMIT 1"
    )
    return database.row(sql, (recipe, OFFLINE, baseline, baseline))


def verdict_rows(database: Database, recipe: int) -> list[Row]:
    """Every verdict about a recipe, oldest first: reasons and evidence are JSON."""
    return list(database.rows(f"SELECT {_COLUMNS} FROM verdicts WHERE recipe = ? ORDER BY id", (recipe,)))


def needs_no_verdict(database: Database, recipe: int) -> bool:
    """Whether a recipe was the first one in service, or in service before verdicts were needed."""
    sql = (
        "SELECT 1 FROM recipes_before_gates WHERE recipe = ?"
        " UNION SELECT 1 FROM deployments WHERE id = (SELECT min(id) FROM deployments) AND recipe = ?"
    )
    return database.row(sql, (recipe, recipe)) is not None


def has_passed_canary(database: Database, recipe: int, baseline: int) -> bool:
    """Whether a canary of a recipe against another passed all its steps, and was not taken back."""
    sql = (
        "SELECT 1 FROM rollouts WHERE candidate = ? AND baseline = ? AND mode = 'canary' AND step > 0"
        " AND step = json_array_length(steps) AND state NOT IN ('rolled_back', 'rejected') LIMIT 1"
    )
    return database.row(sql, (recipe, baseline)) is not None


def count_verdicts_on(database: Database, tenant: str) -> int:
    """How many verdicts of gates rest on queries of a tenant, and say so."""
    row = database.row(f"SELECT count(*) AS n FROM verdicts WHERE {_OF_TENANT}", (tenant,))
    return 0 if row is None else int(row["n"])


def forget_grounds_of(database: Database, tenant: str) -> None:
    """Take reasons and figures out of each verdict that rests on queries of a tenant; what it says stays.

    That it was by another policy than the home's own stays as well: an erasure must not make it count.
    """
    left = f"json_patch('{{}}', json_object('{OTHER_POLICY}', json_extract(evidence, '$.{OTHER_POLICY}')))"
    with database.write(grows=False) as db:
        sql = f"UPDATE verdicts SET reasons = json_array(?), evidence = {left} WHERE {_OF_TENANT}"
        db.conn.execute(sql, (ERASED, tenant))
