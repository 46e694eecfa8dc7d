"""A look finds what moved, names its cause by replay, and says nothing of a quiet week or of too few queries."""

from dataclasses import replace
from datetime import timedelta

import pytest

from eval.drift.look import look
from eval.drift.windows import Scope
from indexing.catalogue.alerts import raise_alert
from indexing.catalogue.documents import load_document
from indexing.catalogue.releases import retire_releases
from indexing.errors import InvalidInput
from indexing.features.views import lexical_view
from indexing.ledger.day_sources import Period
from tests.support.drifting_home import BEGIN, NEW_WORDS, OLD_WORDS, WIDE, DriftingHome
from tests.support.fresh_home import OURS

SCOPE = Scope(OURS.tenant, OURS.collection)
WEEK = timedelta(days=7)


MIXED = (*OLD_WORDS[:8], *NEW_WORDS, "whatsthis", "andthat")
UNHEARD = tuple(f"unheard{i}" for i in range(20))


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch):
    monkeypatch.setattr("eval.drift.embedding_tests.PERMUTATIONS", 499)


@pytest.fixture(scope="module")
def weeks(tmp_path_factory):
    """Five weeks of one release: twice the same words, then others, and two weeks whose texts are not kept."""
    made = DriftingHome(tmp_path_factory.mktemp("weeks") / "home")
    made.write(OLD_WORDS)
    made.write(NEW_WORDS)
    release = made.built()
    for number, (words, keeps_text) in enumerate(
        [(OLD_WORDS, True), (OLD_WORDS, True), (MIXED, True), (MIXED, False), (UNHEARD, False)]
    ):
        made.ask(release, words, 120, BEGIN + number * WEEK, keeps_text=keeps_text)
    yield made
    made.close()


def looked(fresh, since, until, reference="last-week", **choices):
    return look(fresh.home, SCOPE, Period(since, until), reference, replayer=fresh.replayer(), **choices)


def week(weeks, number, seconds=120, **choices):
    """A week beside the one before."""
    since = BEGIN + number * WEEK
    return looked(weeks, since, since + timedelta(seconds=seconds), **choices)


def moved(report, part=""):
    return {one.name for one in report.moved if one.slice == part}


def test_other_queries_are_found_by_text_vectors_and_scores_and_their_cause_is_traffic(weeks):
    report = week(weeks, 2)
    assert {"mmd", "classifier"} <= moved(report)
    assert report.cause.named == ("traffic",)
    verdicts = {one.cause: one.verdict for one in report.cause.contrasts}
    assert verdicts == {"traffic": "moved", "recipe": "same", "corpus": "same"}
    assert (report.n_reference, report.n_window, report.release) == (120, 120, "1.1")
    told = report.to_json()
    assert "mmd" in told["moved"]
    ranks = [one["ranks"] for one in told["to_judge"]]
    assert len(ranks) == 20
    assert set(ranks[0]) == {"leg_overlap", "nqc", "dense_top"}


def test_a_quiet_week_moves_nothing_and_has_no_cause(weeks):
    report = week(weeks, 1)
    assert moved(report) == set()
    assert report.cause is None
    assert report.is_enough
    assert report.staleness.changed == 0
    mmd = next(one for one in report.signals if one.name == "mmd")
    assert (mmd.n_reference, mmd.n_window) == (120, 120)


def test_too_few_queries_say_not_enough_data_and_nothing_else(weeks):
    report = week(weeks, 2, seconds=99)
    assert {one.outcome for one in report.signals} == {"not enough data"}
    assert not report.is_enough
    assert report.notes == (
        "The reference has 99 answers, expected at least 100: not enough data.",
        "The window has 99 answers, expected at least 100: not enough data.",
    )


def test_queries_whose_text_is_not_kept_move_signals_and_the_cause_says_what_it_lacks(weeks):
    report = week(weeks, 4)
    assert "mmd" in moved(report)
    traffic = report.cause.contrasts[0]
    assert (traffic.verdict, traffic.queries) == ("moved", 0)
    assert traffic.why.startswith("by ")
    assert "of the queries alone, since 0 queries have a text that may be replayed" in traffic.why
    assert report.cause.named == ("traffic",)


def test_slices_are_tested_together_with_the_whole(weeks):
    report = week(weeks, 4, slice_by="release", explains=False)
    assert report.cause is None
    assert {"dense_top", "unknown_share", "zero_overlap"} <= moved(report) & moved(report, "release=1.1")
    with pytest.raises(InvalidInput, match="The slice 'colour' is unknown: expected one of tenant, collection"):
        week(weeks, 4, slice_by="colour")


def test_users_who_say_other_things_are_a_signal(weeks):
    def said(home, rows):
        is_later = rows[0].number > 120
        return {"rated down": [row.number % (4 if is_later else 40) == 0 for row in rows]}

    report = week(weeks, 1, seconds=1000, feedback=said, explains=False)
    assert moved(report) == {"rated down"}
    down = report.moved[0]
    assert (down.group, down.before, down.value) == ("feedback", 3 / 120, 30 / 120)


