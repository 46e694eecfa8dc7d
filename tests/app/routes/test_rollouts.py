"""Rollouts, promotion, roll-back and pins over HTTP: for the operator, each decision on the version that was seen."""

import pytest

from app.main import create_app
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.document_writes import write_documents
from indexing.catalogue.watcher_lease import take_lease
from indexing.records import Document, Partition
from indexing.releases.release import newest_release, record_release
from indexing.releases.transitions import list_transitions
from tests.support.api_client import TestClient
from tests.support.promotions import gate_all, gated
from tests.support.rollout_home import RECIPES, RolloutHome


@pytest.fixture
def bench(home):
    made = RolloutHome(home.catalogue, home)
    gate_all(home.catalogue, range(1, RECIPES + 1))
    return made


@pytest.fixture
def client(home, bench):
    with TestClient(create_app(home.settings)) as client:
        client.app.state.services.now = bench.now
        yield client


@pytest.fixture
def key(home):
    return lambda *scopes: create_key(home.catalogue, "a", scopes=scopes)


@pytest.fixture
def ask(client, key):
    operator, secret = key(OPERATOR)

    def send(method, path, body=None, status=200):
        answer = client.request(method, f"/v1/{path}", json=body, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status, answer.text
        return answer.json()

    send.key_id = operator.id
    return send


STEP = {"share": 0.05, "at_least_requests": 100, "at_least_seconds": 60}


def test_a_recipe_is_proposed_shadowed_tried_promoted_and_taken_back(ask, bench):
    one = ask("POST", "rollouts", {"release": "2.1", "first": ["c"], "reason": "faster"}, status=201)
    assert (one["id"], one["state"], one["candidate"], one["baseline"], one["first"]) == (1, "proposed", 2, 1, ["c"])
    one = ask("POST", "rollouts/1/shadow", {"ends_at": "2026-01-06T00:00:00Z", "decides": "speed"})
    assert (one["state"], one["ends_at"]) == ("shadow", "2026-01-06T00:00:00.000+00:00")
    one = ask("POST", "rollouts/1/canary", {"steps": [STEP], "unit": "user"})
    assert (one["state"], one["reads"], one["steps"]) == ("canary", "paused: no watcher runs", [STEP])
    one = ask("POST", "rollouts/1/share", {"share": 0.2})
    assert one["reads"] == "paused: no watcher runs"
    assert take_lease(bench.catalogue, "host:1", bench.now())
    one = ask("GET", "rollouts/1")
    assert (one["reads"], one["share"], one["steps"]) == ("canary", 0.2, [])
    assert ask("POST", "rollouts/1/pause", {})["state"] == "paused"
    assert ask("POST", "rollouts/1/resume", {})["state"] == "canary"
    assert ask("POST", "rollouts/1/promote", {"standby_seconds": 60}) == {"release": "2.1"}
    found = {one["number"]: one for one in ask("GET", "releases")["releases"]}
    assert (found["2.1"]["is_in_service"], found["2.1"]["arm"], found["2.1"]["documents_behind"]) == (True, "live", 0)
    assert found["1.1"]["state"] == "on standby until 2026-01-05 03:01"
    assert ask("POST", "releases:rollback", {"reason": "errors"}) == {
        "release": "1.1",
        "from_recipe": 2,
        "rollout": 1,
        "documents_behind": 0,
    }
    page = ask("GET", "rollouts/1")
    assert page["state"] == "rolled_back"
    assert [change["to_state"] for change in page["transitions"]][-2:] == ["live", "rolled_back"]
    assert {change["actor"] for change in page["transitions"]} == {f"key {ask.key_id}"}
    assert page["transitions"][-1]["reason"] == "errors"


def test_a_decision_on_a_version_that_is_over_is_refused_and_says_who_was_first(ask, bench):
    ask("POST", "rollouts", {"release": "2"}, status=201)
    seen = ask("POST", "rollouts/1/canary", {"share": 0.1})["version"]
    ask("POST", "rollouts/1/pause", {"version": seen, "reason": "slow"})
    for path, body in (("share", {"share": 0.5}), ("promote", {}), ("rollback", {}), ("end", {})):
        problem = ask("POST", f"rollouts/1/{path}", {"version": seen, **body}, status=409)
        assert problem["error"] == "RolloutConflict"
        assert f"key {ask.key_id} made it paused" in problem["message"]
        assert "(slow)" in problem["message"]
    assert list_transitions(bench.catalogue, 1)[-1].to_state == "paused"


def test_an_answer_for_everyone_or_a_whole_tenant_needs_a_verdict_or_an_override(ask, bench):
    gated(bench.catalogue, 5, verdict="REJECT")
    ask("POST", "rollouts", {"release": "5"}, status=201)
    for method, path, body in (
        ("POST", "rollouts/1/canary", {"share": 1}),
        ("PUT", "pins/a", {"kind": "pinned", "release": "5"}),
    ):
        assert ask(method, path, body, status=409)["error"] == "ReleaseNotGated"
    ask("POST", "rollouts/1/canary", {"share": 0.5})
    assert ask("POST", "rollouts/1/share", {"share": 1}, status=409)["error"] == "ReleaseNotGated"
    assert ask("POST", "rollouts/1/share", {"share": 1, "override": "a drill"})["share"] == 1
    assert ask("GET", "rollouts/1")["transitions"][-1]["evidence"] == {"override": "a drill"}


def test_an_open_canary_shows_what_its_guards_say(ask):
    ask("POST", "rollouts", {"release": "2"}, status=201)
    ask("POST", "rollouts/1/canary", {"share": 0.1})
    [guard] = ask("GET", "rollouts/1")["guards"]
    assert (guard["guard"], guard["outcome"]) == ("data", "no_data")
    assert ask("POST", "rollouts/1/rollback", {})["from_recipe"] == 2
    assert ask("GET", "rollouts/1")["guards"] == []
    assert [one["state"] for one in ask("GET", "rollouts")["rollouts"]] == ["rolled_back"]


def test_a_candidate_that_lacks_documents_gets_users_only_with_a_word(ask, bench):
    one = ask("POST", "rollouts", {"release": "2"}, status=201)
    assert one["documents_behind"] == 0
    write_documents(bench.catalogue, Partition("a", "articles"), [Document("one", "One", "text")], live=False)
    snapshot = newest_release(bench.catalogue, 1).snapshot
    record_release(bench.catalogue, 1, snapshot, seq=bench.catalogue.sequence(), actor="ana")
    assert ask("GET", "rollouts/1")["documents_behind"] == 1
    test = {"measure": "latency_ms", "margin": 5, "max_queries": 1000}
    for path, body in (
        ("rollouts/1/canary", {"share": 0.1}),
        ("rollouts/1/ab", test),
        ("rollouts/1/interleaving", {"max_queries": 1000}),
        ("rollouts/1/promote", {}),
        ("releases:promote", {"release": "2"}),
    ):
        assert ask("POST", path, body, status=409)["error"] == "ReleaseBehind"
    assert ask("POST", "rollouts/1/shadow", {"max_queries": 9, "decides": "speed"})["documents_behind"] == 1
    assert ask("POST", "rollouts/1/canary", {"share": 0.1, "anyway": True})["state"] == "canary"
    assert ask("POST", "rollouts/1/promote", {"anyway": True}) == {"release": "2.1"}
    assert ask("GET", "rollouts/1")["documents_behind"] is None


def test_an_ab_test_is_stated_beforehand_and_ended_or_rejected(ask):
    for action in ("end", "reject"):
        number = ask("POST", "rollouts", {"release": "2"}, status=201)["id"]
        body = {"measure": "latency_ms", "margin": 5, "max_queries": 1000, "unit": "user"}
        one = ask("POST", f"rollouts/{number}/ab", body)
        assert (one["mode"], one["share"]) == ("ab", 0.5)
        assert "latency_ms differs by 5" in one["decides"]
        ask("POST", f"rollouts/{number}/{action}", {})


def test_an_interleaving_is_stated_beforehand_and_may_go_by_steps(ask):
    ask("POST", "rollouts", {"release": "2"}, status=201)
    one = ask("POST", "rollouts/1/interleaving", {"max_queries": 1000, "steps": [STEP]})
    assert (one["mode"], one["state"], one["share"], one["unit"]) == ("interleaving", "canary", 0.05, "user")
    assert one["decides"].startswith("whether users prefer")
    assert one["steps"] == [STEP]
    ask("POST", "rollouts/1/end", {})
    ask("POST", "rollouts", {"release": "2"}, status=201)
    assert ask("POST", "rollouts/2/interleaving", {"max_queries": 1000, "unit": "tenant"})["share"] == 0.5


REFUSED = (
    ("rollouts/1/interleaving", {"max_queries": 9, "share": 0.1, "steps": [STEP]}, 400, "Give either 'share'"),
    ("rollouts/1/interleaving", {}, 400, "An interleaving needs an end"),
    ("rollouts/1/interleaving", {"max_queries": 9, "margin": 0.5}, 422, "margin"),
    ("rollouts", {"release": "x"}, 400, "'x' is not a release number"),
    ("rollouts", {"release": "99"}, 404, "No release 99"),
    ("rollouts/1/canary", {}, 400, "Give either 'share'"),
    ("rollouts/1/canary", {"share": 0.1, "steps": [STEP]}, 400, "Give either 'share'"),
    ("rollouts/1/canary", {"steps": [{**STEP, "share": 0.5}, STEP]}, 400, "number 2: share 0.05 is below 0.5"),
    ("rollouts/1/canary", {"share": 2}, 422, "share"),
    ("rollouts/1/shadow", {"decides": "x"}, 400, "needs an end"),
    ("rollouts/1/shadow", {"decides": "x", "ends_at": "2020-01-01T00:00:00Z"}, 400, "lies behind"),
    ("rollouts/9/pause", {}, 404, "No rollout 9"),
    ("rollouts/1/pause", {}, 409, "only from shadow or canary"),
    ("releases:promote", {"release": "99"}, 404, "No release 99"),
    ("releases:rollback", {}, 404, "the only one"),
)
"""Path, body, status and what the message says, where a rollout is proposed."""


def test_what_cannot_be_done_has_a_status_and_a_sentence(ask, subtests):
    ask("POST", "rollouts", {"release": "2"}, status=201)
    for path, body, status, message in REFUSED:
        with subtests.test(path=path, body=body):
            assert message in ask("POST", path, body, status=status)["message"]
    assert ask("GET", "rollouts/1")["state"] == "proposed"


def test_without_a_verdict_a_promotion_is_refused_and_an_override_is_kept_for_ever(ask, bench):
    gated(bench.catalogue, 2, verdict="REJECT")
    ask("POST", "rollouts", {"release": "2.1"}, status=201)
    for path, body in (("releases:promote", {"release": "2"}), ("rollouts/1/promote", {})):
        problem = ask("POST", path, body, status=409)
        assert (problem["error"], "is REJECT: as a test says" in problem["message"]) == ("ReleaseNotGated", True)
    assert [one["verdict"] for one in ask("GET", "rollouts/1")["verdicts"]][-1] == "REJECT"
    assert ask("POST", "rollouts/1/promote", {"override": "urgent"}) == {"release": "2.1"}
    assert ask("GET", "rollouts/1")["transitions"][-1]["evidence"] == {"override": "urgent"}


def test_releases_are_promoted_and_gone_back_to_by_number(ask):
    for release in ("2", "3.1"):
        ask("POST", "releases:promote", {"release": release, "standby_seconds": 0})
    ask("POST", "releases:rollback", {})
    assert "put recipe 2 back" in ask("POST", "releases:rollback", {}, status=409)["message"]
    assert "just taken back" in ask("POST", "releases:promote", {"release": "3"}, status=409)["message"]
    assert ask("POST", "releases:rollback", {"to": "1"})["release"] == "1.1"
    assert ask("POST", "releases:promote", {"release": "3", "anyway": True}) == {"release": "3.1"}


def test_tenants_are_pinned_and_unpinned(ask, bench):
    assert ask("PUT", "pins/a", {"kind": "pinned", "release": "3"})["recipe"] == 3
    assert ask("PUT", "pins/b", {"kind": "held_back"})["kind"] == "held_back"
    assert ask("PUT", "pins/c", {"kind": "first", "reason": "asked"})["reason"] == "asked"
    assert [one["tenant"] for one in ask("GET", "pins")["pins"]] == ["a", "b", "c"]
    assert bench.plan().open_recipes == (1, 3)
    assert [one["tenant"] for one in ask("DELETE", "pins/a")["pins"]] == ["b", "c"]
    ask("DELETE", "pins/a", status=404)
    ask("PUT", "pins/zoe", {"kind": "first"}, status=404)
    for body in ({"kind": "pinned"}, {"kind": "first", "release": "3"}):
        assert "does not fit" in ask("PUT", "pins/a", body, status=400)["message"]


def test_only_the_operator_sees_and_decides(client, key):
    _, secret = key("admin", "write", "search")
    headers = {"Authorization": f"Bearer {secret}"}
    for method, path in (("GET", "rollouts"), ("GET", "releases"), ("GET", "pins"), ("POST", "releases:rollback")):
        body = {} if method == "POST" else None
        assert client.request(method, f"/v1/{path}", json=body, headers=headers).status_code == 403


def test_a_recipe_that_was_tampered_with_is_not_promoted(ask, bench, home):
    ask("POST", "rollouts", {"release": "2.1"}, status=201)
    with home.catalogue.write() as db:
        db.conn.execute("UPDATE recipes SET manifest = replace(manifest, '0.45', '0.99') WHERE number = 2")
    for path, body in (("releases:promote", {"release": "2.1"}), ("rollouts/1/promote", {})):
        refused = ask("POST", path, body, status=503)
        assert refused["error"] == "ArtefactCorrupt"
        assert "Recipe 2 is not the one that was recorded" in refused["message"]
    assert bench.plan().live == 1
