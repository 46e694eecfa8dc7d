"""The offline gate: a candidate's evaluations beside the baseline's, held against a policy, and the verdict stored."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

from eval.datasets.query_sets import QuerySet
from eval.experiments.comparison import compare
from eval.experiments.evaluations import Evaluation, evaluate
from eval.gates.latency import Timer, judge_latency, time_in_turn
from eval.gates.policy import CostLimits, Policy, SetPolicy, policy_of
from eval.gates.set_choice import choose_sets
from eval.gates.set_decision import Finding, count_tests, decide_set
from eval.gates.unjudged import RELEVANT, best_case
from indexing.catalogue.database import utc_now
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.verdicts import OFFLINE, OTHER_POLICY, Grounds, insert_verdict
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.home import Home
from indexing.records import Json
from indexing.releases.gate import HOLD, PROMOTE, REJECT
from indexing.releases.release import Release, require_newest_release
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot

Evaluate = Callable[[Home, str, QuerySet, str], Evaluation]
"""Gives a release's evaluation on a query set in a mode."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate says of a candidate; ``id`` is the verdict's, under which it is stored.

    Without ``is_own_policy`` it lets nothing go in service: it was by another policy than the home's own.
    """

    verdict: str
    reasons: tuple[str, ...]
    candidate: int
    baseline: int
    release: str
    policy: str
    is_synthetic: bool
    evidence: Mapping[str, Json] = field(default_factory=dict)
    id: int = 0
    is_own_policy: bool = True


def _evaluated(home: Home, release: str, query_set: QuerySet, mode: str) -> Evaluation:
    return evaluate(home, release, query_set, mode=mode)


def gate(
    home: Home,
    candidate: int,
    baseline: int | None = None,
    policy: Policy | None = None,
    *,
    evaluated: Evaluate = _evaluated,
    timed: Timer = time_in_turn,
) -> GateDecision:
    """Judge a recipe's newest build against another's, and store the verdict.

    Args:
        home: Where both stand.
        candidate: The recipe to judge.
        baseline: The recipe it is held against; ``None`` for the one in service, which alone counts for promotion.
        policy: What is demanded; ``None`` for the home's own, ``HOME/gate.yaml``, else the default one. A verdict by
            one that says something else is stored and shown, and does not count for promotion.
        evaluated: Gives evaluations, by default those of ``evaluate``, which are kept.
        timed: Times both where the policy limits latency, by default in this process, in turn.

    Raises:
        NotFound: a recipe has no release, or a query set of the policy does not exist.
        NotReady: nothing is in service, and no baseline is named.
        InvalidInput: candidate and baseline are the same, or a named set has nothing to measure.
    """
    rules = policy_of(home) if policy is None else policy
    against = stable_recipe(home.catalogue) if baseline is None else baseline
    if against is None:
        raise NotReady("Nothing is in service, so there is nothing to hold a recipe against: its first needs no gate.")
    if against == candidate:
        raise InvalidInput(f"Recipe {candidate} is the one it would be held against: name another with --against.")
    releases = require_newest_release(home.catalogue, against), require_newest_release(home.catalogue, candidate)
    chosen = choose_sets(home, rules)
    of_left_out = PROMOTE if chosen.sets else HOLD
    findings = {f"{name} left out": Finding(of_left_out, (why,)) for name, why in chosen.left_out.items()}
    has_limits = (rules.latency.p95_ms, rules.latency.p95_ratio) != (None, None)
    tests = count_tests([(one, query_set.slices) for one, query_set in chosen.sets])
    for one, query_set in chosen.sets:
        name = f"{one.name}/{one.split}/{one.mode}/{one.measure}"
        of = {} if query_set.partition is None else {"tenant": query_set.partition.tenant}  # by which it is erased
        try:
            before, after = (evaluated(home, release.number, query_set, one.mode) for release in releases)
        except NotFound as error:  # a release without any document of the set's collection
            findings[name] = Finding(HOLD, (f"{one.name}: {error}",), of)
            continue
        judged = _judge_set(one, query_set, before, after, level=rules.level, tests=tests)
        findings[name] = Finding(judged.verdict, judged.reasons, {**judged.evidence, **of})
        of_searches = f"{one.name}/{one.split}/{one.mode} latency"
        if has_limits and of_searches not in findings:
            findings[of_searches] = judge_latency(rules.latency, timed(home, releases, query_set, one.mode))
    snapshots = [read_snapshot(home.storage, release.snapshot) for release in releases]
    findings["cost"] = judge_cost(rules.cost, *snapshots)
    decision = _decided(findings, candidate, against, releases[1], rules, is_synthetic=chosen.is_synthetic)
    decision = replace(decision, is_own_policy=policy is None or rules.id == policy_of(home).id)
    of_other = {} if decision.is_own_policy else {OTHER_POLICY: True}
    grounds = Grounds(
        baseline=against,
        release=decision.release,
        policy=decision.policy,
        level=rules.level,
        is_synthetic=chosen.is_synthetic,
        evidence={
            **decision.evidence,
            **of_other,
            "passages": snapshots[1].rows,
            "policy": rules.model_dump(mode="json"),
        },
    )
    number = insert_verdict(home.catalogue, candidate, OFFLINE, decision.verdict, decision.reasons, utc_now(), grounds)
    return replace(decision, id=number)


def judge_cost(limits: CostLimits, before: SnapshotManifest, after: SnapshotManifest) -> Finding:
    """REJECT where the candidate's snapshot takes more than the limits allow."""
    evidence: dict[str, Json] = {}
    reasons = []
    for name, limit, had, has in (
        ("bytes", limits.bytes_ratio, before.size_bytes, after.size_bytes),
        ("passages", limits.passages_ratio, before.rows, after.rows),
    ):
        evidence[name] = [had, has]
        if limit is not None and has > limit * had:
            reasons.append(f"its snapshot has {has} {name} against {had}, over {limit:g} times")
    return Finding(REJECT if reasons else PROMOTE, tuple(reasons), evidence)


