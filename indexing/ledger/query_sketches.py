"""Sketches of query vectors: what drift of what is asked is seen by, without the vectors, which tell of the text.

A sketch is a vector under a projection onto 32 random directions, which the home's secret decides: distances survive,
words do not, and without the secret no guessed text can be compared with it. Sketches of two models, or of two homes,
have nothing to do with each other.

Source: Johnson and Lindenstrauss 1984, for what a random projection keeps; 32 components as issue 12 asks.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from indexing.errors import GroundworkError
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault
from indexing.ledger.id_samples import id_sample
from indexing.ledger.records import QuerySketch
from indexing.ledger.row_columns import Value
from indexing.ledger.store import LedgerStore
from indexing.records import Vector

COMPONENTS = 32
"""Of a sketch. Source: issue 12."""
_SCALE = 127.0
"""Steps of a component between 0 and 1, so that one is a byte: components of unit vectors are about 0.18. Our choice:
a step is a twentieth of that, far below what differs between two queries."""
_PURPOSE = b"query sketch"
Sketches = NDArray[np.float32]
"""float32, shape (n, 32), in no order that means anything."""


def sketch_of(secret: bytes, model: str, vector: Vector) -> QuerySketch:
    """The sketch of a query vector, float32 (dimension,) of unit norm, under the secret of the ledger."""
    projected = np.asarray(vector, np.float32) @ _projection(secret, model, len(vector))
    steps = np.clip(np.rint(projected * _SCALE), -_SCALE, _SCALE)
    return QuerySketch(model, steps.astype(np.int8).tobytes())


@lru_cache(maxsize=16)
def _projection(secret: bytes, model: str, dimension: int) -> NDArray[np.float32]:
    """Random directions, float32 (dimension, 32): the same for the same three on every machine."""
    seed = hashlib.blake2b(model.encode("utf-8", "surrogatepass"), key=secret, person=_PURPOSE).digest()
    chance = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
    return np.asarray(chance.standard_normal((dimension, COMPONENTS)) / np.sqrt(COMPONENTS), np.float32)


def unpacked(packed: Sequence[bytes]) -> Sketches:
    """Stored sketches as one array, a row each."""
    steps = np.frombuffer(b"".join(packed), np.int8).reshape(-1, COMPONENTS)
    return np.asarray(steps / _SCALE, np.float32)


def read_sketches(
    ledger: LedgerStore,
    period: Period,
    model: str,
    *,
    most: int | None = None,
    tenant: str | None = None,
    collection: str | None = None,
    recipes: Collection[int] | None = None,
    seed: int = 0,
    on_fault: OnFault = log_fault,
) -> list[tuple[UUID, bytes]]:
    """The sketches of a model's query vectors in a period, with the ids of their rows, oldest first.

    They are counted before they are read, so that of many no more are read than are wanted.

    Args:
        ledger: Whose days; what was compacted keeps its sketches in the database of its day.
        period: From when until when.
        model: Whose vectors.
        most: At most so many, chosen by the random bits of the ids; ``None`` for all.
        tenant: Of one tenant alone.
        collection: Of one collection alone.
        recipes: Of what releases of these recipes answered alone; ``None`` for all.
        seed: Which part, where there are more.
        on_fault: Told of each day that cannot be read.
    """
    where, parameters = "model = ? AND id >= ? AND id < ?", list[Value]([model, *period.ids])
    for column, value in (("tenant", tenant), ("collection", collection)):
        if value is not None:
            where, parameters = f"{where} AND {column} = ?", [*parameters, value]
    if recipes is not None:
        where, parameters = f"{where} AND recipe IN ({', '.join('?' * len(recipes))})", [*parameters, *recipes]
    sample = None
    if most is not None:
        counted = _cells(ledger, period, f"SELECT count(*) FROM query_sketches WHERE {where}", parameters, on_fault)
        sample = id_sample(sum(count for (count,) in counted), most, seed)
        of_sample, more = sample.where
        where, parameters = f"{where} AND {of_sample}", [*parameters, *more]
    sql = f"SELECT id, sketch FROM query_sketches WHERE {where} ORDER BY id"
    found = [(UUID(bytes=row_id), packed) for row_id, packed in _cells(ledger, period, sql, parameters, on_fault)]
    if sample is None:
        return found
    return sorted(sorted(found, key=lambda one: sample.place(one[0]))[:most])


def _cells(
    ledger: LedgerStore, period: Period, sql: str, parameters: Sequence[Value], on_fault: OnFault
) -> Iterator[Cells]:
    for one in list_days(ledger.folder):
        if one.database is None or not period.covers(one.day):
            continue
        try:
            with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
                yield from file.rows(sql, parameters)
        except GroundworkError as error:
            on_fault(DayFault(one.day, str(error)))
