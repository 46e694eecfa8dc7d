"""A shard gives back what was written, gives each partition only its own rows, and refuses files that do not fit."""

import gc
import json
import mmap
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import ArtefactCorrupt, FormatUnknown
from indexing.indexes.analyser import Analyser
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Json, Partition, Passage, Vectors
from indexing.snapshots.shard import KIND, LEXICAL_FILE, PASSAGES_FILE, VECTORS_FILE, open_shard
from indexing.snapshots.shard_layout import ShardInput, lay_out
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.factory import open_storage
from indexing.storage.store import Artefact

EMBEDDER = HashingEmbedder(16)
ANALYSER = Analyser("english")
A, B, C = Partition("a", "x"), Partition("a", "y"), Partition("b", "x")


def item(partition: Partition, name: str, *texts: str, metadata: Mapping[str, Json] | None = None) -> ShardInput:
    """A document and its passages, one for each of ``texts``."""
    document = Document(name, f"title of {name}", "\n".join(texts), f"https://example.org/{name}", metadata or {})
    passages, start = [], 0
    for ordinal, text in enumerate(texts):
        passages.append(Passage(name, ordinal, start, start + len(text), text, ("Top", name), f"{name}\n{text}"))
        start += len(text) + 1
    return ShardInput(partition, document, passages)


def vectors_of(inputs: Sequence[ShardInput]) -> Vectors:
    return EMBEDDER.encode_passages([passage.encoder_input for one in inputs for passage in one.passages])


def publish(
    root: Path, inputs: Sequence[ShardInput], vectors: Vectors | None = None, *, name: str = "shard"
) -> Artefact:
    storage = open_storage(root)
    with storage.publish(KIND, name) as draft:
        write_shard(draft, inputs, lambda: vectors_of(inputs) if vectors is None else vectors, ANALYSER)
    return storage.open(KIND, name)


THREE = [
    item(A, "a1", "apples and pears", "plums", metadata={"tags": ["fruit"], "n": 1}),
    item(A, "a2", "cherries"),
    item(B, "b1", "apples again", "apples and pears", "grapes"),
    item(C, "c1", "apples once more"),
]

TEXT = st.text(max_size=12)  # any Unicode that UTF-8 can hold
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def shard_inputs(draw: st.DrawFn) -> list[ShardInput]:
    inputs = []
    for partition in draw(st.lists(st.builds(Partition, TEXT, TEXT), min_size=1, max_size=3, unique=True)):
        for name in draw(st.lists(TEXT, min_size=1, max_size=3, unique=True)):
            document = Document(name, draw(TEXT), "", draw(TEXT), draw(st.dictionaries(TEXT, JSON, max_size=3)))
            passages = [
                Passage(name, ordinal, start, start + size, text, tuple(headings), text)
                for ordinal, (start, size, text, headings) in enumerate(
                    draw(
                        st.lists(
                            st.tuples(st.integers(0, 2**40), st.integers(0, 99), TEXT, st.lists(TEXT, max_size=2)),
                            min_size=1,
                            max_size=3,
                        )
                    )
                )
            ]
            inputs.append(ShardInput(partition, document, passages))
    return inputs


@settings(max_examples=40)
@given(shard_inputs())
def test_every_field_comes_back_as_it_was_written(inputs: list[ShardInput]) -> None:
    vectors = vectors_of(inputs)
    with tempfile.TemporaryDirectory() as folder:
        shard = open_shard(publish(Path(folder), inputs, vectors))
        row = 0
        for one in inputs:
            for passage in one.passages:
                stored = shard.passage(row)
                document = one.document
                assert stored.partition == one.partition == shard.partition_of(row)
                assert (stored.document_id, stored.title, stored.url) == (document.id, document.title, document.url)
                assert stored.metadata == document.metadata
                assert list(shard.document_ids(np.array([row]))) == [document.id]
                assert (stored.ordinal, stored.start, stored.end) == (passage.ordinal, passage.start, passage.end)
                assert (stored.headings, stored.text) == (passage.headings, passage.text)
                assert f"{stored.document_id}#{stored.ordinal}" == passage.id
                row += 1
        assert shard.rows == row
        assert np.array_equal(shard.vectors(np.arange(row)), vectors)


