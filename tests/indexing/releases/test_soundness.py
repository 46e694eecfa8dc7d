"""What was tampered with is refused by name before it serves, and so is an encoder that cannot search its snapshot."""

import json
import shutil
from contextlib import closing
from dataclasses import replace

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.errors import ArtefactCorrupt, BuildFailed, ModelMismatch, ReleaseNotGated
from indexing.features.views import EMBEDDING_VIEWS, FIRST_256, lexical_view
from indexing.home import open_home
from indexing.indexes.ivf_index import IvfInfo
from indexing.records import Document, Partition, canonical_json
from indexing.releases.recipe_choices import recipe_in_service
from indexing.releases.recipes import read_recipe
from indexing.releases.soundness import require_promotable, require_sound, require_whole
from indexing.snapshots.manifest import MANIFEST_FILE, read_snapshot
from indexing.storage.store import MANIFEST
from tests.conftest import settings_at
from tests.support.promotions import gated
from tests.support.tiny_model import add_tiny

TEXTS = [Document(f"doc-{n}", f"Title {n}", f"The words of document {n}.") for n in range(3)]


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, tiny_files):
    """The folder of a home with one release of three documents, and the release."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("built")))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, Partition("default", "default"), TEXTS)
        return home.path, build(prepare_build(home, recipe_in_service(home))).release


@pytest.fixture
def built(built_once, tmp_path):
    """A copy of it, whose files a test may change."""
    folder, release = built_once
    shutil.copytree(folder, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home, release


def change(path, edit):
    """Change a JSON file and leave it valid."""
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_bytes(canonical_json(content))


def test_an_untouched_release_may_serve(built):
    home, release = built
    require_sound(home, release, read_recipe(home.catalogue, release.recipe))
    require_promotable(home, release.recipe)


@pytest.mark.parametrize("edit", [lambda text: text.replace("0.45", "0.54"), lambda text: text[:-1]])
def test_a_recipe_whose_manifest_was_changed_is_refused_by_name(built, edit):
    home, release = built
    with home.catalogue.write() as db:
        (stored,) = db.conn.execute("SELECT manifest FROM recipes WHERE number = 1").fetchone()
        assert edit(stored) != stored
        db.conn.execute("UPDATE recipes SET manifest = ? WHERE number = 1", (edit(stored),))
    with pytest.raises(ArtefactCorrupt, match="Recipe 1 is not the one that was recorded"):
        read_recipe(home.catalogue, release.recipe)
    with pytest.raises(ArtefactCorrupt, match="Recipe 1"):
        require_promotable(home, release.recipe)


def test_a_snapshot_whose_manifest_was_changed_is_refused_by_name(built):
    home, release = built
    change(home.path / "snapshots" / release.snapshot / MANIFEST_FILE, lambda one: one.update(model="tiny@2"))
    with pytest.raises(ArtefactCorrupt, match=release.snapshot):
        require_promotable(home, release.recipe)


def test_a_shard_whose_manifest_was_changed_is_refused_by_name(built):
    home, release = built
    (shard,) = read_snapshot(home.storage, release.snapshot).shards
    change(home.path / "shards" / shard.name / MANIFEST, lambda one: one["info"].update(rows=2))
    with pytest.raises(ArtefactCorrupt, match=shard.name):
        require_promotable(home, release.recipe)


@pytest.mark.parametrize("edit", [{"max_tokens": 32}, {"prompts": {"query": "find: ", "document": ""}}])
@pytest.mark.parametrize("where", ["files", "catalogue"])
def test_a_model_whose_manifest_was_changed_is_refused_by_name(built, where, edit):
    home, release = built
    if where == "files":
        change(home.path / "models" / "tiny@1" / MANIFEST, lambda one: one["info"].update(edit))
    else:
        with home.catalogue.write() as db:
            (stored,) = db.conn.execute("SELECT manifest FROM models").fetchone()
            db.conn.execute("UPDATE models SET manifest = ?", (json.dumps({**json.loads(stored), **edit}),))
    with pytest.raises(ArtefactCorrupt, match=f"Model tiny@1 is not the one .* differ in {next(iter(edit))}"):
        require_sound(home, release, read_recipe(home.catalogue, release.recipe))


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        ({"model": "other@1"}, "model tiny@1, and recipe 1 has other@1"),
        ({"embedding": EMBEDDING_VIEWS["fp32"]}, "embedding view's fingerprint"),
        ({"passage": FIRST_256}, "passage view's fingerprint"),
        ({"lexical": lexical_view("none")}, "lexical view's fingerprint"),
    ],
)
def test_an_encoder_that_cannot_search_the_snapshot_is_refused(built, register_tiny, edit, what):
    home, release = built
    register_tiny(home, "other")
    recipe = replace(read_recipe(home.catalogue, release.recipe), **edit)
    with pytest.raises(ModelMismatch, match=rf"Release 1\.1 cannot serve: snapshot {release.snapshot}.*{what}"):
        require_sound(home, release, recipe)


def test_an_encoder_of_another_dimension_is_refused(built):
    home, release = built
    (shard,) = read_snapshot(home.storage, release.snapshot).shards
    change(home.path / "shards" / shard.name / MANIFEST, lambda one: one["info"].update(dimension=17))
    with pytest.raises(ModelMismatch, match="with the dimension 17, and recipe 1 has 16"):
        require_sound(home, release, read_recipe(home.catalogue, release.recipe))


@pytest.mark.parametrize(("judged", "inherits"), [(6, True), (7, False)])
def test_a_build_that_holds_less_than_half_of_what_was_judged_does_not_inherit_the_verdict(built, judged, inherits):
    home, release = built
    gated(home.catalogue, release.recipe, baseline=None, release="1.0", evidence={"passages": judged})
    require_promotable(home, release.recipe, is_overridden=True)
    if inherits:
        require_promotable(home, release.recipe)
        return
    with pytest.raises(
        ReleaseNotGated, match=r"Release 1\.1 does not inherit .* release 1\.0: it holds 3 passages, and 7"
    ):
        require_promotable(home, release.recipe)


def test_the_build_that_was_judged_itself_has_nothing_to_inherit(built):
    home, release = built
    gated(home.catalogue, release.recipe, baseline=None, release="1.1", evidence={"passages": 700})
    require_promotable(home, release.recipe)


def with_recall(snapshot, recall):
    """A snapshot whose first shard has an approximate index."""
    lists = IvfInfo(lists=2, probes=1, recall_at_10=recall, queries=10, min_recall=0.95)
    first = snapshot.shards[0]
    return replace(snapshot, shards=(replace(first, facts=replace(first.facts, lists=lists)),))


def test_a_snapshot_that_is_not_what_was_planned_is_not_released(built):
    home, release = built
    snapshot = read_snapshot(home.storage, release.snapshot)
    planned = {shard.name: shard.rows for shard in snapshot.shards}
    require_whole(snapshot, planned)
    with pytest.raises(BuildFailed, match="holds 3 passages and 4 were planned"):
        require_whole(snapshot, {name: rows + 1 for name, rows in planned.items()})
    with pytest.raises(BuildFailed, match="shards other differ"):
        require_whole(snapshot, {**planned, "other": 1})
    require_whole(with_recall(snapshot, 0.95), planned)
    with pytest.raises(BuildFailed, match=r"recall@10 0\.940, and 0\.950 is needed"):
        require_whole(with_recall(snapshot, 0.94), planned)
