"""What operators do with rollouts, promotions and pins, and what each leaves for API processes to serve."""

import sqlite3
import threading

import pytest
import sqlite_utils

from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import write_documents
from indexing.catalogue.migrations import catalogue_migrations
from indexing.catalogue.releases import last_deployment_row, stable_recipe
from indexing.catalogue.watcher_lease import take_lease
from indexing.errors import InvalidInput, NotFound, NotReady, ReleaseBehind, RolloutConflict, TooManyRecipes
from indexing.records import Document, Partition
from indexing.releases.behind import documents_behind
from indexing.releases.lifecycle import end, pause, reject, resume, set_share
from indexing.releases.pins import choose_first, hold_back, list_pins, pin_history, unpin
from indexing.releases.promotion import roll_back
from indexing.releases.release import record_release
from indexing.releases.rollouts import AbTest, Pin, Step, find_rollout, read_serving_plan
from indexing.releases.transitions import TRANSITIONS, Decision, change_rollout, list_transitions, require_version
from indexing.releases.trials import End, propose, start_ab, start_canary, start_shadow
from tests.support.promotions import OVERRIDE, pin, promote
from tests.support.rollout_home import RECIPES, RolloutHome

STEPS = (Step(0.05, 100, 60.0), Step(0.5, 1000, 600.0))
PARTITION = Partition("a", "articles")


@pytest.fixture
def bench(home):
    return RolloutHome(home.catalogue)


def write(bench, name, *, live=False):
    write_documents(bench.catalogue, PARTITION, [Document(name, name, "text")], live=live)


def shadow(bench, candidate=2, **choices):
    options = {"share": 1.0, "end": End(queries=10), "decides": "whether it is as fast", "max_recipes": 4} | choices
    return start_shadow(bench.catalogue, bench.proposed(candidate), bench.by(), **options)


def test_before_the_first_deployment_there_is_nothing_to_serve(home):
    with pytest.raises(NotReady, match="groundwork build"):
        read_serving_plan(home.catalogue, "2026-01-01T00:00:00.000+00:00")


def test_the_last_deployment_is_live_and_nothing_else_is_open(bench):
    plan = bench.plan()
    assert (plan.live, plan.standby, plan.rollout, plan.pins, plan.is_watched) == (1, (), None, {}, True)
    assert plan.open_recipes == (1,)


def test_a_home_of_before_rollouts_serves_what_it_served(tmp_path):
    connection = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    before = sqlite_utils.Database(connection, execute_plugins=False)
    catalogue_migrations.apply(before, stop_before="0015_rollouts")
    for number in (1, 2):
        connection.execute("INSERT INTO recipes VALUES (?, ?, '{}', '')", (number, str(number)))
        connection.execute("INSERT INTO releases VALUES (?, 1, 's', 0, '', 'ana', NULL)", (number,))
    for recipe in (1, 2, 1, 2):
        connection.execute("INSERT INTO deployments VALUES (NULL, ?, 'why', 'ana', '2026-01-01')", (recipe,))
    connection.close()
    catalogue = Database(tmp_path / "catalogue.db")
    by = Decision("ben", "errors", "2026-01-05T03:00:00.000+00:00")
    assert read_serving_plan(catalogue, by.at).open_recipes == (2,)
    assert roll_back(catalogue, by).release.number == "1.1"
    assert read_serving_plan(catalogue, by.at).open_recipes == (1,)
    catalogue.close()


def test_a_proposed_recipe_gets_nothing_and_is_not_open(bench):
    rollout = bench.proposed(2, tenants=["b", "a"], first=["c"])
    assert (rollout.state, rollout.share, rollout.baseline) == ("proposed", 0.0, 1)
    assert (rollout.tenants, rollout.first) == (("a", "b"), ("c",))
    assert bench.plan().rollout is None
    assert bench.plan().open_recipes == (1,)


