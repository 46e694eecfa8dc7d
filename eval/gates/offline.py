"""The offline gate: a candidate's evaluations beside the baseline's, held against a policy, and the verdict stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import StoredSet, list_query_sets, read_query_set
from eval.datasets.synthesis import synthesise
from eval.experiments.comparison import compare
from eval.experiments.evaluations import Evaluation, evaluate
from eval.gates.policy import LEAST_QUERIES, CostLimits, LatencyLimits, Policy, SetPolicy, policy_of
from eval.gates.set_decision import Finding, count_tests, decide_set
from indexing.catalogue.collections import largest_collection
from indexing.catalogue.database import utc_now
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.verdicts import OFFLINE, Grounds, insert_verdict
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.home import Home
from indexing.records import Json
from indexing.releases.gate import HOLD, PROMOTE, REJECT
from indexing.releases.release import Release, newest_release
from indexing.settings import current_user
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot

SYNTHETIC = "synthetic"
"""The name of the set that is made where there are no judgments."""
FEW_MS = 5.0
"""A p95 that is higher by less than this is no reason to hold. Source: our choice, as machines differ by that much."""

Evaluate = Callable[[Home, str, QuerySet, str], Evaluation]
"""Gives a release's evaluation on a query set in a mode."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What the gate says of a candidate; ``id`` is the verdict's, under which it is stored."""

    verdict: str
    reasons: tuple[str, ...]
    candidate: int
    baseline: int
    release: str
    policy: str
    is_synthetic: bool
    evidence: Mapping[str, Json] = field(default_factory=dict)
    id: int = 0


def _evaluated(home: Home, release: str, query_set: QuerySet, mode: str) -> Evaluation:
    return evaluate(home, release, query_set, mode=mode)


def gate(
    home: Home,
    candidate: int,
    baseline: int | None = None,
    policy: Policy | None = None,
    *,
    evaluated: Evaluate = _evaluated,
) -> GateDecision:
    """Judge a recipe's newest build against another's, and store the verdict.

    Args:
        home: Where both stand.
        candidate: The recipe to judge.
        baseline: The recipe it is held against; ``None`` for the one in service, which alone counts for promotion.
        policy: What is demanded; ``None`` for the home's own, ``HOME/gate.yaml``, else the default one.
        evaluated: Gives evaluations, by default those of ``evaluate``, which are kept.

    Raises:
        NotFound: a recipe has no release, or a query set of the policy does not exist.
        NotReady: nothing is in service, and no baseline is named.
        InvalidInput: candidate and baseline are the same, or no queries could be made.
    """
    rules = policy_of(home) if policy is None else policy
    against = stable_recipe(home.catalogue) if baseline is None else baseline
    if against is None:
        raise NotReady("Nothing is in service, so there is nothing to hold a recipe against: its first needs no gate.")
    if against == candidate:
        raise InvalidInput(f"Recipe {candidate} is the one it would be held against: name another with --against.")
    releases = _require_release(home, against), _require_release(home, candidate)
    sets, is_synthetic = _query_sets(home, rules)
    tests = count_tests([(one, query_set.slices) for one, query_set in sets])
    findings: dict[str, Finding] = {}
    for one, query_set in sets:
        before, after = (evaluated(home, release.number, query_set, one.mode) for release in releases)
        name = f"{one.name}/{one.split}/{one.mode}"
        of = {} if query_set.partition is None else {"tenant": query_set.partition.tenant}  # by which it is erased
        judged = _judge_set(one, query_set, before, after, level=rules.level, tests=tests)
        findings[name] = Finding(judged.verdict, judged.reasons, {**judged.evidence, **of})
        findings[f"{name} latency"] = judge_latency(rules.latency, before.latency.p95_ms, after.latency.p95_ms)
    snapshots = [read_snapshot(home.storage, release.snapshot) for release in releases]
    findings["cost"] = judge_cost(rules.cost, *snapshots)
    decision = _decided(findings, candidate, against, releases[1], rules, is_synthetic=is_synthetic)
    grounds = Grounds(
        baseline=against,
        release=decision.release,
        policy=decision.policy,
        level=rules.level,
        is_synthetic=is_synthetic,
        evidence={**decision.evidence, "passages": snapshots[1].rows, "policy": rules.model_dump(mode="json")},
    )
    number = insert_verdict(home.catalogue, candidate, OFFLINE, decision.verdict, decision.reasons, utc_now(), grounds)
    return GateDecision(**{name: getattr(decision, name) for name in GateDecision.__slots__ if name != "id"}, id=number)


def judge_latency(limits: LatencyLimits, before_ms: float, after_ms: float) -> Finding:
    """HOLD where searches are slower than the limits: a canary's p99, under load, tells more than this process."""
    evidence: dict[str, Json] = {"baseline_p95_ms": before_ms, "candidate_p95_ms": after_ms}
    reasons = []
    if limits.p95_ms is not None and after_ms > limits.p95_ms:
        reasons.append(f"p95 is {after_ms:.1f} ms here, over {limits.p95_ms:g}")
    if limits.p95_ratio is not None and after_ms > max(limits.p95_ratio * before_ms, before_ms + FEW_MS):
        reasons.append(f"p95 is {after_ms:.1f} ms here against {before_ms:.1f}, over {limits.p95_ratio:g} times")
    return Finding(HOLD if reasons else PROMOTE, tuple(reasons), evidence)


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
    found = decide_set(policy, a, b, query_set.slices, level=level, tests=tests)
    evidence: dict[str, Json] = {
        **found.evidence,
        "interval": None if compared.interval is None else list(compared.interval),
        "win_tie_loss": None if compared.win_tie_loss is None else asdict(compared.win_tie_loss),
        "coverage": list(compared.coverage),
        "to_judge": len(compared.to_judge),
    }
    reasons = tuple(f"{policy.name}: {reason}" for reason in found.reasons)
    if compared.verdict == "hold":
        doubts = tuple(f"{policy.name}: {reason}" for reason in compared.reasons)
        return Finding(HOLD, (*reasons, *doubts), evidence)
    return Finding(found.verdict, reasons, evidence)


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


