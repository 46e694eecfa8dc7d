"""A home that has a model goes on with it: no command takes another in its place."""

import pytest
from click.testing import CliRunner

from indexing.commands.models import ensure_model
from indexing.commands.root import cli
from indexing.models.compiler import DEFAULT_MODEL
from indexing.models.registry import KIND
from tests.support.tiny_model import add_tiny


@pytest.fixture
def older(home, tiny_files):
    """A home whose default model has files that this version would not make of the weights."""
    add_tiny(home, tiny_files, name=DEFAULT_MODEL)
    return home


def test_a_home_with_an_older_default_model_keeps_it_and_its_files(older, monkeypatch):
    monkeypatch.setattr("indexing.models.compiler.register_model", None)
    before = [(model.id, model.manifest.to_json()) for model in older.models.list()]
    ensure_model(older)
    assert [(model.id, model.manifest.to_json()) for model in older.models.list()] == before
    older.storage.verify(KIND, f"{DEFAULT_MODEL}@1")


def test_a_build_in_such_a_home_encodes_with_the_model_that_it_has(older, tmp_path):
    (tmp_path / "a.md").write_text("# Refunds\n\nA refund takes five days.\n")
    for command in (["ingest", str(tmp_path / "a.md"), "--collection", "manual"], ["build"]):
        result = CliRunner().invoke(cli, ["--home", str(older.path), *command])
        assert result.exit_code == 0, result.output
    assert [model.id for model in older.models.list()] == [f"{DEFAULT_MODEL}@1"]
