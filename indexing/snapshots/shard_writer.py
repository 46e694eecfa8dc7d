"""Writing a shard: the same inputs give the same bytes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from indexing.indexes.analyser import Analyser
from indexing.indexes.vector_index import MIN_ROWS, SQ8_ROWS, ExactIndex, write_exact, write_ivf_lists, write_sq8_codes
from indexing.records import Vectors
from indexing.snapshots.shard import (
    ATTRIBUTES_FILE,
    CODES_FILE,
    FORMAT,
    LEXICAL_FILE,
    LISTS_FILE,
    PASSAGES_FILE,
    VECTORS_FILE,
    _all_of,
)
from indexing.snapshots.shard_layout import ShardContents, ShardInput, ShardPartition, lay_out
from indexing.storage.arrays import write_arrays
from indexing.storage.store import Draft


def write_shard(
    draft: Draft,
    inputs: Iterable[ShardInput],
    vectors: Callable[[], Vectors],
    analyser: Analyser,
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
        BuildFailed: the approximate index finds too little.
    """
    partitions = _write_contents(draft, lay_out(inputs, analyser))
    rows = partitions[-1].stop if partitions else 0
    draft.info.update(rows=rows, partitions=[asdict(partition) for partition in partitions])
    sizes = [partition.stop - partition.start for partition in partitions]
    write_vectors(draft, _all_of(rows, vectors()), sizes, min_recall=min_recall)


def _write_contents(draft: Draft, contents: ShardContents) -> Sequence[ShardPartition]:
    write_arrays(draft.path / LEXICAL_FILE, contents.lexical)
    write_arrays(draft.path / PASSAGES_FILE, contents.texts)
    write_arrays(draft.path / ATTRIBUTES_FILE, contents.attributes)
    return contents.partitions


def write_vectors(draft: Draft, vectors: Vectors, sizes: Sequence[int], *, min_recall: float | None) -> None:
    """Write a shard's vectors with, where worth while, either codes or an approximate index if one is asked for.

    ``sizes`` are the rows of each partition.

    Raises:
        ValueError, BuildFailed: as ``write_shard``.
    """
    write_exact(draft.path / VECTORS_FILE, vectors)
    rows, dimension = vectors.shape
    del vectors  # from here on the file's, which take no memory
    draft.info.update(format=FORMAT, dimension=dimension)
    written = ExactIndex(draft.path / VECTORS_FILE)
    if min_recall is None or rows < MIN_ROWS:
        if max(sizes, default=0) >= SQ8_ROWS:
            draft.info.update(codes=asdict(write_sq8_codes(draft.path / CODES_FILE, written.vectors)))
        return
    if len(sizes) != 1:
        raise ValueError(f"an approximate index over {len(sizes)} partitions: expected one")
    lists = write_ivf_lists(draft.path / LISTS_FILE, written.vectors, min_recall=min_recall)
    draft.info.update(lists=asdict(lists) | {"min_recall": min_recall})
