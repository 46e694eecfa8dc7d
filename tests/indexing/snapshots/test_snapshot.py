"""A snapshot answers as if it were one index, however it is cut, and serves what is whole when a part is broken."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.builds.placement import PlacedDocument, place
from indexing.catalogue.documents import DocumentKey
from indexing.errors import ArtefactCorrupt, FormatUnknown, NotFound
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, FeatureViews, ModelFiles, lexical_view
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Partition, Passage, canonical_json, fingerprint
from indexing.snapshots.manifest import (
    KIND,
    MANIFEST_FILE,
    SnapshotManifest,
    describe_snapshot,
    publish_snapshot,
    read_snapshot,
    replace_shards,
    verify_snapshot,
)
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import LEXICAL_FILE, PASSAGES_FILE, VECTORS_FILE
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_manifest import read_shard_manifest
from indexing.snapshots.shard_writer import write_shard
from indexing.snapshots.snapshot import Snapshot
from indexing.storage.factory import open_storage
from indexing.storage.local import LocalStorage
from indexing.storage.store import Artefact

EMBEDDER = HashingEmbedder(16)
ANALYSER = Analyser("none")
BM25 = Bm25(1.2, 0.75)
VIEWS = FeatureViews(
    DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("none"), ModelFiles("t", {"int8": "i", "fp32": "f"}, 64, "")
)
WORDS = ["red", "green", "blue", "round", "square", "tall", "wide", "heavy"]
A, B, C = Partition("a", "x"), Partition("a", "y"), Partition("b", "x")
Corpus = dict[Partition, list[list[str]]]
"""The texts of each document's passages; a document's id is its number."""
PassageId = tuple[str, int]


def shard_input(partition: Partition, number: int, texts: Sequence[str]) -> ShardInput:
    name = f"d{number}"
    passages = [Passage(name, i, 0, len(text), text, (), text) for i, text in enumerate(texts)]
    return ShardInput(partition, Document(name, "", " ".join(texts)), passages)


def inputs_of(corpus: Corpus) -> list[ShardInput]:
    return [
        shard_input(partition, n, texts) for partition in sorted(corpus) for n, texts in enumerate(corpus[partition])
    ]


def write(storage: LocalStorage, inputs: Sequence[ShardInput]) -> str:
    """Publish one shard under the hash of what is in it."""
    name = fingerprint([[str(one.partition), one.document.record_sha256] for one in inputs])[:32]
    texts = [passage.encoder_input for one in inputs for passage in one.passages]
    if not storage.exists(SHARDS, name):
        with storage.publish(SHARDS, name) as draft:
            write_shard(draft, inputs, lambda: EMBEDDER.encode_passages(texts), ANALYSER)
    return name


def make(storage: LocalStorage, corpus: Corpus, *, shard_rows: int = 1000) -> SnapshotManifest:
    """Place, write and publish a corpus."""
    inputs = {(one.partition, one.document.id): one for one in inputs_of(corpus)}
    documents = [
        PlacedDocument(DocumentKey(partition, name, "", ""), len(one.passages))
        for (partition, name), one in sorted(inputs.items(), key=lambda pair: pair[0])
    ]
    names = [
        write(storage, [inputs[document.key.partition, document.key.id] for document in shard])
        for shard in (placed.documents for placed in place(documents, shard_rows=shard_rows))
    ]
    manifest = describe_snapshot(VIEWS, "m@1", [storage.open(SHARDS, name) for name in names])
    publish_snapshot(storage, manifest)
    return manifest


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_storage(tmp_path)


def view_of(snapshot: Snapshot, partition: Partition) -> PartitionView:
    view = snapshot.view(partition)
    assert view is not None
    return view


def name_of(view: PartitionView, number: int, row: int) -> PassageId:
    passage = view.passage(number, row)
    return passage.document_id, passage.ordinal


def found_by(view: PartitionView, query: str, k: int) -> list[tuple[PassageId, float]]:
    numbers, rows, scores = view.search(EMBEDDER.encode_query(query), k)
    return [
        (name_of(view, int(n), int(row)), float(score)) for n, row, score in zip(numbers, rows, scores, strict=True)
    ]


def lexical_scores(view: PartitionView, query: str) -> tuple[dict[PassageId, float], float]:
    scores, max_score = BM25.scores(view.segments, ANALYSER.terms(query))
    return {
        name_of(view, number, view.starts[number] + i): float(score)
        for number, part in enumerate(np.split(scores, view.offsets[1:]))
        for i, score in enumerate(part)
    }, max_score


TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
CORPORA = st.dictionaries(
    st.sampled_from([A, B, C]), st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=8), min_size=1
)


@settings(max_examples=15)
@given(CORPORA, st.integers(1, 30), TEXTS, st.integers(1, 30))
def test_any_sharding_gives_what_numpy_gives_over_all_vectors(
    corpus: Corpus, shard_rows: int, query: str, k: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder))
        snapshot = Snapshot(storage, make(storage, corpus, shard_rows=shard_rows).id)
        assert snapshot.partitions == sorted(corpus)
        for partition, documents in corpus.items():
            exact = brute_force(documents, query)
            best = sorted(exact.values(), reverse=True)[:k]
            found = found_by(view_of(snapshot, partition), query, k)
            assert [score for _, score in found] == pytest.approx(best, abs=1e-5)
            assert len({name for name, _ in found}) == len(found)
            for name, score in found:
                assert score == pytest.approx(exact[name], abs=1e-5)
            # Equal passages may stand in for each other at the end of the list; whoever is clearly better is in it.
            assert {name for name, score in exact.items() if score > best[-1] + 1e-5} <= {name for name, _ in found}


def brute_force(documents: Sequence[Sequence[str]], query: str) -> dict[PassageId, float]:
    named = {(f"d{n}", i): text for n, texts in enumerate(documents) for i, text in enumerate(texts)}
    scores = EMBEDDER.encode_passages(list(named.values())) @ EMBEDDER.encode_query(query)
    return dict(zip(named, scores.tolist(), strict=True))


@settings(max_examples=15)
@given(CORPORA, st.integers(1, 30), TEXTS)
def test_any_sharding_gives_the_lexical_scores_of_a_single_shard(corpus: Corpus, shard_rows: int, query: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder))
        cut = Snapshot(storage, make(storage, corpus, shard_rows=shard_rows).id)
        for partition, documents in corpus.items():
            alone = Snapshot(storage, make(storage, {partition: documents}).id)  # nor do other tenants count
            assert len(view_of(alone, partition).shards) == 1
            assert lexical_scores(view_of(cut, partition), query) == lexical_scores(view_of(alone, partition), query)


CORPUS: Corpus = {A: [["red round"], ["green"], ["blue tall"], ["wide", "heavy"]], B: [["red square"]], C: [["red"]]}


def test_equal_cosines_come_by_shard_and_row(storage: LocalStorage) -> None:
    view = view_of(Snapshot(storage, make(storage, {A: [["red", "red"], ["red"], ["red"]]}, shard_rows=2).id), A)
    numbers, rows, scores = view.search(EMBEDDER.encode_query("red"), 10)
    assert scores == pytest.approx([1.0] * 4)
    assert list(zip(numbers.tolist(), rows.tolist(), strict=True)) == sorted(
        zip(numbers.tolist(), rows.tolist(), strict=True)
    )


def test_the_id_follows_from_the_content_alone(tmp_path: Path) -> None:
    one, two = (open_storage(tmp_path / name) for name in ("one", "two"))
    first = make(one, CORPUS, shard_rows=2)
    names = [shard.name for shard in first.shards]
    for name in reversed(names):
        one.delete(SHARDS, name)
    again = make(one, CORPUS, shard_rows=2)
    backwards = describe_snapshot(VIEWS, "m@1", [one.open(SHARDS, name) for name in reversed(names)])
    assert first == again == backwards == make(two, CORPUS, shard_rows=2)
    assert one.list(KIND) == [first.id]


def test_any_other_content_is_another_snapshot(storage: LocalStorage) -> None:
    first = make(storage, CORPUS)
    shards = [storage.open(SHARDS, shard.name) for shard in first.shards]
    other_views = FeatureViews(DEFAULT_PASSAGES, EMBEDDING_VIEWS["fp32"], lexical_view("none"), VIEWS.model)
    ids = {
        first.id,
        make(storage, CORPUS, shard_rows=2).id,
        make(storage, CORPUS | {B: [["red squares"]]}).id,
        describe_snapshot(VIEWS, "m@2", shards).id,
        describe_snapshot(other_views, "m@1", shards).id,
        describe_snapshot(VIEWS, "m@1", []).id,
    }
    assert len(ids) == 6


def test_a_manifest_comes_back_as_it_was_published(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS, shard_rows=2)
    assert read_snapshot(storage, manifest.id) == manifest
    assert manifest.rows == 7
    assert manifest.size_bytes == sum(storage.open(SHARDS, shard.name).size_bytes for shard in manifest.shards)


def test_an_empty_snapshot_holds_no_partition(storage: LocalStorage) -> None:
    snapshot = Snapshot(storage, make(storage, {}).id)
    snapshot.check()
    assert (snapshot.partitions, snapshot.view(A), snapshot.broken) == ([], None, {})


def test_a_partition_that_is_not_in_the_snapshot_has_no_view(storage: LocalStorage) -> None:
    snapshot = Snapshot(storage, make(storage, {A: [["red"]]}).id)
    assert snapshot.view(C) is None
    assert snapshot.broken_shards(C) == {}


def test_an_unknown_id_is_not_found(storage: LocalStorage) -> None:
    with pytest.raises(NotFound, match=r"No snapshot 'nope'.*snapshots list"):
        Snapshot(storage, "nope")


def test_a_newer_format_is_refused(storage: LocalStorage) -> None:
    content = make(storage, CORPUS).to_json() | {"format": 2}
    with storage.publish(KIND, "newer") as draft:
        (draft.path / MANIFEST_FILE).write_bytes(canonical_json(content))
    with pytest.raises(FormatUnknown, match="snapshot newer has format 2; this version reads format 1"):
        Snapshot(storage, "newer")


def test_a_corrupt_manifest_is_refused_by_name(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    flip_last_byte(storage.root / KIND / manifest.id / MANIFEST_FILE)
    with pytest.raises(ArtefactCorrupt, match=rf"{manifest.id}/{MANIFEST_FILE} is corrupt"):
        Snapshot(storage, manifest.id)


def corrupt_content(folder: Path) -> None:
    flip_last_byte(folder / MANIFEST_FILE)


def corrupt_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"{}")


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("breakage", [corrupt_content, corrupt_manifest, lose_manifest])
def test_publishing_again_replaces_a_broken_snapshot(storage: LocalStorage, breakage: Callable[[Path], None]) -> None:
    manifest = make(storage, CORPUS)
    folder = storage.root / KIND / manifest.id
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    breakage(folder)
    publish_snapshot(storage, manifest)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert read_snapshot(storage, manifest.id) == manifest


def test_publishing_again_leaves_a_whole_snapshot_alone(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    file = storage.root / KIND / manifest.id / MANIFEST_FILE
    before = file.stat()
    publish_snapshot(storage, manifest)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("name", ["../shards", "a/b", "", ".", ".hidden"])
def test_what_cannot_be_an_id_is_not_found(storage: LocalStorage, name: str) -> None:
    with pytest.raises(NotFound, match="No snapshot"):
        read_snapshot(storage, name)


def test_a_row_of_another_partition_never_leaves(storage: LocalStorage) -> None:
    snapshot = Snapshot(storage, make(storage, CORPUS).id)
    view, other = view_of(snapshot, A), view_of(snapshot, C)
    assert view.shards == other.shards
    with pytest.raises(ArtefactCorrupt, match=f"belongs to another partition than {A}"):
        view.passage(0, other.starts[0])


def test_row_ranges_that_are_not_those_of_the_snapshot_are_refused(storage: LocalStorage) -> None:
    manifest = make(storage, {A: [["red round"]], C: [["red secret"]]})
    path = storage.root / SHARDS / shard_of(manifest, A) / "manifest.json"
    changed = json.loads(path.read_bytes())
    changed["info"]["partitions"][0]["stop"] = 2  # one row too many, which is C's
    path.write_text(json.dumps(changed))
    snapshot = Snapshot(storage, manifest.id)
    assert "red secret" not in {text_of(view_of(snapshot, A), row) for row in range(view_of(snapshot, A).rows)}
    assert list(snapshot.broken_shards(A)) == [path.parent.name]
    assert list(verify_snapshot(storage, manifest)) == [path.parent.name]


def test_a_shard_whose_manifest_lost_its_facts_is_refused_like_any_other(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    path = storage.root / SHARDS / shard_of(manifest, A) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"info": {}}))
    snapshot = Snapshot(storage, manifest.id)
    snapshot.check()
    assert list(snapshot.broken) == [path.parent.name]
    assert list(verify_snapshot(storage, manifest)) == [path.parent.name]


def text_of(view: PartitionView, row: int) -> str:
    return view.passage(0, row).text


def test_vectors_come_in_the_order_asked_for(storage: LocalStorage) -> None:
    view = view_of(Snapshot(storage, make(storage, CORPUS, shard_rows=2).id), A)
    numbers, rows, scores = view.search(EMBEDDER.encode_query("red green"), 5)
    assert len(set(numbers.tolist())) > 1
    assert view.vectors(numbers, rows) @ EMBEDDER.encode_query("red green") == pytest.approx(scores, abs=1e-6)


# A broken shard is named, and everything else goes on serving.


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)


def shard_of(manifest: SnapshotManifest, partition: Partition) -> str:
    """The name of the first shard that holds a piece of ``partition``."""
    return next(
        shard.name for shard in manifest.shards if any(part.partition == partition for part in shard.facts.partitions)
    )


def corrupt(storage: LocalStorage, name: str) -> None:
    flip_last_byte(storage.root / SHARDS / name / VECTORS_FILE)


def truncate(storage: LocalStorage, name: str) -> None:
    path = storage.root / SHARDS / name / PASSAGES_FILE
    path.write_bytes(path.read_bytes()[:-1])


def lose(storage: LocalStorage, name: str) -> None:
    storage.delete(SHARDS, name)


def lose_a_file(storage: LocalStorage, name: str) -> None:
    (storage.root / SHARDS / name / LEXICAL_FILE).unlink()


def swap(storage: LocalStorage, name: str) -> None:
    """Put another shard, whole and with a valid manifest, in its place."""
    storage.delete(SHARDS, name)
    with storage.publish(SHARDS, name) as draft:
        inputs = [shard_input(A, 9, ["red secret"])]
        write_shard(draft, inputs, lambda: EMBEDDER.encode_passages(["red secret"]), ANALYSER)


def change_format(storage: LocalStorage, name: str) -> None:
    path = storage.root / SHARDS / name / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["info"]["format"] = 5
    path.write_text(json.dumps(manifest))


BREAKAGES: dict[Callable[[LocalStorage, str], None], str] = {
    corrupt: "sha256",
    truncate: "bytes, promised",
    lose: "is not in",
    lose_a_file: "is missing",
    swap: "differs from the one the snapshot names",
    change_format: "has format 5",
}


@pytest.fixture(params=BREAKAGES, ids=lambda breakage: breakage.__name__)
def broken(request: pytest.FixtureRequest, storage: LocalStorage) -> tuple[SnapshotManifest, str, str]:
    """A snapshot of which one shard of partition A is broken: its manifest, the shard, and what is said of it."""
    manifest = make(storage, CORPUS, shard_rows=2)
    name = shard_of(manifest, A)
    request.param(storage, name)
    return manifest, name, BREAKAGES[request.param]


def test_a_broken_shard_is_named_and_all_others_serve(
    storage: LocalStorage, broken: tuple[SnapshotManifest, str, str]
) -> None:
    manifest, name, reason = broken
    snapshot = Snapshot(storage, manifest.id)
    snapshot.check()
    assert list(snapshot.broken) == [name]
    assert name in snapshot.broken[name]
    assert reason in snapshot.broken[name]
    assert snapshot.broken_shards(A) == snapshot.broken
    lost = {one for one in names_in(manifest, name) if one[0] == A}
    everything = {(one.partition, p.document_id) for one in inputs_of(CORPUS) for p in one.passages}
    served = {
        (partition, document)
        for partition in CORPUS
        for (document, _), _ in found_by(view_of(snapshot, partition), "red", 10)
    }
    assert lost
    assert served == everything - lost
    assert snapshot.broken_shards(C) == {}


def names_in(manifest: SnapshotManifest, shard: str) -> set[tuple[Partition, str]]:
    """Partition and document of all that a shard held, by placing the corpus again in another folder."""
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder))
        assert make(storage, CORPUS, shard_rows=2).id == manifest.id
        snapshot = Snapshot(storage, manifest.id)
        snapshot.check()
        views = [view_of(snapshot, partition) for partition in snapshot.partitions]
        return {
            (view.partition, view.passage(number, row).document_id)
            for view in views
            for number, one in enumerate(view.shards)
            if one.name == shard
            for row in range(one.partitions[view.partition].start, one.partitions[view.partition].stop)
        }


def test_a_shard_that_breaks_while_it_is_served_goes_on_serving(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    snapshot = Snapshot(storage, manifest.id)
    before = found_by(view_of(snapshot, A), "red", 10)
    lose(storage, shard_of(manifest, A))
    assert found_by(view_of(snapshot, A), "red", 10) == before
    assert snapshot.broken == {}


def test_shards_are_opened_at_first_use(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS, shard_rows=2)
    lose(storage, shard_of(manifest, A))
    snapshot = Snapshot(storage, manifest.id)
    assert snapshot.broken == {}
    view_of(snapshot, C)
    assert snapshot.broken == {}
    view_of(snapshot, A)
    assert len(snapshot.broken) == 1


def test_a_partition_whose_every_shard_is_broken_gives_nothing_and_says_so(storage: LocalStorage) -> None:
    manifest = make(storage, {A: [["red"]], C: [["red"] for _ in range(4)]}, shard_rows=3)
    corrupt(storage, shard_of(manifest, A))
    snapshot = Snapshot(storage, manifest.id)
    view = view_of(snapshot, A)
    assert view.rows == 0
    assert found_by(view, "red", 3) == []
    assert lexical_scores(view, "red") == ({}, 0.0)
    assert list(snapshot.broken_shards(A)) == [shard_of(manifest, A)]
    assert len(found_by(view_of(snapshot, C), "red", 9)) == 4


def test_verify_finds_nothing_wrong_with_a_whole_snapshot(storage: LocalStorage) -> None:
    assert verify_snapshot(storage, make(storage, CORPUS, shard_rows=2)) == {}


@pytest.mark.parametrize("file", [VECTORS_FILE, LEXICAL_FILE, PASSAGES_FILE])
def test_verify_names_every_corrupt_file(storage: LocalStorage, file: str) -> None:
    manifest = make(storage, CORPUS, shard_rows=2)
    bad = {shard.name for shard in manifest.shards[:2]}
    for name in bad:
        flip_last_byte(storage.root / SHARDS / name / file)
    found = verify_snapshot(storage, manifest)
    assert set(found) == bad
    assert all(f"{name}/{file} is corrupt" in reason for name, reason in found.items())


def test_verify_sees_a_flipped_bit_that_left_no_trace_in_the_file_system(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    path = storage.root / SHARDS / shard_of(manifest, A) / VECTORS_FILE
    about = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert list(verify_snapshot(storage, manifest)) == [path.parent.name]


def test_a_manifest_with_other_shards_is_that_of_a_snapshot_made_of_them(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS, shard_rows=2)
    first, second, *rest = (storage.open(SHARDS, shard.name) for shard in manifest.shards)
    assert replace_shards(manifest, {first.name: None, "of another snapshot": first}) == describe_snapshot(
        VIEWS, manifest.model, [second, *rest]
    )
    shorter = replace_shards(manifest, {first.name: None})
    assert replace_shards(shorter, {second.name: first}) == describe_snapshot(VIEWS, manifest.model, [first, *rest])
    assert replace_shards(manifest, {}) == manifest


# Many partitions


def many(storage: LocalStorage, count: int) -> Snapshot:
    """A snapshot of ``count`` one-document partitions, two to a shard, of which four shards may be mapped at once."""
    corpus = {Partition(f"t{number:02}", "x"): [[f"red number{number}"]] for number in range(count)}
    return Snapshot(storage, make(storage, corpus, shard_rows=2).id, max_shards=4)


def test_no_more_shards_stay_mapped_than_allowed_and_every_partition_answers(storage: LocalStorage) -> None:
    snapshot = many(storage, 40)
    assert snapshot.open_shards == 0
    for _ in range(2):
        for number in range(40):
            view = view_of(snapshot, Partition(f"t{number:02}", "x"))
            assert text_of(view, view.starts[0]) == f"red number{number}"
            assert snapshot.open_shards <= 4


def test_a_partition_in_use_stays_mapped(storage: LocalStorage) -> None:
    snapshot = many(storage, 40)
    favourite = Partition("t00", "x")
    first = view_of(snapshot, favourite)
    for number in range(1, 40):
        view_of(snapshot, Partition(f"t{number:02}", "x"))
        assert view_of(snapshot, favourite) is first


def test_who_holds_a_view_can_go_on_with_it_after_its_shard_gave_way(storage: LocalStorage) -> None:
    snapshot = many(storage, 40)
    held = view_of(snapshot, Partition("t00", "x"))
    for number in range(1, 40):
        view_of(snapshot, Partition(f"t{number:02}", "x"))
    assert view_of(snapshot, Partition("t00", "x")) is not held
    assert text_of(held, held.starts[0]) == "red number0"


def test_a_partition_of_more_shards_than_may_be_mapped_is_searched_whole(storage: LocalStorage) -> None:
    corpus = {A: [[f"red number{number}"] for number in range(30)], C: [["red"]]}
    snapshot = Snapshot(storage, make(storage, corpus, shard_rows=2).id, max_shards=3)
    assert view_of(snapshot, A).rows == 30
    assert len(view_of(snapshot, A).shards) > 3
    view_of(snapshot, C)
    assert snapshot.open_shards <= 3


def test_checking_finds_broken_shards_and_maps_none(
    storage: LocalStorage, broken: tuple[SnapshotManifest, str, str]
) -> None:
    manifest, name, _ = broken
    snapshot = Snapshot(storage, manifest.id)
    snapshot.check()
    assert list(snapshot.broken) == [name]
    assert snapshot.open_shards == 0


def scribble(path: Path, old: bytes, new: bytes) -> None:
    """Other bytes of the same length in a file that may be mapped; the file system is told of no change."""
    stat, content = path.stat(), path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        file.seek(content.rindex(old))  # a header stands before
        file.write(new)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_shard_that_a_read_shows_to_be_damaged_is_named_and_in_no_later_view(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS, shard_rows=2)
    name = shard_of(manifest, A)
    snapshot = Snapshot(storage, manifest.id)
    view = view_of(snapshot, A)
    number = [shard.name for shard in view.shards].index(name)
    row = int(view.starts[number])
    scribble(storage.root / SHARDS / name / PASSAGES_FILE, b"[0,", b"?0,")
    with pytest.raises(ArtefactCorrupt, match=f"shard {name} is damaged.*snapshots verify"):
        for place in range(row, row + len(view.segments[number])):
            view.passage(number, place)
    assert list(snapshot.broken) == [name]
    assert snapshot.damaged == {name}
    after = snapshot.view(A)
    assert after is not None
    assert name not in [shard.name for shard in after.shards]
    assert list(snapshot.broken_shards(A)) == [name]


def test_a_shard_that_was_damaged_is_opened_again_only_when_it_is_whole(storage: LocalStorage) -> None:
    manifest = make(storage, CORPUS)
    name = shard_of(manifest, A)
    path = storage.root / SHARDS / name / PASSAGES_FILE
    scribble(path, b"[0,", b"?0,")
    trusting = Snapshot(storage, manifest.id)
    trusting.check()
    assert trusting.broken == {}  # for the file system it is as it was when it was verified
    doubting = Snapshot(storage, manifest.id, distrusted={name})
    doubting.check()
    assert list(doubting.broken) == [name]
    scribble(path, b"?0,", b"[0,")
    healed = Snapshot(storage, manifest.id, distrusted={name})
    healed.check()
    assert healed.broken == {}


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_vector_that_is_none_is_damage_and_no_score(storage: LocalStorage, value: float) -> None:
    manifest = make(storage, CORPUS)
    view = view_of(Snapshot(storage, manifest.id), A)
    vector = view.vectors(np.array([0]), view.starts[:1])[0].copy()
    damaged = vector.copy()
    damaged[:] = value
    path = storage.root / SHARDS / shard_of(manifest, A) / VECTORS_FILE
    scribble(path, vector.tobytes(), damaged.tobytes())
    with np.errstate(invalid="ignore", over="ignore"):  # which tests alone take for errors
        with pytest.raises(ArtefactCorrupt, match="a vector is not of unit length"):
            view.cosines(np.zeros(1, np.int64), view.starts[:1], vector)
        with pytest.raises(ArtefactCorrupt, match="a vector is not of unit length"):
            view.search(vector, view.rows, exact=True)


def test_a_document_of_another_partition_never_leaves_with_a_passage(storage: LocalStorage) -> None:
    manifest = make(storage, {A: [["red round"]], C: [["red secret"]]})
    view = view_of(Snapshot(storage, manifest.id), A)
    path = storage.root / SHARDS / shard_of(manifest, A) / PASSAGES_FILE
    owners = np.array([0, 1], np.uint32).tobytes()
    scribble(path, owners, np.array([1, 1], np.uint32).tobytes())
    with pytest.raises(ArtefactCorrupt, match="names document 1, which is not of its partition"):
        view.passage(0, 0)


GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("format-*/home/shards/*/manifest.json")), ids=str)
def test_shard_manifests_of_every_format_give_the_json_that_they_were_read_from(path: Path) -> None:
    stored = json.loads(path.read_bytes())
    artefact = Artefact(SHARDS, stored["name"], path.parent, stored["info"], stored["files"])
    assert read_shard_manifest(artefact).to_json() == stored["info"]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("format-*/home/snapshots/*/snapshot.json")), ids=str)
def test_snapshot_manifests_of_every_format_give_their_bytes_and_ids(path: Path) -> None:
    manifest = SnapshotManifest.from_json(json.loads(path.read_bytes()))
    assert canonical_json(manifest.to_json()) == path.read_bytes()
    assert manifest.id == path.parent.name


def test_what_a_newer_version_writes_beside_is_kept(storage: LocalStorage) -> None:
    content = make(storage, CORPUS, shard_rows=2).to_json()
    content["made_by"] = {"version": "later"}
    content["shards"][0]["warmth"] = 3
    manifest = SnapshotManifest.from_json(content)
    assert manifest.to_json() == content
    publish_snapshot(storage, manifest)
    assert read_snapshot(storage, manifest.id) == manifest


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ({"model": None}, "the field 'model' is 'None', expected str"),
        ({"shards": {}}, "the field 'shards' is '{}', expected list"),
        ({"shards": [{}]}, "the field 'name' is missing"),
        ({"views": {"passage": "p", "embedding": "e"}}, "the field 'lexical' is missing"),
    ],
)
def test_a_damaged_manifest_is_refused_by_the_snapshots_id(
    storage: LocalStorage, damage: dict[str, object], complaint: str
) -> None:
    content = make(storage, CORPUS).to_json() | damage
    with storage.publish(KIND, "damaged") as draft:
        (draft.path / MANIFEST_FILE).write_bytes(canonical_json(content))
    with pytest.raises(ArtefactCorrupt, match=re.escape(f"snapshot damaged: its manifest is damaged ({complaint})")):
        read_snapshot(storage, "damaged")
