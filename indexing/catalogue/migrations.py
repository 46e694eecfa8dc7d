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


@catalogue_migrations(name="0007_keys_and_limits")
def _keys_and_limits(db: Database) -> None:
    db.execute("ALTER TABLE tenants ADD COLUMN revoked_at TEXT")
    for limit in ("max_documents", "max_passages", "requests_per_minute"):
        db.execute(f"ALTER TABLE tenants ADD COLUMN {limit} INTEGER")  # NULL is unlimited
    # What a key was made for before there were scopes, it may do now; ids are given to keys that had none.
    db.execute("ALTER TABLE api_keys ADD COLUMN id TEXT")
    db.execute("ALTER TABLE api_keys ADD COLUMN name TEXT NOT NULL DEFAULT ''")
    db.execute("""ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '["search", "write", "admin"]'""")
    db.execute("ALTER TABLE api_keys ADD COLUMN is_default INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE api_keys SET id = 'k_' || lower(hex(randomblob(5)))")
    db.execute("UPDATE api_keys SET is_default = 1, name = 'default' WHERE tenant = 'default'")
    db.execute("CREATE UNIQUE INDEX api_keys_ids ON api_keys (id)")
    db.execute("CREATE INDEX api_keys_of_tenants ON api_keys (tenant, created_at, id)")
    # Counts that a quota is compared with at every write.
    db.execute("ALTER TABLE collections ADD COLUMN documents INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE collections ADD COLUMN passages INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE collections SET documents = (SELECT count(*) FROM documents d"
        " WHERE d.tenant = collections.tenant AND d.collection = collections.name)"
    )
    db.execute(
        "CREATE TRIGGER documents_added AFTER INSERT ON documents BEGIN"
        " UPDATE collections SET documents = documents + 1 WHERE tenant = NEW.tenant AND name = NEW.collection; END"
    )
    db.execute(
        "CREATE TRIGGER documents_removed AFTER DELETE ON documents BEGIN"
        " UPDATE collections SET documents = documents - 1 WHERE tenant = OLD.tenant AND name = OLD.collection; END"
    )


@catalogue_migrations(name="0008_permissions_and_deletions")
def _permissions_and_deletions(db: Database) -> None:
    db.execute("ALTER TABLE documents ADD COLUMN allow TEXT")
    # What was deleted when, so that a snapshot from before can hide it; writing the document again takes it back.
    db.execute(
        "CREATE TABLE deletions (tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,"
        " seq INTEGER NOT NULL, PRIMARY KEY (tenant, collection, id)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX deletions_in_order ON deletions (seq)")
    db.execute("CREATE INDEX documents_in_order ON documents (seq)")


@catalogue_migrations(name="0009_live_writes")
def _live_writes(db: Database) -> None:
    # Whether a write is to be found before the next build holds it; what a source brings waits for the build.
    db.execute("ALTER TABLE documents ADD COLUMN live INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX documents_live ON documents (seq) WHERE live = 1")
    db.execute(
        "CREATE TABLE build_requests (id INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, seq INTEGER NOT NULL,"
        " created_at TEXT NOT NULL) STRICT"
    )


@catalogue_migrations(name="0010_logged_queries")
def _logged_queries(db: Database) -> None:
    # Whether the texts of a tenant's queries may stand in the log; the installation has to allow it as well.
    db.execute("ALTER TABLE tenants ADD COLUMN log_queries INTEGER NOT NULL DEFAULT 0")


@catalogue_migrations(name="0011_superseded_live_writes")
def _superseded(db: Database) -> None:
    # The last live version of a document whose newest version waits for a build: until then it goes on answering.
    # Its columns are those of documents; a column that is added there is added here.
    db.execute("CREATE TABLE superseded AS SELECT * FROM documents WHERE 0")
    db.execute("CREATE UNIQUE INDEX superseded_documents ON superseded (tenant, collection, id)")
    db.execute("CREATE INDEX superseded_in_order ON superseded (seq)")


