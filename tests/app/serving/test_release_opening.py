"""A release that was tampered with never serves: it is refused by name, and what serves goes on."""

import json

import pytest

from indexing.errors import ArtefactCorrupt, ModelMismatch
from indexing.storage.store import MANIFEST
from tests.support.fresh_home import OTHER_LANGUAGE, FreshHome, article


@pytest.fixture
def fresh(tmp_path):
    """Recipe 1 is in service and recipe 2 is built."""
    opened = FreshHome(tmp_path / "home")
    opened.put(*(article(f"doc{i}") for i in range(3)), live=False)
    opened.build()
    opened.build(OTHER_LANGUAGE)
    yield opened
    opened.close()


def tamper_with_recipe(home):
    with home.catalogue.write() as db:
        db.conn.execute("UPDATE recipes SET manifest = replace(manifest, '0.45', '0.99') WHERE number = 2")


def tamper_with_model(home):
    path = home.path / "models" / "m@1" / MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest["info"]["max_tokens"] = 8
    path.write_text(json.dumps(manifest))


def give_it_another_snapshot(home):
    with home.catalogue.write() as db:
        sql = "UPDATE releases SET snapshot = (SELECT snapshot FROM releases WHERE recipe = 1) WHERE recipe = 2"
        db.conn.execute(sql)


@pytest.mark.parametrize(
    ("tamper", "error", "message"),
    [
        (tamper_with_recipe, ArtefactCorrupt, "Recipe 2 is not the one that was recorded"),
        (tamper_with_model, ArtefactCorrupt, "Model m@1 is not the one that was registered"),
        (give_it_another_snapshot, ModelMismatch, r"Release 2\.1 cannot serve: .*lexical view's fingerprint"),
    ],
)
def test_what_was_tampered_with_never_serves_and_what_serves_goes_on(fresh, tamper, error, message):
    process = fresh.process()
    tamper(fresh.home)
    fresh.deploy(2)
    with pytest.raises(error, match=message):
        process.pool.refresh()
    assert process.pool.current().release.number == "1.1"
    assert process.search("doc1") != []
