"""A preparation that was asked for ends as a proposed rollout, as its cost, or says why not; the builder goes on."""

import threading
from types import SimpleNamespace

import pytest

from indexing.builds import dry_run as dry_run_module
from indexing.builds.asked_preparations import LOCK, MAX_ATTEMPTS, NOTE_SECONDS, WORK_SECONDS, run_next_preparation
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.dry_run import dry_run
from indexing.builds.plan import MOST_PLANS
from indexing.builds.scheduler import Builder
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.jobs import list_jobs
from indexing.catalogue.preparations import (
    ask_preparation,
    begin_preparation,
    cancel_preparation,
    list_preparations,
    note_progress,
    open_preparations,
    read_preparation,
)
from indexing.errors import BuildFailed, CatalogueBusy, NotFound, NotReady, RolloutConflict, StorageFailed, StorageFull
from indexing.features.embedding_store import feature_kind
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy
from indexing.releases.preparable import require_preparable
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from indexing.releases.recipes import read_recipe, record_recipe
from indexing.releases.release import list_releases
from indexing.releases.rollouts import list_rollouts
from indexing.releases.transitions import list_transitions
from indexing.retention.reachability import needed_vectors, retained_recipes
from indexing.storage.store import BUILD_LOCK

OURS = Partition("default", "default")


@pytest.fixture
def ask(served):
    """Asks for a change, by default another precision."""

    def ask(*, tenants=(), is_dry_run=False, **choices):
        recipe = change_recipe(served, recipe_in_service(served), **(choices or {"precision": "fp32"}))
        return ask_preparation(
            served.catalogue,
            record_recipe(served.catalogue, recipe).number,
            live=(change := require_preparable(served.catalogue, recipe)).live,
            changes=change.sentences,
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


def test_what_asks_for_a_cost_is_first_then_the_oldest_and_the_same_change_is_asked_for_once(served, ask):
    first = ask()
    with pytest.raises(RolloutConflict, match=f"Preparation {first} is the same change"):
        ask()
    second, costs = ask(dense_weight=0.9), ask(is_dry_run=True)
    ended = []
    while run_next(served):
        ended += [one.id for one in list_preparations(served.catalogue) if one.ended_at and one.id not in ended]
    assert ended == [costs, first, second]
    found = list_preparations(served.catalogue)
    assert [(one.id, one.state) for one in found] == [(costs, "estimated"), (second, "proposed"), (first, "proposed")]
    assert [one.id for one in list_preparations(served.catalogue, before=costs, limit=1)] == [second]


def test_one_that_would_undo_what_was_put_in_service_meanwhile_is_refused(served, ask):
    number = ask(dense_weight=0.9)
    other = change_recipe(served, recipe_in_service(served), bm25_b=0.3)
    deploy(served.catalogue, build(prepare_build(served, other)).release.recipe, reason="a test", actor="me")
    assert run_next(served)
    done = read_preparation(served.catalogue, number)
    assert done.state == "failed"
    assert "bm25_b" in done.error
    assert "ask for the change again" in done.error


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
    job = list_jobs(served.catalogue)[0]
    assert (job.id, job.state, job.actor) == (done.job, "cancelled", "key k-1")
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
    monkeypatch.setattr(
        asked_preparations, "note_progress", lambda *told, **how: True
    )  # it hears of it at the end alone
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


def stop_at_vectors(error):
    def stop(stage, done, total):
        if stage == "vectors" and done == total:
            raise error

    return stop


def test_after_a_kill_or_ctrl_c_the_next_builder_goes_on_where_it_stopped(served, ask):
    number = ask()
    with pytest.raises(KeyboardInterrupt):
        run_next(served, watch=stop_at_vectors(KeyboardInterrupt))
    waiting = read_preparation(served.catalogue, number)
    assert (waiting.state, waiting.error) == ("waiting", None)
    begin_preparation(served.catalogue, number)  # by a builder that is killed then
    recipe = change_recipe(served, recipe_in_service(served), precision="fp32")
    assert dry_run(prepare_build(served, recipe)).embeddings == 0, "what it computed is there"
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


def test_one_that_makes_progress_may_lose_any_number_of_builders(served, ask):
    number = ask()
    for _ in range(2 * MAX_ATTEMPTS):
        begin_preparation(served.catalogue, number)
        assert note_progress(served.catalogue, number, "vectors", 1, 2, has_progressed=True)
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


@pytest.mark.parametrize("error", [NotReady("Redis is gone"), StorageFailed("no disk"), CatalogueBusy("busy")])
def test_a_fault_that_passes_fails_nothing_and_is_told_while_it_waits(served, ask, error):
    number = ask()
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(type(error)):
            run_next(served, watch=stop_at_vectors(error))
    waiting = read_preparation(served.catalogue, number)
    assert (waiting.state, waiting.error) == ("waiting", f"{type(error).__name__}: {error}")
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_a_build_that_fails_again_and_again_fails_it(served, ask):
    number = ask()
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(BuildFailed):
            run_next(served, watch=fail_before_anything_is_done)
        assert read_preparation(served.catalogue, number).state == "waiting"
    assert run_next(served, watch=fail_before_anything_is_done)
    assert read_preparation(served.catalogue, number).state == "failed"


def fail_before_anything_is_done(stage, done, total):
    raise BuildFailed("a worker cannot do it")


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK])
def test_while_another_builder_or_a_build_works_it_waits_and_no_attempt_is_counted(served, ask, lock):
    number = ask()
    with served.storage.lock(lock):
        assert not run_next(served)
    waiting = read_preparation(served.catalogue, number)
    assert (waiting.state, waiting.attempts) == ("waiting", 0)
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


