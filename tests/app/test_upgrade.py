"""A home that the version before the ledger made is served, rolled back and recorded by today's code."""

import sqlite3

import sqlite_utils

from indexing.catalogue.database import utc_now
from indexing.catalogue.migrations import catalogue_migrations
from indexing.home import CATALOGUE_FILE
from indexing.ledger.readers import requests_of
from indexing.ledger.store import LEDGER_FOLDER
from indexing.releases.behind import documents_behind
from indexing.releases.deployments import stable_release
from indexing.releases.promotion import roll_back
from indexing.releases.transitions import Decision
from tests.support.fresh_home import OTHER_LANGUAGE, FreshHome, article
from tests.support.recorded_home import RecordedHome

LAST_OF_BEFORE, FIRST_SINCE = "0014_last_number_told", "0015_rollouts"
"""Of the catalogue's migrations: commit 5ca349f ends with the one, the ledger and rollouts begin with the other."""


def tables_of(db):
    return [name for name in db.table_names() if not name.startswith(("sqlite_", "_"))]


def make_older(path):
    """Put a catalogue of before in the place of today's: the same rows, as far as it had their tables and columns."""
    today = path.with_name("today.db")
    path.rename(today)
    connection = sqlite3.connect(path, isolation_level=None)
    db = sqlite_utils.Database(connection, execute_plugins=False)
    catalogue_migrations.apply(db, stop_before=FIRST_SINCE)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("ATTACH ? AS today", (str(today),))
    for table in sorted(tables_of(db), key=lambda name: name != "documents"):  # its triggers count in other tables
        columns = ", ".join(column.name for column in db[table].columns)
        connection.execute(f"DELETE FROM {table}")
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM today.{table}")
    connection.execute("DETACH today")
    assert [one.name for one in catalogue_migrations.applied(db)][-1] == LAST_OF_BEFORE
    assert not {"rollouts", "standby", "document_features", "document_versions"} & set(tables_of(db))
    assert "is_rollback" not in [column.name for column in db["deployments"].columns]
    connection.close()
    today.unlink()


def make_home_of_before(path):
    """Two recipes, of which the second is in service, bulk and live documents; what a process finds there."""
    fresh = FreshHome(path)
    fresh.put(*(article(f"doc{number}") for number in range(4)), live=False)
    fresh.build()
    fresh.build(OTHER_LANGUAGE)
    fresh.deploy(2)
    process = fresh.process()
    process.put(article("fresh"), article("doc1", salt="x"))
    process.remove("doc2")
    process.settle()
    found = process.texts()
    fresh.close()
    make_older(path / CATALOGUE_FILE)
    assert not (path / LEDGER_FOLDER).exists()
    return found


def test_a_home_of_before_serves_the_same_rolls_back_and_has_a_ledger(tmp_path):
    found = make_home_of_before(tmp_path / "home")
    upgraded = RecordedHome(tmp_path / "home")
    catalogue = upgraded.home.catalogue
    assert stable_release(catalogue).number == "2.1"  # the last row of deployments is in service, as before
    process = upgraded.recording_process()
    assert process.serving().release.number == "2.1"
    assert process.texts() == found
    assert set(found) == {"doc0", "doc1", "doc3", "fresh"}

    row = upgraded.ask(process, query="fresh0w1")
    upgraded.home.ledger.append([row])
    assert [one.id for one in requests_of(upgraded.home.ledger, limit=10)] == [row.id]
    assert (tmp_path / "home" / LEDGER_FOLDER).is_dir()

    assert documents_behind(catalogue, 1) == 0
    taken_back = roll_back(catalogue, Decision("ana", "a test", utc_now()))
    assert (taken_back.release.number, taken_back.from_recipe, taken_back.documents_behind) == ("1.1", 2, 0)
    process.pool.refresh()
    process.settle()
    assert process.serving().release.number == "1.1"
    assert process.texts() == found
    (replayed,) = [upgraded.replayer().replay(one) for one in upgraded.rows]
    assert replayed.is_identical
    upgraded.close()
