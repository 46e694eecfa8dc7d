"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from sqlite_utils import Database

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


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
