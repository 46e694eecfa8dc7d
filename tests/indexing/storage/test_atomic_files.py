"""A file is written whole or not at all, with its mode from its first byte on."""

import errno
import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from indexing.errors import StorageFull
from indexing.storage.atomic_files import copy_file, is_full, write_atomically, write_file


def test_a_file_gets_its_content_and_no_draft_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o640])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_gets_the_mode_that_was_given_less_the_umask(tmp_path: Path, mode: int, umask: int) -> None:
    (tmp_path / "file").touch(0o666)
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode & ~umask


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_copy_gets_the_mode_that_was_given_less_the_umask(tmp_path: Path, umask: int) -> None:
    (tmp_path / "source").write_bytes(b"content")
    before = os.umask(umask)
    try:
        copied = copy_file(tmp_path / "source", tmp_path / "file", mode=0o640)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640 & ~umask
    assert copied == (hashlib.sha256(b"content").hexdigest(), 7)


def test_without_a_mode_the_umask_decides(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFull, match="No room for 3 bytes"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_real_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    write_atomically(small_disk / "file", b"old")
    with pytest.raises(StorageFull, match="No room for 1,000,000 bytes at .*file"):
        write_atomically(small_disk / "file", bytes(1_000_000))
    assert [(path.name, path.read_bytes()) for path in small_disk.iterdir()] == [("file", b"old")]


def test_other_errors_come_through_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "file", b"x")


def test_of_many_that_keep_the_first_one_decides(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait(timeout=30)
        write_atomically(tmp_path / "file", bytes([number]), keeps_first=True)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = (tmp_path / "file").read_bytes()
    write_atomically(tmp_path / "file", b"later", keeps_first=True)
    assert (tmp_path / "file").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_can_be_made_again_costs_no_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("synced"))
    write_atomically(tmp_path / "file", b"x", is_durable=False)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_new_file_takes_the_place_of_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "file", b"new")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (RuntimeError("write failed: No space left on device (os error 28)"), True),
        (OSError(errno.EIO, "I/O error"), False),
        (ValueError("full"), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert is_full(error) is expected
