"""A slice of the benchmark on made questions: curves fit what is so, keep the order and know what has no answer."""

import numpy as np
import pytest

from benchmarks.quality.calibration import BEFORE, Asked, Collection, first_scores, fit_curve, measured
from indexing.records import MODES


def made(seed, questions, *, answered=True):
    """Questions whose hits are relevant with a chance that their evidence and place decide."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(questions):
        evidence = np.sort(rng.uniform(0.1, 0.7 if answered else 0.4, 10))[::-1]
        chance = 1.0 / (1.0 + np.exp(-(-2.5 + 5.0 * evidence - 0.8 * np.log(np.arange(1, 11)))))
        relevant = rng.random(10) < chance if answered else np.zeros(10, np.bool_)
        unknown = 0.05 if answered else 0.6
        found.append(Asked(f"q{number}", "", evidence.tolist(), 6.0, unknown, relevant.tolist()))
    return found


@pytest.fixture(scope="module")
def collection():
    learned, held_out, foreign = made(1, 150), made(2, 150), made(3, 60, answered=False)
    return Collection(*(dict.fromkeys(MODES, asked) for asked in (learned, held_out, foreign)), others=-2.2)


@pytest.mark.parametrize("mode", MODES)
def test_a_fitted_curve_is_reliable_on_questions_that_were_not_fitted_on_and_keeps_the_order(collection, mode):
    curve = fit_curve([collection], mode)
    before, after = (measured(collection.held_out[mode], one) for one in (BEFORE[mode], curve))
    assert after["Brier"] < before["Brier"]
    assert after["calibration error"] < 0.06
    _, slope, by_terms, by_unknown, by_place = curve
    assert slope > 0
    assert by_terms >= 0 >= max(by_unknown, by_place)


def test_questions_of_unknown_words_score_less_than_the_collection_s_own(collection):
    curve = fit_curve([collection], "hybrid")
    own, foreign = (first_scores(asked["hybrid"], curve)["mean"] for asked in (collection.held_out, collection.foreign))
    assert foreign < own / 2