def _judge_set(
    policy: SetPolicy, query_set: QuerySet, before: Evaluation, after: Evaluation, *, level: float, tests: int
) -> Finding:
    compared = compare(before, after, query_set, measure=policy.measure)
    if not compared.is_comparable:
        return Finding(HOLD, (f"{policy.name}: not comparable: {'; '.join(compared.why_not)}",))
    a, b = before.scores[policy.measure], after.scores[policy.measure]
    found = decide_set(policy, a, b, query_set.slices, level=level, tests=tests, joined=query_set.joined)
    evidence: dict[str, Json] = {
        **found.evidence,
        "interval": None if compared.interval is None else list(compared.interval),
        "win_tie_loss": None if compared.win_tie_loss is None else asdict(compared.win_tie_loss),
        "coverage": list(compared.coverage),
        "to_judge": len(compared.to_judge),
    }
    reasons = tuple(f"{policy.name}: {reason}" for reason in found.reasons)
    if compared.verdict != "hold":
        return Finding(found.verdict, reasons, evidence)
    doubts = tuple(f"{policy.name}: {reason}" for reason in compared.reasons)
    bounds = best_case(before, after, query_set, policy.measure) if found.verdict == REJECT else None
    if bounds is not None:
        at_best = decide_set(policy, *bounds, query_set.slices, level=level, tests=tests, joined=query_set.joined)
        lost = at_best.evidence["difference"]
        evidence = {**evidence, "at_best": lost}
        if at_best.verdict == REJECT and lost <= -policy.margin:
            why = f"{policy.name}: unjudged documents cannot account for it: were all that it shows relevant (grade"
            return Finding(REJECT, (*reasons, f"{why} {RELEVANT}), it would still lose {-lost:.3f}"), evidence)
    return Finding(HOLD, (*reasons, *doubts), evidence)


def _decided(
    findings: Mapping[str, Finding],
    candidate: int,
    baseline: int,
    release: Release,
    policy: Policy,
    *,
    is_synthetic: bool,
) -> GateDecision:
    """The worst of all findings, with the reasons for it; all reasons where it is PROMOTE."""
    verdicts = {one.verdict for one in findings.values()}
    verdict = next(one for one in (REJECT, HOLD, PROMOTE) if one in verdicts)
    reasons = tuple(reason for one in findings.values() if one.verdict == verdict for reason in one.reasons)
    if is_synthetic:
        reasons = (*reasons, "its queries are synthetic: a person judged none, so it also needs a passed canary")
    evidence: dict[str, Json] = {
        name: {"verdict": one.verdict, "reasons": list(one.reasons), **one.evidence} for name, one in findings.items()
    }
    return GateDecision(
        verdict, reasons, candidate, baseline, release.number, policy.id, is_synthetic, {"findings": evidence}
    )
