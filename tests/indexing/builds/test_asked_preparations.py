"""A preparation that was asked for ends as a proposed rollout, as its cost, or says why not; the builder goes on."""

from functools import partial

import pytest

from indexing.builds.asked_preparations import LOCK, MAX_ATTEMPTS, WORK_SECONDS, run_next_preparation
from indexing.builds.build import build, dry_run
from indexing.builds.context import prepare_build
from indexing.builds.scheduler import Builder
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.jobs import list_jobs
from indexing.catalogue.preparations import (
    ask_preparation,
    begin_preparation,
    cancel_preparation,
    list_preparations,
    open_preparations,
    read_preparation,
)
from indexing.errors import NotFound, RolloutConflict
from indexing.records import Document, Partition
from indexing.releases.preparable import require_preparable
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from indexing.releases.release import list_releases
from indexing.releases.rollouts import list_rollouts
from indexing.releases.transitions import list_transitions
from indexing.storage.store import BUILD_LOCK

OURS = Partition("default", "default")


@pytest.fixture
def ask(served):
    """Asks for a change, by default another precision."""

    def ask(*, tenants=(), is_dry_run=False, **choices):
        recipe = change_recipe(served, recipe_in_service(served), **(choices or {"precision": "fp32"}))
        return ask_preparation(
            served.catalogue,
            manifest=recipe.manifest,
            fingerprint=recipe.fingerprint,
            changes=require_preparable(served.catalogue, recipe).sentences,
            tenants=tenants,
            dry_run=is_dry_run,
            reason="better vectors",
            actor="key k-1",
        ).id

    return ask


def run_next(home, *, watch=lambda stage, done, total: None, **how):
    def context_of(recipe, on_progress):
        def both(stage, done, total):
            watch(stage, done, total)
            on_progress(stage, done, total)

        return prepare_build(home, recipe, on_progress=both)

    return run_next_preparation(home, context_of, **how)


def state_of(home):
    return [one.number for one in list_releases(home.catalogue)], len(list_rollouts(home.catalogue))


def test_it_ends_as_a_rollout_that_its_asker_proposed_and_says_what_it_cost(served, ask):
    number = ask(tenants=["default"])
    assert run_next(served)
    done = read_preparation(served.catalogue, number)
    assert (done.state, done.release, done.rollout, done.error) == ("proposed", "2.1", 1, None)
    assert done.cost["embeddings"] == done.cost["passages"] > 0
    assert (done.stage, done.done) == ("shards", done.total)
    (rollout,) = list_rollouts(served.catalogue)
    assert (rollout.state, rollout.candidate, rollout.tenants) == ("proposed", 2, ("default",))
    (told,) = list_transitions(served.catalogue, 1)
    assert (told.actor, told.reason) == ("key k-1", "better vectors")
    assert not run_next(served), "nothing else is asked for"


def test_a_dry_run_ends_with_its_cost_and_stores_nothing(served, ask):
    number = ask(is_dry_run=True)
    assert run_next(served)
    done = read_preparation(served.catalogue, number)
    assert (done.state, done.cost["embeddings"], done.release) == ("estimated", done.cost["passages"], None)
    assert state_of(served) == (["1.1"], 0)


def test_the_oldest_is_first_and_the_same_change_is_asked_for_once(served, ask):
    first = ask()
    with pytest.raises(RolloutConflict, match=f"Preparation {first} is the same change"):
        ask()
    second, costs = ask(dense_weight=0.9), ask(is_dry_run=True)
    while run_next(served):
        pass
    found = list_preparations(served.catalogue)
    assert [(one.id, one.state) for one in found] == [(costs, "failed"), (second, "proposed"), (first, "proposed")]
    assert "Recipe 2 is in rollout 1 already" in found[0].error, "it was proposed since"
    assert [one.id for one in list_preparations(served.catalogue, before=costs, limit=1)] == [second]


@pytest.mark.parametrize("stage", ["vectors", "shards"])
def test_cancelled_at_work_it_leaves_nothing_but_what_it_computed(served, ask, stage):
    number = ask()

    def cancel(now, done, total):
        if now == stage and done:
            cancel_preparation(served.catalogue, number, "key k-2")

    assert run_next(served, watch=cancel)
    done = read_preparation(served.catalogue, number)
    assert (done.state, done.error, done.release) == ("cancelled", "cancelled by key k-2", None)
    assert state_of(served) == (["1.1"], 0)
    assert list_jobs(served.catalogue)[0].state == "cancelled"
    recipe = change_recipe(served, recipe_in_service(served), precision="fp32")
    assert dry_run(prepare_build(served, recipe)).embeddings == 0, "its vectors stayed"


