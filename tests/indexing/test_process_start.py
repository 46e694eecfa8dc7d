"""A process says that it has too little memory before a native library aborts it."""

import resource
from pathlib import Path

import pytest

from indexing import process_start
from indexing.errors import NotReady
from indexing.process_start import MemoryNeed, container_limit_mb, is_out_of_memory, require_memory

NEED = MemoryNeed(address_space_mb=900, data_mb=450, resident_mb=256)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[int, int]:
    """The limits of this process, to be set; none at first, and no control group."""
    found = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (found[kind], resource.RLIM_INFINITY))
    monkeypatch.setattr(process_start, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(process_start, "OWN_CGROUP", tmp_path / "own")
    return found


def test_without_limits_everything_goes_on(limits: dict[int, int]) -> None:
    assert container_limit_mb() is None
    require_memory(NEED, "groundwork serve")


@pytest.mark.parametrize(
    ("kind", "name", "needed"),
    [(resource.RLIMIT_AS, r"address space \(ulimit -v\)", 900), (resource.RLIMIT_DATA, r"data \(ulimit -d\)", 450)],
)
def test_a_limit_below_the_need_is_told_with_both_figures(
    limits: dict[int, int], kind: int, name: str, needed: int
) -> None:
    limits[kind] = needed << 20
    require_memory(NEED, "groundwork serve")
    limits[kind] -= 1
    expected = f"groundwork serve needs at least {needed} MiB of {name}, and this process may have {needed - 1} MiB"
    with pytest.raises(NotReady, match=expected):
        require_memory(NEED, "groundwork serve")


@pytest.mark.parametrize(
    ("own", "file"),
    [
        ("0::/pods/one\n", "pods/one/memory.max"),
        ("0::/pods/one\n", "pods/memory.max"),
        ("0::/\n", "memory.max"),
        ("7:cpu:/\n4:memory:/pods/one\n0::/\n", "memory/pods/one/memory.limit_in_bytes"),
        ("4:memory:/pods/one\n", "memory/memory.limit_in_bytes"),
    ],
)
def test_the_narrowest_control_group_counts(limits: dict[int, int], tmp_path: Path, own: str, file: str) -> None:
    (tmp_path / "own").write_text(own)
    path = tmp_path / "cgroup" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{200 << 20}\n")
    (tmp_path / "cgroup" / "other").mkdir()
    (tmp_path / "cgroup" / "other" / "memory.max").write_text("1")
    assert container_limit_mb() == 200
    with pytest.raises(NotReady, match="256 MiB of memory .its container's limit., and this process may have 200 MiB"):
        require_memory(NEED, "groundwork serve")
    path.write_text("max\n")
    assert container_limit_mb() is None


def test_an_error_of_a_native_library_is_known_for_a_lack_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(ImportError("Exception caught: std::bad_alloc"))
    assert is_out_of_memory(OSError(12, "Cannot allocate memory"))
    assert not is_out_of_memory(ImportError("No module named 'x'"))
