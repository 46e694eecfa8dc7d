"""A slice of ``benchmarks/faults/rollout_life.py``: a recipe's whole life under load, by commands and over HTTP."""

import pytest

from tests.support.benchmark_slices import run_slice
from tests.support.processes import ROOT

pytestmark = pytest.mark.slow
ARTICLES = ROOT / "corpora" / "helpdesk" / "articles" / "api"


def test_a_recipe_lives_from_shadow_to_rollback_and_the_ledger_and_replays_agree_with_what_clients_saw(make_home):
    options = ["--seconds", "1.5", "--askers", "1", "--clients", "1", "--pause", "0.02"]
    options += ["--replays", "40", "--articles", ARTICLES]
    result = run_slice("faults.rollout_life", "--models", make_home("life"), *options)
    assert result["problems"] == 0
    assert set(result["stickiness"].values()) == {0}
    assert (result["ledger"]["not in the ledger"], result["ledger"]["said otherwise"]) == (0, 0)
    assert result["ledger"]["shadows"] > 0
    assert result["replays"]["identical"] == result["replays"]["requests"] == 40
    parts = [result["phases"][phase]["part of the requests"] for phase in ("A alone", "shadow", "B live", "A again")]
    assert parts == [0.0, 0.0, 1.0, 0.0]
    assert 0.0 < result["phases"]["share 0.5"]["part of the users"] < 1.0
