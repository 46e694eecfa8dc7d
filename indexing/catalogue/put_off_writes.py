"""Live writes that an API process could not make searchable in a recipe, as its model failed: they wait for a build.

Each is its sequence number alone: what was deleted or written again since is lacking no more, as no document has it.
"""

from collections.abc import Collection

from indexing.catalogue.database import Database


def keep_put_off(database: Database, recipe: int, seqs: Collection[int], built: int) -> None:
    """Note the writes ``seqs`` that a recipe lacks; those up to ``built``, which its release holds, are forgotten."""
    with database.write() as db:
        db.conn.execute("DELETE FROM put_off_writes WHERE recipe = ? AND seq <= ?", (recipe, built))
        db.conn.executemany(
            "INSERT OR IGNORE INTO put_off_writes (recipe, seq) VALUES (?, ?)", [(recipe, seq) for seq in seqs]
        )


def forget_put_off(database: Database, recipe: int, seqs: Collection[int]) -> None:
    """Note that a recipe lacks the writes ``seqs`` no more."""
    with database.write(grows=False) as db:
        db.conn.executemany("DELETE FROM put_off_writes WHERE recipe = ? AND seq = ?", [(recipe, seq) for seq in seqs])


def read_put_off(database: Database, recipe: int, since: int) -> set[int]:
    """The writes after ``since`` that a recipe lacks."""
    sql = "SELECT seq FROM put_off_writes WHERE recipe = ? AND seq > ?"
    return {int(row["seq"]) for row in database.rows(sql, (recipe, since))}


def count_put_off(database: Database, recipe: int, since: int) -> int:
    """How many documents a recipe lacks as they are since a live write after ``since``."""
    sql = (
        "SELECT count(*) AS n FROM put_off_writes p JOIN documents d ON d.seq = p.seq AND d.live = 1"
        " WHERE p.recipe = ? AND p.seq > ?"
    )
    row = database.row(sql, (recipe, since))
    return 0 if row is None else int(row["n"])
