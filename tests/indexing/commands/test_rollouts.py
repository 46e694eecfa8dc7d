"""``groundwork rollouts`` and ``groundwork releases``: what a tired operator types, reads and is refused."""

import json

import pytest
from click.testing import CliRunner

from indexing.catalogue.database import utc_now
from indexing.catalogue.document_writes import write_documents
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.tenants import create_tenant
from indexing.catalogue.watcher_lease import take_lease, watcher_seen
from indexing.commands.root import whole_command
from indexing.commands.watching import watching
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy
from indexing.releases.release import newest_release, record_release
from indexing.releases.rollouts import list_rollouts, open_rollout
from tests.support.fresh_home import record_recipes
from tests.support.processes import start, wait_until
from tests.support.promotions import gate_all, gated

STEPS = """
steps:
  - {share: 0.05, at_least_requests: 100, at_least: 30m}
  - {share: 0.5, at_least_requests: 1000, at_least: 2h}
"""


@pytest.fixture
def catalogue(home):
    """Recipes 1 to 3 are released, and 1 is in service."""
    snapshot = record_recipes(home, 4)
    for number in (1, 2, 3):
        record_release(home.catalogue, number, snapshot, seq=0, actor="ana")
    deploy(home.catalogue, 1, reason="first release", actor="ana")
    gate_all(home.catalogue, (1, 2, 3))
    for name in ("acme", "zeta"):
        create_tenant(home.catalogue, name)
    return home.catalogue


@pytest.fixture
def run(home, catalogue):

    def invoke(command, fails=False):
        result = CliRunner().invoke(
            whole_command(), ["--home", str(home.path), *command.split(" ")], terminal_width=200
        )
        assert result.exit_code == (1 if fails else 0), result.output
        return result.stderr if fails else result.stdout

    return invoke


@pytest.fixture
def steps(tmp_path):
    path = tmp_path / "steps.yaml"
    path.write_text(STEPS)
    return path


def test_a_recipe_is_tried_promoted_and_taken_back(run, catalogue, steps):
    assert run("rollouts propose 2.1 --first acme") == "Rollout 1 (recipe 2 against 1) is proposed.\n"
    said = run("rollouts shadow --queries 100 --decides speed")
    assert said == "Rollout 1 (recipe 2 against 1) is a shadow: 100 % of the queries are copied to it.\n"
    take_lease(catalogue, "host:1", utc_now())
    said = run(f"rollouts canary --steps {steps} --unit user")
    assert said == "Rollout 1 (recipe 2 against 1) is a canary, step 1 of 2: 5 % of users get the candidate.\n"
    assert run("rollouts share 0.2").endswith("is a canary: 20 % of users get the candidate.\n")
    assert run("rollouts pause").endswith("is paused: the candidate gets nothing.\n")
    assert run("rollouts resume").endswith("is a canary: 20 % of users get the candidate.\n")
    assert run("rollouts promote --standby 2h") == "release 2.1 is in service\n"
    rows = json.loads(run("releases list --json"))
    assert [(row["release"], row["in_service"], row["arm"], row["documents_behind"]) for row in rows] == [
        ("1.1", False, "standby", 0),
        ("2.1", True, "live", 0),
        ("3.1", False, "", None),
    ]
    assert rows[0]["state"].startswith("on standby until ")
    assert run("releases rollback") == "recipe 2 gets nothing more; release 1.1 is in service\n"
    assert "put recipe 1 back in service" in run("releases rollback", fails=True)
    assert "just taken back" in run("releases deploy 2", fails=True)
    assert run("releases promote 2 --anyway --standby 0") == "release 2.1 is in service\n"
    assert "on standby" not in run("releases list")


def test_the_list_and_the_page_of_a_rollout_say_what_happened_and_why(run, steps):
    run("rollouts propose 2 --reason faster")
    run(f"rollouts canary 1 --steps {steps} --reason go")
    listed = run("rollouts list")
    assert "2 against 1" in listed
    assert "paused: no watcher runs" in listed
    assert "1 of 2" in listed
    shown = run("rollouts show")
    assert "paused: no watcher runs: the candidate gets nothing" in shown
    assert "no data" in shown
    assert "faster" in shown
    value = json.loads(run("rollouts show 1 --json"))
    assert [change["reason"] for change in value["transitions"]] == ["faster", "go"]
    assert value["guards"]["outcome"] == "no_data"
    assert json.loads(run("rollouts list --json"))[0]["reads"] == "paused: no watcher runs"


