"""Ids that sort by their moment."""

from datetime import UTC, date, datetime

import pytest

from indexing.errors import InvalidInput
from indexing.ledger.ids import day_of, find_ledger_id, first_id, milliseconds_of, moment_of
from tests.support.ledger_rows import made_id

NOON_MS = 1_795_521_600_000


def test_an_id_is_a_uuid_of_version_7_that_says_its_moment() -> None:
    made = made_id(NOON_MS)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert milliseconds_of(made) == NOON_MS
    assert moment_of(made) == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert day_of(made) == date(2026, 11, 24)


def test_ids_sort_by_their_moment_and_the_first_of_a_millisecond_is_below_all_others_of_it() -> None:
    ids = [made_id(NOON_MS + step) for step in range(50)]
    assert sorted(ids, key=lambda made: made.bytes) == ids
    assert first_id(NOON_MS).bytes <= made_id(NOON_MS).bytes < first_id(NOON_MS + 1).bytes


def test_two_ids_of_one_millisecond_differ() -> None:
    assert len({made_id(NOON_MS) for _ in range(1000)}) == 1000


BEYOND_THE_CALENDAR = "97a5f850e9e84842a92907aa7b7a990e"
"""A caller's request id that reads like a query id made in the year 10600."""


@pytest.mark.parametrize(
    "text",
    [
        *("", "request-1", "0192f0c1-8e2a-4d3b-9c55-0a1b2c3d4e5f"),
        *(BEYOND_THE_CALENDAR, str(first_id(253_402_214_400_000)), str(first_id(2**48 - 1))),
    ],
)
def test_what_is_no_ledger_id_is_told_apart(text: str) -> None:
    assert find_ledger_id(text) is None


def test_the_last_id_of_the_calendar_has_a_moment_and_a_day() -> None:
    last = first_id(253_402_214_400_000 - 1)
    assert find_ledger_id(str(last)) == last
    assert day_of(last) == date(9999, 12, 30)


def test_a_moment_beyond_48_bits_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is not a moment"):
        first_id(1 << 48)
