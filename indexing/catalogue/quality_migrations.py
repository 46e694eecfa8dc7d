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


@catalogue_migrations(name="0020_evaluations")
def _evaluations(db: Database) -> None:
    # What was measured of a release; the id is the fingerprint of all that went in, so that nothing is measured twice.
    db.execute(
        "CREATE TABLE evaluations (id TEXT PRIMARY KEY, recipe INTEGER NOT NULL, release TEXT NOT NULL,"
        " snapshot TEXT NOT NULL, seq INTEGER NOT NULL, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " query_set TEXT NOT NULL, version INTEGER, split TEXT NOT NULL, mode TEXT NOT NULL, k INTEGER NOT NULL,"
        " queries INTEGER NOT NULL, documents TEXT NOT NULL, judgments TEXT NOT NULL, means TEXT NOT NULL,"
        " latency TEXT NOT NULL, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX evaluations_of_sets ON evaluations (query_set, created_at)")
    db.execute("CREATE INDEX evaluations_of_partitions ON evaluations (tenant, collection)")


@catalogue_migrations(name="0021_gates")
def _gates(db: Database) -> None:
    # What a verdict rests on: against which recipe, by which policy, on which build and which queries, at which level.
    db.execute("ALTER TABLE verdicts ADD COLUMN baseline INTEGER REFERENCES recipes(number)")
    db.execute("ALTER TABLE verdicts ADD COLUMN release TEXT")
    db.execute("ALTER TABLE verdicts ADD COLUMN policy TEXT")
    db.execute("ALTER TABLE verdicts ADD COLUMN level REAL")
    db.execute("ALTER TABLE verdicts ADD COLUMN is_synthetic INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE verdicts ADD COLUMN rollout INTEGER REFERENCES rollouts(id)")
    db.execute("ALTER TABLE verdicts ADD COLUMN evidence TEXT NOT NULL DEFAULT '{}'")
    # Which verdict let a recipe go in service, or why it went without one.
    db.execute("ALTER TABLE deployments ADD COLUMN verdict INTEGER REFERENCES verdicts(id)")
    db.execute("ALTER TABLE deployments ADD COLUMN override TEXT")
    # Recipes that were in service before verdicts were needed may be so again without one.
    db.execute("CREATE TABLE recipes_before_gates (recipe INTEGER PRIMARY KEY REFERENCES recipes(number)) STRICT")
    db.execute("INSERT INTO recipes_before_gates (recipe) SELECT DISTINCT recipe FROM deployments")


@catalogue_migrations(name="0024_schedule")
def _schedule(db: Database) -> None:
    # Since when a job is scheduled: what was due before that was not missed.
    db.execute("CREATE TABLE scheduled_jobs (name TEXT PRIMARY KEY, since_at TEXT NOT NULL) STRICT, WITHOUT ROWID")
    # due_at is the moment that a run is for; step says what a running one does; stopped ones are done again.
    db.execute(
        "CREATE TABLE scheduled_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, due_at TEXT NOT NULL,"
        " begun_at TEXT NOT NULL, ended_at TEXT, state TEXT NOT NULL, holder TEXT NOT NULL, step TEXT,"
        " summary TEXT NOT NULL DEFAULT '{}', error TEXT) STRICT"
    )
    db.execute("CREATE INDEX scheduled_runs_of_jobs ON scheduled_runs (job, due_at)")
    # Who runs what is scheduled, told as a watcher is.
    db.execute("ALTER TABLE watcher_lease RENAME COLUMN watcher TO holder")
    db.execute(
        "CREATE TABLE schedule_lease (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL,"
        " renewed_at TEXT NOT NULL) STRICT"
    )


