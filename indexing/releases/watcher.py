"""The watcher: holds each window of the open rollout against its guards, and advances, pauses or takes it back."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.process_lease import renewing
from indexing.catalogue.watcher_lease import RENEW_SECONDS, give_up_lease, take_lease
from indexing.errors import GroundworkError, RolloutConflict
from indexing.ledger.guard_window import GuardWindow
from indexing.records import Json
from indexing.releases.guards import GuardReport
from indexing.releases.observation import RequestLedger, ab_result, judge_rollout, settled
from indexing.releases.overview import percent
from indexing.releases.promotion import roll_back
from indexing.releases.rollouts import Rollout, State, Step, open_rollout
from indexing.releases.transitions import Decision, change_rollout

logger = logging.getLogger(__name__)
ACTOR = "watcher"
"""As whom a watcher decides."""
_BUSY_PART = 0.05
"""The part of its time that a watcher reads the ledger at most, so that long windows do not load the disk.
Our choice."""
_LONGEST_PAUSE_SECONDS = 60.0
"""How long a watcher does not look at most, however long the look before was. Source: our choice; only the first look
at a window reads all of it."""
LONGEST_LOOK_SECONDS = 600.0
"""How long a look keeps the lease; after that another watcher takes over. Source: our choice, as a look at ten million
rows takes a minute or two."""


@dataclass(slots=True)
class Watcher:
    """Watches the rollout of one home; several may run, and the one with the lease decides.

    Rounds renew the lease and look. While a look lasts a thread renews the lease, though not for ever, so that a
    watcher that hangs loses it; each decision is stored only while the lease is this watcher's. ``now`` tells the
    moment, ``clock`` seconds that only grow. ``with_room`` does what must not fail for want of room on the disk.
    ``judge`` is told of the open rollout and the moment before each look; what it says are verdicts.
    """

    catalogue: Database
    ledger: RequestLedger
    now: Callable[[], str] = utc_now
    clock: Callable[[], float] = time.monotonic
    with_room: Callable[[Callable[[], object]], object] = lambda action: action()
    judge: Callable[[Rollout, str], object] = lambda rollout, now: None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    _look_again_at: float = field(default=-1.0, init=False)

    def round(self) -> bool:
        """Renew the lease and, with it, decide what is to be decided now; gives whether this watcher has the lease."""
        if not take_lease(self.catalogue, self.name, self.now()):
            return False
        rollout = open_rollout(self.catalogue)
        if rollout is None or rollout.state == "paused":
            self._look_again_at = -1.0
            return True
        begun = self.clock()
        if begun < self._look_again_at:
            return True
        try:
            with self._renewing():
                self.judge(rollout, self.now())
                self._look(rollout, self.now())
        except RolloutConflict as error:  # an operator was faster; the next round sees what is now
            logger.info("watcher.overtaken", extra={"fields": {"rollout": rollout.id, "reason": str(error)}})
        ended = self.clock()
        self._look_again_at = ended + min((ended - begun) / _BUSY_PART, _LONGEST_PAUSE_SECONDS)
        return True

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop, then give up the lease, so that another watcher takes over at once."""
        while not stop.is_set():
            self._keep(self.round)
            stop.wait(RENEW_SECONDS)
        self._keep(lambda: give_up_lease(self.catalogue, self.name))

    def _keep(self, job: Callable[[], object]) -> None:
        try:
            job()
        except GroundworkError as error:
            logger.error("watcher.failed", extra={"fields": {"reason": f"{type(error).__name__}: {error}"}})
        except Exception:  # a fault of one round must not leave the rollout unwatched
            logger.exception("watcher.failed")

    def _renewing(self) -> AbstractContextManager[None]:
        """Renew the lease in a thread of its own until the block ends, or has lasted too long."""
        over_at = self.clock() + LONGEST_LOOK_SECONDS

        def renew() -> None:
            self._keep(lambda: take_lease(self.catalogue, self.name, self.now()))

        return renewing(renew, "watcher-lease", every_seconds=RENEW_SECONDS, is_over=lambda: self.clock() >= over_at)

    def _decide(self, act: Callable[[], object]) -> None:
        """Store a decision, together with the lease that it needs.

        Raises:
            RolloutConflict: another watcher has the lease by now, or an operator was faster.
        """
        with self.catalogue.write():
            if not take_lease(self.catalogue, self.name, self.now()):
                raise RolloutConflict("Another watcher took the lease while this one looked: it decides now.")
            act()

    def _change(self, rollout: Rollout, to: State, by: Decision, changes: Mapping[str, Json] | None = None) -> None:
        self._decide(lambda: change_rollout(self.catalogue, rollout, to, by, changes))

    def _look(self, rollout: Rollout, now: str) -> None:
        if rollout.state == "shadow":
            if (reason := self._shadow_is_over(rollout, now)) is not None:
                self._change(rollout, "ended", Decision(ACTOR, reason, now))
            return
        since, until = settled(rollout), datetime.fromisoformat(now)
        if since >= until:
            return
        window = self.ledger.window(rollout.id, since, until)
        report = judge_rollout(self.catalogue, rollout, window)
        if report.outcome == "fail":
            logger.warning("watcher.rolls_back", extra={"fields": {"rollout": rollout.id, "reason": report.reason}})
            by = Decision(ACTOR, report.reason, now, report.evidence)
            self.with_room(lambda: self._decide(lambda: roll_back(self.catalogue, by, rollout=rollout)))
        elif report.signals and rollout.mode in ("canary", "interleaving"):
            reason = "; ".join(one.reason for one in report.signals)
            self._change(rollout, "paused", Decision(ACTOR, reason, now, report.evidence))
        elif rollout.ab_test is not None and self._is_over(rollout, window, now):
            result = ab_result(self.ledger, rollout, now)
            reason = f"{result.conclusion}: {result.reason}"
            self._change(rollout, "ended", Decision(ACTOR, reason, now, result.evidence))
        elif rollout.step < len(rollout.steps):
            self._advance(rollout, rollout.steps[rollout.step], window, report, now)

    def _shadow_is_over(self, rollout: Rollout, now: str) -> str | None:
        if _is_past(rollout.ends_at, now):
            return f"its end {rollout.ends_at} has come"
        if rollout.max_queries is not None:
            since, until = datetime.fromisoformat(rollout.created_at), datetime.fromisoformat(now)
            count = self.ledger.count_shadows(rollout.id, since, until)
            if count >= rollout.max_queries:
                return f"{count} queries were answered in its shadow"
        return None

    def _is_over(self, rollout: Rollout, window: GuardWindow, now: str) -> bool:
        """Whether an A/B test or an interleaving has come to its end."""
        if _is_past(rollout.ends_at, now) or rollout.max_queries is None:
            return _is_past(rollout.ends_at, now)
        if rollout.mode == "interleaving":
            since, until = datetime.fromisoformat(rollout.created_at), datetime.fromisoformat(now)
            return self.ledger.count_interleaved(rollout.id, since, until) >= rollout.max_queries
        return sum(arm.requests for arm in window.arms.values()) >= rollout.max_queries

    def _advance(self, rollout: Rollout, step: Step, window: GuardWindow, report: GuardReport, now: str) -> None:
        """Go to the next step, or pause, once the step has lasted and seen as much as it must. No data holds."""
        seen = window.arms["candidate"].requests if "candidate" in window.arms else 0
        lasted = datetime.fromisoformat(now) - datetime.fromisoformat(rollout.since_at)
        if lasted.total_seconds() < step.min_seconds or seen < step.min_requests:
            return
        if report.outcome == "pass":
            following = rollout.step + 1
            is_last = following == len(rollout.steps)
            share = rollout.share if is_last else rollout.steps[following].share
            ahead = "all steps passed: promote it" if is_last else f"step {following + 1} gives it {percent(share)}"
            by = Decision(ACTOR, f"step {rollout.step + 1} passed; {ahead}", now, report.evidence)
            self._change(rollout, "canary", by, {"step": following, "share": share})
        elif report.outcome == "inconclusive":
            by = Decision(ACTOR, f"step {rollout.step + 1} is inconclusive: {report.reason}", now, report.evidence)
            self._change(rollout, "paused", by)


def _is_past(moment: str | None, now: str) -> bool:
    return moment is not None and datetime.fromisoformat(moment) <= datetime.fromisoformat(now)
