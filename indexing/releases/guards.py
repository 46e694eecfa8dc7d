"""Technical guards: whether a candidate answers as reliably and as fast as the recipe in service, by what was counted.

Each tells pass, fail, inconclusive and no data apart. Requests of one unit count as independent; where they are not
(one tenant with a broken client), a guard may fail too early, which costs a roll-back and no user anything.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from indexing.ledger.guard_window import MOST_LATENCIES, ArmWindow, GuardWindow
from indexing.records import Json
from indexing.releases.evidence import (
    binomial_p,
    chi_square_p,
    log_excess_odds,
    quantile,
    quantile_bounds,
    upper_difference,
)

Outcome = Literal["pass", "fail", "inconclusive", "no_data"]
LEVEL = 0.001
"""The chance of a fail without cause, over a whole window however often it is looked at. Source: our choice, so that of
a thousand harmless canaries one is taken back by each guard."""
MIN_REQUESTS = 50
"""Requests an arm below which nothing is said. Source: our choice."""
MAX_DROPPED = 0.01
"""The part of a window's ledger rows that may be dropped. Source: issue 11."""
MAX_P99_RATIO = 1.2
"""The candidate's p99 over that of the recipe in service. Source: our choice, as for shadow traffic in issue 11."""
LATENCY_LEVEL = 0.01
"""As ``LEVEL``, for latencies, of whose tail a window tells less. Source: our choice."""
RATIO_LEVEL = 0.001
"""Below this p a split does not follow the share. Source: issue 11."""
_LIVE_LOOK, _CANDIDATE_LOOK = 640, 64
"""Latencies of each arm at the first look; each further one is at twice as many of an arm. Source: 597 are needed to
bound a p99 from above at a quarter of ``LATENCY_LEVEL``; 64 show that a candidate is slower all over."""
_FEW_UNITS = 5
"""Expected units of an arm below which chi-square is not exact enough. Source: the rule of thumb of Cochran, 1954."""


@dataclass(frozen=True, slots=True)
class GuardResult:
    """What one guard says, in words and in figures."""

    guard: str
    outcome: Outcome
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge of quality last said about a recipe."""

    kind: str
    verdict: Outcome
    reasons: Sequence[str]
    at: str


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What all guards say together: the worst of them."""

    results: tuple[GuardResult, ...]

    @property
    def outcome(self) -> Outcome:
        """Fail if any fails; else no data, inconclusive, and pass only if all pass."""
        found = {result.outcome for result in self.results}
        for outcome in ("fail", "no_data", "inconclusive"):
            if outcome in found:
                return outcome
        return "pass" if found else "no_data"

    @property
    def signals(self) -> tuple[GuardResult, ...]:
        """What asks for a pause at once: signals of a judge of quality, which never take back."""
        return tuple(
            one for one in self.results if one.guard.startswith("verdict:signal:") and one.outcome == "inconclusive"
        )

    @property
    def reason(self) -> str:
        """Why it is not a pass, or that it is."""
        said = [result.reason for result in self.results if result.outcome == self.outcome != "pass"]
        return "; ".join(said) or ("all guards pass" if self.results else "no guard has data")

    @property
    def evidence(self) -> dict[str, Json]:
        """It as JSON, as it is kept with the transition that it causes."""
        return {
            result.guard: {"outcome": result.outcome, "reason": result.reason, **result.figures}
            for result in self.results
        }


@dataclass(frozen=True, slots=True)
class _CountGuard:
    """A guard over requests of a kind: what it may differ by, as a rate in 0..1, and from what on it is a fail."""

    name: str
    noun: str
    count: Literal["errors", "empty", "warnings"]
    of: Literal["requests", "whole"]
    margin: float
    floor: float


COUNT_GUARDS = (
    _CountGuard("errors", "errors", "errors", "requests", margin=0.01, floor=0.001),
    _CountGuard("empty_answers", "empty answers", "empty", "whole", margin=0.05, floor=0.02),
    _CountGuard("warnings", "answers with warnings", "warnings", "requests", margin=0.05, floor=0.02),
)
"""``margin``: passes once the excess is known to be below it; ``floor``: a smaller excess never fails. Source: ours."""


def judge(window: GuardWindow, *, share: float, verdicts: Sequence[Verdict] = ()) -> GuardReport:
    """Hold what a candidate answered in a window against what the recipe in service answered in it.

    Args:
        window: What each arm answered, of all that the rollout assigned.
        share: The candidate's share of the units in that time, in (0, 1]; at 1 there is nothing to compare with, and
            the guards have no data.
        verdicts: What judges of quality said about the candidate, the newest of each kind.
    """
    quality = tuple(
        GuardResult(f"verdict:{one.kind}", one.verdict, f"{one.kind}: {', '.join(one.reasons) or one.verdict}")
        for one in verdicts
    )
    live, candidate = window.arms.get("live", ArmWindow()), window.arms.get("candidate", ArmWindow())
    lacking = _lacking(window, live, candidate)
    if lacking is not None:
        return GuardReport((GuardResult("data", "no_data", lacking), *quality))
    technical = (
        *(_compare_counts(guard, live, candidate) for guard in COUNT_GUARDS),
        _compare_latencies(live.latencies_ms, candidate.latencies_ms),
        _compare_split(len(live.units), len(candidate.units), share),
    )
    return GuardReport((*technical, *quality))


