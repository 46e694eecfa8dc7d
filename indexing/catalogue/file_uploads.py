"""Files that come in parts: uploads that are begun, get their parts, and become a file or are given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.files import new_id, require_file_room
from indexing.catalogue.tenants import ensure_tenant
from indexing.errors import InvalidInput, NotFound
from indexing.records import moment_text

UPLOAD_SECONDS = 3600
"""How long an upload may take. Source: OpenAI's, one hour."""
UploadState: TypeAlias = Literal["pending", "completed", "cancelled", "expired"]
"""How an upload stands, in OpenAI's words."""


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file that comes in parts; ``file`` is its id once it is whole, ``file_seconds`` how long that is to live."""

    id: str
    filename: str
    size_bytes: int
    purpose: str
    state: UploadState
    file: str | None
    file_seconds: int | None
    created_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A part of a file."""

    id: str
    upload: str
    size_bytes: int
    created_at: str


def create_upload(
    database: Database, tenant: str, filename: str, size_bytes: int, purpose: str, *, file_seconds: int | None = None
) -> FileUpload:
    """Begin an upload, which has an hour."""
    now = utc_now()
    until = moment_text(datetime.fromisoformat(now) + timedelta(seconds=UPLOAD_SECONDS))
    upload_id = new_id("upload_")
    with database.write() as db:
        ensure_tenant(database, tenant)
        db.conn.execute(
            "INSERT INTO file_uploads (tenant, id, filename, size_bytes, purpose, state, file_seconds, created_at,"
            " expires_at) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)",
            (tenant, upload_id, filename, size_bytes, purpose, file_seconds, now, until),
        )
        return read_upload(database, tenant, upload_id)


def read_upload(database: Database, tenant: str, upload_id: str) -> FileUpload:
    """One upload of a tenant; one whose time is over is expired.

    Raises:
        NotFound: it has none of this id.
    """
    sql = (
        "SELECT id, filename, size_bytes, purpose, CASE WHEN state = 'pending' AND expires_at <= ? THEN 'expired'"
        " ELSE state END AS state, file, file_seconds, created_at, expires_at FROM file_uploads"
        " WHERE tenant = ? AND id = ?"
    )
    row = database.row(sql, (utc_now(), tenant, upload_id))
    if row is None:
        raise NotFound(f"No upload {upload_id[:100]!r}: create it first.")
    return FileUpload(**row)


def require_pending(database: Database, tenant: str, upload_id: str) -> FileUpload:
    """One upload that is still under way.

    Raises:
        NotFound: the tenant has none of this id.
        InvalidInput: it is completed, cancelled or expired.
    """
    upload = read_upload(database, tenant, upload_id)
    if upload.state != "pending":
        raise InvalidInput(f"Upload {upload_id!r} is {upload.state}, not pending: create another.")
    return upload


def begin_part(database: Database, tenant: str, upload_id: str, size_bytes: int, *, most_bytes: int) -> str:
    """Make room for a part and give its id; it does not count before ``finish_part``.

    Raises:
        NotFound, InvalidInput: the upload is not there, is not pending, or would get more bytes than it is to have.
        QuotaExceeded: the tenant's files would take more than ``most_bytes``.
    """
    part_id = new_id("part_")
    with database.write() as db:
        upload = require_pending(database, tenant, upload_id)
        sql = "SELECT coalesce(sum(size_bytes), 0) AS n FROM file_upload_parts WHERE upload = ?"
        row = database.row(sql, (upload_id,))
        held = 0 if row is None else int(row["n"])
        if held + size_bytes > upload.size_bytes:
            raise InvalidInput(
                f"Upload {upload_id!r} is to have {upload.size_bytes:,} bytes and would have {held + size_bytes:,}:"
                " send no more than 'bytes' said."
            )
        require_file_room(database, tenant, size_bytes, most_bytes)
        sql = "INSERT INTO file_upload_parts (id, upload, size_bytes, created_at) VALUES (?, ?, ?, ?)"
        db.conn.execute(sql, (part_id, upload_id, size_bytes, utc_now()))
    return part_id


def finish_part(database: Database, part_id: str) -> UploadPart:
    """Let a part count whose bytes are durable now.

    Raises:
        NotFound: its upload has ended meanwhile.
    """
    with database.write(grows=False) as db:
        db.conn.execute("UPDATE file_upload_parts SET stored = 1 WHERE id = ?", (part_id,))
        row = database.row("SELECT id, upload, size_bytes, created_at FROM file_upload_parts WHERE id = ?", (part_id,))
    if row is None:
        raise NotFound("The upload has ended while this part came: create another.")
    return UploadPart(**row)


def read_parts(database: Database, upload_id: str) -> list[UploadPart]:
    """The parts of an upload that count, in the order in which they came."""
    sql = (
        "SELECT id, upload, size_bytes, created_at FROM file_upload_parts WHERE upload = ? AND stored = 1"
        " ORDER BY number"
    )
    return [UploadPart(**row) for row in database.rows(sql, (upload_id,))]


def end_upload(
    database: Database, tenant: str, upload_id: str, state: UploadState, *, file: str | None = None
) -> Sequence[str]:
    """End an upload that is pending; gives the ids of its parts, whose bytes may go now.

    Raises:
        NotFound, InvalidInput: as ``require_pending``.
    """
    with database.write(grows=False) as db:
        require_pending(database, tenant, upload_id)
        sql = "UPDATE file_uploads SET state = ?, file = ? WHERE id = ?"
        db.conn.execute(sql, (state, file, upload_id))
        return _forget_parts(database, upload_id)


def _forget_parts(database: Database, upload_id: str) -> Sequence[str]:
    with database.write(grows=False) as db:
        rows = database.rows("SELECT id FROM file_upload_parts WHERE upload = ?", (upload_id,))
        parts = [str(row["id"]) for row in rows]
        db.conn.execute("DELETE FROM file_upload_parts WHERE upload = ?", (upload_id,))
    return parts


def expire_uploads(database: Database, now: str) -> None:
    """Forget the parts of uploads whose time is over at ``now`` (UTC, ISO 8601)."""
    sql = "SELECT id FROM file_uploads WHERE state = 'pending' AND expires_at <= ?"
    over = [str(row["id"]) for row in database.rows(sql, (now,))]
    if not over:
        return
    with database.write(grows=False) as db:
        for upload_id in over:
            db.conn.execute("UPDATE file_uploads SET state = 'expired' WHERE id = ?", (upload_id,))
            _forget_parts(database, upload_id)
