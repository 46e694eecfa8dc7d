"""Statements name the columns they write, so that a column that is added later shifts nothing."""

import re
from pathlib import Path

import indexing.catalogue
from indexing.catalogue.document_versions import STORED_COLUMNS

FOLDER = Path(indexing.catalogue.__file__).parent


def test_every_insert_outside_the_migrations_names_its_columns():
    inserts = [
        (path.name, found[0])
        for path in FOLDER.glob("*.py")
        if path.name != "migrations.py"
        for found in re.finditer(r"INSERT (?:OR \w+ )?INTO \w+(.{0,3})", path.read_text())
    ]
    assert len(inserts) > 10
    assert [one for one in inserts if not re.search(r"INTO \w+ \(\S", one[1])] == []


def test_every_table_of_document_versions_has_the_columns_that_are_copied(home):
    for table, more in (("documents", []), ("superseded", []), ("document_versions", ["ended_seq", "ended_at"])):
        columns = [row["name"] for row in home.catalogue.rows(f"SELECT name FROM pragma_table_info('{table}')")]
        assert sorted(columns) == sorted([*STORED_COLUMNS.split(", "), *more])
