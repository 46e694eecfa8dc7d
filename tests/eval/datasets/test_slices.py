"""Slices: what is given counts, and what is not given is told from text, documents and traffic."""

from datetime import UTC, datetime

import pytest

from eval.datasets import frequency
from eval.datasets.frequency import frequency_in_ledger
from eval.datasets.slices import kind_of, slices_of, topic_of
from indexing.catalogue.home_secrets import home_secret
from indexing.ledger.hashes import LEDGER_SECRET, QUERY, keyed_hash
from tests.support.ledger_rows import NOON, made_row


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("HL-4290 too many requests", "identifier"),
        ("ray.data.read_csv options", "identifier"),
        ("map_batches type conversion", "identifier"),
        ("what is a valve", "question"),
        ("the pump leaks, right?", "question"),
        ("wie kündige ich den vertrag", "question"),
        ("cancel subscription", "keywords"),
        ("the pump leaks since this morning", "statement"),
    ],
)
def test_the_kind_of_a_query_is_told_from_its_text(text, kind):
    assert kind_of(text) == kind


def test_the_topic_of_a_document_is_its_metadata_s_or_its_path_s():
    assert topic_of("a/b", {"category": " billing "}) == "billing"
    assert topic_of("cluster/cli#x", {"category": 3}) == "cluster"
    assert topic_of("cluster", {}) == "unknown"


def test_what_is_given_counts_and_other_slices_are_kept():
    found = slices_of("wie kündige ich das", tenant="acme", given={"language": "xx", "made_of": "title"})
    assert found == {
        **{"tenant": "acme", "language": "xx", "topic": "unknown", "head": "unknown"},
        **{"kind": "question", "made_of": "title"},
    }  # fmt: skip


def test_head_are_the_queries_that_make_half_of_the_traffic_and_tail_are_the_others(home, monkeypatch):
    monkeypatch.setattr(frequency, "LEAST_REQUESTS", 10)
    secret = home_secret(home.catalogue, LEDGER_SECRET)
    asked = ["often"] * 5 + ["now and then"] * 2 + ["once", "only once", "one time"]
    rows = [made_row(number, query_hash=keyed_hash(secret, QUERY, text.encode())) for number, text in enumerate(asked)]
    home.ledger.append([*rows, made_row(99, tenant="other")])
    now = datetime(2026, 11, 25, tzinfo=UTC)
    tells = frequency_in_ledger(home, "acme", now)
    assert [tells(text) for text in ("often", "now and then", "never")] == ["head", "tail", "tail"]
    assert frequency_in_ledger(home, "other", now)("often") == "unknown"
    assert frequency_in_ledger(home, "acme", NOON.replace(month=12, day=20))("often") == "unknown"
