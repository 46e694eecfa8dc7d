"""The gate before a recipe goes in service: which verdict counts, who needs none, what an override leaves behind."""

import pytest

from indexing.catalogue.database import Database
from indexing.catalogue.releases import last_deployment_row
from indexing.catalogue.verdicts import newest_gate_row
from indexing.errors import InvalidInput, ReleaseNotGated
from indexing.releases.deployments import deploy
from indexing.releases.lifecycle import set_share
from indexing.releases.pins import list_pins, pin
from indexing.releases.promotion import promote, roll_back
from indexing.releases.rollouts import Step, list_rollouts
from indexing.releases.transitions import change_rollout, list_transitions
from indexing.releases.trials import start_canary
from tests.support.migrated_catalogue import place_catalogue
from tests.support.promotions import gated
from tests.support.promotions import promote as promote_anyway
from tests.support.rollout_home import RolloutHome


@pytest.fixture
def catalogue(tmp_path):
    made = Database(place_catalogue(tmp_path / "c.db"))
    yield made
    made.close()


@pytest.fixture
def bench(catalogue):
    return RolloutHome(catalogue)


def promoted(bench, recipe, **choices):
    return promote(bench.catalogue, recipe, bench.by(), max_recipes=4, **choices)


def test_without_a_verdict_a_recipe_does_not_go_in_service(bench):
    said = (
        r"Recipe 2 has no verdict against recipe 1.*no gate has judged it.*'groundwork eval gate 2'.*--override REASON"
    )
    with pytest.raises(ReleaseNotGated, match=said):
        promoted(bench, 2)
    assert bench.plan().live == 1


def test_with_the_verdict_promote_it_goes_in_service_and_the_verdict_is_kept_with_it(bench):
    seen = bench.canary()
    verdict = gated(bench.catalogue, 2)
    assert promoted(bench, 2).number == "2.1"
    assert last_deployment_row(bench.catalogue)["verdict"] == verdict
    assert list_transitions(bench.catalogue, seen.id)[-1].evidence == {"verdict": verdict}


@pytest.mark.parametrize("verdict", ["HOLD", "REJECT"])
def test_the_last_verdict_counts_and_its_reasons_are_said(bench, verdict):
    gated(bench.catalogue, 2)
    gated(bench.catalogue, 2, verdict=verdict)
    with pytest.raises(ReleaseNotGated, match=f"against recipe 1 is {verdict}: as a test says"):
        promoted(bench, 2)


def test_a_verdict_against_another_recipe_than_the_one_in_service_does_not_count(bench):
    gated(bench.catalogue, 3)
    promote_anyway(bench.catalogue, 2, bench.by(), max_recipes=4)
    with pytest.raises(ReleaseNotGated, match="no verdict against recipe 2.*its last verdict is against recipe 1"):
        promoted(bench, 3)
    gated(bench.catalogue, 3, baseline=2)
    assert promoted(bench, 3).number == "3.1"


def started(bench, recipe=2, *, share=1.0, steps=(), **choices):
    seen = bench.proposed(recipe)
    return start_canary(
        bench.catalogue, seen, bench.by(), share=share, steps=steps, unit="tenant", max_recipes=4, **choices
    )


@pytest.mark.parametrize("choices", [{"share": 1.0}, {"steps": (Step(0.1, 10, 0.0), Step(1.0, 10, 0.0))}])
def test_a_canary_that_answers_everyone_needs_the_verdict_or_an_override(bench, choices):
    with pytest.raises(ReleaseNotGated, match="no gate has judged it"):
        started(bench, 2, **choices)
    assert started(bench, 3, **choices, override="a drill").state == "canary"
    (seen,) = [one for one in list_rollouts(bench.catalogue) if one.candidate == 3]
    assert list_transitions(bench.catalogue, seen.id)[-1].evidence == {"override": "a drill"}


def test_a_share_below_one_is_free_and_raising_it_to_one_is_not(bench):
    seen = set_share(bench.catalogue, started(bench, share=0.5), bench.by(), 0.99)
    with pytest.raises(ReleaseNotGated, match="no gate has judged it"):
        set_share(bench.catalogue, seen, bench.by(), 1.0)
    verdict = gated(bench.catalogue, 2)
    seen = set_share(bench.catalogue, seen, bench.by(), 1.0)
    assert (seen.share, list_transitions(bench.catalogue, seen.id)[-1].evidence) == (1.0, {"verdict": verdict})


