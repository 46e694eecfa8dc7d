"""The hits of a row as bytes: document ids, then columns of numbers, a third of JSON's size and exact to the bit."""

import json
import math
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import add, sub
from typing import Final

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.hit_columns import HitColumns
from indexing.ledger.json_headed_hits import plain_json_head, unpack_json_headed
from indexing.ledger.records import ServedHit
from indexing.ledger.squeezing import json_text, plain, squeezed
from indexing.records import Json

_HEAD = struct.Struct("<IIH")
"""How many bytes the ids take, with ``_BINARY`` added; how many hits; and the kinds of the columns with two flags.

Behind it stand what all ids begin with, and the rest of each; and the columns: characters of what the ids share and of
each rest; starts and then spans; fused, dense, lexical and reranked scores. Two bits tell a column's kind, the first
column's the highest."""
_BINARY: Final = 1 << 31
"""What no length of a JSON head has, with which hits began before version 3 of the file."""
_WHOLE: Final = "BHIQ"
"""The kinds of columns of whole numbers, as ``struct`` calls them."""
_SCORES: Final = "-fd"
"""The kinds of columns of scores; ``-`` is one without a number, and takes no bytes."""
_NONE, _FLOAT32, _FLOAT64 = range(len(_SCORES))
_WHOLE_COLUMNS, _COLUMNS = 2, 6
_HAS_FEATURES, _IS_SQUEEZED = 1 << 12, 1 << 13
"""Whether the values that boosts used stand at the end, as JSON, and whether the ids are squeezed."""
_LONG_BYTES = 256
"""Ids that take as many are squeezed: of ten hits those longer than 25 characters, with what they share taken out.
Source: our choice; it makes them a third shorter, and takes 10 us."""
_LAYOUTS = 512
"""Lengths of columns that are remembered; most searches ask for the same few. Our choice."""
_SPELLING = ("utf-8", "surrogatepass")


def pack_hits(hits: Sequence[ServedHit]) -> bytes | None:
    """The hits as bytes; ``None`` for no hits. Scores that no float32 holds exactly are kept as float64.

    Raises:
        InvalidInput: a hit starts before its text, or ends before it starts.
    """
    return _packed(HitColumns.of(hits), squeezed) if hits else None


def _packed(hits: HitColumns, squeeze: Callable[[bytes], bytes]) -> bytes:
    ids = hits.document_ids
    shared = _shared_characters(min(ids), max(ids))
    rests = [name[shared:] for name in ids] if shared else ids
    names = (ids[0][:shared] + "".join(rests)).encode(*_SPELLING)
    spans = map(sub, hits.ends, hits.starts)
    kinds, parts = 0, [b"", names]
    for kind, packed in (
        _packed_whole([shared, *map(len, rests)]),
        _packed_whole([*hits.starts, *spans]),
        _packed_scores(hits.scores),
        _packed_scores(hits.dense),
        _packed_scores(hits.lexical),
        _packed_scores(hits.rerank),
    ):
        kinds = kinds << 2 | kind
        parts.append(packed)
    if hits.features:
        kinds |= _HAS_FEATURES
        parts.append(squeeze(json_text([dict(values) for values in hits.features]).encode("ascii")))
    if len(names) >= _LONG_BYTES and len(shorter := squeeze(names)) < len(names):
        kinds |= _IS_SQUEEZED
        parts[1] = shorter
    parts[0] = _HEAD.pack(len(parts[1]) | _BINARY, len(ids), kinds)
    return b"".join(parts)


def _shared_characters(first: str, last: str) -> int:
    """How many characters all texts begin with, of which these are the first and the last in order."""
    for place, character in enumerate(first):
        if character != last[place]:
            return place
    return len(first)


def _packed_whole(numbers: Sequence[int]) -> tuple[int, bytes]:
    """The place in ``_WHOLE`` of the narrowest kind that holds all numbers, and their bytes."""
    highest = max(numbers)
    kind = 0 if highest < 1 << 8 else 1 if highest < 1 << 16 else 2 if highest < 1 << 32 else 3
    try:
        return kind, _layout(len(numbers), _WHOLE[kind]).pack(*numbers)
    except struct.error as error:
        raise InvalidInput(
            f"A hit of a ledger row is not a piece of a text ({error}): expected 0 <= start <= end."
        ) from error


