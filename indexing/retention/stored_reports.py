"""Reports that a home keeps: files that name documents, queries and comments of tenants, and go with an erasure.

The judging half writes them. Here they are only files of a known shape: a JSON object whose ``tenants`` are those of
whom anything is said, beside files of other formats with the same stem. A report can be made again from what remains,
so it is in no backup; it quotes what the ledger holds, so it is kept as many days as that.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

REPORTS = "reports"
"""The folder of a home that holds them."""
REPORT_LOCK = "report"
"""Held from the first row that a report reads until it is kept, and by an erasure: none is made of what is leaving."""


_STEM = "%Y%m%dT%H%M%S.%fZ"
"""How the files of a report are called: by the moment at which it was made, in UTC."""


def stem_of(made_at: datetime) -> str:
    """What the files of a report that was made at a moment are called, without their endings; they sort by it."""
    return made_at.astimezone(UTC).strftime(_STEM)


def forget_old_reports(home: Path, before: datetime) -> int:
    """Delete every report that was made before a moment, in all its formats. Says how many reports.

    No lock is needed: what another process deletes meanwhile is gone as well. A file that is called otherwise is not of
    this home's making, and stays.
    """
    old = {path.stem for path in (home / REPORTS).glob("[!.]*.*") if _is_before(path.stem, before)}
    for stem in old:
        _remove(home / REPORTS / f"{stem}.json")
    return len(old)


def _is_before(stem: str, moment: datetime) -> bool:
    try:
        return datetime.strptime(stem, _STEM).replace(tzinfo=UTC) < moment
    except ValueError:
        return False


def _remove(path: Path) -> None:
    """Delete a report by its JSON file, which goes last, so that one that is interrupted is found again."""
    for other in path.parent.glob(f"{path.stem}.*"):
        if other != path:
            other.unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def reports_about(home: Path, tenant: str) -> list[Path]:
    """The reports that say something of a tenant, by their JSON file, sorted; one that cannot be read may, too."""
    return [path for path, tenants in _reports(home) if tenants is None or tenant in tenants]


def remove_reports(home: Path, tenant: str) -> int:
    """Delete every report that says something of a tenant, in all its formats, and drafts. Says how many reports.

    Call it with ``REPORT_LOCK`` held.
    """
    found = reports_about(home, tenant)
    for path in found:
        _remove(path)
    for draft in (home / REPORTS).glob(".*.tmp"):  # of a process that was killed: none writes while the lock is held
        draft.unlink()
    return len(found)


def _reports(home: Path) -> Iterator[tuple[Path, set[str] | None]]:
    for path in sorted((home / REPORTS).glob("*.json")):
        try:
            yield path, set(json.loads(path.read_bytes())["tenants"])
        except FileNotFoundError:  # too old, and deleted just now
            continue
        except (ValueError, TypeError, KeyError):
            yield path, None