def test_a_tenant_is_pinned_to_what_was_in_service_or_has_the_verdict_or_an_override(bench):
    with pytest.raises(ReleaseNotGated, match="no gate has judged it"):
        pin(bench.catalogue, "a", 2, bench.by(), max_recipes=4)
    assert list_pins(bench.catalogue) == []
    pin(bench.catalogue, "a", 2, bench.by(), max_recipes=4, override="they test it")
    assert [one.reason for one in list_pins(bench.catalogue)] == ["a test (override: they test it)"]
    for recipe in (2, 3):
        promote_anyway(bench.catalogue, recipe, bench.by(), max_recipes=4)
    pin(bench.catalogue, "b", 2, bench.by(), max_recipes=4)
    gated(bench.catalogue, 4, baseline=3)
    pin(bench.catalogue, "c", 4, bench.by(), max_recipes=9)


def test_an_override_is_kept_for_ever_with_the_transition_and_the_deployment(bench):
    seen = bench.canary()
    promoted(bench, 2, override="  the judgments are of another corpus ")
    assert last_deployment_row(bench.catalogue)["override"] == "the judgments are of another corpus"
    said = list_transitions(bench.catalogue, seen.id)[-1]
    assert (said.to_state, said.evidence) == ("live", {"override": "the judgments are of another corpus"})


def test_an_override_without_a_reason_is_none(bench):
    with pytest.raises(InvalidInput, match="needs a reason"):
        promoted(bench, 2, override=" ")


def test_with_a_verdict_no_override_is_recorded(bench):
    gated(bench.catalogue, 2)
    promoted(bench, 2, override="just in case")
    assert last_deployment_row(bench.catalogue)["override"] is None


def test_a_homes_first_recipe_and_those_of_before_the_upgrade_need_no_verdict(bench):
    with bench.catalogue.write() as db:
        db.conn.execute("INSERT INTO recipes_before_gates VALUES (3)")
    promote_anyway(bench.catalogue, 2, bench.by(), max_recipes=4)
    assert promoted(bench, 3).number == "3.1"
    assert promoted(bench, 1).number == "1.1"


def test_rolling_back_to_what_was_in_service_needs_no_verdict(bench):
    promote_anyway(bench.catalogue, 2, bench.by(), max_recipes=4)
    assert roll_back(bench.catalogue, bench.by()).release.number == "1.1"
    assert roll_back(bench.catalogue, bench.by(), to=2).release.number == "2.1"


def test_rolling_back_to_what_never_was_in_service_is_a_promotion_and_needs_one(bench):
    with pytest.raises(ReleaseNotGated, match="Recipe 3 has no verdict"):
        roll_back(bench.catalogue, bench.by(), to=3)
    assert bench.plan().live == 1


def test_a_verdict_on_synthetic_queries_counts_once_a_canary_passed_all_its_steps(bench):
    gated(bench.catalogue, 2, is_synthetic=True)
    seen = bench.canary(steps=(Step(0.1, 10, 60),))
    with pytest.raises(ReleaseNotGated, match="rests on synthetic queries alone.*canary"):
        promoted(bench, 2)
    change_rollout(bench.catalogue, seen, "canary", bench.by("watcher"), {"step": 1})
    assert promoted(bench, 2).number == "2.1"


def test_a_canary_that_was_taken_back_does_not_stand_in_for_judgments(bench):
    gated(bench.catalogue, 2, is_synthetic=True)
    seen = bench.canary(steps=(Step(0.1, 10, 60),))
    seen = change_rollout(bench.catalogue, seen, "canary", bench.by("watcher"), {"step": 1})
    roll_back(bench.catalogue, bench.by(), rollout=seen)
    with pytest.raises(ReleaseNotGated, match="synthetic"):
        promoted(bench, 2, anyway=True)


def test_what_is_in_service_may_be_promoted_again_and_the_first_release_needs_nothing(catalogue):
    bench = RolloutHome(catalogue)
    assert promoted(bench, 1).number == "1.1"
    deploy(catalogue, 2, reason="first release", actor="ana")
    assert newest_gate_row(catalogue, 2) is None