@catalogue_migrations(name="0026_judge_replies")
def _judge_replies(db: Database) -> None:
    # What a model said to a prompt, so that no judgement is paid for twice. A reply quotes texts: the documents and the
    # users that it was asked about stand beside it, so that it goes with them.
    db.execute(
        "CREATE TABLE judge_replies (key TEXT PRIMARY KEY, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " model TEXT NOT NULL, reply TEXT NOT NULL, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX judge_replies_of_collections ON judge_replies (tenant, collection)")
    db.execute("CREATE INDEX judge_replies_by_age ON judge_replies (created_at)")
    db.execute(
        "CREATE TABLE judge_reply_documents (key TEXT NOT NULL REFERENCES judge_replies(key) ON DELETE CASCADE,"
        " document TEXT NOT NULL, PRIMARY KEY (key, document)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX judge_replies_of_documents ON judge_reply_documents (document)")
    db.execute(
        "CREATE TABLE judge_reply_users (key TEXT NOT NULL REFERENCES judge_replies(key) ON DELETE CASCADE,"
        " user_hash TEXT NOT NULL, PRIMARY KEY (key, user_hash)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX judge_replies_of_users ON judge_reply_users (user_hash)")


@catalogue_migrations(name="0023_alerts")
def _alerts(db: Database) -> None:
    # What a person should know; of one key at most one is open.
    db.execute(
        "CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, tenant TEXT,"
        " severity TEXT NOT NULL, source TEXT NOT NULL, message TEXT NOT NULL, evidence TEXT NOT NULL,"
        " times INTEGER NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, acknowledged_at TEXT,"
        " acknowledged_by TEXT, note TEXT) STRICT"
    )
    db.execute("CREATE UNIQUE INDEX open_alerts ON alerts (key) WHERE acknowledged_at IS NULL")
    # What repeated looks at one part of the traffic have seen together, so that they may go on after a restart.
    db.execute(
        "CREATE TABLE drift_watches (scope TEXT PRIMARY KEY, tenant TEXT, reference_at TEXT NOT NULL,"
        " looked_until TEXT NOT NULL, looks INTEGER NOT NULL, evidence TEXT NOT NULL) STRICT"
    )


@catalogue_migrations(name="0027_pin_changes")
def _pin_changes(db: Database) -> None:
    # Who pinned a tenant, held it back, chose it first or let it go, and why: appended, so that it is known later.
    db.execute(
        "CREATE TABLE pin_changes (id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, kind TEXT NOT NULL,"
        " recipe INTEGER, actor TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL) STRICT"
    )
    db.execute(
        "INSERT INTO pin_changes (tenant, kind, recipe, actor, reason, at)"
        " SELECT tenant, kind, recipe, actor, reason, created_at FROM pins ORDER BY created_at"
    )


@catalogue_migrations(name="0028_put_off_writes")
def _put_off_writes(db: Database) -> None:
    # Live writes that a recipe lacks until its next build, by sequence number: a restarted process knows them again.
    db.execute(
        "CREATE TABLE put_off_writes (recipe INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (recipe, seq)) STRICT,"
        " WITHOUT ROWID"
    )


@catalogue_migrations(name="0029_candidate_askers")
def _candidate_askers(db: Database) -> None:
    # All who asked what is proposed, by the ledger's hash, so that the erasure of any of them is known to leave others;
    # an empty hash stands for those of whom none is known, as for a query of a curated set.
    db.execute(
        "CREATE TABLE judgment_candidate_askers (candidate INTEGER NOT NULL REFERENCES judgment_candidates(id)"
        " ON DELETE CASCADE, user_hash TEXT NOT NULL, PRIMARY KEY (candidate, user_hash)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO judgment_candidate_askers (candidate, user_hash)"
        " SELECT id, coalesce(user_hash, '') FROM judgment_candidates"
    )
    db.execute("CREATE INDEX judgment_candidates_of_askers ON judgment_candidate_askers (user_hash)")
    db.execute("ALTER TABLE judgment_candidates DROP COLUMN user_hash")
    # When it was last asked: the text is kept no longer than the ledger keeps the request.
    db.execute("ALTER TABLE judgment_candidates ADD COLUMN asked_at TEXT")
    db.execute("UPDATE judgment_candidates SET asked_at = proposed_at")


@catalogue_migrations(name="0030_document_readings")
def _document_readings(db: Database) -> None:
    # What the last reading of its source knew of a document: where the text of its file went, and since when its file
    # is left out, which is said once before it is pruned. It goes with the version that it was about.
    db.execute(
        "CREATE TABLE document_readings (tenant TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,"
        " account TEXT, left_out_at TEXT, PRIMARY KEY (tenant, collection, id)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TRIGGER document_readings_removed AFTER DELETE ON documents BEGIN DELETE FROM document_readings"
        " WHERE tenant = OLD.tenant AND collection = OLD.collection AND id = OLD.id; END"
    )


@catalogue_migrations(name="0031_leg_samples")
def _leg_samples(db: Database) -> None:
    # What a recipe's last build found out about a sample of each collection's passages: by hashes of content, no text.
    db.execute(
        "CREATE TABLE leg_samples (recipe INTEGER NOT NULL, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " key TEXT NOT NULL, language TEXT NOT NULL, dense INTEGER NOT NULL, lexical INTEGER NOT NULL,"
        " tokens INTEGER NOT NULL, unknown_tokens INTEGER NOT NULL,"
        " PRIMARY KEY (recipe, tenant, collection, key)) STRICT, WITHOUT ROWID"
    )


@catalogue_migrations(name="0033_calibrations")
def _calibrations(db: Database) -> None:
    # How the scores of a collection were calibrated on judgments, by recipe; the next build takes the newest.
    db.execute(
        "CREATE TABLE calibrations (recipe INTEGER NOT NULL REFERENCES recipes(number), tenant TEXT NOT NULL,"
        " collection TEXT NOT NULL, body TEXT NOT NULL, evidence TEXT NOT NULL, actor TEXT NOT NULL,"
        " fitted_at TEXT NOT NULL, PRIMARY KEY (recipe, tenant, collection)) STRICT, WITHOUT ROWID"
    )
    # How high a sample's question scores documents that it does not ask for, in log-odds; null where that is not asked.
    db.execute("ALTER TABLE leg_samples ADD COLUMN others REAL")
