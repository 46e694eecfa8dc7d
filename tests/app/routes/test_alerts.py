"""Alerts over HTTP: listed, acknowledged once, counted as a metric."""

import pytest

from app.main import create_app
from indexing.catalogue.alerts import raise_alert
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.tenants import ensure_tenant
from tests.app.routes.test_admin import bearer
from tests.support.api_client import TestClient

AT = "2026-11-29T00:00:00.000+00:00"


@pytest.fixture
def client(home):
    with TestClient(create_app(home.settings)) as client:
        yield client


def test_an_operator_lists_alerts_acknowledges_one_and_sees_them_counted(home, client):
    ensure_tenant(home.catalogue, "ops")
    key, secret = create_key(home.catalogue, "ops", scopes=("operator",))
    headers = bearer(secret)
    alert, _ = raise_alert(home.catalogue, "drift:a/b", "critical", "drift", "it drifted", {"p": 0.1}, AT, tenant="a")
    raise_alert(home.catalogue, "stale:a/b", "warning", "drift", "it is stale", {}, AT)
    metrics = client.get("/metrics").text
    assert 'groundwork_open_alerts{severity="critical"} 1.0' in metrics
    assert 'groundwork_open_alerts{severity="warning"} 1.0' in metrics
    listed = client.get("/v1/alerts", headers=headers).json()["alerts"]
    assert [one["key"] for one in listed] == ["stale:a/b", "drift:a/b"]
    assert listed[1]["evidence"] == {"p": 0.1}
    done = client.post(f"/v1/alerts/{alert.id}:acknowledge", json={"note": "a campaign"}, headers=headers)
    assert (done.status_code, done.json()["acknowledged_by"]) == (200, f"key {key.id}")
    assert len(client.get("/v1/alerts", headers=headers).json()["alerts"]) == 1
    everything = client.get("/v1/alerts?acknowledged=true&limit=5", headers=headers).json()["alerts"]
    assert [one["note"] for one in everything] == [None, "a campaign"]
    missing = client.post("/v1/alerts/99:acknowledge", json={}, headers=headers)
    assert (missing.status_code, missing.json()["error"]) == (404, "NotFound")
    assert 'groundwork_open_alerts{severity="critical"} 0.0' in client.get("/metrics").text