def test_the_same_queries_on_another_corpus_name_the_corpus(fresh):
    fresh.remove(*(f"{OLD_WORDS[0]}-{i}" for i in range(25)))
    second = fresh.built()
    end = fresh.ask(second, OLD_WORDS, 120, BEGIN + WEEK)
    report = looked(fresh, BEGIN + WEEK, end)
    assert "dense_top" in moved(report)
    assert report.cause.named == ("corpus",)
    corpus = next(one for one in report.cause.contrasts if one.cause == "corpus")
    assert corpus.overlap < 0.5
    assert corpus.effects["dense_top"] < -0.2


def test_other_documents_that_score_alike_name_the_corpus_though_no_signal_moved(fresh):
    there = [load_document(fresh.home.catalogue, OURS, f"{OLD_WORDS[0]}-{i}") for i in range(30)]
    fresh.remove(*(one.id for one in there))
    fresh.put(*(replace(one, id=f"{one.id}-again") for one in there), live=False)
    second = fresh.built()
    end = fresh.ask(second, OLD_WORDS, 120, BEGIN + WEEK)
    report = looked(fresh, BEGIN + WEEK, end)
    assert moved(report) == set()
    assert report.cause.named == ("corpus",)
    corpus = next(one for one in report.cause.contrasts if one.cause == "corpus")
    assert corpus.queries == 120
    assert corpus.overlap < 0.2


def test_a_recipe_that_answers_otherwise_is_named_and_one_that_cannot_be_told_apart_says_why(fresh):
    damaged = fresh.built(
        replace(WIDE, retrieval=replace(WIDE.retrieval, dense_weight=1.0), lexical=lexical_view("none"))
    )
    end = fresh.ask(damaged, OLD_WORDS, 120, BEGIN + WEEK)
    report = looked(fresh, BEGIN + WEEK, end)
    assert moved(report)
    assert report.cause.named == ("recipe",)
    fresh.write(("other", "words"), 30)
    further = fresh.built(replace(WIDE, passage=replace(WIDE.passage, name="short", max_tokens=8)))
    end = fresh.ask(further, OLD_WORDS, 120, BEGIN + 2 * WEEK)
    report = looked(fresh, BEGIN + 2 * WEEK, end)
    recipe = next(one for one in report.cause.contrasts if one.cause == "recipe")
    assert recipe.verdict == "cannot be told"
    assert "cannot search the old snapshot" in recipe.why


def test_a_reference_whose_release_was_freed_still_tells_traffic_and_says_what_cannot_be_told(fresh):
    first = fresh.first
    fresh.write(("other", "words"), 5)
    second = fresh.built()
    end = fresh.ask(second, MIXED, 120, BEGIN + WEEK)
    retire_releases(fresh.home.catalogue, [(first.recipe, first.build)])
    report = looked(fresh, BEGIN + WEEK, end)
    assert (report.reference_release, report.release) == (first.number, second.number)
    assert report.cause.named == ("traffic",)
    traffic, recipe, corpus = report.cause.contrasts
    assert (traffic.verdict, traffic.queries, recipe.verdict, corpus.verdict) == (
        *("moved", 120),
        *("same", "cannot be told"),
    )
    assert corpus.why.startswith(f"release {first.number}, which answered then, was freed by 'groundwork gc'")
    third = fresh.built(replace(WIDE, shard_rows=201))
    end = fresh.ask(third, MIXED, 120, BEGIN + 2 * WEEK)
    report = looked(fresh, BEGIN + 2 * WEEK, end, "launch")
    assert (report.reference_release, report.cause.named) == (first.number, ("traffic",))
    assert [one.verdict for one in report.cause.contrasts] == ["moved", "cannot be told", "cannot be told"]


def test_references_are_the_launch_the_last_good_week_and_another_release(fresh):
    first, middle = fresh.first, fresh.end
    end = fresh.ask(first, OLD_WORDS, 110, middle)
    launch = looked(fresh, middle, end, "launch")
    assert (launch.n_reference, launch.n_window) == (150, 110)
    assert looked(fresh, middle, end, "last-good").n_reference == 150
    at = (BEGIN + timedelta(seconds=60)).isoformat(timespec="milliseconds")
    raise_alert(fresh.home.catalogue, f"drift:{SCOPE.key}", "warning", "drift", "it drifted", {}, at)
    assert looked(fresh, middle, end, "last-good").n_reference == 60
    other = fresh.built(replace(WIDE, shard_rows=201))
    fresh.ask(other, OLD_WORDS, 105, middle)
    beside = looked(fresh, middle, end, f"release:{other.number}", explains=False)
    assert (beside.n_reference, beside.n_window) == (105, 110)
    for unknown in ("tomorrow", "launch:1", "release:"):
        with pytest.raises(InvalidInput, match="is unknown: expected launch, last-good, last-week or release:NUMBER"):
            looked(fresh, middle, end, unknown)


def test_a_stale_index_is_read_and_named(fresh):
    first = fresh.first
    end = fresh.ask(first, OLD_WORDS, 120, BEGIN + WEEK)
    fresh.write(("newer", "things"), 40)
    report = looked(fresh, BEGIN + WEEK, end)
    assert (report.staleness.changed, report.staleness.documents) == (40, 100)
    assert report.staleness.is_stale
    assert report.staleness.hit_age_days == pytest.approx(7.0, abs=0.2)
    assert report.cause.named == ("corpus",)
