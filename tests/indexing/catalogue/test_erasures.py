"""The record of erasures knows ids only until they are forgotten, and what was rewritten for ever."""

import hashlib

from indexing.catalogue.erasures import (
    begin_erasure,
    finish_erasure,
    forget_ids,
    ids_to_erase,
    last_erasure_of,
    list_erasures,
    list_rewrites,
    point_releases,
    unfinished_erasures,
)
from indexing.records import Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import record_recipe
from indexing.releases.release import list_releases, record_release

OURS, THEIRS = Partition("default", "manual"), Partition("other", "manual")


def test_ids_are_known_until_they_are_forgotten_and_their_hashes_stay(home):
    number = begin_erasure(home.catalogue, OURS, ["a", "ü"])
    assert ids_to_erase(home.catalogue, number) == {"a", "ü"}
    forget_ids(home.catalogue, number)
    assert ids_to_erase(home.catalogue, number) == frozenset()
    hashes = {row["id_sha256"] for row in home.catalogue.rows("SELECT id_sha256 FROM erased_documents")}
    assert hashes == {hashlib.sha256(name.encode()).hexdigest() for name in ("a", "ü")}
    assert [one.documents for one in list_erasures(home.catalogue)] == [2]


def test_an_erasure_is_unfinished_until_it_is_done(home):
    first, second = (begin_erasure(home.catalogue, OURS, [name]) for name in "ab")
    forget_ids(home.catalogue, first)
    assert [(one.id, one.state) for one in unfinished_erasures(home.catalogue)] == [
        (first, "compacting"),
        (second, "running"),
    ]
    finish_erasure(home.catalogue, first)
    assert [one.id for one in unfinished_erasures(home.catalogue)] == [second]
    assert list_erasures(home.catalogue)[0].finished_at


def test_the_newest_erasure_of_a_document_is_found_by_partition_and_hash(home):
    begin_erasure(home.catalogue, OURS, ["a"])
    newest = begin_erasure(home.catalogue, OURS, ["a", "b"])
    begin_erasure(home.catalogue, THEIRS, ["c"])
    assert last_erasure_of(home.catalogue, OURS, "a").id == newest
    assert last_erasure_of(home.catalogue, OURS, "c") is None
    assert last_erasure_of(home.catalogue, THEIRS, "a") is None


def test_every_release_of_a_snapshot_is_pointed_at_the_new_one_but_retired_ones_are_history(tiny_home):
    catalogue = tiny_home.catalogue
    recipe = record_recipe(catalogue, default_recipe(tiny_home)).number
    for snapshot in ("old", "other", "old"):
        record_release(catalogue, recipe, snapshot, seq=1, actor="x")
    with catalogue.write() as db:
        db.conn.execute("UPDATE releases SET retired_at = 'now' WHERE build = 1")
    number = begin_erasure(catalogue, OURS, ["a"])
    for _ in range(2):
        point_releases(catalogue, number, {"old": "new"})
    assert [(one.number, one.snapshot) for one in list_releases(catalogue)] == [("1.2", "other"), ("1.3", "new")]
    assert [(one.release, one.old_snapshot, one.new_snapshot) for one in list_rewrites(catalogue)] == [
        ("1.3", "old", "new")
    ]
