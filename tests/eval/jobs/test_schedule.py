"""The jobs of the schedule over a home with little in it: each says what it found, or why it found nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from eval.jobs.schedule import DRIFT, EVALUATE, JUDGE, RETENTION, SKEW
from indexing.builds import redis_check
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.errors import NotReady
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from tests.support.ledger_rows import made_row

MANUAL = Partition("default", "manual")


@pytest.fixture
def served(tiny_home):
    put_documents(tiny_home.catalogue, MANUAL, [Document("pump", "pump", "The pump leaks at the seal.")])
    build(prepare_build(tiny_home, default_recipe(tiny_home)))
    return tiny_home


def test_every_job_runs_over_a_home_without_traffic_and_sets(served):
    steps = []
    assert EVALUATE.run(served, steps.append) == {"sets": {}}
    assert DRIFT.run(served, steps.append) == {"looks": {}}
    assert JUDGE.run(served, steps.append)["judged"] == {}
    assert RETENTION.run(served, steps.append)["ledger_days"] == []
    assert SKEW.run(served, steps.append)["wrong"] == []
    assert "a day's answers" in steps


def test_drift_and_evaluations_of_a_home_without_a_release_say_that_nothing_is_released(home):
    assert DRIFT.run(home, lambda step: None) == {"looks": {}}
    assert EVALUATE.run(home, lambda step: None) == {"sets": {}}


def test_an_evaluation_whose_redis_does_not_answer_says_so(served, monkeypatch):
    monkeypatch.setattr(redis_check, "require_redis", partial(redis_check.require_redis, seconds=0.0))
    settings = served.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with pytest.raises(NotReady, match=r"Redis at 127\.0\.0\.1:1/0"):
        EVALUATE.run(replace(served, settings=settings), lambda step: None)


def test_the_check_is_called_before_each_collection_that_is_looked_at(served):
    now = datetime.now(UTC) - timedelta(hours=1)
    served.ledger.append([made_row(n, now, tenant="acme", collection=name) for n, name in enumerate(("one", "two"))])
    steps = []
    DRIFT.run(served, steps.append)
    assert [step.split("acme/")[-1] for step in steps] == [steps[0], "one", "two"]
