"""The offline commands: results as JSON or a sentence, errors as one sentence and exit status 1."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexing.catalogue.build_requests import request_build
from indexing.catalogue.builder_heartbeat import record_beat
from indexing.catalogue.database import utc_now
from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import cli, whole_command
from indexing.home import Home, open_home
from indexing.models.registry import ModelVersion
from indexing.records import Document, Partition
from indexing.settings import Settings
from indexing.snapshots.manifest import MANIFEST_FILE
from indexing.snapshots.shard import PASSAGES_FILE, VECTORS_FILE
from tests.conftest import settings_at
from tests.support.migrated_catalogue import place_home
from tests.support.tiny_model import add_tiny

Run = Callable[..., Result]


@pytest.fixture
def run(tiny_home: Home) -> Run:
    """Runs ``groundwork`` on a home with a tiny model."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(cli, ["--home", str(tiny_home.path), *map(str, arguments)])

    return invoke


def output_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def json_of(result: Result) -> object:
    return json.loads(output_of(result))


def error_of(result: Result) -> str:
    """The sentence that a failed command ended with."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def write_articles(folder: Path) -> Path:
    folder.mkdir()
    (folder / "apples.md").write_text("# Apples\n\nRed and round.\n")
    (folder / "pears.md").write_text("# Pears\n\nGreen and long.\n")
    return folder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A folder of two articles."""
    return write_articles(tmp_path / "articles")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory, tiny_files: Mapping[str, bytes]) -> tuple[Path, str]:
    """The folder of a home that was built once, and the id of its snapshot."""
    folder = tmp_path_factory.mktemp("built")
    with closing(open_home(settings_at(folder))) as home:
        add_tiny(home, tiny_files)
    invoke = partial(CliRunner().invoke, cli)
    output_of(invoke(["--home", str(home.path), "ingest", str(write_articles(folder / "articles"))]))
    report = json_of(invoke(["--home", str(home.path), "build", "--json"]))
    assert isinstance(report, dict)
    return home.path, report["release"]["snapshot"]


@pytest.fixture
def built(built_once: tuple[Path, str]) -> str:
    """The id of the snapshot of the home, where that is to be a copy of one that was built once."""
    return built_once[1]


@pytest.fixture
def tiny_home(request: pytest.FixtureRequest, tmp_path: Path, tiny_files: Mapping[str, bytes]) -> Iterator[Home]:
    """A home with a tiny model; for tests that want it ``built``, a copy of the one that was."""
    if is_built := "built" in request.fixturenames:
        shutil.copytree(request.getfixturevalue("built_once")[0], tmp_path / "home")
    with closing(open_home(settings_at(tmp_path), place_home(tmp_path / "home"))) as home:
        if not is_built:
            add_tiny(home, tiny_files)
        yield home


# ingest


def test_ingest_tells_what_it_did_in_one_line(run: Run, articles: Path) -> None:
    assert output_of(run("ingest", articles)) == "default: 2 added, 0 changed, 0 unchanged, 0 removed, 0 skipped\n"
    assert output_of(run("ingest", articles)) == "default: 0 added, 0 changed, 2 unchanged, 0 removed, 0 skipped\n"


def test_ingest_gives_json_and_names_broken_files_beside_it(run: Run, articles: Path) -> None:
    (articles / "[broken].md").write_bytes(b"\xff")
    result = run("ingest", articles, "--collection", "help", "--prune", "--json")
    report = json_of(result)
    assert report["rejects"][0].pop("reason").startswith("byte 0xff at 0 is not UTF-8")
    assert report == {
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "removed": 0,
        "prune_skipped": True,
        "seq": 2,
        "rejects": [{"name": "[broken].md"}],
        "skipped": {"endings": {}, "rules": {}},
        "now_left_out": [],
        "text": {"raw": 34, "kept": 34, "left_out": {}, "unexplained": 0, "warned": 0, "documents": []},
    }
    assert "skipped [broken].md: byte 0xff" in result.stderr
    assert "Nothing was pruned" in result.stderr


