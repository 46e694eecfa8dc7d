"""Where documents stand: in whatever shard, of a release or of none, readable or not."""

import os

import pytest

from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.errors import ArtefactCorrupt, NotFound
from indexing.records import Document, Partition
from indexing.releases.release import list_releases
from indexing.retention.document_locations import StaleBlock, find_documents, find_stale_blocks
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import describe_snapshot, publish_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from tests.indexing.retention.test_erasure import assert_nothing_is_left, erase_now, files_with, make

OURS, THEIRS = Partition("default", "manual"), Partition("other", "manual")


@pytest.fixture
def built(tiny_home):
    """Two documents of ours and one of theirs, each in a shard of its own, in one release."""
    put_documents(tiny_home.catalogue, OURS, [Document("a", "A", "red apples"), Document("b", "B", "green pears")])
    put_documents(tiny_home.catalogue, THEIRS, [Document("a", "A", "blue plums")])
    make(tiny_home, shard_rows=1)
    return tiny_home


def shard_of(home, text):
    (path,) = (path for path in files_with(home, text) if path.endswith("passages.safetensors"))
    return path.split("/")[1]


def orphan(home, text, partition=OURS):
    """A shard that a build wrote before it was killed; it holds ``late``."""
    before = set(home.storage.list(SHARDS))
    put_documents(home.catalogue, partition, [Document("late", "Late", text)])
    make(home, shard_rows=1)
    with home.catalogue.write() as db:
        db.conn.execute("DELETE FROM releases WHERE build = 2")
    (name,) = set(home.storage.list(SHARDS)) - before
    return name


def test_every_unknown_document_is_named_and_nothing_else_is_touched(built):
    with pytest.raises(NotFound, match="No document 'c' in collection 'manual'"):
        find_documents(built, OURS, frozenset({"a", "c"}))
    with pytest.raises(NotFound, match="No document of collection 'empty' of tenant 'default'"):
        find_documents(built, Partition("default", "empty"), None)


def test_a_document_is_found_in_the_shards_of_its_partition_only(built):
    found = find_documents(built, OURS, frozenset({"a"}))
    assert found.shards == {shard_of(built, b"red apples"): frozenset({"a"})}
    assert (found.releases, found.orphans, len(found.snapshots)) == (("1.1",), (), 1)
    whole = find_documents(built, OURS, None)
    assert (whole.ids, whole.is_whole, len(whole.shards)) == ({"a", "b"}, True, 2)


def test_what_a_killed_build_left_of_the_document_goes_and_the_rest_of_it_stays(built):
    name = orphan(built, "purple grapes")
    (left,) = set(built.storage.list(SNAPSHOTS)) - {one.snapshot for one in list_releases(built.catalogue)}
    found = find_documents(built, OURS, frozenset({"late"}))
    assert (found.shards.keys(), found.orphans, found.releases) == ({name}, (left,), ())
    erase_now(built, {"a"})
    assert name in built.storage.list(SHARDS)
    erase_now(built, {"late"})
    assert name not in built.storage.list(SHARDS)
    assert files_with(built, b"purple") == set()


def damage(home, name):
    file = home.path / SHARDS / name / "passages.safetensors"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1])


def test_a_shard_of_a_release_that_nobody_can_read_stops_the_erasure_before_it_begins(built):
    damage(built, shard_of(built, b"green pears"))
    with pytest.raises(ArtefactCorrupt, match="Shard .* cannot be read, so what it holds is unknown.*groundwork build"):
        find_documents(built, OURS, frozenset({"a"}))
    make(built, shard_rows=1)  # restores it
    erase_now(built, {"a"})
    assert_nothing_is_left(built, set())


def test_any_other_shard_that_nobody_can_read_is_garbage(built):
    name = orphan(built, "purple grapes")
    damage(built, name)
    find_documents(built, OURS, frozenset({"a"}))
    erase_now(built, {"a"})
    assert name not in built.storage.list(SHARDS)


def test_a_shard_without_its_manifest_is_swept_with_what_is_in_it(built):
    name = orphan(built, "purple grapes")
    (built.path / SHARDS / name / "manifest.json").unlink()
    assert files_with(built, b"purple grapes")
    remove_documents(built.catalogue, OURS, ["late"])
    erase_now(built, {"a"})
    assert files_with(built, b"purple grapes") == set()


def test_a_snapshot_of_no_release_that_needs_none_of_its_shards_stays(built):
    keep = shard_of(built, b"blue plums")
    views = type(
        "Views", (), dict.fromkeys(("passage_fingerprint", "embedding_fingerprint", "lexical_fingerprint"), "x")
    )
    manifest = describe_snapshot(views(), "tiny@1", [built.storage.open(SHARDS, keep)])
    publish_snapshot(built.storage, manifest)
    erase_now(built, None)
    assert manifest.id in built.storage.list(SNAPSHOTS)
    assert keep in built.storage.list(SHARDS)


def test_blocks_with_vectors_that_nobody_needs_are_told_with_what_stays(built):
    (kind,) = built.storage.kinds("features")
    (name,) = built.storage.list(kind)
    assert find_stale_blocks(built.storage, {}) == [StaleBlock(kind, name, ())]
    file = built.path / kind / name / "block.safetensors"
    os.truncate(file, 10)
    assert find_stale_blocks(built.storage, {kind: {b"any"}}) == [StaleBlock(kind, name, ())]