def test_a_canary_is_in_the_plan_with_its_share_and_a_seed(bench):
    rollout = bench.canary(share=0.05, unit="user")
    assert bench.plan().rollout == rollout
    assert (rollout.state, rollout.mode, rollout.share, rollout.unit) == ("canary", "canary", 0.05, "user")
    assert bench.plan().open_recipes == (1, 2)


def test_each_canary_has_another_seed(bench):
    first = bench.canary(2)
    reject(bench.catalogue, first, bench.by())
    assert bench.canary(2).seed != first.seed != ""


@pytest.mark.parametrize("recipe", [RECIPES + 1, 99])
def test_what_was_not_built_cannot_be_proposed_pinned_or_promoted(bench, recipe):
    for attempt in (
        lambda: propose(bench.catalogue, recipe, bench.by()),
        lambda: pin(bench.catalogue, "a", recipe, bench.by(), max_recipes=4),
        lambda: promote(bench.catalogue, recipe, bench.by(), max_recipes=4),
        lambda: roll_back(bench.catalogue, bench.by(), to=recipe),
    ):
        with pytest.raises(NotFound, match=f"Recipe {recipe} has no release"):
            attempt()


def test_a_tenant_that_does_not_exist_is_named(bench):
    with pytest.raises(NotFound, match="'zoe'"):
        bench.proposed(2, tenants=["a", "zoe"])
    with pytest.raises(NotFound, match="'zoe'"):
        hold_back(bench.catalogue, "zoe", bench.by())


def test_only_one_rollout_is_open_and_the_other_is_told_which(bench):
    first = bench.canary(2)
    with pytest.raises(RolloutConflict, match=rf"Rollout {first.id} of recipe 2 is open \(canary\)"):
        bench.canary(3)
    pause(bench.catalogue, first, bench.by())
    with pytest.raises(RolloutConflict, match="paused"):
        shadow(bench, 4)


def test_of_two_operators_one_wins_and_the_other_learns_who_did_what(bench):
    seen = bench.canary()
    pause(bench.catalogue, seen, bench.by("ana", "it looks slow"))
    with pytest.raises(RolloutConflict, match=r"ana made it paused at 2026-01-05 03:00:00 UTC \(it looks slow\)"):
        set_share(bench.catalogue, seen, bench.by("ben"), 0.5)
    assert find_rollout(bench.catalogue, seen.id).state == "paused"


def test_of_many_threads_that_promote_and_roll_back_at_once_one_wins(bench):
    seen = bench.canary()
    won, lost = [], []
    barrier = threading.Barrier(6)

    def act(number):
        catalogue = Database(bench.catalogue.path)
        barrier.wait()
        try:
            if number % 2:
                promote(catalogue, 2, bench.by(f"op{number}"), max_recipes=4, seen=seen)
            else:
                roll_back(catalogue, bench.by(f"op{number}"), rollout=seen)
            won.append(number)
        except RolloutConflict as error:
            lost.append(str(error))
        finally:
            catalogue.close()

    threads = [threading.Thread(target=act, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    state = find_rollout(bench.catalogue, seen.id).state
    assert (state, stable_recipe(bench.catalogue)) in {("live", 2), ("rolled_back", 1)}
    # Promoting what is in service already is no fault, and writes nothing.
    assert len(won) + len(lost) == 6
    assert all("op" in message for message in lost)


def test_a_version_that_is_over_is_refused_before_anything_is_done(bench):
    seen = bench.canary()
    assert require_version(bench.catalogue, seen.id, seen.version) == seen
    pause(bench.catalogue, seen, bench.by())
    with pytest.raises(RolloutConflict, match=f"has version {seen.version + 1}, not {seen.version}"):
        require_version(bench.catalogue, seen.id, seen.version)


def test_every_change_is_kept_with_actor_reason_and_moment(bench):
    seen = bench.canary(steps=STEPS)
    bench.seconds = 5
    pause(bench.catalogue, seen, bench.by("ben", "lunch"))
    kept = list_transitions(bench.catalogue, seen.id)
    assert [(one.from_state, one.to_state) for one in kept] == [
        ("proposed", "proposed"),
        ("proposed", "canary"),
        ("canary", "paused"),
    ]
    assert [one.version for one in kept] == [1, 2, 3]
    assert (kept[-1].actor, kept[-1].reason, kept[-1].at[11:19]) == ("ben", "lunch", "03:00:05")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"end": End()}, "needs an end"),
        ({"end": End(at="2026-01-01T00:00:00.000+00:00")}, "lies behind"),
        ({"end": End(queries=0)}, "1 or more"),
        ({"decides": "  "}, "what it is to decide"),
        ({"share": 1.5}, "1.5 is out of range"),
    ],
)
def test_a_shadow_needs_an_end_and_something_to_decide(bench, choices, message):
    with pytest.raises(InvalidInput, match=message):
        shadow(bench, **choices)
    assert bench.plan().rollout is None


