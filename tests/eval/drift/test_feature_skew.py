"""The daily look at skew: an alert for each feature that is wrong too often, and none on too few answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eval.drift.feature_skew import check_skew
from indexing.catalogue.alerts import open_alerts
from indexing.features.boosts import Boost
from indexing.features.feature_values import numbers_of, read_features
from indexing.features.materialise import materialise
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.views import DEFAULT_PASSAGES, DOCUMENT_STATS, EMBEDDING_VIEWS, lexical_view
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from tests.support.document_features import OURS, TAMPERED, put
from tests.support.ledger_rows import made_hit, made_row

NAMES = [f"d{number}" for number in range(10)]
LENGTH, AGE = "document_stats:length", "document_stats:age"


@pytest.fixture
def answered(home):
    """A home whose ledger holds ten answers with ten documents each, boosted by two features, five seconds from now."""
    for number, name in enumerate(NAMES):
        put(home, name, text="x" * (number + 1))
    materialise(home.catalogue, DOCUMENT_STATS)
    boosts = tuple(Boost(name, 0.1, 30.0) for name in (LENGTH, AGE))
    retrieval = replace(RetrievalConfig(), boosts=boosts)
    recipe = Recipe("model@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), retrieval)
    number = record_recipe(home.catalogue, replace(recipe, document_views=(DOCUMENT_STATS,))).number
    at = datetime.now(UTC) + timedelta(seconds=5)
    asked = read_features(home.catalogue, [LENGTH, AGE])
    found = get_online(OnlineStore(home.catalogue), asked, OURS, NAMES, at)
    hits = [made_hit(name, features=numbers_of(values)) for name, values in zip(NAMES, found, strict=True)]
    there = {"tenant": OURS.tenant, "collection": OURS.collection, "release": f"{number}.1", "hits": hits}
    home.ledger.append([made_row(n, at + timedelta(milliseconds=n), **there) for n in range(1, 11)])
    return home


def look(home, **options):
    return check_skew(home, now=datetime.now(UTC) + timedelta(minutes=1), share=1.0, **options)


def test_a_quiet_day_says_nothing(answered):
    found = look(answered)
    assert (found["sampled"], found["wrong"], found["not_enough"]) == (100, [], [])
    assert open_alerts(answered.catalogue) == []


def test_code_that_changed_is_an_alert_for_its_feature_alone_and_said_once(answered):
    found = look(answered, transformations=TAMPERED)
    assert LENGTH in found["wrong"]
    assert AGE not in found["wrong"]
    look(answered, transformations=TAMPERED)
    (alert,) = [one for one in open_alerts(answered.catalogue) if one.key == f"skew:{LENGTH}"]
    assert (alert.severity, alert.source, alert.times) == ("critical", "skew", 2)
    assert alert.evidence["mismatched"] == 100
    assert "100.0% of 100 values of document_stats:length" in alert.message


def test_too_few_answers_are_told_as_such(answered):
    found = check_skew(answered, now=datetime.now(UTC) + timedelta(minutes=1), share=0.5, transformations=TAMPERED)
    assert 0 < found["sampled"] < 100
    assert found["not_enough"] == [AGE, LENGTH]
    assert (found["wrong"], open_alerts(answered.catalogue)) == ([], [])


def test_a_day_without_answers_says_nothing(home):
    assert check_skew(home) == {"sampled": 0, "unknown": 0, "features": {}, "wrong": [], "not_enough": []}
