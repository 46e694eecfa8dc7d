"""A mistyped --home is told, and only what fills a new home makes one."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from indexing.commands.root import whole_command
from indexing.features.views import PASSAGE_VIEWS, definition


def every_command(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, *path, name)
        else:
            yield (*path, name), command


CREATES = {("ingest",), ("build",), ("demo",), ("serve",), ("models", "register"), ("restore",)}
"""The commands that make a home where there is none."""
ARGUMENTS = {
    "job": "1", "tenant": "t", "name": "t", "key_id": "k", "release": "1", "snapshot": "s", "before": "s", "after": "s",
    "model": "m", "query": "q", "document_ids": "d", "number": "1", "rollout": "1", "share": "0.5", "recipe": "1",
    "query_id": "q", "candidate": "1", "folder": "f",
    "evaluation_id": "e",
    "alert": "1",
    "document_id": "d",
    "ids": "d",
}  # fmt: skip
"""A value for each argument of a command that names something."""
OPTIONS = {
    ("eval", "calibrate"): ["--set", "s"],
    ("eval", "judge"): ["--set", "s"],
    ("eval", "run"): ["--corpus", "corpora/helpdesk"],
    ("eval", "sets", "import"): ["--corpus", "corpora/helpdesk"],
    ("eval", "sets", "add"): ["--document", "d", "--reason", "r"],
    ("eval", "sets", "edit"): ["--document", "d", "--grade", "1", "--reason", "r"],
    ("eval", "sets", "retire"): ["--reason", "r"],
    ("eval", "sets", "candidates", "accept"): ["--set", "s", "--grade", "1"],
    ("eval", "sets", "candidates", "reject"): ["--reason", "r"],
    ("eval", "compare"): ["--set", "s"],
    ("tenants", "limit"): ["--log-queries"],
    ("features", "get"): ["--id", "d"],
    ("lineage",): ["--of", "model"],
    ("rollouts", "shadow"): ["--queries", "9", "--decides", "whether it is as fast"],
    ("rollouts", "canary"): ["--share", "0.5"],
    ("rollouts", "interleave"): ["--queries", "9"],
    ("rollouts", "ab"): ["--measure", "latency_ms", "--margin", "5", "--queries", "9"],
}
"""What a command does not do without."""


@pytest.mark.parametrize(
    ("path", "command"),
    [one for one in every_command(whole_command()) if one[0] not in CREATES],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistyped_home_is_told_and_nothing_is_made(
    tmp_path: Path, path: tuple[str, ...], command: click.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDWORK_REDIS_URL", "redis://127.0.0.1:1/0")
    file = tmp_path / "file.json"
    file.write_text(json.dumps(definition(PASSAGE_VIEWS["default"]) | {"name": "own"}))
    words = [ARGUMENTS.get(str(one.name), str(file)) for one in command.params if isinstance(one, click.Argument)]
    words += OPTIONS.get(path, [])
    home = tmp_path / "hoem"
    result = CliRunner().invoke(whole_command(), ["--home", str(home), *path, *words])
    assert f"Error: {home} is not a Groundwork home" in result.stderr, result.output
    assert result.exit_code == 1
    assert [one.name for one in tmp_path.iterdir()] == ["file.json"]
