"""The hits of a row as bytes: a JSON head and columns of numbers, half the size of JSON and exact to the bit."""

import json
import math
import struct
from collections.abc import Mapping, Sequence

from indexing.errors import ArtefactCorrupt
from indexing.ledger.records import ServedHit
from indexing.records import Json

_END_OF_HEAD = b"\0"
"""JSON has no such byte: it writes the character as ``\\u0000``."""
_FIXED = 3
"""Columns that stand in every head: document ids, starts, lengths."""


def pack_hits(hits: Sequence[ServedHit]) -> bytes | None:
    """The hits as bytes; ``None`` for no hits. Scores that no float32 holds exactly are kept as float64."""
    if not hits:
        return None
    kinds, body = "", b""
    scores: list[float | None] = [hit.score for hit in hits]
    for column in (scores, *_legs(hits)):
        kind = _kind_of(column)
        kinds += kind
        if kind != "-":
            numbers = [math.nan if value is None else value for value in column]
            body += struct.pack(f"<{len(numbers)}{kind}", *numbers)
    spans = [hit.end - hit.start for hit in hits]
    head: list[Json] = [[hit.document_id for hit in hits], [hit.start for hit in hits], spans, kinds]
    if any(hit.features for hit in hits):
        head.append([dict(hit.features) for hit in hits])
    return _dumped(head) + _END_OF_HEAD + body


def _legs(hits: Sequence[ServedHit]) -> tuple[list[float | None], ...]:
    return [hit.dense for hit in hits], [hit.lexical for hit in hits], [hit.rerank for hit in hits]


def _kind_of(column: Sequence[float | None]) -> str:
    """``-`` where a column has no number, ``f`` where float32 holds them all, else ``d``."""
    numbers = [value for value in column if value is not None]
    if not numbers:
        return "-"
    try:
        is_exact = list(struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}f", *numbers))) == numbers
    except OverflowError:
        is_exact = False
    return "f" if is_exact else "d"


def unpack_hits(packed: bytes | None) -> tuple[ServedHit, ...]:
    """The hits that ``pack_hits`` packed; a leg that did not score is ``None`` again.

    Raises:
        ArtefactCorrupt: the bytes are something else.
    """
    if packed is None:
        return ()
    head, _, body = packed.partition(_END_OF_HEAD)
    try:
        ids, starts, lengths, kinds, *rest = json.loads(head)
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


def marker_of(document_id: str) -> bytes:
    """Bytes that stand in every packing that names the document, so that a scan need not unpack the others."""
    return _dumped(document_id)


def _dumped(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
