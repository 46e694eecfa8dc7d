"""The evaluation of an interleaving: credits, wins by unit, intervals; and less traffic than an A/B test needs."""

import json
import random
from collections import defaultdict
from datetime import timedelta
from statistics import fmean

import pytest
from click.testing import CliRunner
from scipy.stats import binomtest

from app.retrieval.team_draft import team_draft
from eval.commands.root import evaluation
from eval.feedback.interleaving import interleaving_report, win_share
from indexing.errors import RolloutConflict
from indexing.home import open_home
from indexing.ledger.hashes import UNIT, keyed_hash
from indexing.ledger.interleaving import Preferences, vote_of
from indexing.releases.ab_tests import conclude
from indexing.releases.preference_tests import conclude_preferences
from indexing.releases.rollouts import PREFERENCE, AbTest
from indexing.releases.trials import End, start_interleaving
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
    bench = RolloutHome.__new__(RolloutHome)
    bench.catalogue, bench.seconds = home.catalogue, 9.0
    bench.proposed(3)
    with pytest.raises(RolloutConflict, match="Rollout 2 is no interleaving"):
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


# A simulation: users look at rank r with chance 1/r, and click a relevant document that they see half of the time.

LIVE, CANDIDATE = [0, 2, 1, 3, 4, 5], [0, 1, 2, 3, 4, 5]
"""Rankings of the same documents: that of the candidate has the relevant one, 1, a rank higher."""
RELEVANT = 1


def clicked(chance, ranking):
    """The ranks, from 1, that a user clicks."""
    return [
        rank
        for rank, document in enumerate(ranking, 1)
        if chance.random() < 1 / rank and chance.random() < (0.5 if document == RELEVANT else 0.05)
    ]


def interleaved(seed, users, live=LIVE, candidate=CANDIDATE):
    chance, units = random.Random(seed), {}
    for user in range(users):
        draft = team_draft(live, candidate, 6, key=lambda hit: hit, toss=lambda: chance.random() < 0.5)
        chosen = defaultdict(list)
        for rank in clicked(chance, draft.hits):
            chosen[str(draft.hits[rank - 1])].append(rank)
        vote = vote_of([str(hit) for hit in draft.hits], draft.slots, chosen)
        if vote.live or vote.candidate:
            units[str(user)] = vote.preference
    return conclude_preferences(TEST, Preferences(units, users, len(units), 0, {})).conclusion


def ab_tested(seed, users):
    """By the reciprocal rank of the first click, as many users an arm as make ``users`` together."""
    chance = random.Random(seed)

    def arm(ranking):
        return [1 / min(found) if (found := clicked(chance, ranking)) else 0.0 for _ in range(users // 2)]

    return conclude(AbTest("first_click", 0.01, higher_is_better=True), arm(LIVE), arm(CANDIDATE)).conclusion


def test_a_better_recipe_is_found_with_a_fraction_of_the_traffic_of_an_ab_test():
    found = fmean(interleaved(seed, 100) == "better" for seed in range(30))
    ab = fmean(ab_tested(seed, 300) == "better" for seed in range(30))
    assert (found, ab) == (pytest.approx(1.0, abs=0.05), pytest.approx(0.35, abs=0.15))


def test_users_who_click_at_random_prefer_neither():
    """Two rankings of nothing but irrelevant documents, which overlap in odd places."""
    told = [interleaved(seed, 150, [7, 2, 3, 9, 4, 5], [6, 3, 7, 8, 2, 9]) for seed in range(60)]
    wrong = sum(one in ("better", "worse") for one in told)
    assert binomtest(wrong, len(told), TEST.level, alternative="greater").pvalue > 0.05