def _require_release(home: Home, recipe: int) -> Release:
    found = newest_release(home.catalogue, recipe)
    if found is None:
        raise NotFound(f"Recipe {recipe} has no release: build it first, or see 'groundwork releases list'.")
    return found


def _query_sets(home: Home, policy: Policy) -> tuple[list[tuple[SetPolicy, QuerySet]], bool]:
    """The sets of a policy, or all that a person judged, or one that is made; and whether all of them are synthetic."""
    wanted: Sequence[SetPolicy] = policy.query_sets
    if not wanted:
        stored = list_query_sets(home)
        judged = [one for one in stored if not one.is_synthetic and one.judgments]
        wanted = [SetPolicy(name=one.name) for one in judged] or [_synthetic(home, stored)]
    found = [(one, read_query_set(home, one.name, split=None if one.split == "all" else one.split)) for one in wanted]
    return found, all(query_set.is_synthetic for _, query_set in found)


def _synthetic(home: Home, stored: Sequence[StoredSet]) -> SetPolicy:
    """A set of queries made from documents: one that there is, else a new one of the largest collection."""
    enough = [one for one in stored if one.is_synthetic and one.queries >= LEAST_QUERIES]
    if enough:
        return SetPolicy(name=max(enough, key=lambda one: one.queries).name, split="all")
    partition = largest_collection(home.catalogue)
    if partition is None:
        raise NotFound("There is no document to make queries of: ingest some first.")
    synthesise(home, SYNTHETIC, partition, actor=current_user(), reason="a gate found no judged query set", again=True)
    return SetPolicy(name=SYNTHETIC, split="all")
