"""How what is found of a document came to be: how it was cut and encoded, by which job, and where it stands."""

from dataclasses import asdict, dataclass

import numpy as np

from indexing.catalogue.jobs import job_of_release
from indexing.catalogue.releases import stable_recipe
from indexing.errors import NotFound
from indexing.home import Home
from indexing.records import Json, Partition
from indexing.releases.lineage import view_uses
from indexing.releases.recipes import read_recipe
from indexing.releases.release import Release, find_release, list_releases
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import StoredPassage, open_shard

_OF_PASSAGES = ("passage", "embedding", "lexical")
"""The views that make a passage what it is; others belong to queries and to ranking."""


@dataclass(frozen=True, slots=True)
class StoredIn:
    """A document as a release holds it: in which shard, cut into which passages, in reading order."""

    release: Release
    shard: str
    passages: tuple[StoredPassage, ...]


def releases_holding(home: Home, partition: Partition, document_id: str) -> list[StoredIn]:
    """A document in every release that holds it, as ``list_releases`` orders them."""
    found = (find_in(home, one, partition, document_id) for one in list_releases(home.catalogue))
    return [one for one in found if one is not None]


def find_in(home: Home, release: Release, partition: Partition, document_id: str) -> StoredIn | None:
    """A document in a release, or ``None`` where the release does not hold it.

    Raises:
        GroundworkError: the snapshot or a shard of it cannot be read.
    """
    for use in read_snapshot(home.storage, release.snapshot).shards:
        if any(part.partition == partition for part in use.facts.partitions):
            shard = open_shard(home.storage.open(SHARDS, use.name))
            documents = shard.find(partition, [document_id])
            if documents.any():
                rows = np.flatnonzero(shard.rows_of(partition, documents)) + shard.partitions[partition].start
                passages = sorted(map(shard.passage, rows.tolist()), key=lambda passage: passage.ordinal)
                return StoredIn(release, use.name, tuple(passages))
    return None


def choose(home: Home, held: list[StoredIn], release: str | None) -> StoredIn | None:
    """Of the releases that hold a document the one that is named, else the one in service, else the newest.

    Raises:
        NotFound: the release that is named does not hold it, or is none.
    """
    if release is not None:
        number = find_release(home.catalogue, release).number
        named = next((one for one in held if one.release.number == number), None)
        if named is None:
            there = ", ".join(one.release.number for one in held) or "none"
            raise NotFound(f"Release {number} does not hold the document; those that do: {there}.")
        return named
    newest = sorted(held, key=lambda one: one.release.created_at, reverse=True)
    stable = stable_recipe(home.catalogue)
    return next((one for one in newest if one.release.recipe == stable), newest[0] if newest else None)


def built_as(home: Home, stored: StoredIn) -> dict[str, Json]:
    """What made a document's passages in a release, as JSON: job, model, views, snapshot and shard.

    Raises:
        NotFound: the recipe's model is not registered any more.
    """
    release = stored.release
    recipe = read_recipe(home.catalogue, release.recipe)
    job = job_of_release(home.catalogue, release.recipe, release.created_at)
    return {
        "release": release.number,
        "built_at": release.created_at,
        "seq": release.seq,
        "job": None if job is None else asdict(job),
        "model": recipe.model,
        "views": [asdict(view) for view in view_uses(home, recipe) if view.kind in _OF_PASSAGES],
        "snapshot": release.snapshot,
        "shard": stored.shard,
        "passages": len(stored.passages),
    }


def passage_record(passage: StoredPassage) -> dict[str, Json]:
    """Where a passage stands in its document's text, and what stands above it; not the text."""
    return {
        "id": passage.id,
        "ordinal": passage.ordinal,
        "start": passage.start,
        "end": passage.end,
        "headings": list(passage.headings),
        "table_heading": passage.table_heading,
    }
