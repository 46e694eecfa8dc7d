"""What the ledger holds of showings and clicks, counted by query, document and rank."""

from datetime import timedelta

import numpy as np
import pytest

from eval.feedback.harvest import PairKey, harvest
from eval.feedback.position_bias import estimate_position_bias
from indexing.home import open_home
from indexing.ledger.feedback_readers import Asked
from indexing.ledger.hashes import QUERY, keyed_hash
from indexing.records import Partition
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_hit, made_row
from tests.support.migrated_catalogue import place_home

OURS = Partition("acme", "default")


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=place_home(tmp_path / "home"), ledger_days=36_500))
    yield home
    home.close()


def hashed(text):
    return keyed_hash(SECRET, QUERY, text.encode())


def row(number, documents, text="a question", **changes):
    hits = tuple(made_hit(name) for name in documents)
    return made_row(number, NOON + timedelta(seconds=number), query_hash=hashed(text), hits=hits, **changes)


def cells(found):
    shown = found.shown
    columns = (shown.pair.tolist(), shown.rank.tolist(), shown.shown.tolist(), shown.clicked.tolist())
    return {(found.keys[pair].document_id, rank): (n, c) for pair, rank, n, c in zip(*columns, strict=True)}


def test_showings_and_clicks_are_counted_by_rank_and_an_answer_s_clicks_once(home):
    rows = [row(1, "abc"), row(2, "bac"), row(3, "bca"), row(4, "x", text="asked once")]
    home.ledger.append(rows)
    events = [("click", "a"), ("copy", "a"), ("dwell", "b"), ("answered", "c"), ("click", "not shown")]
    home.ledger.append_feedback(
        [made_feedback(rows[0], action, str(n), document_id=name) for n, (action, name) in enumerate(events)]
    )
    home.ledger.append_feedback([made_feedback(rows[1], document_id="a", position=5)])
    found = harvest(home)
    assert cells(found) == {
        **{("a", 1): (1, 1), ("a", 2): (1, 1), ("a", 3): (1, 0)},
        **{("b", 1): (2, 0), ("b", 2): (1, 0), ("c", 2): (1, 0), ("c", 3): (2, 1)},
    }
    assert found.keys[0] == PairKey(OURS, hashed("a question"), "a")
    assert (found.answers, found.moved) == (3, 1)
    assert found.shown.moved.tolist() == [True] * 3
    assert found.shown.query.tolist() == [0] * 3


def test_what_was_really_shown_counts_where_that_is_said(home):
    rows = [row(n, "abc") for n in range(2)]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(rows[0], "impression", document_id="c")])
    assert cells(harvest(home, depth=2)) == {("a", 1): (1, 0), ("b", 2): (1, 0), ("c", 3): (1, 0)}


def test_a_later_page_counts_at_its_ranks_and_one_of_several_collections_at_none(home):
    home.ledger.append([row(n, "ab", query_features={"offset": 2.0}) for n in range(2)])
    home.ledger.append([row(n, "cd", query_features={"collections": 2.0}) for n in range(2, 4)])
    assert cells(harvest(home)) == {("a", 3): (2, 0), ("b", 4): (2, 0)}


def test_passages_of_one_document_are_one_hit_at_the_rank_of_the_best(home):
    home.ledger.append([row(n, "aab", kind="context") for n in range(2)])
    assert cells(harvest(home)) == {("a", 1): (2, 0), ("b", 2): (2, 0)}


def test_answers_that_lost_hits_in_an_erasure_are_left_out_since_their_ranks_moved(home):
    home.ledger.append([row(n, "ab", is_erased=n == 2) for n in range(3)])
    assert cells(harvest(home)) == {("a", 1): (2, 0), ("b", 2): (2, 0)}


def test_texts_come_where_they_may_be_kept_and_tenants_are_kept_apart(home):
    home.ledger.append([row(n, "ab", tenant=("acme", "zeta")[n // 2]) for n in range(4)])
    home.ledger.append([row(5, "ab", query={"query": "a question"}), row(6, "ab", query={"vector": [1.0]})])
    found = harvest(home)
    assert {key: one.text for key, one in found.texts.items()} == {(OURS, hashed("a question")): "a question"}
    assert {key.partition.tenant for key in found.keys} == {"acme", "zeta"}
    assert found.shown.query.max() == 1
    assert {key.partition.tenant for key in harvest(home, asked=Asked("zeta")).keys} == {"zeta"}
    assert len({key.partition for key in harvest(home, most_queries=1).keys}) == 1
    assert harvest(home, NOON + timedelta(days=1)).keys == []


def test_position_bias_is_told_from_the_ledger(home):
    """Forty queries over eight documents in two orders, clicked at rank r in one of r cases."""
    chance, rows, events = np.random.default_rng(2), [], []
    names = [f"d{n}" for n in range(8)]
    for number in range(1600):
        order = names if number % 2 else names[::-1]
        rows.append(row(number, order, text=f"query {number // 2 % 40}", release=f"1.{number % 2}"))
        clicks = [name for rank, name in enumerate(order, 1) if chance.random() < 0.8 / rank]
        events += [made_feedback(rows[-1], event=name, document_id=name) for name in clicks]
    home.ledger.append(rows)
    home.ledger.append_feedback(events)
    bias = estimate_position_bias(harvest(home).shown)
    assert (bias.pairs, bias.queries) == (320, 40)
    assert bias.eta.low < 1.0 < bias.eta.high
    assert bias.eta.high - bias.eta.low < 0.3
    few = estimate_position_bias(harvest(home, most_queries=37).shown)
    assert few.eta.reason.startswith("not enough data: 296 pairs")


def test_of_more_queries_than_are_counted_a_part_is_looked_at_that_their_hashes_choose(home):
    home.ledger.append([row(2 * n + again, "ab", text=f"question {n}") for n in range(64) for again in (0, 1)])
    part = harvest(home, most_counted=20)
    assert harvest(home, most_counted=64).halvings == 0
    assert (part.halvings >= 2, 0 < part.answers <= 40) == (True, True)
    chosen = {hashed(f"question {n}") for n in range(64) if int(hashed(f"question {n}")[-8:], 16) % 4 == 0}
    assert {one.query_hash for one in part.keys} <= chosen