def test_a_shard_says_where_each_partition_stands(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, THREE))
    spans = {part.partition: (part.start, part.stop, part.documents) for part in shard.partitions.values()}
    assert spans == {A: (0, 3, 2), B: (3, 6, 1), C: (6, 7, 1)}
    assert shard.passage_documents.tolist() == [0, 0, 1, 2, 2, 2, 3]
    with pytest.raises(ArtefactCorrupt, match="no row 7"):
        shard.partition_of(7)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (publish(tmp_path / name, THREE) for name in ("one", "two"))
    assert first.files == second.files
    for name in first.files:
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()
    assert first.info == second.info


def test_the_terms_of_one_passage_at_a_time_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terms(list[str]):
        """A list that can be watched."""

    seen: list[weakref.ref[Terms]] = []

    def terms(self: Analyser, text: str) -> Terms:
        assert sum(one() is not None for one in seen) <= 1
        found = Terms(text.split())
        seen.append(weakref.ref(found))
        return found

    monkeypatch.setattr(Analyser, "terms", terms)
    publish(tmp_path, [item(A, f"a{number:02}", "apples and pears", "plums") for number in range(20)])
    assert len(seen) == 40


def test_metadata_in_another_order_gives_the_same_bytes(tmp_path: Path) -> None:
    one = publish(tmp_path / "one", [item(A, "a", "text", metadata={"x": 1, "y": {"p": 1, "q": 2}})])
    two = publish(tmp_path / "two", [item(A, "a", "text", metadata={"y": {"q": 2, "p": 1}, "x": 1})])
    assert one.files == two.files


def test_documents_of_a_partition_that_are_not_side_by_side_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a/x are not side by side"):
        publish(tmp_path, [item(A, "1", "x"), item(B, "2", "y"), item(A, "3", "z")])
    assert open_storage(tmp_path).list(KIND) == []


class CountedPartition(Partition):
    """A partition that counts how often one is compared with another."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountedPartition.comparisons += 1
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash((self.tenant, self.collection))


def test_a_shard_of_many_partitions_compares_each_with_a_few_others_only() -> None:
    partitions = [CountedPartition(f"tenant {number}", "x") for number in range(400)]
    CountedPartition.comparisons = 0
    contents = lay_out([item(partition, "d", "text") for partition in partitions], ANALYSER)
    assert [part.tenant for part in contents.partitions] == [partition.tenant for partition in partitions]
    assert CountedPartition.comparisons <= 4 * len(partitions)


def test_as_many_vectors_as_passages_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="6 vectors for 7 passages"):
        publish(tmp_path, THREE, vectors_of(THREE)[:6])


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_a_search_gives_the_best_of_its_own_partition_and_nothing_else(sizes: list[int], k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    inputs = [item(Partition("t", str(i)), "d", *["text"] * size) for i, size in enumerate(sizes)]
    vectors = random.standard_normal((sum(sizes), 8), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[random.integers(len(vectors))]  # the best row of all may well belong to another partition
    with tempfile.TemporaryDirectory() as folder:
        shard = open_shard(publish(Path(folder), inputs, vectors))
        for partition, part in shard.partitions.items():
            rows, scores = shard.search(partition, query, k)
            own = vectors[part.start : part.stop] @ query
            expected = part.start + np.argsort(-own)[:k]
            assert rows.tolist() == expected.tolist()
            assert scores == pytest.approx(own[expected - part.start], abs=1e-6)


def test_k_beyond_a_partition_gives_all_of_it_once(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, THREE))
    rows, scores = shard.search(B, EMBEDDER.encode_query("apples"), 1000)
    assert sorted(rows.tolist()) == [3, 4, 5]
    assert np.all(np.diff(scores) <= 0)
    assert shard.search(B, EMBEDDER.encode_query("apples"), 0)[0].tolist() == []


def test_terms_of_another_partition_are_not_found(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, THREE))
    (grape,) = ANALYSER.terms("grapes")
    found = shard.segment(B).postings(grape)
    assert found is not None
    assert found[0].tolist() == [2]  # counted from the partition's first row
    assert shard.segment(A).postings(grape) is None
    assert shard.segment(C).postings(grape) is None


def test_context_is_searched_and_text_alone_is_shown(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, [item(A, "walnut", "text")]))
    (walnut,) = ANALYSER.terms("walnut")
    assert shard.segment(A).postings(walnut) is not None
    assert shard.passage(0).text == "text"


def test_a_newer_format_is_refused_and_the_remedy_named(tmp_path: Path) -> None:
    artefact = publish(tmp_path, THREE)
    for found in (5, None, "1"):
        with pytest.raises(FormatUnknown, match=rf"shard shard has format {found!r}.*reads formats 1, 2, 3, 4.*Update"):
            open_shard(replace(artefact, info=artefact.info | {"format": found}))


@pytest.mark.parametrize("size", [0, 10, 60, 400])
def test_a_truncated_vector_file_is_refused_by_name(tmp_path: Path, size: int) -> None:
    artefact = publish(tmp_path, THREE)
    with (artefact.path / VECTORS_FILE).open("r+b") as file:
        file.truncate(size)
    with pytest.raises(ArtefactCorrupt, match=VECTORS_FILE):
        open_shard(artefact)


@pytest.mark.parametrize("name", [LEXICAL_FILE, PASSAGES_FILE])
@pytest.mark.parametrize("size", [0, 5, 60, -1])
def test_a_truncated_array_file_is_refused_by_name(tmp_path: Path, name: str, size: int) -> None:
    path = publish(tmp_path, THREE).path / name
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1 if size < 0 else size)
    with pytest.raises(ArtefactCorrupt, match=name):
        open_shard(artefact_at(path.parent))


@pytest.mark.parametrize("name", [VECTORS_FILE, LEXICAL_FILE, PASSAGES_FILE])
def test_files_that_disagree_about_the_number_of_passages_are_refused(tmp_path: Path, name: str) -> None:
    artefact = publish(tmp_path / "whole", THREE)
    smaller = publish(tmp_path / "smaller", THREE[:2])
    shutil.copy(smaller.path / name, artefact.path / name)
    with pytest.raises(ArtefactCorrupt, match="shard shard: its files hold different numbers of passages than 7"):
        open_shard(artefact)


def artefact_at(path: Path) -> Artefact:
    """The artefact as its manifest describes it, without checking its files."""
    manifest = json.loads((path / "manifest.json").read_bytes())
    return Artefact(KIND, path.name, path, manifest["info"], manifest["files"])


def anonymous_bytes() -> int:
    """This process's memory that no file stands behind."""
    gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:"))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's smaps_rollup")
