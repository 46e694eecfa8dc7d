"""What must happen in a process before any library is loaded: its environment, and whether it has the memory.

Native libraries abort the process when they get no memory while they load, so it is looked at beforehand.
"""

import gc
import importlib
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from indexing.errors import NotReady
from indexing.settings import limit_native_threads


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """The least MiB with which something was seen to work; large homes and many sessions need more.

    ``address_space_mb`` is what ``ulimit -v`` limits, ``data_mb`` what ``ulimit -d`` limits, ``resident_mb`` what a
    container's limit and the machine's memory do.
    """

    address_space_mb: int
    data_mb: int
    resident_mb: int


ANY_COMMAND = MemoryNeed(address_space_mb=160, data_mb=64, resident_mb=64)
"""Measured with 'tenants list': 150,000 kB of address space are enough, at 100,000 kB OpenBLAS aborts."""
ENCODING = MemoryNeed(address_space_mb=900, data_mb=450, resident_mb=256)
"""To search, serve or build. Measured on 787 passages, two sessions, the default model: 'serve' peaks at 980 MB of
address space, 449 MB of data and 228 MB resident, answers with 900,000 kB of address space and does not with 800,000;
'build' peaks at 997 MB and 221 MB, and a worker's process is like it."""
REGISTERING_DEFAULT = MemoryNeed(address_space_mb=1100, data_mb=720, resident_mb=640)
"""To compile the default model, without torch. Measured: 1,090 MB of address space and 630 MB resident; it goes with
720,000 kB of data and not with 650,000."""
REGISTERING = MemoryNeed(address_space_mb=3700, data_mb=1600, resident_mb=1600)
"""To compile any other model's weights, which loads torch. Measured with the default model: 3,751 MB and 1,572 MB
resident."""

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of groups of processes."""
OWN_CGROUP = Path("/proc/self/cgroup")
"""Which of these groups this process is in."""
_OWN_PAGES = Path("/proc/self/statm")


def prepare() -> None:
    """What must happen before anything else of Groundwork is imported.

    Native libraries read their thread counts when they are loaded. sqlite-utils loads pandas wherever it is installed,
    for a feature that is not used here: half of a command's start, and threads that a forked worker must not inherit.
    """
    limit_native_threads()
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment] # None makes an import fail
    if "pandas" not in modules:
        modules["pandas"] = None
        try:
            importlib.import_module("sqlite_utils")
        finally:
            del modules["pandas"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage while the block loads modules, of which all stays.

    Measured: an API process takes 1.5 s of CPU until it is loaded instead of 1.9 s, a command 0.77 s instead of 0.91 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def require_memory(need: MemoryNeed, what: str) -> None:
    """Go on only where this process may take as much memory as ``what`` is known to need at least.

    Raises:
        NotReady: it may not; the message says how much it may take, what limits it, and how much is needed.
    """
    for name, allowed_mb, needed_mb in (
        ("address space (ulimit -v)", _limit_mb(resource.RLIMIT_AS), need.address_space_mb),
        ("data (ulimit -d)", _limit_mb(resource.RLIMIT_DATA), need.data_mb),
        ("memory (its container's limit)", container_limit_mb(), need.resident_mb),
    ):
        if allowed_mb is not None and allowed_mb < needed_mb:
            raise NotReady(
                f"Too little memory: {what} needs at least {needed_mb:,} MiB of {name}, and this process may have"
                f" {allowed_mb:,} MiB. Raise that limit."
            )


def _limit_mb(kind: int) -> int | None:
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft >> 20


def own_memory_bytes() -> int | None:
    """What this process has in memory for itself, without files that it maps; ``None`` where that cannot be read."""
    try:
        _, resident, shared, *_ = _OWN_PAGES.read_text().split()
    except OSError:
        return None
    return (int(resident) - int(shared)) * resource.getpagesize()


def container_limit_mb() -> int | None:
    """The MiB that the control groups of this process allow; ``None`` where nothing is limited or can be read."""
    limits = []
    for file in _limit_files():
        with suppress(OSError, ValueError):  # no such group here, or "max"
            limits.append(int(file.read_text()) >> 20)
    return min(limits, default=None)


def _limit_files() -> Iterator[Path]:
    """Where the limits of this process's groups and of those around them may stand, in both versions."""
    try:
        lines = OWN_CGROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, name = (CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (CGROUPS, "memory.max")
        group = root / path.strip("/")
        yield from (folder / name for folder in (group, *group.parents) if folder == root or root in folder.parents)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that there was no memory; native libraries say so only in their message."""
    texts = ("bad_alloc", "Cannot allocate memory", "cannot allocate memory", "failed to map segment")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)
