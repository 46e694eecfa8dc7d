"""Manifests that say something else than was written are damaged or of another format, by name, and never a crash."""

import json
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from hypothesis import given

from indexing.backups.manifest import MANIFEST_FILE, read_manifest
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.errors import ArtefactCorrupt, FormatUnknown, InvalidInput, NotFound
from indexing.features.materialise import now_utc, push_from_json
from indexing.home import open_home
from indexing.models.registry import model_version
from indexing.records import Document, Partition, fingerprint
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import Recipe, recipe_from_manifest
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import read_shard_manifest
from tests.conftest import settings_at
from tests.support.mutations import changed, damaged, examples
from tests.support.tiny_model import add_tiny

NAMED = (ArtefactCorrupt, FormatUnknown, NotFound)


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_files):
    """The manifests of all that a release is made of, as JSON; strategies change copies of them."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("made")))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, Partition("default", "a"), [Document("a", "A", "A text of a document.")])
        recipe = default_recipe(home)
        snapshot = read_snapshot(home.storage, build(prepare_build(home, recipe)).release.snapshot)
        return {
            "recipe": json.loads(json.dumps(recipe.manifest)),
            "snapshot": snapshot.to_json(),
            "model": home.models.get(recipe.model).manifest.to_json(),
            "shard": home.storage.open(SHARDS, snapshot.shards[0].name),
        }


def require_named(read, *errors):
    """What is read, or ``None`` where that is refused as it may be."""
    with suppress(*errors):
        return read()
    return None


def test_a_changed_recipe_is_a_recipe_or_not_read(made):
    @examples(150)
    @given(manifest=changed(made["recipe"]))
    def read(manifest):
        found = require_named(lambda: recipe_from_manifest(manifest), *NAMED)
        assert found is None or isinstance(found, Recipe)

    read()
    assert recipe_from_manifest(made["recipe"]).manifest == made["recipe"]


def test_a_changed_snapshot_is_another_or_not_read(made):
    @examples(150)
    @given(manifest=changed(made["snapshot"]))
    def read(manifest):
        found = require_named(lambda: SnapshotManifest.from_json(manifest), ValueError)
        assert found is None or found.to_json() == manifest

    read()


def test_a_changed_model_is_not_read(made):
    @examples(100)
    @given(manifest=changed(made["model"]))
    def read(manifest):
        require_named(lambda: model_version("a", 1, manifest, ""), *NAMED)

    read()


def test_a_changed_shard_is_not_read(made):
    artefact = made["shard"]

    @examples(100)
    @given(info=changed(dict(artefact.info)).filter(lambda info: isinstance(info, dict)))
    def read(info):
        require_named(lambda: read_shard_manifest(replace(artefact, info=info)), *NAMED)

    read()


BACKUP = {
    "made_at": "2026-11-29T10:00:00+00:00",
    "identity": "a" * 32,
    "sequence": 3,
    "documents": 1,
    "releases": 1,
    "files": [{"path": "catalogue.db", "sha256": "a" * 64, "size_bytes": 1, "mode": 384}],
    "artefacts": [{"kind": "shards", "name": "b", "sha256": "b" * 64, "size_bytes": 1}],
    "damaged": {},
}


@examples(100)
@given(backup=changed(BACKUP), spoilt=damaged(json.dumps({"format": 1, "backup": BACKUP}).encode()))
def test_a_changed_backup_is_not_read_or_stays_within_its_home(tmp_path_factory, backup, spoilt):
    folder = tmp_path_factory.getbasetemp()
    envelopes = [spoilt]
    with suppress(ValueError):  # what has no fingerprint is in no manifest
        envelopes.append(json.dumps({"format": 1, "sha256": fingerprint(backup), "backup": backup}).encode())
    for envelope in envelopes:
        (folder / MANIFEST_FILE).write_bytes(envelope)
        found = require_named(lambda: read_manifest(folder), *NAMED)
        if found is not None:
            for one in [file.path for file in found.files] + [artefact.name for artefact in found.artefacts]:
                assert (folder / one).resolve().is_relative_to(folder.resolve())


@examples(60)
@given(row=changed({"id": "a", "values": {"clicks": 1}, "event_time": "2026-11-29T10:00:00Z"}))
def test_a_changed_row_of_features_is_a_row_or_refused(row):
    require_named(lambda: push_from_json(row, now_utc()), InvalidInput)
