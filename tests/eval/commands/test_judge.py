"""``groundwork eval judge`` at the terminal: tables, JSON, where it goes on, and how it ends."""

import json

import pytest
from click.testing import CliRunner

from indexing.commands.root import whole_command
from tests.support.judge_server import Answer, judge_server, judging

SAMPLES = [
    {
        "id": "sky",
        "question": "What is blue?",
        "answer": "The sky is blue. Grass is blue",
        "contexts": ["By day the sky is blue."],
        "context_ids": ["d1"],
        "reference_context_ids": ["d1", "d2"],
    },
    {"id": "mute", "question": "Anything?"},
]


@pytest.fixture
def run(home, tmp_path, monkeypatch):
    """Runs the command on two samples, by default with no model to ask."""
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(map(json.dumps, SAMPLES)))

    def invoke(*arguments, url=None):
        for name, value in (("URL", url), ("MODEL", url and "judge-1"), ("KEY", url and "sk-never-shown")):
            if value is None:
                monkeypatch.delenv(f"GROUNDWORK_JUDGE_{name}", raising=False)
            else:
                monkeypatch.setenv(f"GROUNDWORK_JUDGE_{name}", value)
        given = ["--home", str(home.path), "eval", "judge", "--samples", str(path), *arguments]
        return CliRunner().invoke(whole_command(), given)

    return invoke


def test_without_a_model_what_needs_none_is_measured_and_the_rest_is_told(run):
    told = run()
    assert told.exit_code == 0, told.output
    (row,) = [line for line in told.output.splitlines() if "id_context_recall" in line and "│" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["id_context_recall", "0.500", "", "1", "0", "1"]
    assert "  faithfulness: 1 x no judge is configured" in told.output
    assert "  faithfulness: 1 x no answer" in told.output


def test_a_model_is_asked_once_and_a_budget_is_told(run, home):
    with judge_server(judging) as server:
        first = run("--metric", "faithfulness", "--budget", "1", url=server.url)
        assert first.exit_code == 1, first.output  # nothing was measured yet
        assert "1 x the budget was spent" in first.output
        second = json.loads(run("--metric", "faithfulness", "--json", url=server.url).stdout)
    assert len(server.bodies) == 2
    (summary,) = second["summaries"]
    assert (summary["mean"], summary["measured"], summary["unmeasured"]) == (0.5, 1, 1)
    assert (second["inputs"]["model"], second["costs"]["kept"]) == ("judge-1", 1)
    (file,) = (home.path / "evaluations" / "judgements").iterdir()
    assert str(file) == second["saved"]
    assert "never-shown" not in first.output + json.dumps(second) + file.read_text()


def test_a_key_that_is_refused_says_so_and_ends_with_1(run):
    with judge_server(lambda body, before: Answer(status=401, body=b"{}")) as server:
        told = run("--metric", "faithfulness", url=server.url)
    assert told.exit_code == 1
    assert "refused the key with 401: check GROUNDWORK_JUDGE_KEY" in told.output


def test_a_metric_that_asks_a_model_needs_one(run):
    told = run("--metric", "faithfulness")
    assert told.exit_code == 1
    assert "GROUNDWORK_JUDGE_URL" in told.output


def test_what_is_judged_must_be_said_clearly(run):
    assert run("--set", "support").exit_code == 2
