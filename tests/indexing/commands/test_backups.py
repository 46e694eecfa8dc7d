"""The commands backup and restore, and the page that tells how to use them."""

import json
import re
import shlex
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexing.backups.backup import BACKUP_LOCK
from indexing.backups.manifest import read_manifest
from indexing.catalogue.documents import load_document
from indexing.commands.root import cli
from indexing.home import open_home
from indexing.settings import Settings
from indexing.storage.store import BUILD_LOCK
from tests.conftest import settings_at
from tests.indexing.retention.test_erasure import ID, MARKERS, OURS, filled_once, forms

__all__ = ["filled_once"]  # a fixture

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture
def tiny_home(filled_once, tmp_path):
    """The home that ``fill`` filled, once for all of these tests; each has a copy, whose files it may damage."""
    shutil.copytree(filled_once.path, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


@pytest.fixture
def run(tiny_home):
    def invoke(*arguments, home=None):
        return CliRunner().invoke(cli, ["--home", str(home or tiny_home.path), *map(str, arguments)])

    return invoke


def test_a_backup_says_what_it_holds_and_a_restore_gives_it_back(run, tiny_home, tmp_path):
    made = run("backup", tmp_path / "backup")
    assert made.exit_code == 0, made.output
    assert re.search(r"documents, 4 releases, \d+ artefacts as of", made.stdout)
    found = run("restore", tmp_path / "backup", "--home", tmp_path / "again", "--json")
    assert found.exit_code == 0, found.output
    report = json.loads(found.stdout)
    assert (report["home"], report["releases"], report["damaged"]) == (str(tmp_path / "again"), 4, {})
    again = open_home(Settings(home=tmp_path / "again"), create=False)
    assert load_document(again.catalogue, OURS, ID) == load_document(tiny_home.catalogue, OURS, ID)
    again.close()
    assert run("restore", tmp_path / "backup", home=tmp_path / "third").exit_code == 0
    verified = run("models", "verify", home=tmp_path / "third")
    assert verified.exit_code == 0, verified.output


def test_what_a_home_lacks_is_named_with_exit_status_1(run, tiny_home, tmp_path):
    path = next((tiny_home.path / "shards").glob("*/*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    made = run("backup", tmp_path / "backup", "--json")
    assert made.exit_code == 1
    assert list(json.loads(made.stdout)["damaged"]) == [f"shards/{path.parent.name}"]
    assert f"shards/{path.parent.name}: This home does not hold it whole" in made.stderr
    found = run("restore", tmp_path / "backup", "--home", tmp_path / "again")
    assert found.exit_code == 1
    assert f"shards/{path.parent.name}: The backup lacks it" in found.stderr


def test_what_a_home_lost_and_the_backup_still_has_is_named_and_restored(run, tiny_home, tmp_path):
    """The reproduction of the review that found a backup removing the last good copy."""
    folder = tmp_path / "backup"
    assert run("backup", folder).exit_code == 0
    model = next((tiny_home.path / "models").iterdir())
    shard = next((tiny_home.path / "shards").iterdir())
    for path in (model, shard):
        shutil.rmtree(path)
    made = run("backup", folder, "--json")
    assert made.exit_code == 1
    report = json.loads(made.stdout)
    assert (set(report["kept"]), report["damaged"]) == ({f"models/{model.name}", f"shards/{shard.name}"}, {})
    assert f"models/{model.name}: This home does not hold it whole; the backup still has it" in made.stderr
    assert run("restore", folder, home=tmp_path / "again").exit_code == 0
    assert run("models", "verify", home=tmp_path / "again").exit_code == 0
    assert run("snapshots", "verify", home=tmp_path / "again").exit_code == 0


def test_an_erasure_reaches_a_backup_of_a_home_that_lost_something(run, tiny_home, tmp_path):
    folder = tmp_path / "backup"
    assert run("backup", folder).exit_code == 0
    model = next((tiny_home.path / "models").iterdir())
    shutil.move(model, tmp_path / "model")
    assert run("backup", folder).exit_code == 1
    assert texts_in(folder)
    shutil.move(tmp_path / "model", model)
    erased = run("erase", ID, "--collection", OURS.collection, "--no-workers", "--yes")
    assert erased.exit_code == 0, erased.output
    shutil.rmtree(model)
    made = run("backup", folder, "--json")
    assert list(json.loads(made.stdout)["kept"]) == [f"models/{model.name}"]
    assert texts_in(folder) == set()


def test_a_restore_says_as_of_when_keys_and_tenants_are(run, tiny_home, tmp_path):
    run("backup", tmp_path / "backup")
    found = run("restore", tmp_path / "backup", home=tmp_path / "again")
    made_at = read_manifest(tmp_path / "backup").made_at
    assert f"Keys and tenants are as of {made_at}: what was revoked or removed later is valid again" in found.stderr


def texts_in(folder):
    """The markers of the document that stand in the files of a folder, in some form."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {marker for marker in MARKERS for form in forms(marker) if any(form in content for content in contents)}


def test_a_backup_holds_what_was_erased_later_until_it_is_made_again(run, tmp_path):
    folder = tmp_path / "backup"
    assert run("backup", folder).exit_code == 0
    erased = run("erase", ID, "--collection", OURS.collection, "--no-workers", "--yes")
    assert erased.exit_code == 0, erased.output
    assert texts_in(folder)
    assert run("backup", folder).exit_code == 0
    assert texts_in(folder) == set()


@pytest.mark.parametrize("arguments", [["gc", "--yes"], ["erase", ID, "--collection", OURS.collection]])
def test_what_removes_files_refuses_while_a_backup_runs(run, tiny_home, arguments):
    with tiny_home.storage.lock(BACKUP_LOCK):
        refused = run(*arguments)
    assert refused.exit_code == 1
    assert "Error: Another backup, garbage collection or erasure of this home is running" in refused.stderr


def test_a_build_does_not_keep_a_backup_waiting(run, tiny_home, tmp_path):
    with tiny_home.storage.lock(BUILD_LOCK):
        assert run("backup", tmp_path / "backup").exit_code == 0


def documented():
    """The commands of the page's section on backup, as a shell takes them."""
    section = OPERATIONS.read_text().partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```$", section, re.M | re.S)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line.strip()]


def test_the_documented_commands_do_what_the_page_says(run, tiny_home, tmp_path):
    places = {"HOME": tiny_home.path, "BACKUP": tmp_path / "backup", "NEW": tmp_path / "new"}
    commands = documented()
    assert [words[3] if words[1] == "--home" else words[1] for words in commands].count("backup") >= 1
    for program, *words in commands:
        assert program == "groundwork"
        done = CliRunner().invoke(cli, [str(places.get(word, word)) for word in words])
        assert done.exit_code == 0, (words, done.output)
    assert (tmp_path / "new" / "catalogue.db").is_file()
