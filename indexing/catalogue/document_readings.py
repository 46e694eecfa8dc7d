"""What the last reading of its source knew of a document: where the text of its file went, and whether it is left out.

A row goes with the version of the document that it was about; a document that was written over HTTP has none.
"""

import json
from collections.abc import Iterable, Sequence

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.documents import OF_PARTITION
from indexing.records import Json, JsonFields, Partition, TextAccount

_OF_DOCUMENT = f"{OF_PARTITION} AND id = ?"


def account_json(account: TextAccount) -> dict[str, Json]:
    """An account as JSON, ``unexplained`` too."""
    return {
        "reader": account.reader,
        "raw": account.raw,
        "kept": account.kept,
        "left_out": dict(account.left_out),
        "unexplained": account.unexplained,
        "notes": list(account.notes),
    }


def keep_account(database: Database, key: Sequence[str], account: TextAccount | None) -> None:
    """Keep the account of a document that was just read, and that it is no longer left out.

    Args:
        database: Inside a write.
        key: Tenant, collection and id.
        account: ``None`` for a document that was not read from a file.
    """
    with database.write() as db:
        if account is None:
            db.conn.execute(f"DELETE FROM document_readings WHERE {_OF_DOCUMENT}", tuple(key))
            return
        db.conn.execute(
            "INSERT INTO document_readings (tenant, collection, id, account) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET account = excluded.account, left_out_at = NULL"
            " WHERE account IS NOT excluded.account OR left_out_at IS NOT NULL",
            (*key, _written(account)),
        )


def read_account(database: Database, partition: Partition, document_id: str) -> TextAccount | None:
    """Where the text of a document's file went when it was read; ``None`` where that is not known."""
    row = database.row(
        f"SELECT account FROM document_readings WHERE {_OF_DOCUMENT}",
        (partition.tenant, partition.collection, document_id),
    )
    return None if row is None or row["account"] is None else _account_of(row["account"])


def paths_of(database: Database, partition: Partition, ids: Iterable[str]) -> dict[str, str]:
    """Documents by id with the path of the file that each came from, as far as they have one."""
    sql = (
        f"SELECT id, json_extract(metadata, '$.path') AS path FROM documents WHERE {OF_PARTITION}"
        " AND id IN (SELECT value FROM json_each(?))"
    )
    rows = database.rows(sql, (partition.tenant, partition.collection, json.dumps(sorted(ids))))
    return {row["id"]: row["path"] for row in rows if isinstance(row["path"], str)}


def known_left_out(database: Database, partition: Partition) -> set[str]:
    """The ids of the documents of which was said that their file is left out."""
    sql = f"SELECT id FROM document_readings WHERE {OF_PARTITION} AND left_out_at IS NOT NULL"
    return {row["id"] for row in database.rows(sql, (partition.tenant, partition.collection))}


def mark_left_out(database: Database, partition: Partition, ids: Iterable[str]) -> None:
    """Keep that it was said of these documents that their file is left out."""
    now = utc_now()
    with database.write() as db:
        db.conn.executemany(
            "INSERT INTO document_readings (tenant, collection, id, left_out_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET left_out_at = excluded.left_out_at",
            [(partition.tenant, partition.collection, one, now) for one in ids],
        )


def _written(account: TextAccount) -> str:
    """An account in a row: without what is empty, since most files come whole."""
    value = account_json(account)
    del value["unexplained"]
    return json.dumps(
        {name: part for name, part in value.items() if part or name in ("raw", "kept")}, ensure_ascii=False
    )


def _account_of(text: str) -> TextAccount:
    fields = JsonFields(json.loads(text))
    return TextAccount(
        fields.take("reader", str),
        fields.take("raw", int),
        fields.take("kept", int),
        fields.take_if_there("left_out", dict) or {},
        tuple(fields.take_if_there("notes", list) or ()),
    )
