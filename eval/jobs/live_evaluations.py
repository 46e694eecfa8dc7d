"""What is live, evaluated on every stored query set, and an alert where it scores worse than before."""

from collections.abc import Mapping
from datetime import UTC, datetime

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import list_query_sets, read_query_set
from eval.drift.alerting import say_alert
from eval.experiments.comparison import Comparison, compare
from eval.experiments.evaluation_task import EvaluationExecutor
from eval.experiments.evaluations import Evaluation, evaluate, read_evaluation
from indexing.catalogue.evaluations import list_evaluations
from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Json, moment_text
from indexing.releases.deployments import stable_release
from indexing.releases.release import newest_release
from indexing.releases.rollouts import open_rollout
from indexing.schedule.jobs import Steps

MEASURE = "nDCG@10"
"""What is compared with the time before."""
SOURCE = "evaluation"


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
        By set and release: the evaluation's id and means, or why there is none; beside it, how it stands to the last
        evaluation of the set before, where the two can be compared.

    Raises:
        NotReady: nothing is released yet.
    """
    at = moment_text(datetime.now(UTC) if now is None else now)
    found: dict[str, Json] = {}
    for stored in list_query_sets(home):
        for release in live_releases(home):
            steps(f"{stored.name} on {release}")
            found.setdefault(stored.name, {})[release] = _evaluated(
                home, stored.name, release, steps, executor, mode, at
            )
    return {"sets": found}


def _evaluated(
    home: Home, name: str, release: str, steps: Steps, executor: EvaluationExecutor | None, mode: str, at: str
) -> Json:
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
        return {"not_evaluated": str(error)}
    told: dict[str, Json] = {"id": done.id, "queries": len(query_set.queries), MEASURE: done.means[MEASURE]}
    before = _before(home, done)
    if before is not None:
        compared = compare(before, done, query_set)
        told["before"] = {"id": before.id, "release": before.release, "difference": compared.difference}
        told["verdict"] = compared.verdict
        if compared.verdict == "worse":
            _say(home, query_set, compared, at)
    return told


def _before(home: Home, done: Evaluation) -> Evaluation | None:
    """The last evaluation of the same queries before this one, whatever the release."""
    for row in reversed(list_evaluations(home.catalogue, query_set=done.query_set)):
        same = (row.version, row.split, row.mode, row.k) == (done.version, done.split, done.mode, done.k)
        if row.id == done.id or not same or row.created_at > done.created_at:
            continue
        try:
            return read_evaluation(home, row.id)
        except (ArtefactMissing, ArtefactCorrupt):
            continue
    return None


def _say(home: Home, query_set: QuerySet, compared: Comparison, at: str) -> None:
    message = (
        f"Release {compared.release_b} scores {MEASURE} {compared.mean_b:.3f} on {query_set.name}, and release"
        f" {compared.release_a} scored {compared.mean_a:.3f} ({compared.queries} queries, p {compared.p:.4f}). See"
        f" 'groundwork eval compare'."
    )
    told = {
        "difference": compared.difference,
        "interval": compared.interval,
        "p": compared.p,
        "queries": compared.queries,
        "releases": [compared.release_a, compared.release_b],
    }
    tenant = None if query_set.partition is None else query_set.partition.tenant
    say_alert(home, f"quality:{query_set.name}", "critical", SOURCE, message, told, at, tenant=tenant)
