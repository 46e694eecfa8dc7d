"""The evaluation of an interleaving: credits of both lists, wins by unit, and an exact interval."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from scipy.stats import binomtest

from eval.commands.root import evaluation
from eval.feedback.interleaving import interleaving_report, win_share
from indexing.errors import RolloutConflict
from indexing.home import open_home
from indexing.ledger.hashes import UNIT, keyed_hash
from indexing.releases.rollouts import PREFERENCE, AbTest
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_interleaving
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_hit, made_row
from tests.support.rollout_home import RolloutHome

TEST = AbTest(PREFERENCE, 0.1, higher_is_better=True)


def answer(number, who, slots="lc"):
    comparison = {"interleaved": "answered", "slots": slots, "candidate": "2.1", "latency_difference_ms": 1.0}
    hits = tuple(made_hit(name) for name in "abcdefgh"[: len(slots)])
    unit = keyed_hash(SECRET, UNIT, who.encode())
    fields = {"rollout": 1, "arm": "interleaved", "unit": unit, "hits": hits, "comparison": comparison}
    return made_row(number, NOON + timedelta(seconds=number), **fields)


@pytest.fixture
def settings(tmp_path):
    """Rollout 1 is an interleaving, in which 9 of 11 users preferred the candidate and one answer came too late."""
    settings = Settings(home=tmp_path / "home", ledger_days=36_500)
    home = open_home(settings)
    bench = RolloutHome(home.catalogue)
    choices = {"share": 1.0, "steps": (), "unit": "user", "test": TEST, "end": End(queries=100), "max_recipes": 4}
    start_interleaving(home.catalogue, bench.proposed(), bench.by(), **choices)
    rows = [answer(number, f"user-{number}", "lc=") for number in range(1, 12)]
    late = made_row(12, NOON, rollout=1, arm="interleaved", comparison={"interleaved": "late"})
    home.ledger.append([*rows, late])
    home.ledger.append_feedback(
        made_feedback(row, document_id="b" if number < 9 else "a") for number, row in enumerate(rows)
    )
    home.close()
    return settings


def test_the_report_holds_credits_wins_and_an_exact_interval(settings):
    home = open_home(settings)
    found = interleaving_report(home, 1)
    assert (found.candidate.credits, found.candidate.answers, found.candidate.units) == (9, 9, 9)
    assert (found.live.credits, found.live.answers, found.live.units) == (2, 2, 2)
    assert (found.result.answers, found.voted, found.left_out, found.alone) == (11, 11, 0, {"late": 1})
    assert found.competitive == 2.0
    assert found.result.conclusion == "inconclusive"
    assert found.result.p == pytest.approx(binomtest(9, 11).pvalue)
    exact = binomtest(9, 11).proportion_ci(0.95, "exact")
    assert (found.share.low, found.share.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert [(one.collection, one.answers, one.candidate_won, one.live_won) for one in found.slices] == [
        ("default", 11, 9, 2)
    ]
    propose(home.catalogue, 3, Decision("ana", "a test", "2026-01-05T03:00:09.000+00:00"))
    with pytest.raises(RolloutConflict, match="Rollout 2 is not an interleaving"):
        interleaving_report(home, 2)
    home.close()


def test_the_command_tells_it(settings):
    def run(*arguments):
        result = CliRunner().invoke(evaluation, ["interleaving", "1", *arguments], obj=settings)
        assert result.exit_code == 0, result.output
        return result.stdout

    told = run()
    assert "recipe 2 against 1, is inconclusive: 9 of 11 units prefer the candidate" in told
    assert "1 answered by the release in service alone: late" in told
    assert json.loads(run("--json"))["candidate"] == {"credits": 9, "answers": 9, "units": 9}


def test_without_a_win_there_is_no_share():
    assert (win_share(0, 0).value, win_share(0, 0).reason) == (None, "no unit preferred one of both")
