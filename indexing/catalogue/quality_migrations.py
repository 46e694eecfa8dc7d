"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from sqlite_utils import Database

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


@catalogue_migrations(name="0019_query_sets")
def _query_sets(db: Database) -> None:
    # A version of a set is what was so then: rows are never changed but for the version in which they ended, so that
    # any version can be read again. A set is about the documents of one collection.
    db.execute(
        "CREATE TABLE query_sets (name TEXT PRIMARY KEY, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " kind TEXT NOT NULL, version INTEGER NOT NULL, provenance TEXT NOT NULL, created_at TEXT NOT NULL,"
        " created_by TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE query_set_versions (query_set TEXT NOT NULL REFERENCES query_sets(name) ON DELETE CASCADE,"
        " version INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,"
        " PRIMARY KEY (query_set, version)) STRICT, WITHOUT ROWID"
    )
    # source_document: whose text a synthetic query was made of. user_hash: whose request it was, by the ledger's hash.
    db.execute(
        "CREATE TABLE query_set_queries (number INTEGER PRIMARY KEY AUTOINCREMENT, query_set TEXT NOT NULL"
        " REFERENCES query_sets(name) ON DELETE CASCADE, id TEXT NOT NULL, text TEXT NOT NULL, split TEXT NOT NULL,"
        " origin TEXT NOT NULL, slices TEXT NOT NULL, source_document TEXT, author TEXT NOT NULL, user_hash TEXT,"
        " since_version INTEGER NOT NULL, until_version INTEGER) STRICT"
    )
    db.execute(
        "CREATE UNIQUE INDEX query_set_queries_now ON query_set_queries (query_set, id) WHERE until_version IS NULL"
    )
    db.execute("CREATE INDEX query_set_queries_of_sets ON query_set_queries (query_set, number)")
    # content_sha256: of the document as it was when it was judged; NULL where the collection did not hold it.
    db.execute(
        "CREATE TABLE query_set_judgments (number INTEGER PRIMARY KEY AUTOINCREMENT, query_set TEXT NOT NULL"
        " REFERENCES query_sets(name) ON DELETE CASCADE, query TEXT NOT NULL, document TEXT NOT NULL,"
        " grade INTEGER NOT NULL, content_sha256 TEXT, author TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,"
        " since_version INTEGER NOT NULL, until_version INTEGER) STRICT"
    )
    db.execute(
        "CREATE UNIQUE INDEX query_set_judgments_now ON query_set_judgments (query_set, query, document)"
        " WHERE until_version IS NULL"
    )
    db.execute("CREATE INDEX query_set_judgments_of_sets ON query_set_judgments (query_set, number)")
    db.execute("CREATE INDEX query_set_judgments_of_documents ON query_set_judgments (document)")
    # What a person should judge: a query, and mostly a document. It answers nothing before it is accepted into a set.
    db.execute(
        "CREATE TABLE judgment_candidates (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL,"
        " collection TEXT NOT NULL, query TEXT NOT NULL, document TEXT NOT NULL, source TEXT NOT NULL,"
        " evidence TEXT NOT NULL, user_hash TEXT, times INTEGER NOT NULL, proposed_at TEXT NOT NULL,"
        " state TEXT NOT NULL, decided_at TEXT, decided_by TEXT, reason TEXT,"
        " UNIQUE (tenant, collection, query, document)) STRICT"
    )
    db.execute("CREATE INDEX judgment_candidates_open ON judgment_candidates (state, tenant, collection, id)")
