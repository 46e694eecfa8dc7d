"""The report draws the history of scheduled looks for drift and the course of each canary's confidence sequences."""

from datetime import UTC, datetime, timedelta

import pytest

from eval.gates.canary import judge_canary
from eval.gates.canary_course import STAGES, canary_course
from eval.gates.policy import Policy
from eval.reports.model import Chart, Prose
from eval.reports.options import ReportOptions
from eval.reports.sections.drift_looks import drift_section
from eval.reports.sections.rollouts import rollouts_section
from eval.reports.source import Source
from indexing.catalogue.schedule import begin_run, end_run
from indexing.releases.observation import settled
from indexing.releases.rollouts import Step, find_rollout
from tests.support.ledger_rows import made_hit, made_row
from tests.support.rollout_home import BEGIN, RolloutHome

UNTIL = BEGIN + timedelta(days=1)


def source_of(home, until=UNTIL):
    return Source(home, ReportOptions.last_days(until))


def look(home, at, signals, scope="a/articles", alerts=(), state="done"):
    """A scheduled run whose look had these p."""
    figures = {name: {"value": 0.1, "p": p} for name, p in signals.items()}
    one = {"queries": 120, "signals": figures, "alerts": list(alerts), "looks": 1, "is_enough": bool(signals)}
    run = begin_run(home.catalogue, "drift", at.isoformat(), "test", at.isoformat())
    end_run(home.catalogue, run, state, at.isoformat(), summary={"looks": {scope: one}})


def charts_of(section):
    return [block for block in section.blocks if isinstance(block, Chart)]


def test_every_scheduled_look_of_the_period_is_drawn_by_collection(home):
    hour = timedelta(hours=1)
    look(home, UNTIL - timedelta(days=40), {"mmd": 0.001}, alerts=[1])  # before the period
    look(home, UNTIL - 4 * hour, {"mmd": 0.4, "dense_top": 0.03, "language": 0.9, "length": 0.2})
    look(home, UNTIL - 3 * hour, {})  # too few queries
    look(home, UNTIL - 2 * hour, {"mmd": 0.0001, "dense_top": 0.02, "language": 0.9, "length": 0.2}, alerts=[2])
    look(home, UNTIL - 2 * hour, {"mmd": 0.5}, scope="b/notes")
    look(home, UNTIL - hour, {"mmd": 0.5}, state="failed")
    section = drift_section(source_of(home))
    articles, notes = charts_of(section)
    assert (articles.title, notes.title) == ("Scheduled looks at a/articles", "Scheduled looks at b/notes")
    assert [point.value for point in articles.drawing.lines[0].points] == [0.25, 0.5]
    assert [said for _, said in articles.drawing.lanes[0].spans] == ["quiet", "alarm"]
    assert UNTIL - 5 * hour < articles.drawing.since < UNTIL - 4 * hour  # weeks without a look are not drawn as quiet
    assert [row[1:] for row in articles.table.rows] == [
        (120, 4, 1, 0.03, "dense top", 0),
        (120, 4, 2, 0.0001, "mmd", 1),
    ]
    assert "2 looks, of which 1 alarmed; at most 50% of the signals" in articles.summary
    assert section.tenants == {"a", "b"}  # so that an erasure of either takes the report


def test_without_scheduled_looks_nothing_is_told_of_them(home):
    assert drift_section(source_of(home)).absent


class Tried(RolloutHome):
    """A canary of which the candidate answers some queries with nothing."""

    def __init__(self, home, empty):
        super().__init__(home.catalogue, home)
        self.home = home
        self.canary(share=0.5, steps=(Step(0.5, 10**6, 60.0),), unit="user")
        rows = [
            made_row(
                number + 1,
                BEGIN + timedelta(seconds=10 + number / 1000),
                rollout=1,
                arm=("live", "candidate")[number % 2],
                unit=f"{number:032x}",
                hits=() if number % 2 and number % 20 < empty else (made_hit(dense=0.6 + number % 7 / 100),),
            )
            for number in range(2000)
        ]
        home.ledger.append(rows)
        self.seconds = 60.0
        self.rollout = find_rollout(home.catalogue, 1)

    def course(self):
        policy = Policy().canary
        return canary_course(self.home, self.rollout, policy, settled(self.rollout), datetime.fromisoformat(self.now()))


@pytest.mark.parametrize(("empty", "is_broken"), [(10, True), (0, False)])
def test_a_course_ends_with_what_the_judge_says_and_begins_when_there_is_enough(home, empty, is_broken):
    tried = Tried(home, empty)
    course = next(one for one in tried.course() if one.noun == "empty answers")
    assert 2 < len(course.stages) <= STAGES
    observations = [one.observations for one in course.stages]
    assert observations == sorted(set(observations))
    assert observations[-1] == 2000
    assert all(one.at_least <= one.excess for one in course.stages)
    said = {one.kind: one for one in judge_canary(home, tried.rollout, Policy(), tried.now())}["quality:empty"]
    last = course.stages[-1]
    assert (last.excess, last.at_least) == (said.evidence["excess"], said.evidence["at_least"])
    assert (course.margin, course.level) == (said.evidence["margin"], said.evidence["level"])
    assert (last.at_least > course.margin) is is_broken is (said.outcome == "fail")


def test_the_report_draws_each_guardrail_of_a_canary_against_what_is_allowed(home):
    Tried(home, 10)
    section = rollouts_section(source_of(home))
    chart = next(one for one in charts_of(section) if one.title == "Rollout 1, recipe 2: empty answers")
    assert "The guardrail was broken: after 2,000 observations the candidate has +0.5" in chart.summary
    assert chart.drawing.mark == Policy().canary.empty.margin
    assert chart.drawing.values == [row[1] for row in chart.table.rows]
    assert chart.drawing.lows == [row[2] for row in chart.table.rows]


def test_a_day_that_cannot_be_read_is_said_in_the_place_of_a_canary_s_chart(home):
    Tried(home, 0)
    home.ledger.close()
    (day,) = home.ledger.folder.glob("2026-*.db")
    day.write_bytes(b"no database")
    section = rollouts_section(source_of(home))
    assert charts_of(section) == []
    (said,) = [block for block in section.blocks if isinstance(block, Prose)]
    assert said.is_caveat
    assert said.paragraphs[0].startswith("What the guardrails of rollout 1 saw cannot be told: ")


def test_what_was_never_a_canary_has_no_course(home):
    RolloutHome(home.catalogue, home).proposed()
    assert charts_of(rollouts_section(source_of(home, datetime.now(UTC) + timedelta(days=1)))) == []
