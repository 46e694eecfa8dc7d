"""Documents that must agree with the code."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.main import create_app
from app.web.problems import NAMES
from eval.datasets.query_sets import load_queryset
from indexing import errors
from indexing.settings import Settings

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
HELPDESK = ROOT / "corpora" / "helpdesk"


def commands(group, prefix="groundwork"):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def all_commands():
    from app.cli import commands as app_commands
    from eval.cli import commands as eval_commands
    from indexing.commands.root import cli

    for command in (*app_commands, *eval_commands):
        cli.add_command(command)
    return sorted(commands(cli))


@pytest.mark.parametrize("command", all_commands())
def test_every_command_is_described(command):
    assert f"`{command}" in OPERATIONS


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described(name):
    assert f"GROUNDWORK_{name.upper()}" in OPERATIONS


@pytest.mark.parametrize("name", sorted(n for n, v in vars(errors).items() if inspect.isclass(v)))
def test_every_error_is_described(name):
    assert f"`{name}`" in OPERATIONS


@pytest.mark.parametrize(("status", "name"), sorted(NAMES.items()))
def test_every_name_of_a_status_is_described(status, name):
    assert f"| {status} | `{name}` |" in OPERATIONS


@pytest.mark.parametrize("route", sorted(create_app().openapi()["paths"]))
def test_every_route_is_described(route):
    assert route in OPERATIONS


def test_every_metric_is_described():
    from app.metrics import Metrics

    for family in Metrics().registry.collect():
        assert family.name in OPERATIONS


def test_links_between_documents_lead_somewhere():
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "corpora").glob("*/SOURCE.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_shows_both_commands_and_no_figure_without_its_benchmark():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text
    for name in re.findall(r"benchmarks/results/(\w+)\.json", text):
        assert json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["result"]


def test_the_readmes_quality_table_is_the_measured_one():
    text = (ROOT / "README.md").read_text()
    result = json.loads((ROOT / "benchmarks" / "results" / "quality.json").read_text())["result"]
    for collection in ("scifact", "ray_docs", "mtrag_cloud", "cranfield", "helpdesk"):
        for mode in ("hybrid", "dense", "lexical"):
            assert f"{result[collection]['modes'][mode]['nDCG@10']:.3f}" in text, (collection, mode)


def test_the_helpdesk_corpus_is_made_from_its_articles():
    made = subprocess.run(
        [sys.executable, "-c", "import make_corpus; print('\\n'.join(make_corpus.lines()))"],
        cwd=HELPDESK,
        env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (HELPDESK / "corpus.jsonl").read_text()


def test_the_helpdesk_corpus_is_as_large_as_promised():
    articles = [json.loads(line) for line in (HELPDESK / "corpus.jsonl").read_text().splitlines()]
    ids = {article["_id"] for article in articles}
    dev, test = load_queryset(HELPDESK, "dev"), load_queryset(HELPDESK, "test")
    assert len(articles) >= 80
    assert all(len(article["text"].split()) >= 300 for article in articles)
    assert len(test.queries) >= 150
    assert not set(dev.queries) & set(test.queries)
    for queryset in (dev, test):
        for judgments in queryset.qrels.values():
            assert set(judgments) <= ids
            assert 2 in judgments.values()
            assert set(judgments.values()) <= {1, 2}
