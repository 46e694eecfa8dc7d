"""Several recipes over HTTP: which one answers whom, what it sees, and how a change of it reaches clients."""

from contextlib import closing
from datetime import UTC, datetime

import pytest

from app.main import create_app, refresh
from indexing.catalogue.watcher_lease import take_lease
from indexing.ledger.readers import requests_of_recipes
from indexing.releases.pins import hold_back
from indexing.releases.promotion import roll_back
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_canary, start_shadow
from indexing.snapshots.shard import KIND
from tests.app.conftest import copied, release
from tests.support.api_client import TestClient
from tests.support.promotions import pin, promote

KEY = {"Authorization": "Bearer test-key-0123456789"}
USERS = [f"user-{number}" for number in range(40)]


@pytest.fixture(scope="module")
def built(built_home, tmp_path_factory):
    """The folder of a home whose recipe 1 is in service, and recipe 2 is built."""
    with closing(copied(built_home, tmp_path_factory.mktemp("recipes"))) as home:
        release(home, shard_rows=2)
    return home.path


@pytest.fixture
def served(built, tmp_path):
    with closing(copied(built, tmp_path)) as home:
        yield home


@pytest.fixture
def client(served):
    with TestClient(create_app(served.settings), headers=KEY) as client:
        refresh(client.app.state.services)
        yield client


def by():
    return Decision("ana", "a test", datetime.now(UTC).isoformat(timespec="milliseconds"))


def canary(home, share=0.5, unit="user"):
    assert take_lease(home.catalogue, "host:1", by().at)
    seen = propose(home.catalogue, 2, by())
    return start_canary(home.catalogue, seen, by(), share=share, steps=(), unit=unit, max_recipes=4, override="a test")


def ask(client, path="/v1/search", **fields):
    body = {"query": "forgot my password", "collection": "helpdesk"} | fields
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-release-id"] == answer.json()["release"]
    return answer.json()


def releases(client, path="/v1/search"):
    return [ask(client, path, user=user)["release"] for user in USERS]


def test_a_canary_by_user_answers_its_share_and_each_user_always_the_same(served, client):
    canary(served)
    refresh(client.app.state.services)
    found = releases(client)
    assert 8 < found.count("2.1") < 32
    assert set(found) == {"1.1", "2.1"}
    assert releases(client, "/v1/context") == found
    recipes = client.get("/readyz").json()["recipes"]
    assert [(one["recipe"], one["role"], one["release"]) for one in recipes] == [
        (1, "live", "1.1"),
        (2, "candidate", "2.1"),
    ]
    text = client.get("/metrics").text
    assert 'groundwork_recipe_open{recipe="2"} 1.0' in text
    assert f'groundwork_search_requests_total{{recipe="2",status="200"}} {2.0 * found.count("2.1")}' in text


def test_without_a_watcher_a_candidate_gets_nothing_though_its_canary_has_no_steps(served, client):
    canary(served, share=1.0, unit="tenant")
    with served.catalogue.write() as db:
        db.conn.execute("UPDATE watcher_lease SET renewed_at = '2026-01-05T03:00:00.000+00:00'")
    refresh(client.app.state.services)
    assert ask(client)["release"] == "1.1"
    assert take_lease(served.catalogue, "host:1", by().at)
    refresh(client.app.state.services)
    assert ask(client)["release"] == "2.1"


def test_a_search_that_names_no_user_is_counted_and_its_tenant_is_the_unit(served, client):
    canary(served)
    refresh(client.app.state.services)
    assert len({ask(client)["release"] for _ in range(5)}) == 1
    assert "groundwork_assigned_without_user_total 5.0" in client.get("/metrics").text


def test_the_ledger_says_which_recipe_answered_and_why(served, client):
    canary(served, share=1.0, unit="tenant")
    refresh(client.app.state.services)
    asked = ask(client)
    services = client.app.state.services
    assert services.records.recorder.flush()
    (row,) = requests_of_recipes(services.home.ledger, [2], None, None)
    assert services.records.query_ids.text("default", row.id) == asked["query_id"]
    assert (row.release, row.arm, row.reason) == ("2.1", "candidate", "share 1 by tenant")


def test_a_tenant_that_is_pinned_or_held_back_gets_what_was_said(served, client):
    canary(served, share=1.0, unit="tenant")
    hold_back(served.catalogue, "default", by())
    refresh(client.app.state.services)
    assert ask(client)["release"] == "1.1"
    pin(served.catalogue, "default", 2, by(), max_recipes=4)
    refresh(client.app.state.services)
    assert ask(client)["release"] == "2.1"


def test_a_promotion_and_its_rollback_change_the_recipe_and_not_what_is_found(served, client):
    canary(served)
    services = client.app.state.services
    refresh(services)
    documents = "/v1/collections/helpdesk/documents"
    promote(served.catalogue, 2, by(), max_recipes=4)
    services.pool.follow_plan()
    written = client.put(f"{documents}/new", json={"text": "Ring a customer from the inbox."}).json()
    client.delete(f"{documents}/password")
    assert written["searchable"]
    for number in ("2.1", "1.1"):
        found = ask(client, query="ring a customer", min_seq=written["seq"], k=20)
        names = {hit["document_id"] for hit in found["hits"]}
        assert (found["release"], "new" in names, "password" in names) == (number, True, False)
        assert client.get(f"{documents}/new").json()["searchable"]
        if number == "2.1":
            roll_back(served.catalogue, by())
            services.pool.follow_plan()


def test_a_running_process_follows_a_promotion_by_itself(served, client):
    promote(served.catalogue, 2, by(), max_recipes=4)
    for _ in range(2000):
        if ask(client)["release"] == "2.1":
            break
    assert ask(client)["release"] == "2.1"
    roll_back(served.catalogue, by())
    for _ in range(2000):
        if ask(client)["release"] == "1.1":
            break
    assert ask(client)["release"] == "1.1"
    assert client.app.state.services.pool.now().plan.live == 1


def test_a_candidate_whose_shards_are_gone_is_named_by_the_probe_and_costs_no_answer(served, client):
    canary(served, share=1.0, unit="tenant")
    mine = {shard.name for shard in client.app.state.services.pool.current().snapshot.manifest.shards}
    for name in set(served.storage.list(KIND)) - mine:
        served.storage.delete(KIND, name)
    refresh(client.app.state.services)
    assert ask(client)["release"] == "1.1"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["message"] is None
    assert ready.json()["recipes"][1]["release"] is None
    assert "no shard that can be searched" in ready.json()["recipes"][1]["message"]
    assert 'groundwork_recipe_open{recipe="2"} 0.0' in client.get("/metrics").text


def test_a_shadow_answers_no_user_and_its_rows_compare_it(served, client):
    seen = propose(served.catalogue, 2, by())
    end = End(queries=1000)
    start_shadow(served.catalogue, seen, by(), share=1.0, end=end, decides="is it alike?", max_recipes=4)
    services = client.app.state.services
    refresh(services)
    asked = [ask(client)["query_id"] for _ in range(3)]
    assert ask(client, "/v1/context")["release"] == "1.1"
    client.portal.call(int)  # the event loop has offered them by then
    services.shadows.flush()
    assert services.records.recorder.flush()
    rows = [row for row in requests_of_recipes(services.home.ledger, [2], None, None) if row.kind == "shadow"]
    shadowed = {services.records.query_ids.text("default", row.shadow_of) for row in rows}
    assert set(asked) <= shadowed
    assert all(row.comparison["overlap"] == 1.0 for row in rows)
    assert 'groundwork_shadow_searches_total{outcome="answered"} 4.0' in client.get("/metrics").text
