"""Evaluations that are kept: a row in the catalogue and a file beside it, found again by the same inputs."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.experiments.evaluation_files import (
    EvaluatedQueries,
    JudgedScores,
    read_queries,
    remove_queries,
    write_queries,
)
from eval.experiments.experiment import Latency
from indexing.catalogue.evaluations import (
    EvaluationRow,
    find_evaluations,
    forget_evaluations_before,
    put_evaluation,
)
from indexing.errors import ArtefactCorrupt, ArtefactMissing, GroundworkError, InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Partition
from indexing.releases.release import find_release

logger = logging.getLogger(__name__)
RANKS_KEPT = 10
"""Documents of each ranking that are kept for people to look at, and to judge. Source: our choice, as nDCG@10."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One release on one split of a query set in one mode.

    ``id`` is the fingerprint of all inputs. ``scores`` are by measure and query id, ``rankings`` by query id: the first
    ``RANKS_KEPT`` documents, best first. ``documents`` and ``judgments`` tell of what it was measured on, and ``seq``
    is the last write that the release holds. ``absent`` has, by query id, the relevant documents that the release does
    not hold: none of them can be found, and each costs score. ``judged_scores`` has the calibrated score of each of the
    first documents and whether it is relevant; evaluations from before there were any have none.
    """

    id: str
    recipe: int
    release: str
    snapshot: str
    seq: int
    partition: Partition
    query_set: str
    version: int | None
    split: str
    mode: str
    k: int
    scores: Mapping[str, Mapping[str, float]]
    rankings: Mapping[str, Sequence[str]]
    absent: Mapping[str, Sequence[str]]
    documents: str
    judgments: str
    latency: Latency
    created_at: str
    judged_scores: JudgedScores = field(default_factory=dict)

    @property
    def means(self) -> dict[str, float]:
        """The mean of each measure over all queries."""
        return {name: math.fsum(values.values()) / len(values) for name, values in self.scores.items()}


def read_evaluation(home: Home, id_begins: str) -> Evaluation:
    """The evaluation whose id begins with these digits.

    Raises:
        NotFound: there is none.
        InvalidInput: there are several.
        ArtefactMissing, ArtefactCorrupt: its file is gone or damaged.
    """
    rows = find_evaluations(home.catalogue, id_begins)
    if not rows or not id_begins:
        raise NotFound(f"No evaluation {id_begins!r}. See 'groundwork eval experiments list'.")
    if len(rows) > 1:
        raise InvalidInput(f"{len(rows)} evaluations begin with {id_begins!r}; expected more digits of the id.")
    return evaluation_of(rows[0], read_queries(home.path, rows[0].id))


def kept_evaluation(home: Home, identity: str) -> Evaluation | None:
    """The evaluation of the same inputs, if it was kept whole."""
    for row in find_evaluations(home.catalogue, identity):
        try:
            return evaluation_of(row, read_queries(home.path, row.id))
        except (ArtefactMissing, ArtefactCorrupt) as error:
            logger.warning("evaluation.measured_again", extra={"fields": {"id": identity, "reason": str(error)}})
    return None


def keep_evaluation(home: Home, row: EvaluationRow, queries: EvaluatedQueries) -> None:
    """Keep an evaluation, unless an erasure gave the release another snapshot since.

    The file is written inside the transaction: it is there before an erasure takes documents out of such files, or
    the erasure is seen here.

    Raises:
        GroundworkError: the release has another snapshot than the one that was searched.
    """
    with home.catalogue.write():
        if find_release(home.catalogue, row.release, is_retired_too=True).snapshot != row.snapshot:
            raise GroundworkError(f"Release {row.release} was rewritten by an erasure meanwhile: evaluate it again.")
        write_queries(home.path, row.id, queries)
        put_evaluation(home.catalogue, row)


def forget_old_evaluations(home: Home, moment: str) -> int:
    """Forget evaluations from before a moment whose releases are retired, rows and files; gives how many."""
    with home.catalogue.write():  # so that none is kept anew in between
        ids = forget_evaluations_before(home.catalogue, moment)
        for one in ids:
            remove_queries(home.path, one)
    return len(ids)


def evaluation_of(row: EvaluationRow, queries: EvaluatedQueries) -> Evaluation:
    """The evaluation that a row and a file are of."""
    return Evaluation(
        id=row.id,
        recipe=row.recipe,
        release=row.release,
        snapshot=row.snapshot,
        seq=row.seq,
        partition=row.partition,
        query_set=row.query_set,
        version=row.version,
        split=row.split,
        mode=row.mode,
        k=row.k,
        scores=queries.scores,
        rankings=queries.rankings,
        absent=queries.absent,
        documents=row.documents,
        judgments=row.judgments,
        latency=Latency(**row.latency),
        created_at=row.created_at,
        judged_scores=queries.judged_scores,
    )
