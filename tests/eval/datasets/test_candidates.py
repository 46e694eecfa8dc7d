"""Candidates for judging: counted, decided once, and no answer before a person accepts them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eval.datasets.candidates import (
    Proposal,
    accept_candidate,
    list_candidates,
    propose_candidates,
    reject_candidate,
)
from eval.datasets.curation import query_id_of
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import read_query_set, set_versions
from indexing.catalogue.judgment_candidates import count_of_asker, forget_asker, forget_candidates_older_than
from indexing.errors import AlreadyExists, InvalidInput, NotFound
from indexing.records import Partition, moment_text
from tests.eval.datasets.conftest import MANUAL

CLICKED = Proposal(MANUAL, "pump  leaks", "feedback", "pump", {"clicks": 2}, user_hash="ab" * 16)
OPEN_QUESTION = Proposal(MANUAL, "torn hose", "drift", evidence={"overlap": 0.1})


@pytest.fixture
def proposed(manual):
    """A home with two candidates and an empty set."""
    create_set(manual, "support", MANUAL, "curated", provenance={}, actor="ana")
    assert propose_candidates(manual, [CLICKED, OPEN_QUESTION]) == 2
    return manual


def test_what_is_proposed_again_is_counted_and_keeps_the_newest_evidence(proposed):
    again = Proposal(MANUAL, "pump leaks", "feedback", "pump", {"clicks": 7})
    assert propose_candidates(proposed, [again]) == 0
    first, second = list_candidates(proposed)
    assert (first.query, first.document_id, first.times, first.evidence) == ("pump leaks", "pump", 2, {"clicks": 7})
    assert (second.query, second.document_id, second.times) == ("torn hose", None, 1)
    assert list_candidates(proposed, partition=Partition("default", "other")) == []


def test_a_candidate_answers_nothing_before_a_person_accepts_it(proposed):
    assert set_versions(proposed, "support") == []
    change = accept_candidate(proposed, 1, "support", 2, actor="ana")
    assert (change.queries_added, change.judgments_added) == (1, 1)
    assert read_query_set(proposed, "support", split=None).qrels == {query_id_of("pump leaks"): {"pump": 2}}
    assert set_versions(proposed, "support")[0].reason == "candidate 1, from feedback"
    (accepted,) = list_candidates(proposed, state="accepted")
    assert (accepted.decided_by, accepted.reason) == ("ana", "candidate 1, from feedback")
    with pytest.raises(AlreadyExists, match="Candidate 1 was accepted by ana at"):
        accept_candidate(proposed, 1, "support", 2, actor="bo")


def test_a_candidate_without_a_document_needs_one_that_is_there(proposed):
    with pytest.raises(InvalidInput, match="Candidate 2 names no document"):
        accept_candidate(proposed, 2, "support", 1, actor="ana")
    with pytest.raises(NotFound, match="No document 'hose'"):
        accept_candidate(proposed, 2, "support", 1, actor="ana", document_id="hose")
    assert [one.state for one in list_candidates(proposed)] == ["open", "open"]
    accept_candidate(proposed, 2, "support", 1, actor="ana", document_id="guides/hose", reason="found by hand")
    assert read_query_set(proposed, "support", split=None).slices[query_id_of("torn hose")]["topic"] == "guides"


def test_what_was_rejected_is_not_proposed_again(proposed):
    with pytest.raises(InvalidInput, match="rejected without a reason"):
        reject_candidate(proposed, 1, actor="ana", reason=" ")
    reject_candidate(proposed, 1, actor="ana", reason="a robot clicked")
    assert propose_candidates(proposed, [CLICKED]) == 0
    assert [one.query for one in list_candidates(proposed)] == ["torn hose"]
    (rejected,) = list_candidates(proposed, state="rejected")
    assert (rejected.times, rejected.reason) == (2, "a robot clicked")


def test_what_was_not_proposed_for_as_long_as_the_ledger_is_kept_is_forgotten(proposed):
    accept_candidate(proposed, 1, "support", 2, actor="ana")
    now = datetime.now(UTC)
    later = [moment_text(now + timedelta(days=days)) for days in (29, 31)]
    assert [forget_candidates_older_than(proposed.catalogue, 30, moment) for moment in later] == [0, 2]
    assert list(read_query_set(proposed, "support", split=None).queries.values()) == ["pump leaks"]


def test_a_candidate_counts_again_only_where_it_was_asked_since_and_goes_with_its_last_request(proposed):
    asked = datetime(2026, 11, 1, tzinfo=UTC)
    one = Proposal(MANUAL, "blue hose", "feedback", "pump", asked_at=asked)
    for proposal in (one, one, replace(one, asked_at=asked + timedelta(days=1)), one):
        propose_candidates(proposed, [proposal])
    (found,) = [one for one in list_candidates(proposed) if one.query == "blue hose"]
    assert found.times == 2
    moments = [moment_text(asked + timedelta(days=days)) for days in (30, 32)]
    assert [forget_candidates_older_than(proposed.catalogue, 30, moment) for moment in moments] == [0, 1]


def test_a_candidate_of_several_askers_goes_with_the_last_of_them(proposed):
    several = Proposal(MANUAL, "blue hose", "feedback", "pump", {}, "01" * 16, frozenset({"02" * 16}))
    propose_candidates(proposed, [several])
    propose_candidates(proposed, [replace(several, user_hash="03" * 16, also_asked_by=frozenset())])
    propose_candidates(proposed, [replace(CLICKED, user_hash=None)])
    left = []
    for user in ("01", "02", "03", "ab"):
        forget_asker(proposed.catalogue, "default", user * 16)
        assert count_of_asker(proposed.catalogue, "default", user * 16) == 0
        left.append({one.query for one in list_candidates(proposed)} - {"torn hose"})
    assert left == [{"blue hose", "pump leaks"}, {"blue hose", "pump leaks"}, {"pump leaks"}, {"pump leaks"}]


def test_what_does_not_fit_is_refused(proposed):
    with pytest.raises(InvalidInput, match="has the query ' '; expected a text"):
        propose_candidates(proposed, [Proposal(MANUAL, " ", "drift")])
    with pytest.raises(NotFound, match="No candidate 9"):
        reject_candidate(proposed, 9, actor="ana", reason="why")
    with pytest.raises(InvalidInput, match="state 'closed'"):
        list_candidates(proposed, state="closed")
    create_set(proposed, "others", Partition("default", "other"), "curated", provenance={}, actor="ana")
    with pytest.raises(InvalidInput, match="Candidate 1 is about default/manual, and set 'others' about default/other"):
        accept_candidate(proposed, 1, "others", 1, actor="ana")
