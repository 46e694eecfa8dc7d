"""A report of made values, with every section and every kind of block, for tests of its formats and for looking at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from eval.experiments.reliability import JudgedHit, reliability
from eval.gates.canary_course import Course, CourseStage
from eval.judging.judgement import JudgedSample, Judgement, Summary
from eval.reports.charts.data import Distribution
from eval.reports.model import Chart, ChartGrid, Estimate, Prose, RankedDocument, RankedQuery, Ranking, Report, Section
from eval.reports.sections.canary_courses import CanaryCourse, tell_courses
from eval.reports.sections.comparison import Compared, NotComparable, tell_comparison
from eval.reports.sections.drift import Drift, DriftSignal, OpenAlert, tell_drift
from eval.reports.sections.drift_history import PastLook, tell_history, tenants_of
from eval.reports.sections.feedback import Comment, Feedback, PositionBias, Rate, tell_feedback
from eval.reports.sections.judged import tell_judged
from eval.reports.sections.live import Live, tell_live
from eval.reports.sections.methods import methods_section
from eval.reports.sections.quality import Measured, Quality, tell_quality
from eval.reports.sections.reliability import ScoredSet, tell_reliability
from eval.reports.sections.rollouts import Judged, Tried, tell_rollouts
from eval.reports.sections.slices import SliceDifference, SliceLevel, Slices, tell_slices
from eval.reports.sections.worst_queries import Worst, tell_worst
from eval.reports.served_releases import Service, lanes
from indexing.ledger.readers import Share
from indexing.records import Partition
from indexing.releases.overview import ReleaseStanding
from indexing.releases.rollouts import Rollout
from indexing.releases.transitions import Transition
from tests.support.fresh_home import OTHER_MODEL, RECIPE

UNTIL = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=30)
HOSTILE = '<script>alert("x")</script> & | `code` *bold* [a](b) ü'
"""A text that every format must show as it is."""
SERVICES = [
    Service(SINCE - timedelta(days=4), "11.4", RECIPE),
    Service(SINCE + timedelta(days=9), "12.1", OTHER_MODEL),
    Service(SINCE + timedelta(days=16), "12.2", OTHER_MODEL),
]


def estimate(value, half):
    return Estimate(value, value - half, value + half)


def made_reliability():
    draw = np.random.default_rng(7)
    scores = -np.sort(-draw.beta(1.2, 3.0, (150, 10)), axis=1)
    hits = [
        JudgedHit(f"q{query}", rank, float(score), bool(draw.random() < score))
        for query, found in enumerate(scores)
        for rank, score in enumerate(found, 1)
    ]
    source = "fitted on 59 judged queries of the splits train and dev"
    return tell_reliability(
        [ScoredSet("helpdesk", "12.2", "hybrid", source, reliability(hits))], frozenset({"default"})
    )


def made_live():
    at = SERVICES[-1].at.isoformat()
    standings = [
        ReleaseStanding("12.2", 12, "9e847c1beb44cb3e", 812, at, "ana", True, "in service", "live", 3),
        ReleaseStanding("13.1", 13, "71c2b0aa40d1f7aa", 812, at, "ben", False, "rollout 4: canary", "candidate", 0),
        ReleaseStanding("11.4", 11, "0b61a9c5e2d4f011", 790, at, "ana", False, "on standby", "standby", 41),
    ]
    answers = [
        Share("12.2", "live", 41_210, 0.71),
        Share("11.4", "live", 14_907, 0.26),
        Share("13.1", "candidate", 1_820, 0.03),
    ]
    rollout = "Rollout 4 (recipe 13 against 12) is a canary, step 2 of 3: 10 % of users get the candidate."
    return tell_live(Live(SERVICES[-1], standings, rollout, answers))


def made_quality():
    chance = np.random.default_rng(7)
    found = []
    for day in range(0, 30, 2):
        at = SINCE + timedelta(days=day, hours=3)
        release = next(one.release for one in reversed(SERVICES) if one.at <= at)
        for name, base, queries in (
            ("helpdesk", 0.71, 150),
            ("billing-head", 0.63, 320),
            ("made-of-titles", 0.82, 100),
        ):
            gain = 0.035 if release.startswith("12") else 0.0
            value = base + gain + float(chance.normal(0, 0.006))
            quality = estimate(value, 0.9 / np.sqrt(queries) * 0.5)
            found.append(
                Measured(
                    *(at, name, release, True, "hybrid", queries, quality, value + 0.02, 0.87, 3.4),
                    *("m@1" if release < "12" else "m@2", "lines@1, int8@1, english@1", "titles" in name),
                )
            )
    at = UNTIL - timedelta(days=2)
    found.append(
        Measured(at, "helpdesk", "13.1", False, "hybrid", 150, estimate(0.61, 0.04), 0.64, 0.79, 3.3, "m@2", "v")
    )
    return tell_quality(
        Quality("nDCG@10", found, lanes(SERVICES, UNTIL), SINCE, UNTIL, ["2 judged documents changed."])
    )


def ranking(release, score, names, relevant):
    documents = [
        RankedDocument(rank, name, relevant.get(name, 0 if rank % 3 else None)) for rank, name in enumerate(names, 1)
    ]
    return Ranking(release, score, documents)


def made_query(number, text, scores=(0.0,), releases=("12.2",)):
    names = ["error-codes-payments.md", "deposits-and-saved-cards.md", "card-declined-and-3-d-secure.md", "refunds.md"]
    names += [f"articles/2026/plans-and-prices-{place}.md" for place in range(6)]
    relevant = {"card-declined-and-3-d-secure.md": 2, "refunds.md": 1}
    rankings = [
        ranking(release, score, names[place * 3 :] + names[: place * 3], relevant)
        for place, (release, score) in enumerate(zip(releases, scores, strict=True))
    ]
    return RankedQuery(f"q{number}", text, "nDCG@10", rankings, "1 of 2 relevant documents is among the first ten.")


def made_comparison():
    chance = np.random.default_rng(3)
    values = np.where(chance.random(150) < 0.45, 0.0, np.clip(chance.normal(-0.09, 0.25, 150), -1, 0.8))
    pairs = [(f"q{number}", float(value)) for number, value in enumerate(values)]
    changed = [
        made_query(4, "my customer's card keeps getting refused, what can they do?", (0.81, 0.12), ("12.2", "13.1")),
        made_query(9, None, (0.63, 0.0), ("12.2", "13.1")),
        made_query(11, HOSTILE, (0.5, 0.1), ("12.2", "13.1")),
    ]
    one = Compared(
        a="12.2",
        b="13.1",
        query_set="helpdesk",
        mode="hybrid",
        measure="nDCG@10",
        outcome="worse",
        mean_a=0.712,
        mean_b=0.612,
        difference=Estimate(-0.1, -0.131, -0.068),
        p=0.0002,
        wins=int((values > 0).sum()),
        ties=int((values == 0).sum()),
        losses=int((values < 0).sum()),
        judged=(0.87, 0.84),
        differences=pairs,
        changed=changed,
        to_judge=[("q9", "refunds.md"), ("q31", "plans-and-prices-2.md")],
    )
    other = NotComparable("12.2", "13.1", "billing-head", "41 documents changed between the two evaluations.")
    return tell_comparison([one, other], frozenset({"default"}))


def made_slices():
    levels = [
        SliceLevel("language", "en", 96, estimate(0.73, 0.05)),
        SliceLevel("language", "de", 38, estimate(0.70, 0.09)),
        SliceLevel("language", "fr", 16, estimate(0.58, 0.15)),
        SliceLevel("kind", "question", 88, estimate(0.72, 0.06)),
        SliceLevel("kind", "keywords", 47, estimate(0.69, 0.08)),
        SliceLevel("kind", "code", 15, estimate(0.74, 0.14)),
        SliceLevel("head", "head", 51, estimate(0.78, 0.07)),
        SliceLevel("head", "tail", 99, estimate(0.67, 0.06)),
    ]
    differences = [
        SliceDifference("language", "en", 96, estimate(-0.02, 0.03), 0.2, 0.31),
        SliceDifference("language", "de", 38, estimate(-0.24, 0.07), 0.0001, 0.0006),
        SliceDifference("language", "fr", 16, estimate(-0.21, 0.11), 0.004, 0.014),
        SliceDifference("kind", "question", 88, estimate(-0.11, 0.05), 0.003, 0.014),
        SliceDifference("kind", "keywords", 47, estimate(-0.08, 0.06), 0.02, 0.05),
        SliceDifference("head", "tail", 99, estimate(0.01, 0.03), 0.6, 0.7),
    ]
    return tell_slices(
        [Slices("helpdesk", "12.2", "nDCG@10", 0.712, levels, "13.1 against 12.2", differences)], frozenset({"default"})
    )


def made_worst():
    queries = [
        made_query(17, "can I get my money back for the yearly plan", (0.0,)),
        made_query(90, "HL-4290 too many requests", (0.08,)),
        made_query(41, None, (0.11,)),
    ]
    return tell_worst([Worst("helpdesk", "12.2", "nDCG@10", queries, 150)], frozenset({"default"}))


def distribution(shift, label, edges):
    chance = np.random.default_rng(5)
    middle, spread = (edges[0] + edges[-1]) / 2, (edges[-1] - edges[0]) / 6
    shares = []
    for moved in (0.0, shift * spread):
        counts, _ = np.histogram(chance.normal(middle + moved, spread, 4000), bins=edges)
        shares.append([float(count) / counts.sum() for count in counts])
    return Distribution(shares[0], shares[1], label, [float(edge) for edge in edges])


def made_drift():
    signals = [
        ("query length", "text", "KS", 0.21, 0.0001, "moved", distribution(1.1, "terms", np.arange(0, 22))),
        (
            "dense score of the best hit",
            "scores",
            "KS",
            0.17,
            0.0004,
            "moved",
            distribution(-0.9, "cosine", np.linspace(0.2, 0.9, 22)),
        ),
        (
            "overlap of the legs",
            "scores",
            "KS",
            0.14,
            0.003,
            "moved",
            distribution(-0.7, "documents of 10", np.arange(0, 11)),
        ),
        (
            "margin of the first hit",
            "scores",
            "KS",
            0.04,
            0.31,
            "same",
            distribution(0.1, "score", np.linspace(0, 0.3, 20)),
        ),
        (
            "tokens used of the context",
            "context",
            "KS",
            0.02,
            0.77,
            "same",
            distribution(0.0, "tokens", np.linspace(0, 4000, 20)),
        ),
    ]
    found = [
        DriftSignal(name, group, "", outcome, 0.4, 0.6, statistic, value, p, 2400, 611, data)
        for name, group, statistic, value, p, outcome, data in signals
    ]
    languages = Distribution(
        (0.82, 0.11, 0.05, 0.02), (0.58, 0.31, 0.06, 0.05), "language", labels=("en", "de", "fr", "other")
    )
    found.insert(
        1, DriftSignal("language", "text", "", "moved", 0.82, 0.58, "chi-square", 88.1, 0.00001, 2400, 611, languages)
    )
    found.append(DriftSignal("query embeddings", "embeddings", "", "moved", None, None, "MMD", 0.012, 0.002, 500, 500))
    alert = OpenAlert("critical", "drift", "3 signals moved: the traffic moved.", 4, SINCE, UNTIL)
    looks = [
        Drift("last 24 hours", "launch of 12.1", 611, 2400, found, "the traffic moved"),
        Drift(
            "last 24 hours", "the same day a week before", 611, 62, [], reason="62 queries; at least 100 are needed."
        ),
    ]
    chance = np.random.default_rng(11)
    past = []
    for day in range(0, 30):
        moved = day >= 24
        out = int(chance.binomial(19, 0.45 if moved else 0.05))
        p = float(chance.uniform(0.00005, 0.001) if moved else chance.uniform(0.002, 0.2))
        at = SINCE + timedelta(days=day, hours=5)
        past.append(PastLook(at, "default/helpdesk", 140 + day, 19, out, "query length", p, int(day >= 25)))
    past += [replace(one, scope="acme/manual", outstanding=1, alerts=0) for one in past[::3]]
    history = tell_history(past, SINCE, UNTIL)
    return tell_drift(looks, [alert], tenants_of(past), history)


def made_feedback():
    rates = [
        Rate("answers that were rated good", "11.4", "live", 14_907, 930, estimate(0.612, 0.021)),
        Rate("answers that were rated good", "12.2", "live", 41_210, 2210, estimate(0.648, 0.013)),
        Rate("answers that were rated good", "13.1", "candidate", 1_820, 121, estimate(0.55, 0.06)),
        Rate("answers with a click", "11.4", "live", 14_907, 930, estimate(0.34, 0.016)),
        Rate("answers with a click", "12.2", "live", 41_210, 2210, estimate(0.36, 0.009)),
        Rate("answers with a click", "13.1", "candidate", 1_820, 121, estimate(0.29, 0.05)),
    ]
    ranks = list(range(1, 11))
    bias = PositionBias(estimate(0.83, 0.07), 1912, ranks, [estimate(r**-0.83, 0.05 * (r > 1)) for r in ranks])
    comments = [Comment(UNTIL, "acme", HOSTILE)]
    return tell_feedback(Feedback(rates, bias, comments, 17), frozenset({"default", "acme"}))


def made_judged():
    summaries = (
        Summary("faithfulness", 90, 6, 4, 0.87, (0.82, 0.91), 0.783, 0.883, {"no JSON": 6}),
        Summary("context_recall", 0, 0, 100, None, None, 0.0, 1.0, {"no reference": 100}),
    )
    sample = JudgedSample("s", Partition("acme", "docs"), (), None, {})
    return tell_judged([Judgement(UNTIL.isoformat(), {}, {}, summaries, (sample,) * 100)])


def made_rollouts():
    at = (UNTIL - timedelta(days=2)).isoformat()
    rollout = Rollout(
        id=4,
        candidate=13,
        baseline=12,
        mode="canary",
        state="rolled_back",
        share=0.0,
        unit="user",
        seed="s",
        steps=(),
        step=0,
        tenants=None,
        first=(),
        ends_at=None,
        max_queries=None,
        decides="",
        version=3,
        created_at=at,
        created_by="ben",
        since_at=at,
    )
    changes = [
        Transition(4, 1, "proposed", "canary", 0.1, 0, "ben", "try the German model", at, {}),
        Transition(4, 2, "canary", "rolled_back", 0.0, 0, "watcher", "empty answers: 4.1 % against 0.6 %", at, {}),
    ]
    verdicts = [
        Judged(13, UNTIL - timedelta(days=3), "offline gate", "HOLD", ["judged@10 differs by 6 points."]),
        Judged(
            13,
            UNTIL - timedelta(hours=5),
            "offline gate",
            "REJECT",
            ["nDCG@10 on helpdesk is lower by 0.100 (0.068 to 0.131); the margin is 0.020."],
        ),
        Judged(12, SINCE + timedelta(days=8), "offline gate", "PROMOTE", ["nDCG@10 is not worse by more than 0.020."]),
    ]
    counts = range(120, 1500, 60)
    stages = [CourseStage(n, 0.035 + 0.3 / n, 0.035 + 0.3 / n - 1.1 * n**-0.5) for n in counts]
    quiet = [CourseStage(n, 0.01 - 1.0 / n, 0.01 - 1.0 / n - 0.9 * n**-0.5) for n in counts]
    courses = [Course("empty answers", 0.005, 0.002, stages), Course("best scores (negative)", 0.04, 0.002, quiet)]
    told = [CanaryCourse(4, 13, courses), CanaryCourse(3, 12, (), "day 2026-11-02 of the ledger cannot be read.")]
    return tell_rollouts([Tried(rollout, changes)], verdicts, courses=tell_courses(told))


def made_report():
    sections = [
        made_live(),
        made_quality(),
        made_comparison(),
        made_slices(),
        made_worst(),
        made_reliability(),
        made_drift(),
        made_feedback(),
        made_rollouts(),
        made_judged(),
        Section("nothing", "Nothing", absent="Nothing was to be told."),
    ]
    sections.append(methods_section({one.id for one in sections if one.is_present}))
    return Report("Release 13.1 against 12.2", "helpdesk", "12.2", UNTIL, SINCE, UNTIL, sections)


def report_about(tenant, text):
    """A report of one section that says a text of a tenant."""
    section = Section("told", "Told", [Prose([text])], tenants=frozenset({tenant}))
    return Report("Told", "home", "1.1", UNTIL, SINCE, UNTIL, [section])


def charts_of(report):
    """Every chart of a report, those of grids among them."""
    blocks = [block for section in report.sections for block in section.blocks]
    grids = [chart for block in blocks if isinstance(block, ChartGrid) for chart in block.charts]
    return [*(block for block in blocks if isinstance(block, Chart)), *grids]
