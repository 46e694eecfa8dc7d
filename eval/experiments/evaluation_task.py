"""Units of work of an evaluation: queries of one release to rankings, in this process and in a worker alike.

A task opens artefacts only, never the catalogue. It travels as an artefact below ``work/``, and what it gives comes
back as another: it is done when that exists, so doing it twice is harmless. A build, ``gc`` and ``erase`` remove
whatever lies below ``work/``; who waits for a task whose input and output are both gone stores it again.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Protocol

from eval.experiments.artefact_release import ArtefactOpener, DocumentValues
from eval.experiments.targets import LocalSearcher
from eval.experiments.task_kind import KIND
from indexing.errors import ArtefactCorrupt, ArtefactMissing
from indexing.records import Json, Partition, canonical_json, fingerprint
from indexing.releases.recipes import recipe_from_manifest
from indexing.releases.release import Release
from indexing.storage.store import Storage

BLOCK_QUERIES = 64
"""Queries a task: what a killed worker loses at most, about a second. Source: our choice."""
_INPUT, _OUTPUT = "task.json", "rankings.json"


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """Queries to search in one partition of a release; ``values`` are those that boosts use, by document and feature.

    ``recipe`` is the manifest of the release's recipe; ``k`` documents a query are asked for.
    """

    kind: ClassVar[str] = "evaluate"
    release: str
    snapshot: str
    recipe: Mapping[str, Json]
    partition: Partition
    mode: str
    k: int
    queries: Mapping[str, str]
    values: DocumentValues = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Identifies the task: equal ones have one output."""
        return f"task-{fingerprint(asdict(self))[:32]}"

    @property
    def output(self) -> tuple[str, str]:
        """Kind and name of the artefact that it makes."""
        return KIND, f"output-{self.name.removeprefix('task-')}"


@dataclass(frozen=True, slots=True)
class EvaluationOutput:
    """By query id: document ids, best first, at most ``k``, how many milliseconds the search took, and scores of hits.

    Scores are calibrated, 0..1, in the order of the ids; a worker of an older version gives none.
    """

    rankings: dict[str, list[str]]
    latencies_ms: dict[str, float]
    hit_scores: dict[str, list[float]] = field(default_factory=dict)


class EvaluationExecutor(Protocol):
    """Who does the tasks of an evaluation."""

    def run(self, tasks: Iterable[EvaluationTask]) -> Iterator[EvaluationOutput]:
        """Do the tasks, reading ahead only a little, and give each output when it is there, in any order."""
        ...


class LocalEvaluationExecutor:
    """Does every task in this process, one after another; nothing is stored."""

    def __init__(self, opener: ArtefactOpener) -> None:
        self._opener = opener

    def run(self, tasks: Iterable[EvaluationTask]) -> Iterator[EvaluationOutput]:
        """See ``EvaluationExecutor``."""
        for task in tasks:
            yield rank_queries(self._opener, task)


def rank_queries(opener: ArtefactOpener, task: EvaluationTask) -> EvaluationOutput:
    """Search the queries of a task, one at a time.

    Raises:
        NotReady: a shard cannot be searched, or the reranker was skipped: what came back is not what is measured.
        GroundworkError: as ``ArtefactOpener.open``.
    """
    recipe, build = (int(part) for part in task.release.split("."))
    release = Release(recipe, build, task.snapshot, seq=0, created_at="", created_by="")
    serving = opener.open(release, recipe_from_manifest(task.recipe, recipe), task.values)
    serving.require_searchable(task.partition)
    search = LocalSearcher(serving, task.partition)
    rankings: dict[str, list[str]] = {}
    latencies_ms: dict[str, float] = {}
    hit_scores: dict[str, list[float]] = {}
    for query_id, text in task.queries.items():
        started = time.perf_counter()
        hits = search.hits(text, k=task.k, mode=task.mode)
        latencies_ms[query_id] = (time.perf_counter() - started) * 1000
        rankings[query_id] = [hit.passage.document_id for hit in hits]
        hit_scores[query_id] = [hit.score for hit in hits]
    return EvaluationOutput(rankings, latencies_ms, hit_scores)


def run_evaluation_task(storage: Storage, models: ArtefactOpener, name: str) -> bool:
    """Do the task that ``save_evaluation_task`` stored, and store its output; what a worker runs.

    Args:
        storage: The artefact store, which holds all that a task needs.
        models: Keeps what was loaded; one for all tasks of a process.
        name: What ``save_evaluation_task`` gave.

    Returns:
        Whether there was anything to do: an output that is there whole is kept.

    Raises:
        ArtefactMissing: the task was withdrawn.
        GroundworkError: as ``rank_queries``.
    """
    task = load_evaluation_task(storage, name)
    if is_done(storage, task):
        return False
    storage.delete(*task.output)  # a corrupt one, if any
    output = rank_queries(models, task)
    with storage.publish(*task.output) as draft:
        (draft.path / _OUTPUT).write_bytes(canonical_json(asdict(output)))
    return True


def save_evaluation_task(storage: Storage, task: EvaluationTask) -> str:
    """Store a task for workers and give its name. Saving it again changes nothing."""
    if not storage.exists(KIND, task.name):
        with storage.publish(KIND, task.name) as draft:
            (draft.path / _INPUT).write_bytes(json.dumps(asdict(task)).encode())  # queries keep their order
    return task.name


def load_evaluation_task(storage: Storage, name: str) -> EvaluationTask:
    """The task that ``save_evaluation_task`` stored.

    Raises:
        ArtefactMissing: it was withdrawn.
    """
    value: Json = json.loads((storage.open(KIND, name).path / _INPUT).read_bytes())
    return EvaluationTask(**{**value, "partition": Partition(**value["partition"])})


def is_done(storage: Storage, task: EvaluationTask) -> bool:
    """Whether the task's output is stored whole."""
    try:
        storage.open(*task.output)
    except (ArtefactMissing, ArtefactCorrupt):
        return False
    return True


def read_output(storage: Storage, task: EvaluationTask) -> EvaluationOutput:
    """What a task that is done gave.

    Raises:
        ArtefactMissing, ArtefactCorrupt: it is not done.
    """
    value: Json = json.loads((storage.open(*task.output).path / _OUTPUT).read_bytes())
    return EvaluationOutput(value["rankings"], value["latencies_ms"], value.get("hit_scores", {}))


def withdraw_evaluation_task(storage: Storage, task: EvaluationTask) -> None:
    """Delete a task's input and output, once the output was read or is not wanted."""
    storage.delete(KIND, task.name)
    storage.delete(*task.output)
