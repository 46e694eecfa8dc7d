import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from app.retrieval.retriever import Retriever
from app.serving.release_pool import ReleasePool
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.changes import Change
from indexing.catalogue.document_versions import ids_in_versions, kept_versions, read_kept_version
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.commands.root import cli
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy, stable_release
from indexing.releases.lifecycle import reject
from indexing.releases.recipe_choices import change_recipe, default_recipe
from indexing.releases.release import find_release, list_releases
from indexing.retention.garbage import collect, disk_use, find_garbage, oldest_seq, retained_releases
from indexing.retention.reachability import needed_keys, retained_recipes
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.snapshot_diff import diff_snapshots
from indexing.storage.store import BUILD_LOCK
from tests.conftest import settings_at
from tests.support.promotions import pin, promote
from tests.support.replays import allow_replays
from tests.support.rollout_home import BEGIN, RECIPES, RolloutHome
from tests.support.tiny_model import add_tiny

OURS = Partition("default", "default")


def write(home, **texts):
    put_documents(home.catalogue, OURS, [Document(name, name, text) for name, text in texts.items()])


def make(home, **choices):
    return build(prepare_build(home, replace(change_recipe(home, default_recipe(home), **choices), shard_rows=1)))


def find(home, keep):
    kept = retained_releases(home.catalogue, keep=keep)
    newest = {home.models.list()[-1].id}
    return kept, list(find_garbage(home.storage, kept, retained_recipes(home, kept), newest, needed_keys(home)))