def test_ingest_prunes_only_when_asked(run: Run, articles: Path) -> None:
    output_of(run("ingest", articles))
    (articles / "pears.md").unlink()
    assert "0 removed" in output_of(run("ingest", articles))
    assert "1 removed" in output_of(run("ingest", articles, "--prune"))


def test_ingest_says_what_was_skipped_and_what_text_was_left_out(run: Run, articles: Path) -> None:
    (articles / "more.zz").write_text("x")
    (articles / "node_modules").mkdir()
    (articles / "node_modules" / "x.md").write_text("# Xylem\n")
    (articles / "plums.md").write_text("---\ntitle: Plums\n---\n# Plums\n")
    (articles / "figs.html").write_text(f"<main><h1>Figs</h1><p>Figs</p></main><nav>{'x ' * 400}</nav>")
    result = run("ingest", articles)
    said = output_of(result)
    assert "98% of its text is left out as boilerplate." in said
    assert "text: 47 of 457 letters and digits kept; left out as navigation 400, front matter 10\n" in said
    assert said.endswith("default: 4 added, 0 changed, 0 unchanged, 0 removed, 0 skipped, 1 with warnings\n")
    assert "left out: 1 .zz not read; node_modules: 1 folder" in result.stderr
    assert "5 added" in output_of(run("ingest", articles, "--all-files", "--collection", "all"))
    assert "1 added" in output_of(
        run("ingest", articles, "--include", "*.md", "--exclude", "p*", "--collection", "some")
    )


def test_ingest_names_what_is_only_left_out_now_and_lists_a_bounded_number(run: Run, articles: Path) -> None:
    for number in range(30):
        (articles / f"drop{number:02}.md").write_text("# Drop\n")
        (articles / f"broken{number:02}.md").write_bytes(b"\xff")
    broken = run("ingest", articles)
    assert broken.stderr.count("skipped broken") == 20
    assert "skipped 10 more, which --json names." in broken.stderr
    for number in range(30):
        (articles / f"broken{number:02}.md").unlink()
    (articles / ".gitignore").write_text("drop*\n")
    result = run("ingest", articles, "--prune")
    assert "30 documents were not pruned" in result.stderr
    assert "drop19.md and 10 more, which --json names. The next --prune deletes them" in result.stderr
    assert "30 removed" in output_of(run("ingest", articles, "--prune"))


# documents


def test_a_document_is_shown_with_the_account_of_its_file(run: Run, articles: Path) -> None:
    (articles / "figs.md").write_text("---\nversion: 1.10\nallow: [ann]\n---\nFigs\n")
    output_of(run("ingest", articles))
    shown = json_of(run("documents", "get", "figs.md", "--json"))
    assert shown["account"] == {
        "reader": "markdown 2",
        "raw": 22,
        "kept": 4,
        "left_out": {"front matter": 18},
        "unexplained": 0,
        "notes": [],
    }
    assert (shown["metadata"], shown["allow"]) == ({"path": "figs.md", "version": "1.10"}, ["ann"])
    said = output_of(run("documents", "get", "apples.md"))
    assert "allow: every caller of the tenant\n" in said
    assert "reader: markdown 2\n" in said
    assert said.endswith("\n# Apples\n\nRed and round.\n\n")
    assert "No document 'missing' in collection 'default'" in run("documents", "get", "missing").stderr


# build


def test_build_tells_what_serves_and_what_it_cost(run: Run, articles: Path) -> None:
    output_of(run("ingest", articles))
    first = output_of(run("build"))
    assert first.startswith("release 1.1 (snapshot ")
    assert "in service: 2 documents, 2 passages; computed 2 embeddings, wrote 1 shards, kept 0" in first
    assert "computed 0 embeddings, wrote 0 shards, kept 1" in output_of(run("build"))


def test_build_gives_json(run: Run, articles: Path) -> None:
    output_of(run("ingest", articles))
    report = json_of(run("build", "--json"))
    assert report["release"]["number"] == "1.1"
    assert (report["documents"], report["passages"], report["embeddings_computed"]) == (2, 2, 2)
    assert (report["is_new"], report["is_deployed"]) == (True, True)