@catalogue_migrations(name="0012_waiting_writes")
def _waiting_writes(db: Database) -> None:
    # Whose write asked for a build; NULL where the installation itself did.
    db.execute("ALTER TABLE build_requests ADD COLUMN tenant TEXT")
    # When a builder was last seen: one row, of the one that was seen last.
    db.execute(
        "CREATE TABLE builder_heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), builder TEXT NOT NULL,"
        " seen_at TEXT NOT NULL) STRICT"
    )
    # Counts what waits for a build without reading a document.
    db.execute("CREATE INDEX documents_waiting ON documents (seq, tenant) WHERE live = 0")


@catalogue_migrations(name="0013_secrets")
def _secrets(db: Database) -> None:
    # What the home alone knows, as hexadecimal digits; made at its first use.
    db.execute(
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL, created_at TEXT NOT NULL) STRICT, WITHOUT"
        " ROWID"
    )


@catalogue_migrations(name="0014_last_number_told")
def _last_number_told(db: Database) -> None:
    # The highest sequence number that earlier versions can have told a tenant as a number; tokens came after it.
    db.execute("CREATE TABLE last_number_told (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT")
    db.execute("INSERT INTO last_number_told SELECT 1, value FROM write_sequence")


@catalogue_migrations(name="0015_rollouts")
def _rollouts(db: Database) -> None:
    # The last row of deployments is the recipe in service, as before. New is which of them took a promotion back.
    db.execute("ALTER TABLE deployments ADD COLUMN is_rollback INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE deployments ADD COLUMN rollout INTEGER")
    db.execute(
        "CREATE TABLE rollouts (id INTEGER PRIMARY KEY AUTOINCREMENT, candidate INTEGER NOT NULL"
        " REFERENCES recipes(number), baseline INTEGER NOT NULL REFERENCES recipes(number), mode TEXT NOT NULL,"
        " state TEXT NOT NULL, share REAL NOT NULL CHECK (share BETWEEN 0 AND 1), unit TEXT NOT NULL,"
        " seed TEXT NOT NULL, steps TEXT NOT NULL, step INTEGER NOT NULL, tenants TEXT, first_tenants TEXT NOT NULL,"
        " ends_at TEXT, max_queries INTEGER, decides TEXT NOT NULL, ab_test TEXT, version INTEGER NOT NULL,"
        " since_at TEXT NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL) STRICT"
    )
    # Whatever a process believes, two rollouts never take traffic at once, and two candidates never are the live one.
    db.execute("CREATE UNIQUE INDEX rollouts_open ON rollouts ((1)) WHERE state IN ('shadow', 'canary', 'paused')")
    db.execute("CREATE UNIQUE INDEX rollouts_live ON rollouts ((1)) WHERE state = 'live'")
    db.execute(
        "CREATE TABLE rollout_transitions (id INTEGER PRIMARY KEY AUTOINCREMENT, rollout INTEGER NOT NULL"
        " REFERENCES rollouts(id), version INTEGER NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,"
        " share REAL NOT NULL, step INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,"
        " evidence TEXT NOT NULL, deployment INTEGER, UNIQUE (rollout, version)) STRICT"
    )
    db.execute(
        "CREATE TABLE pins (tenant TEXT PRIMARY KEY REFERENCES tenants(id), kind TEXT NOT NULL,"
        " recipe INTEGER REFERENCES recipes(number), actor TEXT NOT NULL, reason TEXT NOT NULL,"
        " created_at TEXT NOT NULL, CHECK ((kind = 'pinned') = (recipe IS NOT NULL))) STRICT, WITHOUT ROWID"
    )
    # Recipes that were in service before: open until a moment, so that one call puts them back.
    db.execute(
        "CREATE TABLE standby (recipe INTEGER PRIMARY KEY REFERENCES recipes(number), until_at TEXT NOT NULL,"
        " since_at TEXT NOT NULL) STRICT"
    )
    # Which watcher evaluates the rollout, and when it last said so: one row.
    db.execute(
        "CREATE TABLE watcher_lease (id INTEGER PRIMARY KEY CHECK (id = 1), watcher TEXT NOT NULL,"
        " renewed_at TEXT NOT NULL) STRICT"
    )
    # What judges of quality say about a recipe; guards read the newest of each kind.
    db.execute(
        "CREATE TABLE verdicts (id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL"
        " REFERENCES recipes(number), kind TEXT NOT NULL, verdict TEXT NOT NULL, reasons TEXT NOT NULL,"
        " at TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX verdicts_of_recipes ON verdicts (recipe, kind, id)")


