"""What is observed of a request: raw scores, claims, contexts, documents' features; and what is to be judged first."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from eval.drift.observations import observe
from eval.drift.predictors import normalised_query_commitment, queries_to_judge
from eval.drift.stored_features import features_in_store, with_stored_features
from indexing.catalogue.document_features import NewFeatures, append_features
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import ensure_tenant
from indexing.features.view_registry import record_view
from indexing.features.views import DOCUMENT_ENGAGEMENT
from indexing.ledger.day_sources import Period
from indexing.records import Document, Partition, moment_text
from tests.support.document_features import CLICKS
from tests.support.ledger_rows import NOON, made_hit, made_row

OURS = Partition("acme", "default")


def test_a_row_is_observed_by_raw_scores_and_not_by_calibrated_ones():
    hits = (made_hit("a", 0.9, dense=0.5, lexical=3.0), made_hit("b", 0.99, dense=0.75, lexical=None, rerank=-1.5))
    seen = observe(made_row(hits=hits, query_features={"words": 4, "terms": 3, "unknown_share": 0.5, "language": "de"}))
    assert seen.numbers == pytest.approx(
        {
            **{"words": 4.0, "terms": 3.0, "unknown_share": 0.5, "dense_top": 0.75, "dense_margin": 0.25},
            **{"lexical_top": 3.0, "rerank_top": -1.5},
        }
    )
    assert seen.claims == {"empty": False, "zero_overlap": False}
    assert (seen.language, seen.documents) == ("de", ("a", "b"))
    assert seen.slices["collection"] == "acme/default"


def test_an_answer_without_hits_is_empty_and_one_without_a_term_has_no_overlap():
    assert observe(made_row(hits=())).claims["empty"]
    none = (made_hit("a", lexical=0.0),)
    assert observe(made_row(hits=none, query_features={"terms": 2, "unknown_share": 1.0})).claims["zero_overlap"]


def test_a_context_is_observed_by_what_it_is_made_of():
    made_of = {"context_tokens": 300.0, "context_max_tokens": 400.0, "context_left_out": 1.0, "context_citations": 1.0}
    seen = observe(made_row(kind="context", query_features={**made_of, "context_cut": 1.0}))
    assert {name: value for name, value in seen.numbers.items() if name.startswith("context")} == {
        "context_tokens": 300.0,
        "context_used_share": 0.75,
        "context_left_out_share": 0.5,
        "context_cut_share": 1.0,
    }


def test_features_of_documents_are_those_that_boosts_used_else_what_the_store_knew_at_the_end_of_the_window(home):
    ensure_tenant(home.catalogue, OURS.tenant)
    put_documents(home.catalogue, OURS, [Document("a", "", "text a"), Document("b", "", "text b")])
    record_view(home.catalogue, CLICKS)
    until = datetime(2026, 11, 25, tzinfo=UTC)
    for moment, clicks in ((until - timedelta(minutes=10), 3), (until + timedelta(days=2), 50)):
        row = NewFeatures(OURS, "a", moment_text(moment), f'{{"clicks": {clicks}}}')
        append_features(home.catalogue, CLICKS.fingerprint, moment_text(moment), [row])
    boosted = [made_hit(name, features={"clicks:clicks": value}) for name, value in (("a", 7.0), ("b", 9.0))]
    rows = [
        made_row(1, hits=(made_hit("a"),)),
        made_row(2, hits=(made_hit("b"),)),
        made_row(3, hits=boosted),
    ]
    seen = with_stored_features(home, [observe(row) for row in rows], Period(NOON, until))
    assert [one.numbers.get("feature clicks:clicks") for one in seen] == [3.0, None, 8.0]


def test_queries_are_ranked_for_judging_by_what_is_odd_about_their_answers_each_once():
    assert normalised_query_commitment([3.0]) is None
    assert normalised_query_commitment([0.0, 0.0]) == 0.0
    assert normalised_query_commitment([1.0, 3.0]) == pytest.approx(0.5)
    flat = (made_hit("a", dense=0.1, lexical=1.0), made_hit("b", dense=0.1, lexical=1.0))
    clear = (made_hit("a", dense=0.9, lexical=9.0), made_hit("b", dense=0.2, lexical=1.0))
    rows = [
        made_row(1, hits=clear, query_hash="1" * 32, query_features={"leg_overlap": 0.8}),
        made_row(2, hits=flat, query_hash="2" * 32, query_features={"leg_overlap": 0.0}),
        made_row(3, hits=flat, query_hash="2" * 32, query_features={"leg_overlap": 0.0}),
        made_row(4, hits=(), query_hash="3" * 32),
    ]
    found = queries_to_judge(rows)
    assert [(one.rank, one.id) for one in found] == [(1, rows[2].id), (2, rows[0].id)]
    assert found[0].ranks == {"leg_overlap": 1, "nqc": 1, "dense_top": 1}
    assert queries_to_judge([]) == []


def test_counts_of_the_ledger_grow_by_themselves_so_that_of_them_rates_alone_are_looked_at(home):
    ensure_tenant(home.catalogue, OURS.tenant)
    put_documents(home.catalogue, OURS, [Document("a", "", "text a")])
    record_view(home.catalogue, DOCUMENT_ENGAGEMENT)
    values = json.dumps({column.name: 1 for column in DOCUMENT_ENGAGEMENT.columns})
    moment = moment_text(NOON)
    append_features(home.catalogue, DOCUMENT_ENGAGEMENT.fingerprint, moment, [NewFeatures(OURS, "a", moment, values)])
    rates = {f"document_engagement:{name}_{days}d" for name in ("click_rate", "approval") for days in (7, 30)}
    assert {one.name for one in features_in_store(home)} == rates
    boosted = made_hit("a", features={"document_engagement:clicks_7d": 9.0, "document_engagement:approval_7d": 0.5})
    (seen,) = with_stored_features(home, [observe(made_row(1, hits=(boosted,)))], Period(NOON, NOON))
    assert {name for name in seen.numbers if name.startswith("feature ")} == {f"feature {name}" for name in rates}
