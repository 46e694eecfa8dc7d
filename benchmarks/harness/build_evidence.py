"""What a build on workers left behind, for benchmarks: stored blocks, log entries, files, rows.

A vector counts as computed when a worker's log says that the block was done; as stored when its block's artefact is
there. A worker that is killed between storing a block and saying so leaves it stored without an entry. A block is
computed twice when two entries name it; it was computed although it was stored when the later one began after the
artefact had appeared.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from indexing.home import Home, open_home
from indexing.settings import Settings
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import LEXICAL_FILE, open_shard
from indexing.storage.arrays import map_arrays
from indexing.storage.store import MANIFEST

ARTEFACTS = ("models", "features", "shards", "snapshots")


@dataclass(frozen=True, slots=True)
class Done:
    """A worker's log entry of a block done: when it ended and, if Celery's own entry follows, when it began."""

    job: int
    block: str
    worker: Path
    ended: float
    began: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored block of vectors: how many, and when it appeared."""

    vectors: int
    at: float


def blocks_done(logs: Iterable[Path]) -> list[Done]:
    """What workers of one pool child each did, in order of time; torn lines of killed workers are passed over."""
    found = [done for log in logs for done in _read_log(log)]
    return sorted(found, key=lambda done: done.ended)


def _read_log(log: Path) -> Iterator[Done]:
    waiting: tuple[int, str, float] | None = None
    for entry in _entries(log):
        event, at = entry["event"], datetime.fromisoformat(entry["at"]).timestamp()
        if event == "worker.block_done":
            if waiting is not None:
                yield Done(waiting[0], waiting[1], log, waiting[2], None)
            waiting = (entry["job"], entry["block"], at)
        elif waiting is not None and " succeeded in " in event:
            seconds = float(event.split(" succeeded in ")[1].split("s:")[0])
            yield Done(waiting[0], waiting[1], log, at, at - seconds)
            waiting = None
    if waiting is not None:
        yield Done(waiting[0], waiting[1], log, waiting[2], None)


def _entries(log: Path) -> Iterator[dict]:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue


def stored_blocks(home: Path) -> dict[str, Stored]:
    """Every stored block of vectors, named as in job tables and logs."""
    found = {}
    for manifest in (home / "features").glob(f"*/*/{MANIFEST}"):
        if manifest.parent.name[0] != ".":
            count = int(json.loads(manifest.read_bytes())["info"]["count"])
            found[f"embed-{manifest.parent.name}"] = Stored(count, manifest.parent.stat().st_ctime)
    return found


def count_stored(home: Path) -> int:
    """How many blocks of vectors are stored, without reading them."""
    return sum(path.name[0] != "." for path in (home / "features").glob("*/*"))


def account(home: Path, logs: Iterable[Path]) -> dict[str, int]:
    """Vectors stored against vectors computed, and what was done more than once."""
    stored, done = stored_blocks(home), blocks_done(logs)
    embedded = [entry for entry in done if entry.block.startswith("embed-")]
    times = Counter(entry.block for entry in done)
    return {
        "blocks_stored": len(stored),
        "vectors_stored": sum(block.vectors for block in stored.values()),
        "vectors_computed": sum(stored[entry.block].vectors for entry in embedded if entry.block in stored),
        "blocks_done_twice": sum(count > 1 for count in times.values()),
        "blocks_begun_although_stored": sum(
            entry.block in stored and entry.began is not None and entry.began > stored[entry.block].at + 0.01
            for entry in embedded
        ),
        "blocks_stored_without_an_entry": len(set(stored) - set(times)),
        "blocks_done_and_not_stored": len({entry.block for entry in embedded} - set(stored)),
    }


def attempts(home: Path) -> dict[str, int]:
    """What the jobs' tables say of blocks: handed out more than once, and failures."""
    opened = open_home(Settings(), home)
    rows = list(opened.catalogue.rows("SELECT attempts, error FROM job_blocks"))
    opened.close()
    return {
        "blocks_handed_out_again": sum(row["attempts"] > 1 for row in rows),
        "most_attempts_at_a_block": max((int(row["attempts"]) for row in rows), default=0),
    }


