"""False alarms stay at the level that is stated: against scipy, against integrals and against simulation."""

import numpy as np
import pytest
from scipy import integrate

from eval.drift.error_control import MOST_EVIDENCE, adjusted, alarms, evidence_of, gathered
from eval.drift.two_samples import kolmogorov_smirnov


def test_adjusted_p_values_are_benjamini_and_hochberg_s():
    p_values = [0.01, 0.02, 0.03, 0.5]  # by hand: p * 4 / rank, made monotone from the largest
    assert adjusted(p_values) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert adjusted([]) == []


def test_an_e_value_has_mean_one_where_nothing_changed_and_falls_with_p():
    by_logarithm, _ = integrate.quad(lambda one: evidence_of(np.exp(one)) * np.exp(one), -700, -1e-5, limit=200)
    assert by_logarithm + 1 / 700 == pytest.approx(1.0, abs=1e-4)  # below that, e(p) * p is 1 / log(p)**2
    mixture, _ = integrate.quad(lambda k: k * 0.01 ** (k - 1), 0, 1)
    assert evidence_of(0.01) == pytest.approx(mixture)
    values = [evidence_of(p) for p in (1e-9, 1e-3, 0.05, 0.5, 0.999, 1.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(evidence_of(1.0 - 1e-5), abs=1e-3)
    with pytest.raises(ValueError, match="0.0 is not a p value: expected more than 0"):
        evidence_of(0.0)


def test_looks_without_a_change_alarm_less_often_than_stated_and_a_change_is_found_within_looks():
    chance, looks, signals = np.random.default_rng(5), 40, [f"s{number}" for number in range(10)]
    alarmed = 0
    for _ in range(200):
        evidence = {}
        for p_values in chance.random((60, len(signals))):
            evidence = gathered(evidence, dict(zip(signals, p_values, strict=True)))
            if alarms(evidence, looks=looks):
                alarmed += 1
                break
    # In 60 looks of a rule that is to alarm once in 40 at most, at most each run may alarm; far fewer do.
    assert alarmed / 200 <= 60 / looks * 0.5
    evidence = {}
    for look in range(1, 10):  # noqa: B007 # the count is the point
        evidence = gathered(evidence, {"moved": 0.0002, **{f"still {number}": 0.4 for number in range(24)}})
        if found := alarms(evidence):
            break
    assert (look, found) == (3, ["moved"])


def test_signals_that_move_together_alarm_sooner_than_one_and_nothing_alarms_by_nothing():
    assert alarms({}) == []
    assert alarms({"a": 39.0, "b": 0.0}, looks=20) == []
    assert alarms({"a": 30.0, "b": 22.0, "c": 8.0}, looks=20) == ["a", "b"]
    assert alarms({"a": 30.0, "b": 1.0, "c": 1.0}, looks=20) == []


def test_a_signal_that_a_look_could_not_measure_keeps_its_evidence():
    evidence = gathered({"a": 5.0, "b": 7.0}, {"a": 0.5})
    assert evidence["b"] == 7.0
    assert evidence["a"] == pytest.approx(6.0 * evidence_of(0.5))


def test_evidence_stays_a_number_however_long_an_alarm_is_left_alone():
    evidence = {"kept": float("inf")}
    for _ in range(3):
        evidence = gathered(evidence, {"moved": 1e-300})
        assert evidence == {"kept": MOST_EVIDENCE, "moved": MOST_EVIDENCE}
    assert alarms(evidence) == ["kept", "moved"]


def test_the_mean_number_of_looks_between_false_alarms_is_at_least_the_stated_one():
    chance, looks = np.random.default_rng(6), 50
    lengths = []
    for _ in range(150):
        evidence, length = {}, 0
        while length < 1000 and not alarms(evidence, looks=looks):
            length += 1
            evidence = gathered(evidence, {"only": float(chance.random())})
        lengths.append(length)
    assert np.mean(lengths) >= looks


def test_looks_beside_all_that_was_before_are_independent_and_looks_beside_one_reference_are_not():
    chance, runs = np.random.default_rng(9), 400
    growing, fixed = np.empty((runs, 2)), np.empty((runs, 2))
    for run in range(runs):
        reference, first, second = chance.random((3, 100))
        of_first = kolmogorov_smirnov(reference, first).p
        growing[run] = of_first, kolmogorov_smirnov(np.concatenate([reference, first]), second).p
        fixed[run] = of_first, kolmogorov_smirnov(reference, second).p
    apart = 3 / runs**0.5
    assert abs(np.corrcoef(growing.T)[0, 1]) < apart
    assert np.corrcoef(fixed.T)[0, 1] > apart
