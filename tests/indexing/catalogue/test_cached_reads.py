"""What is kept of the catalogue is never older than the last commit of any process, nor than a key's expiry."""

from datetime import UTC, datetime, timedelta

import pytest

from indexing.catalogue import cached_reads
from indexing.catalogue.api_keys import create_key, revoke_key
from indexing.catalogue.cached_reads import CachedReads
from indexing.catalogue.collections import create_collection, remove_collection
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.document_writes import write_documents
from indexing.catalogue.tenants import change_limits, create_tenant, revoke_tenant
from indexing.errors import NotFound
from indexing.records import Document, Partition
from tests.support.processes import run_code

HELP = Partition("acme", "help")


class Statements:
    """The catalogue's database, counting how often it is asked for rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked = 0

    def row(self, *arguments):
        self.asked += 1
        return self._database.row(*arguments)

    def version(self):
        return self._database.version()


@pytest.fixture
def counted(home):
    create_tenant(home.catalogue, "acme")
    return Statements(home.catalogue)


def test_a_key_is_looked_up_once_until_something_is_committed(home, counted):
    _, secret = create_key(home.catalogue, "acme")
    reads = CachedReads(counted)
    first = reads.admit(secret)
    assert all(reads.admit(secret) is first for _ in range(5))
    assert counted.asked == 1
    change_limits(home.catalogue, "acme", {"requests_per_minute": 7})
    assert reads.admit(secret).requests_per_minute == 7
    assert counted.asked == 2


@pytest.mark.parametrize("what", ["key", "tenant"])
def test_revoking_takes_effect_with_the_next_request_in_this_process(home, counted, what):
    key, secret = create_key(home.catalogue, "acme")
    reads = CachedReads(counted)
    assert reads.admit(secret) is not None
    revoke_key(home.catalogue, key.id) if what == "key" else revoke_tenant(home.catalogue, "acme")
    assert reads.admit(secret) is None


REVOKE = """
import sys
from pathlib import Path
from indexing.catalogue.api_keys import revoke_key
from indexing.catalogue.database import Database
catalogue = Database(Path(sys.argv[1]))
revoke_key(catalogue, sys.argv[2])
catalogue.close()
"""


def test_revoking_takes_effect_with_the_next_request_in_another_process(home, counted):
    key, secret = create_key(home.catalogue, "acme")
    reads = CachedReads(counted)
    assert reads.admit(secret) is not None
    assert run_code(REVOKE, home.catalogue.path, key.id).returncode == 0
    assert reads.admit(secret) is None


def test_a_kept_key_opens_nothing_once_it_expires(home, counted):
    moment = utc_now()
    until = datetime.fromisoformat(moment) + timedelta(hours=1)
    _, secret = create_key(home.catalogue, "acme", expires_at=until)
    reads = CachedReads(counted, now=lambda: moment)
    assert reads.admit(secret) is not None
    moment = until.astimezone(UTC).isoformat(timespec="milliseconds")
    assert reads.admit(secret) is None
    assert counted.asked == 1


def test_unknown_keys_take_no_room_and_push_nothing_out(home, counted):
    _, secret = create_key(home.catalogue, "acme")
    reads = CachedReads(counted)
    reads.admit(secret)
    for number in range(50):
        assert reads.admit(f"guess {number}") is None
    asked = counted.asked
    assert reads.admit(secret) is not None
    assert counted.asked == asked
    assert reads.kept_keys == 1


def test_keys_are_kept_within_their_bytes(home, counted, monkeypatch):
    monkeypatch.setattr(cached_reads, "KEYS_BYTES", 5_000)
    secrets = [create_key(home.catalogue, "acme")[1] for _ in range(10)]
    reads = CachedReads(counted)
    for secret in secrets:
        assert reads.admit(secret) is not None
    assert 0 < reads.kept_keys < 10
    assert reads.kept_keys_bytes <= 5_000


def test_a_collection_is_kept_while_it_is_there_and_asked_for_while_it_is_not(home, counted):
    reads = CachedReads(counted)
    for _ in range(2):
        with pytest.raises(NotFound):
            reads.require_collection(HELP)
    assert counted.asked == 2
    create_collection(home.catalogue, HELP)
    for _ in range(3):
        reads.require_collection(HELP)
    assert counted.asked == 3
    remove_collection(home.catalogue, HELP)
    with pytest.raises(NotFound):
        reads.require_collection(HELP)


def test_whether_a_write_waits_for_a_build_is_kept_both_ways(home, counted):
    reads = CachedReads(counted)
    (first,) = write_documents(home.catalogue, HELP, [Document("a", "", "text")], live=True)
    for _ in range(3):
        assert not reads.waits_for_build(HELP, first.seq)
    assert counted.asked == 1
    (second,) = write_documents(home.catalogue, HELP, [Document("a", "", "longer")], live=False)
    for _ in range(3):
        assert reads.waits_for_build(HELP, second.seq)
    assert counted.asked == 2


def test_without_a_version_the_catalogue_is_asked_each_time(home, counted, monkeypatch):
    _, secret = create_key(home.catalogue, "acme")
    monkeypatch.setattr(counted, "version", lambda: None, raising=False)
    create_collection(home.catalogue, HELP)
    reads = CachedReads(counted)
    for _ in range(2):
        assert reads.admit(secret) is not None
        reads.require_collection(HELP)
        assert not reads.waits_for_build(HELP, 1)
    assert counted.asked == 6


def test_the_version_changes_with_every_commit_and_with_nothing_else(home):
    catalogue, other = home.catalogue, Database(home.catalogue.path)
    seen = [catalogue.version()]
    for number, database in enumerate((catalogue, other)):
        create_collection(database, Partition("acme", f"c{number}"))
        seen.append(catalogue.version())
        catalogue.sequence()
        other.sequence()
        assert catalogue.version() == seen[-1]
    catalogue.compact()
    assert len(set(seen)) == 3
    other.close()


def test_what_is_read_before_a_commit_is_not_kept_as_if_read_after_it(home, counted):
    key, secret = create_key(home.catalogue, "acme")

    class RevokedMeanwhile(Statements):
        def row(self, *arguments):
            found = super().row(*arguments)
            revoke_key(home.catalogue, key.id)
            return found

    reads = CachedReads(RevokedMeanwhile(home.catalogue))
    assert reads.admit(secret) is not None  # it was valid when this request began
    assert reads.admit(secret) is None