def test_who_starts_steps_without_a_watcher_is_told(home, run, steps):
    run("rollouts propose 2")
    result = CliRunner().invoke(
        whole_command(), ["--home", str(home.path), "rollouts", "canary", "--steps", str(steps)]
    )
    assert "No watcher was ever seen: run 'groundwork builder' or 'groundwork rollouts watch'." in result.stderr


def test_a_candidate_that_lacks_documents_is_said_so_and_gets_users_only_with_a_word(home, run, catalogue):
    run("rollouts propose 2")
    write_documents(catalogue, Partition("acme", "articles"), [Document("one", "One", "text")], live=False)
    record_release(catalogue, 1, newest_release(catalogue, 1).snapshot, seq=catalogue.sequence(), actor="ana")
    for command in (
        "rollouts canary --share 0.1",
        "rollouts ab --measure latency_ms --margin 5 --queries 9",
        "rollouts interleave --queries 9",
        "rollouts promote",
        "releases promote 2",
    ):
        assert "Release 2.1 lacks 1 documents that recipe 1 answers with" in run(command, fails=True)
    shadow = ["rollouts", "shadow", "--queries", "9", "--decides", "speed"]
    said = CliRunner().invoke(whole_command(), ["--home", str(home.path), *shadow])
    assert "Recipe 2 lacks 1 documents that are searchable now" in said.stderr
    run("rollouts canary --share 0.1 --anyway")
    assert run("rollouts promote --anyway") == "release 2.1 is in service\n"


def test_an_ab_test_and_a_shadow_say_what_they_decide(run, catalogue):
    take_lease(catalogue, "host:1", utc_now())
    run("rollouts propose 2")
    run("rollouts ab --measure latency_ms --margin 5 --for 2h --queries 1000")
    shown = run("rollouts show")
    assert "is an A/B test: 50 % of tenants get the candidate." in shown
    assert "It decides whether latency_ms differs by 5 or more (lower is better); it ends at " in shown
    assert "or after 1000 queries." in shown


def test_an_interleaving_says_what_it_does_and_how_it_stands(run, catalogue, steps):
    take_lease(catalogue, "host:1", utc_now())
    run("rollouts propose 2")
    run(f"rollouts interleave --steps {steps} --queries 1000")
    shown = run("rollouts show")
    assert "is an interleaving, step 1 of 2: 5 % of users get hits of both." in shown
    assert "It decides whether users prefer the candidate, by 0.1 more than half of those that choose" in shown
    assert "By what users chose it is inconclusive: no unit preferred one of both" in shown
    assert json.loads(run("rollouts show --json"))["stands"]["conclusion"] == "inconclusive"
    told = run("eval interleaving 1")
    assert "Stated beforehand: users vote, margin 0.1, level 0.05" in told
    run("rollouts end --reason enough")
    assert "enough (inconclusive: ended by hand before its end" in run("rollouts show 1")
    run("rollouts propose 3")
    assert "Rollout 2 is not an interleaving" in run("eval interleaving 2", fails=True)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("rollouts interleave 1", "An interleaving needs an end"),
        ("rollouts interleave 1 --queries 9 --margin 0.5", "Margin 0.5 is all that a share can differ from one half"),
        ("rollouts interleave 1 --queries 9 --level 0.6", "level 0.6"),
        ("rollouts canary 1 --share 2", "Share 2 is out of range"),
        ("rollouts canary 1", "Give either --share"),
        ("rollouts shadow 1 --decides x", "needs an end"),
        ("rollouts ab 1 --measure beauty --margin 1 --for 1h", "'beauty' is unknown: expected latency_ms"),
        ("rollouts resume 1", "only from paused"),
        ("rollouts promote 7", "No rollout 7"),
        ("rollouts rollback 1", "Rollout 1 is proposed"),
        ("releases promote 9", "No release 9"),
        ("releases pin acme", "Give one of RELEASE"),
        ("releases pin zoe 2", "No tenant 'zoe'"),
        ("releases unpin acme", "not pinned"),
        ("releases rollback", "the only one"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, command, message):
    run("rollouts propose 2")
    assert message in run(command, fails=True)


