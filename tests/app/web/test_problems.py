import inspect

import pytest

from app.web.problems import REFUSALS, STATUS, headers_of, status_of
from indexing import errors

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.GroundworkError)
]


def test_every_error_has_a_status_and_no_other_class_has_one():
    assert set(STATUS) == set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_busy_answer_says_when_to_come_back(kind):
    error = kind("x")
    assert ("Retry-After" in headers_of(error)) == (status_of(error) in (429, 503))


@pytest.mark.parametrize("kind", [errors.Overloaded, errors.RateLimited])
def test_an_error_that_knows_its_own_waiting_time_passes_it_on(kind):
    assert headers_of(kind("full", retry_after_seconds=7)) == {"Retry-After": "7"}


def test_a_quota_asks_to_come_back_rarely():
    assert headers_of(errors.QuotaExceeded("full")) == {"Retry-After": "3600"}


def test_every_refusal_of_a_caller_has_a_reason_to_be_counted_by():
    assert {status_of(kind("x")) for kind in REFUSALS} == {401, 403, 429}
    assert len(set(REFUSALS.values())) == len(REFUSALS)


def test_a_missing_key_names_the_scheme():
    assert headers_of(errors.Unauthorized("no key")) == {"WWW-Authenticate": "Bearer"}
