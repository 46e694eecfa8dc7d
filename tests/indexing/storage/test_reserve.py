"""The reserve is given up for what frees space and for nothing else, and made again as soon as there is room."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from indexing.errors import StorageFull
from indexing.storage import reserve as module
from indexing.storage.reserve import Reserve
from tests.support.full_disk import fill_disk


@pytest.fixture
def reserve(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Reserve:
    monkeypatch.setattr(module, "RESERVE_BYTES", 64 << 10)
    return Reserve(small_disk / "reserve")


def test_it_takes_its_room_from_the_disk_and_is_made_once(reserve: Reserve) -> None:
    free = reserve.free_bytes
    assert reserve.size_bytes == 0
    assert reserve.make()
    assert (reserve.size_bytes, free - reserve.free_bytes) == (64 << 10, 64 << 10)
    assert reserve.make()
    assert free - reserve.free_bytes == 64 << 10


def test_a_disk_that_is_almost_full_is_left_to_the_data(reserve: Reserve, small_disk: Path) -> None:
    (small_disk / "data").write_bytes(bytes((512 << 10) - (96 << 10)))  # half as much again as it is left
    assert not reserve.make()
    assert reserve.size_bytes == 0
    assert reserve.make(room_factor=1)


def test_what_cannot_be_made_whole_is_not_made(reserve: Reserve, small_disk: Path) -> None:
    fill_disk(small_disk)
    assert not reserve.make(room_factor=0)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_an_action_that_finds_no_room_has_that_of_the_reserve(reserve: Reserve, small_disk: Path) -> None:
    reserve.make()
    filler = fill_disk(small_disk)
    calls = []

    def action() -> str:
        calls.append(reserve.size_bytes)
        if reserve.free_bytes < 4096:
            raise StorageFull("no room")
        (small_disk / "log").write_bytes(bytes(4096))
        return "done"

    assert reserve.run(action) == "done"
    assert calls == [64 << 10, 0]
    assert reserve.size_bytes == 0  # what the action wrote is where it was
    filler.unlink()
    assert reserve.run(lambda: "freed") == "freed"
    assert reserve.make()


def test_an_action_that_finds_room_leaves_the_reserve_alone(reserve: Reserve) -> None:
    reserve.make()
    assert reserve.run(lambda: reserve.size_bytes) == 64 << 10


def test_it_is_made_again_when_the_action_freed_its_room(reserve: Reserve, small_disk: Path) -> None:
    reserve.make()
    filler = fill_disk(small_disk)

    def action() -> None:
        if reserve.size_bytes:
            raise StorageFull("no room")
        filler.unlink()

    reserve.run(action)
    assert reserve.size_bytes == 64 << 10


def test_an_action_that_finds_no_room_either_way_fails_with_its_error(reserve: Reserve) -> None:
    calls = []

    def action() -> None:
        calls.append(1)
        raise StorageFull("No room to write x: free some space.")

    with pytest.raises(StorageFull, match="No room to write x"):
        reserve.run(action)
    assert len(calls) == 2  # without a reserve as well: another process may have given it up in this moment


def test_other_errors_give_nothing_up(reserve: Reserve) -> None:
    reserve.make()
    with pytest.raises(ValueError, match="x"):
        reserve.run(lambda: int("x"))
    assert reserve.size_bytes == 64 << 10


def test_long_work_has_its_room_and_gives_it_back_also_after_an_error(reserve: Reserve) -> None:
    reserve.make()
    with pytest.raises(ValueError, match="stop"), reserve.given_up():
        assert reserve.size_bytes == 0
        raise ValueError("stop")
    assert reserve.size_bytes == 64 << 10


def test_a_home_that_keeps_none_has_none(small_disk: Path) -> None:
    reserve = Reserve(small_disk / "reserve", is_kept=False)
    assert not reserve.make(room_factor=0)
    reserve.require()  # there is room enough
    assert list(small_disk.iterdir()) == []


def test_who_does_not_keep_the_reserve_leaves_it_and_needs_it(reserve: Reserve, small_disk: Path) -> None:
    other = Reserve(small_disk / "reserve", is_kept=False)
    reserve.make()
    fill_disk(small_disk)
    assert not other.give_up()
    other.require()
    reserve.give_up()
    with pytest.raises(StorageFull):
        other.require()


def test_a_write_is_refused_from_when_it_is_given_up_until_there_is_room_for_another(
    reserve: Reserve, small_disk: Path
) -> None:
    reserve.make()
    filler = fill_disk(small_disk)
    reserve.require()  # it is there: the disk itself says that it is full
    reserve.give_up()
    for _ in range(2):
        with pytest.raises(StorageFull, match=r"run 'groundwork gc --yes'.* 131,072 bytes"):
            reserve.require()
    assert (reserve.size_bytes, reserve.free_bytes) == (0, 64 << 10)
    filler.unlink()
    reserve.require()
    assert reserve.size_bytes == 64 << 10


@pytest.mark.parametrize("wrap", [Reserve.run, lambda reserve, action: _given_up(reserve, action)])
def test_only_what_frees_space_writes_without_it_and_only_in_its_own_thread(
    reserve: Reserve, small_disk: Path, wrap: Callable[[Reserve, Callable[[], None]], None]
) -> None:
    reserve.make()
    fill_disk(small_disk)
    reserve.give_up()
    refused = []

    def write_beside_it() -> None:
        with pytest.raises(StorageFull):
            reserve.require()
        refused.append(True)

    def action() -> None:
        reserve.require()
        thread = threading.Thread(target=write_beside_it)
        thread.start()
        thread.join()

    wrap(reserve, action)
    assert refused == [True]


def _given_up(reserve: Reserve, action: Callable[[], None]) -> None:
    with reserve.given_up():
        action()


def test_another_process_does_not_take_the_room_that_was_just_given_up(reserve: Reserve, small_disk: Path) -> None:
    other = Reserve(small_disk / "reserve")
    reserve.make()
    fill_disk(small_disk)
    reserve.give_up()
    assert not other.make()
    assert reserve.free_bytes == 64 << 10


def test_it_is_logged_only_when_something_was_given_up(
    reserve: Reserve, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reserve.make()
    fill_disk(small_disk)

    def action() -> None:
        raise StorageFull("no room")

    for _ in range(3):
        with pytest.raises(StorageFull):
            reserve.run(action)
    assert [one.message for one in caplog.records].count("reserve.given_up") == 1


def test_why_there_is_none_is_logged_once_until_there_is_one_again(
    reserve: Reserve, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for times in (1, 2):
        filler = fill_disk(small_disk)
        assert not reserve.make()
        assert not reserve.make()
        assert [one.message for one in caplog.records] == ["reserve.not_made"] * times
        filler.unlink()
        assert reserve.make()
        reserve.give_up()


def test_a_folder_that_may_not_be_written_has_none_and_nothing_fails(reserve: Reserve, monkeypatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert not reserve.make()
    reserve.require()
