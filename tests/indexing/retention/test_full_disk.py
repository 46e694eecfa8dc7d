"""What frees space works when there is none left, in the room of the reserve, on a disk that is really full."""

import json

import pytest
from click.testing import CliRunner

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.commands.root import cli
from indexing.errors import StorageFull
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.release import list_releases
from indexing.retention.document_locations import look
from indexing.settings import Settings
from indexing.snapshots.manifest import read_snapshot, verify_snapshot
from indexing.storage import reserve
from tests.support.full_disk import fill_disk

OURS = Partition("default", "manual")
DISK = pytest.mark.parametrize("small_disk", ["40m"], indirect=True)
"""Four times the reserve, and the home."""


@pytest.fixture
def settings(small_disk, register_tiny, monkeypatch):
    """A home of four builds on the small disk, closed, with a reserve of the size that homes have."""
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 8 << 20)
    settings = Settings(home=small_disk / "home", sessions=1)
    home = open_home(settings)
    register_tiny(home)
    for number in range(4):
        text = f"pears {number} " * 99
        put_documents(home.catalogue, OURS, [Document("a", "", "red apples"), Document("b", "", text)])
        build(prepare_build(home, default_recipe(home)))
    home.close()
    assert (settings.home / "reserve").stat().st_size == 8 << 20
    return settings


def run(settings, *arguments):
    result = CliRunner().invoke(cli, ["--home", str(settings.home), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@DISK
def test_without_the_reserve_a_full_disk_lets_nothing_be_deleted(settings, small_disk):
    home = open_home(settings)
    (settings.home / "reserve").unlink()
    fill_disk(small_disk)
    with pytest.raises(StorageFull):
        remove_documents(home.catalogue, OURS, ["b"])
    home.close()


@DISK
def test_documents_are_deleted_from_a_full_disk_while_others_have_the_catalogue_open(settings, small_disk):
    home = open_home(settings)
    fill_disk(small_disk)
    home.reserve.run(lambda: remove_documents(home.catalogue, OURS, ["b"]))
    assert look(home, OURS, None).in_catalogue == {"a"}
    home.close()


@DISK
def test_garbage_is_freed_on_a_full_disk_and_the_reserve_is_made_again(settings, small_disk):
    filler = fill_disk(small_disk)
    told = json.loads(run(settings, "gc", "--keep", "1", "--json"))
    assert told["garbage"]
    freed = json.loads(run(settings, "gc", "--keep", "1", "--yes", "--json"))
    assert freed["garbage"] == told["garbage"]
    assert json.loads(run(settings, "gc", "--keep", "1", "--json"))["garbage"] == []
    filler.unlink()
    assert "reserve: 8.4 MB, given up first when the disk is full; free: " in run(settings, "disk")


@DISK
def test_a_document_is_erased_on_a_full_disk_from_every_release(settings, small_disk):
    fill_disk(small_disk)
    told = json.loads(run(settings, "erase", "--collection", "manual", "b", "--json"))
    assert told["erasures"][0]["shards"] > 1
    run(settings, "erase", "--collection", "manual", "b", "--yes", "--json")
    home = open_home(settings)
    assert look(home, OURS, {"b"}).ids == set()
    for release in list_releases(home.catalogue):
        assert verify_snapshot(home.storage, read_snapshot(home.storage, release.snapshot)) == {}
    home.close()
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert not any(b"pears" in path.read_bytes() for path in files)


@DISK
def test_a_home_that_lost_its_reserve_says_so(settings, small_disk):
    (settings.home / "reserve").unlink()
    filler = small_disk / "filler"
    filler.write_bytes(bytes(20 << 20))  # too little is left for another one
    assert "reserve: none is left; free: " in run(settings, "disk")
    assert json.loads(run(settings, "disk", "--json"))[0]["release"] == "1.1"
