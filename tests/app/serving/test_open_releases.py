"""Several recipes open in a process: which are opened, swapped, closed, and what answers meanwhile."""

import threading
from types import SimpleNamespace

import pytest

from app.serving import release_pool
from app.serving.assignment import Assignment
from app.serving.release_pool import RETRIES, VECTOR_OF_LIVE, ReleasePool
from indexing.catalogue.database import utc_now
from indexing.catalogue.watcher_lease import take_lease
from indexing.errors import ArtefactCorrupt
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose, start_canary
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_MODEL, OTHER_VECTORS, RECIPE, article
from tests.support.home_copies import built_once, fresh_copy

BY = Decision("ana", "a test", "2026-01-05T03:00:00.000+00:00")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a home with three documents, built once by each of three recipes. Take copies; leave it be."""

    def fill(made):
        made.put(*(article(f"doc{i}") for i in range(3)), live=False)
        for recipe in (RECIPE, OTHER_LANGUAGE, OTHER_VECTORS):
            made.build(recipe)

    return built_once(tmp_path_factory.mktemp("releases") / "home", fill)


@pytest.fixture
def fresh(built, tmp_path):
    """Recipe 1 is in service, recipe 2 has its vectors, recipe 3 has others; only recipe 1 is open."""
    with fresh_copy(built, tmp_path / "home") as opened:
        yield opened


def recipes(process):
    return list(process.pool.now().releases)


def canary(fresh, candidate, share=1.0):
    catalogue = fresh.home.catalogue
    assert take_lease(catalogue, "host:1", utc_now())
    seen = propose(catalogue, candidate, BY)
    return start_canary(catalogue, seen, BY, share=share, steps=(), unit="tenant", max_recipes=4, override="a test")


def assigned(process, tenant="a"):
    return process.pool.assigned(tenant=tenant, user=None, request_id="r")


def test_a_canary_is_opened_beside_the_recipe_in_service_and_answers_its_share(fresh):
    process = fresh.process()
    rollout = canary(fresh, 2, share=0.5)
    tenants = [f"t{number}" for number in range(40)]
    assert {assigned(process, name)[0] for name in tenants} == {Assignment(1, "live", "live")}
    assert process.pool.follow_plan()  # it is wanted, and not open: until then none is part of the test
    assert {assigned(process, name)[0] for name in tenants} == {Assignment(1, "live", "recipe 2 is not open here")}
    process.pool.refresh()
    given = [assigned(process, name) for name in tenants]
    assert {(one.arm, serving.release.number) for one, serving in given} == {("live", "1.1"), ("candidate", "2.1")}
    assert {(one.rollout, one.unit) for one, _ in given} == {(rollout.id, name) for name in tenants}
    assert process.pool.current().release.number == "1.1"
    assert [process.pool.now().role(number) for number in recipes(process)] == ["live", "candidate"]


def test_vectors_of_the_live_model_are_no_part_of_a_canary_with_another_whichever_arm_they_fall_into(fresh):
    fresh.build(OTHER_MODEL)
    canary(fresh, 4, share=0.5)
    process = fresh.process()
    tenants = [f"t{number}" for number in range(40)]
    assert {assigned(process, name)[0].arm for name in tenants} == {"live", "candidate"}
    by_vector = [process.pool.assigned(tenant=name, user=None, request_id="r", by_vector=True) for name in tenants]
    assert {one for one, _ in by_vector} == {Assignment(1, "live", VECTOR_OF_LIVE)}
    assert {serving.release.number for _, serving in by_vector} == {"1.1"}


@pytest.mark.parametrize("candidate", [2, 3], ids=["same vectors", "other precision"])
def test_vectors_are_part_of_a_canary_with_the_same_model(fresh, candidate):
    canary(fresh, candidate, share=0.5)
    process = fresh.process()
    for name in (f"t{number}" for number in range(20)):
        found = process.pool.assigned(tenant=name, user=None, request_id="r", by_vector=True)
        assert found == assigned(process, name)


def test_a_candidate_that_cannot_be_opened_never_touches_what_serves(fresh, monkeypatch):
    process, clock = fresh.process(), SimpleNamespace(now=1000.0)
    monkeypatch.setattr(release_pool, "time", SimpleNamespace(monotonic=lambda: clock.now))
    before, tried, open_release = process.pool.current(), [], process.opener.open

    def fail(release, distrusted=()):
        tried.append(release.number)
        if release.recipe == 2:
            raise ArtefactCorrupt("a shard is short")
        return open_release(release, distrusted)

    monkeypatch.setattr(process.opener, "open", fail)
    canary(fresh, 2)
    for _ in range(3):
        assert process.pool.refresh() is before
    assert tried == ["2.1"]  # not at every look: opening takes time from searches
    assert process.pool.failures == {2: "ArtefactCorrupt: a shard is short"}
    assert process.pool.failure is None
    assert assigned(process) == (Assignment(1, "live", "recipe 2 is not open here"), before)
    clock.now += RETRIES.first_seconds
    process.pool.refresh()
    assert tried == ["2.1", "2.1"]
    monkeypatch.setattr(process.opener, "open", open_release)
    clock.now += 2 * RETRIES.first_seconds
    process.pool.refresh()
    assert process.pool.failures == {}
    assert assigned(process)[1].release.number == "2.1"


def test_a_recipe_in_service_that_cannot_be_opened_leaves_the_one_before_serving(fresh, monkeypatch):
    process = fresh.process()
    before = process.pool.current()

    def fail(release, distrusted=()):
        raise ArtefactCorrupt("a shard is short")

    monkeypatch.setattr(process.opener, "open", fail)
    fresh.deploy(2)
    with pytest.raises(ArtefactCorrupt):
        process.pool.refresh()
    fresh.put(article("new"))
    assert not process.pool.follow_plan()  # a commit alone is no reason to try again at once
    assert assigned(process)[1] is process.pool.current() is before
    assert assigned(process)[0] == Assignment(1, "live", "recipe 2 is not open here")


def test_a_rollback_does_not_wait_for_a_release_that_is_being_opened(fresh, monkeypatch):
    fresh.keep_open(2)
    process = fresh.process()
    began, go_on, open_release = threading.Event(), threading.Event(), process.opener.open

    def slow(release, distrusted=()):
        began.set()
        assert go_on.wait(20)
        return open_release(release, distrusted)

    monkeypatch.setattr(process.opener, "open", slow)
    fresh.keep_open(2, 3)
    opening = threading.Thread(target=process.pool.refresh)
    opening.start()
    assert began.wait(20)
    fresh.deploy(2)
    fresh.keep_open(1, 3)
    process.pool.follow_plan()
    assert process.pool.current().release.number == "2.1"
    go_on.set()
    opening.join(20)
    assert sorted(recipes(process)) == [1, 2, 3]
    assert process.pool.current().release.number == "2.1"


def test_the_plan_is_read_only_after_a_change_of_the_catalogue(fresh):
    process = fresh.process()
    reads = []
    pool = ReleasePool(
        process.home,
        process.live,
        opener=process.opener,
        read_plan=lambda *given: reads.append(given) or release_pool.read_serving_plan(*given),
    )
    pool.refresh()
    pool.follow_plan()
    reads.clear()
    for _ in range(5):
        assert not pool.follow_plan()
    assert reads == []
    fresh.put(article("new"))
    pool.follow_plan()
    assert len(reads) == 1


def test_recipes_with_one_model_share_its_sessions_and_what_none_needs_is_let_go(fresh, monkeypatch):
    process, loaded = fresh.process(), []
    opener = process.opener
    monkeypatch.setattr(type(opener), "load_embedder", lambda one, recipe: loaded.append(recipe.number) or one.embedder)
    fresh.keep_open(2, 3)
    process.pool.refresh()
    assert loaded == [3]
    assert opener.models.embedders == 2
    fresh.keep_open(2)
    process.pool.refresh()
    assert recipes(process) == [1, 2]
    assert opener.models.embedders == 1


def test_what_another_recipe_takes_is_reported_until_it_is_closed(fresh):
    process = fresh.process()
    fresh.keep_open(2)
    process.pool.refresh()
    assert process.pool.memory_bytes.keys() == {1, 2}
    assert min(process.pool.memory_bytes.values()) >= 0
    fresh.keep_open()
    process.pool.refresh()
    assert process.pool.memory_bytes.keys() == {1}


def test_while_recipes_are_promoted_and_taken_back_every_request_is_answered(fresh):
    fresh.keep_open(2)
    process, stop, seen = fresh.process(), threading.Event(), []

    def ask():
        while not stop.is_set():
            assignment, serving = assigned(process)
            seen.append(assignment.recipe == serving.release.recipe and bool(process.texts()))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    for turn in range(40):
        fresh.deploy(1 + (turn + 1) % 2)
        fresh.keep_open(1 + turn % 2)
        process.pool.follow_plan()
        assert process.pool.current().release.recipe == 1 + (turn + 1) % 2
    stop.set()
    for thread in asking:
        thread.join(20)
    assert all(seen)
    assert seen
