"""The nightly job of document features: what retained recipes use is computed, and a run that was stopped goes on."""

import json
from dataclasses import replace

import pytest

from eval.jobs.schedule import FEATURES
from indexing.catalogue.document_features import count_without_features
from indexing.features import materialise
from indexing.features.views import (
    DEFAULT_PASSAGES,
    DOCUMENT_ENGAGEMENT,
    DOCUMENT_STATS,
    EMBEDDING_VIEWS,
    lexical_view,
)
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from indexing.releases.release import record_release
from indexing.schedule.jobs import RunEnded
from tests.support.document_features import put


def use(home, *views):
    recipe = Recipe("model@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), RetrievalConfig())
    number = record_recipe(home.catalogue, replace(recipe, document_views=views)).number
    record_release(home.catalogue, number, "snapshot", seq=0, actor="ana")


def lacking(home):
    return count_without_features(home.catalogue, DOCUMENT_STATS.fingerprint)


def test_a_home_whose_recipes_use_no_document_view_computes_nothing(home):
    put(home, "d")
    use(home)
    assert FEATURES.run(home, lambda step: None) == {"views": {}}
    assert lacking(home) == 1


def test_views_of_retained_recipes_are_computed_for_what_changed_since(home):
    for number in range(3):
        put(home, f"d{number}", text="x" * (number + 1))
    use(home, DOCUMENT_STATS, DOCUMENT_ENGAGEMENT)
    stats, engagement = DOCUMENT_STATS.id, DOCUMENT_ENGAGEMENT.id
    assert FEATURES.run(home, lambda step: None) == {"views": {stats: {"rows": 3}, engagement: {"rows": 0}}}
    put(home, "d0", text="other")
    assert FEATURES.run(home, lambda step: None)["views"][stats] == {"rows": 1}
    json.dumps(FEATURES.run(home, lambda step: None))


def test_a_run_that_was_stopped_is_continued_by_the_next(home, monkeypatch):
    monkeypatch.setattr(materialise, "BATCH", 2)
    for number in range(5):
        put(home, f"d{number}")
    use(home, DOCUMENT_STATS)

    def stop(step):
        if step.endswith("2 of 5 documents"):
            raise RunEnded

    with pytest.raises(RunEnded):
        FEATURES.run(home, stop)
    assert lacking(home) == 3
    assert FEATURES.run(home, lambda step: None) == {"views": {DOCUMENT_STATS.id: {"rows": 3}}}
