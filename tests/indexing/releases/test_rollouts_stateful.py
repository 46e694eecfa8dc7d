"""Whatever operators do, in any order and on what they saw: one live recipe, one open rollout, only allowed paths."""

from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from indexing.catalogue.database import Database
from indexing.catalogue.releases import deployment_rows, stable_recipe
from indexing.errors import InvalidInput, NotFound, ReleaseBehind, RolloutConflict, TooManyRecipes
from indexing.releases.lifecycle import (
    End,
    end,
    pause,
    reject,
    resume,
    set_share,
    start_ab,
    start_canary,
    start_shadow,
)
from indexing.releases.pins import pin, unpin
from indexing.releases.promotion import promote, roll_back
from indexing.releases.rollouts import AbTest, Step, list_rollouts
from indexing.releases.transitions import TRANSITIONS, list_transitions
from tests.support.rollout_home import RECIPES, RolloutHome

REFUSED = (RolloutConflict, TooManyRecipes, InvalidInput, NotFound, ReleaseBehind)
MAX_RECIPES = 3
STEPS = (Step(0.1, 1, 0.0), Step(0.5, 1, 0.0))
CHANGES = {
    "shadow": lambda c, seen, by: start_shadow(
        c, seen, by, share=1.0, end=End(queries=5), decides="speed", max_recipes=MAX_RECIPES
    ),
    "canary": lambda c, seen, by: start_canary(
        c, seen, by, share=0.1, steps=STEPS, unit="user", max_recipes=MAX_RECIPES
    ),
    "ab": lambda c, seen, by: start_ab(
        c, seen, by, share=0.5, unit="user", test=AbTest("latency_ms", 1.0), end=End(queries=5), max_recipes=MAX_RECIPES
    ),
    "share": lambda c, seen, by: set_share(c, seen, by, 0.7),
    "pause": pause,
    "resume": resume,
    "reject": reject,
    "end": end,
    "roll back": lambda c, seen, by: roll_back(c, by, rollout=seen),
    "promote": lambda c, seen, by: promote(c, seen.candidate, by, max_recipes=MAX_RECIPES, seen=seen),
}
recipes = st.integers(1, RECIPES)


class Operators(RuleBasedStateMachine):
    """Two operators; each acts on the rollouts as it saw them last, which may be long ago."""

    folder = None
    count = 0

    @initialize()
    def begin(self):
        Operators.count += 1
        self.bench = RolloutHome(Database(self.folder / f"{self.count}.db"))
        self.catalogue = self.bench.catalogue
        self.seen = {"ana": [], "ben": []}

    def attempt(self, act):
        before = self.state()
        try:
            act()
        except REFUSED:
            assert self.state() == before  # what is refused changes nothing

    def state(self):
        return list_rollouts(self.catalogue), len(deployment_rows(self.catalogue)), self.bench.plan()

    @rule(who=st.sampled_from(["ana", "ben"]))
    def look(self, who):
        self.seen[who] = list_rollouts(self.catalogue)

    @rule(who=st.sampled_from(["ana", "ben"]), what=st.sampled_from(sorted(CHANGES)), is_stale=st.booleans())
    def change(self, who, what, is_stale):
        seen = self.seen[who] if is_stale else list_rollouts(self.catalogue)
        if seen:
            self.attempt(lambda: CHANGES[what](self.catalogue, seen[0], self.bench.by(who, what)))

    @rule(candidate=recipes, what=st.sampled_from(["shadow", "canary", "ab"]))
    def begin_trial(self, candidate, what):
        def act():
            with self.catalogue.write():
                CHANGES[what](self.catalogue, self.bench.proposed(candidate), self.bench.by("ana", what))

        self.attempt(act)

    @rule(recipe=recipes, anyway=st.booleans())
    def promote(self, recipe, anyway):
        self.attempt(lambda: promote(self.catalogue, recipe, self.bench.by(), max_recipes=MAX_RECIPES, anyway=anyway))

    @rule(to=st.none() | recipes)
    def roll_back(self, to):
        self.attempt(lambda: roll_back(self.catalogue, self.bench.by(), to=to))

    @rule(tenant=st.sampled_from("abc"), recipe=st.none() | recipes)
    def pin(self, tenant, recipe):
        if recipe is None:
            self.attempt(lambda: unpin(self.catalogue, tenant))
        else:
            self.attempt(lambda: pin(self.catalogue, tenant, recipe, self.bench.by(), max_recipes=MAX_RECIPES))

    @rule(seconds=st.integers(1, 100_000))
    def wait(self, seconds):
        self.bench.seconds += seconds

    @invariant()
    def one_is_live_and_one_is_open(self):
        plan, found = self.bench.plan(), list_rollouts(self.catalogue)
        assert plan.live == stable_recipe(self.catalogue)
        assert len([one for one in found if one.is_open]) <= 1
        live = [one for one in found if one.state == "live"]
        assert len(live) <= 1
        assert all(one.candidate == plan.live for one in live)
        if plan.rollout is not None:
            assert plan.rollout.is_open
            assert plan.rollout.candidate != plan.live == plan.rollout.baseline
            assert 0 < plan.rollout.share <= 1
            assert plan.rollout.seed
        assert len(plan.open_recipes) <= MAX_RECIPES
        assert len(set(plan.open_recipes)) == len(plan.open_recipes)

    @invariant()
    def every_path_is_allowed_and_whole(self):
        for one in list_rollouts(self.catalogue):
            kept = list_transitions(self.catalogue, one.id)
            assert [change.version for change in kept] == list(range(1, one.version + 1))
            assert kept[-1].to_state == one.state
            for change in kept[1:]:
                assert change.to_state in TRANSITIONS[change.from_state]
                assert change.actor
                assert change.reason

    def teardown(self):
        if hasattr(self, "bench"):
            self.catalogue.close()


def test_no_order_of_decisions_leads_to_two_live_recipes_or_two_open_rollouts(tmp_path):
    Operators.folder = tmp_path
    run_state_machine_as_test(
        Operators, settings=examples(max_examples=30, stateful_step_count=30, deadline=None, derandomize=True)
    )
