"""Judging a stored query set: what the release in service finds, against what should be found."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from eval.datasets.chat_client import Endpoint
from eval.datasets.curation import add_judgments, query_id_of
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import read_query_set
from eval.judging.batches import Judging, judge_in_batches, judge_samples_in_batches
from eval.judging.judge import KeptReplies
from eval.judging.judgement import list_judgements
from eval.judging.judging import Asking
from eval.judging.metrics import metrics_named
from eval.judging.runs import Options, forget_old_replies, judge_every_set, judge_set
from eval.judging.samples import Sample
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.judge_replies import keep_reply, read_reply
from indexing.catalogue.query_set_erasure import erase_of_user
from indexing.errors import AlreadyRunning, InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Document, Partition, moment_text
from indexing.releases.recipe_choices import default_recipe
from indexing.retention.judgement_files import JUDGE_LOCK, about_documents, about_tenant, about_user, erase_judged
from tests.support.judge_server import judge_server, judging

MANUAL = Partition("default", "manual")
LEAK, STUCK = "pump leaks", "valve stuck"
WHO = {"actor": "ana", "reason": "asked by support"}


@pytest.fixture
def served(tiny_home):
    """A home with three documents in service and the set ``support`` of two queries."""
    texts = {"pump": "The pump leaks at the seal.", "valve": "A valve is stuck open.", "hose": "Hoses are blue."}
    put_documents(tiny_home.catalogue, MANUAL, [Document(name, name, text) for name, text in texts.items()])
    build(prepare_build(tiny_home, default_recipe(tiny_home)))
    create_set(tiny_home, "support", MANUAL, "curated", provenance={}, actor="ana")
    add_judgments(tiny_home, "support", LEAK, {"pump": 2, "valve": 0}, **WHO)
    add_judgments(tiny_home, "support", STUCK, {"valve": 1, "hose": 1}, **WHO)
    return tiny_home


def test_what_the_release_finds_is_held_against_the_judgments(served):
    judgement, path = judge_set(served, "support", split="all", k=1, mode="lexical")
    scores = {
        (name, one.id): found.score
        for one in judgement.samples
        for name, found in one.outcomes.items()
        if found.score is not None
    }
    assert scores == {
        ("id_context_precision", query_id_of(LEAK)): 1.0,
        ("id_context_recall", query_id_of(LEAK)): 1.0,
        ("id_context_precision", query_id_of(STUCK)): 1.0,
        ("id_context_recall", query_id_of(STUCK)): 0.5,
    }
    inputs = judgement.inputs
    assert (inputs["query_set"], inputs["version"], inputs["release"], inputs["mode"]) == (
        "support",
        2,
        "1.1",
        "lexical",
    )
    assert {one.documents for one in judgement.samples} == {("pump",), ("hose", "valve")}
    assert list_judgements(served.path / "evaluations") == [judgement]
    assert path.is_file()


def test_a_model_is_asked_about_what_a_set_gives_and_told_what_it_lacks(served):
    with judge_server(judging) as server:
        settings = served.settings.model_copy(update={"judge_url": server.url, "judge_model": "judge-1"})
        home = Home(**{name: getattr(served, name) for name in Home.__slots__} | {"settings": settings})
        judgement, _ = judge_set(home, "support", split="all")
    assert server.bodies == []
    reasons = {one.metric: one.reasons for one in judgement.summaries if one.unmeasured}
    assert reasons["answer_relevancy"] == reasons["faithfulness"] == {"no answer": 2}
    assert reasons["context_precision"] == {"no reference": 2}
    assert (judgement.inputs["model"], judgement.inputs["embedding_model"]) == ("judge-1", "tiny@1")


def test_every_set_is_judged_for_a_schedule_and_one_that_cannot_be_is_told(served):
    create_set(served, "elsewhere", Partition("default", "attic"), "curated", provenance={}, actor="ana")
    found = judge_every_set(served)
    assert set(found) == {"support", "elsewhere"}
    assert "not_judged" in found["elsewhere"]


def test_what_was_judged_of_a_user_s_query_is_known_as_the_user_s(served):
    add_judgments(served, "support", "hose colour", {"hose": 2}, user_hash="ab" * 16, **WHO)
    judgement, _ = judge_set(served, "support", split="all", mode="lexical")
    users = {one.id: one.user_hash for one in judgement.samples}
    assert users == {query_id_of(LEAK): None, query_id_of(STUCK): None, query_id_of("hose colour"): "ab" * 16}


def test_what_is_erased_between_two_batches_is_neither_asked_about_nor_kept(served):
    add_judgments(served, "support", "hose colour", {"hose": 2}, user_hash="ab" * 16, **WHO)
    query_set, metrics = read_query_set(served, "support", split=None), metrics_named(())
    seen = []

    def erase(seconds):
        with served.storage.lock(JUDGE_LOCK):  # free between two batches
            erase_of_user(served.catalogue, "default", "ab" * 16, "quibble")

    with judge_server(judging) as server:
        asking = Asking(Endpoint(server.url, "judge-1"))
        how = Judging(metrics, asking, None, {}, lambda done: seen.append(done), k=3, mode="lexical")
        judgement, _ = judge_in_batches(served, query_set, how, size=1, wait=erase)
    assert {one.id for one in judgement.samples} == {query_id_of(LEAK), query_id_of(STUCK)}
    assert seen == [1, 2]


def samples_about(count):
    """Samples of a user each, about a document each, that need no judge."""
    return [
        Sample(
            f"s{number}",
            "where is it?",
            MANUAL,
            context_ids=(f"d{number}",),
            reference_context_ids=(f"d{number}",),
            user=f"user {number}",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("concerns", ["document", "user", "tenant"])
def test_an_erasure_between_two_batches_of_a_file_reaches_what_was_judged_of_it(served, concerns):
    samples, erased = samples_about(3), []
    what = {
        "document": about_documents(MANUAL, {"d0"}),
        "user": about_user(MANUAL.tenant, KeptReplies(served).user_hash(samples[0])),
        "tenant": about_tenant(MANUAL.tenant),
    }[concerns]

    def erase(seconds):
        if not erased:
            with served.storage.lock(JUDGE_LOCK):  # free between two batches
                erased.append(erase_judged(served.path, what))
            assert list_judgements(served.path / "evaluations") == []  # what is half done is no judgement

    with judge_server(judging) as server:
        how = Judging(
            metrics_named(()), Asking(Endpoint(server.url, "judge-1")), None, {"file": "f"}, lambda done: None
        )
        judgement, path = judge_samples_in_batches(served, samples, how, size=1, wait=erase)
    assert erased == [1]
    assert [one.id for one in judgement.samples] == ["s1", "s2"]
    assert next(one for one in judgement.summaries if one.metric == "id_context_recall").measured == 2
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert list_judgements(served.path / "evaluations") == [judgement]


def test_what_a_killed_run_left_is_removed_after_a_day(served):
    folder = served.path / "evaluations" / "judgements"
    folder.mkdir(parents=True)
    for name in (".old.json", ".new.json"):
        (folder / name).write_text('{"samples": []}')
    os.utime(folder / ".old.json", (0, 0))
    how = Judging(metrics_named(("id_context_recall",)), Asking(), None, {}, lambda done: None)
    _, path = judge_samples_in_batches(served, samples_about(2), how)
    assert {one.name for one in folder.iterdir()} == {".new.json", path.name}


def test_every_sample_is_told_and_the_requests_of_all_sets_are_bounded(served):
    told = []
    judge_every_set(served, budget=0, on_sample=lambda name, done: told.append((name, done)))
    assert told[0] == ("support", 0)
    assert [done for _, done in told] == list(range(len(told)))


def test_replies_are_forgotten_after_ninety_days(served):
    for name, days in (("new", 0), ("kept", 89), ("old", 91)):
        at = moment_text(datetime.now(UTC) - timedelta(days=days))
        keep_reply(served.catalogue, name, MANUAL, model="judge-1", reply="{}", at=at)
    assert forget_old_replies(served) == 1
    assert read_reply(served.catalogue, "old") is None
    assert read_reply(served.catalogue, "kept") == "{}"


def test_one_process_judges_at_a_time_and_none_beside_an_erasure(served):
    with served.storage.lock(JUDGE_LOCK), pytest.raises(AlreadyRunning, match="judging of samples, or an erasure"):
        judge_set(served, "support", split="all")


def test_what_is_unknown_is_refused_before_anything_is_searched(served):
    with pytest.raises(InvalidInput, match="'fidelity' is unknown"):
        judge_set(served, "support", Options(("fidelity",)))
    with pytest.raises(NotFound, match="nothing"):
        judge_set(served, "nothing")
