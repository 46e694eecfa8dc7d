"""Documents that must agree with the code."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.web.problems import NAMES, STATUS
from eval.datasets.query_sets import load_queryset
from indexing import errors
from indexing.settings import Settings
from tests.support.api_document import api_document

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
    from indexing.commands.root import whole_command

    return sorted(commands(whole_command()))


def headings(pattern):
    """The names in the headings of the third level of operations.md that have a form."""
    return re.findall(rf"^### `({pattern})`", OPERATIONS, re.MULTILINE)


def once_each(names):
    return sorted(names) if len(set(names)) == len(names) else pytest.fail(f"twice: {names}")


def test_every_command_has_its_heading_and_no_heading_is_left_of_one_that_is_gone():
    assert once_each(headings("groundwork [a-z -]+")) == all_commands()


def test_every_setting_has_its_heading():
    settings = sorted(f"GROUNDWORK_{name.upper()}" for name in Settings.model_fields)
    assert once_each(headings("GROUNDWORK_[A-Z_]+")) == settings


def test_every_error_has_its_heading_with_its_status():
    found = re.findall(r"^### `([A-Z]\w+)` \((\d{3})\)$", OPERATIONS, re.MULTILINE)
    classes = {name: STATUS[value] for name, value in vars(errors).items() if inspect.isclass(value)}
    assert sorted(found) == sorted((name, str(status)) for name, status in classes.items())


@pytest.mark.parametrize(("status", "name"), sorted(NAMES.items()))
def test_every_name_of_a_status_is_described(status, name):
    assert f"| {status} | `{name}` |" in OPERATIONS


def test_every_route_has_its_heading():
    routes = [f"{method.upper()} {path}" for path, methods in api_document()["paths"].items() for method in methods]
    pages = ["GET /docs"]  # two pages for people, which the OpenAPI document leaves out
    assert once_each(headings("(?:GET|PUT|POST|PATCH|DELETE) /[^`]*")) == sorted(routes + pages)


def test_every_metric_has_its_heading():
    from app.metrics import Metrics

    names = [
        f"{family.name}_total" if family.type == "counter" else family.name for family in Metrics().registry.collect()
    ]
    assert once_each(headings("groundwork_[a-z_]+")) == sorted(names)


def test_every_scheduled_job_has_its_row():
    from indexing.schedule.jobs import scheduled_jobs

    table = OPERATIONS.partition("\n## What runs when\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(one.name for one in scheduled_jobs())


def test_fences_of_code_stand_alone_on_their_lines():
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        fences = [line.strip() for line in path.read_text().splitlines() if line.lstrip().startswith("```")]
        assert len(fences) % 2 == 0, path.name
        assert {line for line in fences[1::2] if line.strip("`")} == set(), path.name


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
