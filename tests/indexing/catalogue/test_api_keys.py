"""Keys open their tenant and nothing else, are stored as hashes only, expire and are revoked."""

import logging
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlite_utils

from indexing.catalogue import api_keys
from indexing.catalogue.api_keys import (
    OPERATOR,
    SCOPES,
    admit,
    adopt_key,
    count_operators,
    create_key,
    hash_key,
    list_keys,
    parse_expiry,
    read_key,
    revoke_key,
)
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.database import Database, Row
from indexing.catalogue.migrations import catalogue_migrations
from indexing.catalogue.tenants import ensure_tenant, restore_tenant, revoke_tenant
from indexing.errors import InvalidInput, NotFound
from indexing.records import Json
from tests.support.migrated_catalogue import place_catalogue

NOON = "2026-06-01T12:00:00.000+00:00"


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Database]:
    opened = Database(place_catalogue(tmp_path / "home" / "catalogue.db"))
    for tenant in ("acme", "zeta"):
        ensure_tenant(opened, tenant)
    yield opened
    opened.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The moment that keys take for now, until the test moves it."""
    now = [NOON]
    monkeypatch.setattr(api_keys, "utc_now", lambda: now[0])
    return now


def tenant_of(catalogue: Database, secret: str) -> str | None:
    admission = admit(catalogue, secret)
    return None if admission is None else admission.key.tenant


def test_a_key_opens_its_tenant_with_its_scopes_and_no_other(catalogue: Database) -> None:
    key, secret = create_key(catalogue, "acme", scopes=["write", "search"], name="website")
    admission = admit(catalogue, secret)
    assert admission is not None
    assert admission.key == key == read_key(catalogue, key.id)
    assert (key.tenant, key.name, key.scopes, key.expires_at) == ("acme", "website", ("search", "write"), None)
    assert re.fullmatch(r"k_[a-z0-9]{10}", key.id)
    assert re.fullmatch(r"gw_[\w-]{43}", secret)
    assert create_key(catalogue, "acme")[1] != secret


def test_a_secret_stands_in_no_file_and_no_log(catalogue: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key, made = create_key(catalogue, "acme")
    adopt_key(catalogue, "acme", "a key that a person chose")
    admit(catalogue, made)
    revoke_key(catalogue, key.id)
    stored = b"".join(path.read_bytes() for path in catalogue.path.parent.iterdir())
    assert hash_key(made).encode() in stored
    for secret in (made, made.removeprefix("gw_"), "a key that a person chose"):
        assert secret.encode() not in stored
        assert secret not in caplog.text
        assert secret not in repr(key)


@pytest.mark.parametrize("secret", ["", "unknown", "gw_", "' OR 1=1 --", "ключ"])
def test_an_unknown_key_opens_nothing(catalogue: Database, secret: str) -> None:
    key, known = create_key(catalogue, "acme")
    for wrong in (secret, key.id, hash_key(known), known.upper(), known[:-1]):
        assert admit(catalogue, wrong) is None


def test_a_key_opens_until_the_moment_at_which_it_expires(catalogue: Database, clock: list[str]) -> None:
    _, secret = create_key(catalogue, "acme", expires_at=datetime(2026, 6, 1, 13, tzinfo=UTC))
    assert tenant_of(catalogue, secret) == "acme"
    clock[0] = "2026-06-01T12:59:59.999+00:00"
    assert tenant_of(catalogue, secret) == "acme"
    clock[0] = "2026-06-01T13:00:00.000+00:00"
    assert tenant_of(catalogue, secret) is None


def test_an_expiry_in_any_zone_is_the_same_moment(catalogue: Database, clock: list[str]) -> None:
    key, _ = create_key(catalogue, "acme", expires_at=datetime.fromisoformat("2026-06-01T23:30+09:00"))
    assert key.expires_at == "2026-06-01T14:30:00.000+00:00"
    with pytest.raises(InvalidInput, match="expired already"):
        create_key(catalogue, "acme", expires_at=datetime.fromisoformat("2026-06-01T21:00+09:00"))


def test_a_revoked_key_opens_nothing_at_once_also_in_another_process(catalogue: Database) -> None:
    key, secret = create_key(catalogue, "acme")
    _, other = create_key(catalogue, "acme")
    elsewhere = Database(catalogue.path)
    assert tenant_of(elsewhere, secret) == "acme"
    revoked = revoke_key(catalogue, key.id)
    for one in (catalogue, elsewhere):
        assert admit(one, secret) is None
        assert tenant_of(one, other) == "acme"
    assert revoke_key(elsewhere, key.id) == revoked  # the first moment stays
    elsewhere.close()


def test_a_revoked_tenants_keys_open_nothing_until_it_is_restored(catalogue: Database) -> None:
    gone, gone_secret = create_key(catalogue, "acme")
    _, secret = create_key(catalogue, "acme")
    _, stranger = create_key(catalogue, "zeta")
    revoke_key(catalogue, gone.id)
    revoke_tenant(catalogue, "acme")
    assert tenant_of(catalogue, secret) is None
    assert tenant_of(catalogue, stranger) == "zeta"
    with pytest.raises(InvalidInput, match="revoked"):
        create_key(catalogue, "acme")
    restore_tenant(catalogue, "acme")
    assert tenant_of(catalogue, secret) == "acme"
    assert admit(catalogue, gone_secret) is None


def test_another_tenants_key_cannot_be_read_or_revoked_and_looks_like_none(catalogue: Database) -> None:
    key, secret = create_key(catalogue, "acme")
    messages = []
    for name in (key.id, "k_unknown"):
        for call in (read_key, revoke_key):
            with pytest.raises(NotFound) as caught:
                call(catalogue, name, "zeta")
            messages.append(str(caught.value).replace(name, "ID"))
    assert len(set(messages)) == 1
    assert tenant_of(catalogue, secret) == "acme"


@pytest.mark.parametrize("scopes", [[], ["read"], ["search", "root"], ["Search"]])
def test_scopes_that_do_not_exist_are_refused(catalogue: Database, scopes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="expected some of search, write, admin, operator"):
        create_key(catalogue, "acme", scopes=scopes)
    assert list_keys(catalogue) == []


@pytest.mark.parametrize("name", ["x" * 129, "a\nb"])
def test_a_name_that_no_list_could_show_is_refused(catalogue: Database, name: str) -> None:
    with pytest.raises(InvalidInput, match="not a key's name"):
        create_key(catalogue, "acme", name=name)


def test_a_key_for_an_unknown_tenant_is_refused(catalogue: Database) -> None:
    with pytest.raises(NotFound, match="nobody"):
        create_key(catalogue, "nobody")


def test_a_chosen_key_stays_with_its_tenant_and_is_not_given_out_again(catalogue: Database) -> None:
    adopt_key(catalogue, "acme", "a key that a person chose")
    adopt_key(catalogue, "acme", "a key that a person chose")
    with pytest.raises(InvalidInput, match="another tenant"):
        adopt_key(catalogue, "zeta", "a key that a person chose")
    (key,) = list_keys(catalogue, "acme")
    assert key.scopes == SCOPES
    revoke_key(catalogue, key.id)
    with pytest.raises(InvalidInput, match="revoked"):
        adopt_key(catalogue, "acme", "a key that a person chose")


def test_pages_of_keys_hold_each_key_once_the_oldest_first(catalogue: Database, clock: list[str]) -> None:
    made = []
    for number in range(25):
        clock[0] = f"2026-06-01T12:00:{number // 5:02}.000+00:00"  # several in one moment
        made.append(create_key(catalogue, "acme" if number % 2 else "zeta")[0])
    for tenant, expected in ((None, made), ("acme", made[1::2])):
        found, after = [], ""
        while page := list_keys(catalogue, tenant, after=after, limit=4):
            assert len(page) <= 4
            found += page
            after = page[-1].id
        assert sorted(found, key=lambda key: key.id) == sorted(expected, key=lambda key: key.id)
        assert [key.created_at for key in found] == [key.created_at for key in expected]
    assert list_keys(catalogue, "acme", after=made[0].id) == []  # zeta's key is no place in acme's list


def test_operators_are_counted_only_while_their_keys_open(catalogue: Database, clock: list[str]) -> None:
    create_key(catalogue, "acme")
    key, _ = create_key(catalogue, "acme", scopes=[OPERATOR])
    create_key(catalogue, "zeta", scopes=[OPERATOR, "search"], expires_at=datetime(2026, 6, 2, tzinfo=UTC))
    assert count_operators(catalogue) == 2
    clock[0] = "2026-06-03T00:00:00.000+00:00"
    assert count_operators(catalogue) == 1
    revoke_tenant(catalogue, "acme")
    assert count_operators(catalogue) == 0
    restore_tenant(catalogue, "acme")
    revoke_key(catalogue, key.id)
    assert count_operators(catalogue) == 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", "2026-07-01T12:00:00+00:00"),
        ("90m", "2026-06-01T13:30:00+00:00"),
        ("2h", "2026-06-01T14:00:00+00:00"),
        ("1w", "2026-06-08T12:00:00+00:00"),
        ("2026-12-31", "2026-12-31T00:00:00+00:00"),
        ("2026-12-31T18:00Z", "2026-12-31T18:00:00+00:00"),
        ("2026-12-31T18:00+02:00", "2026-12-31T16:00:00+00:00"),
    ],
)
def test_an_expiry_is_a_span_a_date_or_a_moment(clock: list[str], text: str, moment: str) -> None:
    assert parse_expiry(text) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text", ["", "soon", "30", "30y", "-1d", "1.5d", "999999999w", "2026-12-31T18:00", "2026-13-01"]
)
def test_an_expiry_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an expiry"):
        parse_expiry(text)


def test_an_expiry_beyond_the_calendar_is_refused(catalogue: Database) -> None:
    beyond = datetime.max.replace(tzinfo=UTC).astimezone(UTC).replace(tzinfo=None)
    zoned = datetime.fromisoformat(f"{beyond.isoformat()}-12:00")
    with pytest.raises(InvalidInput, match="beyond the calendar"):
        create_key(catalogue, "acme", expires_at=zoned)


def test_a_key_of_10_000_tenants_is_found_by_indexes_alone(
    catalogue: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalogue.write() as db:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(10_000):
            at = (moment + timedelta(seconds=number)).isoformat(timespec="milliseconds")
            db.conn.execute("INSERT INTO tenants (id, created_at) VALUES (?, ?)", (f"t{number:05}", at))
            row = (hash_key(f"secret {number}"), f"k_{number}", f"t{number:05}", at)
            db.conn.execute("INSERT INTO api_keys (key_sha256, id, tenant, created_at) VALUES (?, ?, ?, ?)", row)
    asked: list[tuple[str, Sequence[Json]]] = []
    read = catalogue.rows

    def noted(sql: str, parameters: Sequence[Json] = ()) -> Iterator[Row]:
        asked.append((sql, parameters))
        return read(sql, parameters)

    monkeypatch.setattr(catalogue, "rows", noted)
    assert tenant_of(catalogue, "secret 7654") == "t07654"
    assert [key.id for key in list_keys(catalogue, "t00042")] == ["k_42"]
    assert len(list_keys(catalogue, after="k_5000")) == 100
    assert len(asked) == 3
    for sql, parameters in asked[:2]:
        plan = [row["detail"] for row in read(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        assert plan
        assert all(step.startswith("SEARCH") for step in plan), plan


def test_keys_of_before_there_were_scopes_open_as_before(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    catalogue_migrations.apply(
        sqlite_utils.Database(connection, execute_plugins=False), stop_before="0007_keys_and_limits"
    )
    for secret, tenant in (("the default key", "default"), ("the key of acme", "acme")):
        connection.execute("INSERT INTO tenants VALUES (?, ?)", (tenant, NOON))
        connection.execute("INSERT INTO api_keys VALUES (?, ?, ?, NULL, NULL)", (hash_key(secret), tenant, NOON))
    connection.execute("INSERT INTO collections VALUES ('acme', 'help', ?)", (NOON,))
    for name in "ab":
        values = ("acme", "help", name, "", "", "", "{}", "text/plain", "", "c", "r", 1, NOON)
        connection.execute(f"INSERT INTO documents VALUES ({', '.join('?' * 13)})", values)
    connection.close()
    catalogue = Database(tmp_path / "catalogue.db")
    for secret, tenant in (("the default key", "default"), ("the key of acme", "acme")):
        admission = admit(catalogue, secret)
        assert admission is not None
        assert (admission.key.tenant, admission.key.scopes) == (tenant, SCOPES)
        assert admission.requests_per_minute is None
        assert read_key(catalogue, admission.key.id) == admission.key
    assert len({key.id for key in list_keys(catalogue)}) == 2
    assert collection_sizes(catalogue, "acme") == {"help": 2}
    catalogue.close()
