"""Hits as files before version 3 hold them: a squeezed JSON head and columns of scores. They are read for ever."""

import json
import math
import struct

from indexing.ledger.hit_columns import HitColumns
from indexing.ledger.squeezing import plain
from indexing.records import Json

_LENGTH = struct.Struct("<I")
"""Of the head: four bytes before it."""


def unpack_json_headed(packed: bytes) -> HitColumns:
    """The hits; a leg that did not score is ``None``.

    Raises:
        ValueError, struct.error, TypeError, IndexError: the bytes are something else.
    """
    head, body = _parted(packed)
    ids, starts, lengths, kinds, *rest = json.loads(plain(head))
    ends = [start + length for start, length in zip(starts, lengths, strict=True)]
    scores, dense, lexical, rerank = _numbers(kinds, body, len(ids))
    return HitColumns(ids, starts, ends, scores, dense, lexical, rerank, rest[0] if rest else ())


def plain_json_head(packed: bytes) -> bytes:
    """The same with a head that is not squeezed; errors as in ``unpack_json_headed``."""
    head, body = _parted(packed)
    head = plain(head)
    return _LENGTH.pack(len(head)) + head + body


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


def _parted(packed: bytes) -> tuple[bytes, bytes]:
    (length,) = _LENGTH.unpack_from(packed)
    begins = _LENGTH.size + length
    return packed[_LENGTH.size : begins], packed[begins:]