def test_a_shadow_may_become_a_canary_against_what_is_in_service_then(bench):
    seen = shadow(bench)
    canary = start_canary(bench.catalogue, seen, bench.by(), share=1.0, steps=STEPS, unit="request", max_recipes=4)
    assert (canary.id, canary.state, canary.share, canary.max_queries) == (seen.id, "canary", 0.05, None)
    assert canary.seed != seen.seed


def test_a_paused_shadow_goes_on_as_a_shadow_or_becomes_a_canary(bench):
    paused = pause(bench.catalogue, shadow(bench), bench.by())
    again = pause(bench.catalogue, resume(bench.catalogue, paused, bench.by()), bench.by())
    canary = start_canary(bench.catalogue, again, bench.by(), share=0.1, steps=(), unit="tenant", max_recipes=4)
    assert canary.state == "canary"


def test_a_paused_canary_is_resumed_with_the_same_seed_and_is_not_started_anew(bench):
    seen = bench.canary()
    paused = pause(bench.catalogue, seen, bench.by())
    with pytest.raises(RolloutConflict, match="only from proposed or shadow"):
        start_canary(bench.catalogue, paused, bench.by(), share=0.1, steps=(), unit="tenant", max_recipes=4)
    resumed = resume(bench.catalogue, paused, bench.by())
    assert (resumed.state, resumed.seed, resumed.share) == ("canary", seen.seed, seen.share)


def test_setting_the_share_by_hand_ends_the_steps(bench):
    changed = set_share(bench.catalogue, bench.canary(steps=STEPS), bench.by(), 0.3)
    assert (changed.state, changed.share, changed.steps) == ("canary", 0.3, ())
    for share in (0.0, 1.01, float("nan")):
        with pytest.raises(InvalidInput, match="out of range"):
            set_share(bench.catalogue, changed, bench.by(), share)


LATENCY, THOUSAND = AbTest("latency_ms", 5.0), End(queries=1000)


def ab(bench, *, test=LATENCY, share=0.5, over=THOUSAND):
    seen = bench.proposed()
    return start_ab(bench.catalogue, seen, bench.by(), share=share, unit="user", test=test, end=over, max_recipes=4)


def test_an_ab_test_states_measure_margin_and_end_beforehand(bench):
    rollout = ab(bench)
    assert (rollout.state, rollout.mode, rollout.ab_test) == ("canary", "ab", AbTest("latency_ms", 5.0))
    assert rollout.decides == "whether latency_ms differs by 5 or more (lower is better)"
    with pytest.raises(RolloutConflict, match="stated beforehand"):
        set_share(bench.catalogue, rollout, bench.by(), 0.9)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"test": AbTest("latency_ms", 0.0)}, "Margin 0 "),
        ({"test": AbTest("latency_ms", 1.0, level=0.7)}, "level 0.7 "),
        ({"test": AbTest("beauty", 1.0)}, "'beauty'"),
        ({"share": 1.0}, "nothing to compare with"),
        ({"over": End()}, "needs an end"),
    ],
)
def test_an_ab_test_that_cannot_tell_anything_is_refused(bench, choices, message):
    with pytest.raises(InvalidInput, match=message):
        ab(bench, **choices)


