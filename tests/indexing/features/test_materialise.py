"""Values are computed once for what a document is, appended and never changed, and hold what their columns promise."""

import sqlite3

import pytest

from indexing.catalogue.document_features import count_without_features, stored_views
from indexing.catalogue.document_writes import remove_documents
from indexing.errors import FeatureViewChanged, InvalidInput
from indexing.features import materialise as module
from indexing.features.feature_values import Absence
from indexing.features.materialise import Push, materialise, materialise_documents, push, push_from_json
from indexing.features.point_in_time import get_historical
from indexing.features.transformations import Transformation
from indexing.features.view_registry import document_view, document_view_from, document_views, record_view
from indexing.features.views import DOCUMENT_ENGAGEMENT, DOCUMENT_STATS, Column, DocumentView, definition
from tests.support.document_features import CLICKS, OURS, TAMPERED, THEIRS, after, features, put


def history(home, name, view=DOCUMENT_STATS, column="length", at=10**9):
    (feature,) = features(view, column)
    return get_historical(home.catalogue, [feature], [(OURS, name)], after(at))[0][feature.name]


def rows(home):
    return list(home.catalogue.rows("SELECT id, event_time, known_at, body FROM document_features ORDER BY number"))


def test_each_document_gets_a_row_and_an_unchanged_one_no_second(home):
    put(home, "one", "two", text="12345")
    put(home, "one", partition=THEIRS, text="123")
    told = []
    appended = materialise(home.catalogue, DOCUMENT_STATS, on_progress=lambda *one: told.append(one))
    assert (appended.rows, appended.left_out) == (3, ())
    assert told == [("features", 0, 3), ("features", 3, 3)]
    assert history(home, "one") == 5
    assert materialise(home.catalogue, DOCUMENT_STATS).rows == 0
    put(home, "one", text="1234567")
    assert count_without_features(home.catalogue, DOCUMENT_STATS.fingerprint) == 1
    assert materialise(home.catalogue, DOCUMENT_STATS).rows == 1
    assert history(home, "one") == 7
    assert len(rows(home)) == 4


def test_a_row_says_since_when_the_document_is_so_and_since_when_that_is_known(home):
    put(home, "one")
    later = after(10**8)
    materialise(home.catalogue, DOCUMENT_STATS, now=lambda: later)
    (row,) = rows(home)
    (document,) = home.catalogue.rows("SELECT updated_at FROM documents")
    assert row["event_time"] == document["updated_at"]
    assert row["known_at"] == later.isoformat(timespec="milliseconds")


