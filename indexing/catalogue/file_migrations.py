"""Steps of the catalogue's schema: what clients of other shapes bring, and what keys are bound to. Append only."""

from sqlite_utils import Database

from indexing.catalogue.quality_migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


@catalogue_migrations(name="0032_files")
def _files(db: Database) -> None:
    # A file as it was brought; its bytes are an artefact of its id. stored is 0 until they are durable. A file with a
    # collection was brought to that one and goes with it; others are the tenant's.
    db.execute(
        "CREATE TABLE files (number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, id TEXT NOT NULL UNIQUE,"
        " filename TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL DEFAULT '', purpose TEXT NOT NULL,"
        " collection TEXT, created_at TEXT NOT NULL, expires_at TEXT, stored INTEGER NOT NULL DEFAULT 0) STRICT"
    )
    db.execute("CREATE INDEX files_of_tenants ON files (tenant, number)")
    # A file that is, or is to be, documents of a collection. While it is in progress: step says how far it is, and
    # holder which process has it, since when (renewed_at). fields are id, title, url and allow as they were given.
    db.execute(
        "CREATE TABLE file_readings (number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL,"
        " collection TEXT NOT NULL, file TEXT NOT NULL REFERENCES files(id) ON DELETE CASCADE, batch TEXT,"
        " attributes TEXT NOT NULL, fields TEXT NOT NULL, chunking TEXT NOT NULL, state TEXT NOT NULL,"
        " step TEXT NOT NULL, error_code TEXT, error_message TEXT, rejects TEXT NOT NULL DEFAULT '[]',"
        " usage_bytes INTEGER NOT NULL DEFAULT 0, holder TEXT NOT NULL DEFAULT '', renewed_at TEXT NOT NULL DEFAULT '',"
        " attempts INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, ended_at TEXT,"
        " UNIQUE (tenant, collection, file)) STRICT"
    )
    db.execute("CREATE INDEX file_readings_in_progress ON file_readings (tenant, number) WHERE state = 'in_progress'")
    db.execute("CREATE INDEX file_readings_of_collections ON file_readings (tenant, collection, number)")
    db.execute("CREATE INDEX file_readings_of_batches ON file_readings (batch, number) WHERE batch IS NOT NULL")
    db.execute("CREATE INDEX file_readings_of_files ON file_readings (file)")
    # The documents that a reading made, by the content that it gave them: one that was written anew since is another's.
    db.execute(
        "CREATE TABLE file_documents (tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,"
        " reading INTEGER NOT NULL REFERENCES file_readings(number) ON DELETE CASCADE ON UPDATE CASCADE,"
        " content_sha256 TEXT NOT NULL, PRIMARY KEY (tenant, collection, id)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX file_documents_of_readings ON file_documents (reading)")
    # When each tenant's turn was last: a number that only grows.
    db.execute("CREATE TABLE file_reading_turns (tenant TEXT PRIMARY KEY, turn INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    db.execute(
        "CREATE TABLE file_batches (number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL,"
        " id TEXT NOT NULL UNIQUE, collection TEXT NOT NULL, created_at TEXT NOT NULL, cancelled_at TEXT) STRICT"
    )
    # A file that comes in parts; the bytes of each part are an artefact of its id.
    db.execute(
        "CREATE TABLE file_uploads (number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL,"
        " id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, size_bytes INTEGER NOT NULL, purpose TEXT NOT NULL,"
        " state TEXT NOT NULL, file TEXT, file_seconds INTEGER, created_at TEXT NOT NULL, expires_at TEXT NOT NULL)"
        " STRICT"
    )
    db.execute("CREATE INDEX file_uploads_of_tenants ON file_uploads (tenant, number)")
    db.execute(
        "CREATE TABLE file_upload_parts (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " upload TEXT NOT NULL REFERENCES file_uploads(id) ON DELETE CASCADE, size_bytes INTEGER NOT NULL,"
        " created_at TEXT NOT NULL, stored INTEGER NOT NULL DEFAULT 0) STRICT"
    )
    db.execute("CREATE INDEX file_upload_parts_of_uploads ON file_upload_parts (upload, number)")
    # What a collection is called as a vector store, and what else was said of it; one without a row has its own name.
    db.execute(
        "CREATE TABLE vector_stores (tenant TEXT NOT NULL, collection TEXT NOT NULL, name TEXT NOT NULL,"
        " description TEXT NOT NULL DEFAULT '', metadata TEXT NOT NULL DEFAULT '{}', expires_days INTEGER,"
        " last_active_at TEXT NOT NULL, PRIMARY KEY (tenant, collection)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TRIGGER files_of_removed_collections AFTER DELETE ON collections BEGIN"
        " DELETE FROM file_readings WHERE tenant = OLD.tenant AND collection = OLD.name;"
        " DELETE FROM file_batches WHERE tenant = OLD.tenant AND collection = OLD.name;"
        " DELETE FROM files WHERE tenant = OLD.tenant AND collection = OLD.name;"
        " DELETE FROM vector_stores WHERE tenant = OLD.tenant AND collection = OLD.name; END"
    )


@catalogue_migrations(name="0034_bound_keys")
def _bound_keys(db: Database) -> None:
    # The collections that a key opens, and whom its searches ask for, each as a list; null: all, and whom a body names.
    db.execute("ALTER TABLE api_keys ADD COLUMN collections TEXT")
    db.execute("ALTER TABLE api_keys ADD COLUMN principals TEXT")
