"""A home of format 1 opens, answers and verifies for ever; what it must answer was written down when it was made."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from indexing.catalogue.api_keys import SCOPES, admit, hash_key
from indexing.catalogue.documents import document_keys, load_document
from indexing.catalogue.tenants import list_tenants
from indexing.home import Home, open_home
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.records import Json, Partition, Vector
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import read_recipe
from indexing.settings import Settings
from indexing.snapshots.manifest import read_snapshot, verify_snapshot
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import StoredPassage
from indexing.snapshots.snapshot import Snapshot

GOLDEN = Path(__file__).parent / "format-1"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
PARTITIONS = [Partition(*name.split("/")) for name in EXPECTED["partitions"]]


@pytest.fixture
def golden(tmp_path: Path) -> Iterator[Home]:
    """A copy of the golden home, since opening one writes into it."""
    opened = open_home(Settings(home=shutil.copytree(GOLDEN / "home", tmp_path / "home")))
    yield opened
    opened.close()


def served(home: Home) -> Snapshot:
    return Snapshot(home.storage, stable_release(home.catalogue).snapshot)


def view_of(snapshot: Snapshot, partition: Partition) -> PartitionView:
    view = snapshot.view(partition)
    assert view is not None
    assert snapshot.broken == {}
    return view


def expected_of(partition: Partition) -> Json:
    return EXPECTED["partitions"][str(partition)]


def id_of(passage: StoredPassage) -> str:
    return f"{passage.document_id}#{passage.ordinal}"


def test_the_release_in_service_is_the_one_that_was_made(golden: Home) -> None:
    release = stable_release(golden.catalogue)
    assert (release.number, release.snapshot) == (EXPECTED["release"], EXPECTED["snapshot"])
    assert read_recipe(golden.catalogue, release.recipe).model == "hashing@1"
    snapshot = served(golden)
    assert [shard.name for shard in snapshot.manifest.shards] == EXPECTED["shards"]
    assert len(EXPECTED["shards"]) == 3
    assert snapshot.partitions == PARTITIONS


def test_every_file_is_what_was_published(golden: Home) -> None:
    manifest = read_snapshot(golden.storage, EXPECTED["snapshot"])
    assert verify_snapshot(golden.storage, manifest) == {}


@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_every_passage_comes_back_with_all_its_fields(golden: Home, partition: Partition) -> None:
    view = view_of(served(golden), partition)
    found = [
        {name: value for name, value in asdict(passage).items() if name not in ("partition", "table_heading")}
        for number, shard in enumerate(view.shards)
        for row in range(shard.partitions[partition].start, shard.partitions[partition].stop)
        for passage in [view.passage(number, row)]
    ]
    assert json.loads(json.dumps(found)) == expected_of(partition)["passages"]
    assert not any(view.passage(number, 0).table_heading for number in range(len(view.shards)))


@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_the_nearest_passages_are_those_of_then(golden: Home, partition: Partition) -> None:
    view = view_of(served(golden), partition)
    for query in expected_of(partition)["queries"]:
        vector: Vector = np.array(query["vector"], np.float32)  # stored, so that only the snapshot is under test
        numbers, rows, scores = view.search(vector, 5)
        hits = [view.passage(int(number), int(row)) for number, row in zip(numbers, rows, strict=True)]
        assert [id_of(hit) for hit in hits] == [one["id"] for one in query["dense"]]
        assert [hit.text for hit in hits] == [one["text"] for one in query["dense"]]
        assert scores == pytest.approx([one["score"] for one in query["dense"]], abs=1e-5)


@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_the_lexical_scores_are_those_of_then(golden: Home, partition: Partition) -> None:
    view = view_of(served(golden), partition)
    for query in expected_of(partition)["queries"]:
        scores, _ = Bm25(1.2, 0.75).scores(view.segments, Analyser("english").terms(query["text"]))
        found = {
            id_of(view.passage(number, view.starts[number] + row)): score
            for number, part in enumerate(np.split(scores, view.offsets[1:]))
            for row, score in enumerate(part.tolist())
            if score
        }
        assert found == pytest.approx(query["lexical"], rel=1e-5)


def test_the_expectations_find_something_and_tell_the_tenants_apart() -> None:
    for partition in PARTITIONS:
        password, _, unicode, unknown = expected_of(partition)["queries"]
        assert password["dense"][0]["id"].startswith("password-")
        assert password["lexical"]
        assert any(one["id"] == "unicode \N{SNOWMAN}#0" for one in unicode["dense"])
        assert unknown["lexical"] == {}
    acme, globex = ({p["url"] for p in expected_of(partition)["passages"]} - {""} for partition in PARTITIONS)
    assert acme.isdisjoint(globex)


def test_the_documents_are_still_in_the_catalogue(golden: Home) -> None:
    keys = list(document_keys(golden.catalogue))
    assert {key.partition for key in keys} == set(PARTITIONS)
    for key in keys:
        document = load_document(golden.catalogue, key.partition, key.id)
        assert (document.content_sha256, document.record_sha256) == (key.content_sha256, key.record_sha256)


def test_a_key_of_then_opens_its_tenant_with_every_public_scope(tmp_path: Path) -> None:
    path = shutil.copytree(GOLDEN / "home", tmp_path / "home")
    with closing(sqlite3.connect(path / "catalogue.db", isolation_level=None)) as connection:
        row = (hash_key("a key of then"), "acme", "2026-11-24T15:00:00.000+00:00")
        connection.execute("INSERT INTO api_keys VALUES (?, ?, ?, NULL, NULL)", row)
    opened = open_home(Settings(home=path))
    admission = admit(opened.catalogue, "a key of then")
    assert admission is not None
    assert (admission.key.tenant, admission.key.scopes) == ("acme", SCOPES)
    counts = opened.catalogue.rows("SELECT tenant, count(*) AS n FROM documents GROUP BY tenant")
    assert {row["tenant"]: row["n"] for row in counts} == {
        tenant.name: tenant.documents for tenant in list_tenants(opened.catalogue) if tenant.documents
    }
    opened.close()


def test_a_golden_home_stays_small_and_clean() -> None:
    files = [path for path in GOLDEN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    assert not (GOLDEN / "home" / "seen").exists()