def hash_files(home: Path, kinds: Iterable[str] = ("shards", "snapshots")) -> dict[str, str]:
    """The sha256 of every file of published artefacts, by path inside the home."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for kind in kinds
        for path in sorted((home / kind).rglob("*"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(home).parts)
    }


def torn_files(home: Path) -> list[str]:
    """Files of artefacts that are not what their manifest promises, folders without a manifest, a broken catalogue.

    Drafts (hidden folders) are no artefacts: nothing reads them.
    """
    torn = []
    for kind in ARTEFACTS:
        pattern = "*/*" if kind == "features" else "*"
        for folder in sorted((home / kind).glob(pattern)):
            if folder.name[0] != ".":
                torn += _torn(folder)
    with sqlite3.connect(f"file:{home / 'catalogue.db'}?mode=ro", uri=True) as catalogue:
        if catalogue.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            torn.append("catalogue.db")
    catalogue.close()
    return torn


def _torn(folder: Path) -> list[str]:
    try:
        promised = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError):
        return [str(folder / MANIFEST)]
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    torn = [str(folder / name) for name in present ^ set(promised)]
    for name in present & set(promised):
        content = (folder / name).read_bytes()
        if (
            len(content) != promised[name]["size_bytes"]
            or hashlib.sha256(content).hexdigest() != promised[name]["sha256"]
        ):
            torn.append(str(folder / name))
    return torn


def drafts_left(home: Path) -> int:
    """Hidden folders of publishers that were killed; ``gc`` removes them."""
    return sum(path.name.endswith(".tmp") for kind in (*ARTEFACTS, "work") for path in (home / kind).rglob(".*"))


@dataclass(frozen=True, slots=True)
class Row:
    """All that a shard holds of one passage."""

    vector: bytes
    terms: tuple[tuple[bytes, int], ...]
    length: int
    texts: object


def snapshot_rows(path: Path, snapshot: str) -> dict[tuple[str, str, str], Row]:
    """Vector, postings and texts of every passage of a snapshot, by tenant, collection and passage id."""
    home = open_home(Settings(), path)
    rows: dict[tuple[str, str, str], Row] = {}
    for shard in read_snapshot(home.storage, snapshot).shards:
        rows |= _shard_rows(home, shard.name)
    home.close()
    return rows


def _shard_rows(home: Home, name: str) -> dict[tuple[str, str, str], Row]:
    artefact = home.storage.open(SHARDS, name)
    shard = open_shard(artefact)
    vectors = shard.vectors(np.arange(shard.rows))
    terms, lengths = _postings_by_row(artefact.path / LEXICAL_FILE, shard.rows)
    rows = {}
    for number in range(shard.rows):
        passage = shard.passage(number)
        key = (passage.partition.tenant, passage.partition.collection, passage.id)
        rows[key] = Row(vectors[number].tobytes(), tuple(sorted(terms[number])), lengths[number], passage)
    return rows


def _postings_by_row(path: Path, count: int) -> tuple[list[list[tuple[bytes, int]]], list[int]]:
    arrays = map_arrays(path)
    characters, starts = arrays["term_bytes"].tobytes(), arrays["term_offsets"].tolist()
    places = arrays["posting_offsets"].tolist()
    rows, frequencies = arrays["posting_rows"].tolist(), arrays["posting_frequencies"].tolist()
    found: list[list[tuple[bytes, int]]] = [[] for _ in range(count)]
    for number in range(len(starts) - 1):
        term = characters[starts[number] : starts[number + 1]]
        for place in range(places[number], places[number + 1]):
            found[rows[place]].append((term, frequencies[place]))
    return found, arrays["lengths"].tolist()


def compare_rows(reference: dict[tuple[str, str, str], Row], found: dict[tuple[str, str, str], Row]) -> dict[str, int]:
    """Passages lost and added, and rows of which anything differs."""
    shared = reference.keys() & found.keys()
    return {
        "passages": len(reference),
        "lost_passages": len(reference.keys() - found.keys()),
        "added_passages": len(found.keys() - reference.keys()),
        "wrong_rows": sum(reference[key] != found[key] for key in shared),
        "wrong_vectors": sum(reference[key].vector != found[key].vector for key in shared),
        "wrong_postings": sum(
            (reference[key].terms, reference[key].length) != (found[key].terms, found[key].length) for key in shared
        ),
        "wrong_texts": sum(reference[key].texts != found[key].texts for key in shared),
    }
