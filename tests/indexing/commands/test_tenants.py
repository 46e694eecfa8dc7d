"""``groundwork tenants`` and ``groundwork keys``: results as JSON or a sentence, a secret shown once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexing.catalogue.api_keys import admit, create_key
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.database import Database
from indexing.catalogue.tenants import create_tenant
from indexing.commands.root import cli
from indexing.home import Home

Run = Callable[..., Result]


@pytest.fixture
def run(home: Home) -> Run:
    """Runs ``groundwork`` on a fresh home."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(cli, ["--home", str(home.path), *map(str, arguments)], terminal_width=200)

    return invoke


@pytest.fixture
def catalogue(home: Home) -> Iterator[Database]:
    return home.catalogue


def output_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def json_of(result: Result) -> object:
    return json.loads(output_of(result))


def error_of(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    return line


def test_a_tenant_is_made_limited_listed_revoked_and_restored(run: Run) -> None:
    made = json_of(run("tenants", "create", "acme", "--max-documents", 100, "--requests-per-minute", 60, "--json"))
    assert made.pop("created_at")
    assert made == {
        "name": "acme",
        "revoked_at": None,
        "collections": 0,
        "documents": 0,
        "passages": 0,
        "max_documents": 100,
        "max_passages": None,
        "requests_per_minute": 60,
        "log_queries": False,
    }
    limited = run("tenants", "limit", "acme", "--max-documents", "none", "--max-passages", 5)
    assert output_of(limited) == (
        "tenant acme: 0 documents; max_documents none, max_passages 5, requests_per_minute 60, log_queries False\n"
    )
    assert [tenant["name"] for tenant in json_of(run("tenants", "list", "--json"))] == ["acme", "default"]
    assert "acme" in output_of(run("tenants", "list"))
    assert "would revoke (do it with --yes): tenant acme" in output_of(run("tenants", "revoke", "acme"))
    assert json_of(run("tenants", "list", "--json"))[0]["revoked_at"] is None
    assert json_of(run("tenants", "revoke", "acme", "--yes", "--json"))["revoked_at"] is not None
    assert "revoked" in error_of(run("keys", "create", "--tenant", "acme"))
    assert output_of(run("tenants", "restore", "acme")).startswith("tenant acme: 0 documents")


def test_a_key_is_shown_once_on_standard_output_and_said_to_be(run: Run, catalogue: Database) -> None:
    output_of(run("tenants", "create", "acme"))
    result = run("keys", "create", "--tenant", "acme", "--scope", "write", "--scope", "search", "--name", "site")
    secret = output_of(result).strip()
    admission = admit(catalogue, secret)
    assert admission is not None
    assert (admission.key.tenant, admission.key.scopes, admission.key.name) == ("acme", ("search", "write"), "site")
    assert "not shown again" in result.stderr
    assert admission.key.id in result.stderr
    assert secret not in result.stderr
    for arguments in (["keys", "list"], ["keys", "list", "--tenant", "acme", "--json"]):
        listed = output_of(run(*arguments))
        assert admission.key.id[:8] in listed
        assert secret[3:] not in listed
    assert output_of(run("keys", "revoke", admission.key.id)) == f"revoked: key {admission.key.id} of tenant acme\n"
    assert admit(catalogue, secret) is None


def test_a_key_searches_unless_told_otherwise_and_expires_when_told(run: Run, catalogue: Database) -> None:
    made = json_of(run("keys", "create", "--json", "--expires", "2999-12-31"))
    assert (made["tenant"], made["scopes"]) == ("default", ["search"])
    assert made["expires_at"] == "2999-12-31T00:00:00.000+00:00"
    assert admit(catalogue, made["key"]) is not None
    (listed,) = json_of(run("keys", "list", "--json"))
    assert listed == {name: value for name, value in made.items() if name != "key"}


def test_only_here_is_an_operators_key_made(run: Run, catalogue: Database) -> None:
    secret = output_of(run("keys", "create", "--scope", "operator")).strip()
    admission = admit(catalogue, secret)
    assert admission is not None
    assert admission.key.scopes == ("operator",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tenants", "create", "default"], "There is a tenant 'default' already"),
        (["tenants", "create", "a/b"], "Tenant name 'a/b' is invalid"),
        (["tenants", "create", "new", "--requests-per-minute", "0"], "requests_per_minute cannot be 0"),
        (["tenants", "limit", "nobody", "--max-documents", "1"], "No tenant 'nobody'"),
        (["tenants", "revoke", "nobody"], "No tenant 'nobody'"),
        (["tenants", "restore", "nobody"], "No tenant 'nobody'"),
        (["keys", "create", "--tenant", "nobody"], "No tenant 'nobody'"),
        (["keys", "create", "--expires", "soon"], "'soon' is not an expiry"),
        (["keys", "create", "--expires", "2001-01-01"], "expired already"),
        (["keys", "list", "--tenant", "nobody"], "No tenant 'nobody'"),
        (["keys", "revoke", "k_unknown"], "No key 'k_unknown'"),
        (["ingest", "{folder}", "--tenant", "nobody"], "No tenant 'nobody'"),
    ],
    ids=" ".join,
)
def test_an_error_is_one_sentence_and_nothing_was_made(
    run: Run, catalogue: Database, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text("text")
    filled = [one.format(folder=tmp_path / "articles") for one in arguments]
    assert message in error_of(run(*filled))
    assert [row["id"] for row in catalogue.rows("SELECT id FROM tenants")] == ["default"]
    assert catalogue.row("SELECT 1 FROM api_keys") is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["tenants", "limit", "default"],
        ["tenants", "create", "new", "--max-documents", "many"],
        ["tenants", "create", "new", "--max-documents", "-1"],
        ["keys", "create", "--scope", "root"],
        ["keys", "list", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_whether_queries_may_be_logged_is_changed_by_itself_and_off_at_first(run: Run, catalogue: Database) -> None:
    assert json_of(run("tenants", "create", "acme", "--max-documents", "5", "--json"))["log_queries"] is False
    allowed = json_of(run("tenants", "limit", "acme", "--log-queries", "--json"))
    assert (allowed["log_queries"], allowed["max_documents"]) == (True, 5)
    assert json_of(run("tenants", "limit", "acme", "--max-documents", "6", "--json"))["log_queries"] is True
    assert json_of(run("tenants", "limit", "acme", "--no-log-queries", "--json"))["log_queries"] is False
    assert json_of(run("tenants", "create", "open", "--log-queries", "--json"))["log_queries"] is True


def test_long_lists_come_in_pages_and_say_how_to_go_on(run: Run, catalogue: Database) -> None:
    for number in range(5):
        create_tenant(catalogue, f"t{number}")
        create_key(catalogue, f"t{number}")
    first = run("tenants", "list", "--limit", "3")
    assert "There may be more: --after t1" in first.stderr
    assert [row["name"] for row in json_of(run("tenants", "list", "--after", "t1", "--json"))] == ["t2", "t3", "t4"]
    keys = json_of(run("keys", "list", "--json"))
    assert json_of(run("keys", "list", "--after", keys[1]["id"], "--limit", "2", "--json")) == keys[2:4]


def test_documents_are_ingested_for_the_tenant_that_is_named_and_up_to_its_quota(
    run: Run, catalogue: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md").write_text("text")
    create_tenant(catalogue, "acme")
    output_of(run("ingest", folder, "--tenant", "acme", "--collection", "help"))
    assert collection_sizes(catalogue, "acme") == {"help": 2}
    assert collection_sizes(catalogue, "default") == {}
    output_of(run("tenants", "limit", "acme", "--max-documents", "2"))
    (folder / "c.md").write_text("text")
    message = error_of(run("ingest", folder, "--tenant", "acme", "--collection", "help"))
    assert "may hold 2 documents and would hold 3" in message
    assert collection_sizes(catalogue, "acme") == {"help": 2}
    output_of(run("tenants", "revoke", "acme", "--yes"))
    assert "'acme' was revoked" in error_of(run("ingest", folder, "--tenant", "acme"))


def test_every_command_explains_itself() -> None:
    for group in ("tenants", "keys"):
        for name in cli.commands[group].commands:
            told = output_of(CliRunner().invoke(cli, [group, name, "-h"]))
            assert len(told.splitlines()[2].strip()) > 10
