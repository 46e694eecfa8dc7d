"""What only lock files do; that a lock has one holder is in the contract of every store."""

import os
import stat
from pathlib import Path

import pytest

from indexing.errors import AlreadyRunning
from indexing.storage.locks import file_lock, held_file
from tests.support.full_disk import fill_disk


def test_the_file_names_its_holder_and_keeps_the_name_when_another_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with file_lock(lock, "build"):
        with pytest.raises(AlreadyRunning), file_lock(lock, "build"):
            pytest.fail("two holders at once")
        assert lock.read_text() == str(os.getpid())


def test_a_file_left_behind_holds_nothing_and_its_number_is_replaced(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    lock.write_text("123456789")
    with file_lock(lock, "build"):
        assert lock.read_text() == str(os.getpid())


def test_a_holder_that_has_not_signed_yet_is_unknown(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with file_lock(lock, "build"):
        os.truncate(lock, 0)
        with pytest.raises(AlreadyRunning, match="process unknown"), file_lock(lock, "build"):
            pytest.fail("two holders at once")


def test_a_lock_file_is_its_owners_alone(tmp_path: Path) -> None:
    with file_lock(tmp_path / "build.lock", "build"):
        assert stat.S_IMODE((tmp_path / "build.lock").stat().st_mode) == 0o600


def test_a_lock_is_held_on_a_full_disk_and_its_holder_is_unknown(small_disk: Path) -> None:
    fill_disk(small_disk)
    with (
        file_lock(small_disk / "build.lock", "build"),
        pytest.raises(AlreadyRunning, match="process unknown"),
        file_lock(small_disk / "build.lock", "build"),
    ):
        pytest.fail("two holders at once")


def test_a_file_that_is_held_keeps_its_content_and_has_one_holder(tmp_path: Path) -> None:
    file = tmp_path / "own"
    with held_file(file, os.O_RDWR | os.O_CREAT) as descriptor:
        os.write(descriptor, b"content")
        with pytest.raises(AlreadyRunning, match="own is held by another process"), held_file(file):
            pytest.fail("two holders at once")
    with held_file(file) as descriptor:
        assert os.read(descriptor, 10) == b"content"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
