"""A catalogue with released recipes and a clock that tests set, for tests of rollouts."""

from datetime import UTC, datetime, timedelta

from indexing.catalogue.tenants import create_tenant
from indexing.releases.deployments import deploy
from indexing.releases.release import record_release
from indexing.releases.rollouts import read_serving_plan
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose, start_canary

RECIPES = 7
BEGIN = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


class RolloutHome:
    """Recipes 1 to ``RECIPES`` are released, recipe 1 is in service; tenants are a, b and c.

    They are rows alone, unless a ``home`` is given, where they are recipes of an empty snapshot.
    """

    def __init__(self, catalogue, home=None):
        self.catalogue, self.seconds = catalogue, 0.0
        snapshot = None
        if home is not None:
            from tests.support.fresh_home import record_recipes  # loads the service, which rows alone need not wait for

            snapshot = record_recipes(home, RECIPES + 1)
        else:
            with catalogue.write() as db:
                for number in range(1, RECIPES + 2):  # the last one is not built
                    db.conn.execute("INSERT INTO recipes VALUES (?, ?, '{}', '')", (number, str(number)))
        for number in range(1, RECIPES + 1):
            record_release(catalogue, number, snapshot or f"snapshot-{number}", seq=0, actor="ana")
        deploy(catalogue, 1, reason="first release", actor="ana")
        for name in "abc":
            create_tenant(catalogue, name)

    def now(self):
        return (BEGIN + timedelta(seconds=self.seconds)).isoformat(timespec="milliseconds")

    def by(self, actor="ana", reason="a test"):
        return Decision(actor, reason, self.now())

    def plan(self):
        return read_serving_plan(self.catalogue, self.now())

    def proposed(self, candidate=2, **choices):
        return propose(self.catalogue, candidate, self.by(), **choices)

    def canary(self, candidate=2, *, share=0.1, steps=(), unit="tenant", max_recipes=4):
        seen = self.proposed(candidate)
        return start_canary(
            self.catalogue, seen, self.by(), share=share, steps=steps, unit=unit, max_recipes=max_recipes
        )
