"""Queries of the ledger answered again by a release of choice, as drift observes answers; each once a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.services.queries import query_for
from app.services.replay import CannotReplay, Replayer, body_of
from app.services.request_rows import features_of, hits_of
from eval.drift.observations import Observation, observe_answer
from indexing.errors import InvalidInput, NotFound
from indexing.ledger.records import RequestRow
from indexing.records import Partition
from indexing.releases.release import Release

MOST = 200
"""Queries of each period that are replayed: some 4 ms each a release. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a release answers: observations and query vectors by the id of the row whose query it is."""

    observations: Mapping[UUID, Observation]
    vectors: Mapping[UUID, NDArray[np.float32]]


@dataclass(slots=True)
class ReplayedQueries:
    """The fixed queries, of the reference, and today's; rows without text, or asked by a vector, are left out.

    For one thread at a time.
    """

    replayer: Replayer
    reference: Sequence[RequestRow]
    window: Sequence[RequestRow]
    seed: int = 0
    _answers: dict[tuple[bool, str, str], Answers] = field(default_factory=dict, init=False)

    def fixed(self, release: Release) -> Answers:
        """What a release answers to the queries of the reference.

        Raises:
            GroundworkError: it cannot be opened, or was freed.
        """
        return self._of(release, is_fixed=True)

    def todays(self, release: Release) -> Answers:
        """What a release answers to the queries of the window; errors as in ``fixed``."""
        return self._of(release, is_fixed=False)

    def _of(self, release: Release, *, is_fixed: bool) -> Answers:
        key = is_fixed, release.number, release.snapshot
        if key not in self._answers:
            rows = _some(self.reference if is_fixed else self.window, self.seed)
            self._answers[key] = self._answered(release, rows)
        return self._answers[key]

    def _answered(self, release: Release, rows: Sequence[RequestRow]) -> Answers:
        if release.retired_at is not None:
            raise NotFound(why_freed(release))
        serving = self.replayer.opened(release)
        observations, vectors = dict[UUID, Observation](), dict[UUID, NDArray[np.float32]]()
        for row in rows:
            try:
                body = body_of(row)
                query = query_for(body, serving.recipe)
                result = self.replayer.retriever.begin(serving, Partition(row.tenant, row.collection), query).result()
            except (CannotReplay, InvalidInput):
                continue  # it is no query that this release can be asked
            hits = hits_of(result)
            observations[row.id] = observe_answer(row.id, features_of(body, result, hits, {}), hits, {})
            if result.query_vector is not None:
                vectors[row.id] = result.query_vector.vector
        return Answers(observations, vectors)


def why_freed(release: Release) -> str:
    """Why a retired release answers nothing, and what to do about it."""
    return (
        f"release {release.number}, which answered then, was freed by 'groundwork gc': keep more builds (--keep or"
        " --days), or compare with a later reference"
    )


def _some(rows: Sequence[RequestRow], seed: int) -> list[RequestRow]:
    """At most ``MOST`` of the rows that hold a text and say by themselves what was shown."""
    asked = [row for row in rows if row.query is not None and not {"vector", "part"} & row.query.keys()]
    if len(asked) <= MOST:
        return asked
    chosen = np.random.default_rng(seed).choice(len(asked), MOST, replace=False)
    return [asked[place] for place in sorted(chosen)]
