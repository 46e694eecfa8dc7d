import inspect

import pytest

from app.schemas import server_problems
from app.web.problems import NAMES, OTHER_NAME, REFUSALS, STATUS, headers_of, name_of, status_of
from indexing import errors
from tests.support.api_document import api_document

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


def test_a_status_without_an_error_of_ours_has_a_name_and_one_alone():
    assert (name_of(404), name_of(418)) == ("NotFound", OTHER_NAME)
    assert len({*NAMES.values(), OTHER_NAME}) == len(NAMES) + 1


def test_the_server_names_its_own_answers_by_the_same_table():
    ours = [
        server_problems.bad_request("x"),
        server_problems.request_timeout("x", 1),
        server_problems.uri_too_long(1),
        server_problems.headers_too_large(1, 1),
        server_problems.upgrade_required(),
    ]
    assert [problem.error for problem in ours] == [name_of(problem.status) for problem in ours]


def test_no_client_is_told_that_it_has_gone():
    statuses = {
        status
        for methods in api_document()["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
    assert str(status_of(errors.ClientGone("x"))) not in statuses
    assert {"400", "401", "403", "404", "413", "415", "422", "429", "503"} <= statuses