@catalogue_migrations(name="0016_document_features")
def _document_features(db: Database) -> None:
    # Values of documents, appended and never changed: when each was so, and since when that is known.
    db.execute(
        "CREATE TABLE document_features (number INTEGER PRIMARY KEY AUTOINCREMENT, view TEXT NOT NULL,"
        " tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL, event_time TEXT NOT NULL,"
        " known_at TEXT NOT NULL, content_sha256 TEXT NOT NULL, body TEXT NOT NULL) STRICT"
    )
    db.execute(
        "CREATE INDEX document_features_in_time ON document_features (view, tenant, collection, id, event_time,"
        " known_at)"
    )
    db.execute("CREATE INDEX document_features_in_order ON document_features (view, tenant, collection, number)")
    db.execute("CREATE INDEX document_features_of_documents ON document_features (tenant, collection, id)")
    db.execute(
        "CREATE TRIGGER document_features_stay BEFORE UPDATE ON document_features BEGIN"
        " SELECT RAISE(ABORT, 'rows of document_features are appended, never changed'); END"
    )
    # How often rows were removed, so that those who keep rows in memory know when to read them anew.
    db.execute(
        "CREATE TABLE document_feature_removals (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT"
    )
    db.execute("INSERT INTO document_feature_removals (id, value) VALUES (1, 0)")


@catalogue_migrations(name="0017_document_versions")
def _document_versions(db: Database) -> None:
    # Each version of a live write, from when another or a deletion took its place, so that what a search saw of it can
    # be seen again; `gc` forgets those that no retained release is older than. Its columns are those of documents and
    # the write that ended it; a column that is added there is added here.
    db.execute("CREATE TABLE document_versions AS SELECT *, 0 AS ended_seq FROM documents WHERE 0")
    db.execute("CREATE UNIQUE INDEX document_versions_by_document ON document_versions (tenant, collection, id, seq)")
    db.execute("CREATE INDEX document_versions_in_order ON document_versions (ended_seq)")


@catalogue_migrations(name="0018_ages_of_document_versions")
def _ages_of_document_versions(db: Database) -> None:
    # When each version was ended: one that was ended before the ledger's oldest day was seen by no request it holds.
    db.execute("ALTER TABLE document_versions ADD COLUMN ended_at TEXT NOT NULL DEFAULT ''")
    db.execute("UPDATE document_versions SET ended_at = strftime('%Y-%m-%dT%H:%M:%S.000+00:00', 'now')")
    db.execute("CREATE INDEX document_versions_by_age ON document_versions (ended_at)")


@catalogue_migrations(name="0035_preparations")
def _preparations(db: Database) -> None:
    # Changes of the recipe that operators ask for over HTTP: what is to be built, and what became of it. A builder runs
    # them, so that a change that waits, or was begun by a builder that was killed, is found by the next one.
    db.execute(
        "CREATE TABLE preparations (id INTEGER PRIMARY KEY AUTOINCREMENT, recipe INTEGER NOT NULL"
        " REFERENCES recipes(number), live INTEGER NOT NULL, changes TEXT NOT NULL, tenants TEXT NOT NULL,"
        " dry_run INTEGER NOT NULL,"
        " reason TEXT NOT NULL, actor TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
        " cost TEXT, job INTEGER, stage TEXT, done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,"
        " release TEXT, rollout INTEGER, error TEXT, created_at TEXT NOT NULL, ended_at TEXT) STRICT"
    )
    db.execute(
        "CREATE UNIQUE INDEX preparations_open ON preparations (recipe, dry_run) WHERE state IN ('waiting', 'building')"
    )
