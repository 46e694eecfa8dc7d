"""Nothing leaks in from later: what counts at a moment is what had happened and was known by then."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexing.catalogue.document_features import NewFeatures, append_features, forget_document_features
from indexing.errors import InvalidInput, NotFound
from indexing.features.feature_values import Absence, moment_of, read_features
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.point_in_time import get_historical
from indexing.features.views import DOCUMENT_STATS
from indexing.records import moment_text
from tests.support.document_features import CLICKS, OURS, THEIRS, after, features, put

TTL = CLICKS.ttl_seconds
NAMES = ("one", "two")


@dataclass(frozen=True)
class Row:
    partition: object
    id: str
    event: float
    known: float
    clicks: int | None


def append(home, row, view=CLICKS):
    body = json.dumps({"clicks": row.clicks})
    new = NewFeatures(row.partition, row.id, moment_text(after(row.event)), body)
    assert not append_features(home.catalogue, view.fingerprint, moment_text(after(row.known)), [new])


def oracle(rows, partition, name, at):
    """What counts, by looking at everything."""
    seen = [
        (row.event, row.known, place, row.clicks)
        for place, row in enumerate(rows)
        if (row.partition, row.id) == (partition, name) and row.event <= at and row.known <= at
    ]
    if not seen:
        return Absence.MISSING
    event, _, _, clicks = max(seen, key=lambda one: one[:3])
    return Absence.EXPIRED if at - event > TTL else clicks


MOMENTS = st.integers(0, 6).map(lambda step: step * TTL / 2)
# Late rows, backfills of what was long ago, and announcements of what is to come; few documents and moments, many ties.
ROWS = st.lists(
    st.builds(Row, st.just(OURS), st.sampled_from(NAMES), MOMENTS, MOMENTS, st.none() | st.integers(0, 5))
    | st.builds(Row, st.just(THEIRS), st.just("one"), MOMENTS, MOMENTS, st.just(9)),
    min_size=4,
    max_size=16,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(ROWS, MOMENTS, st.booleans())
def test_history_is_what_looking_at_all_rows_gives(home, rows, at, is_between):
    for partition in (OURS, THEIRS):
        put(home, *NAMES, partition=partition)
        with home.catalogue.write() as db:
            forget_document_features(db, partition, None)
    for row in rows:
        append(home, row)
    at = at + 1 if is_between else at
    keys = [(partition, name) for partition in (THEIRS, OURS) for name in (*NAMES, "nowhere", "one")]
    found = get_historical(home.catalogue, features(CLICKS, "clicks"), keys, after(at))
    assert [one["clicks:clicks"] for one in found] == [oracle(rows, *key, at) for key in keys]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(ROWS, st.integers(0, 16), st.sampled_from([0, 1, TTL / 2]))
def test_online_values_are_the_history_of_the_moment_whenever_the_store_was_filled(home, rows, loaded_after, later):
    put(home, *NAMES)
    with home.catalogue.write() as db:
        forget_document_features(db, OURS, None)
    # All are known by then, and some are so only later.
    store, now = OnlineStore(home.catalogue), max(row.known for row in rows) + later
    asked, keys = features(CLICKS, "clicks"), [(OURS, name) for name in NAMES]
    for place, row in enumerate(sorted(rows, key=lambda row: row.known)):  # as time goes on
        if place == loaded_after:
            store.recent(CLICKS, OURS)
        if row.partition == OURS:
            append(home, row)
    found = get_online(store, asked, OURS, NAMES, after(now))
    assert found == get_historical(home.catalogue, asked, keys, after(now))


def test_missing_expired_and_null_are_three_things(home):
    put(home, "null", "old", "none")
    append(home, Row(OURS, "null", 0, 0, None))
    append(home, Row(OURS, "old", -TTL - 1, 0, 3))
    keys = [(OURS, name) for name in ("null", "old", "none")]
    found = get_historical(home.catalogue, features(CLICKS, "clicks"), keys, after(0))
    assert [one["clicks:clicks"] for one in found] == [None, Absence.EXPIRED, Absence.MISSING]


def test_a_value_lives_until_its_last_second(home):
    put(home, "one")
    append(home, Row(OURS, "one", 0, 0, 3))
    asked = features(CLICKS, "clicks")
    assert get_historical(home.catalogue, asked, [(OURS, "one")], after(TTL)) == [{"clicks:clicks": 3}]
    late = get_historical(home.catalogue, asked, [(OURS, "one")], after(TTL + 0.001))
    assert late == [{"clicks:clicks": Absence.EXPIRED}]


def test_an_age_is_that_of_the_moment_asked_about(home):
    put(home, "one")
    append(home, Row(OURS, "one", 0, 0, 3), DOCUMENT_STATS)
    asked = features(DOCUMENT_STATS, "age")
    for days in (0, 1, 2.5):
        found = get_historical(home.catalogue, asked, [(OURS, "one")], after(days * 86_400))
        assert found == [{"document_stats:age": days}]


def test_features_of_several_views_are_had_at_once_and_an_empty_question_has_an_empty_answer(home):
    put(home, "one")
    append(home, Row(OURS, "one", 0, 0, 3))
    asked = [*features(CLICKS, "clicks"), *features(DOCUMENT_STATS, "age")]
    found = get_historical(home.catalogue, asked, [(OURS, "one")], after(1))
    assert found == [{"clicks:clicks": 3, "document_stats:age": Absence.MISSING}]
    assert get_historical(home.catalogue, asked, [], after(1)) == []


def test_features_are_named_by_view_and_column(home):
    (feature,) = read_features(home.catalogue, ["document_stats@1:length", "document_stats@1:length"])
    assert (feature.view, feature.column.name) == (DOCUMENT_STATS, "length")
    with pytest.raises(InvalidInput, match="expected VIEW:COLUMN"):
        read_features(home.catalogue, ["length"])
    with pytest.raises(InvalidInput, match="has length, age, headings, links, passages"):
        read_features(home.catalogue, ["document_stats:size"])
    with pytest.raises(NotFound, match="document_stats@1"):
        read_features(home.catalogue, ["document_stats@7:length"])
    with pytest.raises(NotFound, match="No document view 'clicks'"):
        read_features(home.catalogue, ["clicks:clicks"])


def test_moments_are_read_in_any_zone_and_kept_in_utc_to_the_millisecond():
    assert moment_text(moment_of("2026-11-28T10:30:00.1239+01:00")) == "2026-11-28T09:30:00.123+00:00"
    assert moment_of("2026-11-28T09:30:00") == moment_of("2026-11-28T09:30:00Z")
    with pytest.raises(InvalidInput, match="expected ISO 8601"):
        moment_of("yesterday")
