"""What is live, evaluated on every stored query set, and an alert where it scores worse than what was in service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import list_query_sets, read_query_set
from eval.drift.alerting import say_alert
from eval.experiments.comparison import LEVEL, Comparison, compare
from eval.experiments.evaluation_task import EvaluationExecutor
from eval.experiments.evaluations import Evaluation, evaluate, read_evaluation
from eval.experiments.statistics import benjamini_hochberg
from eval.reports.served_releases import services
from indexing.catalogue.alerts import list_alerts
from indexing.catalogue.evaluations import list_evaluations
from indexing.errors import (
    ArtefactCorrupt,
    ArtefactMissing,
    FormatUnknown,
    GroundworkError,
    InvalidInput,
    ModelMismatch,
    NotFound,
    NotReady,
)
from indexing.home import Home
from indexing.records import Json, moment_text
from indexing.releases.deployments import stable_release
from indexing.releases.release import newest_release
from indexing.releases.rollouts import open_rollout
from indexing.schedule.jobs import Steps

MEASURE = "nDCG@10"
"""What is compared with the time before."""
SOURCE = "evaluation"
_BROKEN = (ArtefactMissing, ArtefactCorrupt, FormatUnknown, ModelMismatch)
"""Faults of one release, such as a candidate's; the other releases and sets are evaluated all the same. Beside them
``NotReady``, of which ``_is_of_executor`` tells what is no fault of a release."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """A live release beside what was in service before it, on one set; ``told`` is what the job gives of it."""

    key: str
    query_set: QuerySet
    found: Comparison
    told: dict[str, Json]


def live_releases(home: Home) -> list[str]:
    """The releases that answer now: the one in service, then that of an open trial.

    Raises:
        NotReady: nothing is released yet.
    """
    found = [stable_release(home.catalogue).number]
    rollout = open_rollout(home.catalogue)
    tried = None if rollout is None else newest_release(home.catalogue, rollout.candidate)
    return found if tried is None or tried.number in found else [*found, tried.number]


def evaluate_live(
    home: Home,
    steps: Steps,
    *,
    executor: EvaluationExecutor | None = None,
    mode: str = "hybrid",
    now: datetime | None = None,
) -> Mapping[str, Json]:
    """Evaluate every live release on the test split of every stored set; the nightly job.

    Args:
        home: Whose releases and sets.
        steps: Told before each, and after each block of queries.
        executor: Who searches; by default this process.
        mode: How to search.
        now: The moment, UTC; by default this one.

    Returns:
        By set and release: the evaluation's id and means, or why there is none; beside it, how it stands to the release
        that was in service before (a trial's candidate to the one in service), where the two can be compared. p is
        adjusted after Benjamini and Hochberg over all that are compared. An alert is said once of two evaluations.

    Raises:
        NotReady: nothing is released yet, or the executor lost its Redis, without which nothing else is evaluated.
        GroundworkError: a release could not be searched; the others were evaluated, and what is worse was said.
    """
    at = moment_text(datetime.now(UTC) if now is None else now)
    sets: dict[str, Json] = {}
    compared: list[_Compared] = []
    broken: list[GroundworkError] = []
    for stored in list_query_sets(home):
        for release in live_releases(home):
            steps(f"{stored.name} on {release}")
            told: dict[str, Json] = {}
            sets.setdefault(stored.name, {})[release] = told
            try:
                one = _evaluated(home, stored.name, release, steps, executor, mode, told)
            except (*_BROKEN, NotReady) as error:
                if _is_of_executor(error):
                    raise
                broken.append(error)
                continue
            if one is not None:
                compared.append(one)
    tested = [one for one in compared if one.found.is_comparable and one.found.p is not None]
    for one, p in zip(tested, benjamini_hochberg([one.found.p or 0.0 for one in tested]), strict=True):
        one.told["p_adjusted"] = p
        if one.found.verdict == "worse" and p < LEVEL:
            _say(home, one, p, at)
    if broken:
        raise GroundworkError(
            f"{len(broken)} of {sum(map(len, sets.values()))} evaluations failed, the others are kept. The first:"
            f" {type(broken[0]).__name__}: {broken[0]}"
        ) from broken[0]
    return {"sets": sets}


def _is_of_executor(error: GroundworkError) -> bool:
    """Whether the executor failed because its Redis is lost: that has a cause, a failed shard or task has none."""
    return isinstance(error, NotReady) and error.__cause__ is not None


def _evaluated(
    home: Home,
    name: str,
    release: str,
    steps: Steps,
    executor: EvaluationExecutor | None,
    mode: str,
    told: dict[str, Json],
) -> _Compared | None:
    """Fill in what is told of a release on a set; gives the comparison, where there is one."""
    try:
        query_set = read_query_set(home, name)
        done = evaluate(
            home,
            release,
            query_set,
            mode=mode,
            executor=executor,
            on_progress=lambda done, total: steps(f"{name} on {release}: {done} of {total} queries"),
        )
    except (InvalidInput, NotFound) as error:  # nothing judged in its test split, or not in the release
        told["not_evaluated"] = str(error)
        return None
    told.update({"id": done.id, "queries": len(query_set.queries), MEASURE: done.means[MEASURE]})
    stable = stable_release(home.catalogue).number
    is_tried = release != stable
    before = _before(home, done, [stable] if is_tried else _served_before(home, release))
    if before is None:
        return None
    found = compare(before, done, query_set)
    told["before"] = {"id": before.id, "release": before.release, "difference": found.difference}
    told["verdict"] = found.verdict
    return _Compared(f"quality:{name}{':trial' if is_tried else ''}", query_set, found, told)


def _served_before(home: Home, release: str) -> list[str]:
    """The releases that were in service before the one that is, the last first."""
    served = dict.fromkeys(one.release for one in reversed(services(home)))
    return [one for one in served if one != release]


def _before(home: Home, done: Evaluation, releases: Sequence[str]) -> Evaluation | None:
    """The last evaluation of the same queries of the first of some releases that has one."""
    rows = list_evaluations(home.catalogue, query_set=done.query_set)
    same = [
        row
        for row in reversed(rows)
        if (row.version, row.split, row.mode, row.k) == (done.version, done.split, done.mode, done.k)
    ]
    for row in sorted((row for row in same if row.release in releases), key=lambda row: releases.index(row.release)):
        try:
            return read_evaluation(home, row.id)
        except (ArtefactMissing, ArtefactCorrupt):
            continue
    return None


def _say(home: Home, one: _Compared, p: float, at: str) -> None:
    """Raise the alert, unless the last one of its key was of the same two evaluations: what was said is not news."""
    found, evaluations = one.found, [one.found.a, one.found.b]
    last = next((alert for alert in list_alerts(home.catalogue, is_open_only=False) if alert.key == one.key), None)
    if last is not None and last.evidence.get("evaluations") == evaluations:
        return
    message = (
        f"Release {found.release_b} scores {MEASURE} {found.mean_b:.3f} on {one.query_set.name}, and release"
        f" {found.release_a} scored {found.mean_a:.3f} ({found.queries} queries, p {p:.4f} over all sets). See"
        f" 'groundwork eval compare'."
    )
    told = {
        "difference": found.difference,
        "interval": found.interval,
        "p": found.p,
        "p_adjusted": p,
        "queries": found.queries,
        "releases": [found.release_a, found.release_b],
        "evaluations": evaluations,
    }
    tenant = None if one.query_set.partition is None else one.query_set.partition.tenant
    say_alert(home, one.key, "critical", SOURCE, message, told, at, tenant=tenant)
