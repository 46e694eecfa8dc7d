"""The judge of a canary: its guardrails and signals, by what the ledger says, written as verdicts that guards read.

A broken guardrail fails, and the watcher takes the rollout back; a signal is inconclusive, and the watcher pauses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from eval.drift.windows import SOURCE as DRIFT
from eval.gates.canary_guardrails import UNJUDGED, NamedGuardrail, read_window
from eval.gates.guardrails import Rail
from eval.gates.policy import Action, CanaryPolicy, Policy, policy_of
from eval.gates.sequences import ConfidenceSequence
from indexing.catalogue.alerts import Alert, open_alerts
from indexing.catalogue.verdicts import Grounds, insert_verdict, newest_verdict_rows, refresh_verdict
from indexing.home import Home
from indexing.ledger.day_sources import DayFault, require_readable
from indexing.ledger.trial_answers import shadow_overlaps
from indexing.records import Json
from indexing.releases.guards import Outcome
from indexing.releases.observation import settled
from indexing.releases.rollouts import Rollout
from indexing.releases.transitions import list_transitions

QUALITY, SIGNAL = "quality:", "signal:"
"""How kinds of verdicts begin: of guardrails, which take back, and of signals, which pause."""
_ENOUGH_SHADOWS = 50
"""Shadowed answers below which their agreement says nothing. Source: as ``MIN_REQUESTS`` of the technical guards."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge says: the kind of its verdict, the outcome, why, and the figures."""

    kind: str
    outcome: Outcome
    reason: str
    evidence: Mapping[str, Json]


def judge_canary(home: Home, rollout: Rollout, policy: Policy, now: str) -> Sequence[Judged]:
    """Judge an open rollout at the moment ``now`` (UTC, ISO 8601), and write what is said as verdicts.

    To be called every minute or so: the level holds however often it is. A canary or A/B test is judged by its answers
    since its share last changed, a shadow by how far it agrees with what is in service. Anything else is not judged.

    Args:
        home: Whose ledger is read.
        rollout: As it is now.
        policy: As a rule ``policy_of(home)``.
        now: The moment.

    Raises:
        StorageFailed: a day of the ledger cannot be read, so that nothing is said; nothing is written.
    """
    if rollout.state == "shadow":
        found = _judge_shadow(home, rollout, policy.canary, now)
    elif rollout.state == "canary":
        found = [*_judge_answers(home, rollout, policy.canary, now), *_judge_drift(home, rollout, policy.canary)]
    else:
        return ()
    decided = _signals_decided(home, rollout)
    said = [_overruled(one) if one.kind in decided and one.outcome == "inconclusive" else one for one in found]
    _write(home, rollout, policy, said, now)
    return said


def judge_watched(home: Home, rollout: Rollout, now: str) -> Sequence[Judged]:
    """As ``judge_canary``, by the home's own policy: what its watcher asks each minute.

    Raises:
        InvalidInput: the policy in the home says something else than a policy can.
        StorageFailed: a day of the ledger cannot be read.
    """
    return judge_canary(home, rollout, policy_of(home), now)


def _judge_shadow(home: Home, rollout: Rollout, policy: CanaryPolicy, now: str) -> list[Judged]:
    """Whether what the shadow answers is far from what is answered, which is a signal: users see none of it."""
    if policy.agreement is None:
        return []
    faults: list[DayFault] = []
    since, until = datetime.fromisoformat(rollout.created_at), datetime.fromisoformat(now)
    overlaps = shadow_overlaps(home.ledger, rollout.id, since, until, on_fault=faults.append)
    require_readable(faults, UNJUDGED)
    if len(overlaps) < _ENOUGH_SHADOWS:
        return []
    n, mean = len(overlaps), sum(overlaps) / len(overlaps)
    deviation = (sum((one - mean) ** 2 for one in overlaps) / (n - 1)) ** 0.5
    at_most = ConfidenceSequence(policy.level, policy.n_star).upper(n, mean, deviation)
    reason = f"{mean:.0%} of the hits are the same on {n} shadowed queries, and {policy.agreement:.0%} are expected"
    outcome: Outcome = "inconclusive" if at_most < policy.agreement else "pass"
    return [Judged(f"{SIGNAL}agreement", outcome, reason, {"mean": mean, "at_most": at_most, "queries": n})]


