"""The judge of a canary: what breaks a guardrail takes it back by the watcher, what is a signal pauses it."""

from datetime import timedelta

import numpy as np
import pytest

from eval.gates.canary import judge_canary
from eval.gates.policy import CanaryPolicy, Guardrail, Policy
from indexing.catalogue.alerts import acknowledge_alert, raise_alert
from indexing.catalogue.verdicts import verdict_rows
from indexing.errors import StorageFailed
from indexing.releases.lifecycle import resume
from indexing.releases.recipes import record_recipe
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.rollouts import Step, find_rollout
from indexing.releases.transitions import list_transitions
from indexing.releases.trials import End, start_shadow
from indexing.releases.watcher import Watcher
from tests.support.fresh_home import OTHER_VECTORS
from tests.support.ledger_rows import made_feedback, made_hit, made_row
from tests.support.rollout_home import BEGIN, RolloutHome

STEPS = (Step(0.5, 10**6, 60.0),)
"""Not over in these tests, so that what is inconclusive alone pauses nothing."""
SCORES = {"live": 0.6, "candidate": 0.6}
POLICY = Policy()


class Judged(RolloutHome):
    """A canary whose answers a test makes; one user an answer, unless told otherwise."""

    def __init__(self, home, steps=STEPS, unit="user"):
        super().__init__(home.catalogue, home)
        self.home, self.random, self.asked = home, np.random.default_rng(3), 0
        if steps is not None:
            self.canary(share=0.5, steps=steps, unit=unit)

    @property
    def rollout(self):
        return find_rollout(self.catalogue, 1)

    def answer(self, count, *, empty=None, scores=None, units=10**6, spread=0.1):
        """``count`` answers of each arm over the next seconds; ``empty`` is the candidate's share without a hit."""
        rows = []
        for number in range(2 * count):
            self.asked += 1
            arm = ("live", "candidate")[number % 2]
            best = float(self.random.normal((scores or SCORES)[arm], spread))
            is_empty = arm == "candidate" and self.random.random() < (empty or 0.0)
            rows.append(
                made_row(
                    self.asked,
                    BEGIN + timedelta(seconds=self.seconds + 10 + number / 1000),
                    rollout=1,
                    arm=arm,
                    unit=f"{2 * (number % units) + number % 2:032x}",
                    hits=() if is_empty else (made_hit(dense=best),),
                )
            )
        self.home.ledger.append(rows)
        self.seconds += 60
        return rows

    def judge(self, policy=POLICY):
        said = {one.kind: one.outcome for one in judge_canary(self.home, self.rollout, policy, self.now())}
        return {kind: outcome for kind, outcome in said.items() if (kind, outcome) != ("signal:drift", "pass")}

    def watch(self):
        watcher = Watcher(self.catalogue, RolloutLedger(self.home.ledger), now=self.now, clock=lambda: self.seconds)
        assert watcher.round()
        return self.rollout.state

    def said(self):
        return list_transitions(self.catalogue, 1)[-1]


@pytest.fixture
def bench(home):
    return Judged(home)


def test_a_harmless_canary_passes_every_guardrail(bench):
    bench.answer(300)
    assert bench.judge() == {"quality:empty": "pass", "quality:low_score": "pass", "signal:top_score": "pass"}
    assert bench.watch() == "canary"


def test_a_broken_guardrail_takes_the_canary_back_by_the_watcher(bench):
    bench.answer(300, scores={"live": 0.6, "candidate": 0.3})
    assert bench.judge(Policy(canary=CanaryPolicy(top_score=None)))["quality:low_score"] == "fail"
    assert bench.watch() == "rolled_back"
    assert bench.said().actor == "watcher"
    assert "answers with a best score below" in bench.said().reason
    assert bench.said().evidence["verdict:quality:low_score"]["outcome"] == "fail"


def test_empty_answers_break_theirs_whatever_the_encoders_are(bench):
    bench.answer(300, empty=0.3)
    assert bench.judge()["quality:empty"] == "fail"


def test_answers_that_users_speak_against_take_the_canary_back(bench):
    rows = bench.answer(300)
    bench.home.ledger.append_feedback([made_feedback(row, "not_answered") for row in rows[::50]])
    assert bench.judge()["quality:negative_feedback"] == "pass"
    unhappy = [row for row in rows if row.arm == "candidate"][::3]
    bench.home.ledger.append_feedback([made_feedback(row, "rate", "late", value=0.1) for row in unhappy])
    assert bench.judge()["quality:negative_feedback"] == "fail"
    assert bench.watch() == "rolled_back"
    assert "answers that users spoke against" in bench.said().reason


def test_a_signal_pauses_at_once_and_never_takes_back(bench):
    bench.answer(300, scores={"live": 0.6, "candidate": 0.5})
    policy = Policy(canary=CanaryPolicy(low_score=None))
    assert bench.judge(policy) == {"quality:empty": "pass", "signal:top_score": "inconclusive"}
    assert bench.watch() == "paused"
    assert "best scores (negative)" in bench.said().reason


