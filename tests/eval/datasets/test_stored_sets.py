"""Stored query sets: versions stay, who and why are told, and what became of judged documents is named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.curation import add_judgments, edit_judgments, history, query_id_of, retire_judgments
from eval.datasets.query_sets import QuerySet
from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from eval.datasets.splits import SPLITS, normalised, split_of
from eval.datasets.stored_sets import list_query_sets, read_query_set, set_versions, staleness
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.errors import AlreadyExists, InvalidInput, NotFound
from indexing.records import Partition
from tests.eval.datasets.conftest import DOCUMENTS, MANUAL

WHO = {"actor": "ana", "reason": "asked by support"}
LEAK, STUCK = "why does my pump leak", "valve stuck"


@pytest.fixture
def curated(manual):
    """A home with the set ``support``: two queries at version 2."""
    create_set(manual, "support", MANUAL, "curated", provenance={}, actor="ana")
    add_judgments(manual, "support", LEAK, {"pump": 2, "valve": 0}, **WHO)
    add_judgments(manual, "support", STUCK, {"valve": 1}, slices={"topic": "valves"}, **WHO)
    return manual


def read(home, **options):
    return read_query_set(home, "support", split=None, **options)


def test_a_set_is_read_with_its_judgments_slices_partition_and_version(curated):
    found = read(curated)
    leak, stuck = query_id_of(LEAK), query_id_of(STUCK)
    assert found.queries == {leak: LEAK, stuck: STUCK}
    assert found.qrels == {leak: {"pump": 2, "valve": 0}, stuck: {"valve": 1}}
    assert (found.partition, found.version, found.split, found.is_synthetic) == (MANUAL, 2, "all", False)
    assert found.slices[leak] == {
        "tenant": "default", "language": "en", "topic": "pump", "head": "unknown", "kind": "question",
    }  # fmt: skip
    assert (found.slices[stuck]["topic"], found.slices[stuck]["kind"]) == ("valves", "keywords")
    assert not found.staleness.is_stale


def test_it_is_told_in_which_version_a_query_was_first_asked_and_answered(curated):
    leak, stuck = query_id_of(LEAK), query_id_of(STUCK)
    add_judgments(curated, "support", "noise at night", {"valve": 0}, **WHO)
    add_judgments(curated, "support", "noise at night", {"pump": 1}, **WHO)
    edit_judgments(curated, "support", leak, {"pump": 1}, **WHO)
    assert read(curated).joined == {leak: 1, stuck: 2, query_id_of("noise at night"): 4}
    assert read(curated, version=2).joined == {leak: 1, stuck: 2}


def test_every_version_can_be_read_again_whatever_came_after_it(curated):
    before = {version: read(curated, version=version) for version in (1, 2)}
    edit_judgments(curated, "support", query_id_of(LEAK), {"pump": 1}, **WHO)
    retire_judgments(curated, "support", query_id_of(LEAK), ["valve"], **WHO)
    retire_judgments(curated, "support", query_id_of(STUCK), None, **WHO)
    assert {version: read(curated, version=version) for version in (1, 2)} == before
    assert read(curated).qrels == {query_id_of(LEAK): {"pump": 1}}
    assert [one.action for one in set_versions(curated, "support")] == ["add", "add", "edit", "retire", "retire"]
    assert {(one.actor, one.reason) for one in set_versions(curated, "support")} == {("ana", "asked by support")}
    with pytest.raises(NotFound, match="No version 9 of query set 'support': it has versions 1 to 5"):
        read(curated, version=9)


def test_the_history_of_a_judgment_says_who_changed_it_and_why(curated):
    edit_judgments(curated, "support", query_id_of(LEAK), {"pump": 1}, actor="bo", reason="only half an answer")
    found = [one for one in history(curated, "support", query_id_of(LEAK)) if one.document == "pump"]
    seen = [(one.grade, one.author, one.reason, one.since_version, one.until_version) for one in found]
    assert seen == [(2, "ana", "asked by support", 1, 3), (1, "bo", "only half an answer", 3, None)]
    with pytest.raises(NotFound, match="never judged"):
        history(curated, "support", "q9")


def test_a_query_that_is_asked_again_in_other_spacing_is_the_same_query(curated):
    change = add_judgments(curated, "support", f"  {LEAK.replace(' ', '  ')} ", {"guides/hose": 1}, **WHO)
    assert (change.queries_added, change.judgments_added) == (0, 1)
    assert read(curated).qrels[query_id_of(LEAK)] == {"pump": 2, "valve": 0, "guides/hose": 1}


@pytest.mark.parametrize(
    ("grades", "reason", "said"),
    [
        ({"pump": 1}, "  ", "needs a reason"),
        ({"pump": 5_000}, "why", "expected -1000 to 1000"),
        ({}, "why", "expected a text and at least one judgment"),
    ],
)
def test_a_judgment_without_a_reason_or_a_sound_grade_is_refused(curated, grades, reason, said):
    with pytest.raises(InvalidInput, match=said):
        add_judgments(curated, "support", LEAK, grades, actor="ana", reason=reason)
    assert read(curated).version == 2


def test_what_is_not_there_is_refused_by_name(curated):
    with pytest.raises(NotFound, match="No document 'pmup' in default/manual"):
        add_judgments(curated, "support", LEAK, {"pmup": 1}, **WHO)
    with pytest.raises(NotFound, match="No judgment of document 'guides/hose'"):
        edit_judgments(curated, "support", query_id_of(LEAK), {"guides/hose": 1}, **WHO)
    with pytest.raises(NotFound, match="No judgment of document 'guides/hose'"):
        retire_judgments(curated, "support", query_id_of(LEAK), ["guides/hose"], **WHO)
    with pytest.raises(NotFound, match="No query 'q9'"):
        retire_judgments(curated, "support", "q9", None, **WHO)
    with pytest.raises(NotFound, match="No query set 'supporters'"):
        read_query_set(curated, "supporters")
    with pytest.raises(InvalidInput, match="Query 'q9' is judged and is not in set"):
        put_contents(curated, "support", [], {"q9": {"pump": 1}}, Note("add", "ana", "why"))
    assert len(set_versions(curated, "support")) == 2


def test_a_set_needs_a_name_a_kind_and_a_tenant_of_its_own(curated):
    make = lambda name, partition, kind: create_set(curated, name, partition, kind, provenance={}, actor="ana")  # noqa: E731
    with pytest.raises(AlreadyExists, match="'support' is there already"):
        make("support", MANUAL, "curated")
    with pytest.raises(InvalidInput, match="Query set name 'a/b' is invalid"):
        make("a/b", MANUAL, "curated")
    with pytest.raises(InvalidInput, match="Kind 'guessed'"):
        make("other", MANUAL, "guessed")
    with pytest.raises(NotFound, match="No tenant 'ghost'"):
        make("other", Partition("ghost", "manual"), "curated")


def test_sets_are_listed_with_what_they_hold_and_where_they_come_from(curated):
    (found,) = list_query_sets(curated)
    assert (found.name, found.partition, found.kind, found.version) == ("support", MANUAL, "curated", 2)
    assert (found.queries, found.judgments, found.created_by, found.is_synthetic) == (2, 3, "ana", False)


# Staleness


def test_judged_documents_that_changed_are_named_and_stay_in_the_judgments(curated):
    put_documents(curated.catalogue, MANUAL, [replace(DOCUMENTS[0], text="The pump is gone.")])
    found = read(curated)
    assert found.staleness.changed == {query_id_of(LEAK): ("pump",)}
    assert found.qrels[query_id_of(LEAK)] == {"pump": 2, "valve": 0}
    assert staleness(curated, found) == found.staleness
    edit_judgments(curated, "support", query_id_of(LEAK), {"pump": 2}, actor="bo", reason="still answers it")
    assert not read(curated).staleness.is_stale


def test_judged_documents_that_are_gone_leave_the_judgments_and_are_named(curated):
    remove_documents(curated.catalogue, MANUAL, ["valve"])
    found = read(curated)
    leak, stuck = query_id_of(LEAK), query_id_of(STUCK)
    assert found.qrels == {leak: {"pump": 2}}
    assert found.staleness.gone == {leak: ("valve",), stuck: ("valve",)}
    assert found.staleness.left_out == (stuck,)
    kept = read(curated, keeps_gone=True)
    assert kept.qrels[stuck] == {"valve": 1}
    assert kept.staleness.gone == found.staleness.gone
    assert staleness(curated, found).left_out == (stuck,)


def test_a_set_whose_documents_are_all_gone_says_so_and_is_not_scored(curated):
    remove_documents(curated.catalogue, MANUAL, ["valve", "pump"])
    with pytest.raises(InvalidInput, match="no query with a relevant document in default/manual: of 2 queries, 2 had"):
        read(curated)


def test_documents_that_come_after_they_were_judged_are_unknown_and_neither_changed_nor_gone(manual):
    create_set(manual, "early", MANUAL, "imported", provenance={}, actor="ana")
    queries, qrels = [NewQuery("q1", "which filter", "imported")], {"q1": {"filter": 1, "pump": 1}}
    put_contents(manual, "early", queries, qrels, Note("import", "ana", "before the documents"))
    assert read_query_set(manual, "early", split=None).staleness.gone == {"q1": ("filter",)}
    put_documents(manual.catalogue, MANUAL, [replace(DOCUMENTS[0], id="filter")])
    found = read_query_set(manual, "early", split=None)
    assert (found.staleness.unknown, found.staleness.is_stale) == ({"q1": ("filter",)}, False)


def test_of_a_set_from_a_folder_it_is_not_known_what_its_documents_were(manual):
    found = staleness(manual, QuerySet("folder", {"q": "text"}, {"q": {"b": 1, "a": 0}}, "f"))
    assert found.unknown == {"q": ("a", "b")}


# Splits


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["", "?", "  ", " !"])), min_size=1, max_size=40))
def test_no_query_is_in_two_splits_of_a_set_in_whatever_wording(questions):
    splits = {}
    for number, end in questions:
        text = f"Question Number {number}{end}"
        splits.setdefault(normalised(text), set()).add(split_of(text))
    assert all(len(found) == 1 for found in splits.values())


def test_the_splits_of_a_stored_set_share_no_query_and_together_are_all_of_it(manual):
    create_set(manual, "many", MANUAL, "imported", provenance={}, actor="ana")
    texts = {f"q{n}": f"question number {n // 2}{'?' if n % 2 else ''}" for n in range(80)}
    queries = [NewQuery(name, text, "imported") for name, text in texts.items()]
    put_contents(manual, "many", queries, {name: {"pump": 1} for name in texts}, Note("import", "ana", "files"))
    found = {split: read_query_set(manual, "many", split=split) for split in SPLITS}
    wordings = {split: {normalised(text) for text in one.queries.values()} for split, one in found.items()}
    assert not wordings["train"] & wordings["dev"]
    assert not wordings["train"] & wordings["test"]
    assert not wordings["dev"] & wordings["test"]
    assert set().union(*(one.queries for one in found.values())) == set(texts)
    with pytest.raises(InvalidInput, match="split 'tset' of query set 'many'; expected one of: train, dev, test"):
        read_query_set(manual, "many", split="tset")