def _packed_scores(column: Sequence[float | None]) -> tuple[int, bytes]:
    """The place in ``_SCORES`` of the narrowest kind that holds every number exactly, and the column's bytes."""
    missing = column.count(None)
    if missing == len(column):
        return _NONE, b""
    numbers = tuple([value for value in column if value is not None] if missing else column)
    try:
        floats = _layout(len(numbers), _SCORES[_FLOAT32])
        packed = floats.pack(*numbers)
        kind = _FLOAT32 if floats.unpack(packed) == numbers else _FLOAT64
    except OverflowError:
        kind = _FLOAT64
    if missing:
        numbers = tuple([math.nan if value is None else value for value in column])
    elif kind == _FLOAT32:
        return kind, packed
    return kind, _layout(len(numbers), _SCORES[kind]).pack(*numbers)


@lru_cache(_LAYOUTS)
def _layout(count: int, kind: str) -> struct.Struct:
    """So many numbers of a kind."""
    return struct.Struct(f"<{count}{kind}")


def unpack_hits(packed: bytes | None) -> tuple[ServedHit, ...]:
    """The hits that ``pack_hits`` packed; a leg that did not score is ``None`` again.

    Raises:
        ArtefactCorrupt: the bytes are something else.
    """
    if packed is None:
        return ()
    try:
        return tuple(_unpacked(packed) if _is_binary(packed) else unpack_json_headed(packed))
    except (ValueError, struct.error, TypeError, IndexError) as error:
        raise ArtefactCorrupt(f"The hits of a ledger row cannot be read ({error}): its file is damaged.") from error


def plain_hits(packed: bytes) -> bytes:
    """The same hits with nothing in them squeezed, for files that are compressed as a whole.

    Raises:
        ArtefactCorrupt: the bytes are something else.
    """
    try:
        if not _is_binary(packed):
            return plain_json_head(packed)
        if not _HEAD.unpack_from(packed)[2] & (_HAS_FEATURES | _IS_SQUEEZED):
            return packed
        return _packed(_unpacked(packed), lambda text: text)
    except (ValueError, struct.error, TypeError, IndexError) as error:
        raise ArtefactCorrupt(f"The hits of a ledger row cannot be read ({error}): its file is damaged.") from error


def _is_binary(packed: bytes) -> bool:
    """Whether the head is none of JSON; its highest bit stands in the fourth byte."""
    return packed[3:4] >= b"\x80"


def _unpacked(packed: bytes) -> HitColumns:
    length, count, kinds = _HEAD.unpack_from(packed)
    at = _HEAD.size + length - _BINARY
    names = packed[_HEAD.size : at]
    columns: list[Sequence[Json]] = []
    for place, numbers in enumerate((count + 1, 2 * count, count, count, count, count)):
        kind = (_WHOLE if place < _WHOLE_COLUMNS else _SCORES)[kinds >> 2 * (_COLUMNS - 1 - place) & 3]
        if kind == "-":
            columns.append([None] * numbers)
            continue
        layout = f"<{numbers}{kind}"
        columns.append(struct.unpack_from(layout, packed, at))
        at += struct.calcsize(layout)
    if not kinds & _HAS_FEATURES and at != len(packed):
        raise ValueError(f"{len(packed) - at} bytes are left over behind the hits")
    lengths, places = columns[:_WHOLE_COLUMNS]
    legs: list[list[Json]] = [
        [None if value is None or math.isnan(value) else value for value in column]
        for column in columns[_WHOLE_COLUMNS:]
    ]
    text = (plain(names) if kinds & _IS_SQUEEZED else names).decode(*_SPELLING)
    starts, ends = places[:count], list(map(add, places[:count], places[count:]))
    features = json.loads(plain(packed[at:])) if kinds & _HAS_FEATURES else ()
    scores, dense, lexical, rerank = legs
    return HitColumns(_ids(text, lengths), starts, ends, scores, dense, lexical, rerank, features)


def _ids(text: str, lengths: Sequence[int]) -> list[str]:
    shared, *rests = lengths
    ids, at = [], shared
    for length in rests:
        ids.append(text[:shared] + text[at : at + length])
        at += length
    if at != len(text):
        raise ValueError(f"ids of {at} characters in {len(text)}")
    return ids
