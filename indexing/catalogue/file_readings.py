"""Readings: files that are, or are to be, documents of a collection; their states, and what became of each."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from indexing.catalogue.collections import require_collection
from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.files import read_file
from indexing.catalogue.pages import Listed, Page
from indexing.errors import NotFound
from indexing.records import Json, Partition

State: TypeAlias = Literal["in_progress", "completed", "cancelled", "failed"]
"""What a reading is, in OpenAI's words: ``completed`` once searches find all of it."""
Step: TypeAlias = Literal["waiting", "reading", "indexing", "done"]
"""How far it is: until its turn comes, until its documents are stored, until they are found, and from then on."""
ErrorCode: TypeAlias = Literal["server_error", "unsupported_file", "invalid_file"]
"""Why one failed, in OpenAI's words."""
MAX_REJECTS = 100
"""Of the parts of a file that could not be read, how many are kept by name; our choice."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file in a collection. ``file_collection`` is the one that the file was brought to, ``None`` if to none.

    ``fields`` are id, title, url and allow, as far as they were given for the document; ``attributes`` its metadata.
    ``rejects`` says by name what of the file is no document; ``documents`` are the ids of those that it gave.
    """

    number: int
    tenant: str
    collection: str
    file: str
    filename: str
    size_bytes: int
    file_collection: str | None
    batch: str | None
    attributes: Mapping[str, Json]
    fields: Mapping[str, Json]
    chunking: Mapping[str, Json]
    state: State
    step: Step
    error_code: ErrorCode | None
    error_message: str | None
    rejects: Sequence[str]
    usage_bytes: int
    attempts: int
    created_at: str
    ended_at: str | None
    documents: tuple[str, ...] = ()

    @property
    def partition(self) -> Partition:
        """Where its documents are."""
        return Partition(self.tenant, self.collection)


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """How many readings are in which state."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_progress + self.completed + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is to be read into a collection, with what its documents are to have."""

    file: str
    attributes: Mapping[str, Json]
    chunking: Mapping[str, Json]
    fields: Mapping[str, Json]


SELECT = (
    "SELECT r.number, r.tenant, r.collection, r.file, f.filename, f.size_bytes, f.collection AS file_collection,"
    " r.batch, r.attributes, r.fields, r.chunking, r.state, r.step, r.error_code, r.error_message, r.rejects,"
    " r.usage_bytes, r.attempts, r.created_at, r.ended_at, (SELECT json_group_array(id) FROM file_documents m"
    " WHERE m.reading = r.number) AS documents FROM file_readings r JOIN files f ON f.id = r.file"
)
"""Reads rows for ``reading_of``; conditions follow."""
_JSON = ("attributes", "fields", "chunking", "rejects")
_OF = "r.tenant = ? AND r.collection = ?"


def reading_of(row: Row) -> Reading:
    """The reading that a row of ``SELECT`` holds."""
    decoded = {name: json.loads(row[name]) for name in _JSON}
    return Reading(**{**row, **decoded, "documents": tuple(sorted(json.loads(row["documents"])))})


_ATTACH = (
    "INSERT INTO file_readings (tenant, collection, file, batch, attributes, fields, chunking, state, step, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, 'in_progress', 'waiting', ?) ON CONFLICT (tenant, collection, file) DO UPDATE SET"
    " number = (SELECT max(number) + 1 FROM file_readings), batch = excluded.batch, attributes = excluded.attributes,"
    " fields = excluded.fields, chunking = excluded.chunking, state = excluded.state, step = excluded.step,"
    " error_code = NULL, error_message = NULL, rejects = '[]', usage_bytes = 0, holder = '', renewed_at = '',"
    " attempts = 0, created_at = excluded.created_at, ended_at = NULL"
)
"""Under another number the reading is no longer that of a process which has the file at this moment."""


def attach_files(
    database: Database, partition: Partition, attachments: Iterable[Attachment], *, batch: str | None = None
) -> list[Reading]:
    """Let files be read into a collection, all or none; one that is there already is read anew.

    Raises:
        NotFound: there is no such collection, or the tenant has no such file.
    """
    key = (partition.tenant, partition.collection)
    attached = []
    with database.write() as db:
        require_collection(database, partition)
        for one in attachments:
            read_file(database, partition.tenant, one.file)
            row = (
                batch,
                json.dumps(dict(one.attributes), ensure_ascii=False),
                json.dumps(dict(one.fields), ensure_ascii=False),
                json.dumps(dict(one.chunking)),
                utc_now(),
            )
            db.conn.execute(_ATTACH, (*key, one.file, *row))
            attached.append(read_reading(database, partition, one.file))
    return attached


def read_reading(database: Database, partition: Partition, file_id: str) -> Reading:
    """The reading of a file in a collection.

    Raises:
        NotFound: the tenant has none such.
    """
    row = database.row(f"{SELECT} WHERE {_OF} AND r.file = ?", (partition.tenant, partition.collection, file_id))
    if row is None:
        raise NotFound(f"No file {file_id[:100]!r} in {partition.collection!r}: list its files, or attach it first.")
    return reading_of(row)


