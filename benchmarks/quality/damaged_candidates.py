"""Are damaged candidates caught, by what, after how many queries, with the right cause? Are harmless ones let be?

A home holds a judged collection and a recipe in service. Each candidate is built as a mistake or a fault would make it.
First its cost is measured: nDCG@10 on all judgments, with the build's checks off where they would stop it. Then it goes
the way of any candidate: a build with its checks, the offline gate with its default margin and level on the same
judgments, and a simulated canary at 20 % of the users (``simulated_canary``). The canary is run for all of them,
whatever the gate said, so that the table shows what each signal sees by itself. Latency is not judged: this machine
does other things, too.

Usage: nice python -m benchmarks.quality.damaged_candidates [--data ../shared/data] [--collections helpdesk]
"""

import argparse
import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from app.serving.release import ServingRelease
from benchmarks.harness.damages import DAMAGED, HARMLESS, Candidate
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder, take_models
from benchmarks.harness.simulated_canary import Answers, answers_of, overlap_of, watch
from eval.datasets.query_sets import QuerySet
from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from eval.datasets.stored_sets import read_query_set
from eval.datasets.topics import read_topics
from eval.datasets.trec import read_qrels
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.comparison import compare
from eval.experiments.evaluation_task import LocalEvaluationExecutor
from eval.experiments.evaluations import Evaluation, evaluate
from eval.gates.offline import GateDecision, gate
from eval.gates.policy import LatencyLimits, Policy, SetPolicy
from indexing.builds.build import BuildReport, build
from indexing.builds.context import prepare_build
from indexing.builds.tasks import BuildTask, ShardTask, TaskRunner
from indexing.errors import GroundworkError
from indexing.home import Home, open_home
from indexing.indexes.ivf_index import sample_queries
from indexing.models.embedder import Embedder, OnnxEmbedder, load_embedder
from indexing.models.registry import KIND as MODELS
from indexing.models.registry import load_tokenizer, stored_model
from indexing.records import Json, Partition
from indexing.releases.gate import HOLD, REJECT
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipe_diff import recipe_differences
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import find_release
from indexing.settings import Settings
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import open_shard
from indexing.snapshots.shard_manifest import read_shard_manifest
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from indexing.storage.store import Storage

HARM = 0.05
"""nDCG@10 from which a candidate counts as harmful. Source: issue 12."""
K = 10


