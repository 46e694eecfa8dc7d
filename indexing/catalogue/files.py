"""Files that clients brought: their rows, and which document came from which. Their bytes are artefacts."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.pages import Listed, Page
from indexing.catalogue.tenants import ensure_tenant
from indexing.errors import NotFound, QuotaExceeded
from indexing.records import Partition


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it was brought; moments in ISO 8601, UTC.

    ``collection`` is the one that it was brought to, and goes with; ``None`` for a file of the tenant as a whole.
    """

    id: str
    filename: str
    size_bytes: int
    sha256: str
    purpose: str
    collection: str | None
    created_at: str
    expires_at: str | None


_COLUMNS = "id, filename, size_bytes, sha256, purpose, collection, created_at, expires_at"


def new_id(prefix: str) -> str:
    """An id that cannot be guessed: ``prefix`` and 24 hexadecimal digits, as OpenAI's are."""
    return f"{prefix}{secrets.token_hex(12)}"


def begin_file(
    database: Database,
    tenant: str,
    filename: str,
    size_bytes: int,
    purpose: str,
    *,
    most_bytes: int,
    collection: str | None = None,
    expires_at: str | None = None,
) -> str:
    """Make room for a file and give its id; it is not seen before ``finish_file``.

    Args:
        database: The catalogue.
        tenant: Whose it is.
        filename: What it is called.
        size_bytes: How large it is.
        purpose: What for, in OpenAI's words.
        most_bytes: What all files of the tenant may take together.
        collection: The one that it was brought to, if any.
        expires_at: When it is to go by itself, if ever.

    Raises:
        QuotaExceeded: the tenant's files would take more than ``most_bytes``.
    """
    file_id = new_id("file-")
    with database.write() as db:
        ensure_tenant(database, tenant)
        require_file_room(database, tenant, size_bytes, most_bytes)
        db.conn.execute(
            "INSERT INTO files (tenant, id, filename, size_bytes, purpose, collection, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (tenant, file_id, filename, size_bytes, purpose, collection, utc_now(), expires_at),
        )
    return file_id


def require_file_room(database: Database, tenant: str, added_bytes: int, most_bytes: int) -> None:
    """Refuse more bytes of files than a tenant may have, parts of unfinished ones included.

    Raises:
        QuotaExceeded: they would be more than ``most_bytes``.
    """
    row = database.row(
        "SELECT (SELECT coalesce(sum(size_bytes), 0) FROM files WHERE tenant = ?1)"
        " + (SELECT coalesce(sum(p.size_bytes), 0) FROM file_upload_parts p JOIN file_uploads u ON u.id = p.upload"
        " WHERE u.tenant = ?1) AS n",
        (tenant,),
    )
    held = 0 if row is None else int(row["n"])
    if held + added_bytes > most_bytes:
        raise QuotaExceeded(
            f"Tenant {tenant!r} may hold {most_bytes:,} bytes of files, has {held:,} and would get {added_bytes:,}"
            " more: delete files that are not needed, or have the operator raise GROUNDWORK_MAX_FILES_MB."
        )


def finish_file(database: Database, tenant: str, file_id: str, sha256: str) -> StoredFile:
    """Let a file be seen whose bytes are durable now.

    Raises:
        NotFound: the tenant or its files were erased meanwhile.
    """
    with database.write() as db:
        sql = "UPDATE files SET stored = 1, sha256 = ? WHERE tenant = ? AND id = ?"
        db.conn.execute(sql, (sha256, tenant, file_id))
        return read_file(database, tenant, file_id)


def read_file(database: Database, tenant: str, file_id: str) -> StoredFile:
    """One file of a tenant.

    Raises:
        NotFound: it has none of this id.
    """
    sql = f"SELECT {_COLUMNS} FROM files WHERE tenant = ? AND id = ? AND stored = 1"
    row = database.row(sql, (tenant, file_id))
    if row is None:
        raise NotFound(f"No file {file_id[:100]!r}: list the files, or upload it first.")
    return StoredFile(**row)


def list_files(database: Database, tenant: str, page: Page, *, purpose: str | None = None) -> Listed[StoredFile]:
    """A tenant's files in the order in which they came.

    Raises:
        NotFound: the page begins at no file of the tenant.
    """

    def place(file_id: str) -> tuple[int]:
        row = database.row("SELECT number FROM files WHERE tenant = ? AND id = ? AND stored = 1", (tenant, file_id))
        if row is None:
            raise NotFound(f"No file {file_id[:100]!r}: 'after' is the id of the last file of the page before.")
        return (int(row["number"]),)

    sql = f"SELECT {_COLUMNS} FROM files WHERE tenant = ?1 AND stored = 1 AND (?2 IS NULL OR purpose = ?2)"
    return page.read(database, sql, (tenant, purpose), key=["number"], place=place, made=lambda row: StoredFile(**row))


def remove_file(database: Database, tenant: str, file_id: str) -> None:
    """Forget a file, with every reading of it; the documents that were made of it stay.

    Raises:
        NotFound: the tenant has none of this id.
    """
    with database.write(grows=False) as db:
        if not db.conn.execute("DELETE FROM files WHERE tenant = ? AND id = ?", (tenant, file_id)).rowcount:
            raise NotFound(f"No file {file_id[:100]!r}: list the files, or upload it first.")


def file_of_document(database: Database, partition: Partition, document_id: str) -> tuple[str, str] | None:
    """Id and name of the file that a document came from, while its content is what the file gave; or ``None``."""
    return files_of_documents(database, partition, [document_id]).get(document_id)


