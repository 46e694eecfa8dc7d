"""What one query set says of a candidate: good enough, harmful, or not yet known, by tests that were planned before."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.stats import norm

from eval.experiments.statistics import PairedTest, paired_test
from eval.gates.policy import GuardSlice, SetPolicy
from eval.gates.sequences import group_sequential_boundaries
from indexing.records import Json
from indexing.releases.gate import HOLD, PROMOTE, REJECT


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, why, and its figures."""

    verdict: str
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict)


def decide_set(
    policy: SetPolicy,
    before: Mapping[str, float],
    after: Mapping[str, float],
    slices: Mapping[str, Mapping[str, str]],
    *,
    level: float,
    tests: int,
    joined: Mapping[str, int] | None = None,
) -> Finding:
    """Decide by paired scores of the same queries.

    Each planned look has its share of the levels (O'Brien-Fleming); without a plan there is one, at all queries. At a
    look the candidate is good enough if it loses less than the margin, shown at ``level``; harmful if it loses at all,
    shown at ``level / tests``, and is not good enough. Queries come by the version in which they joined and then by
    their ids' hashes, so that a set that grows keeps its beginning and each look holds those before it.

    Args:
        policy: What the set demands.
        before: Score of each query under the baseline.
        after: The same under the candidate.
        slices: Query id -> slice -> value.
        level: The chance of finding a candidate good enough that loses the margin.
        tests: How many tests share the chance, ``level``, of rejecting a candidate without any loss.
        joined: Query id -> the version of the set in which it joined, where that is known; else the hashes alone count.
    """
    ids = _in_order(before.keys() & after.keys(), joined or {})
    if len(ids) < policy.min_queries:
        reason = f"{len(ids)} queries are judged, and {policy.min_queries} are needed"
        return Finding(HOLD, (reason,), {"queries": len(ids)})
    plan = policy.looks or (len(ids),)
    enough, harm = (group_sequential_boundaries(plan, one) for one in (level, level / tests))
    found = Finding(HOLD)
    for number, count in enumerate(plan):
        if count > len(ids):
            break
        taken = ids[:count]
        levels = float(norm.sf(enough[number])), float(norm.sf(harm[number]))
        found = _look(policy, [before[one] for one in taken], [after[one] for one in taken], levels)
        evidence = {**found.evidence, "queries": count, "look": number + 1, "looks": list(plan), "level": levels[0]}
        found = Finding(found.verdict, found.reasons, evidence)
        if found.verdict != HOLD:
            break
    if found.verdict == HOLD:
        found = Finding(HOLD, (*found.reasons, *_waits(plan, len(ids))), found.evidence)
    guarded = [_guard(guard, ids, before, after, slices, level / tests) for guard in policy.guard_slices]
    evidence = {**found.evidence, "slices": [part for one in guarded for part in one.evidence["values"]]}
    return _with_guards(Finding(found.verdict, found.reasons, evidence), guarded)


def _with_guards(found: Finding, guarded: Sequence[Finding]) -> Finding:
    """The worse of what the whole set and its guarded slices say, with the reasons of those that say it."""
    verdicts = {one.verdict for one in guarded}
    reasons = tuple(reason for one in guarded for reason in one.reasons)
    if REJECT in verdicts:
        return Finding(REJECT, (*found.reasons, *reasons), found.evidence)
    if HOLD in verdicts and found.verdict != REJECT:
        return Finding(HOLD, reasons if found.verdict == PROMOTE else (*found.reasons, *reasons), found.evidence)
    return found


def count_tests(policies: Sequence[tuple[SetPolicy, Mapping[str, Mapping[str, str]]]]) -> int:
    """How many tests of all sets may reject: each set, and each value of a guarded slice that has enough queries."""
    return sum(1 + sum(len(_values(guard, slices)) for guard in policy.guard_slices) for policy, slices in policies)


