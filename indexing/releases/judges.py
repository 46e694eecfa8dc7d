"""The judges of quality that a watcher asks every minute: functions that other packages enter by entry points."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

from indexing.catalogue.verdicts import Grounds, insert_verdict, newest_verdict_rows, refresh_verdict
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.releases.rollouts import Rollout

logger = logging.getLogger(__name__)
GROUP = "groundwork.rollout_judges"
"""The entry points that are judges."""
JUDGE_SECONDS = 60.0
"""How often a judge is asked at most. Source: issue 12."""
Judge = Callable[[Home, Rollout, str], object]
"""Judges an open rollout of a home at a moment (UTC, ISO 8601), and writes what it says as verdicts."""


def _entered() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


@dataclass(slots=True)
class Judges:
    """Asks the judges of a home, each at most once a minute; for one watcher.

    A judge that fails stops neither the watcher nor the other judges: it leaves a verdict ``judge:NAME`` of *no data*,
    by which the rollout gets no further, until it judges again. One whose libraries are not installed is left out.
    """

    home: Home
    clock: Callable[[], float]
    entered: Callable[[], Iterable[EntryPoint]] = _entered
    _loaded: dict[str, Judge] | None = field(default=None, init=False)
    _asked: tuple[int, float] | None = field(default=None, init=False)

    def __call__(self, rollout: Rollout, now: str) -> None:
        """Have an open rollout judged at the moment ``now`` (UTC, ISO 8601), if that is due."""
        moment = self.clock()
        if self._asked is not None and self._asked[0] == rollout.id and moment < self._asked[1] + JUDGE_SECONDS:
            return
        self._asked = rollout.id, moment
        for name, judge in self._judges().items():
            try:
                judge(self.home, rollout, now)
            except GroundworkError as error:
                self._tell(rollout, name, f"{type(error).__name__}: {error}", now)
            except Exception as error:  # a fault of one judge must not leave the rollout unwatched
                logger.exception("watcher.judge_broke", extra={"fields": {"judge": name}})
                self._tell(rollout, name, type(error).__name__, now)
            else:
                self._clear(rollout, name, now)

    def _judges(self) -> dict[str, Judge]:
        if self._loaded is None:
            self._loaded = {}
            for entry in self.entered():
                try:
                    self._loaded[entry.name] = entry.load()
                except ImportError as error:  # an installation without the extra 'eval'
                    fields = {"judge": entry.name, "reason": str(error)}
                    logger.warning("watcher.judge_left_out", extra={"fields": fields})
        return self._loaded

    def _tell(self, rollout: Rollout, name: str, fault: str, now: str) -> None:
        fields = {"judge": name, "rollout": rollout.id, "reason": fault}
        logger.error("watcher.judge_failed", extra={"fields": fields})
        self._write(rollout, name, "no_data", f"the judge failed: {fault}", now)

    def _clear(self, rollout: Rollout, name: str, now: str) -> None:
        if self._last(rollout, name) == "no_data":
            self._write(rollout, name, "pass", "it judges again", now)

    def _last(self, rollout: Rollout, name: str) -> str | None:
        rows = newest_verdict_rows(self.home.catalogue, rollout.candidate, rollout.created_at)
        return next((str(row["verdict"]) for row in rows if row["kind"] == f"judge:{name}"), None)

    def _write(self, rollout: Rollout, name: str, verdict: str, reason: str, now: str) -> None:
        """One row for each change of what is said, its reason that of the last time."""
        catalogue, kind = self.home.catalogue, f"judge:{name}"
        with catalogue.write():
            for row in newest_verdict_rows(catalogue, rollout.candidate, rollout.created_at):
                if row["kind"] == kind and row["verdict"] == verdict:
                    refresh_verdict(catalogue, int(row["id"]), [reason], now, {})
                    return
            grounds = Grounds(baseline=rollout.baseline, rollout=rollout.id)
            insert_verdict(catalogue, rollout.candidate, kind, verdict, [reason], now, grounds)
