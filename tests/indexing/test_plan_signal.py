"""The signal that the plan changed is sent once it is committed, and costs who changes it next to nothing."""

import logging
import signal
import time

import pytest

from indexing.catalogue.database import Database
from indexing.catalogue.releases import insert_deployment
from indexing.home import open_home
from indexing.plan_signal import WAIT_SECONDS, PlanSignal
from indexing.releases.deployments import deploy
from indexing.releases.pins import choose_first, hold_back, unpin
from indexing.settings import Settings
from indexing.storage.factory import open_storage
from tests.support.fresh_home import record_recipes
from tests.support.migrated_catalogue import place_catalogue, place_home
from tests.support.processes import free_port
from tests.support.rollout_home import RolloutHome


class Observed:
    """A catalogue that notes, whenever it tells that the plan changed, what others read in it then."""

    def __init__(self, path):
        self.plans = []
        place_catalogue(path)
        self.reader = Database(path)
        self.catalogue = Database(path, on_plan_change=self.look)
        self.bench = RolloutHome(self.catalogue)
        self.plans.clear()

    def look(self):
        row = self.reader.row("SELECT max(recipe) AS live, (SELECT max(kind) FROM pins) AS pin FROM deployments")
        self.plans.append((row["live"], row["pin"]))

    def close(self):
        self.catalogue.close()
        self.reader.close()


@pytest.fixture
def observed(tmp_path):
    opened = Observed(tmp_path / "catalogue.db")
    yield opened
    opened.close()


def test_it_is_told_once_others_can_read_it_also_where_the_change_is_part_of_a_larger_one(observed):
    with observed.catalogue.write():
        deploy(observed.catalogue, 2, reason="a test", actor="ana")
        hold_back(observed.catalogue, "a", observed.bench.by())
        assert observed.plans == []
    assert observed.plans == [(2, "held_back")]


def test_what_is_not_committed_is_not_told_nor_with_the_next_commit(observed):
    def deploy_and_fail():
        with observed.catalogue.write():
            insert_deployment(observed.catalogue, 2, reason="a test", actor="ana")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        deploy_and_fail()
    observed.bench.proposed(3)  # takes no traffic
    assert observed.plans == []


def test_tenants_that_are_set_apart_are_told_and_so_is_that_they_are_not_any_more(observed):
    catalogue, by = observed.catalogue, observed.bench.by()
    hold_back(catalogue, "a", by)
    choose_first(catalogue, "a", by)
    unpin(catalogue, "a", by)
    assert observed.plans == [(1, "held_back"), (1, "first"), (1, None)]


@pytest.fixture
def deployable(tmp_path):
    """A home with a recipe to put in service, and how to open it with a Redis."""
    path = place_home(tmp_path / "home")
    with_none = open_home(Settings(home=path))
    record_recipes(with_none, 1)
    with_none.close()
    opened = []

    def opening(url):
        opened.append(open_home(Settings(home=path, redis_url=url)))
        return opened[-1]

    yield opening
    for home in opened:
        home.close()


def events(caplog):
    return [record.message for record in caplog.records if record.message.startswith("plan_signal.")]


@pytest.mark.parametrize("options", ["", "?socket_timeout=secret", "?secret=1"])
def test_without_a_redis_that_answers_all_is_written_and_it_is_said_once_without_the_address(
    deployable, caplog, options
):
    home = deployable(f"redis://:secret@127.0.0.1:{free_port()}/0{options}")
    for _ in range(3):
        insert_deployment(home.catalogue, 1, reason="a test", actor="ana")
    assert home.catalogue.row("SELECT count(*) AS n FROM deployments") == {"n": 3}
    assert events(caplog) == ["plan_signal.not_sent"]
    assert "secret" not in str(caplog.records[-1].__dict__)


def test_a_redis_that_hangs_holds_up_one_change_shortly_and_the_next_not_at_all(redis_server, deployable, caplog):
    home = deployable(redis_server.url)
    insert_deployment(home.catalogue, 1, reason="a test", actor="ana")  # loads the client
    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        for _ in range(20):
            insert_deployment(home.catalogue, 1, reason="a test", actor="ana")
        assert time.monotonic() - began < 10 * WAIT_SECONDS  # once, not twenty times
    finally:
        redis_server.process.send_signal(signal.SIGCONT)
    assert events(caplog) == ["plan_signal.not_sent"]


def test_a_redis_that_is_back_is_said(redis_server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    clock = [0.0]
    sender = PlanSignal(redis_server.url, open_storage(tmp_path), clock=lambda: clock[0])
    redis_server.kill()
    sender.send()
    redis_server.start()
    sender.send()  # too early to ask again
    assert events(caplog) == ["plan_signal.not_sent"]
    clock[0] = 60.0
    sender.send()
    assert events(caplog) == ["plan_signal.not_sent", "plan_signal.redis_back"]


def test_without_redis_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr("indexing.home.PlanSignal", None)
    home = open_home(Settings(home=place_home(tmp_path / "home")))
    record_recipes(home, 1)
    insert_deployment(home.catalogue, 1, reason="a test", actor="ana")
    home.close()
