"""The rows of judge replies: what a model said to a prompt, and which documents and users it was asked about."""

from collections.abc import Collection

import sqlite_utils

from indexing.catalogue.database import Database
from indexing.records import Partition

_OF_COLLECTION = "tenant = ? AND collection = ?"


def read_reply(database: Database, key: str) -> str | None:
    """The reply that is kept under a key; ``None`` where there is none."""
    row = database.row("SELECT reply FROM judge_replies WHERE key = ?", (key,))
    return None if row is None else str(row["reply"])


def keep_reply(
    database: Database,
    key: str,
    partition: Partition,
    *,
    model: str,
    reply: str,
    at: str,
    documents: Collection[str],
    user_hash: str | None,
) -> None:
    """Keep a reply; one that is there already stays, and is from now on about these documents and this user, too.

    Args:
        database: The catalogue.
        key: Identifies the prompt, the model, and the tenant and collection: no tenant is given another's replies.
        partition: Whose documents it was asked about.
        model: Who said it.
        reply: What it said.
        at: When, as ``moment_text``.
        documents: Ids of the documents whose texts the prompt may hold.
        user_hash: Whose question it is, as the ledger knows users, where that is known.
    """
    with database.write() as db:
        db.conn.execute(
            "INSERT INTO judge_replies (key, tenant, collection, model, reply, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (key, partition.tenant, partition.collection, model, reply, at),
        )
        db.conn.executemany(
            "INSERT INTO judge_reply_documents (key, document) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(key, document) for document in sorted(documents)],
        )
        if user_hash is not None:
            sql = "INSERT INTO judge_reply_users (key, user_hash) VALUES (?, ?) ON CONFLICT DO NOTHING"
            db.conn.execute(sql, (key, user_hash))


def forget_replies_about(db: sqlite_utils.Database, partition: Partition, ids: Collection[str] | None) -> int:
    """Forget the replies that may quote some documents of a collection, ``None`` for all; gives how many.

    What was asked without naming a document may quote any, and goes with the first that goes.
    """
    of_collection = (partition.tenant, partition.collection)
    if ids is None:
        return int(db.conn.execute(f"DELETE FROM judge_replies WHERE {_OF_COLLECTION}", of_collection).rowcount)
    nameless = "NOT EXISTS (SELECT 1 FROM judge_reply_documents d WHERE d.key = judge_replies.key)"
    sql = f"DELETE FROM judge_replies WHERE {_OF_COLLECTION} AND {nameless}"
    forgotten = int(db.conn.execute(sql, of_collection).rowcount)
    named = (
        f"DELETE FROM judge_replies WHERE {_OF_COLLECTION} AND key IN"
        " (SELECT key FROM judge_reply_documents WHERE document = ?)"
    )
    return forgotten + sum(int(db.conn.execute(named, (*of_collection, one)).rowcount) for one in sorted(ids))


def forget_replies_of_tenant(database: Database, tenant: str) -> int:
    """Forget every reply that was asked for a tenant; gives how many."""
    with database.write(grows=False) as db:
        return int(db.conn.execute("DELETE FROM judge_replies WHERE tenant = ?", (tenant,)).rowcount)


def forget_replies_of_user(database: Database, tenant: str, user_hash: str) -> int:
    """Forget every reply about what a user of a tenant asked; gives how many."""
    sql = (
        "DELETE FROM judge_replies WHERE tenant = ? AND key IN (SELECT key FROM judge_reply_users WHERE user_hash = ?)"
    )
    with database.write(grows=False) as db:
        return int(db.conn.execute(sql, (tenant, user_hash)).rowcount)


def count_replies(database: Database, tenant: str, user_hash: str | None = None) -> int:
    """How many replies are kept for a tenant, or of them about what a user asked."""
    if user_hash is None:
        row = database.row("SELECT count(*) AS n FROM judge_replies WHERE tenant = ?", (tenant,))
    else:
        sql = (
            "SELECT count(*) AS n FROM judge_replies r JOIN judge_reply_users u ON u.key = r.key"
            " WHERE r.tenant = ? AND u.user_hash = ?"
        )
        row = database.row(sql, (tenant, user_hash))
    return int(row["n"]) if row is not None else 0


def forget_replies_before(database: Database, moment: str) -> int:
    """Forget the replies that are older than a moment (``moment_text``); gives how many. They are a cache."""
    with database.write(grows=False) as db:
        return int(db.conn.execute("DELETE FROM judge_replies WHERE created_at < ?", (moment,)).rowcount)
