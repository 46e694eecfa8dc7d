"""The rows of leg samples: what a build found out about passages, by hashes of their content, and never their text."""

from collections.abc import Mapping

from indexing.catalogue.database import Database
from indexing.records import Partition

SampleRow = tuple[str, str, int, int, int, int, float | None]
"""Key, language, found by meaning, found by words (0 or 1), tokens, unknown tokens, and how high its question scores
documents that it does not ask for: mean log-odds, ``None`` where that is not asked or there are none."""


def read_leg_samples(database: Database, recipe: int) -> dict[tuple[Partition, str], SampleRow]:
    """The samples of a recipe's last build, by partition and key."""
    sql = (
        "SELECT tenant, collection, key, language, dense, lexical, tokens, unknown_tokens, others FROM leg_samples"
        " WHERE recipe = ?"
    )
    found = {}
    for row in database.rows(sql, (recipe,)):
        tenant, collection, *sample = row.values()
        found[Partition(tenant, collection), sample[0]] = tuple(sample)
    return found


def replace_leg_samples(database: Database, recipe: int, samples: Mapping[tuple[Partition, str], SampleRow]) -> None:
    """Keep these samples for a recipe instead of those that it had, and none of recipes that have no release."""
    with database.write() as db:
        db.conn.execute(
            "DELETE FROM leg_samples WHERE recipe = ?"
            " OR recipe NOT IN (SELECT recipe FROM releases WHERE retired_at IS NULL)",
            (recipe,),
        )
        db.conn.executemany(
            "INSERT INTO leg_samples (recipe, tenant, collection, key, language, dense, lexical, tokens,"
            " unknown_tokens, others) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((recipe, partition.tenant, partition.collection, *row) for (partition, _), row in samples.items()),
        )


def forget_leg_samples(database: Database, partition: Partition) -> None:
    """Delete the samples of a collection, of which documents are erased."""
    with database.write() as db:
        db.conn.execute(
            "DELETE FROM leg_samples WHERE tenant = ? AND collection = ?", (partition.tenant, partition.collection)
        )
