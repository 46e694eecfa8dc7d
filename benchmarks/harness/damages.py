"""The candidates of ``damaged_candidates``: ten ways to damage a recipe or its artefacts, and eleven that harm nothing.

A mistake of a person is a recipe with another choice. A fault of software is made where it would happen: in the files
of a model, in the keys that a shard's task is given, in the manifest of an index.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import numpy_helper

from indexing.builds.tasks import BuildTask, EmbedTask, ShardTask, TaskRunner
from indexing.features.embedding_store import vector_key
from indexing.features.views import EMBEDDING_VIEWS, PassageView, lexical_view
from indexing.home import Home
from indexing.models.registry import KIND, ModelVersion
from indexing.records import Json
from indexing.releases.recipes import Approximation, Recipe

WRONG_PROMPT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
"""What E5-mistral wants before a query, and this model never saw."""
STALE_PART = 0.6
"""The part of the passages whose vectors are of an earlier version, a stub of ``STUB_WORDS``. Source: our choice."""
STUB_WORDS = 6
IVF_ABOVE = 300
"""Passages above which the approximate candidates have IVF lists, so that these small collections have some."""

Fault = Callable[[TaskRunner, Recipe, Iterable[BuildTask]], Iterable[BuildTask]]
"""Changes the tasks of a recipe's build; the runner may make what they need beside."""


def no_fault(runner: TaskRunner, recipe: Recipe, tasks: Iterable[BuildTask]) -> Iterable[BuildTask]:
    """The tasks as they are."""
    return tasks


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate: ``recipe`` makes it of the one in service, ``fault`` is what its build does wrong.

    ``cause`` is a word that whatever catches it must say; empty for a harmless one. With ``probes`` its IVF lists are
    searched by so few.
    """

    name: str
    recipe: Callable[[Home, Recipe], Recipe]
    cause: str = ""
    fault: Fault = no_fault
    probes: int | None = None
    block_size: int = 64

    @property
    def is_harmful(self) -> bool:
        """Whether it is one of the damaged ones."""
        return bool(self.cause)


def _retrieval(**changes: Json) -> Callable[[Home, Recipe], Recipe]:
    return lambda home, recipe: replace(recipe, retrieval=replace(recipe.retrieval, **changes))


def _changed(**changes: Json) -> Callable[[Home, Recipe], Recipe]:
    return lambda home, recipe: replace(recipe, **changes)


def _with_view(view: PassageView) -> Callable[[Home, Recipe], Recipe]:
    return _changed(passage=view)


def register_again(
    home: Home,
    model: ModelVersion,
    files: Callable[[Mapping[str, bytes]], Mapping[str, bytes]] = dict,
    **said: Json,
) -> ModelVersion:
    """Register a model's files once more as its next version, changed by ``files``, its manifest by ``said``."""
    stored = home.storage.open(KIND, model.id)
    kept = {name: (stored.path / name).read_bytes() for name in model.manifest.files}
    version = home.models.next_version(model.name)
    with home.storage.publish(KIND, f"{model.name}@{version}") as draft:
        for name, content in files(kept).items():
            (draft.path / name).write_bytes(content)
        draft.info.update({**stored.info, **said})
    return home.models.add(model.name, version, home.storage.open(KIND, f"{model.name}@{version}"))


def other_weights(content: bytes) -> bytes:
    """A model of the same shape that is another: the vectors of its words are those of other words."""
    model = onnx.load_from_string(content)
    table = max(model.graph.initializer, key=lambda one: int(np.prod(one.dims)) if len(one.dims) == 2 else 0)
    table.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(table)[::-1]), table.name))
    found: bytes = model.SerializeToString()
    return found


def _prompted(home: Home, recipe: Recipe) -> Recipe:
    prompts = {"query": WRONG_PROMPT, "document": ""}
    return replace(recipe, model=register_again(home, home.models.get(recipe.model), prompts=prompts).id)


