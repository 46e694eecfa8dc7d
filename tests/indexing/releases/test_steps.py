"""Steps as people write them in YAML: read as meant, or refused with value, expectation and place."""

import pytest

from indexing.errors import InvalidInput
from indexing.releases.rollouts import Step
from indexing.releases.steps import parse_duration, read_steps


def test_steps_are_read_in_order():
    text = """
steps:
  - share: 0.05
    at_least_requests: 1000
    at_least: 30m
  - {share: 1, at_least_requests: 5, at_least: 90}
"""
    assert read_steps(text, "steps.yaml") == (Step(0.05, 1000, 1800.0), Step(1.0, 5, 90.0))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("30m", 1800.0), ("1.5 h", 5400.0), ("7d", 604_800.0), ("0", 0.0)]
)
def test_durations_have_units(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "1w", "1h30m", "nan s", "1e3s", "٣m"])
def test_other_durations_are_refused(text):
    with pytest.raises(InvalidInput, match="such as 30m or 24h"):
        parse_duration(text)


def one(**changes):
    fields = {"share": "0.05", "at_least_requests": "10", "at_least": "30m"} | changes
    inner = ", ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)
    return f"steps:\n  - {{{inner}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [", "steps.yaml is not YAML"),
        ("- share: 0.05", "steps.yaml holds no list 'steps'"),
        ("steps: []", "steps.yaml: steps '\\[\\]': list should have at least 1 item"),
        (one(share="5"), "steps, number 1, share '5': input should be less than or equal to 1"),
        (one(share="0"), "share '0': input should be greater than 0"),
        (one(share="'0.05'"), "share '0.05': input should be a valid number"),
        (one(share=".nan"), "share 'nan'"),
        (one(at_least_requests="0"), "at_least_requests '0': input should be greater than or equal to 1"),
        (one(at_least_requests="1.5"), "at_least_requests '1.5': input should be a valid integer"),
        (one(at_least=None), "steps, number 1, at_least: field required"),
        (one(at_least="soon"), "'soon' is not a duration: expected a number with s, m, h or d"),
        (one(requests="5"), "requests '5': extra inputs are not permitted"),
        (one() + "after: promote\n", "after 'promote': extra inputs are not permitted"),
        (one(share="0.5") + one().split("\n", 1)[1], "number 2: share 0.05 is below 0.5 of the step before"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_was_expected(text, message):
    with pytest.raises(InvalidInput, match=message):
        read_steps(text, "steps.yaml")
