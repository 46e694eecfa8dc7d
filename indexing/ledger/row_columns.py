"""A request's row as the columns of a day's file, and back; the same in SQLite and in Parquet."""

import json
import re
from collections.abc import Sequence
from uuid import UUID

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.hit_packing import pack_hits, plain_hits, unpack_hits
from indexing.ledger.named_values import is_packed, pack_milliseconds, pack_values, unpack_values
from indexing.ledger.records import RequestRow
from indexing.ledger.squeezing import json_text, plain
from indexing.records import Json

COLUMNS: dict[str, str] = {
    "id": "BLOB",
    "process": "TEXT",
    "number": "INTEGER",
    "kind": "TEXT",
    "request_id": "TEXT",
    "tenant": "TEXT",
    "collection": "TEXT",
    "user_hash": "BLOB",
    "recipe": "INTEGER",
    "build": "INTEGER",
    "rollout": "INTEGER",
    "arm": "TEXT",
    "reason": "TEXT",
    "unit_hash": "BLOB",
    "mode": "TEXT",
    "k": "INTEGER",
    "is_grouped": "INTEGER",
    "query_hash": "BLOB",
    "query": "TEXT",
    "filters": "TEXT",
    "principals": "TEXT",
    "query_features": "TEXT",
    "is_reranked": "INTEGER",
    "seq": "INTEGER",
    "view_number": "INTEGER",
    "hits": "BLOB",
    "hit_count": "INTEGER",
    "timings_ms": "TEXT",
    "total_ms": "REAL",
    "status": "INTEGER",
    "error": "TEXT",
    "warnings": "TEXT",
    "shadow_of": "BLOB",
    "comparison": "TEXT",
    "is_whole": "INTEGER",
    "is_erased": "INTEGER",
}
"""Each column with its type. Hashes and ids are bytes, what has parts is JSON, empty parts are NULL.

In a database the values of ``PACKED`` are bytes, and long ids of hits are squeezed. In Parquet, which is compressed as
a whole, the values are JSON, so that DuckDB can look into them, and ids are plain.
"""
PACKED = ("query_features", "timings_ms")
TOTAL = "total"
"""Which of a row's timings is the whole request's; it has a column of its own, for guards."""
_DECIMALS = 3
"""Of milliseconds: to the microsecond, as answers say them."""
_AT = {name: position for position, name in enumerate(COLUMNS)}
_HASH = re.compile("[0-9a-f]{32}")
_RELEASE = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
Value = bytes | str | int | float | None
"""What a cell may hold."""


def values_of(row: RequestRow) -> tuple[Value, ...]:
    """A row's cells in the order of ``COLUMNS``.

    Raises:
        InvalidInput: a hash or the release has another form than ``RequestRow`` says.
    """
    recipe, build = _release_numbers(row.release)
    total_ms = row.timings_ms.get(TOTAL)
    return (
        *(row.id.bytes, row.process, row.number, row.kind, storable_text(row.request_id), row.tenant, row.collection),
        *(hash_bytes("user", row.user), recipe, build, row.rollout, row.arm, row.reason),
        *(hash_bytes("unit", row.unit), row.mode, row.k, int(row.grouped)),
        *(hash_bytes("query_hash", row.query_hash), as_json(row.query), as_json(row.filters), as_json(row.principals)),
        *(pack_values(row.query_features), int(row.is_reranked), row.seq, row.view),
        *(pack_hits(row.hits), len(row.hits), pack_milliseconds(row.timings_ms)),
        *(None if total_ms is None else round(total_ms, _DECIMALS),),
        *(row.status, storable_text(row.error), as_json(row.warnings or None)),
        *(None if row.shadow_of is None else row.shadow_of.bytes, as_json(row.comparison)),
        *(int(row.is_whole), int(row.is_erased)),
    )


SKETCH_COLUMNS = ("id", "tenant", "collection", "recipe", "user_hash", "model", "sketch")
"""Of a sketch in a day's table of them."""


def sketch_values(row: RequestRow) -> tuple[Value, ...] | None:
    """The cells of a row's sketch in the order of ``SKETCH_COLUMNS``; ``None`` without one.

    Raises:
        InvalidInput: as ``values_of``.
    """
    if row.sketch is None:
        return None
    recipe, _ = _release_numbers(row.release)
    user = hash_bytes("user", row.user)
    return row.id.bytes, row.tenant, row.collection, recipe, user, row.sketch.model, row.sketch.packed


