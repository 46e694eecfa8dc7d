"""The watcher advances, pauses, takes back and ends what it watches, and never what an operator changed meanwhile."""

import json
import threading

import pytest

from indexing.catalogue.verdicts import insert_verdict
from indexing.catalogue.watcher_lease import take_lease, watcher_seen
from indexing.errors import CatalogueBusy
from indexing.ledger.guard_window import ArmWindow, GuardWindow
from indexing.ledger.interleaving import Preferences
from indexing.releases.lifecycle import pause, resume
from indexing.releases.observation import RequestLedger, end_trial
from indexing.releases.rollouts import PREFERENCE, AbTest, Step, find_rollout
from indexing.releases.transitions import list_transitions
from indexing.releases.trials import End, start_ab, start_interleaving, start_shadow
from indexing.releases.watcher import LONGEST_LOOK_SECONDS, Watcher
from tests.support.rollout_home import RolloutHome

STEPS = (Step(0.05, 1000, 60.0), Step(0.5, 2000, 600.0))


def arm(requests, errors=0, units=50):
    hashes = {b"%d" % number for number in range(units)}
    return ArmWindow(requests, errors, 0, 0, requests, [10.0] * requests, hashes)


class Ledger:
    """What was answered, as a test says it."""

    def __init__(self):
        self.arms, self.dropped, self.shadows, self.means, self.asked = {}, 0, 0, {}, []
        self.interleaved, self.preferred = 0, Preferences({}, 0, 0, 0, {})
        self.during = lambda: None

    def window(self, rollout, since, until):
        self.asked.append((since, until))
        self.during()
        return GuardWindow(self.arms, sum(one.requests for one in self.arms.values()), self.dropped)

    def count_shadows(self, rollout, since, until):
        return self.shadows

    def count_interleaved(self, rollout, since, until):
        return self.interleaved

    def preferences(self, rollout, since, until):
        return self.preferred

    def unit_means(self, rollout, measure, since, until):
        return self.means


class Watched(RolloutHome):
    def __init__(self, catalogue):
        super().__init__(catalogue)
        self.ledger: RequestLedger = Ledger()
        self.watcher = self.other("host:1")

    def other(self, name):
        return Watcher(self.catalogue, self.ledger, now=self.now, clock=lambda: self.seconds, name=name)

    def after(self, seconds, **arms):
        """What the rollout is once so long has passed and the arms have answered so much."""
        self.seconds += seconds
        self.ledger.arms = arms
        assert self.watcher.round()
        rollout = find_rollout(self.catalogue, 1)
        return rollout.state, rollout.share, rollout.step

    def said(self):
        return list_transitions(self.catalogue, 1)[-1]


@pytest.fixture
def watched(home):
    return Watched(home.catalogue)


def good(requests=2000, share=0.05):
    return {"live": arm(20_000, units=int(1000 * (1 - share))), "candidate": arm(requests, units=int(1000 * share))}


def test_steps_are_gone_through_and_then_a_person_promotes(watched):
    watched.canary(steps=STEPS)
    assert watched.after(61, **good()) == ("canary", 0.5, 1)
    assert watched.said().reason == "step 1 passed; step 2 gives it 50 %"
    assert watched.after(599, **good(share=0.5)) == ("canary", 0.5, 1)
    assert watched.after(2, **good(share=0.5)) == ("canary", 0.5, 2)
    assert watched.said().reason == "step 2 passed; all steps passed: promote it"
    assert watched.said().actor == "watcher"
    assert watched.said().evidence["errors"]["outcome"] == "pass"
    before = find_rollout(watched.catalogue, 1)
    assert watched.after(9999, **good(share=0.5)) == ("canary", 0.5, 2)
    assert find_rollout(watched.catalogue, 1) == before


@pytest.mark.parametrize(("seconds", "requests"), [(59, 2000), (3600, 999)])
def test_a_step_lasts_until_both_its_time_is_over_and_its_requests_are_seen(watched, seconds, requests):
    watched.canary(steps=STEPS)
    assert watched.after(seconds, **good(requests)) == ("canary", 0.05, 0)


