"""Feedback on the command line: ``eval feedback``, ``eval position-bias`` and ``ledger feedback``."""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from eval.commands.feedback import GROUPS
from eval.commands.root import evaluation
from eval.feedback import rates
from indexing.commands.ledger import ledger
from indexing.home import open_home
from indexing.ledger.hashes import USER, keyed_hash
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_row


@pytest.fixture
def run(tmp_path):
    settings = Settings(home=tmp_path / "home", ledger_days=36_500)
    home = open_home(settings)
    rows = [
        made_row(
            n, NOON + timedelta(seconds=n), release=f"{n % 2 + 1}.1", user=keyed_hash(SECRET, USER, str(n).encode())
        )
        for n in range(40)
    ]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(row, document_id="b.md", position=2) for row in rows[:10]])
    home.ledger.append_feedback([made_feedback(rows[39], "comment", comment="good")])
    home.close()

    def run(command, *arguments):
        result = CliRunner().invoke(command, arguments, obj=settings)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_the_command_knows_every_group():
    assert GROUPS == rates.GROUPS


def test_rates_are_shown_with_their_intervals(run):
    told = run(evaluation, "feedback", "--by", "release", "--by", "arm")
    assert "40 answers, 11 with feedback, 0 without a user; 0 times feedback without its answer" in told
    found = json.loads(run(evaluation, "feedback", "--json", "--tenant", "acme"))
    clicked = {one["group"]["release"]: one for one in found["rates"] if one["measure"] == "clicked"}
    assert {name: one["estimate"]["value"] for name, one in clicked.items()} == {"1.1": 0.25, "2.1": 0.25}
    assert clicked["1.1"]["estimate"]["low"] < 0.25 < clicked["1.1"]["estimate"]["high"]
    assert f"{clicked['1.1']['estimate']['low']:.4f} to" in told
    assert json.loads(run(evaluation, "feedback", "--json", "--rollout", "3"))["rates"] == []


def test_position_bias_without_enough_pairs_says_so(run):
    told = run(evaluation, "position-bias")
    assert "not enough data: 0 pairs of query and document at two ranks or more, 300 are needed" in told
    found = json.loads(run(evaluation, "position-bias", "--json"))
    assert (found["eta"]["value"], found["documents"], found["answers"]) == (None, [], 40)


def test_feedback_is_listed_newest_first(run):
    newest, *others = json.loads(run(ledger, "feedback", "--json", "--limit", "3"))
    assert (newest["action"], newest["comment"], newest["kind"]) == ("comment", "good", "explicit")
    assert [one["action"] for one in others] == ["click", "click"]
    assert "good" in run(ledger, "feedback", "--tenant", "acme")
    assert json.loads(run(ledger, "feedback", "--json", "--tenant", "zeta")) == []
    assert "feedback about it" in run(ledger, "request", newest["query_id"])
    (request,) = json.loads(run(ledger, "request", newest["query_id"], "--json"))
    assert [one["comment"] for one in request["feedback"]] == ["good"]
    assert [one["feedback"] for one in json.loads(run(ledger, "days", "--json"))] == [11]
