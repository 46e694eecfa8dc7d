from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.serving.assignment import Assignment, assign, fraction, lacks_user, may_answer
from indexing.releases.rollouts import Pin, Rollout, ServingPlan

UNITS = 20_000
ROLLOUT = Rollout(
    7, 2, 1, "canary", "canary", 0.05, "tenant", "5eed", (), 0, None, (), None, None, "", 1, "2026-01-01", "test"
)
PLAN = ServingPlan(live=1, standby=(3,), rollout=ROLLOUT, pins={}, is_watched=True)


def plan(pins=(), is_watched=True, **changes):
    return replace(
        PLAN, rollout=replace(ROLLOUT, **changes), pins={pin.tenant: pin for pin in pins}, is_watched=is_watched
    )


def given_to(one, tenant="acme", user=None, request_id="r"):
    return assign(one, tenant=tenant, user=user, request_id=request_id)


def candidates(one, units=UNITS):
    return {n for n in range(units) if given_to(one, tenant=f"t{n}").arm == "candidate"}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("seed", ["00", "5eed", "f00d"])
def test_the_candidate_gets_its_share_within_one_percent(share, seed):
    got = len(candidates(plan(share=share, seed=seed))) / UNITS
    assert abs(got - share) < 0.01
    assert share not in (0.0, 1.0) or got == share


def test_a_unit_always_gets_the_same_recipe():
    one, again = plan(share=0.3), plan(share=0.3, version=9)
    assert candidates(one) == candidates(again)


def test_a_unit_that_had_the_candidate_keeps_it_while_the_share_grows():
    groups = [candidates(plan(share=share), 2000) for share in (0.01, 0.05, 0.2, 0.5, 1.0)]
    assert all(small <= large for small, large in pairwise(groups))


def test_rollouts_are_independent_of_each_other():
    one, other = candidates(plan(share=0.5, seed="aa")), candidates(plan(share=0.5, seed="bb"))
    assert abs(len(one & other) / UNITS - 0.25) < 0.01


@given(seed=st.text(max_size=8), unit=st.text(max_size=40))
def test_a_unit_stands_in_the_half_open_interval(seed, unit):
    assert 0.0 <= fraction(seed, unit) < 1.0


def test_by_user_all_requests_of_a_user_get_the_same_and_users_of_two_tenants_are_two():
    one = plan(unit="user", share=0.5)
    users = {
        tenant: [given_to(one, tenant, f"u{n}", request_id=f"{n}").arm for n in range(200)] for tenant in ("a", "b")
    }
    assert users["a"] == [given_to(one, "a", f"u{n}", request_id="other").arm for n in range(200)]
    assert users["a"] != users["b"]


def test_by_user_without_a_user_the_tenant_is_the_unit():
    one = plan(unit="user", share=0.5)
    without = given_to(one)
    assert without.unit == "acme"
    assert without.arm == given_to(plan(share=0.5)).arm
    assert lacks_user(one, without, None)
    assert not lacks_user(one, given_to(one, user="u"), "u")
    assert not lacks_user(plan(), given_to(plan()), None)


def test_by_request_each_request_is_a_unit():
    arms = [given_to(plan(unit="request", share=0.5), request_id=f"r{n}").arm for n in range(2000)]
    assert abs(arms.count("candidate") / 2000 - 0.5) < 0.05


def test_without_a_rollout_the_live_recipe_answers():
    assert given_to(replace(PLAN, rollout=None)) == Assignment(1, "live", "live")


def test_a_pinned_tenant_is_outside_of_the_test():
    assert given_to(plan([Pin("acme", 3, "pinned")], share=1.0)) == Assignment(3, "pinned", "pinned")


def test_a_tenant_that_is_held_back_gets_the_live_recipe():
    assert given_to(plan([Pin("acme", None, "held_back")], share=1.0)) == Assignment(1, "live", "held back")


@pytest.mark.parametrize("one", [plan([Pin("acme", None, "first")], share=0.0), plan(first=("acme",), share=0.0)])
def test_a_tenant_that_is_chosen_first_gets_the_candidate_whatever_the_share(one):
    assert given_to(one) == Assignment(2, "candidate", "chosen first", 7)
    assert given_to(one, tenant="other").arm == "live"


def test_a_rollout_for_some_tenants_leaves_the_others_alone():
    one = plan(tenants=("acme",), share=1.0)
    assert given_to(one) == Assignment(2, "candidate", "share 1 by tenant", 7, "acme")
    assert given_to(one, tenant="other") == Assignment(1, "live", "live")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (plan(share=1.0, first=("acme",), state="paused"), "rollout 7 is paused"),
        (plan(share=1.0, first=("acme",), is_watched=False), "rollout 7 is paused: no watcher renews its lease"),
    ],
)
def test_a_rollout_that_is_paused_or_not_watched_gives_the_candidate_nothing(one, reason):
    assert given_to(one) == Assignment(1, "live", reason)


def test_a_shadowed_request_is_answered_by_the_live_recipe():
    one = plan(state="shadow", mode="shadow", share=0.5, unit="request")
    given = [given_to(one, request_id=f"r{n}") for n in range(2000)]
    assert {(each.recipe, each.arm, each.rollout) for each in given} == {(1, "live", 7)}
    assert abs(sum(each.is_shadowed for each in given) / 2000 - 0.5) < 0.05


def test_which_recipes_may_answer_a_tenant():
    assert may_answer(plan(), "acme") == (1, 2)
    assert may_answer(plan([Pin("acme", 3, "pinned")]), "acme") == (3,)
    assert may_answer(plan([Pin("acme", None, "held_back")]), "acme") == (1,)
    assert may_answer(plan(state="shadow"), "acme") == (1,)
    assert may_answer(plan(tenants=("other",)), "acme") == (1,)
