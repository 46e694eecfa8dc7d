"""An interleaving concludes by the sign test of its units, as scipy computes it, and as was stated beforehand."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from indexing.ledger.interleaving import Preferences
from indexing.releases.preference_tests import conclude_preferences
from indexing.releases.rollouts import PREFERENCE, AbTest

TEST = AbTest(PREFERENCE, margin=0.1, level=0.05, higher_is_better=True)


def chose(wins, losses, ties=0):
    signs = [1] * wins + [-1] * losses + [0] * ties
    return Preferences({str(number): sign for number, sign in enumerate(signs)}, len(signs), len(signs), 0, {})


@pytest.mark.parametrize(("wins", "losses"), list(product((0, 1, 7, 30, 61), (1, 6, 30, 200))))
def test_the_sign_test_is_that_of_scipy(wins, losses):
    found = conclude_preferences(TEST, chose(wins, losses, ties=3))
    assert found.p == pytest.approx(binomtest(wins, wins + losses).pvalue, rel=1e-9)
    assert (found.candidate_wins, found.live_wins, found.ties) == (wins, losses, 3)
    assert found.difference == pytest.approx(wins / (wins + losses) - 0.5)


@pytest.mark.parametrize(
    ("wins", "losses", "conclusion"),
    [(40, 15, "better"), (15, 40, "worse"), (20, 18, "inconclusive"), (500, 500, "equivalent"), (6, 0, "better")],
)
def test_it_ends_as_what_it_shows(wins, losses, conclusion):
    found = conclude_preferences(TEST, chose(wins, losses))
    assert found.conclusion == found.evidence["conclusion"] == conclusion
    assert f"{wins} of {wins + losses} units prefer the candidate" in found.reason


def test_a_preference_within_the_margin_does_not_matter_however_sure_it_is():
    found = conclude_preferences(TEST, chose(5_300, 4_700))
    assert found.p < 0.001
    assert found.conclusion == "equivalent"


def test_without_a_unit_that_prefers_any_nothing_is_said():
    found = conclude_preferences(TEST, chose(0, 0, ties=4))
    assert (found.conclusion, found.difference, found.p) == ("inconclusive", None, None)
    assert found.reason == "no unit preferred one of both, of 4 that chose a hit where they differ"


def test_two_recipes_that_are_alike_are_told_apart_no_more_often_than_the_level_says():
    wins = np.random.default_rng(0).binomial(60, 0.5, 400)
    told = [conclude_preferences(TEST, chose(int(won), 60 - int(won))).conclusion for won in wins]
    assert told.count("better") + told.count("worse") <= 0.05 * len(wins)
