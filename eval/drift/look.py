"""One look at drift: a window of the ledger against a reference, what moved, what caused it, what to judge first."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from app.services.replay import Replayer
from eval.drift.cause import Cause, find_cause
from eval.drift.feedback_signals import FeedbackOfRequests, feedback_signals
from eval.drift.predictors import QueryToJudge, queries_to_judge
from eval.drift.replayed_answers import ReplayedQueries
from eval.drift.signals import Signal, decide, measure
from eval.drift.staleness import Staleness, read_staleness
from eval.drift.windows import LEAST, Reference, Sample, Scope, find_reference, model_in_service, read_sample
from eval.feedback.rates import feedback_of_requests
from indexing.errors import NotFound
from indexing.home import Home
from indexing.ledger.day_sources import Period
from indexing.records import Json, moment_text
from indexing.releases.deployments import stable_release
from indexing.releases.release import Release, find_release


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What one look saw. ``signals`` are decided; ``cause`` is there where something moved and it was asked for."""

    scope: str
    reference: str
    reference_since: str
    reference_until: str
    since: str
    until: str
    n_reference: int
    n_window: int
    reference_release: str | None
    release: str | None
    signals: tuple[Signal, ...]
    staleness: Staleness
    cause: Cause | None
    to_judge: tuple[QueryToJudge, ...]
    notes: tuple[str, ...]

    @property
    def moved(self) -> list[Signal]:
        """The signals that moved."""
        return [one for one in self.signals if one.outcome == "moved"]

    @property
    def is_enough(self) -> bool:
        """Whether anything could be said at all."""
        return any(one.outcome != "not enough data" for one in self.signals)

    @property
    def figures(self) -> dict[str, Json]:
        """By signal that was tested: its value in the window and its p, for a history of looks."""
        return {one.key: {"value": one.value, "p": one.p} for one in self.signals if one.p is not None}

    def to_json(self) -> Json:
        """The report as JSON."""
        return {
            **asdict(self),
            "moved": [one.key for one in self.moved],
            "staleness": {
                **asdict(self.staleness),
                "changed_share": self.staleness.changed_share,
                "is_stale": self.staleness.is_stale,
            },
            "to_judge": [{**asdict(one), "id": str(one.id)} for one in self.to_judge],
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """A look whose cause can still be looked for: its report, and what it was made of."""

    report: DriftReport
    before: Sample
    after: Sample
    old: Release | None
    new: Release | None


def look(
    home: Home,
    scope: Scope,
    window: Period,
    reference: str = "launch",
    *,
    slice_by: str | None = None,
    feedback: FeedbackOfRequests = feedback_of_requests,
    explains: bool = True,
    replayer: Replayer | None = None,
    seed: int = 0,
) -> DriftReport:
    """Compare a window of the ledger with a reference.

    Args:
        home: Whose ledger.
        scope: Which part of the traffic.
        window: From when until when; both must be set.
        reference: What it is compared with, as ``find_reference`` takes it.
        slice_by: By what requests are told apart as well, one of ``SLICES``.
        feedback: What users said.
        explains: Whether the cause of what moved is looked for by replay, which needs the model.
        replayer: What replays; by default one of the home.
        seed: Of permutations and samples.

    Raises:
        InvalidInput: the reference or the slice is unknown.
        NotFound: there is no such release.
        NotReady: nothing is released yet.
    """
    found = find_reference(home, scope, window, reference)
    compared = compare(home, scope, window, found, slice_by=slice_by, feedback=feedback, seed=seed)
    return explain(compared, lambda: replayer or Replayer(home), seed=seed) if explains else compared.report


def compare(
    home: Home,
    scope: Scope,
    window: Period,
    reference: Reference,
    *,
    slice_by: str | None = None,
    feedback: FeedbackOfRequests = feedback_of_requests,
    seed: int = 0,
) -> Compared:
    """What moved against a reference of choice, as ``look`` sees it; its cause is not looked for yet."""
    model, live = model_in_service(home), stable_release(home.catalogue)
    is_beside = reference.recipe is not None  # another release inside the same window
    of_window = replace(scope, recipe=live.recipe) if is_beside and scope.recipe is None else scope
    before = read_sample(home, replace(scope, recipe=reference.recipe), reference.period, model=model, seed=seed)
    after = read_sample(home, of_window, window, model=model, seed=seed)
    until = datetime.now(UTC) if window.until is None else window.until
    said = feedback_signals(home, before, after, until, feedback)
    signals = decide([*measure(before, after, slice_by=slice_by, seed=seed), *said])
    old, new = _release_of(home, before), _release_of(home, after)
    staleness = read_staleness(home, scope, live if new is None or new.retired_at is not None else new, after)
    report = DriftReport(
        scope=scope.key,
        reference=reference.name,
        reference_since=_text(reference.period.since),
        reference_until=_text(reference.period.until),
        since=_text(window.since),
        until=_text(window.until),
        n_reference=before.total,
        n_window=after.total,
        reference_release=None if old is None else old.number,
        release=None if new is None else new.number,
        signals=tuple(signals),
        staleness=staleness,
        cause=None,
        to_judge=tuple(queries_to_judge(after.rows)),
        notes=tuple([*reference.notes, *_notes(before, after)]),
    )
    return Compared(report, before, after, old, new)


def explain(compared: Compared, replayer: Callable[[], Replayer], *, seed: int = 0) -> DriftReport:
    """The report with the cause of what moved, found by replay of the same samples, which needs the model.

    ``replayer`` makes what replays; it is asked only where something moved.
    """
    report, old, new = compared.report, compared.old, compared.new
    if old is None or new is None or not (report.staleness.is_stale or report.moved):
        return report
    queries = ReplayedQueries(replayer(), compared.before.rows, compared.after.rows, seed)
    moved = [one.name for one in report.moved if not one.slice]
    cause = find_cause(queries, old, new, moved=moved, seed=seed, is_stale=report.staleness.is_stale)
    return replace(report, cause=cause)


def _release_of(home: Home, sample: Sample) -> Release | None:
    """The release that gave most of a sample's answers, freed or not; ``None`` without any."""
    if not sample.rows:
        return None
    number = Counter(row.release for row in sample.rows).most_common(1)[0][0]
    try:
        return find_release(home.catalogue, number, is_retired_too=True)
    except NotFound:
        return None


def _notes(before: Sample, after: Sample) -> list[str]:
    notes = []
    for name, sample in (("reference", before), ("window", after)):
        if sample.total < LEAST:
            notes.append(f"The {name} has {sample.total} answers, expected at least {LEAST}: not enough data.")
        notes += [f"The ledger's day {one.day} cannot be read: {one.reason}" for one in sample.faults]
    return notes


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment_text(moment)