def attached_readings(database: Database, partition: Partition, limit: int) -> list[Reading]:
    """Readings of files that were attached to a collection, and not brought to it: some ``limit`` of them."""
    sql = f"{SELECT} WHERE r.tenant = ?1 AND r.collection = ?2 AND f.collection IS NOT ?2 ORDER BY r.number LIMIT ?3"
    return [reading_of(row) for row in database.rows(sql, (partition.tenant, partition.collection, limit))]


def list_readings(
    database: Database, partition: Partition, page: Page, *, state: State | None = None, batch: str | None = None
) -> Listed[Reading]:
    """The readings of a collection in the order in which they were asked for.

    Args:
        database: The catalogue.
        partition: Whose collection.
        page: Which of them, by the ids of their files.
        state: Only those in this state.
        batch: Only those of this batch.

    Raises:
        NotFound: the page begins or ends at no file of the collection.
    """
    sql = (
        f"{SELECT} WHERE r.tenant = ?1 AND r.collection = ?2 AND (?3 IS NULL OR r.state = ?3)"
        " AND (?4 IS NULL OR r.batch = ?4)"
    )
    return page.read(
        database,
        sql,
        (partition.tenant, partition.collection, state, batch),
        key=["r.number"],
        place=lambda one: (read_reading(database, partition, one).number,),
        made=reading_of,
    )


def files_that_wait(
    database: Database, partition: Partition, *, file: str | None = None, batch: str | None = None
) -> set[str]:
    """The files of a collection, or of one batch of it, whose documents are stored and found only after a build."""
    sql = (
        "SELECT DISTINCT r.file FROM file_readings r JOIN file_documents m ON m.reading = r.number"
        " JOIN documents d ON d.tenant = m.tenant AND d.collection = m.collection AND d.id = m.id"
        " WHERE r.tenant = ?1 AND r.collection = ?2 AND r.state = 'in_progress' AND r.step = 'indexing' AND d.live = 0"
        " AND (?3 IS NULL OR r.file = ?3) AND (?4 IS NULL OR r.batch = ?4)"
    )
    rows = database.rows(sql, (partition.tenant, partition.collection, file, batch))
    return {str(row["file"]) for row in rows}


def count_readings(database: Database, partition: Partition, *, batch: str | None = None) -> ReadingCounts:
    """How many readings of a collection, or of one batch of it, are in which state."""
    sql = (
        "SELECT state, count(*) AS n FROM file_readings WHERE tenant = ?1 AND collection = ?2"
        " AND (?3 IS NULL OR batch = ?3) GROUP BY state"
    )
    rows = database.rows(sql, (partition.tenant, partition.collection, batch))
    return ReadingCounts(**{row["state"]: int(row["n"]) for row in rows})


def usage_bytes(database: Database, partition: Partition) -> int:
    """The bytes of text that the files of a collection gave."""
    sql = "SELECT coalesce(sum(usage_bytes), 0) AS n FROM file_readings WHERE tenant = ? AND collection = ?"
    row = database.row(sql, (partition.tenant, partition.collection))
    return 0 if row is None else int(row["n"])


def readings_of_file(database: Database, tenant: str, file_id: str) -> list[Reading]:
    """Every reading of a file, of whatever collection of its tenant."""
    rows = database.rows(f"{SELECT} WHERE r.tenant = ? AND r.file = ? ORDER BY r.number", (tenant, file_id))
    return [reading_of(row) for row in rows]


def change_attributes(database: Database, reading: Reading, attributes: Mapping[str, Json]) -> Reading:
    """Give a reading other attributes; its documents are the caller's to change, in the same transaction.

    One that has no documents yet is read from the beginning.

    Raises:
        NotFound: it is gone.
    """
    with database.write() as db:
        if reading.state == "in_progress" and reading.step != "indexing":
            again = Attachment(reading.file, attributes, reading.chunking, reading.fields)
            return attach_files(database, reading.partition, [again], batch=reading.batch)[0]
        sql = "UPDATE file_readings SET attributes = ? WHERE number = ?"
        db.conn.execute(sql, (json.dumps(dict(attributes), ensure_ascii=False), reading.number))
        return read_reading(database, reading.partition, reading.file)


def detach_file(database: Database, partition: Partition, file_id: str) -> Reading:
    """Take a file out of a collection; gives what it was. The documents are the caller's to remove.

    Raises:
        NotFound: it is not in the collection.
    """
    with database.write(grows=False) as db:
        reading = read_reading(database, partition, file_id)
        db.conn.execute("DELETE FROM file_readings WHERE number = ?", (reading.number,))
        return reading


def own_documents(database: Database, reading: Reading) -> list[str]:
    """The ids of the documents that are still what a reading made of its file, not written anew since."""
    sql = (
        "SELECT m.id FROM file_documents m JOIN documents d ON d.tenant = m.tenant AND d.collection = m.collection"
        " AND d.id = m.id AND d.content_sha256 = m.content_sha256 WHERE m.reading = ? ORDER BY m.id"
    )
    return [str(row["id"]) for row in database.rows(sql, (reading.number,))]