def test_a_dry_run_foresees_the_build_and_releases_nothing(run: Run, articles: Path) -> None:
    output_of(run("ingest", articles))
    foreseen = json_of(run("build", "--dry-run", "--json"))
    assert (foreseen["documents"], foreseen["passages"], foreseen["embeddings"], foreseen["shards"]) == (2, 2, 2, 1)
    assert output_of(run("build", "--dry-run")).startswith("2 documents, 2 passages: 2 embeddings to compute in about")
    assert json_of(run("releases", "list", "--json")) == []


@pytest.mark.parametrize(
    "choice",
    [["--view", "first-256"], ["--precision", "fp32"], ["--language", "german"]],
    ids=["view", "precision", "language"],
)
def test_another_recipe_waits_for_its_deployment_and_can_be_rolled_back(
    run: Run, built: str, choice: list[str]
) -> None:
    assert "release 2.1" in (told := output_of(run("build", *choice)))
    assert "built; promote it with 'releases promote 2.1'" in told
    assert serving(run) == "1.1"
    told = output_of(run("releases", "deploy", "2.1", "--reason", "a test", "--override", "no judgments"))
    assert told == "release 2.1 is in service\n"
    assert serving(run) == "2.1"
    output_of(run("releases", "deploy", "1"))
    assert serving(run) == "1.1"


def serving(run: Run) -> str:
    (release,) = [one["release"] for one in json_of(run("releases", "list", "--json")) if one["in_service"]]
    return release


# snapshots, releases, views and models


def test_a_build_goes_on_with_the_recipe_in_service_unless_the_defaults_are_asked_for(
    run: Run, built: str, tiny_home: Home
) -> None:
    output_of(run("build", "--language", "german"))
    output_of(run("releases", "deploy", "2.1", "--override", "no judgments"))
    assert json_of(run("build", "--json"))["release"]["number"] == "2.1"
    assert json_of(run("build", "--defaults", "--json"))["release"]["number"] == "1.1"


