"""Files with what an evaluation found of each query, in HOME/evaluations beside the reports of ``eval run``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

from indexing.errors import ArtefactCorrupt, ArtefactMissing
from indexing.records import Json, Partition
from indexing.retention.evaluation_files import EVALUATIONS
from indexing.retention.ranking_files import SUFFIX, read_queries_file, write_queries_file

FORMAT = 1
"""Raised with every change that older versions cannot read."""
JudgedScores: TypeAlias = Mapping[str, Sequence[tuple[float, bool]]]
"""By query id, for each of its first hits: the score, 0..1, and whether the document is judged relevant."""


@dataclass(frozen=True, slots=True)
class EvaluatedQueries:
    """By measure and query id the scores, by query id the first documents found, and the relevant ones not stored.

    ``judged_scores`` has by query id the calibrated score of each of the first documents, and whether it is relevant;
    it names none, so that an erasure leaves it. Files from before there was one have none.
    """

    partition: Partition
    scores: Mapping[str, Mapping[str, float]]
    rankings: Mapping[str, Sequence[str]]
    absent: Mapping[str, Sequence[str]]
    judged_scores: JudgedScores = field(default_factory=dict)


def write_queries(home: Path, evaluation: str, queries: EvaluatedQueries) -> None:
    """Write the file of an evaluation, by its id.

    Raises:
        StorageFull: the disk has no room.
    """
    path = _path(home, evaluation)
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    write_queries_file(path, {"format": FORMAT, "id": evaluation, **asdict(queries)})


def read_queries(home: Path, evaluation: str) -> EvaluatedQueries:
    """What ``write_queries`` wrote; documents erased since are named no more.

    Raises:
        ArtefactMissing: there is no such file.
        ArtefactCorrupt: it is damaged, or of another evaluation or format.
    """
    path = _path(home, evaluation)
    try:
        value: Json = read_queries_file(path)
    except FileNotFoundError as error:
        raise ArtefactMissing(f"{path}: no such file; evaluate the release again") from error
    if value is None or (value.get("format"), value.get("id")) != (FORMAT, evaluation):
        raise ArtefactCorrupt(f"{path}: expected evaluation {evaluation[:12]} in format {FORMAT}; evaluate it again")
    return EvaluatedQueries(
        Partition(**value["partition"]),
        value["scores"],
        value["rankings"],
        value["absent"],
        {
            name: [(score, is_right) for score, is_right in hits]
            for name, hits in value.get("judged_scores", {}).items()
        },
    )


def remove_queries(home: Path, evaluation: str) -> None:
    """Remove the file of an evaluation, if it is there."""
    _path(home, evaluation).unlink(missing_ok=True)


def _path(home: Path, evaluation: str) -> Path:
    return home / EVALUATIONS / f"{evaluation}{SUFFIX}"
