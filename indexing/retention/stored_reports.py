"""Reports that a home keeps: files that name documents, queries and comments of tenants, and go with an erasure.

The judging half writes them. Here they are only files of a known shape: a JSON object whose ``tenants`` are those of
whom anything is said, beside files of other formats with the same stem. A report can be made again from what remains.
"""

import json
from collections.abc import Iterator
from pathlib import Path

REPORTS = "reports"
"""The folder of a home that holds them."""
REPORT_LOCK = "report"
"""Held from the first row that a report reads until it is kept, and by an erasure: none is made of what is leaving."""


def reports_about(home: Path, tenant: str) -> list[Path]:
    """The reports that say something of a tenant, by their JSON file, sorted; one that cannot be read may, too."""
    return [path for path, tenants in _reports(home) if tenants is None or tenant in tenants]


def remove_reports(home: Path, tenant: str) -> int:
    """Delete every report that says something of a tenant, in all its formats, and drafts. Says how many reports.

    Call it with ``REPORT_LOCK`` held.
    """
    found = reports_about(home, tenant)
    for path in found:
        for other in path.parent.glob(f"{path.stem}.*"):
            if other != path:
                other.unlink()
        path.unlink()  # last, so that one that is interrupted is found again
    for draft in (home / REPORTS).glob(".*.tmp"):  # of a process that was killed: none writes while the lock is held
        draft.unlink()
    return len(found)


def _reports(home: Path) -> Iterator[tuple[Path, set[str] | None]]:
    for path in sorted((home / REPORTS).glob("*.json")):
        try:
            yield path, set(json.loads(path.read_bytes())["tenants"])
        except (ValueError, TypeError, KeyError):
            yield path, None
