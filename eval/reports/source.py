"""What a report is made from: a home's kept evaluations, query sets and history, each read once."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial

from eval.datasets.query_sets import QuerySet
from eval.datasets.stored_sets import read_query_set
from eval.experiments.comparison import Comparison, compare
from eval.experiments.evaluations import judgments_of
from eval.experiments.kept_evaluations import Evaluation, kept_evaluation
from eval.reports.options import ReportOptions
from eval.reports.served_releases import Service, in_service, services
from eval.reports.text_policy import TextPolicy
from indexing.catalogue.evaluations import EvaluationRow, list_evaluations
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Partition
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import find_release
from indexing.snapshots.collection_calibration import CollectionCalibration
from indexing.snapshots.manifest import read_snapshot

logger = logging.getLogger(__name__)
SERVING_MODE = "hybrid"
"""The mode that charts show, as searches have it unless they say otherwise; tables have all modes."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two evaluations of one query set, and what comparing the second with the first says."""

    first: Evaluation
    second: Evaluation
    query_set: QuerySet
    comparison: Comparison


@dataclass(frozen=True)
class Source:
    """A home as one report sees it. For one thread: it remembers what it has read."""

    home: Home
    options: ReportOptions
    _recipes: dict[int, Recipe] = field(default_factory=dict, init=False)

    @cached_property
    def policy(self) -> TextPolicy:
        """Whose texts may be shown."""
        return TextPolicy(self.home)

    @cached_property
    def services(self) -> Sequence[Service]:
        """Every release that was ever in service, oldest first."""
        return services(self.home)

    @cached_property
    def rows(self) -> Sequence[EvaluationRow]:
        """The evaluations of the period on the sets that were asked for, oldest first, without their queries."""
        return [
            row
            for row in list_evaluations(self.home.catalogue)
            if self.options.since <= datetime.fromisoformat(row.created_at) < self.options.until
            and (not self.options.sets or row.query_set in self.options.sets)
        ]

    @cached_property
    def evaluations(self) -> Mapping[str, Evaluation]:
        """Those of ``rows`` whose queries can be read, by id."""
        found = {row.id: kept_evaluation(self.home, row.id) for row in self.rows}
        return {name: one for name, one in found.items() if one is not None}

    @cached_property
    def newest_in_service(self) -> Sequence[Evaluation]:
        """Of each query set the newest evaluation, in the mode that serves, of what was in service then."""
        found: dict[str, Evaluation] = {}
        for one in self.evaluations.values():
            if one.mode == SERVING_MODE and self.was_in_service(one.release, one.created_at):
                found[one.query_set] = one
        return list(found.values())

    @cached_property
    def compared_releases(self) -> tuple[str, str] | None:
        """The releases that were asked for, else what is live and what was evaluated last beside it.

        What was evaluated last may have been in service before: then what is live is compared with it.

        Raises:
            NotFound, InvalidInput: a release that was asked for does not exist.
        """
        catalogue = self.home.catalogue
        if self.options.compared is not None:
            first, second = (find_release(catalogue, one, is_retired_too=True).number for one in self.options.compared)
            return first, second
        live = self.services[-1].release if self.services else None
        others = [row.release for row in self.rows if row.release != live]
        if live is None or not others:
            return None
        served = {one.release for one in self.services}
        return (others[-1], live) if others[-1] in served else (live, others[-1])

    @cached_property
    def pairs(self) -> Sequence[Pair]:
        """The newest evaluations of both releases on each set, split and mode that both were measured on."""
        if self.compared_releases is None:
            return []
        first, second = self.compared_releases
        newest: dict[tuple[str, str, str], dict[str, Evaluation]] = {}
        for one in self.evaluations.values():
            if one.release in (first, second):
                newest.setdefault((one.query_set, one.split, one.mode), {})[one.release] = one
        both = [found for found in newest.values() if found.keys() == {first, second}]
        pairs = (self._pair(found[first], found[second]) for found in both)
        return [one for one in pairs if one is not None]

    def recipe(self, number: int) -> Recipe:
        """A recipe, read once.

        Raises:
            ArtefactCorrupt: its manifest was changed since it was recorded.
        """
        if number not in self._recipes:
            self._recipes[number] = read_recipe(self.home.catalogue, number)
        return self._recipes[number]

    def calibration(self, snapshot: str, partition: Partition) -> CollectionCalibration | None:
        """How the scores of a collection were moved in a snapshot; ``None`` where they were not, or it is gone."""
        try:
            legs = read_snapshot(self.home.storage, snapshot).legs
        except NotFound:
            return None
        return next((one.calibration for one in legs if one.partition == partition), None)

    def was_in_service(self, release: str, at: str) -> bool:
        """Whether a release was in service at a moment (UTC, ISO 8601)."""
        return in_service(self.services, release, datetime.fromisoformat(at))

    def query_set(self, evaluation: Evaluation) -> QuerySet | None:
        """The queries and judgments that an evaluation was measured on; ``None`` where they are stored no more."""
        if evaluation.version is None:
            return None
        found = [one for one in map(partial(self._stored_set, evaluation), (False, True)) if one is not None]
        same = (one for one in found if judgments_of(one) == evaluation.judgments)
        return next(same, found[0] if found else None)

    def _stored_set(self, evaluation: Evaluation, keeps_gone: bool) -> QuerySet | None:
        """The set's version with or without judgments of documents that are gone, as both may have been measured."""
        split = None if evaluation.split == "all" else evaluation.split
        name, version = evaluation.query_set, evaluation.version
        try:
            return read_query_set(self.home, name, split=split, version=version, keeps_gone=keeps_gone)
        except (NotFound, InvalidInput) as error:
            logger.info("report.set_not_read", extra={"fields": {"set": name, "reason": str(error)}})
            return None

    def _pair(self, first: Evaluation, second: Evaluation) -> Pair | None:
        query_set = self.query_set(second)
        if query_set is None:
            return None
        measure, seed = self.options.measure, self.options.seed
        return Pair(first, second, query_set, compare(first, second, query_set, measure=measure, seed=seed))