def test_promoting_the_candidate_concludes_its_rollout_and_keeps_the_one_before_on_standby(bench):
    seen = bench.canary()
    assert promote(bench.catalogue, 2, bench.by(), max_recipes=4, standby_seconds=3600).number == "2.1"
    assert find_rollout(bench.catalogue, seen.id).state == "live"
    assert (bench.plan().live, bench.plan().standby, bench.plan().rollout) == (2, (1,), None)
    bench.seconds = 3599
    assert bench.plan().standby == (1,)
    bench.seconds = 3600
    assert bench.plan().standby == ()


def test_a_further_promotion_ends_the_standby_of_the_first(bench):
    for recipe in (2, 3):
        promote(bench.catalogue, recipe, bench.by(), max_recipes=4)
    assert (bench.plan().live, bench.plan().standby) == (3, (2,))


def test_promoting_what_is_in_service_writes_nothing(bench):
    before = last_deployment_row(bench.catalogue)
    assert promote(bench.catalogue, 1, bench.by(), max_recipes=4).number == "1.1"
    assert last_deployment_row(bench.catalogue) == before


def test_another_recipe_cannot_be_promoted_while_a_rollout_is_open(bench):
    seen = bench.canary(2)
    with pytest.raises(RolloutConflict, match=f"Rollout {seen.id} of recipe 2 is open"):
        promote(bench.catalogue, 3, bench.by(), max_recipes=4)
    assert stable_recipe(bench.catalogue) == 1


def test_a_promotion_without_standby_leaves_the_one_before_closed(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4, standby_seconds=0)
    assert bench.plan().open_recipes == (2,)


def test_rolling_back_an_open_canary_leaves_the_recipe_in_service(bench):
    seen = bench.canary()
    done = roll_back(bench.catalogue, bench.by())
    assert (done.release.recipe, done.from_recipe, done.documents_behind) == (1, 2, 0)
    assert done.rollout.id == seen.id
    assert (done.rollout.state, done.rollout.share) == ("rolled_back", 0.0)
    assert bench.plan().open_recipes == (1,)


def test_rolling_back_after_a_promotion_puts_the_one_before_back_in_service(bench):
    seen = bench.canary()
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    done = roll_back(bench.catalogue, bench.by("ben", "too slow"))
    assert (done.release.recipe, done.from_recipe) == (1, 2)
    assert find_rollout(bench.catalogue, seen.id).state == "rolled_back"
    assert bench.plan().open_recipes == (1,)
    row = last_deployment_row(bench.catalogue)
    assert (row["recipe"], row["is_rollback"], row["rollout"], row["reason"]) == (1, 1, seen.id, "too slow")


