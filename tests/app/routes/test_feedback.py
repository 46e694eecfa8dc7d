"""Feedback over HTTP: tied to a query by its id alone, taken once, and kept as the tenant's policy says."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from app.ledger.query_ids import SECRET, QueryIds
from app.main import create_app, refresh
from app.schemas.feedback import ALSO_CALLED, ActionName
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.tenants import change_limits, ensure_tenant
from indexing.ledger.feedback import ACTIONS
from indexing.ledger.feedback_readers import Asked, answers_with_feedback, feedback_of
from tests.app.conftest import settings_of
from tests.support.api_client import TestClient
from tests.support.ledger_rows import made_id

NOW = datetime.now(UTC)


@pytest.fixture
def client(served_home):
    settings = settings_of(served_home.path).model_copy(update={"log_queries": True})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


@pytest.fixture
def post(served_home, client):
    """Sends feedback as some tenant, by default the one that searches."""
    keys = {}

    def post(body, tenant="default", scopes=("search",)):
        if (tenant, scopes) not in keys:
            ensure_tenant(served_home.catalogue, tenant)
            keys[tenant, scopes] = create_key(served_home.catalogue, tenant, scopes=scopes)[1]
        return client.post("/v1/feedback", json=body, headers={"Authorization": f"Bearer {keys[tenant, scopes]}"})

    return post


@pytest.fixture
def kept(served_home, client):
    """All feedback that is written, once it is."""

    def kept():
        assert client.app.state.services.feedback.flush(20)
        return list(feedback_of(served_home.ledger))

    return kept


@pytest.fixture
def answer(client):
    """What a search of user ``u-1`` was answered."""
    found = client.post(
        "/v1/search",
        json={"query": "how do I reset my password", "collection": "helpdesk", "user": "u-1"},
        headers={"Authorization": "Bearer test-key-0123456789"},
    ).json()
    return found


def event(answer, action="click", **changes):
    attributes = {"object": {"object_id": "password", "object_id_field": "document_id"}, "position": {"ordinal": 1}}
    body = {
        "application": "helpdesk-copilot",
        "action_name": action,
        "query_id": answer["query_id"],
        "client_id": "browser-7",
        "user_id": "u-1",
        "session_id": "s-1",
        "timestamp": NOW.isoformat(),
        "message_type": "INTERACTION",
        "event_attributes": attributes,
    }
    return body | changes


def test_an_event_in_the_shape_of_ubi_is_joined_to_the_answer_it_is_about(served_home, client, post, answer, kept):
    response = post(event(answer))
    assert response.status_code == 202
    said = response.json()
    assert (said["query_id"], said["action"], said["has_comment"]) == (answer["query_id"], "click", False)
    (row,) = kept()
    assert (row.id, row.action, row.document_id, row.position) == (said["event"], "click", "password", 1)
    assert client.app.state.services.records.recorder.flush(20)
    ((joined, about),) = answers_with_feedback(served_home.ledger, asked=Asked(hits=True))
    assert about == (row,)
    assert "password" in joined.document_ids
    assert row.user == joined.user, "one person has one hash, whether it searches or says something"
    assert "u-1" not in str(row)
    key = {"Authorization": "Bearer test-key-0123456789"}
    (told,) = client.get(f"/v1/ledger/requests/{answer['query_id']}", headers=key).json()["requests"]
    (said,) = told["feedback"]
    assert (said["kind"], said["action"], said["document_id"], said["position"]) == ("implicit", "click", "password", 1)


SAID_OR_DONE = [
    ("rate", {"event_attributes": {"rating": 0.75}}, 0.75),
    ("comment", {"message": "The second article had it.", "event_attributes": None}, None),
    ("answered", {}, None),
    ("not_answered", {"event_attributes": {}}, None),
    ("copy", {}, None),
    ("cite", {}, None),
    ("dwell", {"event_attributes": {"object": {"object_id": 12}, "dwell_ms": 1500}}, 1500.0),
    ("impression", {}, None),
    ("reformulate", {"event_attributes": None}, None),
    ("abandon", {"event_attributes": {"position": {"xy": {"x": 1, "y": 2.5}}}}, None),
    ("click_through", {}, None),
    ("view", {}, None),
]


def test_everything_that_is_said_or_done_is_taken(post, answer, kept):
    for number, (action, changes, _) in enumerate(SAID_OR_DONE):
        assert post(event(answer, action, event_id=str(number), **changes)).status_code == 202
    expected = [(ALSO_CALLED.get(action, action), value) for action, _, value in SAID_OR_DONE]
    assert sorted((row.action, row.value or 0) for row in kept()) == sorted(
        (name, value or 0) for name, value in expected
    )


def test_the_wire_takes_what_the_ledger_keeps():
    names = TypeAdapter(ActionName).json_schema()["enum"]
    assert {ALSO_CALLED.get(name, name) for name in names} == set(ACTIONS)


MALFORMED = [
    (400, {"action_name": "rate"}, "event_attributes.rating"),
    (400, {"action_name": "comment", "message": " "}, "needs message"),
    (400, {"action_name": "click", "event_attributes": {}}, "needs event_attributes.object.object_id"),
    (400, {"action_name": "dwell", "event_attributes": {}}, "dwell_ms and event_attributes.object.object_id"),
    (422, {"action_name": "liked"}, "action_name"),
    (422, {"timestamp": "2026-11-29T09:30:00"}, "timestamp"),
    (422, {"timestamp": 1764408600}, "timestamp"),
    (422, {"event_attributes": {"object": {"object_id": "a"}, "position": {"ordinal": 0}}}, "ordinal"),
    (422, {"action_name": "rate", "event_attributes": {"rating": 5}}, "rating"),
    (422, {"message": "x" * 1025}, "message"),
    (422, {"event_attributes": {"object": {"object_id": 10**600}}}, "object_id"),
]


def test_what_an_event_lacks_is_named(post, answer, kept):
    for status, changes, lacking in MALFORMED:
        response = post(event(answer, **changes))
        assert response.status_code == status
        assert lacking in response.json()["message"]
    assert kept() == []


def test_an_invented_id_and_another_tenant_s_are_refused_alike_and_without_a_look(post, answer, kept, monkeypatch):
    monkeypatch.setattr("indexing.ledger.day_file.DayFile.rows", None)
    invented = base64.urlsafe_b64encode(made_id().bytes + bytes(8)).decode()
    answers = [post(event(answer), "rival"), post(event({"query_id": invented})), post(event({"query_id": "q-1"}))]
    monkeypatch.undo()
    assert [response.status_code for response in answers] == [400, 400, 400]
    messages = [response.json()["message"] for response in answers]
    for message, name in zip(messages, (answer["query_id"], invented, "q-1"), strict=True):
        assert message == messages[2].replace("q-1", name)
    assert kept() == []


def test_an_event_that_is_sent_again_counts_once(post, answer, kept):
    first = event(answer, "rate", event_attributes={"rating": 1}, event_id="e-1")
    ids = {post(body).json()["event"] for body in (first, first, first | {"event_attributes": {"rating": 0}})}
    assert len(ids) == 1
    assert [row.value for row in kept()] == [1.0], "what came first counts"
    plain = event(answer)
    assert post(plain).json()["event"] == post(plain).json()["event"]
    post(plain | {"timestamp": (NOW + timedelta(seconds=1)).isoformat()})
    assert len(kept()) == 3, "without an id of its own an event is what it says"


def test_feedback_may_come_before_the_row_of_its_query(served_home, post, kept):
    coming = made_id()
    text = QueryIds(home_secret(served_home.catalogue, SECRET)).text("default", coming)
    assert post(event({"query_id": text})).status_code == 202
    assert [row.query_id for row in kept()] == [coming]


def test_feedback_about_a_query_that_the_ledger_has_forgotten_is_told_so(served_home, post, kept):
    old = made_id(int((NOW - timedelta(days=served_home.settings.ledger_days)).timestamp() * 1000))
    text = QueryIds(home_secret(served_home.catalogue, SECRET)).text("default", old)
    response = post(event({"query_id": text}))
    assert response.status_code == 404
    assert "older than the 30 days that the ledger keeps" in response.json()["message"]
    assert kept() == []


def test_a_clock_that_is_wrong_moves_no_event_before_its_query_or_after_its_arrival(post, answer, kept):
    for text in ("0001-01-01T00:00:00+14:00", "2001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"):
        assert post(event(answer, timestamp=text)).status_code == 202
    rows = kept()
    assert len(rows) == 3
    assert all(NOW - timedelta(minutes=1) <= row.at <= row.received_at for row in rows)


def test_a_comment_is_kept_where_the_tenant_s_text_may_be(served_home, post, answer, kept):
    said = event(answer, "comment", message="MARK näher", event_id="1")
    assert post(said).json()["has_comment"] is False
    assert [row.comment for row in kept()] == [None]
    change_limits(served_home.catalogue, "default", {"log_queries": 1})
    assert post(said | {"event_id": "2"}).json()["has_comment"] is True
    assert sorted(row.comment or "" for row in kept()) == ["", "MARK näher"]


def test_feedback_has_a_rate_of_its_own_and_a_flood_of_it_stops_no_search(client, served_home, post, answer):
    change_limits(served_home.catalogue, "default", {"requests_per_minute": 2})
    statuses = [post(event(answer)).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    asked = {"query": "password", "collection": "helpdesk"}
    headers = {"Authorization": "Bearer test-key-0123456789"}
    assert [client.post("/v1/search", json=asked, headers=headers).status_code for _ in range(3)] == [200, 200, 429]


def test_feedback_needs_a_key_that_searches(post, answer):
    assert post(event(answer), scopes=("write",)).status_code == 403


def test_what_became_of_feedback_is_a_metric(client, post, answer, kept):
    post(event(answer))
    kept()
    text = client.get("/metrics").text
    assert 'groundwork_feedback_events_total{outcome="written"} 1.0' in text
    assert 'groundwork_feedback_events_total{outcome="dropped"} 0.0' in text