def test_without_a_rollout_the_commands_say_how_to_make_one(run):
    assert "rollouts propose RELEASE" in run("rollouts pause", fails=True)
    run("rollouts propose 2")
    run("rollouts propose 3")
    assert "Rollouts 1, 2 are proposed: say which one" in run("rollouts canary --share 0.1", fails=True)
    run("rollouts canary 2 --share 0.1")
    run("rollouts reject --reason slow")
    run("rollouts shadow --for 1h --decides speed")
    assert "ended" in run("rollouts end")


def test_a_duration_has_a_unit(home, catalogue):
    arguments = ["--home", str(home.path), "releases", "promote", "2", "--standby", "24"]
    result = CliRunner().invoke(whole_command(), arguments)
    assert result.exit_code == 2
    assert "'24' is not a duration" in result.stderr


def test_tenants_are_pinned_held_back_and_chosen_first(run, catalogue):
    run("releases pin acme 3 --reason contract")
    run("releases pin zeta --hold-back")
    listed = run("releases pins")
    assert "contract" in listed
    assert "held back" in listed
    assert [row["recipe"] for row in json.loads(run("releases pins --json"))] == [3, None]
    assert "pinned for acme" in run("releases list")
    run("releases pin zeta --first")
    run("releases unpin acme")
    assert [row["kind"] for row in json.loads(run("releases pins --json"))] == ["first"]
    kinds = [row["kind"] for row in json.loads(run("releases pins --history --json"))]
    assert kinds == ["pinned", "held_back", "first", "unpinned"]
    assert "held back" in run("releases pins --history")


def test_a_rollback_of_a_named_rollout_takes_back_that_one(run, catalogue):
    run("rollouts propose 2")
    run("rollouts canary --share 0.1")
    assert run("rollouts rollback 1 --reason errors") == "recipe 2 gets nothing more; release 1.1 is in service\n"
    assert list_rollouts(catalogue)[0].state == "rolled_back"
    assert stable_recipe(catalogue) == 1


def test_watching_once_looks_and_a_second_watcher_waits(run, catalogue):
    run("rollouts propose 2")
    run("rollouts shadow --queries 5 --decides speed")
    run("rollouts watch --once")
    assert watcher_seen(catalogue) is not None
    assert open_rollout(catalogue).state == "shadow"


def test_a_watcher_beside_another_command_runs_while_that_does(home, tmp_path):
    with watching(home):
        wait_until(lambda: watcher_seen(home.catalogue) is not None, tmp_path / "no-log")
    assert watcher_seen(home.catalogue).watcher == ""


@pytest.mark.slow
def test_the_watcher_is_a_process_that_gives_up_its_lease_when_it_is_told_to_stop(home, catalogue, tmp_path):
    with (tmp_path / "log").open("w") as log:
        process = start(home.path, "rollouts", "watch", stderr=log)
    try:
        wait_until(lambda: watcher_seen(catalogue) is not None, tmp_path / "log")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)
    assert watcher_seen(catalogue).watcher == ""


def test_without_a_verdict_a_promotion_is_refused_and_an_override_is_kept_for_ever(run, catalogue):
    record_release(catalogue, 4, newest_release(catalogue, 3).snapshot, seq=0, actor="ana")
    refused = run("releases promote 4", fails=True)
    assert "Recipe 4 has no verdict against recipe 1" in refused
    assert "'groundwork eval gate 4'" in refused
    assert "kept back: Recipe 4 has no verdict against recipe 1" in run("releases show 4")
    assert run("releases promote 4 --override urgent") == "release 4.1 is in service\n"
    (deployment,) = json.loads(run("releases show 4 --json"))["deployments"]
    assert deployment["override"] == "urgent"


def test_verdicts_are_shown_with_a_release_and_with_its_rollout(run, catalogue):
    gated(catalogue, 2, verdict="HOLD", policy="abc", is_synthetic=True)
    run("rollouts propose 2")
    shown = run("rollouts show")
    assert "HOLD (synthetic)" in shown
    assert "as a test says" in shown
    assert "is HOLD: as a test says" in run("releases show 2")
    assert json.loads(run("releases show 3 --json"))["kept_back"] is None
    for shown in (run("releases show 2 --json"), run("rollouts show --json")):
        assert [one["verdict"] for one in json.loads(shown)["verdicts"]][-1] == "HOLD"
