"""The error tree: one root, one class a cause, each with a sentence that says when it happens."""

import inspect

import pytest

from indexing import errors

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_a_groundwork_error_with_a_description(error: type[Exception]) -> None:
    assert issubclass(error, errors.GroundworkError)
    assert error.__module__ == "indexing.errors"
    assert (error.__doc__ or "").strip().endswith(".")


def test_an_error_shows_its_message_as_given() -> None:
    assert str(errors.NotFound("No model 'x'.")) == "No model 'x'."


def test_a_bad_source_counts_as_bad_input() -> None:
    assert issubclass(errors.SourceInvalid, errors.InvalidInput)


def test_an_overloaded_door_says_when_to_come_back() -> None:
    assert errors.Overloaded("full").retry_after_seconds == 1
    assert errors.Overloaded("full", retry_after_seconds=7).retry_after_seconds == 7
    assert str(errors.Overloaded("full", retry_after_seconds=7)) == "full"
