"""A lock admits one holder a home, names it to the others, and is free again however the holder ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexing.errors import AlreadyRunning
from indexing.storage.locks import exclusive


def test_a_second_holder_is_refused_by_the_process_of_the_first_and_leaves_its_number(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with exclusive(lock, "build"):
        for _ in range(2):
            refused = pytest.raises(AlreadyRunning, match=rf"Another build of this home .*\(process {os.getpid()}\)")
            with refused, exclusive(lock, "build"):
                pytest.fail("two holders at once")
        assert lock.read_text() == str(os.getpid())


def test_the_lock_is_free_after_the_block_and_after_an_error_in_it(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with exclusive(lock, "build"):
        pass
    with pytest.raises(ValueError, match="stop"), exclusive(lock, "build"):
        raise ValueError("stop")
    with exclusive(lock, "build"):
        assert lock.read_text() == str(os.getpid())


def test_a_file_left_behind_holds_nothing_and_its_number_is_replaced(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    lock.write_text("123456789")
    with exclusive(lock, "build"):
        assert lock.read_text() == str(os.getpid())


def test_two_locks_do_not_know_each_other(tmp_path: Path) -> None:
    with exclusive(tmp_path / "build.lock", "build"), exclusive(tmp_path / "models.lock", "registration"):
        refused = pytest.raises(AlreadyRunning, match="Another registration")
        with refused, exclusive(tmp_path / "models.lock", "registration"):
            pytest.fail("two holders at once")


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    script = (
        "import sys; from pathlib import Path; from indexing.storage.locks import exclusive\n"
        "with exclusive(Path(sys.argv[1]), 'build'): print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"process {holder.pid}"), exclusive(lock, "build"):
            pytest.fail("two holders at once")
        holder.kill()
    with exclusive(lock, "build"):
        assert lock.read_text() == str(os.getpid())


def test_a_holder_that_has_not_signed_yet_is_unknown(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    with exclusive(lock, "build"):
        os.truncate(lock, 0)
        with pytest.raises(AlreadyRunning, match="process unknown"), exclusive(lock, "build"):
            pytest.fail("two holders at once")