@pytest.mark.parametrize(
    ("package", "extra"),
    [
        ("fastapi", "serve"),
        ("onnx", "default-model"),
        ("sentence_transformers", "models"),
        ("redis", "worker"),
        ("scipy", "measures"),
        ("ragas", "eval"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    def missing(*args: object) -> None:
        raise ModuleNotFoundError(f"No module named '{package}.sub'", name=f"{package}.sub")

    monkeypatch.setattr("indexing.snapshots.manifest.read_snapshot", missing)
    assert f"pip install 'groundwork[{extra}]'" in error_of(run("snapshots", "show", "any"))


def test_a_missing_module_that_is_no_extra_stays_a_defect(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object) -> None:
        raise ModuleNotFoundError("No module named 'indexing.gone'", name="indexing.gone")

    monkeypatch.setattr("indexing.snapshots.manifest.read_snapshot", missing)
    assert isinstance(run("snapshots", "show", "any").exception, ModuleNotFoundError)


def test_snapshots_are_listed_and_shown(run: Run, built: str) -> None:
    (row,) = json_of(run("snapshots", "list", "--json"))
    assert row.pop("size_bytes") > 0
    assert row == {"id": built, "releases": ["1.1"], "passages": 2, "shards": 1, "model": "tiny@1"}
    assert built in output_of(run("snapshots", "list"))
    shown = json_of(run("snapshots", "show", built))
    assert (shown["id"], shown["format"], len(shown["shards"])) == (built, 1, 1)


def test_a_whole_snapshot_is_verified(run: Run, built: str) -> None:
    assert output_of(run("snapshots", "verify")) == "1 snapshot(s) intact\n"
    assert output_of(run("snapshots", "verify", built)) == "1 snapshot(s) intact\n"


@pytest.mark.parametrize("file", [VECTORS_FILE, PASSAGES_FILE, MANIFEST_FILE])
def test_verify_names_a_corrupt_file_and_fails(run: Run, built: str, tiny_home: Home, file: str) -> None:
    (path,) = [path for kind in ("shards", "snapshots") for path in (tiny_home.path / kind).glob(f"*/{file}")]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for arguments in ([], [built]):
        result = run("snapshots", "verify", *arguments)
        assert result.exit_code == 1
        (line,) = result.stdout.splitlines()
        assert f"{path.parent.name}/{file} is corrupt" in line


def test_verify_gives_json_whether_or_not_something_is_corrupt(run: Run, built: str, tiny_home: Home) -> None:
    assert json_of(run("snapshots", "verify", "--json")) == {"snapshots": [built], "broken": {}}
    (path,) = (tiny_home.path / "shards").glob(f"*/{VECTORS_FILE}")
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    result = run("snapshots", "verify", built, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["snapshots"] == [built]
    assert list(report["broken"]) == [path.parent.name]


def test_verify_names_a_snapshot_that_does_not_exist(run: Run, built: str) -> None:
    result = run("snapshots", "verify", "nope")
    assert result.exit_code == 1
    assert "No snapshot 'nope'" in result.output


def test_releases_are_listed_with_what_made_them(run: Run, built: str) -> None:
    (row,) = json_of(run("releases", "list", "--json"))
    assert row.pop("created_at").endswith("+00:00")
    assert row.pop("created_by")
    assert row == {
        "release": "1.1",
        "in_service": True,
        "state": "in service",
        "arm": "live",
        "documents_behind": 0,
        "snapshot": built,
        "model": "tiny@1",
        "views": "default int8 english",
        "erasures": [],
    }
    assert "1.1" in output_of(run("releases", "list"))


def test_jobs_are_listed_shown_and_done_again(run: Run, built: str) -> None:
    (job,) = json_of(run("jobs", "list", "--json"))
    assert (job["id"], job["state"], job["executor"], job["error"]) == (1, "done", "local", None)
    assert json_of(run("jobs", "show", 1)) == {**job, "blocks": []}
    assert output_of(run("jobs", "retry", 1)) == "job 2 done: release 1.1\n"
    assert [job["id"] for job in json_of(run("jobs", "list", "--json"))] == [2, 1]
    assert "is done" in error_of(run("jobs", "cancel", 1))
    for command in ("show", "cancel", "retry"):
        assert "No job 9" in error_of(run("jobs", command, 9))


def test_a_worker_that_could_do_nothing_does_not_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "GROUNDWORK_REDIS_URL" in error_of(run("worker"))
    monkeypatch.setenv("GROUNDWORK_REDIS_URL", "redis://127.0.0.1:1/0")
    assert "Queue 'nothing' is unknown" in error_of(run("worker", "--queues", "embedding,nothing"))


def test_lists_of_an_empty_home_are_empty(run: Run) -> None:
    for what in ("releases", "snapshots"):
        assert json_of(run(what, "list", "--json")) == []
        output_of(run(what, "list"))
    assert output_of(run("snapshots", "verify")) == "0 snapshot(s) intact\n"


VIEW = {
    "name": "short",
    "version": 1,
    "strategy": "headings",
    "max_tokens": 32,
    "overlap_tokens": 0,
    "context_tokens": 8,
}


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_view_is_added_listed_and_built_with(run: Run, built: str, tmp_path: Path) -> None:
    file = write(tmp_path / "view.json", VIEW)
    assert output_of(run("views", "add", file)) == "passage view short@1\n"
    assert output_of(run("views", "add", file)) == "passage view short@1\n"  # the same again is no change
    listed = json_of(run("views", "list", "--json"))
    assert {**VIEW, "kind": "passage", "algorithm": 1} in listed
    assert {view["name"] for view in listed} == {
        *("default", "first-256", "short", "int8", "fp32", "english", "document_stats", "document_engagement")
    }
    assert "short@1" in output_of(run("views", "list"))
    assert json_of(run("build", "--view", "short", "--json"))["release"]["number"] == "2.1"


def test_a_changed_view_needs_a_new_version(run: Run, tmp_path: Path) -> None:
    output_of(run("views", "add", write(tmp_path / "view.json", VIEW)))
    changed = write(tmp_path / "changed.json", VIEW | {"max_tokens": 64})
    assert "give the new one version 2" in error_of(run("views", "add", changed))
    output_of(run("views", "add", write(tmp_path / "second.json", VIEW | {"max_tokens": 64, "version": 2})))


@pytest.mark.parametrize(
    "value",
    [
        *("{", "[1]", "null", {"name": "x"}),
        *(VIEW | {"extra": 1}, VIEW | {"version": 0}, VIEW | {"version": True}, VIEW | {"strategy": "clever"}),
        *(VIEW | {"max_tokens": 1}, VIEW | {"context_tokens": 17}, VIEW | {"kind": "lexical"}),
    ],
    ids=str,
)
def test_a_view_that_is_none_is_refused(run: Run, tmp_path: Path, value: object) -> None:
    built_in = json_of(run("views", "list", "--json"))
    error_of(run("views", "add", write(tmp_path / "view.json", value)))
    assert json_of(run("views", "list", "--json")) == built_in


def test_a_view_that_would_take_a_built_in_ones_place_is_refused(run: Run, articles: Path, tmp_path: Path) -> None:
    output_of(run("ingest", articles))
    message = error_of(run("views", "add", write(tmp_path / "view.json", VIEW | {"name": "default"})))
    assert "default@1 is built in" in message
    output_of(run("build"))


def test_a_view_with_an_algorithm_that_does_not_exist_is_refused(run: Run, tmp_path: Path) -> None:
    assert "algorithm 7: expected 1" in error_of(
        run("views", "add", write(tmp_path / "view.json", VIEW | {"algorithm": 7}))
    )


def test_models_are_listed_shown_and_verified(run: Run) -> None:
    (row,) = json_of(run("models", "list", "--json"))
    assert (row["id"], row["dimension"], row["licence"]) == ("tiny@1", 16, "Apache-2.0")
    assert "tiny@1" in output_of(run("models", "list"))
    shown = json_of(run("models", "show", "tiny"))
    assert set(shown["files"]) == {"fp32.onnx", "int8.onnx", "tokenizer.json"}
    assert all(len(vector) == 6 for vectors in shown["canonical"].values() for vector in vectors.values())
    assert output_of(run("models", "verify", "tiny@1")).startswith("tiny@1: files intact; fp32 cosine 1.000000")


def test_a_corrupt_model_file_is_named(run: Run, tiny_home: Home) -> None:
    path = tiny_home.path / "models" / "tiny@1" / "int8.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert "models/tiny@1/int8.onnx is corrupt" in error_of(run("models", "verify", "tiny@1"))


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "no/such/folder"], "no/such/folder"),
        (["ingest", "{empty}"], "not usable: expected a folder with files"),
        (["ingest", "{articles}", "--kind", "beir"], "expected a folder with corpus.jsonl"),
        (["ingest", "{articles}", "--collection", "a/b"], "Collection name 'a/b' is invalid"),
        (["build"], "nothing to build: ingest documents first"),
        (["build", "--dry-run"], "nothing to build: ingest documents first"),
        (["build", "--view", "nope"], "nothing to build: ingest documents first"),
        (["snapshots", "show", "nope"], "No snapshot 'nope'"),
        (["snapshots", "show", "../shards"], "No snapshot '../shards'"),
        (["releases", "deploy", "1.1"], "No release 1.1"),
        (["releases", "deploy", "first"], "'first' is not a release number"),
        (["models", "show", "nope"], "No model 'nope'"),
        (["models", "verify", "nope"], "No model 'nope'"),
        (["models", "register", "no-such-model"], "'no-such-model' is not a model"),
        (["models", "register", "x/y", "--metric", "ndcg"], "'ndcg' is invalid: expected NAME=VALUE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_sentence_and_exit_status_1(
    run: Run, tmp_path: Path, articles: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    filled = [one.format(empty=tmp_path / "empty", articles=articles) for one in arguments]
    assert message in error_of(run(*filled))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--view", "nope", "No passage view 'nope'"),
        ("--model", "nope", "No model 'nope'"),
        ("--language", "klingon", "language 'klingon' is unknown"),
    ],
)
def test_a_choice_that_a_build_does_not_have_is_one_sentence(
    run: Run, articles: Path, option: str, value: str, message: str
) -> None:
    output_of(run("ingest", articles))
    assert message in error_of(run("build", option, value))
    assert json_of(run("releases", "list", "--json")) == []


def test_a_build_with_a_corrupt_model_names_the_file(run: Run, tiny_home: Home, articles: Path) -> None:
    output_of(run("ingest", articles))
    path = tiny_home.path / "models" / "tiny@1" / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    assert "tokenizer.json has" in error_of(run("build"))


def test_a_wrong_option_is_a_usage_error(run: Run) -> None:
    assert run("build", "--precision", "fp16").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_a_wrong_setting_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_PORT", "eighty")
    monkeypatch.setenv("GROUNDWORK_API_KEY", "too-short-but-secret"[:9])
    message = error_of(run("models", "list"))
    assert "GROUNDWORK_PORT: " in message
    assert "GROUNDWORK_API_KEY: " in message
    assert "too-short" not in message  # a key is never shown


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        ("not a database", "catalogue.db is not a readable catalogue"),
        ("a file instead of the folder", "is not a folder: give another --home"),
    ],
)
def test_a_home_that_cannot_be_opened_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breakage: str, message: str
) -> None:
    path = tmp_path / "broken"
    if breakage == "not a database":
        path.mkdir()
        (path / "catalogue.db").write_text("something else " * 100)
    else:
        path.write_text("a file")
    monkeypatch.setenv("GROUNDWORK_HOME", str(path))
    assert message in error_of(CliRunner().invoke(cli, ["models", "list"]))


