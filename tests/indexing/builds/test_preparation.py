"""Preparing ends as a proposed rollout or as nothing, says before what it costs, and leaves what serves alone."""

from dataclasses import replace

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.dry_run import dry_run
from indexing.builds.preparation import estimate, prepare
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.jobs import cancel_job, list_jobs
from indexing.catalogue.releases import stable_recipe
from indexing.errors import BuildCancelled, NotFound, NotReady, RolloutConflict
from indexing.records import Document, Partition
from indexing.releases.deployments import stable_release
from indexing.releases.preparable import require_preparable
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from indexing.releases.recipes import RetrievalConfig
from indexing.releases.release import list_releases
from indexing.releases.rollouts import list_rollouts
from indexing.releases.transitions import list_transitions
from indexing.snapshots.manifest import read_snapshot

OURS = Partition("default", "default")
TEXTS = [Document(f"doc-{n:02}", f"Title {n}", f"The words of document {n} are few. " * 3) for n in range(40)]


@pytest.fixture
def served(tiny_home):
    """A home whose first recipe is in service, with 40 documents."""
    put_documents(tiny_home.catalogue, OURS, TEXTS)
    build(prepare_build(tiny_home, recipe_in_service(tiny_home)))
    return tiny_home


def changed(home, **choices):
    return change_recipe(home, recipe_in_service(home), **choices)


def context(home, *, on_progress=lambda stage, done, total: None, **choices):
    return prepare_build(home, changed(home, **choices), on_progress=on_progress)


def state_of(home):
    return [one.number for one in list_releases(home.catalogue)], len(list_rollouts(home.catalogue))


def test_a_prepared_recipe_is_proposed_and_what_serves_stays(served):
    before = stable_release(served.catalogue)
    done = prepare(context(served, precision="fp32"), reason="better vectors", tenants=["default"])
    assert (done.report.release.number, done.report.is_deployed) == ("2.1", False)
    assert (done.rollout.state, done.rollout.candidate, done.rollout.baseline) == ("proposed", 2, 1)
    assert done.rollout.tenants == ("default",)
    assert stable_release(served.catalogue) == before
    (told,) = list_transitions(served.catalogue, done.rollout.id)
    assert (told.to_state, told.reason) == ("proposed", "better vectors")


def test_writes_while_it_is_prepared_reach_it(served):
    def write(stage, done, total):
        if stage == "vectors" and done == total:
            put_documents(served.catalogue, OURS, [Document("new", "New", "Written meanwhile.")])
            remove_documents(served.catalogue, OURS, ["doc-00"])

    done = prepare(context(served, precision="fp32", on_progress=write), reason="")
    assert done.report.documents == 40
    assert done.report.release.seq == served.catalogue.sequence()


def test_what_it_costs_is_said_before_and_nothing_is_stored(served):
    cost = estimate(served, context(served, precision="fp32"))
    assert (cost.work.documents, cost.work.embeddings) == (40, cost.work.passages)
    assert cost.vector_bytes == cost.work.embeddings * (16 * 4 + 32)
    assert state_of(served) == (["1.1"], 0)
    done = prepare(context(served, precision="fp32"), reason="")
    assert done.report.embeddings_computed == cost.work.embeddings
    assert done.report.shards_written == cost.work.shards
    written = read_snapshot(served.storage, done.report.release.snapshot).size_bytes
    assert cost.shard_bytes == pytest.approx(written, rel=0.05)


def test_a_change_of_retrieval_alone_costs_nothing(served):
    recipe = replace(recipe_in_service(served), retrieval=RetrievalConfig(dense_weight=0.9))
    cost = estimate(served, prepare_build(served, recipe))
    assert (cost.work.embeddings, cost.work.shards, cost.vector_bytes, cost.shard_bytes) == (0, 0, 0, 0)


def interrupt_at(stage):
    def on_progress(now, done, total):
        if now == stage and done:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("stage", ["vectors", "shards"])
def test_ctrl_c_leaves_no_release_and_no_rollout_and_keeps_the_vectors(served, stage):
    with pytest.raises(KeyboardInterrupt):
        prepare(context(served, precision="fp32", on_progress=interrupt_at(stage)), reason="")
    assert state_of(served) == (["1.1"], 0)
    assert list_jobs(served.catalogue)[0].state == "cancelled"
    assert stable_recipe(served.catalogue) == 1
    assert dry_run(context(served, precision="fp32")).embeddings == 0, "its vectors stayed"
    assert prepare(context(served, precision="fp32"), reason="").report.embeddings_computed == 0


@pytest.mark.parametrize("executor", ["local", "workers"])
def test_a_cancelled_job_leaves_no_release_and_no_rollout(served, executor):
    def cancel(stage, done, total):
        if stage == "vectors":
            cancel_job(served.catalogue, list_jobs(served.catalogue)[0].id)

    cancelled = replace(context(served, precision="fp32", on_progress=cancel), executor=executor)
    with pytest.raises(BuildCancelled):
        prepare(cancelled, reason="")
    assert state_of(served) == (["1.1"], 0)
    assert list_jobs(served.catalogue)[0].state == "cancelled"


def test_what_cannot_be_proposed_is_not_released_either(served):
    with pytest.raises(NotFound, match="No tenant 'zeta'"):
        prepare(context(served, precision="fp32"), reason="", tenants=["zeta"])
    assert state_of(served) == (["1.1"], 0)
    assert list_jobs(served.catalogue)[0].state == "failed"


def test_what_could_not_be_proposed_is_refused_before_anything_is_computed(served, tmp_path):
    recipe = changed(served, precision="fp32")
    with pytest.raises(NotFound, match="'zeta'"):
        require_preparable(served.catalogue, recipe, ["zeta"])
    with pytest.raises(RolloutConflict, match="Recipe 1 is in service already, and these choices change nothing"):
        require_preparable(served.catalogue, changed(served))
    change = require_preparable(served.catalogue, recipe)
    assert (change.live, change.sentences) == (1, ("vectors: name int8 -> fp32", "vectors: precision int8 -> fp32"))
    prepare(context(served, precision="fp32"), reason="")
    with pytest.raises(RolloutConflict, match=r"Recipe 2 is in rollout 1 already \(proposed\)"):
        require_preparable(served.catalogue, recipe)


def test_nothing_in_service_leaves_nothing_to_compare_with(tiny_home):
    with pytest.raises(NotReady, match="Nothing is in service"):
        require_preparable(tiny_home.catalogue, recipe_in_service(tiny_home))


def test_a_recipe_that_was_built_before_is_proposed_as_it_is(served):
    build(context(served, precision="fp32"))
    done = prepare(context(served, precision="fp32"), reason="")
    assert (done.report.release.number, done.report.is_new, done.rollout.candidate) == ("2.1", False, 2)
