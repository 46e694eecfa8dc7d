"""Units of work of a build, and the runner that does them: the same functions in this process and in a worker.

A *task* is a piece of a build that is done or not done: encoder inputs to vectors, or documents and vectors to a
shard. It is done when its output artefact exists, so doing it twice is harmless and losing every message loses nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from indexing.builds.task_kinds import WORK
from indexing.errors import ArtefactCorrupt, ArtefactMissing, BuildFailed
from indexing.features.embedding_store import FeatureStore, block_name, feature_kind, vector_key
from indexing.indexes.analysers import analyser_of
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.registry import stored_model
from indexing.records import Document, Json, Partition, Passage, canonical_json
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import open_shard
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.store import Artefact, Storage

INPUT_FILE = "block.jsonl"
_SELF_QUERIES = 8
"""Rows of each partition that a new shard must find by their own vectors. Source: our choice."""


@dataclass(frozen=True)
class EmbedTask:
    """Encoder inputs to encode with a compiled model; ``view`` is the embedding view's fingerprint."""

    kind: ClassVar[str] = "embed"
    model: str
    precision: str
    view: str
    texts: tuple[str, ...]

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The key of each text in the feature store."""
        return tuple(vector_key(self.view, text) for text in self.texts)

    @cached_property
    def name(self) -> str:
        """The name of its output: the feature-store block of these keys."""
        return block_name(self.keys)

    @property
    def output(self) -> tuple[str, str]:
        """Kind and name of the artefact that it makes."""
        return feature_kind(self.view), self.name


@dataclass(frozen=True)
class ShardTask:
    """Documents to write as the shard ``name``.

    ``inputs`` are read once, one after another: those of a large shard need not be in memory. ``keys`` are those of the
    passages' vectors, in order, which lie in the feature-store blocks ``sources``. ``min_recall`` is that of its
    approximate index, ``None`` for exact search. ``language`` and ``algorithm`` are those of the lexical
    view, ``languages`` that of each collection under ``auto``.
    """

    kind: ClassVar[str] = "shard"
    name: str
    view: str
    language: str
    inputs: Iterable[ShardInput]
    keys: tuple[bytes, ...]
    sources: tuple[str, ...]
    min_recall: float | None = None
    algorithm: int = 1
    languages: tuple[tuple[Partition, str], ...] = ()

    @property
    def output(self) -> tuple[str, str]:
        """Kind and name of the artefact that it makes."""
        return SHARDS, self.name


BuildTask: TypeAlias = EmbedTask | ShardTask


class Executor(Protocol):
    """Who does the tasks of a build."""

    def run(self, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
        """Do ``blocks``, reading ahead only a little, and give each when it is done, in any order.

        Raises:
            BuildFailed: a task cannot be done, by name.
        """
        ...


class TaskRunner:
    """Does tasks, keeping loaded models. Needs the artefact store and nothing else."""

    def __init__(
        self,
        storage: Storage,
        *,
        sessions: int,
        load: Callable[[str, str], Embedder] | None = None,
        is_checked: bool = True,
    ) -> None:
        """Encode with ``sessions`` sessions; ``load`` gives the embedder of a model and precision (for tests).

        Unless ``is_checked``, shards are written whatever is wrong with them: for measuring what a fault costs.
        """
        self._storage, self._is_checked = storage, is_checked
        self._load = load or (lambda model, precision: _load(storage, model, precision, sessions))
        self._embedders: dict[tuple[str, str], Embedder] = {}

    def is_done(self, task: BuildTask) -> bool:
        """Whether the task's output exists whole."""
        try:
            self._storage.open(*task.output)
        except (ArtefactMissing, ArtefactCorrupt):
            return False
        return True

    def do(self, task: BuildTask) -> bool:
        """Make the task's output durable, unless it exists whole; gives whether there was anything to do.

        Raises:
            BuildFailed: a vector is not of its passage's text, or the shard does not find its own passages.
            ModelMismatch: this machine does not reproduce the model, or a vector is not finite.
        """
        if self.is_done(task):
            return False
        self._storage.delete(*task.output)  # a corrupt one, if any
        if isinstance(task, EmbedTask):
            store = FeatureStore(self._storage, task.view, blocks=[])
            store.put(task.keys, self._embedder(task).encode_passages(task.texts))
        else:
            self._write_shard(task)
        return True

    def _embedder(self, task: EmbedTask) -> Embedder:
        key = (task.model, task.precision)
        if key not in self._embedders:
            self._embedders[key] = self._load(*key)
        return self._embedders[key]

    def _write_shard(self, task: ShardTask) -> None:
        store = FeatureStore(self._storage, task.view, blocks=task.sources)
        with self._storage.publish(*task.output) as draft:
            try:
                write_shard(
                    draft,
                    _of_their_keys(task) if self._is_checked else task.inputs,
                    lambda: store.vectors(task.keys),
                    analyser_of(task.language, task.algorithm, dict(task.languages)),
                    min_recall=task.min_recall,
                )
            except BuildFailed as error:
                raise BuildFailed(f"shard {task.name} of {error}") from error
            if self._is_checked:
                _check_shard(Artefact(SHARDS, task.name, draft.path, draft.info, {}), task, store)