def test_a_fail_rolls_back_at_once_and_keeps_the_evidence(watched):
    watched.canary(steps=STEPS)
    assert watched.after(10, live=arm(2000), candidate=arm(100, errors=60)) == ("rolled_back", 0.0, 0)
    assert "errors 60.00% against 0.00%" in watched.said().reason
    assert watched.said().evidence["errors"]["outcome"] == "fail"
    assert watched.plan().open_recipes == (1,)


def test_taking_back_may_use_the_room_that_is_kept_in_reserve(watched):
    used = []
    watched.watcher.with_room = lambda action: used.append(True) or action()
    watched.canary()
    assert watched.after(10, live=arm(2000), candidate=arm(100, errors=60))[0] == "rolled_back"
    assert used == [True]


def test_a_canary_without_steps_is_taken_back_too(watched):
    watched.canary()
    assert watched.after(10, live=arm(2000), candidate=arm(100, errors=60))[0] == "rolled_back"


def test_inconclusive_pauses_once_the_step_is_over_and_not_before(watched):
    watched.canary(steps=STEPS)
    doubtful = {"live": arm(19_000, errors=19, units=950), "candidate": arm(1000, errors=6)}
    assert watched.after(30, **doubtful)[0] == "canary"
    assert watched.after(31, **doubtful)[0] == "paused"
    assert "step 1 is inconclusive: errors 0.60% against 0.10%: up to" in watched.said().reason


@pytest.mark.parametrize(
    "arms",
    [{}, {"candidate": arm(5000)}, {"live": arm(20_000), "candidate": arm(5000, errors=4000)}],
)
def test_no_data_holds_for_however_long(watched, arms):
    watched.canary(steps=STEPS)
    watched.ledger.dropped = 900
    for _ in range(3):
        assert watched.after(10_000, **arms) == ("canary", 0.05, 0)


def test_what_is_answered_right_after_a_change_does_not_count(watched):
    watched.canary(steps=STEPS)
    assert watched.after(4, live=arm(2000), candidate=arm(100, errors=60))[0] == "canary"
    assert watched.ledger.asked == []
    watched.after(2, **good())
    assert [f"{moment:%H:%M:%S}" for moment in watched.ledger.asked[0]] == ["03:00:05", "03:00:06"]


def test_a_verdict_of_a_judge_of_quality_stops_a_step(watched):
    watched.canary(steps=STEPS)
    insert_verdict(watched.catalogue, 2, "relevance", "fail", ["nDCG fell by 0.1"], watched.now())
    assert watched.after(61, **good())[0] == "rolled_back"
    assert watched.said().reason == "relevance: nDCG fell by 0.1"


def test_a_newer_verdict_counts_and_those_from_before_the_rollout_do_not(watched):
    insert_verdict(watched.catalogue, 2, "relevance", "fail", ["long ago"], "2020-01-01T00:00:00.000+00:00")
    watched.canary(steps=STEPS)
    insert_verdict(watched.catalogue, 2, "relevance", "fail", [], watched.now())
    insert_verdict(watched.catalogue, 2, "relevance", "pass", [], watched.now())
    assert watched.after(61, **good()) == ("canary", 0.5, 1)


def test_what_is_paused_is_left_alone_and_a_resumed_step_begins_anew(watched):
    seen = watched.canary(steps=STEPS)
    paused = pause(watched.catalogue, seen, watched.by())
    assert watched.after(3600, live=arm(2000), candidate=arm(100, errors=60))[0] == "paused"
    resume(watched.catalogue, paused, watched.by())
    assert watched.after(59, **good()) == ("canary", 0.05, 0)
    assert watched.after(2, **good()) == ("canary", 0.5, 1)


def test_an_operator_who_is_faster_wins(watched):
    seen = watched.canary(steps=STEPS)
    watched.ledger.during = lambda: pause(watched.catalogue, seen, watched.by("ana", "lunch"))
    assert watched.after(61, **good())[0] == "paused"
    assert watched.said().actor == "ana"


def shadow(watched, over):
    seen = watched.proposed()
    start_shadow(watched.catalogue, seen, watched.by(), share=1.0, end=over, decides="speed", max_recipes=4)


def test_a_shadow_ends_at_its_moment(watched):
    shadow(watched, End(at="2026-01-05T03:01:00.000+00:00"))
    assert watched.after(59)[0] == "shadow"
    assert watched.after(1)[0] == "ended"
    assert watched.plan().open_recipes == (1,)


