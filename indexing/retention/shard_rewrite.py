"""Rewriting a shard: a new one that holds what the old one holds, without some of its documents.

It works on the stored arrays alone, so it needs neither the recipe nor the model that made the shard, and its vectors,
postings and texts are byte for byte those that a build of the remaining documents writes.
"""

import json
import logging
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.errors import ArtefactCorrupt, ArtefactMissing, BuildFailed, FormatUnknown
from indexing.indexes.attributes import build_attributes
from indexing.indexes.postings import TermRange
from indexing.records import Partition, Vectors, fingerprint
from indexing.snapshots.shard import ATTRIBUTES_FILE, KIND, LEXICAL_FILE, LISTS_FILE, PASSAGES_FILE, Shard, open_shard
from indexing.snapshots.shard_manifest import read_shard_manifest
from indexing.snapshots.shard_writer import WrittenVectors, describe_shard, write_vectors
from indexing.storage.arrays import map_arrays, offsets_of, write_arrays
from indexing.storage.store import Artefact, Draft, Storage

logger = logging.getLogger(__name__)
Arrays = dict[str, NDArray[Any]]


def held_documents(artefact: Artefact, partition: Partition) -> dict[str, int]:
    """The documents of a partition that a shard holds: id -> number of its record; empty where there are none.

    Raises:
        FormatUnknown, ArtefactCorrupt: the shard cannot be read, so what it holds is unknown.
    """
    parts = read_shard_manifest(artefact).facts.partitions  # to open the indexes as well takes longer than all the rest
    part = next((one for one in parts if one.partition == partition), None)
    if part is None:
        return {}
    texts = map_arrays(artefact.path / PASSAGES_FILE)
    first, last = (int(texts["passage_documents"][row]) for row in (part.start, part.stop - 1))
    offsets = texts["document_offsets"][first : last + 2].tolist()
    records = memoryview(texts["documents"])  # type: ignore[arg-type] # arrays are buffers
    return {
        str(json.loads(bytes(records[begin:end]))[0]): first + place
        for place, (begin, end) in enumerate(pairwise(offsets))
    }


def rewritten_name(name: str, partition: Partition, ids: Iterable[str]) -> str:
    """The name of the shard ``name`` without these documents: the same rewrite always has the same name."""
    return fingerprint(["excised", name, partition.tenant, partition.collection, sorted(ids)])[:32]


def rewrite_shard(storage: Storage, artefact: Artefact, partition: Partition, ids: Set[str]) -> Artefact | None:
    """Publish the shard that ``artefact`` becomes without some documents; the old one is left as it is.

    Args:
        storage: Where to. A rewritten shard that is stored whole already is used as it is.
        artefact: The old shard.
        partition: Whose documents they are.
        ids: At least one document of the partition that the shard holds; others count for nothing.

    Returns:
        The new shard, or ``None`` when nothing remains.

    Raises:
        FormatUnknown, ArtefactCorrupt: the old shard cannot be read.
    """
    held = held_documents(artefact, partition)
    doomed = sorted(number for name, number in held.items() if name in ids)
    owners = map_arrays(artefact.path / PASSAGES_FILE)["passage_documents"]
    is_kept = ~np.isin(owners, np.array(doomed, owners.dtype))
    if not is_kept.any():
        return None
    name = rewritten_name(artefact.name, partition, ids & held.keys())
    if (stored := _stored_whole(storage, name)) is not None:
        return stored
    with storage.publish(KIND, name) as draft:
        _write(draft, artefact, is_kept, {partition: len(doomed)})
        open_shard(Artefact(KIND, name, draft.path, draft.info, {}))  # it must open before it has a name
    return storage.open(KIND, name)


def _stored_whole(storage: Storage, name: str) -> Artefact | None:
    try:
        artefact = storage.verify(KIND, name)
        open_shard(artefact)
    except ArtefactMissing:
        return None
    except (ArtefactCorrupt, FormatUnknown):
        storage.delete(KIND, name)
        return None
    return artefact


