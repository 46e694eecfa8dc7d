"""Every answer to a tenant with a limit says how it stands towards it, refusals included; others say nothing."""

import time

import pytest

from app.access.rate_limit import RateState, Taken
from app.main import create_app, refresh
from app.web.rate_headers import rate_headers
from indexing.catalogue.tenants import change_limits
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
NAMES = ("ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
def client(served_home):
    with TestClient(create_app(served_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


def told(answer):
    return {name: answer.headers.get(name) for name in NAMES}


def test_what_is_left_is_told_on_each_answer_and_on_the_refusal(client, served_home):
    change_limits(served_home.catalogue, "default", {"requests_per_minute": 3})
    search = {"query": "x", "collection": "helpdesk"}
    answers = [
        client.post("/v1/search", json=search, headers=KEY),
        client.get("/v1/collections", headers=KEY),
        client.post("/v1/search", json={"query": ""}, headers=KEY),
        client.post("/v1/search", json=search, headers=KEY),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422, 429]
    for answer, left in zip(answers, (2, 1, 0, 0), strict=True):
        said = told(answer)
        reset = int(said["ratelimit"].rpartition("t=")[2])
        assert said["ratelimit-policy"] == '"requests";q=3;w=60'
        assert said["ratelimit"] == f'"requests";r={left};t={reset}'
        assert (said["x-ratelimit-limit"], said["x-ratelimit-remaining"]) == ("3", str(left))
        assert 0 < reset <= 60
        assert abs(int(said["x-ratelimit-reset"]) - time.time() - reset) < 5
    assert int(answers[-1].headers["retry-after"]) <= 20


def test_without_a_limit_or_a_key_nothing_is_told(client):
    for answer in (
        client.get("/v1/collections", headers=KEY),
        client.get("/v1/collections"),
        client.get("/livez"),
    ):
        assert set(told(answer).values()) == {None}


def test_feedback_has_a_policy_of_its_own(client, served_home):
    change_limits(served_home.catalogue, "default", {"requests_per_minute": 3})
    client.get("/v1/collections", headers=KEY)
    answer = client.post("/v1/feedback", json={}, headers=KEY)
    assert told(answer)["ratelimit"].startswith('"feedback";r=2;')


@pytest.mark.parametrize(
    ("per_minute", "full_in", "left"), [(60, 0.0, 60), (60, 1.0, 59), (60, 0.5, 59), (60, 60.0, 0), (7, 60 / 7, 6)]
)
def test_what_is_left_is_whole_requests(per_minute, full_in, left):
    state = RateState.after("requests", per_minute, Taken(0.0, full_in))
    assert state.remaining == left
    assert dict(rate_headers(state))[b"x-ratelimit-remaining"] == str(left).encode()
