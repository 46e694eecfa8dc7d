"""Whatever operators do, in any order and on what they saw: one live recipe, one open rollout, only allowed paths."""

import random
from functools import partial

from indexing.catalogue.database import Database
from indexing.catalogue.releases import deployment_rows, stable_recipe
from indexing.errors import InvalidInput, NotFound, ReleaseBehind, RolloutConflict, TooManyRecipes
from indexing.releases.lifecycle import end, pause, reject, resume, set_share
from indexing.releases.pins import pin, unpin
from indexing.releases.promotion import promote, roll_back
from indexing.releases.rollouts import AbTest, Step, list_rollouts
from indexing.releases.transitions import TRANSITIONS, list_transitions
from indexing.releases.trials import End, start_ab, start_canary, start_shadow
from tests.support.migrated_catalogue import place_catalogue
from tests.support.promotions import gate_all
from tests.support.rollout_home import RECIPES, RolloutHome

REFUSED = (RolloutConflict, TooManyRecipes, InvalidInput, NotFound, ReleaseBehind)
MAX_RECIPES = 3
SEEDS, STEPS_A_SEED = 10, 150
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


class Operators:
    """Two operators, who act on the rollouts as they saw them last, which may be long ago; the order is a seed's."""

    def __init__(self, path, seed):
        self.told = 0
        self.catalogue = Database(place_catalogue(path), on_plan_change=self.tell)
        self.bench, self.random = RolloutHome(self.catalogue), random.Random(seed)
        gate_all(self.catalogue, range(1, RECIPES + 1))
        self.seen = {"ana": [], "ben": []}

    def tell(self):
        self.told += 1

    def attempt(self, act):
        before, told = self.state(), self.told
        try:
            act()
        except REFUSED:
            assert (self.state(), self.told) == (before, told)  # what is refused changes nothing
        if self.state()[-1] != before[-1]:
            assert self.told == told + 1  # once, and only then is it worth a look

    def state(self):
        return list_rollouts(self.catalogue), len(deployment_rows(self.catalogue)), self.bench.plan()

    def look(self, who):
        self.seen[who] = list_rollouts(self.catalogue)

    def change(self, who):
        what = self.random.choice([*CHANGES, *(["pause", "share", "shadow"] * 3)])
        if self.random.random() < 0.8:
            self.look(who)
        seen = [one for one in self.seen[who] if one.is_open or self.random.random() < 0.2]
        if seen:
            self.attempt(partial(CHANGES[what], self.catalogue, seen[0], self.bench.by(who, what)))

    def propose(self, who):
        self.attempt(partial(self.bench.proposed, self.recipe()))

    def promote(self, who):
        anyway = self.random.random() < 0.5
        options = {"max_recipes": MAX_RECIPES, "anyway": anyway}
        self.attempt(lambda: promote(self.catalogue, self.recipe(), self.bench.by(who), **options))

    def roll_back(self, who):
        to = self.random.choice([None, self.recipe()])
        self.attempt(lambda: roll_back(self.catalogue, self.bench.by(who), to=to))

    def pin(self, who):
        tenant = self.random.choice("abc")
        if self.random.random() < 0.5:
            self.attempt(lambda: unpin(self.catalogue, tenant, self.bench.by(who)))
        else:
            options = {"max_recipes": MAX_RECIPES}
            self.attempt(lambda: pin(self.catalogue, tenant, self.recipe(), self.bench.by(who), **options))

    def wait(self, who):
        self.bench.seconds += self.random.randint(1, 50_000)

    def recipe(self):
        return self.random.randint(1, RECIPES)

    def step(self):
        doings = [self.change, self.propose, self.promote, self.roll_back, self.pin, self.wait, self.look]
        [doing] = self.random.choices(doings, weights=[14, 4, 1, 1, 1, 1, 1])
        doing(self.random.choice(["ana", "ben"]))

    def require_one_live_and_one_open(self):
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

    def paths(self):
        """Every change that was kept, each allowed and none missing."""
        found = set()
        for one in list_rollouts(self.catalogue):
            kept = list_transitions(self.catalogue, one.id)
            assert [change.version for change in kept] == list(range(1, one.version + 1))
            assert kept[-1].to_state == one.state
            for change in kept[1:]:
                assert change.to_state in TRANSITIONS[change.from_state]
                assert change.actor
                assert change.reason
                found.add((change.from_state, change.to_state))
        return found


def test_no_order_of_decisions_leads_to_two_live_recipes_or_two_open_rollouts(tmp_path):
    found = set()
    for seed in range(SEEDS):
        operators = Operators(tmp_path / f"{seed}.db", seed)
        for _ in range(STEPS_A_SEED):
            operators.step()
            operators.require_one_live_and_one_open()
        found |= operators.paths()
        operators.catalogue.close()
    allowed = {(before, after) for before, following in TRANSITIONS.items() for after in following}
    assert found == allowed, f"never seen: {sorted(allowed - found)}"