def _wrong_int8(home: Home, recipe: Recipe) -> Recipe:
    def files(kept: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {**kept, "int8.onnx": other_weights(kept["int8.onnx"])}

    return replace(recipe, model=register_again(home, home.models.get(recipe.model), files).id)


def _again(home: Home, recipe: Recipe) -> Recipe:
    return replace(recipe, model=register_again(home, home.models.get(recipe.model)).id)


def _written_again(name: str) -> Callable[[Home, Recipe], Recipe]:
    """The same recipe whose shards no build has written yet, since its lexical view has another name."""
    return lambda home, recipe: replace(recipe, lexical=replace(recipe.lexical, name=name))


def _shuffled(runner: TaskRunner, recipe: Recipe, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
    for task in tasks:
        if isinstance(task, ShardTask):
            keys = list(task.keys)
            random.Random(12).shuffle(keys)
            task = replace(task, keys=tuple(keys))
        yield task


def _stale(runner: TaskRunner, recipe: Recipe, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
    """Give most passages the vector of what their document said before: its first words."""
    for task in tasks:
        yield _stale_shard(runner, recipe, task) if isinstance(task, ShardTask) else task


def _stale_shard(runner: TaskRunner, recipe: Recipe, task: ShardTask) -> ShardTask:
    inputs = tuple(task.inputs)
    texts = [passage.encoder_input for item in inputs for passage in item.passages]
    chance = random.Random(12)
    stubs = {row: " ".join(text.split()[:STUB_WORDS]) for row, text in enumerate(texts) if chance.random() < STALE_PART}
    embed = EmbedTask(recipe.model, recipe.embedding.precision, task.view, tuple(dict.fromkeys(stubs.values())))
    runner.do(embed)
    keys = [vector_key(task.view, stubs[row]) if row in stubs else key for row, key in enumerate(task.keys)]
    return replace(task, inputs=inputs, keys=tuple(keys), sources=(*task.sources, embed.name))


DAMAGED = (
    Candidate("wrong prompt", _prompted, "model"),
    Candidate("truncated context", _with_view(PassageView("cut", 1, "head", 24, 0, 12)), "passages: strategy"),
    Candidate("int8 of the wrong model", _wrong_int8, "vectors"),
    Candidate("shuffled id map", _written_again("english-again"), "shuffled", fault=_shuffled),
    Candidate(
        "too few probes",
        _changed(approximation=Approximation(above_rows=IVF_ABOVE, min_recall=0.951)),
        "recall",
        probes=1,
    ),
    Candidate("stop words kept", _changed(lexical=lexical_view("none")), "lexical terms"),
    Candidate("lost headings", _with_view(PassageView("bare", 1, "headings", None, 32, 0)), "passages"),
    Candidate("stale vectors", _written_again("english-anew"), "stale", fault=_stale),
    Candidate("a weight of 1 on one leg (vectors)", _retrieval(dense_weight=1.0), "retrieval: dense_weight"),
    Candidate("a weight of 1 on one leg (words)", _retrieval(dense_weight=0.0), "retrieval: dense_weight"),
    Candidate("a language wrongly set", _changed(lexical=lexical_view("finnish")), "lexical terms: language"),
)
"""Ten kinds of damage; the weight of 1 on either leg."""

HARMLESS = (
    Candidate("other shards", _changed(shard_rows=100)),
    Candidate("the same written again, in other blocks", _written_again("english-twice"), block_size=7),
    Candidate("fp32 for int8", _changed(embedding=EMBEDDING_VIEWS["fp32"])),
    Candidate("a weight 0.02 higher", lambda home, one: _weighed(one, 0.02)),
    Candidate("a weight 0.02 lower", lambda home, one: _weighed(one, -0.02)),
    Candidate("120 candidates for 100", _retrieval(candidates=120)),
    Candidate("BM25's k1 1.3 for 1.2", _retrieval(bm25_k1=1.3)),
    Candidate("BM25's b 0.7 for 0.75", _retrieval(bm25_b=0.7)),
    Candidate("IVF lists with their probes", _changed(approximation=Approximation(above_rows=IVF_ABOVE))),
    Candidate("the same model registered again", _again),
)
"""What changes no answer, or some by chance."""


def _weighed(recipe: Recipe, more: float) -> Recipe:
    retrieval = replace(recipe.retrieval, dense_weight=recipe.retrieval.dense_weight + more)
    return replace(recipe, retrieval=retrieval)
