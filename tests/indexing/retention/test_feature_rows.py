"""Values leave with their documents, and a view's values only when no recipe that may serve uses them."""

from dataclasses import replace

import pytest

from indexing.catalogue.changes import forget_changes
from indexing.catalogue.collections import remove_collection
from indexing.catalogue.document_features import ids_in_features, stored_views
from indexing.catalogue.document_writes import remove_documents
from indexing.errors import InvalidInput
from indexing.features.boosts import Boost
from indexing.features.materialise import Push, materialise, push
from indexing.features.view_registry import document_views
from indexing.features.views import DOCUMENT_STATS
from indexing.releases.release import list_releases
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.feature_rows import recipes_using, remove_view_values
from indexing.retention.garbage import collect
from indexing.retention.tenant_erasure import partitions_of
from tests.support.document_features import CLICKS, after
from tests.support.fresh_home import OURS, RECIPE, THEIRS, FreshHome, article

MARKER = "quibblethwick"
BOOSTED = replace(
    RECIPE,
    retrieval=replace(RECIPE.retrieval, boosts=(Boost("clicks:clicks", 1.0, 10.0),)),
    document_views=(CLICKS,),
)


@pytest.fixture
def fresh(tmp_path):
    made = FreshHome(tmp_path / "home")
    for partition in (OURS, THEIRS):
        made.put(article("one"), article("two"), partition=partition, live=False)
        rows = [
            Push(name, after(0).isoformat(), {"clicks": 1, "by": f"{MARKER}-{partition.tenant}-{name}"})
            for name in ("one", "two")
        ]
        push(made.home.catalogue, CLICKS, partition, rows)
    materialise(made.home.catalogue, DOCUMENT_STATS)
    yield made
    made.close()


def ids(fresh, partition=OURS):
    return ids_in_features(fresh.home.catalogue, partition)


def files_with(fresh, text):
    return [path for path in fresh.home.path.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def erase_now(fresh, names):
    found = find_documents(fresh.home, OURS, names)
    return erase(fresh.home, found, lambda leave_out: {}, wait=lambda seconds: None)


def test_an_erased_documents_values_are_in_no_file_any_more(fresh):
    assert files_with(fresh, f"{MARKER}-a-one")
    erase_now(fresh, frozenset({"one"}))
    assert (ids(fresh), ids(fresh, THEIRS)) == ({"two"}, {"one", "two"})
    assert files_with(fresh, f"{MARKER}-a-one") == []
    assert all(files_with(fresh, f"{MARKER}-{other}") for other in ("a-two", "b-one"))


def test_a_tenants_whole_collection_leaves_nothing_of_its_values_in_any_file(fresh):
    erase_now(fresh, None)
    assert ids(fresh) == frozenset()
    assert files_with(fresh, f"{MARKER}-a-") == []
    assert files_with(fresh, f"{MARKER}-b-")


def test_values_of_a_document_that_was_deleted_before_can_be_erased_by_its_id(fresh):
    remove_documents(fresh.home.catalogue, OURS, ["one"])
    with fresh.home.catalogue.write() as db:
        forget_changes(db, fresh.home.catalogue.sequence())  # nothing else knows of it any more
    assert erase_now(fresh, frozenset({"one"})).documents == 1
    assert ids(fresh) == {"two"}


def test_the_values_of_a_collection_that_was_removed_are_found_with_its_tenant(fresh):
    remove_collection(fresh.home.catalogue, OURS)
    with fresh.home.catalogue.write() as db:
        forget_changes(db, fresh.home.catalogue.sequence())
    assert partitions_of(fresh.home, OURS.tenant) == [OURS]
    erase_now(fresh, None)
    assert files_with(fresh, f"{MARKER}-a-") == []
    assert partitions_of(fresh.home, OURS.tenant) == []


def test_garbage_collection_takes_the_values_of_deleted_documents_and_no_others(fresh):
    remove_documents(fresh.home.catalogue, OURS, ["one"])
    assert ids(fresh) == {"one", "two"}
    collect(fresh.home.catalogue, fresh.home.storage, list_releases(fresh.home.catalogue), [])
    assert (ids(fresh), ids(fresh, THEIRS)) == ({"two"}, {"one", "two"})


def test_a_view_that_a_retained_recipe_uses_keeps_its_values(fresh):
    number = fresh.build(BOOSTED).release.recipe
    assert recipes_using(fresh.home, CLICKS) == [number]
    with pytest.raises(InvalidInput, match=f"used by recipe {number}"):
        remove_view_values(fresh.home, CLICKS)
    assert CLICKS.fingerprint in stored_views(fresh.home.catalogue)
    assert remove_view_values(fresh.home, DOCUMENT_STATS) == 4
    assert set(stored_views(fresh.home.catalogue)) == {CLICKS.fingerprint}


def test_a_view_whose_recipe_was_retired_gives_its_values_up_and_keeps_its_definition(fresh):
    fresh.build(BOOSTED)
    later = fresh.build(RECIPE)
    fresh.deploy(later.release.recipe)
    collect(fresh.home.catalogue, fresh.home.storage, [later.release], [])
    assert recipes_using(fresh.home, CLICKS) == []
    assert remove_view_values(fresh.home, CLICKS) == 4
    assert CLICKS in document_views(fresh.home.catalogue)