def test_cancelled_in_the_last_moment_there_is_neither_release_nor_rollout(served, ask, monkeypatch):
    number = ask()
    rollouts_before = len(list_rollouts(served.catalogue))
    from indexing.builds import asked_preparations

    def prepare(context, *, conclude, **how):
        cancel_preparation(served.catalogue, number, "key k-2")
        return asked_preparations_prepare(context, conclude=conclude, **how)

    asked_preparations_prepare = asked_preparations.prepare
    monkeypatch.setattr(asked_preparations, "prepare", prepare)
    monkeypatch.setattr(asked_preparations, "note_progress", lambda *told: True)  # it hears of it at the end alone
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "cancelled"
    assert state_of(served) == (["1.1"], rollouts_before)


def test_one_that_waits_is_cancelled_at_once_and_one_that_is_over_cannot_be(served, ask):
    number = ask()
    assert cancel_preparation(served.catalogue, number, "me").state == "cancelled"
    assert not run_next(served)
    with pytest.raises(RolloutConflict, match=f"Preparation {number} is cancelled since"):
        cancel_preparation(served.catalogue, number, "me")
    with pytest.raises(NotFound, match="No preparation 99"):
        cancel_preparation(served.catalogue, 99, "me")


def test_an_error_is_told_with_it_and_the_next_one_is_run(served, ask):
    broken, sound = ask(), ask(dense_weight=0.9)

    def break_it(stage, done, total):
        if stage == "vectors" and read_preparation(served.catalogue, broken).state == "building":
            raise ZeroDivisionError("a defect")

    assert run_next(served, watch=break_it)
    done = read_preparation(served.catalogue, broken)
    assert (done.state, done.error) == ("failed", "ZeroDivisionError: a defect")
    assert run_next(served, watch=break_it)
    assert read_preparation(served.catalogue, sound).state == "proposed"


def test_after_a_kill_the_next_builder_goes_on_where_it_stopped(served, ask):
    number = ask()

    class Killed(BaseException):
        pass

    def kill(stage, done, total):
        if stage == "vectors" and done:
            raise Killed

    with pytest.raises(Killed):
        run_next(served, watch=kill)
    assert read_preparation(served.catalogue, number).state == "building"
    recipe = change_recipe(served, recipe_in_service(served), precision="fp32")
    assert dry_run(prepare_build(served, recipe)).embeddings < 40, "what it computed is there"
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_what_ends_every_builder_fails_after_some(served, ask):
    number = ask()
    for _ in range(MAX_ATTEMPTS):
        begin_preparation(served.catalogue, number)  # and nothing more is heard of it
    assert run_next(served)
    done = read_preparation(served.catalogue, number)
    assert done.state == "failed"
    assert "3 builders ended while they worked on it" in done.error


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK])
def test_while_another_builder_or_a_build_works_it_waits_and_no_attempt_is_counted(served, ask, lock):
    number = ask()
    with served.storage.lock(lock):
        assert not run_next(served)
    waiting = read_preparation(served.catalogue, number)
    assert (waiting.state, waiting.attempts) == ("waiting", 0)
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_it_gives_way_to_a_build_that_is_wanted_once_it_has_worked_a_while_and_goes_on_after_it(served, ask):
    number, now = ask(), [0.0]
    built = []

    def work(stage, done, total):
        if stage == "shards" and not built:
            put_documents(served.catalogue, OURS, [Document("late", "Late", "Written meanwhile.")])
            now[0] = WORK_SECONDS

    def build_live():
        built.append(build(prepare_build(served, recipe_in_service(served))).release.number)

    run_preparation = partial(
        run_next,
        served,
        watch=work,
        clock=lambda: now[0],
        gives_way=lambda worked: worked >= WORK_SECONDS and builder.reason() is not None,
    )
    builder = Builder(served.catalogue, build_live, run_preparation, every_seconds=0.0)
    assert builder.step(), "nothing has changed, so it begins with the preparation, which gives way"
    assert read_preparation(served.catalogue, number).state == "waiting"
    assert read_preparation(served.catalogue, number).attempts == 0
    assert builder.step()
    assert built[-1] == "1.2"
    assert builder.step()
    done = read_preparation(served.catalogue, number)
    assert (done.state, done.release) == ("proposed", "2.1")
    assert open_preparations(served.catalogue) == []