def test_opening_and_searching_a_large_shard_copies_nothing_of_it(tmp_path: Path) -> None:
    rows, dimension = 4_000, 4_000
    vectors = np.zeros((rows, dimension), np.float32)
    vectors[np.arange(rows), np.arange(rows)] = 1.0
    artefact = publish(tmp_path, [item(A, "d", *[""] * rows)], vectors)
    query = vectors[1234].copy()
    del vectors
    size = (artefact.path / VECTORS_FILE).stat().st_size
    assert size > 60_000_000

    before = anonymous_bytes()
    shard = open_shard(artefact)
    found, _ = shard.search(A, query, 10)
    grown = anonymous_bytes() - before
    assert found[0] == 1234
    assert grown < size / 8

    before = anonymous_bytes()
    copy = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # bytes might lie where others lay before
    copy.write((artefact.path / VECTORS_FILE).read_bytes())
    assert anonymous_bytes() - before > size * 0.9  # so the measure does see a copy
    del copy


def test_half_a_surrogate_pair_comes_back_as_it_was(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, [item(A, "d", "half \ud83d a pair", "none")]))
    assert [shard.passage(row).text for row in range(2)] == ["half \ud83d a pair", "none"]


def test_a_mapped_shard_stays_readable_after_its_artefact_is_deleted(tmp_path: Path) -> None:
    shard = open_shard(publish(tmp_path, THREE))
    open_storage(tmp_path).delete(KIND, "shard")
    assert shard.passage(6).text == "apples once more"
    assert shard.search(C, EMBEDDER.encode_query("apples"), 1)[0].tolist() == [6]


def test_a_heading_row_of_a_table_comes_back_and_adds_nothing_where_there_is_none(tmp_path: Path) -> None:
    plain = item(A, "a1", "| r1 | 1 |", "apples", metadata={})
    rows = replace(plain, passages=[replace(plain.passages[0], table_heading="| name | cost é |"), plain.passages[1]])
    found = open_shard(publish(tmp_path, [rows], name="rows"))
    assert [found.passage(row).table_heading for row in (0, 1)] == ["| name | cost é |", ""]
    assert [found.passage(row).text for row in (0, 1)] == ["| r1 | 1 |", "apples"]
    record = lay_out([plain], ANALYSER).texts["passages"].tobytes()
    assert record == b'[0,0,10,["Top","a1"],"| r1 | 1 |"][1,11,17,["Top","a1"],"apples"]'