class LocalExecutor:
    """Does every task in this process, one after another."""

    def __init__(self, runner: TaskRunner) -> None:
        self._runner = runner

    def run(self, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
        """See ``Executor``."""
        for task in tasks:
            self._runner.do(task)
            yield task


def save_task(storage: Storage, kind: str, task: BuildTask) -> str:
    """Store a task's input as an artefact of ``kind``; gives its name. Saving it again changes nothing."""
    name = f"{task.kind}-{task.name}"
    if not storage.exists(kind, name):
        with storage.publish(kind, name) as draft, (draft.path / INPUT_FILE).open("wb") as file:
            for line in _encode(task):
                file.write(canonical_json(line) + b"\n")
    return name


def without_documents(task: BuildTask) -> BuildTask:
    """The task as far as it names its output; that of a large shard is small then."""
    return replace(task, inputs=(), keys=()) if isinstance(task, ShardTask) else task


def load_task(storage: Storage, kind: str, name: str) -> BuildTask:
    """The task that ``save_task`` stored.

    Raises:
        ArtefactMissing: it was withdrawn, because it is done or the job was cancelled.
    """
    lines = _lines(storage, kind, name)
    value = next(lines)
    if value["kind"] == EmbedTask.kind:
        return EmbedTask(value["model"], value["precision"], value["view"], tuple(lines))
    return ShardTask(
        value["name"],
        value["view"],
        value["language"],
        map(_decode_input, lines),
        tuple(map(bytes.fromhex, value["keys"])),
        tuple(value["sources"]),
        value["min_recall"],
        value.get("algorithm", 1),  # older builds wrote none, nor languages
        tuple((Partition(tenant, name), language) for tenant, name, language in value.get("languages", ())),
    )


def _lines(storage: Storage, kind: str, name: str) -> Iterator[Json]:
    with (storage.open(kind, name).path / INPUT_FILE).open("rb") as file:
        yield from map(json.loads, file)


def withdraw_tasks(storage: Storage) -> None:
    """Delete every input that ``save_task`` stored and a killed build left; call it with the lock of builds held."""
    for kind in storage.kinds(WORK):
        for name in storage.list(kind):
            storage.delete(kind, name)


def _encode(task: BuildTask) -> Iterator[Json]:
    """A header, then the texts or documents one by one: neither writing nor reading holds two forms of all of them."""
    if isinstance(task, EmbedTask):
        yield {"kind": task.kind, "model": task.model, "precision": task.precision, "view": task.view}
        yield from task.texts
        return
    yield {
        "kind": task.kind,
        "name": task.name,
        "view": task.view,
        "language": task.language,
        "algorithm": task.algorithm,
        "languages": [[one.tenant, one.collection, language] for one, language in task.languages],
        "keys": [key.hex() for key in task.keys],
        "sources": task.sources,
        "min_recall": task.min_recall,
    }
    for item in task.inputs:
        yield {
            "partition": asdict(item.partition),
            "document": {**asdict(item.document), "metadata": dict(item.document.metadata), "text": ""},  # not stored
            "passages": [asdict(passage) for passage in item.passages],
        }


def _decode_input(value: Json) -> ShardInput:
    passages = [Passage(**{**passage, "headings": tuple(passage["headings"])}) for passage in value["passages"]]
    document = value["document"]
    allow = None if document["allow"] is None else tuple(document["allow"])
    return ShardInput(Partition(**value["partition"]), Document(**{**document, "allow": allow}), passages)


def _load(storage: Storage, model: str, precision: str, sessions: int) -> Embedder:
    return load_embedder(storage, stored_model(storage, model), precision, sessions=sessions)


def _of_their_keys(task: ShardTask) -> Iterator[ShardInput]:
    """The inputs of a shard's task, each of whose passages must be the one that its vector was made of."""
    row = 0
    for item in task.inputs:
        for passage in item.passages:
            if row < len(task.keys) and task.keys[row] != vector_key(task.view, passage.encoder_input):
                raise BuildFailed(
                    f"{item.partition}: row {row} is passage {passage.id}, and its vector is of another text: vectors"
                    " are shuffled or stale. The release is not made: build again."
                )
            row += 1
        yield item


def _check_shard(artefact: Artefact, task: ShardTask, store: FeatureStore) -> None:
    """A shard that was just written must have its passages' vectors, and find some of them by those."""
    shard = open_shard(artefact)
    for partition, part in shard.partitions.items():
        for row in np.unique(np.linspace(part.start, part.stop - 1, _SELF_QUERIES).astype(np.int64)):
            vector = shard.vectors(np.array([row]))[0]
            if not np.array_equal(vector, store.vectors([task.keys[row]])[0], equal_nan=True):
                raise BuildFailed(f"shard {shard.name} has another vector in row {row} than was computed for it.")
            for exact in (True, False) if shard.lists is None else (True,):  # what lists find is measured
                try:
                    rows, scores = shard.search(partition, vector, 1, exact=exact)
                except ArtefactCorrupt:  # a vector that is not one
                    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
                if len(rows) == 0 or not (part.start <= rows[0] < part.stop and scores[0] >= vector @ vector - 1e-4):
                    raise BuildFailed(f"shard {shard.name} does not find its own row {row}: the release is not made.")
