"""How much memory processes take: a server with its children, once or over time, and this process itself."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

_LOOK_SECONDS = 0.2
"""Between two looks at a server's processes."""


def memory_mb(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Memory of a server with all its processes. What they share stands in each one's ``resident``."""
    infos = _infos(psutil.Process(process.pid))
    return {"resident": sum(info.rss for info in infos) >> 20, "own": sum(info.uss for info in infos) >> 20}


def _infos(server: psutil.Process) -> list:
    """The memory of a process and its children; a child that has just ended is left out."""
    found = []
    for one in (server, *server.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(one.memory_full_info())
    return found


def anonymous_mb() -> int:
    """Memory of this process that no file backs."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) >> 10


class MemoryWatch:
    """The memory of a server's processes, looked at five times a second. PSS counts shared pages once."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Begin to look."""
        self.seen: list[tuple[float, float, float]] = []
        self._server = psutil.Process(process.pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            infos = _infos(self._server)
            own, shared = sum(info.uss for info in infos), sum(info.pss for info in infos)
            self.seen.append((time.time(), own / 2**20, shared / 2**20))

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def summary(self, quiet_until: float) -> dict[str, dict[str, float]]:
        """Megabytes before anything happened, and at the peak."""
        quiet = [one for one in self.seen if one[0] < quiet_until][-5:]
        steady = [sum(one[place] for one in quiet) / len(quiet) for place in (1, 2)]
        peak = [max(one[place] for one in self.seen) for place in (1, 2)]
        return {
            name: {"steady_mb": round(steady[i]), "peak_mb": round(peak[i]), "ratio": round(peak[i] / steady[i], 3)}
            for i, name in enumerate(("own", "with_shared_pages"))
        }

    def slope(self, since: float) -> dict[str, float]:
        """Megabytes a minute that the own memory grows by, where it began and ended (medians of a tenth), its peak."""
        seen = np.array([(at, own) for at, own, _ in self.seen if at >= since])
        tenth = max(1, len(seen) // 10)
        return {
            "mb_a_minute": round(float(np.polyfit(seen[:, 0] / 60.0, seen[:, 1], 1)[0]), 3),
            "first_mb": round(float(np.median(seen[:tenth, 1])), 1),
            "last_mb": round(float(np.median(seen[-tenth:, 1])), 1),
            "peak_mb": round(float(seen[:, 1].max()), 1),
        }


@contextlib.contextmanager
def watched_memory(process: subprocess.Popen[bytes]) -> Iterator[MemoryWatch]:
    """A ``MemoryWatch`` that looks until the block ends."""
    watch = MemoryWatch(process)
    try:
        yield watch
    finally:
        watch.close()