@pytest.fixture
def builder(served):
    """A builder with a clock that is set by hand; what happens while it prepares is ``builder.watch``."""
    made = SimpleNamespace(now=0.0, built=[], watch=lambda stage, done, total: None)

    def build_live():
        made.built.append(build(prepare_build(served, recipe_in_service(served))).release.number)

    def prepare_next(must_yield):
        return run_next(served, watch=lambda *told: made.watch(*told), must_yield=must_yield, clock=lambda: made.now)

    made.builder = Builder(served.catalogue, build_live, prepare_next, every_seconds=0.0)
    return made


@pytest.mark.parametrize("stage", ["vectors", "shards"])
def test_it_must_yield_to_a_build_that_is_wanted_once_it_got_on_a_while_and_goes_on_after_it(
    served, ask, builder, stage
):
    number = ask()

    def write_meanwhile(now, done, total):
        if now == stage and done == total and not builder.built:
            put_documents(served.catalogue, OURS, [Document("late", "Late", "Written meanwhile.")])
            builder.now = WORK_SECONDS

    builder.watch = write_meanwhile
    assert builder.builder.step(), "nothing has changed, so it begins with the preparation, which yields"
    waiting = read_preparation(served.catalogue, number)
    assert (waiting.state, waiting.attempts) == ("waiting", 0)
    assert (job := list_jobs(served.catalogue)[0]).state == "cancelled"
    assert job.error == f"Preparation {number} waits for what is wanted more, and goes on after it."
    assert builder.builder.step()
    assert builder.built == ["1.2"]
    assert builder.builder.step()
    done = read_preparation(served.catalogue, number)
    assert (done.state, done.release) == ("proposed", "2.1")
    assert open_preparations(served.catalogue) == []


def test_what_is_stored_already_is_no_progress(served, ask, builder):
    number = ask()
    with pytest.raises(KeyboardInterrupt):  # all vectors are there, no shard is
        run_next(served, watch=stop_at_vectors(KeyboardInterrupt))
    told = []

    def write_meanwhile(stage, done, total):
        told.append(stage)
        if stage == "vectors":
            put_documents(served.catalogue, OURS, [Document(f"late-{done}", "Late", "Written meanwhile.")])
            builder.now += WORK_SECONDS

    builder.watch = write_meanwhile
    assert builder.builder.step()
    assert "shards" in told, "it went on until a shard was written"
    assert read_preparation(served.catalogue, number).attempts <= 1