def test_a_run_that_was_stopped_is_continued(home, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    put(home, *(f"d{number}" for number in range(5)))

    def stop(stage, done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialise(home.catalogue, DOCUMENT_STATS, on_progress=stop)
    assert len(rows(home)) == 4
    assert materialise(home.catalogue, DOCUMENT_STATS).rows == 1
    assert sorted(row["id"] for row in rows(home)) == [f"d{number}" for number in range(5)]


def test_a_document_that_goes_while_its_values_are_computed_gets_none(home):
    put(home, "one", "two")

    def compute(document):
        if document.id == "one":
            remove_documents(home.catalogue, OURS, ["one"])
            put(home, "two", text="other text")
        return {"length": 1}

    transformation = Transformation("slow", compute)
    view = DocumentView("slow", 1, (Column("length", "int"),), None, "slow", transformation.code_sha256)
    appended = materialise(home.catalogue, view, transformations={"slow": transformation})
    assert appended.rows == 0
    assert set(appended.left_out) == {"one", "two"}
    assert rows(home) == []


def test_rows_are_never_changed(home):
    put(home, "one")
    materialise(home.catalogue, DOCUMENT_STATS)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"), home.catalogue.write() as db:
        db.conn.execute("UPDATE document_features SET body = '{}'")


def test_a_new_version_has_a_history_of_its_own_and_the_old_one_keeps_its(home):
    put(home, "one", text="12345")
    materialise(home.catalogue, DOCUMENT_STATS, now=lambda: after(10**8))
    columns = tuple(column for column in DOCUMENT_STATS.columns if column.name != "links")
    second = DocumentView("document_stats", 2, columns, None, DOCUMENT_STATS.transformation, DOCUMENT_STATS.code_sha256)
    record_view(home.catalogue, second)
    assert document_view(home.catalogue, "document_stats") == second
    assert document_view(home.catalogue, "document_stats@1") == DOCUMENT_STATS
    before = rows(home)
    materialise(home.catalogue, second, now=lambda: after(2 * 10**8))
    assert rows(home)[:1] == before
    assert rows(home)[1]["event_time"] == before[0]["event_time"]  # a backfill
    assert history(home, "one", second, at=2 * 10**8 - 1) is Absence.MISSING  # it was not known then
    assert history(home, "one", second, at=2 * 10**8) == history(home, "one", at=10**8) == 5
    assert {one.rows for one in stored_views(home.catalogue).values()} == {1}


def test_other_code_computes_nothing_under_the_views_name(home):
    put(home, "one")
    for run in (
        lambda: materialise(home.catalogue, DOCUMENT_STATS, transformations=TAMPERED),
        lambda: materialise_documents(home.catalogue, DOCUMENT_STATS, OURS, ["one"], transformations=TAMPERED),
    ):
        with pytest.raises(FeatureViewChanged, match="values of both would be mixed"):
            run()
    assert rows(home) == []


def test_documents_just_written_are_computed_alone(home):
    put(home, "one", "two")
    appended = materialise_documents(home.catalogue, DOCUMENT_STATS, OURS, ["one", "gone"])
    assert appended.rows == 1
    assert [row["id"] for row in rows(home)] == ["one"]


def test_pushed_values_stand_beside_their_moment_and_documents_that_are_not_there_are_told(home):
    put(home, "one")
    appended = push(
        home.catalogue,
        CLICKS,
        OURS,
        [
            Push("one", "2026-11-02T00:00:00Z", {"clicks": 3, "pinned": True, "by": "news"}),
            Push("gone", "2026-11-02T00:00:00Z", {"clicks": 3}),
        ],
        now=lambda: after(10 * 86_400),
    )
    assert (appended.rows, appended.left_out) == (1, ("gone",))
    assert history(home, "one", CLICKS, "clicks", at=86_400) is Absence.MISSING
    found = {name: history(home, "one", CLICKS, name, at=10 * 86_400) for name in ("clicks", "share", "pinned", "by")}
    assert set(found.values()) == {Absence.EXPIRED}
    (row,) = rows(home)
    assert row["body"] == '{"clicks": 3, "share": null, "pinned": true, "by": "news"}'


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clicks": 1.5}, "expected int or null"),
        ({"clicks": True}, "expected int or null"),
        ({"clicks": 2**60}, "expected int or null"),
        ({"share": float("nan")}, "expected float or null"),
        ({"share": "1"}, "expected float or null"),
        ({"pinned": 1}, "expected bool or null"),
        ({"by": 1}, "expected str or null"),
        ({"by": "x" * 1001}, "expected str or null"),
        ({"views": 1}, "expected clicks, share, pinned, by"),
    ],
)
def test_a_pushed_value_must_be_what_its_column_says(home, values, message):
    put(home, "one")
    with pytest.raises(InvalidInput, match=message):
        push(home.catalogue, CLICKS, OURS, [Push("one", "2026-11-02", values)])
    assert rows(home) == []


def test_a_whole_number_is_a_float_too(home):
    put(home, "one")
    assert push(home.catalogue, CLICKS, OURS, [Push("one", "2026-11-02", {"share": 1})]).rows == 1


def test_nothing_is_pushed_from_the_future_nor_over_what_is_computed(home):
    with pytest.raises(InvalidInput, match="lies ahead"):
        push(home.catalogue, CLICKS, OURS, [Push("one", "2026-11-02T00:00:10Z", {})], now=lambda: after(86_400))
    with pytest.raises(InvalidInput, match="features materialise document_stats"):
        push(home.catalogue, DOCUMENT_STATS, OURS, [])


@pytest.mark.parametrize("value", [[], {"id": 1, "values": {}}, {"id": "a"}, {"id": "a", "values": {}, "x": 1}])
def test_a_line_of_another_form_is_refused(value):
    with pytest.raises(InvalidInput, match="A pushed row is not valid"):
        push_from_json(value, after(0))


def test_a_line_without_a_moment_is_so_now():
    assert push_from_json({"id": "a", "values": {}}, after(0)).event_time == "2026-11-01T00:00:00.000+00:00"


def test_a_document_view_comes_back_as_it_was_added_and_is_held_to_that(home):
    record_view(home.catalogue, CLICKS)
    assert document_view_from(definition(CLICKS)) == CLICKS
    assert document_views(home.catalogue) == [CLICKS, DOCUMENT_ENGAGEMENT, DOCUMENT_STATS]
    changed = DocumentView("clicks", 1, CLICKS.columns, ttl_seconds=60)
    assert changed.fingerprint != CLICKS.fingerprint
    with pytest.raises(FeatureViewChanged, match="version 2"):
        record_view(home.catalogue, changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Two Words"}, "lower-case"),
        ({"ttl_seconds": 0}, "at least 1"),
        ({"columns": []}, "a list of 1 to 64"),
        ({"columns": [{"name": "a", "type": "int"}] * 2}, "two columns are named a"),
        ({"columns": [{"name": "a", "type": "int", "source": "age_days"}]}, "expected float"),
        ({"transformation": "document_stats"}, "stand alone"),
        ({"entity": "user"}, "'document'"),
        ({"more": 1}, "'more' is unknown"),
    ],
)
def test_a_definition_that_says_nothing_sensible_is_refused_by_field(change, message):
    with pytest.raises(InvalidInput, match=message):
        document_view_from({**definition(CLICKS), **change})
