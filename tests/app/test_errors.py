import inspect

import pytest

from app.errors import STATUS, headers_of, status_of
from indexing import errors

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.GroundworkError)
]


def test_every_error_has_a_status_and_no_other_class_has_one():
    assert set(STATUS) == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_busy_answer_says_when_to_come_back(kind):
    error = kind("x")
    assert ("Retry-After" in headers_of(error)) == (status_of(error) == 503)


def test_overload_passes_its_own_waiting_time_on():
    assert headers_of(errors.Overloaded("full", retry_after_seconds=7)) == {"Retry-After": "7"}


def test_a_missing_key_names_the_scheme():
    assert headers_of(errors.Unauthorized("no key")) == {"WWW-Authenticate": "Bearer"}
