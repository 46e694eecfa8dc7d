"""A change of the plan reaches a process at once where Redis carries the signal, however seldom it looks by itself."""

import queue
import threading

import pytest

from app.main import create_app, refresh
from indexing.catalogue.database import utc_now
from indexing.home import open_home
from indexing.releases.promotion import roll_back
from indexing.releases.transitions import Decision
from indexing.settings import Settings
from tests.app.conftest import release
from tests.support.api_client import TestClient
from tests.support.promotions import promote

SOON_SECONDS = 20
SELDOM_SECONDS = 3600.0


@pytest.fixture
def served(served_home):
    """A home whose recipe 1 is in service, and recipe 2 is built."""
    release(served_home, shard_rows=2)
    return served_home


def settings(home, url):
    return Settings(
        home=home.path,
        api_key="test-key-0123456789",
        sessions=1,
        poll_seconds=SELDOM_SECONDS,
        live_poll_seconds=SELDOM_SECONDS,
        redis_url=url,
    )


def by():
    return Decision("ana", "a test", utc_now())


def noting_looks(pool):
    """An entry for each look at the plan, once it is done."""
    looked, follow = queue.Queue(), pool.follow_plan

    def follow_plan():
        try:
            return follow()
        finally:
            looked.put("looked")

    pool.follow_plan = follow_plan
    return looked


def look_until(is_seen, looked):
    """Until it is seen; the first looks may be of earlier moments, such as that from which on the process listens."""
    while not is_seen():
        looked.get(timeout=SOON_SECONDS)


def answering_release(client):
    body = {"query": "forgot my password", "collection": "helpdesk"}
    answer = client.post("/v1/search", json=body, headers={"Authorization": "Bearer test-key-0123456789"})
    return answer.json()["release"]


def names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def test_a_promotion_and_a_rollback_by_another_process_are_followed_at_once(served, redis_server):
    chosen = settings(served, redis_server.url)
    other = open_home(chosen)
    with TestClient(create_app(chosen)) as client:
        services = client.app.state.services
        looked = noting_looks(services.pool)
        refresh(services)
        assert answering_release(client) == "1.1"
        promote(other.catalogue, 2, by(), max_recipes=4)
        look_until(lambda: services.pool.now().plan.live == 2, looked)
        refresh(services)  # which opens it
        assert answering_release(client) == "2.1"
        roll_back(other.catalogue, by())
        look_until(lambda: services.pool.now().live == 1, looked)
        assert answering_release(client) == "1.1"
    other.close()


def test_without_redis_no_process_listens(served):
    with TestClient(create_app(settings(served, None))):
        assert "hear-plan" not in names_of_threads()
        assert "follow-plan" in names_of_threads()