def _write(draft: Draft, artefact: Artefact, is_kept: NDArray[np.bool_], gone: dict[Partition, int]) -> None:
    lexical, term_places = _rewrite_lexical(map_arrays(artefact.path / LEXICAL_FILE), is_kept)
    write_arrays(draft.path / LEXICAL_FILE, lexical)
    write_arrays(draft.path / PASSAGES_FILE, _rewrite_texts(map_arrays(artefact.path / PASSAGES_FILE), is_kept))
    row_places = _running(is_kept)
    old = open_shard(artefact)  # whose mapping must outlive its vectors
    attributes, attribute_places = _attributes(old, is_kept)
    write_arrays(draft.path / ATTRIBUTES_FILE, attributes)
    moved = [
        replace(
            part,
            start=int(row_places[part.start]),
            stop=int(row_places[part.stop]),
            term_start=int(term_places[part.term_start]),
            term_stop=int(term_places[part.term_stop]),
            documents=part.documents - gone.get(part.partition, 0),
            attribute_start=attribute_places[part.partition].start,
            attribute_stop=attribute_places[part.partition].stop,
        )
        for part in old.partitions.values()
    ]
    left = [part for part in moved if part.start < part.stop]
    sizes = [part.stop - part.start for part in left]
    written = _write_vectors(draft, old, old.vectors(np.flatnonzero(is_kept)), sizes)
    draft.info.update(describe_shard(int(is_kept.sum()), left, written).to_json())


def _attributes(old: Shard, is_kept: NDArray[np.bool_]) -> tuple[Arrays, dict[Partition, TermRange]]:
    """The attributes of the kept documents, and where those of each partition stand; also of a shard that has none."""
    documents = {
        part.partition: [
            old.document(int(number))
            for number in np.unique(old.passage_documents[part.start : part.stop][is_kept[part.start : part.stop]])
        ]
        for part in sorted(old.partitions.values(), key=lambda part: part.start)
    }
    arrays, ranges = build_attributes(list(documents.values()))
    return arrays, dict(zip(documents, ranges, strict=True))


def _write_vectors(draft: Draft, old: Shard, vectors: Vectors, sizes: Sequence[int]) -> WrittenVectors:
    """The kept vectors, with an approximate index made anew where the old shard has one: it must not know the others.

    Where what remains cannot have one that is good enough, it is searched exactly: an erasure never waits for that.
    """
    min_recall = None if old.lists is None else float(old.lists.min_recall)
    try:
        return write_vectors(draft, vectors, sizes, min_recall=min_recall)
    except BuildFailed as error:
        fields = {"shard": old.name, "reason": str(error)}
        logger.warning("shard_rewrite.approximate_index_left_out", extra={"fields": fields})
        (draft.path / LISTS_FILE).unlink(missing_ok=True)
        return write_vectors(draft, vectors, sizes, min_recall=None)


def _rewrite_lexical(old: Arrays, is_kept: NDArray[np.bool_]) -> tuple[Arrays, NDArray[np.int64]]:
    """The postings of the kept rows, and where each old term stands now; a term without a row vanishes."""
    has_row = is_kept[old["posting_rows"]]
    before = _running(has_row)[old["posting_offsets"].astype(np.int64)]
    is_used = np.diff(before) > 0
    term_bytes, term_offsets = _pick(old["term_bytes"], old["term_offsets"], is_used)
    new: Arrays = {
        "term_bytes": term_bytes,
        "term_offsets": term_offsets,
        "posting_offsets": offsets_of(np.diff(before)[is_used]),
        "posting_rows": _running(is_kept)[old["posting_rows"][has_row]].astype(np.uint32),
        "posting_frequencies": old["posting_frequencies"][has_row],
        "lengths": old["lengths"][is_kept],
    }
    return new, _running(is_used)


def _rewrite_texts(old: Arrays, is_kept: NDArray[np.bool_]) -> Arrays:
    owners = old["passage_documents"]
    has_row = np.zeros(len(old["document_offsets"]) - 1, np.bool_)
    has_row[owners[is_kept]] = True
    documents, document_offsets = _pick(old["documents"], old["document_offsets"], has_row)
    passages, passage_offsets = _pick(old["passages"], old["passage_offsets"], is_kept)
    return {
        "documents": documents,
        "document_offsets": document_offsets,
        "passages": passages,
        "passage_offsets": passage_offsets,
        "passage_documents": _running(has_row)[owners[is_kept]].astype(np.uint32),
    }


def _running(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many flags are set before each place; one entry more than ``flags``."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(flags, dtype=np.int64)])


def _pick(
    records: NDArray[np.uint8], offsets: NDArray[np.uint64], is_picked: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Some of the records that lie end to end, and where each begins now."""
    sizes = offsets[1:].astype(np.int64) - offsets[:-1].astype(np.int64)
    return records[np.repeat(is_picked, sizes)], offsets_of(sizes[is_picked])