def test_a_critical_alert_of_drift_pauses_until_it_is_acknowledged(bench):
    bench.answer(300)
    early = "2026-01-05T02:00:00.000+00:00"
    raise_alert(bench.catalogue, "drift:a/b", "critical", "drift", "from before", {}, early)
    raise_alert(bench.catalogue, "drift:a/c", "warning", "drift", "a little", {}, bench.now())
    own = {"causes": ["recipe"], "recipe": bench.rollout.candidate}
    raise_alert(bench.catalogue, "drift:a/e", "critical", "drift", "as it is meant", own, bench.now())
    assert "signal:drift" not in bench.judge()
    other = {**own, "causes": ["traffic", "recipe"]}
    alert, _ = raise_alert(bench.catalogue, "drift:a/d", "critical", "drift", "much", other, bench.now())
    assert "signal:drift" not in bench.judge(Policy(canary=CanaryPolicy(drift="ignore")))
    assert bench.judge()["signal:drift"] == "inconclusive"
    assert bench.watch() == "paused"
    assert f"critical alert {alert.id} of drift is open" in bench.said().reason
    resume(bench.catalogue, bench.rollout, bench.by())
    acknowledge_alert(bench.catalogue, alert.id, "ana", "seen", bench.now())
    bench.seconds += 60
    assert "signal:drift" not in bench.judge()


def test_a_signal_that_an_operator_went_on_after_does_not_pause_again(bench):
    policy = Policy(canary=CanaryPolicy(low_score=None))
    bench.answer(300, scores={"live": 0.6, "candidate": 0.5})
    bench.judge(policy)
    assert bench.watch() == "paused"
    assert bench.judge(policy) == {}
    resume(bench.catalogue, bench.rollout, bench.by())
    assert bench.watch() == "canary"
    bench.answer(300, scores={"live": 0.6, "candidate": 0.5})
    assert bench.judge(policy)["signal:top_score"] == "pass"
    assert bench.watch() != "paused"


def test_of_few_units_a_broken_guardrail_only_pauses_since_they_may_differ(bench):
    bench.answer(300, empty=0.5, units=5)
    assert bench.judge()["signal:empty"] == "inconclusive"
    assert bench.watch() in ("paused", "rolled_back")  # the technical guard counts requests, and may be surer


def test_few_answers_are_no_data_and_hold(bench):
    bench.answer(20)
    assert bench.judge() == {"quality:empty": "no_data"}
    assert bench.watch() == "canary"


def test_what_every_minute_says_again_is_one_row_with_the_figures_of_now(bench):
    for _ in range(3):
        bench.answer(100)
        bench.judge()
    rows = [row for row in verdict_rows(bench.catalogue, 2) if row["kind"] == "quality:empty"]
    assert [(row["verdict"], row["at"], row["rollout"]) for row in rows] == [("pass", bench.now(), 1)]
    assert (rows[0]["level"], rows[0]["policy"], rows[0]["baseline"]) == (0.01, POLICY.id, 1)


def test_another_outcome_is_another_row(bench):
    bench.answer(100)
    bench.judge()
    bench.answer(300, empty=0.4)
    bench.judge()
    rows = [row["verdict"] for row in verdict_rows(bench.catalogue, 2) if row["kind"] == "quality:empty"]
    assert rows == ["pass", "fail"]


def test_guardrails_that_a_policy_turns_off_are_not_judged(bench):
    bench.answer(300)
    assert bench.judge(Policy(canary=CanaryPolicy(empty=None, low_score=None, top_score=None))) == {}


def test_scores_of_another_encoder_are_not_compared(bench):
    other = record_recipe(bench.catalogue, OTHER_VECTORS).number
    with bench.catalogue.write() as db:
        db.conn.execute("UPDATE rollouts SET candidate = ?", (other,))
    bench.answer(300, scores={"live": 0.6, "candidate": 0.3})
    rails = Policy(canary=CanaryPolicy(empty=Guardrail(margin=0.02, action="pause")))
    assert bench.judge(rails) == {"signal:empty": "pass"}


def test_a_day_that_cannot_be_read_is_told_and_nothing_is_written(bench):
    bench.answer(100)
    bench.home.ledger.close()
    (path,) = bench.home.ledger.folder.glob("*.db")
    path.write_bytes(b"not a database" * 1000)
    for rest in bench.home.ledger.folder.glob("*.db-*"):
        rest.unlink()
    with pytest.raises(StorageFailed, match="cannot be judged"):
        bench.judge()
    assert verdict_rows(bench.catalogue, 2) == []


def test_a_shadow_that_agrees_with_little_is_a_signal(home):
    bench = Judged(home, steps=None)
    shadow = {"share": 1.0, "end": End(queries=1000), "decides": "agreement", "max_recipes": 4}
    start_shadow(bench.catalogue, bench.proposed(), bench.by(), **shadow)
    rows = [
        made_row(
            number,
            BEGIN + timedelta(seconds=number),
            rollout=1,
            kind="shadow",
            arm="candidate",
            comparison={"overlap": 0.1 * (number % 2)},
        )
        for number in range(1, 301)
    ]
    bench.home.ledger.append(rows)
    bench.seconds = 400
    assert bench.judge() == {"signal:agreement": "inconclusive"}
    assert bench.watch() == "shadow"  # users see none of it
    assert bench.judge(Policy(canary=CanaryPolicy(agreement=None))) == {}


def test_what_takes_no_traffic_is_not_judged(home):
    bench = Judged(home, steps=None)
    bench.proposed()
    assert bench.judge() == {}


def test_before_processes_follow_a_new_share_nothing_is_judged(bench):
    bench.seconds = 2
    assert bench.judge() == {}