def test_a_builder_that_is_told_to_stop_leaves_it_to_the_next_one_at_once(served, ask, builder):
    number, stop = ask(), threading.Event()

    def stop_it(stage, done, total):
        if stage == "vectors":
            stop.set()
            builder.now += NOTE_SECONDS

    builder.watch = stop_it
    builder.builder.run(stop)
    assert read_preparation(served.catalogue, number).state == "waiting"
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_what_asks_for_a_cost_need_not_wait_for_one_that_builds(served, ask, builder):
    number = ask()

    def ask_meanwhile(stage, done, total):
        if stage == "vectors" and done == total and builder.now == 0.0:
            ask(is_dry_run=True, dense_weight=0.9)
            builder.now = WORK_SECONDS

    builder.watch = ask_meanwhile
    assert builder.builder.step()
    assert [one.dry_run for one in open_preparations(served.catalogue)] == [True, False]
    assert builder.builder.step()
    assert builder.builder.step()
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_a_live_build_that_always_fails_keeps_no_preparation_from_its_turn(served, ask):
    number = ask()
    put_documents(served.catalogue, OURS, [Document("late", "Late", "Written meanwhile.")])

    def fail():
        raise BuildFailed("a model is gone")

    builder = Builder(served.catalogue, fail, lambda must_yield: run_next(served), every_seconds=0.0)
    assert builder.step()
    assert builder.failures == 1
    assert read_preparation(served.catalogue, number).state == "proposed"


def test_a_fault_puts_off_preparations_for_a_while_and_neither_builds_nor_the_builder(served, ask):
    ask()
    full, now, tried = StorageFull("no room"), [0.0], []

    def run(must_yield):
        tried.append(now[0])
        return run_next(served, watch=stop_at_vectors(full) if len(tried) < 3 else lambda *told: None)

    builder = Builder(served.catalogue, list, run, clock=lambda: now[0])
    for second in range(10):
        now[0] = float(second)
        builder.step()
    assert tried[:3] == [0.0, 2.0, 6.0], "after pauses that grow"
    assert builder.failures == 0
    assert read_preparation(served.catalogue, 1).state == "proposed"


def test_a_full_disk_is_told_with_what_to_do_where_it_does_not_fit(served, ask):
    number = ask()
    with pytest.raises(StorageFull):
        run_next(served, watch=stop_at_vectors(StorageFull("no room")))
    said = read_preparation(served.catalogue, number).error
    assert said.startswith("StorageFull: no room")
    assert f"cancel it ('groundwork jobs cancel p{number}'), then run 'groundwork gc --yes'" in said


def test_a_build_that_fails_after_progress_fails_nothing_for_good(served, ask):
    number = ask()
    for _ in range(MAX_ATTEMPTS - 1):
        begin_preparation(served.catalogue, number)

    def fail_at_shards(stage, done, total):
        if stage == "shards":
            raise BuildFailed("a worker cannot do it")

    with pytest.raises(BuildFailed):
        run_next(served, watch=fail_at_shards)
    assert read_preparation(served.catalogue, number).state == "waiting"


def test_documents_that_change_all_the_time_do_not_keep_it_from_saying_what_it_costs(served, ask, monkeypatch):
    number, plan_shards = ask(is_dry_run=True), dry_run_module.plan_shards
    plans = []

    def plan_and_change(context):
        plans.append(plan_shards(context))
        put_documents(served.catalogue, OURS, [Document("doc-00", "Changed", f"Words that change {len(plans)} times.")])
        return plans[-1]

    monkeypatch.setattr(dry_run_module, "plan_shards", plan_and_change)
    assert run_next(served)
    assert read_preparation(served.catalogue, number).state == "estimated"
    assert len(plans) == MOST_PLANS + 1


def test_what_it_has_computed_is_needed_until_it_is_over(served, ask):
    number = ask()
    with pytest.raises(KeyboardInterrupt):
        run_next(served, watch=stop_at_vectors(KeyboardInterrupt))
    put_documents(served.catalogue, OURS, [Document("late", "Late", "Written meanwhile.")])
    build(prepare_build(served, recipe_in_service(served)))  # so that it is not what was built last
    recipe = read_recipe(served.catalogue, read_preparation(served.catalogue, number).recipe)
    kind = feature_kind(prepare_build(served, recipe).views.embedding_fingerprint)
    assert needed_vectors(served, lambda key: False)[kind]
    assert recipe in [one.recipe for one in retained_recipes(served, list_releases(served.catalogue))]
    cancel_preparation(served.catalogue, number, "me")
    assert not needed_vectors(served, lambda key: False).get(kind)
