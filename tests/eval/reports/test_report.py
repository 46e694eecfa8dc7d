"""A report of a home tells what its parts keep, hides what their tenants hide, and leaves out what is not there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eval.datasets.curation import add_judgments
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import read_query_set
from eval.experiments.reliability import JudgedHit, reliability
from eval.feedback.rates import MEASURES
from eval.reports.model import Chart, ChartGrid, Prose, RankedQueries, Section, Table
from eval.reports.options import ReportOptions
from eval.reports.rendering.json_form import to_json
from eval.reports.rendering.markdown import HIDDEN, to_markdown
from eval.reports.report import build_report, with_distinct_ids
from eval.reports.sections.feedback_rates import SAID
from eval.reports.sections.reliability import ScoredSet, tell_reliability
from eval.reports.sections.worst_queries import Worst, tell_worst
from indexing.catalogue.alerts import raise_alert
from indexing.catalogue.tenants import change_limits
from indexing.errors import InvalidInput, NotFound
from indexing.ledger.ids import moment_of
from tests.support.evaluated_home import WORDS, EvaluatedHome, written
from tests.support.fresh_home import OTHER_LANGUAGE, OURS
from tests.support.ledger_rows import made_feedback, made_id, made_row
from tests.support.made_report import charts_of, made_report
from tests.support.promotions import gated

FROM_A_USER, COMMENT = "what was whispered", "that answer was no use to me"


class ReportedHome(EvaluatedHome):
    """Two recipes, of which the second stems nothing, on a set of plurals; feedback and a verdict."""

    def __init__(self, path, **settings):
        super().__init__(path, **settings)
        self.build()
        self.deploy(1)
        self.build(OTHER_LANGUAGE)
        create_set(self.home, "another", OURS, "curated", provenance={}, actor="ana")
        create_set(self.home, "plurals", OURS, "curated", provenance={}, actor="ana")
        for place, word in enumerate(WORDS):
            made = {"actor": "ana", "reason": "read", "slices": {"topic": "early" if place < 3 else "late"}}
            add_judgments(self.home, "plurals", f"{word}s", {word: 1}, **made)
        add_judgments(self.home, "plurals", FROM_A_USER, {"apple": 1}, actor="ana", reason="read", origin="feedback")
        self.query_set = read_query_set(self.home, "plurals", split=None)
        for release in ("1.1", "2.1"):
            self.evaluate(release, self.query_set, mode="hybrid")
        gated(self.home.catalogue, 2, verdict="REJECT", at=self.now().isoformat(), release="2.1")

    @staticmethod
    def now():
        return datetime.now(UTC)

    def report(self, **options):
        return build_report(self.home, ReportOptions.last_days(self.now(), **options), made_at=self.now())

    def say(self, action, **changes):
        """An answer of the release in service, and what its user said of it."""
        ledger_id = made_id()
        row = made_row(id=ledger_id, tenant=OURS.tenant, collection=OURS.collection, release="1.1")
        self.home.ledger.append([row])
        moment = moment_of(ledger_id)
        self.home.ledger.append_feedback([made_feedback(row, action, at=moment, received_at=moment, **changes)])


@pytest.fixture
def reported(tmp_path):
    home = ReportedHome(tmp_path / "home")
    yield home
    home.close()


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """For tests that write nothing."""
    home = ReportedHome(tmp_path_factory.mktemp("reported") / "home")
    yield home
    home.close()


@pytest.fixture(scope="module")
def told(read_only):
    """Its report."""
    return read_only.report()


def sections_of(report):
    return {section.id: section for section in report.sections}


def blocks_of(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_what_is_live_and_what_was_judged_is_told(told):
    found = sections_of(told)
    assert found["live"].headlines[0].text == "Release 1.1 is in service."
    (verdict, *_) = found["rollouts"].headlines
    assert (verdict.text, verdict.tone) == ("Recipe 2, offline gate: REJECT: as a test says", "bad")


def test_quality_has_an_interval_and_says_which_release_was_in_service(told):
    (chart,) = blocks_of(sections_of(told)["quality"], Chart)
    names = [column.name for column in chart.table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in chart.table.rows]
    assert [(row["release"], row["was"], row["queries"]) for row in rows] == [
        ("1.1", "in service", 7),
        ("2.1", "candidate", 7),
    ]
    assert {(row["model"], row["views"]) for row in rows} == {
        ("m@1", "lines@1, int8@1, english@2"),
        ("m@1", "lines@1, int8@1, none@2"),
    }
    for row in rows:
        value = row["nDCG@10 (95 % interval)"]
        assert 0 <= value.low <= value.value <= value.high <= 1


def test_what_is_live_is_compared_with_what_was_evaluated_beside_it(read_only, told):
    found = sections_of(told)
    first, second = (read_only.evaluate(one, read_only.query_set, mode="hybrid") for one in ("1.1", "2.1"))
    expected = second.means["nDCG@10"] - first.means["nDCG@10"]
    assert expected < 0
    assert f"nDCG@10 {expected:+.3f}" in found["comparison"].headlines[0].text
    (chart,) = blocks_of(found["comparison"], Chart)
    assert sum(value for _, value in chart.table.rows) / 7 == pytest.approx(expected)
    (shown,) = blocks_of(found["comparison"], RankedQueries)
    assert [one.release for one in shown.queries[0].rankings] == ["1.1", "2.1"]
    assert {row[:2] for chart in blocks_of(found["slices"], Chart) for row in chart.table.rows} >= {
        ("topic", "early"),
        ("topic", "late"),
    }


def test_two_releases_that_were_not_measured_say_what_to_run(read_only):
    found = sections_of(read_only.report(compared=("1.1", "2"), sets=("another",)))
    assert "groundwork eval compare 1.1 2" in found["comparison"].absent
    with pytest.raises(NotFound, match=r"9\.9"):
        read_only.report(compared=("1.1", "9.9"))


def test_only_the_sets_and_the_period_that_were_asked_for_are_told(read_only):
    assert not sections_of(read_only.report(sets=("another",)))["quality"].is_present
    early = ReportOptions.last_days(read_only.now() - timedelta(days=1))
    assert not sections_of(build_report(read_only.home, early, made_at=read_only.now()))["quality"].is_present


def test_an_unknown_set_and_an_empty_period_are_refused(read_only):
    with pytest.raises(NotFound, match="No query set 'plural'"):
        read_only.report(sets=("plural",))
    with pytest.raises(InvalidInput, match="is empty: expected a beginning before its end"):
        read_only.report(since=read_only.now() + timedelta(hours=1))


def test_a_set_that_was_compared_in_two_modes_says_which_and_no_two_charts_share_an_id(reported):
    for release in ("1.1", "2.1"):
        reported.evaluate(release, reported.query_set, mode="lexical")
    report = reported.report()
    charts = [one for section in report.sections for one in blocks_of(section, Chart)]
    assert len({one.id for one in charts}) == len(charts)
    told = sections_of(report)["comparison"].headlines
    assert [one.text.split(":")[0] for one in told] == [
        "Release 2.1 against 1.1 on plurals (all, hybrid)",
        "Release 2.1 against 1.1 on plurals (all, lexical)",
    ]


def test_charts_of_sets_that_read_alike_in_an_id_get_ids_of_their_own():
    one = charts_of(made_report())[0]
    grid = ChartGrid([replace(one, id="a"), replace(one, id="a")])
    sections = [Section("x", "X", [replace(one, id="a"), replace(one, id="a-2"), grid])]
    (found,) = with_distinct_ids(sections)
    assert [chart.id for chart in (*found.blocks[:2], *found.blocks[2].charts)] == ["a", "a-2", "a-3", "a-4"]


def test_the_worst_queries_show_the_documents_that_were_judged(told):
    (shown,) = blocks_of(sections_of(told)["worst-queries"], RankedQueries)
    scores = [query.rankings[0].score for query in shown.queries]
    assert scores == sorted(scores)
    for query in shown.queries:
        assert [one.rank for one in query.rankings[0].documents] == [1, 2, 3, 4, 5, 6]
        assert "of 1 relevant documents" in query.note


def test_a_home_whose_every_query_is_answered_is_not_said_to_be_unevaluated():
    worst = tell_worst([Worst("plurals", "1.1", "nDCG@10", [], 7)])
    assert worst.absent == "Every query of the sets that were evaluated scores 1 under the release in service."


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_scores_are_fitted_to_what_persons_judged_and_not_to_a_synthetic_set(is_synthetic):
    found = reliability([JudgedHit(f"q{number}", 1, 0.9, number % 9 == 0) for number in range(90)])
    (said,) = tell_reliability([ScoredSet("made", "1.1", "hybrid", "anywhere", found, is_synthetic)]).headlines
    assert ("eval calibrate" in said.text, "no person judged" in said.text) == (not is_synthetic, is_synthetic)


def test_a_users_query_is_shown_only_where_home_and_tenant_allow_it(tmp_path, told):
    hidden = to_markdown(told)
    assert FROM_A_USER not in hidden
    assert any(f"{word}s" in hidden for word in WORDS)  # the team's own
    assert HIDDEN.strip("()") in hidden.replace("\\", "")
    assert FROM_A_USER not in to_json(told)
    home = ReportedHome(tmp_path / "home", log_queries=True)
    try:
        assert FROM_A_USER not in to_markdown(home.report())
        change_limits(home.home.catalogue, OURS.tenant, {"log_queries": True})
        report = home.report()
        assert FROM_A_USER in to_markdown(report)
        assert report.tenants == {OURS.tenant}
    finally:
        home.close()


def test_feedback_is_told_by_release_and_a_comment_only_where_text_may_be_kept(reported):
    for _ in range(3):
        reported.say("click", document_id="apple", position=1)
    reported.say("rate", event="e", value=0.0, comment=COMMENT, document_id=None, position=None)
    section = sections_of(reported.report())["feedback"]
    charts = {chart.title: chart for chart in blocks_of(section, Chart)}
    (clicked,) = (chart for title, chart in charts.items() if "with a click" in title)
    (row,) = clicked.table.rows
    assert row[:3] == ("1.1", "live", 4)
    assert row[-1].value == 0.75
    assert "1 more comments" in to_markdown(reported.report())
    assert COMMENT not in to_json(reported.report())
    change_limits(reported.home.catalogue, OURS.tenant, {"log_queries": True})
    assert COMMENT not in to_json(reported.report())  # the home does not


def test_judged_documents_that_changed_since_are_told(reported):
    reported.put(written("apple", "and was written anew"))
    (said,) = (block for block in sections_of(reported.report())["quality"].blocks if isinstance(block, Prose))
    assert said.paragraphs[0].startswith("Of the documents that plurals judges, 1 changed since and 0 are gone:")


def test_an_open_alert_is_told_even_where_nothing_was_asked(reported):
    at = reported.now().isoformat()
    raise_alert(reported.home.catalogue, "drift:*/*", "critical", "drift", "3 signals moved", {}, at)
    section = sections_of(reported.report())["drift"]
    assert section.headlines[0].text.endswith("3 signals moved")
    assert blocks_of(section, Table)[0].rows[0][2] == "3 signals moved"


def test_a_day_of_questions_is_held_against_the_day_a_week_before(reported):
    for days, terms in ((7, 4), (0, 9)):
        moment = reported.now() - timedelta(days=days, minutes=30)
        rows = [
            made_row(
                number,
                id=made_id(int(moment.timestamp() * 1000) + number),
                tenant=OURS.tenant,
                collection=OURS.collection,
                release="1.1",
                query_features={"characters": 26, "terms": terms + number % 3, "language": "en", "unknown_share": 0.0},
            )
            for number in range(120)
        ]
        reported.home.ledger.append(rows)
    section = sections_of(reported.report())["drift"]
    told = next(one for one in section.headlines if "a week before" in one.text)
    assert told.tone == "bad"
    assert "terms" in told.text


def test_an_empty_home_says_of_every_section_why_it_is_left_out(home):
    now = datetime.now(UTC)
    report = build_report(home, ReportOptions.last_days(now), made_at=now)
    assert [section.id for section in report.present] == ["methods"]
    assert len(report.absent) == 10
    assert all(len(section.absent) > 30 for section in report.absent)
    assert report.release == "none"


def test_a_comparison_that_was_asked_for_stands_first(read_only):
    sections = read_only.report(compared=("1.1", "2.1")).sections
    assert [one.id for one in sections[:3]] == ["comparison", "slices", "live"]


def test_every_measure_of_feedback_is_said_in_words():
    assert SAID.keys() == set(MEASURES)


def test_scores_of_what_is_in_service_are_held_against_judgments(read_only, told):
    section = sections_of(told)["reliability"]
    (chart,) = blocks_of(section, Chart)
    assert "Release 1.1, hybrid; scores are fitted on other collections: the recipe's general curve." in chart.note
    kept = read_only.evaluate("1.1", read_only.query_set, mode="hybrid").judged_scores
    assert sum(row[1] for row in chart.table.rows) == sum(map(len, kept.values()))
    (cuts,) = blocks_of(section, Table)
    assert [row[0] for row in cuts.rows][:2] == [0.05, 0.1]
    assert cuts.rows[0][1] >= cuts.rows[-1][1]
    assert section.tenants == {OURS.tenant}
