import pytest

from indexing.catalogue.builder_heartbeat import (
    GONE_SECONDS,
    BuilderSeen,
    builder_seen,
    forget_beat,
    is_builder_running,
    record_beat,
)
from indexing.catalogue.database import Database
from tests.support.migrated_catalogue import place_catalogue

NOON = "2026-11-28T12:00:00.000+00:00"


@pytest.fixture
def catalogue(tmp_path):
    database = Database(place_catalogue(tmp_path / "catalogue.db"))
    yield database
    database.close()


def test_a_home_without_a_builder_has_seen_none(catalogue):
    assert builder_seen(catalogue) is None
    assert not is_builder_running(catalogue, NOON)


@pytest.mark.parametrize(
    ("now", "runs"),
    [
        (NOON, True),
        ("2026-11-28T12:00:30.000+00:00", True),
        ("2026-11-28T12:00:30.001+00:00", False),
        ("2026-11-29T12:00:00.000+00:00", False),
        ("2026-11-28T11:59:59.000+00:00", True),  # the clock was set back
    ],
)
def test_a_builder_counts_as_running_until_it_missed_its_beats(catalogue, now, runs):
    assert GONE_SECONDS == 30
    record_beat(catalogue, "host:1", NOON)
    assert is_builder_running(catalogue, now) is runs


def test_the_last_beat_counts_and_a_builder_that_ends_forgets_its_own_alone(catalogue):
    record_beat(catalogue, "host:1", NOON)
    record_beat(catalogue, "host:2", "2026-11-28T12:00:05.000+00:00")
    forget_beat(catalogue, "host:1")
    assert builder_seen(catalogue) == BuilderSeen("host:2", "2026-11-28T12:00:05.000+00:00")
    forget_beat(catalogue, "host:2")
    assert builder_seen(catalogue) is None
