"""Rankings that evaluations keep: files beside the catalogue that name documents, and are reached by an erasure.

The judging half writes them. Here they are only files of a known shape: a gzipped JSON object whose ``partition`` says
whose documents it is about, and whose ``rankings`` and ``absent`` have, by query id, lists of document ids.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from indexing.records import Json, Partition
from indexing.retention.evaluation_files import EVALUATIONS
from indexing.storage.atomic_files import write_atomically
from indexing.storage.permissions import SHARED_FILE

SUFFIX = ".queries.json.gz"
_LISTS = ("rankings", "absent")
ERASED = "(erased)"
"""What stands in a ranking in place of a document that was erased; the others keep their ranks."""


def ids_in_rankings(home: Path, partition: Partition) -> frozenset[str]:
    """The documents of a partition that some kept ranking names."""
    found = (_named(value) for _, value in _files(home) if value is not None and _is_of(value, partition))
    return frozenset().union(*found) - {ERASED}


def count_rankings(home: Path, partition: Partition, ids: Set[str] | None) -> int:
    """How many files of a partition ``erase_from_rankings`` would change."""
    values = [value for _, value in _files(home) if value is not None and _is_of(value, partition)]
    return len(values) if ids is None else sum(bool(ids & _named(value)) for value in values)


def erase_from_rankings(home: Path, partition: Partition, ids: Set[str] | None) -> int:
    """Take documents out of every kept ranking of a partition; ``None`` deletes the files. Says how many were changed.

    A file that cannot be read may name them, and is deleted: evaluations are a cache. Doing it again changes nothing.
    """
    changed = 0
    for path, value in _files(home):
        if value is None or (ids is None and _is_of(value, partition)):
            path.unlink()
        elif ids is not None and _is_of(value, partition) and ids & _named(value):
            write_queries_file(path, {**value, **{name: _without(value[name], ids) for name in _LISTS}})
        else:
            continue
        changed += 1
    return changed


def write_queries_file(path: Path, value: Json) -> None:
    """Write such a file, whole or not at all; equal values are equal bytes.

    Raises:
        StorageFull: the disk has no room.
    """
    content = gzip.compress(json.dumps(value, separators=(",", ":")).encode(), mtime=0)
    write_atomically(path, content, mode=SHARED_FILE)


def read_queries_file(path: Path) -> dict[str, Json] | None:
    """What such a file holds; ``None`` if it is none, or damaged.

    Raises:
        FileNotFoundError: there is no such file.
    """
    content = path.read_bytes()
    try:
        value: Json = json.loads(gzip.decompress(content))
        return value if all(isinstance(value[name], dict) for name in ("partition", *_LISTS)) else None
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError):
        return None


def _files(home: Path) -> Iterator[tuple[Path, dict[str, Json] | None]]:
    for path in sorted((home / EVALUATIONS).glob(f"*{SUFFIX}")):
        yield path, read_queries_file(path)


def _is_of(value: dict[str, Json], partition: Partition) -> bool:
    return bool(value["partition"] == {"tenant": partition.tenant, "collection": partition.collection})


def _named(value: dict[str, Json]) -> set[str]:
    return {document_id for name in _LISTS for ids in value[name].values() for document_id in ids}


def _without(rankings: Mapping[str, list[str]], ids: Set[str]) -> dict[str, list[str]]:
    return {query: [ERASED if one in ids else one for one in ranking] for query, ranking in rankings.items()}
