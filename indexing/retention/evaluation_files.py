"""Evaluation files of a home: scratch homes and reports, which lie beside catalogue and artefacts.

The judging half writes both. Here they are only files of a known shape: a scratch home is a folder below ``scratch``
with a lock of its own; a report is a JSON object whose ``record.inputs.snapshot`` names the snapshot that was measured.
"""

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path

from indexing.records import Json
from indexing.storage.atomic_files import write_atomically
from indexing.storage.factory import open_storage
from indexing.storage.permissions import SHARED_FILE
from indexing.storage.store import BUILD_LOCK

SCRATCH, EVALUATIONS = "scratch", "evaluations"


def scratch_homes(home: Path) -> list[Path]:
    """The homes that ``eval run`` built of corpora, sorted."""
    folder = home / SCRATCH
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@contextmanager
def scratch_idle(home: Path) -> Iterator[None]:
    """Hold the build locks of all scratch homes.

    Raises:
        AlreadyRunning: one of them is being built.
    """
    with ExitStack() as stack:
        for path in scratch_homes(home):
            stack.enter_context(open_storage(path).lock(BUILD_LOCK, f"build in {SCRATCH}/{path.name}"))
        yield


def remove_scratch(home: Path) -> None:
    """Delete all scratch homes, and what is left of an earlier try; they are a cache."""
    if (home / SCRATCH).is_dir():
        (home / SCRATCH).rename(home / f".{SCRATCH}.{uuid.uuid4().hex}.tmp")
    for path in home.glob(f".{SCRATCH}.*.tmp"):
        shutil.rmtree(path)


def evaluations_of(home: Path, snapshots: Set[str]) -> list[Path]:
    """The reports of evaluations that measured one of these snapshots, sorted."""
    return [path for path, report in _reports(home) if _measured(report) in snapshots]


def mark_evaluations(home: Path, snapshots: Mapping[str, str], erasure: int) -> None:
    """Write into each report on an old snapshot that it cannot be replayed. Marking twice changes nothing.

    The report proper stays as it was saved; beside it, ``erasures`` lists which erasure made which snapshot of it.
    """
    for path, report in _reports(home):
        old = _measured(report)
        marks = report.setdefault("erasures", [])
        if old in snapshots and all(mark["erasure"] != erasure for mark in marks):
            marks.append({"erasure": erasure, "old_snapshot": old, "new_snapshot": snapshots[old]})
            write_atomically(path, json.dumps(report, indent=1).encode() + b"\n", mode=SHARED_FILE)


def _reports(home: Path) -> Iterator[tuple[Path, dict[str, Json]]]:
    for path in sorted((home / EVALUATIONS).glob("*.json")):
        try:
            report = json.loads(path.read_bytes())
        except ValueError:
            continue  # no report of ours
        if isinstance(report, dict):
            yield path, report


def _measured(report: dict[str, Json]) -> str:
    try:
        return str(report["record"]["inputs"]["snapshot"])
    except (KeyError, TypeError):
        return ""
