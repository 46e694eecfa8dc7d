"""The catalogue's schema as numbered steps. Append only: a step that was released is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

catalogue_migrations = Migrations("groundwork")


@catalogue_migrations(name="0001_tenants_and_documents")
def _tenants_and_documents(db: Database) -> None:
    db.execute("CREATE TABLE tenants (id TEXT PRIMARY KEY, created_at TEXT NOT NULL) STRICT")
    db.execute(
        "CREATE TABLE api_keys (key_sha256 TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants(id),"
        " created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT) STRICT"
    )
    db.execute(
        "CREATE TABLE collections (tenant TEXT NOT NULL REFERENCES tenants(id), name TEXT NOT NULL,"
        " created_at TEXT NOT NULL, PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE documents (tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,"
        " title TEXT NOT NULL, text TEXT NOT NULL, url TEXT NOT NULL, metadata TEXT NOT NULL,"
        " content_type TEXT NOT NULL, source TEXT NOT NULL, content_sha256 TEXT NOT NULL,"
        " record_sha256 TEXT NOT NULL, seq INTEGER NOT NULL, updated_at TEXT NOT NULL,"
        " PRIMARY KEY (tenant, collection, id),"
        " FOREIGN KEY (tenant, collection) REFERENCES collections(tenant, name)) STRICT"
    )
    db.execute(
        "CREATE INDEX documents_records ON documents (tenant, collection, id, content_sha256, record_sha256, source)"
    )
    db.execute("CREATE TABLE write_sequence (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT")
    db.execute("INSERT INTO write_sequence VALUES (1, 0)")


@catalogue_migrations(name="0002_versions")
def _versions(db: Database) -> None:
    db.execute(
        "CREATE TABLE models (name TEXT NOT NULL, version INTEGER NOT NULL, manifest TEXT NOT NULL,"
        " created_at TEXT NOT NULL, PRIMARY KEY (name, version)) STRICT"
    )
    db.execute(
        "CREATE TABLE feature_views (kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
        " definition TEXT NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (kind, name, version)) STRICT"
    )
    db.execute(
        "CREATE TABLE passages (view_fingerprint TEXT NOT NULL, content_sha256 TEXT NOT NULL,"
        " count INTEGER NOT NULL, spans TEXT NOT NULL, PRIMARY KEY (view_fingerprint, content_sha256))"
        " STRICT, WITHOUT ROWID"
    )


@catalogue_migrations(name="0003_releases")
def _releases(db: Database) -> None:
    db.execute(
        "CREATE TABLE recipes (number INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL UNIQUE,"
        " manifest TEXT NOT NULL, created_at TEXT NOT NULL) STRICT"
    )
    db.execute(
        "CREATE TABLE releases (recipe INTEGER NOT NULL REFERENCES recipes(number), build INTEGER NOT NULL,"
        " snapshot TEXT NOT NULL, seq INTEGER NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL,"
        " PRIMARY KEY (recipe, build)) STRICT"
    )
    db.execute(
        "CREATE TABLE deployments (id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL"
        " REFERENCES recipes(number), reason TEXT NOT NULL, actor TEXT NOT NULL, created_at TEXT NOT NULL) STRICT"
    )


@catalogue_migrations(name="0004_jobs")
def _jobs(db: Database) -> None:
    db.execute(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL REFERENCES recipes(number),"
        " state TEXT NOT NULL, executor TEXT NOT NULL, actor TEXT NOT NULL, created_at TEXT NOT NULL,"
        " finished_at TEXT, error TEXT) STRICT"
    )
    db.execute(
        "CREATE TABLE job_blocks (job INTEGER NOT NULL REFERENCES jobs(id), name TEXT NOT NULL, kind TEXT NOT NULL,"
        " state TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT, PRIMARY KEY (job, name)) STRICT, WITHOUT ROWID"
    )


@catalogue_migrations(name="0005_retired_releases")
def _retired_releases(db: Database) -> None:
    db.execute("ALTER TABLE releases ADD COLUMN retired_at TEXT")


@catalogue_migrations(name="0006_erasures")
def _erasures(db: Database) -> None:
    db.execute(
        "CREATE TABLE erasures (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " state TEXT NOT NULL, actor TEXT NOT NULL, created_at TEXT NOT NULL, finished_at TEXT) STRICT"
    )
    # An id may be personal data: it stands here only until the erasure is done, its hash for ever.
    db.execute(
        "CREATE TABLE erased_documents (erasure INTEGER NOT NULL REFERENCES erasures(id), id_sha256 TEXT NOT NULL,"
        " id TEXT, PRIMARY KEY (erasure, id_sha256)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE erased_releases (erasure INTEGER NOT NULL REFERENCES erasures(id), recipe INTEGER NOT NULL,"
        " build INTEGER NOT NULL, old_snapshot TEXT NOT NULL, new_snapshot TEXT NOT NULL,"
        " PRIMARY KEY (erasure, recipe, build, old_snapshot)) STRICT, WITHOUT ROWID"
    )
