"""Skew is 0 where nothing changed, and says by feature what is wrong, and how far, where something did."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from indexing.catalogue.document_writes import remove_documents
from indexing.errors import NotFound
from indexing.features.feature_values import numbers_of
from indexing.features.materialise import Push, materialise, push
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.skew import Served, is_sampled, measure_skew
from indexing.features.views import DOCUMENT_STATS
from tests.support.document_features import CLICKS, OURS, TAMPERED, after, features, put

STATS, PUSHED = features(DOCUMENT_STATS), features(CLICKS, "clicks", "share")
ZERO = {"compared": 0, "mismatched": 0, "missing": 0, "extra": 0, "smape": 0.0, "share": 0.0}
NAMES = [f"d{number}" for number in range(8)]


def serve(home, at, names=NAMES, asked=STATS):
    """What searches at a moment use, as the ledger holds it: through the online store, and as JSON."""
    served = []
    for name, found in zip(names, get_online(OnlineStore(home.catalogue), asked, OURS, names, at), strict=True):
        served.append(Served(OURS, name, at, "1.1", json.loads(json.dumps(numbers_of(found)))))
    return served


def skew(home, served, asked=STATS, **options):
    return measure_skew(home.catalogue, served, lambda release: asked, **options).to_json()


def soon():
    """A moment after everything that was written so far."""
    return datetime.now(UTC) + timedelta(seconds=5)


@pytest.fixture
def filled(home):
    for number, name in enumerate(NAMES):
        put(home, name, text="x" * (number + 1))
    materialise(home.catalogue, DOCUMENT_STATS)
    return home


def test_an_unchanged_system_has_no_skew_at_whatever_moment_it_answered(filled):
    served = [one for hours in (0, 1, 1000) for one in serve(filled, soon() + timedelta(hours=hours))]
    found = skew(filled, served)
    assert (found["sampled"], found["unknown"]) == (24, 0)
    assert found["features"] == {feature.name: {**ZERO, "compared": 24} for feature in STATS}


def test_a_row_of_the_ledger_may_have_its_moment_a_little_before_the_boost(filled):
    served = [replace(one, at=one.at - timedelta(seconds=2)) for one in serve(filled, soon())]
    assert skew(filled, served)["features"]["document_stats:age"]["mismatched"] == 0


def test_a_definition_that_was_tampered_with_shows_in_the_features_that_it_changes(filled):
    found = skew(filled, serve(filled, soon()), transformations=TAMPERED)["features"]
    length = found["document_stats:length"]
    assert (length["compared"], length["mismatched"], length["share"]) == (8, 8, 1.0)
    assert length["smape"] == pytest.approx(2 / 3)  # 2 (2x - x) / (2x + x)
    assert found["document_stats:links"] == {**ZERO, "extra": 8, "share": 1.0}  # that code gives none
    assert found["document_stats:age"] == {**ZERO, "compared": 8}


def test_a_stale_materialisation_shows_in_what_changed_since(filled):
    put(filled, *NAMES[:2], text="x" * 100)
    put(filled, "new", text="text")
    found = skew(filled, serve(filled, soon(), [*NAMES, "new"]))["features"]
    length = found["document_stats:length"]
    assert (length["compared"], length["mismatched"], length["missing"]) == (8, 2, 1)
    assert length["share"] == pytest.approx(3 / 9)
    expected = (2 * 99 / 101 + 2 * 98 / 102) / 8
    assert length["smape"] == pytest.approx(expected)
    assert found["document_stats:headings"] == {**ZERO, "compared": 8, "missing": 1, "share": 1 / 9}
    materialise(filled.catalogue, DOCUMENT_STATS)
    after_it = skew(filled, serve(filled, soon(), [*NAMES, "new"]))["features"]
    assert {one["share"] for one in after_it.values()} == {0.0}


def test_a_row_that_came_late_shows_in_its_feature(home):
    put(home, "one", "two")
    push(home.catalogue, CLICKS, OURS, [Push("one", after(0).isoformat(), {"clicks": 1, "share": 0.5})])
    served = serve(home, after(100), ["one", "two"], PUSHED)
    assert {one["share"] for one in skew(home, served, PUSHED)["features"].values()} == {0.0}
    late = [
        Push("one", after(50).isoformat(), {"clicks": 3, "share": 0.5}),
        Push("two", after(50).isoformat(), {"clicks": 3, "share": None}),
        Push("two", after(200).isoformat(), {"clicks": 9, "share": 0.9}),  # after the answer: it tells nothing
    ]
    push(home.catalogue, CLICKS, OURS, late)
    found = skew(home, served, PUSHED)["features"]
    assert found["clicks:clicks"] == {
        "compared": 1,
        "mismatched": 1,
        "missing": 1,
        "extra": 0,
        "smape": 1.0,  # 2 (3 - 1) / (3 + 1)
        "share": 1.0,
    }
    assert found["clicks:share"] == {**ZERO, "compared": 1}


def test_a_value_served_after_its_time_to_live_is_extra(home):
    put(home, "one")
    push(home.catalogue, CLICKS, OURS, [Push("one", after(0).isoformat(), {"clicks": 1})])
    served = [replace(one, at=after(4000)) for one in serve(home, after(100), ["one"], PUSHED)]
    assert skew(home, served, PUSHED)["features"]["clicks:clicks"] == {**ZERO, "extra": 1, "share": 1.0}


def test_a_feature_that_no_boost_of_the_release_uses_is_extra(filled):
    served = serve(filled, soon(), asked=features(DOCUMENT_STATS, "length", "links"))
    found = skew(filled, served, features(DOCUMENT_STATS, "length"))["features"]
    assert found["document_stats:links"] == {**ZERO, "extra": 8, "share": 1.0}
    assert found["document_stats:length"] == {**ZERO, "compared": 8}


def test_what_changed_or_went_after_the_answer_is_unknown_and_not_wrong(filled, monkeypatch):
    served = serve(filled, soon())
    monkeypatch.setattr("indexing.catalogue.document_writes.utc_now", lambda: "2100-01-01T00:00:00.000+00:00")
    put(filled, NAMES[0], text="changed")
    remove_documents(filled.catalogue, OURS, [NAMES[1]])
    found = skew(filled, served)
    assert (found["sampled"], found["unknown"]) == (8, 2)
    assert found["features"]["document_stats:length"] == {**ZERO, "compared": 6}


def test_the_sample_is_chosen_by_key_and_a_larger_one_holds_the_smaller(filled):
    chosen = {share: {n for n in range(4000) if is_sampled(OURS, f"d{n}", share)} for share in (0.0, 0.1, 0.3, 1.0)}
    assert chosen[0.0] < chosen[0.1] < chosen[0.3] < chosen[1.0]
    assert len(chosen[0.1]) == pytest.approx(400, rel=0.15)
    served = serve(filled, soon())
    expected = sum(is_sampled(OURS, name, 0.5) for name in NAMES)
    assert skew(filled, served * 3, share=0.5)["sampled"] == 3 * expected


def test_what_is_above_the_limit_is_named_and_logged(filled, caplog):
    report = measure_skew(filled.catalogue, serve(filled, soon()), lambda release: STATS, transformations=TAMPERED)
    with caplog.at_level(logging.ERROR):
        assert "document_stats:length" in report.above(0.5)
        assert report.above(1.0) == []
    assert {record.message for record in caplog.records} == {"features.skew"}
    assert caplog.records[0].fields["share"] == 1.0


def test_of_a_release_that_is_not_there_nothing_is_said(filled):
    def features_of(release):
        raise NotFound(f"No recipe {release}.")

    found = measure_skew(filled.catalogue, serve(filled, soon()), features_of).to_json()
    assert found == {"sampled": 8, "unknown": 8, "features": {}}
