"""A home opens with what a command needs, and keeps the default key to itself."""

import dataclasses
import stat
from pathlib import Path

import pytest

from indexing.catalogue.api_keys import SCOPES, admit, create_key
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.errors import InvalidInput
from indexing.home import KEY_FILE, Home, default_key, open_home
from indexing.settings import Settings


def reopened(home: Home, **settings: object) -> Home:
    """The same home as another process with other settings sees it, over the same catalogue object."""
    return dataclasses.replace(home, settings=Settings(**{"home": home.path, **settings}))


def opens(home: Home, secret: str) -> bool:
    """Whether a secret opens the default tenant, with the three public scopes."""
    admission = admit(home.catalogue, secret)
    assert admission is None or (admission.key.tenant, admission.key.scopes) == (DEFAULT_TENANT, SCOPES)
    return admission is not None


def test_a_fresh_home_has_the_default_tenant_and_nothing_else(home: Home) -> None:
    assert [row["id"] for row in home.catalogue.rows("SELECT id FROM tenants")] == [DEFAULT_TENANT]
    assert home.models.list() == []
    assert home.storage.list("shards") == []
    assert home.path == home.settings.home


def test_opening_twice_gives_the_same_home(home: Home) -> None:
    again = open_home(home.settings)
    assert [row["id"] for row in again.catalogue.rows("SELECT id FROM tenants")] == [DEFAULT_TENANT]
    again.close()


def test_a_path_decides_over_the_settings(home: Home, tmp_path: Path) -> None:
    other = open_home(home.settings, tmp_path / "elsewhere" / "deep")
    assert other.path == tmp_path / "elsewhere" / "deep"
    assert (other.path / "catalogue.db").is_file()
    other.close()


def test_the_default_key_is_made_once_and_readable_by_its_owner_alone(home: Home) -> None:
    key = default_key(home)
    assert opens(home, key)
    file = home.path / KEY_FILE
    assert file.read_text() == key + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert default_key(home) == default_key(reopened(home)) == key
    assert home.catalogue.row("SELECT count(*) AS n FROM api_keys") == {"n": 1}


def test_a_given_key_is_taken_and_never_written_to_a_file(home: Home) -> None:
    given = "a key that a person chose"
    assert default_key(reopened(home, api_key=given)) == given
    assert default_key(reopened(home, api_key=given)) == given
    assert opens(home, given)
    assert not (home.path / KEY_FILE).exists()


def test_a_given_key_takes_the_place_of_the_kept_one_which_opens_nothing_any_more(home: Home) -> None:
    kept, given = default_key(home), "a key that a person chose"
    assert default_key(reopened(home, api_key=given)) == given
    assert opens(home, given)
    assert not opens(home, kept)


def test_a_given_key_leaves_those_alone_that_were_made_by_command(home: Home) -> None:
    kept = default_key(home)
    _, made = create_key(home.catalogue, DEFAULT_TENANT)
    default_key(reopened(home, api_key="a key that a person chose"))
    assert opens(home, made)
    assert not opens(home, kept)


def check_new_key(home: Home, old: str) -> None:
    """A key other than ``old`` is given out, opens the default tenant, and is the one that is kept from now on."""
    key = default_key(home)
    assert key != old
    assert opens(home, key)
    assert (home.path / KEY_FILE).read_text() == key + "\n"
    assert stat.S_IMODE((home.path / KEY_FILE).stat().st_mode) == 0o600
    assert default_key(home) == key


def test_a_kept_key_that_an_older_catalogue_does_not_know_goes_on_opening(home: Home) -> None:
    key = default_key(home)
    with home.catalogue.write() as db:
        db.execute("DELETE FROM api_keys")
    assert default_key(home) == key
    assert opens(home, key)


def test_an_empty_key_file_is_written_anew(home: Home) -> None:
    (home.path / KEY_FILE).touch()
    check_new_key(home, "")


def revoke_all(home: Home) -> None:
    with home.catalogue.write() as db:
        db.execute("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00.000+00:00'")


def test_a_revoked_default_key_is_not_given_out(home: Home) -> None:
    key = default_key(home)
    revoke_all(home)
    check_new_key(home, key)
    assert not opens(home, key)


def test_a_given_key_that_was_revoked_is_refused(home: Home) -> None:
    given = "a key that a person chose"
    default_key(reopened(home, api_key=given))
    revoke_all(home)
    with pytest.raises(InvalidInput, match="revoked"):
        default_key(reopened(home, api_key=given))
    assert not opens(home, given)


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(InvalidInput, match="home is not a folder: give another --home"):
        open_home(Settings(home=tmp_path / "home"))
    with pytest.raises(InvalidInput, match="is not a folder"):
        open_home(Settings(home=tmp_path / "home" / "below"))