def _lacking(window: GuardWindow, live: ArmWindow, candidate: ArmWindow) -> str | None:
    """Why nothing can be said, or ``None``."""
    if window.dropped_share > MAX_DROPPED:
        rows = window.rows + window.dropped
        return f"the ledger lacks {window.dropped} of {rows} rows, and {MAX_DROPPED:.0%} is what guards accept"
    for name, arm in (("recipe in service", live), ("candidate", candidate)):
        if arm.requests < MIN_REQUESTS:
            return f"the {name} answered {arm.requests} requests, and {MIN_REQUESTS} are needed to say anything"
    return None


def _compare_counts(guard: _CountGuard, live: ArmWindow, candidate: ArmWindow) -> GuardResult:
    had, has = getattr(live, guard.count), getattr(candidate, guard.count)
    of_before, of = getattr(live, guard.of), getattr(candidate, guard.of)
    if min(of_before, of) < MIN_REQUESTS:
        reason = f"{guard.noun}: the ledger keeps assignments alone, so they cannot be counted (GROUNDWORK_LEDGER)"
        return GuardResult(guard.name, "no_data", reason)
    had_rate, has_rate = had / of_before, has / of
    log_odds = log_excess_odds(has, of, had, of_before)
    most = upper_difference(has, of, had, of_before)
    said = f"{guard.noun} {has_rate:.2%} against {had_rate:.2%}"
    figures = {"live": had_rate, "candidate": has_rate, "log_odds": log_odds, "excess_at_most": most}
    if log_odds >= -math.log(LEVEL) and has_rate - had_rate >= guard.floor:
        return GuardResult(guard.name, "fail", f"{said}, which is no accident (level {LEVEL:g})", figures)
    if most <= guard.margin:
        return GuardResult(guard.name, "pass", said, figures)
    reason = f"{said}: up to {most:.2%} more are possible, and {guard.margin:.0%} is allowed"
    return GuardResult(guard.name, "inconclusive", reason, figures)


def _compare_latencies(live_ms: Sequence[float], candidate_ms: Sequence[float]) -> GuardResult:
    """Compare both p99 by bounds that hold whatever the distribution, and however often the window is looked at.

    Only the first 64, 128, 256 ... latencies of the candidate count, and the first 640, 1,280 ... of the other, so that
    there are few different looks; they share the level as 1/2, 1/6, 1/12 ..., which sum to 1.
    """
    looks = _looks(len(live_ms), _LIVE_LOOK), _looks(len(candidate_ms), _CANDIDATE_LOOK)
    if not all(looks):
        reason = (
            f"p99: {len(candidate_ms)} latencies of the candidate and {len(live_ms)} in service, and"
            f" {_CANDIDATE_LOOK} and {_LIVE_LOOK} are needed to compare"
        )
        return GuardResult("p99_ratio", "inconclusive", reason)
    number = sum(looks) - 1
    level = LATENCY_LEVEL / (number * (number + 1)) / 2  # one half for each bound
    live = sorted(live_ms[: _LIVE_LOOK * 2 ** (looks[0] - 1)])
    candidate = sorted(candidate_ms[: _CANDIDATE_LOOK * 2 ** (looks[1] - 1)])
    at_least, at_most = quantile_bounds(candidate, 0.99, level)[0], quantile_bounds(live, 0.99, level)[1]
    ratio = _p99(candidate_ms, candidate) / max(_p99(live_ms, live), 1e-9)
    figures = {"ratio": ratio, "candidate_at_least_ms": at_least, "latencies": float(len(candidate))}
    if at_least > MAX_P99_RATIO * at_most:
        reason = f"p99 is {at_least:.1f} ms or more, and {at_most:.1f} or less in service: over {MAX_P99_RATIO:g} times"
        return GuardResult("p99_ratio", "fail", reason, figures)
    if ratio <= MAX_P99_RATIO:
        return GuardResult("p99_ratio", "pass", f"p99 is {ratio:.2f} times that in service", figures)
    reason = f"p99 is {ratio:.2f} times that in service, over {MAX_P99_RATIO:g}, which may be chance so far"
    return GuardResult("p99_ratio", "inconclusive", reason, figures)


def _p99(latencies_ms: Sequence[float], ordered: Sequence[float]) -> float:
    """The p99 of a sample of which the first part is sorted already."""
    sample = latencies_ms[:MOST_LATENCIES]
    return quantile(ordered if len(ordered) == len(sample) else sorted(sample), 0.99)


def _looks(count: int, first: int) -> int:
    """At how many of ``first``, twice that, four times that ... a sample of this size was looked at."""
    return 0 if count < first else int(math.log2(min(count, MOST_LATENCIES) / first)) + 1


def _compare_split(live: int, candidate: int, share: float) -> GuardResult:
    """Sample-ratio test: have as many units the candidate as the share says? If not, the comparison is not fair."""
    total = live + candidate
    if total == 0 or not 0 < share < 1:
        return GuardResult("sample_ratio", "no_data", "no unit was assigned by a share yet")
    expected = total * share
    if min(expected, total - expected) < _FEW_UNITS:
        p = binomial_p(candidate, total, share)
    else:
        p = chi_square_p((candidate - expected) ** 2 / expected + (candidate - expected) ** 2 / (total - expected))
    figures = {"p": p, "expected": expected, "candidate": float(candidate), "units": float(total)}
    said = f"{candidate} of {total} units have the candidate, and {expected:.1f} are expected (p = {p:.2g})"
    if p < RATIO_LEVEL:
        return GuardResult("sample_ratio", "fail", f"{said}: the split does not follow the share", figures)
    return GuardResult("sample_ratio", "pass", said, figures)
