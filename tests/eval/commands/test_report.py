"""``groundwork eval report`` as a person and a program see it."""

import json
import stat

import pytest
from click.testing import CliRunner

from eval.commands.root import evaluation
from indexing.errors import AlreadyRunning, InvalidInput
from indexing.retention.stored_reports import REPORT_LOCK


@pytest.fixture
def run(home):
    def call(*words):
        return CliRunner().invoke(evaluation, ["report", *words], obj=home.settings, catch_exceptions=False)

    return call


def test_a_report_is_kept_in_the_home_in_every_format_for_its_owner_alone(run, home):
    result = run()
    assert result.exit_code == 0
    files = sorted((home.path / "reports").iterdir())
    assert [path.suffix for path in files] == [".html", ".json", ".md"]
    assert result.stdout == f"{files[0]}\n"
    assert "erasure" not in result.stderr
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert json.loads(files[1].read_text())["format"] == 1


def test_a_file_of_choice_has_the_format_of_its_name_and_nothing_is_kept(run, home, tmp_path):
    for name, begins in (("r.html", "<!doctype html>"), ("r.md", "# Release none"), ("r.json", "{")):
        result = run("--out", str(tmp_path / name))
        assert (result.exit_code, "an erasure does not reach" in result.stderr) == (0, True)
        assert (tmp_path / name).read_text().lstrip().startswith(begins)
    assert run("--out", str(tmp_path / "odd"), "--format", "md").exit_code == 0
    assert not (home.path / "reports").exists()
    with pytest.raises(InvalidInput, match="odd"):
        run("--out", str(tmp_path / "odd"))


def test_a_program_gets_json_on_standard_output(run):
    result = run("--out", "-", "--format", "json", "--since", "2026-01-01", "--until", "2026-01-31")
    value = json.loads(result.stdout)
    assert (value["since"], value["until"]) == ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")


def test_no_report_is_made_beside_an_erasure(run, home):
    with home.storage.lock(REPORT_LOCK, "erasure"), pytest.raises(AlreadyRunning):
        run()