def files_of_documents(database: Database, partition: Partition, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Documents by id with id and name of the file that each came from; those that came from none are left out."""
    sql = (
        "SELECT m.id, f.id AS file, f.filename FROM file_documents m"
        " JOIN documents d ON d.tenant = m.tenant AND d.collection = m.collection AND d.id = m.id"
        " AND d.content_sha256 = m.content_sha256"
        " JOIN file_readings r ON r.number = m.reading JOIN files f ON f.id = r.file"
        " WHERE m.tenant = ? AND m.collection = ? AND m.id IN (SELECT value FROM json_each(?))"
    )
    rows = database.rows(sql, (partition.tenant, partition.collection, json.dumps(list(ids))))
    return {row["id"]: (row["file"], row["filename"]) for row in rows}


def has_files(database: Database, partition: Partition) -> bool:
    """Whether any document of a collection came from a file."""
    sql = "SELECT 1 FROM file_documents WHERE tenant = ? AND collection = ? LIMIT 1"
    return database.row(sql, (partition.tenant, partition.collection)) is not None


def stored_files(database: Database) -> tuple[list[str], list[str]]:
    """The ids of all files whose bytes are durable, and of all such parts, of whatever tenant."""
    tables = ("files", "file_upload_parts")
    found = [database.rows(f"SELECT id FROM {table} WHERE stored = 1 ORDER BY number") for table in tables]
    files, parts = ([str(row["id"]) for row in rows] for rows in found)
    return files, parts


def known_files(database: Database) -> set[str]:
    """The ids of all files and parts that the catalogue knows, of whatever tenant: other bytes may go."""
    rows: Iterable[Row] = database.rows("SELECT id FROM files UNION ALL SELECT id FROM file_upload_parts")
    return {str(row["id"]) for row in rows}


def forget_unfinished_files(database: Database, before: str) -> None:
    """Forget files and parts that were begun before a moment (ISO 8601, UTC) and whose bytes never came."""
    tables = ("files", "file_upload_parts")
    counts = [f"SELECT 1 FROM {table} WHERE stored = 0 AND created_at < ?1" for table in tables]
    if database.row(" UNION ALL ".join(counts), (before,)) is None:  # as nearly always, without the lock of writers
        return
    with database.write(grows=False) as db:
        for table in tables:
            db.conn.execute(f"DELETE FROM {table} WHERE stored = 0 AND created_at < ?", (before,))


def expired_files(database: Database, now: str) -> list[tuple[str, str]]:
    """Tenant and id of each file whose time is over at ``now`` (ISO 8601, UTC)."""
    rows = database.rows("SELECT tenant, id FROM files WHERE expires_at <= ? AND stored = 1", (now,))
    return [(str(row["tenant"]), str(row["id"])) for row in rows]


def forget_files_of(database: Database, partition: Partition, ids: Iterable[str] | None) -> int:
    """Forget the files that some documents were made of, or for ``None`` all that were brought to a collection.

    A file whose id is a document's own counts, too, as does one that is still to be read; one that is also in another
    collection stays for that one. Gives how many.

    Args:
        database: The catalogue.
        partition: Whose documents.
        ids: Which ones; ``None`` for all of the partition.
    """
    key = (partition.tenant, partition.collection)
    wanted = None if ids is None else json.dumps(sorted(ids))
    found = (
        "SELECT r.file FROM file_readings r LEFT JOIN file_documents m ON m.reading = r.number WHERE r.tenant = ?1"
        " AND r.collection = ?2 AND (?3 IS NULL OR m.id IN (SELECT value FROM json_each(?3))"
        " OR r.file IN (SELECT value FROM json_each(?3)))"
        " UNION SELECT f.id FROM files f WHERE f.tenant = ?1 AND (f.id IN (SELECT value FROM json_each(?3))"
        " OR (?3 IS NULL AND f.collection = ?2))"
    )
    with database.write(grows=False) as db:
        files = json.dumps([str(row["file"]) for row in database.rows(found, (*key, wanted))])
        among = "file IN (SELECT value FROM json_each(?1))"
        db.conn.execute(f"DELETE FROM file_readings WHERE {among} AND tenant = ?2 AND collection = ?3", (files, *key))
        sql = (
            "DELETE FROM files WHERE id IN (SELECT value FROM json_each(?1)) AND tenant = ?2"
            " AND NOT EXISTS (SELECT 1 FROM file_readings r WHERE r.file = files.id)"
        )
        return int(db.conn.execute(sql, (files, partition.tenant)).rowcount)


def ids_in_files(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of the documents that files gave a partition, and of the files in it that have given none yet."""
    rows = database.rows(
        "SELECT id FROM file_documents WHERE tenant = ?1 AND collection = ?2 UNION SELECT file FROM file_readings r"
        " WHERE tenant = ?1 AND collection = ?2 AND NOT EXISTS (SELECT 1 FROM file_documents m"
        " WHERE m.reading = r.number)",
        (partition.tenant, partition.collection),
    )
    return frozenset(str(row["id"]) for row in rows)


def forget_files_of_tenant(database: Database, tenant: str, *, is_counted_only: bool = False) -> int:
    """Forget every file of a tenant, with parts and readings, or only count them; gives how many files."""
    row = database.row("SELECT count(*) AS n FROM files WHERE tenant = ?", (tenant,))
    if not is_counted_only:
        with database.write(grows=False) as db:
            for table in ("files", "file_uploads", "file_batches", "file_reading_turns", "vector_stores"):
                db.conn.execute(f"DELETE FROM {table} WHERE tenant = ?", (tenant,))
    return 0 if row is None else int(row["n"])
