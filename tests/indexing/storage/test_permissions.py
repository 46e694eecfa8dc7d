"""No other user of the machine reads a home, the group reads what it and the umask allow, older homes are tightened."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from indexing.errors import InvalidInput
from indexing.home import SHARED_NAMES, default_key, open_home
from indexing.settings import Settings
from indexing.storage.arrays import write_arrays
from indexing.storage.factory import open_storage
from indexing.storage.permissions import PRIVATE_NAMES, Permissions, permissions_for

GROUP = 4711
"""Any group but that of the process: only the superuser may give files to it."""


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def other_group() -> str:
    if os.geteuid() != 0:
        pytest.skip("only the superuser may give files to a group of which nobody is a member")
    return str(GROUP)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): oct(mode(path)) for path in (root, *root.rglob("*"))}


def fill(settings: Settings) -> None:
    """A home with a key, an artefact, a lock, an identity, a marker and a scratch home."""
    home = open_home(settings)
    default_key(home)
    with home.storage.publish("shards", "one") as draft:
        (draft.path / "file").write_bytes(b"text")
        write_arrays(draft.path / "arrays", {"numbers": np.arange(3, dtype=np.uint8)})  # a library that chooses 0600
    home.storage.open("shards", "one")
    home.storage.identity()
    with home.storage.lock("build"):
        pass
    home.close()
    open_home(settings, settings.home / "scratch" / "corpus").close()


def is_private(name: str) -> bool:
    return Path(name).name in PRIVATE_NAMES or name.endswith(".lock")


def assert_tight(root: Path, *, umask: int = 0) -> None:
    found = modes(root)
    assert len(found) > 15
    for name, is_mode in found.items():
        expected = 0o750 if (root / name).is_dir() else 0o600 if is_private(name) else 0o640
        assert is_mode == oct(expected & ~umask), name


def test_a_new_home_is_its_owners_and_its_groups_to_read_as_far_as_the_umask_allows(tmp_path: Path, umask: int) -> None:
    fill(Settings(home=tmp_path / "home"))
    assert_tight(tmp_path / "home", umask=umask)
    open_home(Settings(home=tmp_path / "home")).close()
    assert_tight(tmp_path / "home", umask=umask)


def test_a_strict_umask_is_kept_in_a_home_that_was_made_under_another(tmp_path: Path) -> None:
    fill(Settings(home=tmp_path / "home"))
    before = os.umask(0o077)
    try:
        with open_storage(tmp_path / "home").publish("shards", "two") as draft:
            (draft.path / "file").write_bytes(b"text")
    finally:
        os.umask(before)
    two = tmp_path / "home" / "shards" / "two"
    assert modes(two) == {".": "0o700", "file": "0o600", "manifest.json": "0o600"}


def test_the_log_and_the_shared_memory_of_the_catalogue_are_the_owners_alone(tmp_path: Path, umask: int) -> None:
    home = open_home(Settings(home=tmp_path / "home"))
    home.catalogue.sequence()
    found = {path.name: mode(path) for path in home.path.glob("catalogue.db*")}
    home.close()
    assert found == {"catalogue.db": 0o600, "catalogue.db-wal": 0o600, "catalogue.db-shm": 0o600}


def test_a_group_may_publish_beside_the_owner_and_never_reads_the_catalogue_whatever_the_umask(
    tmp_path: Path, other_group: str, umask: int
) -> None:
    fill(Settings(home=tmp_path / "home", group=other_group))
    home = tmp_path / "home"
    assert mode(home) == 0o3770  # sticky: members remove nothing of the owner's
    for name in ("shards", "shards/one", "seen"):
        assert mode(home / name) == 0o2770
    marker = str(next(home.glob("seen/*/shards/one")).relative_to(home))
    for name in ("shards/one/file", "shards/one/arrays", "shards/one/manifest.json", "identity", marker):
        assert (mode(home / name), (home / name).stat().st_gid) == (0o640, GROUP)
    for name in ("catalogue.db", "api-key", "build.lock", "reserve"):
        assert mode(home / name) == 0o600


def test_a_worker_of_another_user_publishes_and_reads_and_cannot_read_the_catalogue(
    tmp_path: Path, other_group: str
) -> None:
    settings = Settings(home=tmp_path / "home", group=other_group)
    fill(settings)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and path.is_relative_to(tmp_path.parents[2]):
            path.chmod(mode(path) | 0o011)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(54321)
            storage = open_storage(settings)
            read = (storage.open("shards", "one").path / "file").read_bytes()
            with storage.publish("features/view", "block") as draft:
                (draft.path / "file").write_bytes(b"vectors")
            with storage.publish("shards", "two") as draft:
                (draft.path / "file").write_bytes(b"mine")
            storage.delete("shards", "one")
            try:
                (settings.home / "catalogue.db").read_bytes()
            except PermissionError:
                status = 0 if read == b"text" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    storage = open_storage(settings)
    assert storage.list("shards") == ["two"]
    storage.verify("shards", "two")
    storage.delete("shards", "two")
    storage.verify("features/view", "block")
    open_home(settings).close()  # with files of another user in it


def loosen(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_an_older_home_is_tightened_when_its_owner_opens_it_and_it_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings)
    loosen(settings.home)
    with caplog.at_level("INFO"):
        open_home(settings).close()
        assert_tight(settings.home)
        open_home(settings).close()
    assert [record.message for record in caplog.records].count("home.tightened") == 1


def test_a_catalogue_that_was_loosened_later_is_tightened_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings)
    (settings.home / "catalogue.db").chmod(0o644)
    (settings.home / "api-key").chmod(0o644)
    open_home(settings).close()
    assert_tight(settings.home)


def test_a_home_that_is_tighter_than_needed_stays_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings)
    for path in (settings.home, *settings.home.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    before = modes(settings.home)
    open_home(settings).close()
    assert modes(settings.home) == before


def test_a_group_that_is_named_later_is_given_what_is_there(tmp_path: Path, other_group: str) -> None:
    fill(Settings(home=tmp_path / "home"))
    open_home(Settings(home=tmp_path / "home", group=other_group)).close()
    file = tmp_path / "home" / "shards" / "one" / "file"
    assert (mode(file), file.stat().st_gid, mode(file.parent)) == (0o640, GROUP, 0o2770)
    assert (tmp_path / "home" / "catalogue.db").stat().st_gid != GROUP


def test_what_is_not_the_homes_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings)
    (settings.home / "notes").mkdir()
    (settings.home / "notes" / "script").touch()
    (settings.home / "shards" / "link").symlink_to(settings.home / "notes" / "script")
    loosen(settings.home)
    (settings.home / "notes" / "script").chmod(0o755)
    open_home(settings).close()
    assert mode(settings.home / "notes") == mode(settings.home / "notes" / "script") == 0o755


def test_files_of_another_user_never_stop_a_home_from_being_opened(tmp_path: Path, monkeypatch) -> None:
    settings = Settings(home=tmp_path / "home")
    fill(settings)
    loosen(settings.home)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)  # then nothing here is this user's
    before = modes(settings.home)
    assert Permissions().tighten(settings.home, SHARED_NAMES) == 0
    assert modes(settings.home) == before


def test_a_file_system_without_modes_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int, **_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    fill(Settings(home=tmp_path / "home"))
    assert open_storage(tmp_path / "home").list("shards") == ["one"]


def test_a_group_that_is_not_there_is_named_with_what_is_expected() -> None:
    with pytest.raises(InvalidInput, match=r"GROUNDWORK_GROUP names the group 'no such group'.*expected the name or"):
        permissions_for("no such group")


def test_a_group_of_which_the_user_is_no_member_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(InvalidInput, match=r"'4711', of which the user .*number 54321\) is not a member"):
        permissions_for("4711")


def test_the_groups_of_the_process_are_found_by_name_and_number() -> None:
    import grp

    own = grp.getgrgid(os.getegid())
    assert permissions_for(own.gr_name) == permissions_for(str(own.gr_gid)) == Permissions(own.gr_gid)
    assert permissions_for(None) == Permissions()
