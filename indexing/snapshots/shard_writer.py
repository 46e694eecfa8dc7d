"""Writing a shard: the same inputs give the same bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from indexing.errors import BuildFailed
from indexing.indexes.analyser import TextAnalyser
from indexing.indexes.exact_index import ExactIndex, write_exact
from indexing.indexes.ivf_index import MIN_ROWS, IvfInfo, write_ivf_lists
from indexing.indexes.sq8_index import SQ8_ROWS, Sq8Info, write_sq8_codes
from indexing.records import Vectors
from indexing.snapshots.shard import (
    ATTRIBUTES_FILE,
    CODES_FILE,
    LEXICAL_FILE,
    LISTS_FILE,
    PASSAGES_FILE,
    VECTORS_FILE,
)
from indexing.snapshots.shard_layout import ShardContents, ShardInput, lay_out, require_vectors
from indexing.snapshots.shard_manifest import FORMAT, ShardFacts, ShardManifest, ShardPartition
from indexing.storage.arrays import write_arrays
from indexing.storage.store import Draft


@dataclass(frozen=True, slots=True)
class WrittenVectors:
    """What was written of a shard's vectors: their dimension, and the index over them if there is one."""

    dimension: int
    lists: IvfInfo | None = None
    codes: Sq8Info | None = None


def write_shard(
    draft: Draft,
    inputs: Iterable[ShardInput],
    vectors: Callable[[], Vectors],
    analyser: TextAnalyser,
    *,
    min_recall: float | None = None,
) -> None:
    """Fill an artefact draft with a shard. The same inputs give the same bytes.

    Args:
        draft: Where to.
        inputs: Documents in row order, those of a partition side by side; read once, so that a large shard's texts need
            not be in memory.
        vectors: Gives one row a passage, in the order of ``inputs``; asked once all else is written, as each takes much
            memory.
        analyser: Turns encoder inputs (context and text) into terms.
        min_recall: Give the shard, a piece of one large partition, an approximate index with at least this recall@10;
            ``None`` for exact search.

    Raises:
        ValueError: the number of vectors is not the number of passages, a partition's documents are not contiguous,
            or an approximate index was asked for several partitions.
        BuildFailed: the approximate index finds too little; the message begins with the partition.
    """
    partitions = _write_contents(draft, lay_out(inputs, analyser))
    rows = partitions[-1].stop if partitions else 0
    sizes = [partition.stop - partition.start for partition in partitions]
    try:
        written = write_vectors(draft, require_vectors(rows, vectors()), sizes, min_recall=min_recall)
    except BuildFailed as error:
        remedy = "Build with --approximate-above 0 to search it exactly."
        raise BuildFailed(f"{partitions[0].partition}: {error}. {remedy}") from error
    draft.info.update(describe_shard(rows, partitions, written).to_json())


def describe_shard(rows: int, partitions: Sequence[ShardPartition], written: WrittenVectors) -> ShardManifest:
    """What a shard that is written now says of itself."""
    return ShardManifest(
        FORMAT, written.dimension, ShardFacts(rows, tuple(partitions), lists=written.lists, codes=written.codes)
    )


def _write_contents(draft: Draft, contents: ShardContents) -> Sequence[ShardPartition]:
    write_arrays(draft.path / LEXICAL_FILE, contents.lexical)
    write_arrays(draft.path / PASSAGES_FILE, contents.texts)
    write_arrays(draft.path / ATTRIBUTES_FILE, contents.attributes)
    return contents.partitions


def write_vectors(draft: Draft, vectors: Vectors, sizes: Sequence[int], *, min_recall: float | None) -> WrittenVectors:
    """Write a shard's vectors with, where worth while, either codes or an approximate index if one is asked for.

    ``sizes`` are the rows of each partition.

    Raises:
        ValueError: as ``write_shard``.
        BuildFailed: the approximate index finds too little.
    """
    write_exact(draft.path / VECTORS_FILE, vectors)
    rows, dimension = vectors.shape
    del vectors  # from here on the file's, which take no memory
    written = ExactIndex(draft.path / VECTORS_FILE)
    if min_recall is None or rows < MIN_ROWS:
        is_worth_codes = max(sizes, default=0) >= SQ8_ROWS
        codes = write_sq8_codes(draft.path / CODES_FILE, written.vectors) if is_worth_codes else None
        return WrittenVectors(dimension, codes=codes)
    if len(sizes) != 1:
        raise ValueError(f"an approximate index over {len(sizes)} partitions: expected one")
    lists = write_ivf_lists(draft.path / LISTS_FILE, written.vectors, min_recall=min_recall)
    return WrittenVectors(dimension, lists=lists)
