"""The rows of judge replies: what a model said to a prompt, and which documents and users it was asked about."""

import json
from collections.abc import Collection, Iterator

from indexing.catalogue.database import Database
from indexing.records import Partition


def read_reply(database: Database, key: str) -> str | None:
    """The reply that is kept under a key; ``None`` where there is none."""
    row = database.row("SELECT reply FROM judge_replies WHERE key = ?", (key,))
    return None if row is None else str(row["reply"])


def keep_reply(database: Database, key: str, partition: Partition, *, model: str, reply: str, at: str) -> None:
    """Keep a reply, before ``tell_reply`` says what it is about in the same transaction; one that is there stays.

    Args:
        database: The catalogue, in a write transaction.
        key: Identifies the prompt, the model, and the tenant and collection: no tenant is given another's replies.
        partition: Whose documents it was asked about.
        model: Who said it.
        reply: What it said.
        at: When, as ``moment_text``.
    """
    with database.write() as db:
        db.conn.execute(
            "INSERT INTO judge_replies (key, tenant, collection, model, reply, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (key, partition.tenant, partition.collection, model, reply, at),
        )


def tell_reply(database: Database, key: str, documents: Collection[str], user_hash: str | None) -> None:
    """Say that a reply is about these documents and this user, too; writes nothing where that is known.

    Args:
        database: The catalogue.
        key: Of a reply that is kept.
        documents: Ids of the documents whose texts the prompt may hold.
        user_hash: Whose question it is, as the ledger knows users, where that is known.
    """
    new = set(documents) - _column(database, "SELECT document FROM judge_reply_documents WHERE key = ?", key)
    users = {user_hash} - {None} - _column(database, "SELECT user_hash FROM judge_reply_users WHERE key = ?", key)
    if not new and not users:
        return
    with database.write() as db:
        sql = "INSERT INTO judge_reply_documents (key, document) VALUES (?, ?) ON CONFLICT DO NOTHING"
        db.conn.executemany(sql, [(key, document) for document in sorted(new)])
        sql = "INSERT INTO judge_reply_users (key, user_hash) VALUES (?, ?) ON CONFLICT DO NOTHING"
        db.conn.executemany(sql, [(key, user) for user in users])


def _column(database: Database, sql: str, key: str) -> set[str]:
    return {str(value) for row in database.rows(sql, (key,)) for value in row.values()}


def ids_in_replies(database: Database, partition: Partition) -> frozenset[str]:
    """The documents of a collection that some reply is about."""
    sql = (
        "SELECT DISTINCT d.document FROM judge_replies r JOIN judge_reply_documents d ON d.key = r.key"
        " WHERE r.tenant = ? AND r.collection = ?"
    )
    return frozenset(str(row["document"]) for row in database.rows(sql, (partition.tenant, partition.collection)))


def count_replies_about(database: Database, partition: Partition, ids: Collection[str] | None) -> int:
    """How many replies ``forget_replies_about`` would forget; changes nothing."""
    return sum(_count(database, where, parameters) for where, parameters in _about(partition, ids))


def forget_replies_about(database: Database, partition: Partition, ids: Collection[str] | None) -> int:
    """Forget the replies that may quote some documents of a collection, ``None`` for all; gives how many.

    What was asked without naming a document may quote any, and goes with the first that goes.
    """
    with database.write() as db:
        return sum(
            int(db.conn.execute(f"DELETE FROM judge_replies WHERE {where}", parameters).rowcount)
            for where, parameters in _about(partition, ids)
        )


def _about(partition: Partition, ids: Collection[str] | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Conditions, no two of which a row meets, with their parameters."""
    place, of_collection = "tenant = ? AND collection = ?", (partition.tenant, partition.collection)
    if ids is None:
        yield place, of_collection
        return
    listed, named = json.dumps(sorted(ids)), "SELECT key FROM judge_reply_documents"
    yield f"{place} AND key NOT IN ({named})", of_collection
    yield f"{place} AND key IN ({named} WHERE document IN (SELECT value FROM json_each(?)))", (*of_collection, listed)


def count_replies_of_tenant(database: Database, tenant: str) -> int:
    """How many replies are kept for a tenant."""
    return _count(database, "tenant = ?", (tenant,))


def forget_replies_of_tenant(database: Database, tenant: str) -> int:
    """Forget every reply that was asked for a tenant; gives how many."""
    with database.write(grows=False) as db:
        return int(db.conn.execute("DELETE FROM judge_replies WHERE tenant = ?", (tenant,)).rowcount)


_OF_USER = "tenant = ? AND key IN (SELECT key FROM judge_reply_users WHERE user_hash = ?)"


def count_replies_of_user(database: Database, tenant: str, user_hash: str) -> int:
    """How many replies are kept about what a user of a tenant asked, by the ledger's hash."""
    return _count(database, _OF_USER, (tenant, user_hash))


def forget_replies_of_user(database: Database, tenant: str, user_hash: str) -> int:
    """Forget every reply about what a user of a tenant asked, by the ledger's hash; gives how many."""
    with database.write(grows=False) as db:
        return int(db.conn.execute(f"DELETE FROM judge_replies WHERE {_OF_USER}", (tenant, user_hash)).rowcount)


def forget_replies_before(database: Database, moment: str) -> int:
    """Forget the replies that are older than a moment (``moment_text``); gives how many. They are a cache."""
    with database.write(grows=False) as db:
        return int(db.conn.execute("DELETE FROM judge_replies WHERE created_at < ?", (moment,)).rowcount)


def _count(database: Database, where: str, parameters: tuple[str, ...]) -> int:
    row = database.row(f"SELECT count(*) AS n FROM judge_replies WHERE {where}", parameters)
    return int(row["n"]) if row is not None else 0
