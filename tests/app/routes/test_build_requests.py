"""What waits for a build over HTTP: a tenant sees what its own writes wait for, the operator everything."""

import pytest

from app.main import create_app
from app.services.waiting_writes import NO_BUILDER
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.build_requests import request_build
from indexing.catalogue.builder_heartbeat import record_beat
from indexing.catalogue.tenants import ensure_tenant
from indexing.errors import CatalogueBusy
from indexing.home import Home
from tests.support.api_client import TestClient

BEAT, SOON, LATE = (f"2026-11-28T12:{moment}.000+00:00" for moment in ("00:00", "00:29", "01:00"))


@pytest.fixture
def client(home: Home):
    """A process with nothing in service, so that every write waits for a build; its clock stands at ``SOON``."""
    with TestClient(create_app(home.settings)) as client:
        client.app.state.services.now = lambda: SOON
        yield client


@pytest.fixture
def key(home: Home):
    def make(tenant: str, *scopes: str) -> dict[str, str]:
        ensure_tenant(home.catalogue, tenant)
        return {"Authorization": f"Bearer {create_key(home.catalogue, tenant, scopes=scopes)[1]}"}

    return make


def put(client: TestClient, headers: dict[str, str], name: str = "one"):
    return client.put(f"/v1/collections/c/documents/{name}", json={"text": "some text"}, headers=headers)


def listed(client: TestClient, headers: dict[str, str], **query: object):
    answer = client.get("/v1/build-requests", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_tenant_sees_what_its_own_writes_wait_for_and_an_operator_everything(client, home, key):
    ours, theirs = key("ours", "write", "admin"), key("theirs", "write", "admin")
    first, second = put(client, ours).json(), put(client, theirs).json()
    put(client, theirs, "two")
    own = request_build(home.catalogue, "the live layer fills up").id
    seen = listed(client, ours)
    assert [(one["id"], one["tenant"]) for one in seen["requests"]] == [(first["build_request"], "ours")]
    assert (seen["documents_waiting"], seen["next"]) == (1, None)
    assert listed(client, theirs)["documents_waiting"] == 2
    operator = key("ours", OPERATOR)
    everything = listed(client, operator)
    assert [one["tenant"] for one in everything["requests"]] == ["ours", "theirs", "theirs", None]
    assert [one["id"] for one in everything["requests"]][1] == second["build_request"]
    assert everything["requests"][-1]["id"] == own
    assert everything["documents_waiting"] == 3
    assert listed(client, operator, tenant="theirs")["documents_waiting"] == 2


def test_another_tenants_requests_are_not_found_and_a_key_needs_the_scope_admin(client, key):
    ours = key("ours", "write", "admin")
    key("theirs", "write")
    for tenant in ("theirs", "nobody"):
        answer = client.get("/v1/build-requests", headers=ours, params={"tenant": tenant})
        assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")
    assert client.get("/v1/build-requests", headers=key("ours", "search", "write")).status_code == 403


def test_requests_come_in_pages(client, key):
    ours = key("ours", "write", "admin")
    made = [put(client, ours, f"d{number}").json()["build_request"] for number in range(3)]
    page = listed(client, ours, limit=2)
    assert ([one["id"] for one in page["requests"]], page["next"]) == (made[:2], made[1])
    page = listed(client, ours, limit=2, after=page["next"])
    assert ([one["id"] for one in page["requests"]], page["next"]) == (made[2:], None)


@pytest.mark.parametrize(
    ("now", "state", "warnings"), [(SOON, "running", []), (LATE, "none seen", [NO_BUILDER])], ids=["runs", "is-gone"]
)
def test_a_write_that_waits_says_when_no_builder_runs(client, home, key, now, state, warnings):
    ours = key("ours", "write", "admin", "search")
    assert put(client, ours).json()["warnings"] == [NO_BUILDER]
    assert listed(client, ours)["builder"] == {"state": "none seen", "seen_at": None}
    record_beat(home.catalogue, "host:1", BEAT)
    client.app.state.services.now = lambda: now
    answer = put(client, ours, "two")
    assert (answer.status_code, answer.json()["warnings"]) == (202, warnings)
    batch = {"documents": [{"id": "three", "text": "some text"}]}
    assert client.post("/v1/collections/c/documents:batch", json=batch, headers=ours).json()["warnings"] == warnings
    assert listed(client, ours)["builder"] == {"state": state, "seen_at": BEAT}
    found = client.get("/v1/collections/c/documents", headers=ours).json()["documents"]
    assert [one["searchable"] for one in found] == [False] * 3


def metric(client: TestClient, name: str) -> str:
    (line,) = [line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]
    return line.split()[1]


def test_metrics_count_what_waits_and_say_nan_while_it_cannot_be_counted(client, home, key, monkeypatch):
    ours = key("ours", "write")
    assert metric(client, "groundwork_documents_waiting_for_build") == "0.0"
    for name in ("one", "two"):
        put(client, ours, name)
    assert metric(client, "groundwork_documents_waiting_for_build") == "2.0"
    assert metric(client, "groundwork_open_build_requests") == "2.0"

    def busy(*_: object) -> int:
        raise CatalogueBusy("locked")

    monkeypatch.setattr("app.main.count_open_requests", busy)
    assert metric(client, "groundwork_open_build_requests") == "NaN"
    assert metric(client, "groundwork_documents_waiting_for_build") == "2.0"