def test_a_shadow_ends_after_its_queries(watched):
    shadow(watched, End(queries=100))
    watched.ledger.shadows = 99
    assert watched.after(1)[0] == "shadow"
    watched.ledger.shadows = 100
    assert watched.after(1)[0] == "ended"
    assert watched.said().reason == "100 queries were answered in its shadow"


@pytest.mark.parametrize("over", [End(queries=3000), End(at="2026-01-05T03:10:00.000+00:00")])
def test_an_ab_test_ends_with_its_conclusion_as_evidence(watched, over):
    test = AbTest("latency_ms", 5.0)
    start_ab(
        watched.catalogue, watched.proposed(), watched.by(), share=0.5, unit="user", test=test, end=over, max_recipes=4
    )
    assert watched.after(60, live=arm(900), candidate=arm(900))[0] == "canary"
    watched.ledger.means = {"live": [20.0, 21.0] * 40, "candidate": [40.0, 41.0] * 40}
    assert watched.after(600, live=arm(1500), candidate=arm(1500))[0] == "ended"
    assert watched.said().reason.startswith("worse: latency_ms differs by 20 (")
    assert watched.said().evidence["conclusion"] == "worse"
    json.dumps(watched.said().evidence)


def test_an_ab_test_that_is_ended_by_hand_concludes_nothing_and_keeps_its_figures(watched):
    test, over = AbTest("latency_ms", 5.0), End(queries=3000)
    seen = start_ab(
        watched.catalogue, watched.proposed(), watched.by(), share=0.5, unit="user", test=test, end=over, max_recipes=4
    )
    watched.ledger.means = {"live": [20.0, 21.0] * 40, "candidate": [40.0, 41.0] * 40}
    assert end_trial(watched.catalogue, watched.ledger, seen, watched.by("ana", "enough")).state == "ended"
    assert watched.said().reason.startswith("enough (inconclusive: ended by hand before its end")
    assert "so far worse: latency_ms differs by 20" in watched.said().reason
    assert watched.said().evidence["conclusion"] == "inconclusive"
    assert watched.said().evidence["difference"] == 20.0


def interleaving(watched, over, steps=STEPS):
    choices = {"share": 0.5, "steps": steps, "unit": "user", "end": over, "max_recipes": 4}
    test = AbTest(PREFERENCE, 0.1, higher_is_better=True)
    return start_interleaving(watched.catalogue, watched.proposed(), watched.by(), test=test, **choices)


def test_an_interleaving_goes_by_steps_and_ends_with_what_units_prefer(watched):
    interleaving(watched, End(queries=3000))
    assert watched.after(61, live=arm(9000, units=950), candidate=arm(1500)) == ("canary", 0.5, 1)
    watched.ledger.preferred = Preferences({str(n): 1 if n < 40 else -1 for n in range(55)}, 3000, 55, 0, {})
    assert watched.after(61, live=arm(900), candidate=arm(900)) == ("canary", 0.5, 1)
    watched.ledger.interleaved = 3000
    assert watched.after(61, live=arm(900), candidate=arm(900))[0] == "ended"
    assert watched.said().reason.startswith("better: 40 of 55 units prefer the candidate (p = ")
    assert (watched.said().evidence["candidate_wins"], watched.said().evidence["live_wins"]) == (40, 15)
    json.dumps(watched.said().evidence)


def test_an_interleaving_ends_at_its_moment_and_is_taken_back_when_the_candidate_fails(watched):
    interleaving(watched, End(at="2026-01-05T03:10:00.000+00:00"), steps=())
    assert watched.after(60, live=arm(900), candidate=arm(900))[0] == "canary"
    assert watched.after(600, live=arm(900), candidate=arm(900))[0] == "ended"
    assert watched.said().reason.startswith("inconclusive: no unit preferred one of both")


def test_a_candidate_that_fails_in_an_interleaving_is_taken_back(watched):
    interleaving(watched, End(queries=3000))
    assert watched.after(60, live=arm(900), candidate=arm(900, errors=200))[0] == "rolled_back"


