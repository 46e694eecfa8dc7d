"""What frees space works when there is none left, in the room of the reserve, on a disk that is really full."""

import json
import shutil
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.jobs import list_jobs
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
from tests.conftest import settings_at
from tests.support.full_disk import fill_disk
from tests.support.tiny_model import add_tiny

OURS = Partition("default", "manual")
DISK = pytest.mark.parametrize("small_disk", ["40m"], indirect=True)
"""Four times the reserve, and the home."""
LARGE = "pears and quinces " * 2_000
"""36 kilobytes of text."""


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, tiny_files):
    """The folder of a home of four builds, closed."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("built")))) as home:
        add_tiny(home, tiny_files)
        for number in range(4):
            text = f"pears {number} " * 99
            put_documents(home.catalogue, OURS, [Document("a", "", "red apples"), Document("b", "", text)])
            build(prepare_build(home, default_recipe(home)))
    return home.path


@pytest.fixture
def settings(small_disk, built_once, monkeypatch):
    """A copy of it on the small disk, closed, with a reserve of the size that homes have."""
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 8 << 20)
    settings = Settings(home=small_disk / "home", sessions=1)
    shutil.copytree(built_once, settings.home, ignore=lambda folder, names: {"reserve"} & {*names})
    open_home(settings).close()
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
        home.reserve.run(lambda: remove_documents(home.catalogue, OURS, ["b"]))
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
    filler.write_bytes(bytes(26 << 20))  # too little is left for another one
    assert "reserve: none is left; free: " in run(settings, "disk")
    assert json.loads(run(settings, "disk", "--json"))[0]["release"] == "1.1"


@DISK
def test_no_write_takes_the_room_that_was_given_up_so_that_space_can_be_freed_until_there_is_room(settings, small_disk):
    filler = fill_disk(small_disk)
    home = open_home(settings)
    home.reserve.run(lambda: remove_documents(home.catalogue, OURS, ["b"]))
    assert home.reserve.size_bytes == 0
    left_bytes = home.reserve.free_bytes
    context = prepare_build(home, default_recipe(home))
    for number in range(40):
        with pytest.raises(StorageFull, match="run 'groundwork gc --yes'"):
            put_documents(home.catalogue, OURS, [Document(f"large-{number}", "", LARGE)])
        with pytest.raises(StorageFull), home.storage.publish("things", "large") as draft:
            (draft.path / "bytes").write_bytes(bytes(1 << 20))
    with pytest.raises(StorageFull):
        build(context)
    assert home.reserve.free_bytes == left_bytes
    home.reserve.run(lambda: remove_documents(home.catalogue, OURS, ["a"]))
    home.close()
    for document in ("a", "b"):
        run(settings, "gc", "--keep", "2", "--yes")
        run(settings, "erase", "--collection", "manual", document, "--yes")
    assert [one["state"] for one in json.loads(run(settings, "erasures", "list", "--json"))] == ["done", "done"]
    filler.unlink()
    home = open_home(settings)
    assert home.reserve.size_bytes == 8 << 20
    put_documents(home.catalogue, OURS, [Document("large", "", LARGE)])
    assert build(prepare_build(home, default_recipe(home))).is_new
    home.close()


@DISK
def test_how_a_build_ended_is_written_down_without_the_reserve(settings, small_disk):
    home = open_home(settings)
    put_documents(home.catalogue, OURS, [Document("large", "", LARGE)])
    context = prepare_build(home, default_recipe(home))

    def run_out_of_room(stage, done, total):
        if home.reserve.give_up():
            (small_disk / "filler").write_bytes(bytes(home.reserve.free_bytes - (8 << 20)))

    with pytest.raises(StorageFull, match="run 'groundwork gc --yes'"):
        build(replace(context, on_progress=run_out_of_room))
    assert [job.state for job in list_jobs(home.catalogue)][:1] == ["failed"]
    home.close()


@DISK
def test_a_scratch_home_leaves_the_reserve_of_the_home_around_it_its_room(settings, small_disk):
    home = open_home(settings)
    scratch = open_home(settings, settings.home / "scratch" / "one")
    fill_disk(small_disk)
    home.reserve.give_up()
    with pytest.raises(StorageFull, match="run 'groundwork gc --yes'"):
        put_documents(scratch.catalogue, OURS, [Document("a", "", "red apples")])
    assert home.reserve.free_bytes >= 8 << 20
    scratch.close()
    home.close()


@DISK
def test_a_key_and_a_tenant_are_revoked_and_a_release_is_deployed_by_command_on_a_full_disk(settings, small_disk):
    key = json.loads(run(settings, "keys", "create", "--json"))["id"]
    run(settings, "tenants", "create", "acme")
    fill_disk(small_disk)
    assert json.loads(run(settings, "keys", "revoke", key, "--json"))["revoked_at"]
    assert json.loads(run(settings, "tenants", "revoke", "acme", "--yes", "--json"))["revoked_at"]
    assert "is in service" in run(settings, "releases", "deploy", "1.1", "--reason", "an earlier one was better")