@pytest.fixture(scope="module")
def grown_once(tmp_path_factory, tiny_files):
    """The folder of a home with four builds of one recipe, each with another text of ``b``."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("grown")))) as home:
        add_tiny(home, tiny_files)
        for number in range(4):
            write(home, a="red apples", b=f"green pears {number}")
            make(home)
    return home.path


@pytest.fixture
def grown(grown_once, tmp_path):
    """A copy of it."""
    shutil.copytree(grown_once, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


def names(garbage, kind):
    return [one.name for one in garbage if one.kind.startswith(kind)]


def test_the_newest_builds_are_kept_and_the_rest_is_garbage(grown):
    kept, garbage = find(grown, keep=2)
    assert [release.number for release in kept] == ["1.3", "1.4"]
    assert len(names(garbage, "snapshots")) == 2
    assert len(names(garbage, "shards")) == 2
    assert all(one.size_bytes > 0 for one in garbage)


def test_vectors_that_no_document_needs_any_more_are_garbage_and_the_others_stay(grown):
    kept, garbage = find(grown, keep=1)
    assert len(names(garbage, "features")) == 2  # the first block holds the vector of ``a`` beside that of ``b``
    collect(grown.catalogue, grown.storage, kept, garbage)
    assert make(grown).embeddings_computed == 0


def test_looking_frees_nothing(grown):
    before = {path: path.stat().st_mtime_ns for path in grown.path.rglob("*.safetensors")}
    find(grown, keep=1)
    assert {path: path.stat().st_mtime_ns for path in grown.path.rglob("*.safetensors")} == before


def test_collecting_retires_releases_frees_files_and_leaves_what_serves(grown):
    stable = stable_release(grown.catalogue)
    kept, garbage = find(grown, keep=1)
    collect(grown.catalogue, grown.storage, kept, garbage)
    assert [release.number for release in list_releases(grown.catalogue)] == ["1.4"]
    assert stable_release(grown.catalogue) == stable
    assert len(grown.storage.list("snapshots")) == 1
    assert find(grown, keep=1)[1] == []
    write(grown, b="new pears")
    assert make(grown).release.number == "1.5"


def test_a_reader_goes_on_with_what_it_has_mapped(grown):
    serving = ReleasePool(grown).refresh()
    write(grown, a="other apples", b="other pears")
    make(grown)
    kept, garbage = find(grown, keep=1)
    collect(grown.catalogue, grown.storage, kept, garbage)
    hits = Retriever().search(serving, OURS, "red apples", k=2).hits
    assert {hit.passage.text for hit in hits} == {"red apples", "green pears 3"}


def test_recipes_to_roll_back_to_and_candidates_are_kept(tiny_home):
    write(tiny_home, a="red apples")
    first = make(tiny_home)
    second = make(tiny_home, language="german")
    deploy(tiny_home.catalogue, second.release.recipe, reason="x", actor="x")
    candidate = make(tiny_home, language="french")
    kept = {release.recipe for release in retained_releases(tiny_home.catalogue, keep=2)}
    assert kept == {first.release.recipe, second.release.recipe, candidate.release.recipe}
    assert {r.recipe for r in retained_releases(tiny_home.catalogue, keep=1)} == {
        second.release.recipe,
        candidate.release.recipe,
    }


def test_vectors_of_every_kept_recipe_stay_where_two_passage_views_share_an_embedding_view(tiny_home):
    write(tiny_home, a="red apples and green pears")
    first = make(tiny_home)
    make(tiny_home, view="first-256")
    kept, garbage = find(tiny_home, keep=2)
    assert len({release.recipe for release in kept}) == 2
    assert names(garbage, "features") == []
    collect(tiny_home.catalogue, tiny_home.storage, kept, garbage)
    for release in kept:
        for shard in read_snapshot(tiny_home.storage, release.snapshot).shards:
            tiny_home.storage.delete("shards", shard.name)
    assert make(tiny_home).embeddings_computed == 0
    assert make(tiny_home, view="first-256").embeddings_computed == 0
    assert first.embeddings_computed > 0


def test_what_killed_publishers_left_is_swept(grown):
    draft = grown.path / "shards" / ".x.123.tmp"
    draft.mkdir()
    (draft / "half").write_bytes(b"x")
    kept, garbage = find(grown, keep=4)
    collect(grown.catalogue, grown.storage, kept, garbage)
    assert not draft.exists()


def test_the_command_only_says_what_it_would_free_until_told_to(grown):
    def run(*arguments):
        return CliRunner().invoke(cli, ["--home", str(grown.path), "gc", "--keep", "1", *arguments])

    shown = json.loads(run("--json").stdout)
    assert (shown["freed"], shown["kept"]) == (False, ["1.4"])
    assert shown["size_bytes"] > 0
    assert "would free" in run().output
    assert "freed" in run("--yes").output
    assert json.loads(run("--json").stdout)["garbage"] == []


def test_nothing_is_collected_while_a_build_runs(grown):
    with grown.storage.lock(BUILD_LOCK):
        result = CliRunner().invoke(cli, ["--home", str(grown.path), "gc", "--yes"])
    assert result.exit_code == 1
    assert "Another build" in result.output


def test_disk_use_tells_shared_bytes_from_own(grown):
    uses = disk_use(grown.storage, list_releases(grown.catalogue))
    assert [use.release for use in uses] == ["1.1", "1.2", "1.3", "1.4"]
    assert all(0 < use.own_bytes < use.size_bytes for use in uses)


def test_two_snapshots_differ_in_exactly_what_was_written_between(grown):
    before = find_release(grown.catalogue, "1.4")
    remove_documents(grown.catalogue, OURS, ["a"])
    write(grown, b="changed pears", c="blue plums")
    after = make(grown).release
    diff = diff_snapshots(
        grown.storage, *(read_snapshot(grown.storage, release.snapshot) for release in (before, after))
    )
    assert diff.added == ("default/default/c",)
    assert diff.removed == ("default/default/a",)
    assert diff.changed == ("default/default/b",)
    same = diff_snapshots(grown.storage, *[read_snapshot(grown.storage, after.snapshot)] * 2)
    assert (same.added, same.removed, same.changed, same.shards_shared) == ((), (), (), 2)


def test_a_retained_snapshot_that_cannot_be_read_stops_everything(grown):
    shutil.rmtree(grown.path / "snapshots" / stable_release(grown.catalogue).snapshot)
    result = CliRunner().invoke(cli, ["--home", str(grown.path), "gc", "--yes"])
    assert result.exit_code == 1
    assert len(grown.storage.list("snapshots")) == 3


def test_versions_of_live_writes_and_their_vectors_stay_while_an_older_release_is_retained(tiny_home):
    allow_replays(tiny_home, OURS.tenant)
    for number in range(3):
        live = Document("b", "b", f"green pears {number}")
        put_documents(tiny_home.catalogue, OURS, [live], live=True)
        make(tiny_home)
    seqs = [release.seq for release in list_releases(tiny_home.catalogue)]

    def find_needed(keep):
        kept = retained_releases(tiny_home.catalogue, keep=keep)
        needed = needed_keys(tiny_home, since=oldest_seq(kept, tiny_home.catalogue))
        newest = {tiny_home.models.list()[-1].id}
        return kept, list(find_garbage(tiny_home.storage, kept, retained_recipes(tiny_home, kept), newest, needed))

    kept, garbage = find_needed(keep=2)
    assert len(names(garbage, "features")) == 1  # that of the first version, which was ended before both releases
    collect(tiny_home.catalogue, tiny_home.storage, kept, garbage)
    read = [read_kept_version(tiny_home.catalogue, Change(OURS, "b", seq)) for seq in seqs]
    assert [version and version.text for version in read] == [None, "green pears 1", "green pears 2"]

    kept, garbage = find_needed(keep=1)
    assert len(names(garbage, "features")) == 1
    collect(tiny_home.catalogue, tiny_home.storage, kept, garbage)
    assert ids_in_versions(tiny_home.catalogue, OURS) == frozenset()


def recipes_kept(bench, **choices):
    return {one.recipe for one in retained_releases(bench.catalogue, keep=1, now=bench.now(), **choices)}


def test_what_is_pinned_on_standby_or_in_a_rollout_is_kept(home):
    bench = RolloutHome(home.catalogue)
    made_at = datetime.fromisoformat(list_releases(home.catalogue)[0].created_at)
    bench.seconds = begin = (made_at - BEGIN).total_seconds() + 3600
    for recipe in range(2, RECIPES + 1):
        deploy(home.catalogue, recipe, reason="x", actor="x")
    assert recipes_kept(bench) == {RECIPES}
    pin(home.catalogue, "a", 2, bench.by(), max_recipes=4)
    canary = bench.canary(3)
    assert recipes_kept(bench) == {2, 3, RECIPES}
    reject(home.catalogue, canary, bench.by())
    promote(home.catalogue, 4, bench.by(), max_recipes=4, standby_seconds=60)
    assert recipes_kept(bench) == {2, 4, RECIPES}
    bench.seconds = begin + 61
    assert recipes_kept(bench) == {2, 4}


def test_builds_younger_than_some_days_are_kept_whatever_their_recipe(home):
    bench = RolloutHome(home.catalogue)
    deploy(home.catalogue, RECIPES, reason="x", actor="x")
    made_at = list_releases(home.catalogue)[0].created_at
    later = (datetime.fromisoformat(made_at) + timedelta(days=2)).isoformat(timespec="milliseconds")
    assert {one.recipe for one in retained_releases(bench.catalogue, keep=1, days=3, now=later)} == set(
        range(1, RECIPES + 1)
    )
    assert {one.recipe for one in retained_releases(bench.catalogue, keep=1, days=1, now=later)} == {RECIPES}


@pytest.mark.parametrize("by", ["build", "gc"])
def test_versions_that_were_ended_before_the_ledgers_oldest_day_go_whatever_is_retained(tiny_home, by):
    allow_replays(tiny_home, OURS.tenant)
    put_documents(tiny_home.catalogue, OURS, [Document("a", "a", "red apples")])
    make(tiny_home)
    for number in range(3):
        put_documents(tiny_home.catalogue, OURS, [Document("b", "b", f"green pears {number}")], live=True)
    versions = [(document.text, key.id) for key, document in kept_versions(tiny_home.catalogue, -1)]
    assert versions == [("green pears 0", "b"), ("green pears 1", "b")]
    with tiny_home.catalogue.write() as db:
        db.conn.execute(
            "UPDATE document_versions SET ended_at = '2020-01-01T00:00:00.000+00:00' WHERE seq = 1 + ?",
            (list_releases(tiny_home.catalogue)[0].seq,),
        )
    if by == "build":
        make(tiny_home)
    else:
        run = CliRunner().invoke(cli, ["--home", str(tiny_home.path), "gc", "--yes"])
        assert run.exit_code == 0, run.output
    assert [document.text for _, document in kept_versions(tiny_home.catalogue, -1)] == ["green pears 1"]