def test_home_comes_from_the_environment_unless_it_is_given(
    tiny_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, register_tiny: Callable[..., ModelVersion]
) -> None:
    register_tiny(tiny_home, "second")
    monkeypatch.setenv("GROUNDWORK_HOME", str(tiny_home.path))
    runner = CliRunner()
    assert len(json_of(runner.invoke(cli, ["models", "list", "--json"]))) == 2
    open_home(Settings(home=tmp_path / "other")).close()
    other = ["--home", str(tmp_path / "other"), "models", "list", "--json"]
    assert json_of(runner.invoke(cli, other)) == []


def test_the_commands_of_the_other_packages_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"eval", "serve"} <= whole_command().commands.keys()
    monkeypatch.setattr("indexing.commands.root.entry_points", lambda group: pytest.fail(f"looked for {group} again"))
    assert {"eval", "serve"} <= whole_command().commands.keys()


def test_every_command_explains_itself() -> None:
    runner = CliRunner()
    commands = [[], ["ingest"], ["build"]]
    for group in ("models", "views", "snapshots", "releases"):
        commands += [[group], *([group, name] for name in cli.commands[group].commands)]
    for command in commands:
        told = output_of(runner.invoke(cli, [*command, "-h"]))
        assert len(told.splitlines()[2].strip()) > 10
    assert "version" in output_of(runner.invoke(cli, ["--version"]))


def test_what_waits_for_a_build_is_listed_with_whether_a_builder_runs(run: Run, built: str, tiny_home: Home) -> None:
    assert "documents that wait for a build: 0; no builder was seen: run 'groundwork builder'" in output_of(
        run("jobs", "requests")
    )
    put_documents(tiny_home.catalogue, Partition("default", "c"), [Document("late", "", "text")])
    request = request_build(tiny_home.catalogue, "a test", tenant="default")
    record_beat(tiny_home.catalogue, "host:1", "2026-11-28T12:00:00.000+00:00")
    assert "documents that wait for a build: 1; no builder was seen since 2026-11-28 12:00 (host:1)" in output_of(
        run("jobs", "requests")
    )
    record_beat(tiny_home.catalogue, "host:1", utc_now())
    assert output_of(run("jobs", "requests")).endswith("documents that wait for a build: 1; a builder runs\n")
    listed = json_of(run("jobs", "requests", "--json"))
    assert isinstance(listed, dict)
    assert listed["requests"] == [asdict(request)]
    assert (listed["documents_waiting"], listed["builder"]["is_running"]) == (1, True)
