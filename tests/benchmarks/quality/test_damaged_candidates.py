"""The slice of ``benchmarks.quality.damaged_candidates``: faults, a mistake and what is harmless, by the tiny model."""

import pytest

from benchmarks.harness import simulated_canary
from benchmarks.harness.damages import DAMAGED, HARMLESS
from benchmarks.quality.damaged_candidates import Bench, measure, policy_for
from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from indexing.catalogue.document_writes import write_documents
from indexing.records import Document, Partition

OURS = Partition("default", "things")
NOUNS = [f"{first}{second}" for first in ("car", "boat", "tree", "lamp") for second in "abcdefghij"]


@pytest.fixture
def bench(tiny_home, monkeypatch):
    monkeypatch.setattr(simulated_canary, "MOST_QUERIES", 300)
    write_documents(tiny_home.catalogue, OURS, [Document(one, one, f"All of {one}. " * 3) for one in NOUNS], live=False)
    create_set(tiny_home, OURS.collection, OURS, "imported", provenance={}, actor="ana")
    queries = [NewQuery(f"q-{one}", f"{one}s", "imported") for one in NOUNS]
    qrels = {f"q-{one}": {one: 1} for one in NOUNS}
    put_contents(tiny_home, OURS.collection, queries, qrels, Note("import", "ana", "a test"))
    return Bench(tiny_home, OURS, policy_for(OURS.collection, min_queries=20))


def named(name):
    return next(one for one in (*DAMAGED, *HARMLESS) if one.name == name)


def test_what_is_damaged_is_caught_with_its_cause_and_what_is_harmless_is_let_be(bench):
    names = ("int8 of the wrong model", "shuffled id map", "stop words kept")
    found = measure(bench, [named(one) for one in names], [named("120 candidates for 100")])
    model, shuffled, unstemmed = found["damaged"]
    assert model["build"].startswith("ModelMismatch: tiny@2 int8 gives other vectors")
    assert "its vector is of another text" in shuffled["build"]
    assert shuffled["difference"] < 0
    assert unstemmed["build"] == "passed"
    assert any(one.startswith("lexical terms: ") for one in unstemmed["cause_named"])
    assert all(one["is_cause_right"] for one in found["damaged"])
    (harmless,) = found["harmless"]
    assert (harmless["difference"], harmless["offline"]["verdict"], harmless["caught_by"]) == (0.0, "PROMOTE", [])
    assert found["summary"]["not_caught"] == []
    assert found["summary"]["harmless_rejected"] == []


def test_a_fault_leaves_nothing_of_itself_in_what_others_are_built_of(bench):
    assert "stale" in bench.judge(named("stale vectors"), 1)["build"]
    again = bench.judge(named("the same written again, in other blocks"), 2)
    assert (again["difference"], again["overlap"], again["caught_by"]) == (0.0, 1.0, [])