def row_from(values: Sequence[Json]) -> RequestRow:
    """The row whose cells ``values_of`` gave.

    Raises:
        ArtefactCorrupt: the cells are something else.
    """
    cell: dict[str, Json] = dict(zip(COLUMNS, values, strict=True))
    try:
        principals = parsed_json(cell["principals"])
        return RequestRow(
            id=UUID(bytes=cell["id"]),
            process=cell["process"],
            number=cell["number"],
            kind=cell["kind"],
            request_id=cell["request_id"],
            tenant=cell["tenant"],
            collection=cell["collection"],
            user=hash_text(cell["user_hash"]),
            release=release_text(cell["recipe"], cell["build"]),
            rollout=cell["rollout"],
            arm=cell["arm"],
            reason=cell["reason"],
            unit=hash_text(cell["unit_hash"]),
            mode=cell["mode"],
            k=cell["k"],
            grouped=bool(cell["is_grouped"]),
            query_hash=hash_text(cell["query_hash"]),
            query=parsed_json(cell["query"]),
            filters=parsed_json(cell["filters"]),
            principals=None if principals is None else tuple(principals),
            query_features=parsed_json(cell["query_features"]) or {},
            is_reranked=bool(cell["is_reranked"]),
            seq=cell["seq"],
            view=cell["view_number"],
            hits=unpack_hits(cell["hits"]),
            timings_ms=parsed_json(cell["timings_ms"]) or {},
            status=cell["status"],
            error=cell["error"],
            warnings=tuple(parsed_json(cell["warnings"]) or ()),
            shadow_of=None if cell["shadow_of"] is None else UUID(bytes=cell["shadow_of"]),
            comparison=parsed_json(cell["comparison"]),
            is_whole=bool(cell["is_whole"]),
            is_erased=bool(cell["is_erased"]),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ArtefactCorrupt(f"A row of the ledger cannot be read ({error}): its file is damaged.") from error


def release_text(recipe: int, build: int) -> str:
    """How a release is named; ``0.0`` where none had been chosen."""
    return f"{recipe}.{build}"


def _release_numbers(release: str) -> tuple[int, int]:
    form = _RELEASE.fullmatch(release)
    if form is None:
        raise InvalidInput(f"Release {release[:40]!r} of a ledger row: expected RECIPE.BUILD such as 12.3.")
    return int(form[1]), int(form[2])


def hash_bytes(field: str, value: str | None) -> bytes | None:
    """A keyed hash as a cell.

    Raises:
        InvalidInput: it is none.
    """
    if value is None:
        return None
    if not _HASH.fullmatch(value):
        raise InvalidInput(
            f"{field} of a ledger row is not a keyed hash: expected 32 hexadecimal digits of keyed_hash()."
        )
    return bytes.fromhex(value)


def hash_text(value: bytes | None) -> str | None:
    """The keyed hash of a cell."""
    return None if value is None else value.hex()


def as_json(value: Json) -> str | None:
    """A value as a cell; ``None`` is NULL."""
    return None if value is None else json_text(value)


def plain_cells(values: Sequence[Json]) -> tuple[Json, ...]:
    """A row's cells as Parquet has them.

    Raises:
        ArtefactCorrupt: they cannot be read.
    """
    cells = list(values)
    try:
        for name in PACKED:
            if cells[_AT[name]] is not None:
                cells[_AT[name]] = json_text(parsed_json(cells[_AT[name]]))
    except ValueError as error:
        raise ArtefactCorrupt(f"A row of the ledger cannot be read ({error}): its file is damaged.") from error
    if cells[_AT["hits"]] is not None:
        cells[_AT["hits"]] = plain_hits(cells[_AT["hits"]])
    return tuple(cells)


def parsed_json(cell: str | bytes | None) -> Json:
    """The value of a cell that holds JSON or packed values; ``None`` for NULL.

    Raises:
        ValueError: it holds something else.
    """
    if cell is None:
        return None
    if isinstance(cell, str):
        return json.loads(cell)
    return unpack_values(cell) if is_packed(cell) else json.loads(plain(cell))


def storable_text(value: str | None) -> str | None:
    """A text as a cell; a lone surrogate, which SQLite cannot store, is written as its escape."""
    return value if value is None or value.isascii() else value.encode("utf-8", "backslashreplace").decode()
