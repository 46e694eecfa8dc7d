"""A rule moves the scores of a collection by how high other documents score there, within its bounds."""

from dataclasses import asdict

import pytest

from indexing.records import MODES
from indexing.releases.calibration_rule import MIN_SAMPLES, CalibrationRule

RULE = CalibrationRule(usual=-2.0, strength=1.5, most=1.0)


def shift(*others, rule=RULE):
    found = rule.calibration(others * MIN_SAMPLES)
    return None if found is None else found.modes["hybrid"].shift


def test_scores_move_down_where_other_documents_score_high_and_up_where_they_score_low():
    assert (shift(-1.8), shift(-2.4)) == (-0.3, 0.6)


def test_a_move_is_bounded_and_one_of_nothing_is_none():
    assert (shift(-0.1), shift(-9.0), shift(-2.0)) == (-1.0, 1.0, None)


def test_few_samples_move_nothing():
    assert RULE.calibration([-1.0] * (MIN_SAMPLES - 1)) is None


def test_every_mode_moves_alike():
    found = RULE.calibration([-1.8] * 20)
    assert set(found.modes) == set(MODES)
    assert (found.source, found.samples, len(set(found.modes.values()))) == ("leg check", 20, 1)


def test_a_rule_reads_back_as_it_was_written_and_another_field_is_refused():
    assert CalibrationRule.from_json(asdict(RULE)) == RULE
    with pytest.raises(ValueError, match="unknown"):
        CalibrationRule.from_json({**asdict(RULE), "more": 1})
