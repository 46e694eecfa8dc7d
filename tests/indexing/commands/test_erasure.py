"""``groundwork erase`` says first and does it when told; it refuses beside whoever may write the text again."""

import json
from datetime import timedelta
from functools import partial

import pytest
import redis
from click.testing import CliRunner

from eval.datasets.candidates import Proposal, accept_candidate, propose_candidates
from eval.datasets.curation import add_judgments, history, query_id_of
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import list_query_sets, read_query_set
from eval.experiments.changed_queries import proposals_to_judge
from indexing.builds.leases import Leases
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.database import Database
from indexing.catalogue.document_features import ids_in_features, stored_views
from indexing.catalogue.documents import load_document
from indexing.catalogue.erasures import list_erasures, unfinished_erasures
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.jobs import finish_job, newest_job_on_workers, start_job
from indexing.catalogue.schedule import begin_run, end_run, tell_step
from indexing.catalogue.verdicts import OFFLINE, Grounds, insert_verdict, verdict_rows
from indexing.commands.root import cli
from indexing.errors import CatalogueBusy
from indexing.features.engagement import materialise_engagement
from indexing.features.views import DOCUMENT_ENGAGEMENT
from indexing.ledger.feedback_readers import feedback_of
from indexing.ledger.hashes import LEDGER_SECRET, USER, keyed_hash
from indexing.ledger.readers import requests_of
from indexing.storage.factory import open_storage
from tests.indexing.retention.test_erasure import (
    ID,
    MARKERS,
    NEW,
    OURS,
    THEIRS,
    derived,
    files_with,
    filled,
    filled_once,
)
from tests.support.ledger_rows import NOON, made_feedback, made_hit, made_row

__all__ = ["filled", "filled_once"]  # fixtures


@pytest.fixture
def tiny_home(filled):
    """The home that ``fill`` filled, once for all of these tests; each has a copy."""
    return filled


@pytest.fixture
def run(tiny_home):
    """Runs a command on it."""
    finish_job(tiny_home.catalogue, newest_job_on_workers(tiny_home.catalogue).id, "done")
    return lambda *arguments: CliRunner().invoke(cli, ["--home", str(tiny_home.path), *arguments])


def erase(run, *arguments):
    return run("erase", "--collection", "manual", *arguments)


def test_it_only_says_what_it_would_erase_until_told_to(run, tiny_home):
    told = erase(run, ID)
    assert told.exit_code == 0, told.output
    for line in (
        "would erase (do it with --yes): 1 documents of default/manual, 1 in the catalogue",
        "releases that get a new snapshot: 1.1, 2.1, 1.2, 2.2",
        "inputs of jobs: 3",
        "reports removed: 1",
        "evaluations changed: 2, scratch homes removed: 1",
        "not reached: the sources",
    ):
        assert line in told.output
    seen = json.loads(erase(run, ID, "--json").stdout)
    assert (seen["erased"], seen["erasures"][0]["documents"]) == (False, 1)
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW
    made = derived(tiny_home)
    done = erase(run, ID, "--yes")
    assert "erased (erasure 1): 1 documents of default/manual" in done.output
    for needle in (*(marker.encode() for marker in MARKERS), *made):
        assert files_with(tiny_home, needle) == set()


def test_releases_and_erasures_say_what_was_rewritten(run):
    before = {row["release"]: row["snapshot"] for row in json.loads(run("releases", "list", "--json").stdout)}
    erase(run, ID, "--yes")
    for row in json.loads(run("releases", "list", "--json").stdout):
        assert row["erasures"] == [1]
        assert row["snapshot"] != before[row["release"]]
    (erasure,) = json.loads(run("erasures", "list", "--json").stdout)
    assert (erasure["state"], erasure["documents"], erasure["collection"]) == ("done", 1, "manual")
    assert {one["release"]: one["old_snapshot"] for one in erasure["releases"]} == before
    shown = run("erasures", "list").output
    (row,) = [line for line in shown.splitlines() if "default/manual" in line]  # a pipe folds nothing
    assert all(number in row for number in ("1.1", "1.2", "2.1", "2.2"))
    releases = run("releases", "list").output
    for word in ("1.2 *", "tiny@1", "first-256", "german", str(erasure["created_at"])[:10]):
        assert word in releases, word
    assert ID not in shown
    assert run("snapshots", "verify").exit_code == 0


def test_erasures_are_listed_where_there_are_none(tiny_home):
    assert CliRunner().invoke(cli, ["--home", str(tiny_home.path), "erasures", "list"]).exit_code == 0


