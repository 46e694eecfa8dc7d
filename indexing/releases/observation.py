"""What the ledger says about a rollout: the report of its guards, and how its A/B test stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from indexing.catalogue.database import Database
from indexing.catalogue.verdicts import newest_verdict_rows
from indexing.errors import RolloutConflict, StorageFailed
from indexing.ledger.guard_window import GuardWindow
from indexing.ledger.interleaving import Preferences
from indexing.records import Json, moment_text
from indexing.releases.ab_tests import AbResult, conclude
from indexing.releases.guards import GuardReport, Verdict, judge
from indexing.releases.lifecycle import end
from indexing.releases.preference_tests import PreferenceResult, conclude_preferences
from indexing.releases.rollouts import Rollout
from indexing.releases.transitions import Decision

SETTLE_SECONDS = 5.0
"""After a change of the share, how long what is answered does not count: processes may still follow the share before.
Source: our choice, above the longest ``GROUNDWORK_POLL_SECONDS`` that makes sense."""


@dataclass(frozen=True, slots=True)
class GuardsNow:
    """What guards say of the answers since a moment (UTC, ISO 8601)."""

    report: GuardReport
    since: str


class RequestLedger(Protocol):
    """What a watcher reads of the ledger: of a rollout's requests from ``since`` up to and without ``until``."""

    def window(self, rollout: int, since: datetime, until: datetime) -> GuardWindow:
        """What each arm answered among those that the rollout assigned."""
        ...

    def count_shadows(self, rollout: int, since: datetime, until: datetime) -> int:
        """How many queries the candidate answered in its shadow."""
        ...

    def count_interleaved(self, rollout: int, since: datetime, until: datetime) -> int:
        """How many searches were answered with hits of both recipes."""
        ...

    def preferences(self, rollout: int, since: datetime, until: datetime) -> Preferences:
        """What units preferred that got hits of both, by what they chose."""
        ...

    def unit_means(self, rollout: int, measure: str, since: datetime, until: datetime) -> Mapping[str, Sequence[float]]:
        """By arm ("live", "candidate"), the mean of a measure for each unit that was assigned."""
        ...


def settled(rollout: Rollout) -> datetime:
    """From when on every process follows the rollout as it is."""
    return datetime.fromisoformat(rollout.since_at) + timedelta(seconds=SETTLE_SECONDS)


def judge_rollout(catalogue: Database, rollout: Rollout, window: GuardWindow) -> GuardReport:
    """What all guards say about a rollout's window, with the newest verdicts about its candidate since it began."""
    verdicts = [
        Verdict(row["kind"], row["verdict"], tuple(json.loads(row["reasons"])), row["at"])
        for row in newest_verdict_rows(catalogue, rollout.candidate, rollout.created_at)
        # A signal from before the last decision about the rollout was known to who made it.
        if not row["kind"].startswith("signal:") or row["at"] >= rollout.since_at
    ]
    return judge(window, share=rollout.share, verdicts=verdicts)


def guards_now(
    catalogue: Database, ledger: RequestLedger, rollout: Rollout, now: str, *, most_seconds: float | None = None
) -> GuardsNow | None:
    """What the guards of an open canary or A/B test say at the moment ``now``; ``None`` for any other rollout.

    Args:
        catalogue: Where the judges' verdicts stand.
        ledger: What was answered.
        rollout: The rollout.
        now: UTC, ISO 8601.
        most_seconds: Read so much of the window at most, the end of it; ``None`` for all of it, as a watcher does.
    """
    if not rollout.is_open or rollout.mode == "shadow":
        return None
    since, until = settled(rollout), datetime.fromisoformat(now)
    if most_seconds is not None:
        since = max(since, until - timedelta(seconds=most_seconds))
    report = judge_rollout(catalogue, rollout, ledger.window(rollout.id, since, max(since, until)))
    return GuardsNow(report, moment_text(since))


def ab_result(ledger: RequestLedger, rollout: Rollout, now: str) -> AbResult | PreferenceResult:
    """How an A/B test or an interleaving stands at a moment; before its end that tells less than it seems to."""
    if rollout.ab_test is None:
        raise RolloutConflict(f"Rollout {rollout.id} is no A/B test, so it has no conclusion.")
    until = datetime.fromisoformat(now)
    if rollout.mode == "interleaving":
        since = datetime.fromisoformat(rollout.created_at)  # all of it counts: a vote is the same at any share
        return conclude_preferences(rollout.ab_test, ledger.preferences(rollout.id, since, until))
    means = ledger.unit_means(rollout.id, rollout.ab_test.measure, settled(rollout), until)
    return conclude(rollout.ab_test, means.get("live", ()), means.get("candidate", ()))


def preferred(ledger: RequestLedger, rollout: Rollout, now: str) -> dict[str, Json] | None:
    """How an interleaving stands, as JSON, or why that cannot be told; ``None`` for any other rollout."""
    if rollout.mode != "interleaving" or rollout.state == "proposed":
        return None
    try:
        return ab_result(ledger, rollout, now).evidence
    except StorageFailed as error:
        return {"conclusion": "unknown", "reason": str(error)}


def end_trial(catalogue: Database, ledger: RequestLedger, seen: Rollout, by: Decision) -> Rollout:
    """End a trial by hand; an A/B test that is ended so concludes nothing, and its figures are kept as they stand.

    Raises:
        RolloutConflict: it has not begun, or is over, or in service.
        StorageFailed: it is an A/B test, and the ledger cannot be read.
    """
    if seen.is_open and seen.ab_test is not None:
        found = ab_result(ledger, seen, by.at)
        early = f"ended by hand before its end, so that it concludes nothing; so far {found.conclusion}: {found.reason}"
        result = replace(found, conclusion="inconclusive", reason=early)
        by = Decision(by.actor, f"{by.reason} (inconclusive: {early})", by.at, result.evidence)
    return end(catalogue, seen, by)
