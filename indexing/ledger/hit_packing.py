"""The hits of a row as bytes: a squeezed head and columns of numbers, a third of JSON's size and exact to the bit."""

import json
import math
import struct
from collections.abc import Mapping, Sequence

from indexing.errors import ArtefactCorrupt
from indexing.ledger.hit_columns import HitColumns
from indexing.ledger.records import ServedHit
from indexing.ledger.squeezing import json_text, plain, squeezed
from indexing.records import Json

_LENGTH = struct.Struct("<I")
"""Of the head: four bytes before it."""


def pack_hits(hits: Sequence[ServedHit]) -> bytes | None:
    """The hits as bytes; ``None`` for no hits. Scores that no float32 holds exactly are kept as float64."""
    if not hits:
        return None
    columns = HitColumns.of(hits)
    kinds, body = "", b""
    for column in (columns.scores, columns.dense, columns.lexical, columns.rerank):
        kind, packed = _packed(column)
        kinds, body = kinds + kind, body + packed
    spans = [end - start for start, end in zip(columns.starts, columns.ends, strict=True)]
    head: list[Json] = [columns.document_ids, columns.starts, spans, kinds]
    if columns.features:
        head.append([dict(values) for values in columns.features])
    return _joined(squeezed(json_text(head).encode("ascii")), body)


def _packed(column: Sequence[float | None]) -> tuple[str, bytes]:
    """``-`` for a column without a number, else ``f`` where float32 holds them all or ``d``, and the column's bytes."""
    numbers = [value for value in column if value is not None]
    if not numbers:
        return "-", b""
    layout = f"<{len(numbers)}f"
    try:
        packed = struct.pack(layout, *numbers)
        kind = "f" if list(struct.unpack(layout, packed)) == numbers else "d"
    except OverflowError:
        kind = "d"
    if kind == "f" and len(numbers) == len(column):
        return kind, packed
    filled = [math.nan if value is None else value for value in column]
    return kind, struct.pack(f"<{len(filled)}{kind}", *filled)


def unpack_hits(packed: bytes | None) -> tuple[ServedHit, ...]:
    """The hits that ``pack_hits`` packed; a leg that did not score is ``None`` again.

    Raises:
        ArtefactCorrupt: the bytes are something else.
    """
    if packed is None:
        return ()
    try:
        head, body = _parted(packed)
        ids, starts, lengths, kinds, *rest = json.loads(plain(head))
        columns = _numbers(kinds, body, len(ids))
        features: Sequence[Mapping[str, float]] = rest[0] if rest else [{}] * len(ids)
        return tuple(
            ServedHit(name, start, start + length, score, dense, lexical, rerank, values)
            for name, start, length, score, dense, lexical, rerank, values in zip(
                ids, starts, lengths, *columns, features, strict=True
            )
        )
    except (ValueError, struct.error, TypeError, IndexError) as error:
        raise ArtefactCorrupt(f"The hits of a ledger row cannot be read ({error}): its file is damaged.") from error


def _numbers(kinds: str, body: bytes, count: int) -> list[list[Json]]:
    columns, offset = [], 0
    for kind in kinds:
        if kind == "-":
            columns.append([None] * count)
            continue
        layout = f"<{count}{kind}"
        found = struct.unpack_from(layout, body, offset)
        columns.append([None if math.isnan(value) else value for value in found])
        offset += struct.calcsize(layout)
    return columns


def plain_hits(packed: bytes) -> bytes:
    """The same hits with a head that is not squeezed, for files that are compressed as a whole.

    Raises:
        ArtefactCorrupt: the bytes are something else.
    """
    try:
        head, body = _parted(packed)
        return _joined(plain(head), body)
    except (ValueError, struct.error) as error:
        raise ArtefactCorrupt(f"The hits of a ledger row cannot be read ({error}): its file is damaged.") from error


def _joined(head: bytes, body: bytes) -> bytes:
    return _LENGTH.pack(len(head)) + head + body


def _parted(packed: bytes) -> tuple[bytes, bytes]:
    (length,) = _LENGTH.unpack_from(packed)
    begins = _LENGTH.size + length
    return packed[_LENGTH.size : begins], packed[begins:]
