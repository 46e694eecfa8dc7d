"""A compacted day: a Parquet file sorted by tenant and time, written with pyarrow, asked with DuckDB; an extra."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from indexing.errors import ArtefactCorrupt, NotReady
from indexing.ledger.row_columns import COLUMNS, Value
from indexing.records import Json
from indexing.storage.permissions import PRIVATE_FILE

ROWS_A_GROUP = 50_000
"""Rows written and held in memory at once, some 50 MB; what a tenant's window makes DuckDB read. Source: our choice."""
_ROWS_A_FETCH = 1000
"""Rows of an answer that DuckDB turns into Python's at once. Source: our choice."""
_KINDS = {"BLOB": "binary", "TEXT": "string", "INTEGER": "int64", "REAL": "float64"}


class ParquetDay:
    """The open file of one compacted day, to be read."""

    def __init__(self, path: Path) -> None:
        """Open ``path``.

        Raises:
            ArtefactCorrupt: it is no readable Parquet file.
            NotReady: DuckDB is not installed.
        """
        self._path = path
        self._duckdb = _module("duckdb")
        self._connection = _database(os.getpid()).cursor()
        name = str(path.absolute()).replace("'", "''")
        self._run(f"CREATE TEMP VIEW requests AS SELECT * FROM read_parquet('{name}')", ())

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> Iterator[tuple[Json, ...]]:
        """The rows of a query over ``requests``, lazily."""
        found = self._run(sql, parameters)
        while chunk := found.fetchmany(_ROWS_A_FETCH):
            yield from chunk

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _run(self, sql: str, parameters: Sequence[Value]) -> Any:
        try:
            return self._connection.execute(sql, list(parameters))
        except self._duckdb.Error as error:
            self._connection.close()
            said = " ".join(str(error).split())
            raise ArtefactCorrupt(
                f"{self._path.name} of the ledger is not readable ({said}): restore it from a backup."
            ) from error


@cache
def _database(process: int) -> Any:
    """The DuckDB of this process, which holds nothing: files are read through connections to it.

    To make one takes 13 ms of CPU, a connection to it none. A process that was forked makes its own.

    Raises:
        NotReady: DuckDB is not installed.
    """
    # Nothing is fetched from anywhere, nothing that was read is kept, and a question takes one core from what else the
    # machine does.
    config = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_external_file_cache": False,
    }
    return _module("duckdb").connect(":memory:", config=config)


def require_analytics() -> None:
    """Go on only where compacted days can be read and written.

    Raises:
        NotReady: the extra is not installed.
    """
    _module("duckdb")
    _module("pyarrow")


def write_rows(path: Path, rows: Iterator[tuple[Json, ...]]) -> int:
    """Write a new Parquet file, durable and the owner's alone; how many rows it got."""
    pyarrow, parquet = _module("pyarrow"), _module("pyarrow.parquet")
    schema = pyarrow.schema([(name, getattr(pyarrow, _KINDS[kind])()) for name, kind in COLUMNS.items()])
    count = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            while group := list(islice(rows, ROWS_A_GROUP)):
                cells = zip(zip(*group, strict=True), schema.types, strict=True)
                columns = [pyarrow.array(column, kind) for column, kind in cells]
                writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
                count += len(group)
        file.flush()
        os.fsync(file.fileno())
    return count


def read_rows(path: Path) -> Iterator[tuple[Json, ...]]:
    """Every row of a Parquet file, in its order.

    Raises:
        ArtefactCorrupt: it is no readable Parquet file.
    """
    pyarrow, parquet = _module("pyarrow"), _module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_A_GROUP):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise ArtefactCorrupt(f"{path.name} of the ledger is not readable ({error}): restore it.") from error


def _module(name: str) -> Any:
    """A package of the extra, loaded when a compacted day is first met: nothing else may cost its import.

    Raises:
        NotReady: it is not installed.
    """
    try:
        if name == "duckdb":
            import duckdb

            return duckdb
        import pyarrow
        import pyarrow.parquet

        return pyarrow.parquet if name == "pyarrow.parquet" else pyarrow
    except ModuleNotFoundError as error:
        raise NotReady(
            f"Compacted days of the ledger need {error.name}, which is not installed: pip install"
            " 'groundwork[analytics]'."
        ) from error
