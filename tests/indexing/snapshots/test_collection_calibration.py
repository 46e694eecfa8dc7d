"""The calibration of a collection is read as it was written, or refused."""

import pytest

from indexing.records import Partition
from indexing.snapshots.collection_calibration import JUDGMENTS, CollectionCalibration, Move
from indexing.snapshots.leg_counts import CollectionLegs, with_calibrations

FITTED = CollectionCalibration(JUDGMENTS, 60, {"hybrid": Move(1.5, 0.9), "dense": Move(-0.25)})


def test_a_collection_s_calibration_stands_in_its_legs_and_reads_back():
    legs = CollectionLegs(Partition("a", "b"), {}, calibration=FITTED)
    assert CollectionLegs.from_json(legs.to_json()) == legs
    assert "calibration" not in CollectionLegs(Partition("a", "b"), {}).to_json()


@pytest.mark.parametrize("move", [[1.0], [1.0, 0.0], [1.0, -1.0], ["1", 1.0], None])
def test_a_move_that_would_turn_the_order_or_is_none_is_refused(move):
    stored = {**FITTED.to_json(), "modes": {"hybrid": move}}
    with pytest.raises(ValueError, match="a shift and a stretch above 0"):
        CollectionCalibration.from_json(stored)


def test_a_move_stretches_a_curve_and_shifts_its_bias_and_can_be_undone():
    assert Move(1.0, 2.0).applied([-3.0, 5.0, 0.5]) == [-5.0, 10.0, 1.0]
    assert Move(1.0, 2.0).undone(-5.0) == -3.0


def test_what_was_fitted_joins_the_legs_and_a_collection_without_any_has_it_all_the_same():
    checked, new = Partition("a", "checked"), Partition("a", "new")
    found = with_calibrations([CollectionLegs(checked, {}, dense_weight=0.0)], {new: FITTED, checked: FITTED})
    assert [(one.partition, one.dense_weight, one.calibration) for one in found] == [
        (checked, 0.0, FITTED),
        (new, None, FITTED),
    ]