class FaultyExecutor:
    """Does the tasks of a candidate's build as its fault has it, with the build's checks or without."""

    def __init__(self, storage: Storage, recipe: Recipe, candidate: Candidate, *, is_checked: bool) -> None:
        load = None if is_checked else (lambda model, precision: unproved(storage, model, precision))
        self._runner = TaskRunner(storage, sessions=2, load=load, is_checked=is_checked)
        self._storage, self._recipe, self._candidate, self._is_checked = storage, recipe, candidate, is_checked

    def run(self, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
        """See ``indexing.builds.tasks.Executor``."""
        for task in self._candidate.fault(self._runner, self._recipe, tasks):
            self._runner.do(task)
            if self._candidate.probes is not None and isinstance(task, ShardTask):
                probe_fewer(self._storage, task.name, self._candidate.probes, tells=self._is_checked)
            yield task


def unproved(storage: Storage, model_id: str, precision: str) -> Embedder:
    """A model's form as it is, without the proof by its canonical vectors."""
    model = stored_model(storage, model_id)
    return OnnxEmbedder(
        storage.open(MODELS, model_id).path / f"{precision}.onnx",
        load_tokenizer(storage, model),
        max_tokens=model.manifest.max_tokens,
        sessions=2,
        query_prompt=model.prompts.query,
        document_prompt=model.prompts.document,
        without=model.without,
    )


def probe_fewer(storage: Storage, name: str, probes: int, *, tells: bool) -> None:
    """Let a shard's IVF lists be searched by ``probes``; it tells the recall of that or, as a lie, that of before."""
    stored = storage.open(SHARDS, name)
    facts = read_shard_manifest(stored).facts
    if facts.lists is None:
        return
    lists = replace(facts.lists, probes=probes)
    with tempfile.TemporaryDirectory() as place:
        files = Path(shutil.copytree(stored.path, Path(place) / "shard", ignore=_but(stored.files)))
        _put_shard(storage, name, files, {**stored.info, "lists": lists.to_json()})
        if tells:
            lists = replace(lists, recall_at_10=_recall(storage, name))
            _put_shard(storage, name, files, {**stored.info, "lists": lists.to_json()})


def _but(names: Collection[str]) -> Callable[[str, list[str]], list[str]]:
    """Leaves out all other files, such as the manifest, which is written anew."""
    return lambda folder, there: [name for name in there if name not in names]


def _put_shard(storage: Storage, name: str, files: Path, info: Mapping[str, Json]) -> None:
    """Put other words about a shard in the place of its own."""
    storage.delete(SHARDS, name)
    with storage.publish(SHARDS, name) as draft:
        shutil.copytree(files, draft.path, dirs_exist_ok=True)
        draft.info.update(info)


def _recall(storage: Storage, name: str) -> float:
    """What a shard's lists find of the ten nearest, as a build measures it."""
    shard = open_shard(storage.open(SHARDS, name))
    found = wanted = 0
    for partition, part in shard.partitions.items():
        vectors = shard.vectors(np.arange(part.start, part.stop))
        for query in sample_queries(vectors, 100):
            some, all_ = (set(shard.search(partition, query, K, exact=exact)[0].tolist()) for exact in (False, True))
            found, wanted = found + len(some & all_), wanted + len(all_)
    return round(found / max(wanted, 1), 4)


class Bench:
    """A home with a judged collection and a recipe in service, and what becomes of candidates there."""

    def __init__(self, home: Home, partition: Partition, policy: Policy) -> None:
        """``home`` holds the documents and the query set ``policy`` names first; its default recipe is built here."""
        self.home, self.partition, self.policy = home, partition, policy
        self.query_set: QuerySet = read_query_set(home, policy.query_sets[0].name, split=None)
        now = default_recipe(home)  # without the rule of the leg check, which would take the weight of a damaged leg
        self.base = replace(now, retrieval=replace(now.retrieval, leg_rule=None))
        self.built = build(prepare_build(home, self.base))
        self.before = self._evaluated(self.built.release.number, is_checked=True)
        self.answers = self._answers(self.built.release.number, is_checked=True)

    def judge(self, candidate: Candidate, number: int) -> dict[str, Json]:
        """What a candidate costs, and what was seen of it at build, offline and in the canary."""
        recipe = candidate.recipe(self.home, self.base)
        refused = self._refused(candidate, recipe)
        built = self._built(candidate, recipe, is_checked=refused is None)
        release, made = built.release.number, read_recipe(self.home.catalogue, built.release.recipe)
        after = self._evaluated(release, is_checked=refused is None)
        compared = compare(self.before, after, self.query_set)
        offline = gate(self.home, made.number, self.built.release.recipe, self.policy)
        answers = self._answers(release, is_checked=refused is None)
        canary = watch(self.home, made.number, self.answers, answers, self.query_set, self.policy, number)
        told = [
            one.sentence
            for one in recipe_differences(read_recipe(self.home.catalogue, self.built.release.recipe), made)
        ]
        caught = [
            name
            for name, is_caught in (
                ("build", refused is not None),
                ("offline", is_shown_worse(offline)),
                ("canary", bool(canary)),
            )
            if is_caught
        ]
        said = [refused] if refused is not None else told
        return {
            "candidate": candidate.name,
            "nDCG@10": round(compared.mean_b, 4),
            "difference": round(compared.difference, 4),
            "interval": None if compared.interval is None else [round(one, 4) for one in compared.interval],
            "p": compared.p,
            "overlap": round(overlap_of(self.answers, answers), 3),
            "build": refused or "passed",
            "offline": {"verdict": offline.verdict, "queries": compared.queries, "reasons": list(offline.reasons)},
            "canary": [asdict(one) for one in canary],
            "caught_by": caught,
            "cause_named": said,
            "is_cause_right": any(candidate.cause in one for one in said) if candidate.is_harmful else None,
        }

    def _refused(self, candidate: Candidate, recipe: Recipe) -> str | None:
        """What the build's checks say against a candidate; ``None`` where it is built."""
        storage = self.home.storage
        there = set(storage.list(SHARDS))
        try:
            self._built(candidate, recipe, is_checked=True)
        except GroundworkError as error:
            for name in set(storage.list(SHARDS)) - there:  # so that the build without checks writes them, too
                storage.delete(SHARDS, name)
            return f"{type(error).__name__}: {error}"
        return None

    def _built(self, candidate: Candidate, recipe: Recipe, *, is_checked: bool) -> BuildReport:
        storage = self.home.storage
        context = prepare_build(
            self.home,
            recipe,
            executor_for=lambda job: FaultyExecutor(storage, recipe, candidate, is_checked=is_checked),
        )
        if not is_checked:
            context = replace(
                context, load_embedder=lambda: unproved(storage, recipe.model, recipe.embedding.precision)
            )
        return build(replace(context, block_size=candidate.block_size))

    def _opener(self, is_checked: bool) -> ArtefactOpener:
        storage = self.home.storage
        if is_checked:
            return ArtefactOpener(storage, sessions=1, load=lambda model, form: _proved(storage, model, form))
        return ArtefactOpener(storage, sessions=1, load=lambda model, form: unproved(storage, model, form))

    def _evaluated(self, release: str, *, is_checked: bool) -> Evaluation:
        executor = LocalEvaluationExecutor(self._opener(is_checked))
        return evaluate(self.home, release, self.query_set, executor=executor)

    def _answers(self, number: str, *, is_checked: bool) -> Answers:
        release = find_release(self.home.catalogue, number)
        recipe = read_recipe(self.home.catalogue, release.recipe)
        serving: ServingRelease = self._opener(is_checked).open(release, recipe, {})
        return answers_of(serving, self.query_set, self.partition, K)


def _proved(storage: Storage, model: str, precision: str) -> Embedder:
    return load_embedder(storage, stored_model(storage, model), precision, sessions=1)


def is_shown_worse(decision: GateDecision) -> bool:
    """Whether a gate keeps a candidate back since a loss is shown: it rejects it, or holds it, doubting judgments, too.

    A HOLD for want of evidence counts for nothing here, though it also keeps a candidate from going live.
    """
    return decision.verdict == REJECT or (
        decision.verdict == HOLD and any("it is worse" in reason for reason in decision.reasons)
    )


def summary(found: Sequence[dict[str, Json]], harmless: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """The question of the benchmark, in counts."""
    harmful = [one for one in found if one["difference"] <= -HARM]
    caught = [one for one in harmful if one["caught_by"]]
    return {
        "damaged": len(found),
        "cost_at_least_0.05": len(harmful),
        "of_these_caught": len(caught),
        "of_these_with_the_right_cause": sum(bool(one["is_cause_right"]) for one in caught),
        "not_caught": [one["candidate"] for one in harmful if not one["caught_by"]],
        "harmless": len(harmless),
        "harmless_rejected": [one["candidate"] for one in harmless if one["caught_by"]],
        "harmless_promoted": sum(one["offline"]["verdict"] == "PROMOTE" for one in harmless),
        "harmless_said_of_in_canary": [one["candidate"] for one in harmless if one["canary"]],
    }


def policy_for(name: str, **changes: Json) -> Policy:
    """The default margin and level on all judged queries of a set; latency is not judged."""
    return Policy(
        query_sets=(SetPolicy(name=name, split="all", **changes),), latency=LatencyLimits(p95_ms=None, p95_ratio=None)
    )


def put_judged_set(home: Home, folder: Path, partition: Partition) -> None:
    """Store all judgments of a collection as one query set, whatever its files call them."""
    qrels: dict[str, dict[str, int]] = {}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for query, grades in read_qrels(path).items():
            qrels.setdefault(query, {}).update(grades)
    topics = read_topics(folder / "queries.jsonl")
    queries = [NewQuery(query, topics[query].text, "imported") for query in qrels]
    create_set(home, partition.collection, partition, "imported", provenance={"folder": folder.name}, actor="benchmark")
    put_contents(home, partition.collection, queries, qrels, Note("import", "benchmark", "all judgments"))


def measure(bench: Bench, damaged: Sequence[Candidate], harmless: Sequence[Candidate]) -> dict[str, Json]:
    """Judge all candidates on one home."""
    found: dict[bool, list[dict[str, Json]]] = {True: [], False: []}
    for number, candidate in enumerate((*damaged, *harmless)):
        one = bench.judge(candidate, number)
        found[candidate.is_harmful].append(one)
        print(json.dumps(one), flush=True)
    return {
        "queries": len(bench.query_set.queries),
        "passages": bench.built.passages,
        "nDCG@10": round(bench.before.means["nDCG@10"], 4),
        "summary": summary(found[True], found[False]),
        "damaged": found[True],
        "harmless": found[False],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--collections", nargs="+", default=["helpdesk"])
    parser.add_argument(
        "--models", type=Path, help="A home whose models are taken; by default the model is registered."
    )
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    result = {}
    for name in options.collections:
        folder, partition = corpus_folder(options.data, name), Partition("default", name)
        with tempfile.TemporaryDirectory() as place, contextlib.closing(open_home(Settings(), Path(place))) as home:
            take_models(home, options.models)
            ingest(home.catalogue, open_source(folder / "corpus.jsonl", "jsonl"), partition)
            put_judged_set(home, folder, partition)
            result[name] = measure(Bench(home, partition, policy_for(name)), DAMAGED, HARMLESS)
    for name, one in result.items():
        print(name, json.dumps(one["summary"], indent=1))
    if not options.dry:
        write_result("damaged_candidates", result)


if __name__ == "__main__":
    main()
