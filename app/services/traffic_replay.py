"""Logged traffic through another recipe: how far its answers agree with those that were served, query by query."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.retrieval.agreement import overlap, rank_biased_overlap
from app.services.queries import query_for
from app.services.replay import CannotReplay, Replayer, body_of, part_of
from app.services.request_rows import hits_of
from indexing.errors import GroundworkError
from indexing.ledger.records import RequestRow, ServedHit
from indexing.records import Json, Partition
from indexing.releases.release import Release

DEPTH = 10
"""How many of the best documents ``overlap`` compares. Our choice."""
OTHER_MODEL = "other_model"
"""Why a request is left out that was asked by a vector: it was made by another model than the candidate's."""

SEVERAL = "several_collections"
"""Why a request is left out that was part of a search of several: what was shown of it, the others decided."""


@dataclass(frozen=True, slots=True)
class QueryAgreement:
    """One query: what was served and what the candidate answers, by document; the best ten of each.

    ``gained`` are documents that the candidate alone has, best first, ``lost`` those that were served alone.
    """

    id: UUID
    tenant: str
    collection: str
    query: Json
    release: str
    overlap: float
    rbo: float
    served: tuple[str, ...]
    candidate: tuple[str, ...]

    @property
    def gained(self) -> tuple[str, ...]:
        """What only the candidate finds."""
        return tuple(one for one in self.candidate if one not in self.served)

    @property
    def lost(self) -> tuple[str, ...]:
        """What the candidate does not find."""
        return tuple(one for one in self.served if one not in self.candidate)

    @property
    def is_same(self) -> bool:
        """Whether the ten best are the same, in the same order."""
        return self.served == self.candidate


@dataclass(frozen=True, slots=True)
class Agreement:
    """All queries of a period: means over those that were compared, and how many were not, by reason."""

    candidate: str
    queries: Sequence[QueryAgreement]
    skipped: dict[str, int]

    @property
    def same(self) -> int:
        """Queries whose ten best are the same in the same order."""
        return sum(one.is_same for one in self.queries)

    @property
    def overlap(self) -> float | None:
        """The mean share of the ten best documents that both have, ``None`` without a query."""
        return statistics.fmean(one.overlap for one in self.queries) if self.queries else None

    @property
    def rbo(self) -> float | None:
        """The mean rank-biased overlap, ``None`` without a query."""
        return statistics.fmean(one.rbo for one in self.queries) if self.queries else None


def compare_traffic(
    replayer: Replayer,
    rows: Sequence[RequestRow],
    candidate: Release,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Agreement:
    """Let a release answer what others answered; it answers as it was built, without what was written since.

    Requests that the ledger holds no text of, that were not answered, or that were asked by a vector of another model
    are counted and left out; a second pass may take the time it needs.

    Args:
        replayer: Of the home.
        rows: What was served.
        candidate: What answers now.
        on_progress: Told how many rows are done.

    Raises:
        GroundworkError: the candidate cannot be opened.
    """
    serving = replayer.opened(candidate)
    skipped: Counter[str] = Counter()
    queries = []
    for done, row in enumerate(rows, 1):
        try:
            body = body_of(row)
            if part_of(row) is not None:
                skipped[SEVERAL] += 1
                continue
            if body.vector is not None and replayer.model_of(row) != serving.recipe.model:
                skipped[OTHER_MODEL] += 1
                continue
            partition = Partition(row.tenant, row.collection)
            result = replayer.retriever.begin(serving, partition, query_for(body, serving.recipe)).result()
            queries.append(_agreement(row, hits_of(result)))
        except CannotReplay as error:
            skipped[error.reason] += 1
        except GroundworkError as error:
            skipped[type(error).__name__] += 1
        on_progress(done)
    return Agreement(candidate.number, queries, dict(skipped))


def _agreement(row: RequestRow, hits: Sequence[ServedHit]) -> QueryAgreement:
    served, candidate = _documents(row.hits), _documents(hits)
    return QueryAgreement(
        row.id,
        row.tenant,
        row.collection,
        row.query,
        row.release,
        overlap(served[:DEPTH], candidate[:DEPTH]),
        rank_biased_overlap(served, candidate),
        served[:DEPTH],
        candidate[:DEPTH],
    )


def _documents(hits: Iterable[ServedHit]) -> tuple[str, ...]:
    """Each document once, in the order of their best hits."""
    return tuple(dict.fromkeys(hit.document_id for hit in hits))