def _in_order(ids: Iterable[str], joined: Mapping[str, int]) -> list[str]:
    """By the version in which each joined, then by hash: chance decides, and no later version changes the beginning."""
    return sorted(ids, key=lambda one: (joined.get(one, 0), hashlib.blake2b(one.encode()).digest()))


def _waits(plan: Sequence[int], count: int) -> tuple[str, ...]:
    """How many queries the next planned look needs, if one is left."""
    following = next((one for one in plan if one > count), None)
    return () if following is None else (f"the next look needs {following} queries, and {count} are judged",)


def _look(policy: SetPolicy, a: Sequence[float], b: Sequence[float], levels: tuple[float, float]) -> Finding:
    not_worse = paired_test(a, b, alternative="greater", margin=policy.margin)
    better = paired_test(a, b, alternative="greater") if policy.superiority else None
    worse = paired_test(a, b, alternative="less")
    evidence: dict[str, Json] = {
        "baseline": sum(a) / len(a),
        "candidate": sum(b) / len(b),
        "difference": worse.difference,
        "p_not_worse": not_worse.p,
        "p_worse": worse.p,
        "p_better": None if better is None else better.p,
        "margin": policy.margin,
    }
    said = f"{policy.measure} {evidence['candidate']:.3f} against {evidence['baseline']:.3f} on {len(a)} queries"
    if not_worse.p <= levels[0]:
        if better is None or better.p <= levels[0]:
            shown = f"loses less than {policy.margin:g}" if better is None else "is better"
            return Finding(PROMOTE, (f"{said}: it {shown} ({_p(not_worse if better is None else better)})",), evidence)
        return Finding(HOLD, (f"{said}: no gain is shown ({_p(better)}), and superiority is asked for",), evidence)
    if worse.p <= levels[1]:
        return Finding(REJECT, (f"{said}: it is worse ({_p(worse)})",), evidence)
    reason = f"{said}: neither a loss below {policy.margin:g} ({_p(not_worse)}) nor any loss ({_p(worse)}) is shown"
    return Finding(HOLD, (reason,), evidence)


def _p(test: PairedTest) -> str:
    return f"p = {test.p:.2g}"


def _values(guard: GuardSlice, slices: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The values of a slice that have enough queries, and those queries."""
    return {value: queries for value, queries in _queries_of(guard, slices).items() if _is_enough(guard, queries)}


def _queries_of(guard: GuardSlice, slices: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The values of a slice, and the queries that have each."""
    found: dict[str, list[str]] = {}
    for query, its in sorted(slices.items()):
        if guard.slice in its:
            found.setdefault(its[guard.slice], []).append(query)
    return dict(sorted(found.items()))


def _is_enough(guard: GuardSlice, queries: Sequence[str]) -> bool:
    return len(queries) >= guard.min_queries


def _guard(
    guard: GuardSlice,
    ids: Sequence[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    slices: Mapping[str, Mapping[str, str]],
    level: float,
) -> Finding:
    """REJECT where a value loses more than its margin and the loss is shown, HOLD where no value has enough queries."""
    known, reasons, told, is_judged = set(ids), [], [], False
    for value, queries in _queries_of(guard, {query: slices[query] for query in slices.keys() & known}).items():
        test = paired_test([before[one] for one in queries], [after[one] for one in queries], alternative="less")
        is_enough = _is_enough(guard, queries)
        is_judged |= is_enough
        told.append(
            {
                **{"slice": guard.slice, "value": value, "queries": test.n, "difference": test.difference},
                "p": test.p if is_enough else None,
            }
        )
        if is_enough and test.difference < -guard.margin and test.p <= level:
            reasons.append(
                f"{guard.slice} {value} loses {-test.difference:.3f} on {test.n} queries, over {guard.margin:g}"
                f" ({_p(test)})"
            )
    if not is_judged:
        few = f"no value of the guarded slice {guard.slice} has {guard.min_queries} queries: it guards nothing"
        return Finding(HOLD, (few,), {"values": told})
    return Finding(REJECT if reasons else PROMOTE, tuple(reasons), {"values": told})