def _judge_answers(home: Home, rollout: Rollout, policy: CanaryPolicy, now: str) -> list[Judged]:
    since, until = settled(rollout), datetime.fromisoformat(now)
    if since >= until:
        return []
    window = read_window(home, rollout, policy, since, until)
    return [
        _said(one, window.compare(one, least=policy.min_requests), window.sequence.level) for one in window.guardrails
    ]


def _judge_drift(home: Home, rollout: Rollout, policy: CanaryPolicy) -> list[Judged]:
    """A critical alert of drift that is open and came since the rollout began is a signal until it is acknowledged.

    One that found the candidate's own recipe at fault is not: of that the guardrails are the judges.
    """
    if policy.drift == "ignore":
        return []
    since = datetime.fromisoformat(rollout.created_at)
    numbers: list[Json] = [
        one.id
        for one in open_alerts(home.catalogue)
        if one.source == DRIFT
        and one.severity == "critical"
        and datetime.fromisoformat(one.first_at) >= since
        and not _is_caused_by(one, rollout.candidate)
    ]
    if not numbers:
        return [Judged(f"{SIGNAL}drift", "pass", "no critical alert of drift since the rollout began", {})]
    named = ", ".join(map(str, numbers))
    reason = f"critical alert {named} of drift is open ('groundwork eval alerts list')"
    return [Judged(f"{SIGNAL}drift", "inconclusive", reason, {"alerts": numbers})]


def _is_caused_by(alert: Alert, recipe: int) -> bool:
    """Whether an alert says that this recipe caused it, and nothing else."""
    return alert.evidence.get("causes") == ["recipe"] and alert.evidence.get("recipe") == recipe


def _said(named: NamedGuardrail, rail: Rail, level: float) -> Judged:
    """A guardrail in words; one that broke over few units, which may differ by themselves, only pauses."""
    action: Action = named.rail.action
    evidence: dict[str, Json] = {**asdict(rail), "margin": named.margin, "level": level}
    if rail.state == "no_data":
        few = f"{rail.n_candidate} answers of the candidate and {rail.n_live} in service are too few"
        return Judged(_kind(named.name, action), "no_data", f"{named.noun}: {few}", evidence)
    said = f"{named.noun} {rail.candidate:.3g} against {rail.live:.3g}"
    if rail.state == "holds":
        return Judged(_kind(named.name, action), "pass", said, evidence)
    said = f"{said}: {rail.at_least:.3g} more at least, and {named.margin:.3g} is allowed (level {level:.2g})"
    if action == "roll_back" and not rail.by_unit:
        action, said = "pause", f"{said}; there are too few units to tell it from how they differ"
    outcome: Outcome = "fail" if action == "roll_back" else "inconclusive"
    return Judged(_kind(named.name, action), outcome, said, evidence)


def _kind(name: str, action: Action) -> str:
    return f"{QUALITY if action == 'roll_back' else SIGNAL}{name}"


def _signals_decided(home: Home, rollout: Rollout) -> set[str]:
    """Signals on which this rollout was paused before, and went on by an operator's decision."""
    found: set[str] = set()
    for change in list_transitions(home.catalogue, rollout.id):
        if change.to_state == "paused":
            found |= {
                name.removeprefix("verdict:")
                for name, said in change.evidence.items()
                if name.startswith(f"verdict:{SIGNAL}") and said["outcome"] == "inconclusive"
            }
    return found


def _overruled(one: Judged) -> Judged:
    return Judged(one.kind, "pass", f"an operator went on after this signal: {one.reason}", one.evidence)


def _write(home: Home, rollout: Rollout, policy: Policy, said: Sequence[Judged], now: str) -> None:
    """One row for each outcome that is new, with the figures of the last look."""
    with home.catalogue.write():
        last = {row["kind"]: row for row in newest_verdict_rows(home.catalogue, rollout.candidate, rollout.since_at)}
        for one in said:
            row = last.get(one.kind)
            if row is not None and row["verdict"] == one.outcome and row["rollout"] == rollout.id:
                refresh_verdict(home.catalogue, int(row["id"]), [one.reason], now, one.evidence)
                continue
            grounds = Grounds(
                baseline=rollout.baseline,
                policy=policy.id,
                level=policy.canary.level,
                rollout=rollout.id,
                evidence=one.evidence,
            )
            insert_verdict(home.catalogue, rollout.candidate, one.kind, one.outcome, [one.reason], now, grounds)
