"""What is live is evaluated on every stored set; where it scores worse than before, an alert says so."""

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from eval.datasets.stored_sets import read_query_set
from eval.experiments import evaluations
from eval.experiments.evaluation_task import LocalEvaluationExecutor
from eval.jobs.live_evaluations import evaluate_live, live_releases
from eval.jobs.retention import forget_old
from indexing.catalogue.alerts import acknowledge_alert, list_alerts, open_alerts, raise_alert
from indexing.catalogue.evaluations import list_evaluations
from indexing.catalogue.releases import retire_releases
from indexing.errors import GroundworkError, NotReady
from indexing.records import Document, Partition, moment_text
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose, start_canary
from indexing.retention.stored_reports import stem_of
from indexing.schedule.jobs import RunEnded
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.shard import KIND as SHARDS
from tests.support.evaluated_home import EvaluatedHome
from tests.support.fresh_home import OTHER_LANGUAGE, OURS
from tests.support.home_copies import link_home

NOUNS = [f"{first}{second}" for first in ("car", "boat", "tree", "lamp") for second in "abcdefghij"]
NOW = datetime(2026, 11, 29, 2, tzinfo=UTC)
BY = Decision("ana", "a test", moment_text(NOW))


class LiveHome(EvaluatedHome):
    """Recipe 1 stems and is in service; the set ``things`` asks in the plural for what stands there once."""

    def __init__(self, path):
        super().__init__(path)
        self.said = []

    def fill(self):
        self.put(*(Document(noun, noun, f"About one {noun} and nothing else of {noun}.") for noun in NOUNS))
        queries = [NewQuery(f"q-{noun}", f"{noun}s", "curated") for noun in NOUNS]
        create_set(self.home, "things", OURS, "curated", provenance={}, actor="ana")
        put_contents(
            self.home, "things", queries, {f"q-{noun}": {noun: 1} for noun in NOUNS}, Note("add", "ana", "a test")
        )

    def evaluate_live(self, steps=None):
        executor = LocalEvaluationExecutor(self.opener())
        found = evaluate_live(self.home, steps or self.said.append, executor=executor, mode="lexical", now=NOW)
        return found["sets"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """The folder of such a home, before its first build. Take copies; leave it be."""
    with closing(LiveHome(tmp_path_factory.mktemp("filled") / "home")) as made:
        made.fill()
    return made.path


@pytest.fixture(scope="module")
def built(filled, tmp_path_factory):
    """The same after it."""
    path = tmp_path_factory.mktemp("built") / "home"
    link_home(filled, path)
    with closing(LiveHome(path)) as made:
        made.build()
    return path


@pytest.fixture
def unbuilt(filled, tmp_path):
    link_home(filled, tmp_path / "home")
    with closing(LiveHome(tmp_path / "home")) as made:
        yield made


@pytest.fixture
def live(built, tmp_path):
    shutil.copytree(built, tmp_path / "home")  # some tests damage what is published
    with closing(LiveHome(tmp_path / "home")) as made:
        yield made


def test_every_live_release_is_evaluated_on_every_set_and_each_step_is_told(live):
    live.build(OTHER_LANGUAGE)
    proposed = propose(live.home.catalogue, 2, BY)
    start_canary(live.home.catalogue, proposed, BY, share=0.1, steps=(), unit="tenant", max_recipes=4)
    assert live_releases(live.home) == ["1.1", "2.1"]
    found = live.evaluate_live()["things"]
    assert found["1.1"]["nDCG@10"] > found["2.1"]["nDCG@10"]
    assert [one.id for one in list_evaluations(live.home.catalogue)] == [found["1.1"]["id"], found["2.1"]["id"]]
    assert live.said[0] == "things on 1.1"
    assert live.said[-1] == f"things on 2.1: {found['2.1']['queries']} of {found['2.1']['queries']} queries"
    assert live.evaluate_live()["things"]["1.1"]["id"] == found["1.1"]["id"]


def test_a_candidate_that_cannot_be_searched_fails_the_run_after_the_others_were_evaluated(live):
    create_set(live.home, "zebras", OURS, "curated", provenance={}, actor="ana")
    note = Note("add", "ana", "a test")
    put_contents(live.home, "zebras", [NewQuery("q", f"{NOUNS[5]}s", "curated")], {"q": {NOUNS[5]: 1}}, note)
    broken = live.build(replace(OTHER_LANGUAGE, shard_rows=9)).release
    proposed = propose(live.home.catalogue, 2, BY)
    start_canary(live.home.catalogue, proposed, BY, share=0.1, steps=(), unit="tenant", max_recipes=4)
    (live.home.path / SNAPSHOTS / broken.snapshot / "snapshot.json").write_bytes(b"{}")
    with pytest.raises(GroundworkError, match=r"of \d evaluations failed, the others are kept. The first: Artefact"):
        live.evaluate_live()
    assert {(one.query_set, one.release) for one in list_evaluations(live.home.catalogue)} == {
        ("things", "1.1"),
        ("zebras", "1.1"),
    }


def test_a_candidate_with_one_damaged_shard_fails_the_run_after_the_others_were_evaluated(live):
    before = set(live.home.storage.list(SHARDS))
    live.build(replace(OTHER_LANGUAGE, shard_rows=9))
    proposed = propose(live.home.catalogue, 2, BY)
    start_canary(live.home.catalogue, proposed, BY, share=0.1, steps=(), unit="tenant", max_recipes=4)
    create_set(live.home, "zebras", OURS, "curated", provenance={}, actor="ana")
    note = Note("add", "ana", "a test")
    put_contents(live.home, "zebras", [NewQuery("q", f"{NOUNS[5]}s", "curated")], {"q": {NOUNS[5]: 1}}, note)
    damaged, *whole = sorted(set(live.home.storage.list(SHARDS)) - before)
    assert whole
    path = live.home.path / SHARDS / damaged / "lexical.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(GroundworkError, match=r"2 of 4 evaluations failed, .*NotReady: A measurement needs every"):
        live.evaluate_live()
    assert {(one.query_set, one.release) for one in list_evaluations(live.home.catalogue)} == {
        ("things", "1.1"),
        ("zebras", "1.1"),
    }


def test_an_executor_that_lost_its_redis_ends_the_run_at_once(live):
    class Lost:
        asked = 0

        def run(self, tasks):
            self.asked += 1
            raise NotReady("Redis has not answered for 60 s") from ConnectionError("refused")

    create_set(live.home, "zebras", OURS, "curated", provenance={}, actor="ana")
    note = Note("add", "ana", "a test")
    put_contents(live.home, "zebras", [NewQuery("q", f"{NOUNS[5]}s", "curated")], {"q": {NOUNS[5]: 1}}, note)
    lost = Lost()
    with pytest.raises(NotReady, match="has not answered"):
        evaluate_live(live.home, live.said.append, executor=lost, mode="lexical", now=NOW)
    assert lost.asked == 1


def test_a_release_that_scores_worse_on_the_same_documents_raises_an_alert(live):
    first = live.evaluate_live()["things"]["1.1"]
    live.build(OTHER_LANGUAGE)
    live.deploy(2)
    found = live.evaluate_live()["things"]["2.1"]
    assert found["before"]["id"] == first["id"]
    assert found["verdict"] == "worse"
    (alert,) = open_alerts(live.home.catalogue)
    assert (alert.key, alert.severity, alert.tenant) == ("quality:things", "critical", OURS.tenant)
    assert "Release 2.1 scores nDCG@10 0.000 on things" in alert.message


def test_an_alert_that_a_person_acknowledged_is_not_said_again_of_the_same_evaluations(live):
    live.evaluate_live()
    live.build(OTHER_LANGUAGE)
    live.deploy(2)
    for _ in range(2):
        live.evaluate_live()
    (alert,) = open_alerts(live.home.catalogue)
    assert alert.times == 1
    acknowledge_alert(live.home.catalogue, alert.id, "ana", "known", moment_text(NOW))
    assert live.evaluate_live()["things"]["2.1"]["verdict"] == "worse"
    assert open_alerts(live.home.catalogue) == []


def test_what_was_in_service_is_compared_with_and_not_what_was_merely_evaluated(live):
    live.evaluate_live()
    live.build(OTHER_LANGUAGE)
    live.evaluate("2.1", read_query_set(live.home, "things"))  # a candidate that is as bad, and never served
    third = live.build(replace(OTHER_LANGUAGE, shard_rows=9)).release
    live.deploy(third.recipe)
    found = live.evaluate_live()["things"][third.number]
    assert (found["before"]["release"], found["verdict"]) == ("1.1", "worse")


def test_a_candidate_is_compared_with_what_is_in_service_and_has_its_own_alert(live):
    live.build(OTHER_LANGUAGE)
    start_canary(
        live.home.catalogue,
        propose(live.home.catalogue, 2, BY),
        BY,
        share=0.1,
        steps=(),
        unit="tenant",
        max_recipes=4,
    )
    found = live.evaluate_live()["things"]
    assert "before" not in found["1.1"]
    assert found["2.1"]["before"]["release"] == "1.1"
    assert [one.key for one in open_alerts(live.home.catalogue)] == ["quality:things:trial"]


def test_p_is_adjusted_over_all_sets(live):
    note = Note("add", "ana", "a test")
    for name in ("first", "second", "third"):  # the other recipe finds these as well
        create_set(live.home, name, OURS, "curated", provenance={}, actor="ana")
        asked = [NewQuery(f"q-{noun}", noun, "curated") for noun in NOUNS]
        put_contents(live.home, name, asked, {f"q-{noun}": {noun: 1} for noun in NOUNS}, note)
    live.evaluate_live()
    live.build(OTHER_LANGUAGE)
    live.deploy(2)
    found = {name: one["2.1"] for name, one in live.evaluate_live().items()}
    assert found["first"]["p_adjusted"] == 1.0
    (alert,) = open_alerts(live.home.catalogue)
    assert alert.evidence["p_adjusted"] == found["things"]["p_adjusted"] == pytest.approx(4 * alert.evidence["p"])


def test_a_set_whose_documents_are_not_in_the_release_is_told_and_the_others_go_on(live):
    create_set(live.home, "empty", Partition("a", "nothing"), "curated", provenance={}, actor="ana")
    found = live.evaluate_live()
    assert "not_evaluated" in found["empty"]["1.1"]
    assert "nDCG@10" in found["things"]["1.1"]


def test_before_the_first_release_there_is_nothing_to_evaluate(unbuilt):
    with pytest.raises(NotReady):
        unbuilt.evaluate_live()


def test_an_evaluation_that_is_cancelled_ends_between_its_blocks(live):

    def cancelled(step):
        if "queries" in step:
            raise RunEnded("it was cancelled")

    with pytest.raises(RunEnded):
        live.evaluate_live(cancelled)
    assert list_evaluations(live.home.catalogue) == []


def test_what_is_older_than_the_ledger_is_forgotten_but_for_what_is_still_of_use(live, monkeypatch):
    long_ago = NOW - timedelta(days=60)
    monkeypatch.setattr(evaluations, "utc_now", lambda: long_ago)
    kept = live.evaluate("1.1", clock=lambda: long_ago)
    live.put(Document("new", "new", "Something new."))
    live.build()
    old = live.evaluate("1.2", clock=lambda: long_ago)
    retire_releases(live.home.catalogue, [(1, 2)])
    at = moment_text(long_ago)
    for number, key in enumerate(("drift:a", "drift:a", "drift:b"), start=1):
        raise_alert(live.home.catalogue, key, "warning", "drift", "moved", {}, at)
        if key == "drift:a":
            acknowledge_alert(live.home.catalogue, number, "ana", "seen", at)
    (live.path / "reports").mkdir()
    for moment in (long_ago, NOW):
        (live.path / "reports" / f"{stem_of(moment)}.json").write_text("{}")
    told = forget_old(live.home, live.said.append, now=NOW)
    assert (told["evaluations"], told["alerts"], told["reports"]) == (1, 1, 1)
    assert [path.stem for path in (live.path / "reports").iterdir()] == [stem_of(NOW)]
    assert [row.id for row in list_evaluations(live.home.catalogue)] == [kept.id]
    assert [path.name.split(".")[0] for path in (live.path / "evaluations").glob("*.queries.json.gz")] == [kept.id]
    assert old.id != kept.id
    assert sorted(one.key for one in list_alerts(live.home.catalogue, is_open_only=False)) == ["drift:a", "drift:b"]
