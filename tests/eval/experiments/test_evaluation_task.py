"""Tasks of an evaluation: done from artefacts alone, once, and the same in a worker as in this process."""

import shutil
from dataclasses import replace

import pytest

from app.retrieval.retriever import Retriever
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.evaluation_task import (
    BLOCK_QUERIES,
    EvaluationTask,
    load_evaluation_task,
    rank_queries,
    read_output,
    run_evaluation_task,
    save_evaluation_task,
    withdraw_evaluation_task,
)
from eval.experiments.evaluations import evaluate
from eval.experiments.task_kind import KIND
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.tasks import withdraw_tasks
from indexing.catalogue.document_writes import put_documents
from indexing.errors import ArtefactMissing, NotReady
from indexing.features.boosts import Boost
from indexing.features.materialise import Push, push
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import read_recipe
from indexing.settings import Settings
from indexing.snapshots.shard import KIND as SHARDS
from indexing.storage.factory import open_storage
from tests.support.document_features import CLICKS
from tests.support.evaluated_home import WORDS, EvaluatedHome, made_set
from tests.support.fresh_home import OURS, RECIPE

BOOSTED = replace(
    RECIPE,
    retrieval=replace(RECIPE.retrieval, boosts=(Boost("clicks:clicks", 5.0, 10.0),)),
    document_views=(replace(CLICKS, ttl_seconds=None),),
)
ODD = {"q\ud800": "half a pair", "10": "apple", "9": "bread  and\nbutter", "é": "zwölf \U0001f600"}


@pytest.fixture
def fresh(tmp_path):
    made = EvaluatedHome(tmp_path / "home")
    yield made
    made.close()


def task_of(fresh, recipe=RECIPE, **fields):
    release = fresh.build(recipe).release
    manifest = read_recipe(fresh.home.catalogue, release.recipe).manifest
    queries = {f"q-{word}": f"the {word}" for word in WORDS}
    return replace(EvaluationTask(release.number, release.snapshot, manifest, OURS, "hybrid", 3, queries), **fields)


def test_a_worker_that_has_artefacts_and_no_catalogue_ranks_as_this_process_does(tiny_home, tmp_path):
    place = Partition("default", "docs")
    put_documents(tiny_home.catalogue, place, [Document(word, word, f"the {word} here") for word in WORDS])
    release = build(prepare_build(tiny_home, default_recipe(tiny_home))).release
    manifest = read_recipe(tiny_home.catalogue, release.recipe).manifest
    queries = {word: f"the {word}" for word in WORDS}
    task = EvaluationTask(release.number, release.snapshot, manifest, place, "hybrid", 5, queries)
    elsewhere = tmp_path / "worker"
    for folder in ("models", "shards", "snapshots"):
        shutil.copytree(tiny_home.path / folder, elsewhere / folder)
    storage = open_storage(Settings(home=elsewhere))
    run_evaluation_task(storage, ArtefactOpener(storage, sessions=1), save_evaluation_task(storage, task))
    output = read_output(storage, task)
    assert not (elsewhere / "catalogue.db").exists()
    assert output.latencies_ms.keys() == queries.keys()
    found = evaluate(tiny_home, release.number, made_set(queries, {q: {q: 1} for q in queries}, partition=place), k=5)
    assert found.rankings == output.rankings


def test_a_task_comes_back_as_it_was_stored_with_its_queries_in_order(fresh):
    task = task_of(fresh, BOOSTED, queries=ODD, values={"apple": {"clicks:clicks": 0.1 + 0.2}})
    name = save_evaluation_task(fresh.home.storage, task)
    found = load_evaluation_task(fresh.home.storage, name)
    assert (found, list(found.queries)) == (task, list(ODD))
    assert save_evaluation_task(fresh.home.storage, task) == name
    run_evaluation_task(fresh.home.storage, fresh.opener(), name)
    assert read_output(fresh.home.storage, task).rankings == rank_queries(fresh.opener(), task).rankings


def test_an_output_that_is_there_is_kept_and_a_damaged_one_is_made_again(fresh):
    storage, task = fresh.home.storage, task_of(fresh)
    name = save_evaluation_task(storage, task)
    assert run_evaluation_task(storage, fresh.opener(), name)
    first = read_output(storage, task)
    assert not run_evaluation_task(storage, fresh.opener(), name)
    assert read_output(storage, task) == first
    (storage.open(*task.output).path / "rankings.json").write_bytes(b"{")
    assert run_evaluation_task(storage, fresh.opener(), name)
    assert read_output(storage, task).rankings == first.rankings


def test_a_task_that_was_withdrawn_is_not_done_and_leaves_nothing(fresh):
    storage, task = fresh.home.storage, task_of(fresh)
    name = save_evaluation_task(storage, task)
    run_evaluation_task(storage, fresh.opener(), name)
    withdraw_evaluation_task(storage, task)
    assert storage.list(KIND) == []
    with pytest.raises(ArtefactMissing):
        run_evaluation_task(storage, fresh.opener(), name)


def test_an_erasure_withdraws_the_tasks_and_outputs_with_those_of_builds(fresh):
    storage, task = fresh.home.storage, task_of(fresh)
    run_evaluation_task(storage, fresh.opener(), save_evaluation_task(storage, task))
    withdraw_tasks(storage)
    assert storage.list(KIND) == []


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_values_of_documents_travel_with_the_task_where_the_recipe_boosts(fresh, mode):
    push(fresh.home.catalogue, BOOSTED.document_views[0], OURS, [Push("flour", "2026-01-01", {"clicks": 1000})])
    found = fresh.evaluate(fresh.build(BOOSTED).release.number, mode=mode, k=3)
    assert {ranking[0] for ranking in found.rankings.values()} == ({"flour"} if mode != "lexical" else {*WORDS})
    fresh.deploy(1)
    serving = fresh.process().serving()
    for query, text in made_set().queries.items():
        hits = Retriever().search(serving, OURS, text, k=3, mode=mode).hits
        assert found.rankings[query] == [hit.passage.document_id for hit in hits]


def test_an_evaluation_with_boosts_is_measured_again_when_a_value_changed(fresh):
    number, view = fresh.build(BOOSTED).release.number, BOOSTED.document_views[0]
    before = fresh.evaluate(number)
    assert fresh.evaluate(number) == before
    push(fresh.home.catalogue, view, OURS, [Push("flour", "2026-01-01", {"clicks": 1000})])
    assert fresh.evaluate(number).id != before.id


def test_a_release_that_lacks_a_shard_is_not_measured(fresh):
    task = task_of(fresh, replace(RECIPE, shard_rows=4))
    name = fresh.home.storage.list(SHARDS)[0]
    fresh.home.storage.delete(SHARDS, name)
    with pytest.raises(NotReady, match=name):
        rank_queries(fresh.opener(), task)


def test_many_queries_are_done_in_blocks_with_progress_and_one_model(fresh):
    fresh.build()
    count = 2 * BLOCK_QUERIES + 3
    queries = made_set({f"q{n}": "apple" for n in range(count)}, {f"q{n}": {"apple": 1} for n in range(count)})
    seen = []
    found = fresh.evaluate(1, queries, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, count) for done in (0, BLOCK_QUERIES, 2 * BLOCK_QUERIES, count)]
    assert list(found.rankings) == list(queries.queries)
    assert fresh.loaded == 1
