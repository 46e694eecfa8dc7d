"""A secret of a home is one for all its processes until it is renewed."""

from pathlib import Path

import pytest

from indexing.catalogue.database import Database
from indexing.catalogue.home_secrets import SECRET_BYTES, home_secret, renew_secret
from tests.support.migrated_catalogue import place_catalogue


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(place_catalogue(tmp_path / "catalogue.db"))
    yield opened
    opened.close()


def test_a_renewed_secret_is_another_and_the_same_from_then_on(database: Database) -> None:
    first, other = home_secret(database, "one"), home_secret(database, "other")
    renew_secret(database, "one")
    second = home_secret(database, "one")
    assert first != second == home_secret(database, "one")
    assert len(second) == SECRET_BYTES
    assert home_secret(database, "other") == other


def test_a_secret_that_was_never_asked_for_is_not_made_by_renewing_it(database: Database) -> None:
    renew_secret(database, "one")
    assert list(database.rows("SELECT * FROM secrets")) == []
