"""Feedback proposes what to judge, and judges nothing: clicks only where position can be accounted for."""

import json
from datetime import timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from eval.commands.root import evaluation
from eval.datasets.candidates import list_candidates
from eval.feedback.candidates import propose_from_feedback
from eval.feedback.position_bias import LEAST_PAIRS
from indexing.home import open_home
from indexing.ledger.feedback_readers import Asked
from indexing.ledger.hashes import QUERY, keyed_hash
from indexing.records import Partition
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_hit, made_row
from tests.support.migrated_catalogue import place_home

OURS = Partition("acme", "default")
NAMES = [f"d{n}" for n in range(8)]


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=place_home(tmp_path / "home"), ledger_days=36_500))
    yield home
    home.close()


def row(number, text, documents=NAMES, *, keeps_text=True, **changes):
    return made_row(
        number,
        NOON + timedelta(seconds=number),
        query={"query": text} if keeps_text else None,
        query_hash=keyed_hash(SECRET, QUERY, text.encode()),
        hits=tuple(map(made_hit, documents)),
        **changes,
    )


def click(home, queries, asked=24):
    """Of each query, which shows eight documents in two orders, the last of the first order is the one that answers."""
    chance, rows, events = np.random.default_rng(2), [], []
    for number in range(queries * asked):
        order = NAMES if number % 2 else NAMES[::-1]
        query = number // 2 % queries
        rows.append(row(number, f"query {query}", order, keeps_text=query != 0))
        clicks = [
            name for rank, name in enumerate(order, 1) if chance.random() < (0.9 if name == "d7" else 0.15) / rank**0.5
        ]
        events += [made_feedback(rows[-1], event=name, document_id=name) for name in clicks]
    home.ledger.append(rows)
    home.ledger.append_feedback(events)


def test_clicks_propose_documents_that_are_surely_better_than_most_wherever_they_stood(home):
    click(home, 40)
    found = propose_from_feedback(home)
    assert 0.3 < found.bias.eta.value < 0.7
    candidates = list_candidates(home, limit=1000)
    assert (found.from_clicks, found.from_words, found.new) == (len(candidates), 0, len(candidates))
    right = [one for one in candidates if one.document_id == "d7"]
    assert 35 <= len(right) <= 39, "of query 0 the text may not be kept"
    assert len(candidates) - len(right) <= 5, "of 280 others 2.5 % stand out by chance at most"
    assert all(one.source == "feedback" and one.evidence["low"] > 0.3 for one in right)
    assert propose_from_feedback(home).new == 0


def test_without_enough_pairs_clicks_propose_nothing(home):
    click(home, 4)
    found = propose_from_feedback(home)
    assert (found.from_clicks, found.bias.pairs) == (0, 32)
    assert found.bias.pairs < LEAST_PAIRS
    assert list_candidates(home) == []


def test_what_users_say_proposes_the_hit_or_the_query(home):
    rows = [row(n, text) for n, text in enumerate(("how to", "how to", "why not", "hidden"))]
    rows.append(row(5, "hidden", keeps_text=False))
    home.ledger.append(rows)
    home.ledger.append_feedback(
        [
            made_feedback(rows[0], "answered", document_id="d3"),
            made_feedback(rows[1], "answered", document_id="d3"),
            made_feedback(rows[1], "answered", "2", document_id="never shown"),
            made_feedback(rows[2], "not_answered"),
            made_feedback(rows[3], "rate", value=0.0),
            made_feedback(rows[4], "not_answered"),
        ]
    )
    assert propose_from_feedback(home).from_words == 2
    found = {(one.query, one.document_id): one.evidence for one in list_candidates(home, partition=OURS)}
    assert found == {
        ("how to", "d3"): {"answered": 2, "release": "12.3"},
        ("why not", None): {"not_answered": 1, "release": "12.3"},
    }
    assert propose_from_feedback(home, asked=Asked("zeta")).from_words == 0


def test_the_command_says_what_was_proposed(home):
    rows = [row(1, "why not")]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(rows[0], "not_answered")])
    command = ["sets", "candidates", "propose"]
    told = CliRunner().invoke(evaluation, command, obj=home.settings).output
    assert "clicks propose nothing: not enough data: 0 pairs" in told
    assert "0 proposed by clicks, 1 by words; 1 are new" in told
    again = json.loads(CliRunner().invoke(evaluation, [*command, "--json"], obj=home.settings).output)
    assert (again["from_words"], again["new"]) == (1, 0)