def test_only_the_watcher_with_the_lease_decides_and_another_takes_over_when_it_is_gone(watched):
    watched.canary(steps=STEPS)
    assert watched.watcher.round()
    second = watched.other("host:2")
    assert not second.round()
    watched.seconds = 21
    assert second.round()
    assert not watched.watcher.round()
    assert watcher_seen(watched.catalogue).watcher == "host:2"


def test_a_round_that_takes_long_is_followed_by_rounds_that_only_renew(watched):
    watched.canary(steps=STEPS)

    def dawdle():
        watched.seconds += 2

    watched.ledger.during = dawdle
    watched.after(10)
    watched.ledger.during = lambda: None
    for _ in range(3):
        watched.after(5)
    assert len(watched.ledger.asked) == 1
    assert watched.plan().is_watched
    watched.after(30)
    assert len(watched.ledger.asked) == 2


def test_a_look_that_lasts_longer_than_the_lease_keeps_it(watched, monkeypatch):
    monkeypatch.setattr("indexing.releases.watcher.RENEW_SECONDS", 0.0)
    watched.canary(steps=STEPS)
    second, renewed = watched.other("host:2"), threading.Event()
    watched.seconds = 10

    def now():
        if watched.seconds > 300 and threading.current_thread() is not threading.main_thread():
            renewed.set()
        return RolloutHome.now(watched)

    def dawdle():
        watched.seconds = 310
        for _ in range(2):  # the first may be of a renewal that began before
            renewed.clear()
            assert renewed.wait(20)
        assert not second.round()

    watched.watcher.now, watched.ledger.during = now, dawdle
    assert watched.after(1, live=arm(2000), candidate=arm(100, errors=60))[0] == "rolled_back"


def test_a_look_that_never_ends_loses_the_lease(watched, monkeypatch):
    monkeypatch.setattr("indexing.releases.watcher.RENEW_SECONDS", 0.0)
    watched.canary(steps=STEPS)
    watched.seconds = 10

    def hang():
        watched.seconds += LONGEST_LOOK_SECONDS + 21
        [renewing] = [one for one in threading.enumerate() if one.name == "watcher-lease"]
        renewing.join(20)
        assert not renewing.is_alive()
        watched.seconds += 21
        assert take_lease(watched.catalogue, "host:2", watched.now())

    watched.ledger.during = hang
    assert watched.after(1, live=arm(2000), candidate=arm(100, errors=60))[0] == "canary"


def test_who_lost_the_lease_while_looking_decides_nothing(watched):
    watched.canary(steps=STEPS)
    watched.seconds = 10

    def lose():
        watched.seconds += 60
        assert take_lease(watched.catalogue, "host:2", watched.now())

    watched.ledger.during = lose
    assert watched.after(1, live=arm(2000), candidate=arm(100, errors=60))[0] == "canary"


def test_a_watcher_goes_on_after_a_fault_and_gives_up_its_lease_at_its_end(watched, monkeypatch):
    monkeypatch.setattr("indexing.releases.watcher.RENEW_SECONDS", 0.0)
    watched.canary(steps=STEPS)
    watched.seconds = 10
    faults = [CatalogueBusy("locked"), ValueError("odd")]
    stop, went_on = threading.Event(), threading.Event()

    def fail():
        if faults:
            raise faults.pop()
        went_on.set()

    watched.ledger.during = fail
    thread = threading.Thread(target=watched.watcher.run, args=(stop,))
    thread.start()
    assert went_on.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert watcher_seen(watched.catalogue).watcher == ""
    assert watched.plan().is_watched
    assert watched.other("host:2").round()


def test_while_a_watcher_is_restarted_the_candidate_keeps_its_traffic_for_a_minute(watched):
    watched.canary(steps=STEPS)
    assert watched.watcher.round()
    stop = threading.Event()
    stop.set()
    watched.watcher.run(stop)
    watched.seconds = 60
    assert watched.plan().is_watched
    watched.seconds = 61
    assert not watched.plan().is_watched


def test_a_lease_of_a_clock_ahead_neither_counts_as_fresh_nor_keeps_other_watchers_away(watched):
    watched.canary(steps=STEPS)
    watched.seconds = 3600
    assert watched.watcher.round()
    watched.seconds = 0
    assert not watched.plan().is_watched
    assert watched.other("host:2").round()
    assert watched.plan().is_watched