def test_an_unknown_document_is_an_error_and_one_that_was_erased_is_told(run):
    result = erase(run, ID, "nobody", "--yes")
    assert result.exit_code == 1
    assert "No document 'nobody' in collection 'manual'" in result.output
    assert erase(run, ID, "--yes").exit_code == 0
    again = erase(run, ID, "--yes")
    assert again.exit_code == 1
    assert "erasure 1 of" in again.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give either DOCUMENT_ID"),
        (["a", "--whole-collection", "--collection", "manual"], "Give either DOCUMENT_ID"),
        (["a", "--resume"], "Give either DOCUMENT_ID"),
        (["--whole-collection", "--yes"], "--whole-collection needs --collection"),
    ],
)
def test_what_is_to_be_erased_must_be_said_clearly(run, arguments, said):
    result = run("erase", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_a_whole_collection_of_another_tenant_is_erased(run, tiny_home):
    result = erase(run, "--tenant", THEIRS.tenant, "--whole-collection", "--yes")
    assert "1 documents of other/manual" in result.output
    assert collection_sizes(tiny_home.catalogue, "other") == {"manual": 0}
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW


@pytest.mark.parametrize(("place", "lock"), [(".", "build"), (".", "models"), ("scratch/corpus-1", "build")])
def test_it_refuses_while_somebody_builds_or_registers(run, tiny_home, place, lock):
    with open_storage(tiny_home.path / place).lock(lock):
        result = erase(run, ID, "--yes")
    assert result.exit_code == 1
    assert "Another" in result.output
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW


def test_it_refuses_while_a_worker_still_does_a_block_of_a_build_that_ended(run, tiny_home, monkeypatch):
    monkeypatch.setenv("GROUNDWORK_REDIS_URL", "redis://127.0.0.1:1/0")
    held = ["shard-x"]
    monkeypatch.setattr(Leases, "held", lambda self: held)
    result = erase(run, ID, "--yes")
    assert result.exit_code == 1
    assert "A worker still does block shard-x" in result.output
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW
    held.clear()
    assert erase(run, ID, "--yes").exit_code == 0


def test_it_refuses_when_redis_cannot_say_what_workers_do(run, tiny_home, monkeypatch):
    monkeypatch.setenv("GROUNDWORK_REDIS_URL", "redis://127.0.0.1:1/0")

    def unreachable(self):
        raise redis.ConnectionError("nobody there")

    monkeypatch.setattr(Leases, "held", unreachable)
    result = erase(run, ID, "--yes")
    assert result.exit_code == 1
    assert "stop all workers and give --no-workers" in result.output
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW
    assert erase(run, ID, "--yes", "--no-workers").exit_code == 0


def test_nobody_says_away_a_worker_that_redis_knows_of(run, tiny_home, monkeypatch):
    monkeypatch.setenv("GROUNDWORK_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(Leases, "held", lambda self: ["shard-x"])
    assert erase(run, ID, "--yes", "--no-workers").exit_code == 1
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW


@pytest.mark.parametrize("has_local_build_since", [False, True])
def test_without_redis_it_refuses_while_a_worker_of_a_killed_build_may_hold_the_text(
    run, tiny_home, has_local_build_since
):
    job = start_job(tiny_home.catalogue, 1, "workers")
    if has_local_build_since:  # it says nothing about the workers of the one before
        finish_job(tiny_home.catalogue, start_job(tiny_home.catalogue, 1, "local").id, "done")
    result = erase(run, ID, "--yes")
    assert result.exit_code == 1
    assert f"Job {job.id} ran on workers and is" in result.output
    assert "GROUNDWORK_REDIS_URL" in result.output
    assert "--no-workers" in result.output
    assert load_document(tiny_home.catalogue, OURS, ID) == NEW
    assert erase(run, ID).exit_code == 0  # it only says what it would do
    assert erase(run, ID, "--yes", "--no-workers").exit_code == 0
    assert erase(run, "pears", "--yes", "--no-workers").exit_code == 0


def interrupted(run, monkeypatch):
    """An erasure that found the catalogue busy at the end."""

    def busy(self):
        raise CatalogueBusy("somebody reads")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "compact", busy)
        return erase(run, ID, "--yes")


def test_an_unfinished_erasure_fails_loudly_and_every_command_reminds_of_it(run, tiny_home, monkeypatch):
    result = interrupted(run, monkeypatch)
    assert result.exit_code == 1
    assert "somebody reads" in result.output
    assert "groundwork erase --resume --yes" in result.output
    for command in (["gc"], ["releases", "list"], ["erase", "--resume"]):
        assert "is not finished" in run(*command).stderr
    assert len(unfinished_erasures(tiny_home.catalogue)) == 1
    assert "erased (erasure 1)" in run("erase", "--resume", "--yes").output
    assert run("erase", "--resume", "--yes").output == "nothing to resume\n"
    assert "is not finished" not in run("gc").stderr


def test_the_same_command_again_finishes_what_was_interrupted(run, tiny_home, monkeypatch):
    interrupted(run, monkeypatch)
    result = erase(run, ID, "--yes")
    assert result.exit_code == 0, result.output
    assert [one.state for one in list_erasures(tiny_home.catalogue)] == ["done"]


def test_other_documents_are_erased_after_what_was_interrupted_is_finished(run, tiny_home, monkeypatch):
    interrupted(run, monkeypatch)
    result = erase(run, ID, "pears", "--yes")
    assert result.exit_code == 0, result.output
    assert [(one.state, one.documents) for one in list_erasures(tiny_home.catalogue)] == [("done", 1), ("done", 1)]
    assert files_with(tiny_home, b"eaten in autumn") == set()


def test_all_that_a_user_asked_is_erased_once_told_to(run, tiny_home):
    secret = home_secret(tiny_home.catalogue, LEDGER_SECRET)
    rows = [made_row(n, user=keyed_hash(secret, USER, b"user-1" if n % 2 else b"user-2")) for n in range(5)]
    tiny_home.ledger.append(rows)
    told = run("erase", "--tenant", "acme", "--user", "user-1")
    assert (
        "would erase (do it with --yes): 2 rows of the ledger, all that the user, of tenant acme asked" in told.output
    )
    seen = json.loads(run("erase", "--tenant", "acme", "--user", "user-1", "--yes", "--json").stdout)
    assert (seen["erased"], seen["requests"], seen["erasures"]) == (True, 2, [])
    assert sorted(row.number for row in requests_of(tiny_home.ledger, "acme")) == [0, 2, 4]


def test_what_came_of_a_user_s_requests_and_the_user_s_name_leave_the_query_sets(run, tiny_home):
    secret = home_secret(tiny_home.catalogue, LEDGER_SECRET)
    hashed = keyed_hash(secret, USER, b"quibble@example.org")
    for text, document in (("gardenzwuck asked", "apples"), ("pearzwuck asked", "pears")):
        propose_candidates(tiny_home, [Proposal(OURS, text, "feedback", document, {}, hashed)])
    accept_candidate(tiny_home, 2, "judged", 1, actor="quibble@example.org", reason="reasonzwuck")
    accept_candidate(tiny_home, 3, "judged", 1, actor="ana", reason="said pearzwuck")
    add_judgments(tiny_home, "judged", "kept", {"pears": 1}, actor="quibble@example.org", reason="reasonzwuck")
    whose = ("erase", "--tenant", "default", "--user", "quibble@example.org")
    told = json.loads(run(*whose, "--json").stdout)
    assert (told["erased"], told["requests"]) == (False, 0)
    assert told["quality_rows"] >= 6  # two candidates, a query, two judgments, a version and more by name
    assert json.loads(run(*whose, "--yes", "--json").stdout)["quality_rows"] == told["quality_rows"]
    for marker in (b"gardenzwuck", b"pearzwuck", b"reasonzwuck", b"quibble@", hashed.encode()):
        assert files_with(tiny_home, marker) == set(), marker
    left = read_query_set(tiny_home, "judged", split=None)
    assert "kept" in left.queries.values()
    (judgment,) = history(tiny_home, "judged", query_id_of("kept"))
    assert (judgment.author, judgment.reason, judgment.grade) == ("(erased)", "(erased)", 1)
    assert json.loads(run(*whose, "--yes", "--json").stdout)["quality_rows"] == 0


def test_what_a_user_s_query_in_a_set_was_proposed_as_goes_with_the_user_and_what_others_asked_stays(run, tiny_home):
    secret = home_secret(tiny_home.catalogue, LEDGER_SECRET)
    theirs, others = (keyed_hash(secret, USER, name) for name in (b"quibble@example.org", b"ana@example.org"))
    for text, user in (("comparedzwuck", theirs), ("sharedzwuck", others)):
        add_judgments(tiny_home, "judged", text, {"pears": 1}, actor="bo", reason="why", user_hash=user)
    query_set = read_query_set(tiny_home, "judged", split=None)
    pairs = [(query_id_of("comparedzwuck"), "apples"), (query_id_of("sharedzwuck"), "apples")]
    propose_candidates(tiny_home, proposals_to_judge(query_set, OURS, pairs, ["1.1"]))
    propose_candidates(tiny_home, [Proposal(OURS, "sharedzwuck", "feedback", "apples", {}, theirs)])
    run("erase", "--tenant", "default", "--user", "quibble@example.org", "--yes")
    for marker in (b"comparedzwuck", theirs.encode()):
        assert files_with(tiny_home, marker) == set(), marker
    assert files_with(tiny_home, b"sharedzwuck")
    run("erase", "--tenant", "default", "--user", "ana@example.org", "--yes")
    assert files_with(tiny_home, b"sharedzwuck") == set()


def test_what_a_user_said_and_the_counts_of_it_go_with_the_user(run, tiny_home):
    hashed = keyed_hash(home_secret(tiny_home.catalogue, LEDGER_SECRET), USER, b"quibble@example.org")
    theirs, others = (
        made_row(n, tenant="default", collection="manual", hits=(made_hit("apples"),), user=user)
        for n, user in enumerate((hashed, "0" * 32))
    )
    tiny_home.ledger.append([theirs, others])
    about_theirs = made_feedback(theirs, "comment", comment="aboutzwuck", user="1" * 32)
    by_them = made_feedback(others, "rate", document_id="apples", value=1.0, comment="ratedzwuck", user=hashed)
    kept = made_feedback(others, "comment", "other", comment="keptzwuck")
    tiny_home.ledger.append_feedback([about_theirs, by_them, kept])
    count = partial(materialise_engagement, tiny_home.catalogue, tiny_home.ledger)
    assert count(now=lambda: NOON + timedelta(hours=1)).rows == 2
    whose = ("erase", "--tenant", "default", "--user", "quibble@example.org", "--yes", "--json")
    assert json.loads(run(*whose).stdout)["requests"] == 3
    for marker in (b"aboutzwuck", b"ratedzwuck", bytes.fromhex(hashed)):
        assert files_with(tiny_home, marker) == set(), marker
    assert DOCUMENT_ENGAGEMENT.fingerprint not in stored_views(tiny_home.catalogue)
    assert "keptzwuck" in {one.comment for one in feedback_of(tiny_home.ledger)}
    assert count(now=lambda: NOON + timedelta(hours=2)).rows == 2


def test_of_a_whole_tenant_no_query_set_is_left(run, tiny_home):
    create_set(tiny_home, "theirs", THEIRS, "curated", provenance={"note": "provenancezwuck"}, actor="bo")
    add_judgments(tiny_home, "theirs", "textzwuck", {"apples": 1}, actor="bo", reason="reasonzwuck")
    propose_candidates(tiny_home, [Proposal(THEIRS, "candidatezwuck", "drift")])
    findings = {"verdictzwuck": {"tenant": "other", "slices": [{"value": "slicezwuck"}]}, "cost": {}}
    on = Grounds(evidence={"findings": findings})
    insert_verdict(tiny_home.catalogue, 1, OFFLINE, "HOLD", ["whyzwuck"], "2026-11-29", on)
    number = begin_run(tiny_home.catalogue, "evaluate", "2026-11-29", "host:1", "2026-11-29")
    tell_step(tiny_home.catalogue, number, "stepzwuck on 1.1")
    end_run(tiny_home.catalogue, number, "done", "2026-11-29", summary={"sets": {"summaryzwuck": 1}}, error="runzwuck")
    told = run("erase", "--tenant", "other", "--whole-tenant", "--yes")
    assert "erased: 2 rows of query sets and judged samples that came from tenant other" in told.output, told.output
    for marker in (
        b"provenancezwuck",
        b"textzwuck",
        b"reasonzwuck",
        b"candidatezwuck",
        b"verdictzwuck",
        b"slicezwuck",
        b"whyzwuck",
        b"stepzwuck",
        b"summaryzwuck",
        b"runzwuck",
    ):
        assert files_with(tiny_home, marker) == set(), marker
    assert [row["verdict"] for row in verdict_rows(tiny_home.catalogue, 1)] == ["HOLD"]
    assert [one.name for one in list_query_sets(tiny_home)] == ["judged", "made"]


def test_a_whole_tenant_is_erased_with_all_that_it_asked(run, tiny_home):
    row = made_row(1, tenant="other", collection="manual", query={"query": "theirs"}, hits=(made_hit("apples"),))
    tiny_home.ledger.append([row])
    tiny_home.ledger.append_feedback([made_feedback(row, "comment", comment="saidzwuck", document_id="apples")])
    materialise_engagement(tiny_home.catalogue, tiny_home.ledger, now=lambda: NOON + timedelta(hours=1))
    told = run("erase", "--tenant", "other", "--whole-tenant", "--yes")
    assert "1 documents of other/manual" in told.output, told.output
    assert "erased: 1 rows of the ledger, all that tenant other asked" in told.output, "the hit's feedback went before"
    assert list(requests_of(tiny_home.ledger, "other")) == []
    assert files_with(tiny_home, b"saidzwuck") == set()
    assert ids_in_features(tiny_home.catalogue, THEIRS) == frozenset()
    assert collection_sizes(tiny_home.catalogue, "other") == {"manual": 0}
    again = run("erase", "--tenant", "other", "--whole-tenant", "--yes")
    assert "erased: 0 rows of the ledger" in again.output


@pytest.mark.parametrize("option", [["--whole-tenant"], ["--user", "user-1"]])
def test_whose_tenant_it_is_must_be_said(run, option):
    refused = run("erase", *option, "--yes")
    assert (refused.exit_code, "needs --tenant" in refused.output) == (2, True)
