"""Calibrating a collection on a stored query set: fitted on its train and dev queries, measured on its test queries."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from app.serving.release import ServingRelease
from app.serving.release_opening import ReleaseOpener
from eval.datasets.query_sets import QuerySet
from eval.datasets.splits import SPLITS, split_of
from eval.datasets.stored_sets import read_query_set
from eval.experiments.calibration_fit import Fit, fit_collection
from indexing.catalogue.calibrations import forget_calibrations, put_calibration
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.records import Partition
from indexing.releases.deployments import stable_release
from indexing.releases.release import Release, find_release
from indexing.snapshots.collection_calibration import CollectionCalibration


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was fitted for a collection under a recipe; of ``tried`` those modes were kept that ``calibration`` has."""

    recipe: int
    release: str
    partition: Partition
    query_set: str
    version: int | None
    calibration: CollectionCalibration
    tried: Sequence[Fit]


def calibrate(
    home: Home,
    set_name: str,
    *,
    release: str | None,
    actor: str,
    is_dry: bool = False,
    open_release: Callable[[Release], ServingRelease] | None = None,
) -> Calibrated:
    """Fit the scores of a query set's collection, and keep that for the next build of the recipe.

    Args:
        home: Where set and release are.
        set_name: A stored query set.
        release: ``12.3``, or a recipe's number; ``None`` for the release in service.
        actor: Who asked for it.
        is_dry: Whether to keep nothing.
        open_release: What opens the release; by default with its own model.

    Raises:
        NotFound: there is no such set or release.
        NotReady: nothing is released, or it cannot be searched whole.
        InvalidInput: the set has too few queries to fit on, or none to measure on.
    """
    query_set = read_query_set(home, set_name, split=None)
    partition = query_set.partition
    if partition is None:
        raise InvalidInput(f"Query set {set_name!r} names no collection; expected one that its documents are of.")
    found = stable_release(home.catalogue) if release is None else find_release(home.catalogue, release)
    learned, held_out = _parts(query_set, SPLITS[:-1]), _parts(query_set, SPLITS[-1:])
    if not held_out.queries:
        raise InvalidInput(f"Query set {set_name!r} has no query in its split test: none is left to measure on.")
    opened = (open_release or ReleaseOpener(home).open)(found)
    calibration, tried = fit_collection(opened, partition, learned, held_out)
    if calibration.modes and not is_dry:
        evidence = {"query_set": set_name, "version": query_set.version, "tried": [_told(one) for one in tried]}
        put_calibration(home.catalogue, found.recipe, partition, calibration.to_json(), evidence, actor=actor)
    return Calibrated(found.recipe, found.number, partition, set_name, query_set.version, calibration, tried)


def forget_calibration(home: Home, set_name: str, *, release: str | None) -> bool:
    """Forget what was fitted for a query set's collection under a recipe; whether there was anything.

    Raises:
        NotFound, NotReady, InvalidInput: as ``calibrate``.
    """
    partition = read_query_set(home, set_name, split=None).partition
    found = stable_release(home.catalogue) if release is None else find_release(home.catalogue, release)
    return partition is not None and forget_calibrations(home.catalogue, partition, found.recipe)


def _parts(query_set: QuerySet, splits: Sequence[str]) -> QuerySet:
    queries = {name: text for name, text in query_set.queries.items() if split_of(text) in splits}
    return replace(query_set, queries=queries, qrels={name: query_set.qrels[name] for name in queries})


def _told(fit: Fit) -> dict[str, object]:
    short = {
        name: {key: value for key, value in asdict(one).items() if key not in ("bins", "cuts")}
        for name, one in (("before", fit.before), ("after", fit.after))
    }
    return {"mode": fit.mode, "is_kept": fit.is_better, **short}
