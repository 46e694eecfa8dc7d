"""Say which files of tests take the CPU: a plugin of pytest, ``-p tests.support.cpu_seconds``.

Wall time says how busy the machine was; CPU time is the same on a loaded one. The CPU of processes that a test started
counts for it as soon as it has waited for them.
"""

import os
import resource
from collections import defaultdict
from collections.abc import Generator

import pytest

FILES_SHOWN = 60
"""Of files, the dearest first: those below take less than a second each. Our choice."""
TESTS_SHOWN = 40
"""Of single tests. Our choice."""


def _used() -> float:
    """CPU seconds of this process and of those it waited for."""
    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class _Meter:
    """What the phases of tests used, in the process that ran them and, by their reports, in the one that shows it."""

    def __init__(self) -> None:
        self.mark = _used()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = _used()
        report.cpu_seconds, self.mark = now - self.mark, now  # type: ignore[attr-defined] # pytest-xdist carries it
        return report


def pytest_configure(config: pytest.Config) -> None:
    """Measure in the process that runs tests."""
    config.pluginmanager.register(_Meter(), "cpu-meter")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say what a process of pytest-xdist used beside its tests: it loads and collects all of them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        session.config.workeroutput["cpu_seconds"] = _used()  # type: ignore[attr-defined]


def pytest_testnodedown(node: object) -> None:
    """Keep what a process of pytest-xdist used in all."""
    output = getattr(node, "workeroutput", {})
    config = node.config  # type: ignore[attr-defined]
    config.stash.setdefault(_TOTALS, []).append(output.get("cpu_seconds", 0.0))


_TOTALS: pytest.StashKey[list[float]] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show files and tests by the CPU they took, and what was spent outside tests."""
    files: dict[str, float] = defaultdict(float)
    tests: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            seconds = getattr(report, "cpu_seconds", 0.0)
            if seconds:
                files[report.nodeid.partition("::")[0]] += seconds
                tests[f"{report.when:8} {report.nodeid}"] += seconds
    inside = sum(files.values())
    workers = sum(config.stash.get(_TOTALS, []))
    total = max(_used(), workers)  # those of pytest-xdist are children of this process, which has waited for most
    terminalreporter.section(f"CPU seconds: {total:.0f} in all, {inside:.0f} in tests")
    for title, spent, shown in (("by file", files, FILES_SHOWN), ("by test", tests, TESTS_SHOWN)):
        terminalreporter.write_line(title)
        for name, seconds in sorted(spent.items(), key=lambda one: -one[1])[:shown]:
            terminalreporter.write_line(f"{seconds:8.2f}  {name}")
