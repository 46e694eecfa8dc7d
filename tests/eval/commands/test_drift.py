"""``groundwork eval drift`` and ``eval alerts`` as a person and a program see them."""

import json

import pytest
from click.testing import CliRunner

from eval.datasets.candidates import list_candidates
from indexing.catalogue.alerts import list_alerts
from indexing.commands.root import whole_command
from tests.support.drifting_home import BEGIN, NEW_WORDS, OLD_WORDS, DriftingHome


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.setattr("eval.drift.embedding_tests.PERMUTATIONS", 2999)
    monkeypatch.setattr("eval.drift.look.Replayer", lambda home: made.replayer())
    made = DriftingHome(tmp_path / "home")
    made.write((*OLD_WORDS, *NEW_WORDS), 20)
    yield made
    made.close()


def run(fresh, *words):
    result = CliRunner().invoke(whole_command(), ["--home", str(fresh.path), "eval", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_report_names_signals_cause_and_what_to_judge_and_alerts_are_acknowledged(fresh):
    first = fresh.built()
    middle = fresh.ask(first, OLD_WORDS, 120, BEGIN)
    end = fresh.ask(first, NEW_WORDS, 120, middle)
    words = ["drift", "--window", "2m", "--to", end.isoformat(), "--tenant", "a", "--collection", "articles"]
    said = run(fresh, *words)
    assert "a/articles: 120 answers" in said
    assert "cause: traffic" in said
    assert "mmd" in said
    assert "to judge first (ranks, 1 the most suspicious)" in said
    assert "nDCG" not in said
    assert list_candidates(fresh.home) == []
    run(fresh, *words, "--no-cause", "--propose")
    proposed = list_candidates(fresh.home)
    assert len(proposed) == 20
    assert {one.source for one in proposed} == {"drift"}
    assert set(proposed[0].evidence) == {"rank", "leg_overlap", "nqc", "dense_top"}
    told = json.loads(run(fresh, *words, "--json", "--no-cause", "--slice", "language"))
    assert told["cause"] is None
    assert {"mmd", "classifier"} <= set(told["moved"])
    bars = next(one for one in told["signals"] if one["name"] == "dense_top")["histogram"]
    assert len(bars["labels"]) == len(bars["reference"]) == len(bars["window"]) == 20
    assert "not enough data" in run(fresh, "drift", "--alert", "--to", middle.isoformat())
    looked = json.loads(run(fresh, "drift", "--alert", "--json", "--to", end.isoformat()))
    assert [(one["scope"], one["looks"], one["queries"]) for one in looked] == [("a/articles", 1, 120)]
    assert run(fresh, "alerts", "list", "--json") == "[]\n"


def test_alerts_are_listed_and_acknowledged(fresh):
    from indexing.catalogue.alerts import raise_alert

    raise_alert(
        fresh.home.catalogue, "drift:a/b", "warning", "drift", "it drifted", {}, "2026-11-29T00:00:00.000+00:00"
    )
    assert "it drifted" in run(fresh, "alerts", "list")
    assert "alert 1 of drift was acknowledged by" in run(fresh, "alerts", "ack", "1", "--note", "a campaign")
    assert json.loads(run(fresh, "alerts", "list", "--json")) == []
    (done,) = json.loads(run(fresh, "alerts", "list", "--all", "--json"))
    assert (done["note"], done["times"]) == ("a campaign", 1)
    assert json.loads(run(fresh, "alerts", "ack", "1", "--json"))["note"] == "a campaign"
    assert len(list_alerts(fresh.home.catalogue, is_open_only=False)) == 1


@pytest.mark.parametrize("length", ["1y", "0h", "h", "99999999d"])
def test_a_window_that_is_no_length_of_time_is_told(fresh, length):
    result = CliRunner().invoke(whole_command(), ["--home", str(fresh.path), "eval", "drift", "--window", length])
    assert result.exit_code == 2
    assert "is not a length of time: expected 30m, 24h or 7d." in result.output