def test_a_second_roll_back_by_another_operator_goes_no_further_and_says_who_was_first(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    promote(bench.catalogue, 3, bench.by(), max_recipes=4)
    roll_back(bench.catalogue, bench.by("ana", "errors"))
    with pytest.raises(RolloutConflict, match=r"ana put recipe 2 back in service at .* \(errors\).*--to RELEASE"):
        roll_back(bench.catalogue, bench.by("ben"))
    assert stable_recipe(bench.catalogue) == 2
    assert roll_back(bench.catalogue, bench.by("ben"), to=1).release.recipe == 1


def test_after_a_canary_was_rolled_back_a_second_roll_back_leaves_the_recipe_in_service(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    seen = bench.canary(3)
    roll_back(bench.catalogue, bench.by("ana"))
    with pytest.raises(RolloutConflict, match=f"ana rolled back rollout {seen.id}.*--to RELEASE"):
        roll_back(bench.catalogue, bench.by("ben"))
    assert stable_recipe(bench.catalogue) == 2
    assert roll_back(bench.catalogue, bench.by("ben"), to=1).release.recipe == 1


def test_rolling_back_a_rollout_that_is_over_says_who_ended_it(bench):
    seen = bench.canary()
    roll_back(bench.catalogue, bench.by("ana", "errors"), rollout=seen)
    with pytest.raises(RolloutConflict, match=r"ana made it rolled back .*\(errors\)"):
        roll_back(bench.catalogue, bench.by("ben"), rollout=find_rollout(bench.catalogue, seen.id))
    with pytest.raises(RolloutConflict, match="changed meanwhile: ana"):
        roll_back(bench.catalogue, bench.by("ben"), rollout=seen)


def test_a_recipe_that_was_just_taken_back_is_promoted_only_with_a_word(bench):
    roll_back(bench.catalogue, bench.by("ana", "errors"), rollout=bench.canary())
    with pytest.raises(RolloutConflict, match=r"Recipe 2 was just taken back: ana .*\(errors\).*--anyway"):
        promote(bench.catalogue, 2, bench.by("ben"), max_recipes=4)
    promote(bench.catalogue, 2, bench.by("ben"), max_recipes=4, anyway=True)
    roll_back(bench.catalogue, bench.by("ana", "errors again"))
    with pytest.raises(RolloutConflict, match=r"ana put recipe 1 back in service .*\(errors again\)"):
        promote(bench.catalogue, 2, bench.by("ben"), max_recipes=4)
    promote(bench.catalogue, 3, bench.by("ben"), max_recipes=4)


def test_with_nothing_before_there_is_nothing_to_go_back_to(bench):
    with pytest.raises(NotFound, match="the only one"):
        roll_back(bench.catalogue, bench.by())
    with pytest.raises(RolloutConflict, match="in service already"):
        roll_back(bench.catalogue, bench.by(), to=1)


def test_rolling_back_what_is_in_service_ends_a_shadow_and_is_recorded(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    seen = shadow(bench, 3)
    assert roll_back(bench.catalogue, bench.by()).release.recipe == 1
    assert find_rollout(bench.catalogue, seen.id).state == "ended"


def test_going_back_to_a_recipe_ends_an_open_canary_as_well(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    seen = bench.canary(3)
    assert roll_back(bench.catalogue, bench.by(), to=1).release.recipe == 1
    assert find_rollout(bench.catalogue, seen.id).state == "rolled_back"
    assert bench.plan().open_recipes == (1,)


def test_what_lacks_documents_answers_users_only_with_a_word_and_may_be_shadowed(bench):
    seen = shadow(bench)
    for name in ("one", "two"):
        write(bench, name)
    record_release(bench.catalogue, 1, "snapshot-1b", seq=bench.catalogue.sequence(), actor="ana")
    canary = {"share": 0.1, "steps": (), "unit": "user", "max_recipes": 4}
    ab = {"share": 0.5, "unit": "user", "test": AbTest("latency_ms", 1.0), "end": End(queries=5), "max_recipes": 4}
    for attempt in (
        lambda: start_canary(bench.catalogue, seen, bench.by(), **canary),
        lambda: start_ab(bench.catalogue, seen, bench.by(), **ab),
        lambda: promote(bench.catalogue, 2, bench.by(), max_recipes=4, seen=seen),
    ):
        with pytest.raises(ReleaseBehind, match=r"Release 2\.1 lacks 2 documents that recipe 1 .*build.* --anyway"):
            attempt()
    assert bench.plan().rollout == seen
    end(bench.catalogue, seen, bench.by())
    again = shadow(bench)  # builds bring what it lacks while it is open
    again = start_canary(bench.catalogue, again, bench.by(), **canary, anyway=True)
    assert promote(bench.catalogue, 2, bench.by(), max_recipes=4, seen=again, anyway=True).number == "2.1"


def test_a_candidate_that_was_built_since_needs_no_word(bench):
    write(bench, "one")
    for recipe in (1, 2):
        record_release(bench.catalogue, recipe, f"snapshot-{recipe}b", seq=bench.catalogue.sequence(), actor="ana")
    write(bench, "both wait for it")
    bench.canary(2)
    assert promote(bench.catalogue, 2, bench.by(), max_recipes=4).number == "2.2"


def test_going_back_to_a_recipe_that_lacks_documents_needs_a_word(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    for name in ("one", "two"):
        write(bench, name)
    record_release(bench.catalogue, 2, "snapshot-2b", seq=bench.catalogue.sequence(), actor="ana")
    assert (documents_behind(bench.catalogue, 1), documents_behind(bench.catalogue, 2)) == (2, 0)
    with pytest.raises(ReleaseBehind, match=r"Release 1\.1 lacks 2 documents .* --anyway"):
        roll_back(bench.catalogue, bench.by())
    assert stable_recipe(bench.catalogue) == 2
    assert roll_back(bench.catalogue, bench.by(), anyway=True).documents_behind == 2
    assert stable_recipe(bench.catalogue) == 1


def test_a_tenant_is_not_pinned_to_a_recipe_that_lacks_documents_without_a_word(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    write(bench, "one")
    record_release(bench.catalogue, 2, "snapshot-2b", seq=bench.catalogue.sequence(), actor="ana")
    with pytest.raises(ReleaseBehind, match=r"Release 1\.1 lacks 1 documents .* --anyway"):
        pin(bench.catalogue, "a", 1, bench.by(), max_recipes=4)
    assert list_pins(bench.catalogue) == []
    pin(bench.catalogue, "a", 1, bench.by(), max_recipes=4, anyway=True)
    assert [one.recipe for one in list_pins(bench.catalogue)] == [1]


def test_who_took_a_pin_away_and_why_stays_known(bench):
    pin(bench.catalogue, "a", 3, bench.by("ann", "contract"), max_recipes=4)
    unpin(bench.catalogue, "a", bench.by("ben", "contract over"))
    told = [(one.tenant, one.kind, one.recipe, one.actor, one.reason) for one in pin_history(bench.catalogue)]
    assert told == [
        ("a", "pinned", 3, "ann", f"contract (override: {OVERRIDE})"),
        ("a", "unpinned", None, "ben", "contract over"),
    ]


def test_what_both_recipes_wait_for_and_what_is_live_does_not_hinder_a_roll_back(bench):
    promote(bench.catalogue, 2, bench.by(), max_recipes=4)
    write(bench, "waits for both")
    write(bench, "found at once", live=True)
    assert roll_back(bench.catalogue, bench.by()).documents_behind == 0


def test_pins_are_in_the_plan_and_keep_their_recipe_open(bench):
    pin(bench.catalogue, "a", 3, bench.by(), max_recipes=4)
    hold_back(bench.catalogue, "b", bench.by())
    choose_first(bench.catalogue, "c", bench.by("ben", "they asked"))
    assert bench.plan().pins == {
        "a": Pin("a", 3, "pinned"),
        "b": Pin("b", None, "held_back"),
        "c": Pin("c", None, "first"),
    }
    assert bench.plan().open_recipes == (1, 3)
    assert [(one.tenant, one.actor, one.reason) for one in list_pins(bench.catalogue)][2] == ("c", "ben", "they asked")
    unpin(bench.catalogue, "a", bench.by("ann", "over"))
    assert bench.plan().open_recipes == (1,)
    with pytest.raises(NotFound, match="'a' is not pinned"):
        unpin(bench.catalogue, "a", bench.by("ann", "over"))


def test_what_would_need_a_fifth_recipe_is_refused_and_changes_nothing(bench):
    pin(bench.catalogue, "a", 3, bench.by(), max_recipes=4)
    pin(bench.catalogue, "b", 4, bench.by(), max_recipes=4)
    bench.canary(2)
    with pytest.raises(TooManyRecipes, match="1 in service, 2 under trial, 3 pinned, 4 pinned, 5 pinned.*allows 4"):
        pin(bench.catalogue, "c", 5, bench.by(), max_recipes=4)
    assert "c" not in bench.plan().pins
    reject(bench.catalogue, bench.plan().rollout, bench.by())
    pin(bench.catalogue, "c", 5, bench.by(), max_recipes=4)
    with pytest.raises(TooManyRecipes):
        bench.canary(2)
    assert bench.plan().rollout is None
    with pytest.raises(TooManyRecipes, match="--standby 0"):
        promote(bench.catalogue, 6, bench.by(), max_recipes=4)
    promote(bench.catalogue, 6, bench.by(), max_recipes=4, standby_seconds=0)
    assert bench.plan().open_recipes == (6, 3, 4, 5)


@pytest.mark.parametrize("steps", [STEPS, ()])
def test_a_canary_needs_a_watcher_with_steps_or_without(bench, steps):
    seen = bench.canary(steps=steps)
    assert not bench.plan().is_watched
    assert take_lease(bench.catalogue, "host:1", bench.now())
    bench.seconds = 60
    assert bench.plan().is_watched
    bench.seconds = 61
    assert not bench.plan().is_watched
    set_share(bench.catalogue, seen, bench.by(), 0.3)
    assert not bench.plan().is_watched


def test_an_ab_test_needs_a_watcher_and_a_shadow_which_reaches_no_user_needs_none(bench):
    seen = shadow(bench)
    assert bench.plan().is_watched
    test, over = AbTest("latency_ms", 1.0), End(queries=5)
    start_ab(bench.catalogue, seen, bench.by(), share=0.5, unit="user", test=test, end=over, max_recipes=4)
    assert not bench.plan().is_watched
    assert take_lease(bench.catalogue, "host:1", bench.now())
    assert bench.plan().is_watched


def test_a_lease_passes_to_another_watcher_once_it_is_old(bench):
    assert take_lease(bench.catalogue, "host:1", bench.now())
    bench.seconds = 20
    assert not take_lease(bench.catalogue, "host:2", bench.now())
    bench.seconds = 21
    assert take_lease(bench.catalogue, "host:2", bench.now())
    assert not take_lease(bench.catalogue, "host:1", bench.now())


def test_a_trial_that_is_over_may_be_proposed_again(bench):
    for finish in (reject, end):
        finish(bench.catalogue, bench.canary(), bench.by())
    with pytest.raises(RolloutConflict, match="in rollout"):
        bench.proposed()
        bench.proposed()


PATHS = {
    "proposed": (),
    "shadow": ("shadow",),
    "canary": ("canary",),
    "paused": ("shadow", "paused"),
    "live": ("canary", "live"),
    "rolled_back": ("canary", "rolled_back"),
    "rejected": ("rejected",),
    "ended": ("shadow", "ended"),
}
"""How each state is reached."""


@pytest.mark.parametrize("state", TRANSITIONS)
def test_a_state_is_followed_by_those_that_the_table_names_and_by_no_other(bench, state):
    for to in TRANSITIONS:
        rollout = bench.proposed()
        for step in PATHS[state]:
            rollout = change_rollout(bench.catalogue, rollout, step, bench.by())
        assert rollout.state == state
        if to in TRANSITIONS[state]:
            rollout = change_rollout(bench.catalogue, rollout, to, bench.by())
            assert rollout.state == to
        else:
            with pytest.raises(RolloutConflict, match=f"Rollout {rollout.id} is {state.replace('_', ' ')}"):
                change_rollout(bench.catalogue, rollout, to, bench.by())
        for closing in ("rejected", "ended"):
            if closing in TRANSITIONS[rollout.state]:
                rollout = change_rollout(bench.catalogue, rollout, closing, bench.by())
        assert not TRANSITIONS[rollout.state]


def test_three_states_are_for_ever(bench):
    assert [state for state, following in TRANSITIONS.items() if not following] == ["rolled_back", "rejected", "ended"]
