"""Doors are compared where they find the same."""

import pytest

from app.main import create_app, refresh
from benchmarks.harness.scratch_homes import ServedHome
from benchmarks.search import doors
from benchmarks.search.doors import DOORS, PASSAGES, Door, compare, require_alike
from tests.app.conftest import ARTICLES, fill, release
from tests.support.api_client import TestClient

KEY = "test-key-0123456789"


@pytest.fixture
def filled(tiny_home):
    fill(tiny_home)
    release(tiny_home)
    return ServedHome(tiny_home.path, KEY, "helpdesk", 1, len(ARTICLES))


def test_every_door_finds_the_same_passages_in_the_same_order(tiny_home, filled, monkeypatch):
    queries = [title for title, _ in ARTICLES.values()]
    settings = tiny_home.settings.model_copy(update={"api_key": KEY})
    with TestClient(create_app(settings)) as client:
        refresh(client.app.state.services)
        require_alike(client, filled, queries)
        native = DOORS[PASSAGES]
        backwards = Door(native.ask, lambda answer: native.documents(answer)[::-1], like=PASSAGES)
        monkeypatch.setitem(doors.DOORS, "backwards", backwards)
        with pytest.raises(SystemExit, match="by the door 'backwards'"):
            require_alike(client, filled, queries)


def test_ratios_are_of_one_round_each():
    def one(rate, milliseconds):
        return {"queries_per_second": rate, "p50_ms": milliseconds, "p95_ms": 2.0, "p99_ms": 3.0, "cpu_ms": 4.0}

    rounds = [
        {PASSAGES: one(100.0, 1.0)} | dict.fromkeys(set(DOORS) - {PASSAGES}, one(50.0, 2.0)),
        {PASSAGES: one(10.0, 10.0)} | dict.fromkeys(set(DOORS) - {PASSAGES}, one(9.0, 11.0)),
        {PASSAGES: one(100.0, 1.0)} | dict.fromkeys(set(DOORS) - {PASSAGES}, one(90.0, 1.5)),
    ]
    found = compare(rounds)
    assert found[PASSAGES]["queries_per_second"] == 100.0
    ratios = {"queries_per_second": 0.9, "p50_ms": 1.5, "p95_ms": 1.0, "p99_ms": 1.0, "cpu_ms": 1.0}
    assert found[f"openai to {PASSAGES}"] == ratios
