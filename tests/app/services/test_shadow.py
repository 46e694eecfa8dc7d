"""The candidate answers copies of queries, on capacity that is free, and its answers are compared."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from app.access.authentication import Caller
from app.access.concurrency import ConcurrencyLimit
from app.ledger.query_ids import QueryIds
from app.retrieval.retriever import Retriever
from app.schemas.search import SearchBody
from app.services import shadow
from app.services.queries import query_for
from app.services.request_records import SEARCH, RequestRecords
from app.services.request_rows import RowPolicy
from app.services.shadow import LOOP_SHARE, LoopLoad, ShadowSearches, busy_above
from indexing.catalogue.tenants import create_tenant
from indexing.errors import InvalidInput
from indexing.releases.rollouts import open_rollout
from indexing.releases.transitions import Decision
from indexing.releases.trials import End, propose, start_shadow
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_MODEL, OURS, FreshHome, article

SECRET = b"s" * 32
CALLER = Caller(OURS.tenant, frozenset({"search"}), "key")


class Rows:
    """A recorder that keeps what it is given."""

    def __init__(self):
        self.given = []

    def record(self, pending):
        self.given.append(pending)


class Shadowed:
    """A process whose recipe 2 is shadowed, with all that shadow searches need."""

    def __init__(self, fresh, recipe=OTHER_LANGUAGE):
        now = datetime.now(UTC)
        by = Decision("ana", "a test", now.isoformat(timespec="milliseconds"))
        end = End(at=(now + timedelta(hours=1)).isoformat(timespec="milliseconds"), queries=None)
        seen = propose(fresh.home.catalogue, fresh.build(recipe).release.recipe, by)
        start_shadow(fresh.home.catalogue, seen, by, share=1.0, end=end, decides="whether it is alike", max_recipes=4)
        self.process, self.rows, self.outcomes = fresh.process(), Rows(), []
        policy = RowPolicy(SECRET, is_whole=True, may_keep_text=False)
        self.records = RequestRecords(self.rows, QueryIds(SECRET), policy, lambda error: 400)
        self.searches = ConcurrencyLimit(4, "full")
        self.shadows = self.made()

    def made(self, retriever=None, load=None):
        process = self.process
        return ShadowSearches(
            process.pool,
            process.live,
            retriever or Retriever(),
            self.records,
            self.searches,
            self.outcomes.append,
            busy_above=busy_above(max_concurrency=4, sessions=3),
            load=load,
        )

    def served(self, **fields):
        """A request that the recipe in service answered."""
        body = SearchBody(**(fields or {"query": "doc10w3"}), collection=OURS.collection)
        record = self.records.begin(SEARCH, CALLER, body)
        record.assignment, serving = self.process.pool.assigned(tenant=OURS.tenant, user=None, request_id="r")
        record.release = serving.release
        asked = query_for(body, serving.recipe)
        record.result = Retriever().begin(serving, OURS, asked).result()
        return record


@pytest.fixture
def recipe():
    return OTHER_LANGUAGE


@pytest.fixture
def shadowed(tmp_path, recipe):
    fresh = FreshHome(tmp_path / "home")
    create_tenant(fresh.home.catalogue, OURS.tenant)
    fresh.put(*(article(f"doc{i}") for i in range(4)), live=False)
    fresh.build()
    made = Shadowed(fresh, recipe)
    yield made
    made.shadows.close()
    fresh.close()


def test_the_candidate_answers_a_copy_and_the_row_says_how_it_differs(shadowed):
    served = shadowed.served()
    assert served.assignment.is_shadowed
    assert served.release.number == "1.1"
    shadowed.shadows.offer(served)
    shadowed.shadows.flush()
    assert shadowed.outcomes == ["answered"]
    (record,) = shadowed.rows.given
    row = record.row("p", 1)
    assert (row.kind, row.release, row.arm, row.shadow_of) == ("shadow", "2.1", "candidate", served.id)
    assert (row.rollout, row.request_id, row.status) == (served.assignment.rollout, served.request_id, 200)
    assert row.comparison.keys() == {
        "overlap",
        "rbo",
        "score_difference",
        "top_score_difference",
        "latency_difference_ms",
    }
    assert (row.comparison["overlap"], row.comparison["rbo"]) == (1.0, pytest.approx(1.0))
    assert row.comparison["latency_difference_ms"] == pytest.approx(
        record.result.timings_ms["total"] - served.result.timings_ms["total"]
    )


@pytest.mark.parametrize("recipe", [OTHER_MODEL])
def test_a_vector_is_not_asked_of_a_candidate_with_another_model(shadowed):
    shadowed.shadows.offer(shadowed.served(vector=[1.0] * 16, mode="dense"))
    shadowed.shadows.offer(shadowed.served(query="doc10w3"))
    shadowed.shadows.flush()
    assert shadowed.outcomes == ["other_model", "answered"]
    assert len(shadowed.rows.given) == 1


def test_while_half_of_the_searches_are_in_progress_copies_are_shed_and_counted(shadowed):
    shadowed.searches.taken = 3
    shadowed.shadows.offer(shadowed.served())
    assert shadowed.outcomes == ["busy"]
    shadowed.searches.taken = 2
    shadowed.shadows.offer(shadowed.served())
    shadowed.shadows.flush()
    assert shadowed.outcomes == ["busy", "answered"]


def test_a_copy_in_progress_is_given_up_when_callers_need_the_capacity(shadowed):
    class Filling(Retriever):
        def begin(self, serving, partition, asked, before_stage=None):
            shadowed.searches.taken = 4
            return super().begin(serving, partition, asked, before_stage)

    shadows = shadowed.made(Filling())
    shadows.offer(shadowed.served())
    shadows.flush()
    assert shadowed.outcomes == ["busy"]
    assert shadowed.rows.given == []
    shadows.close()


def test_more_copies_than_may_wait_are_shed(shadowed, monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    class Waiting(Retriever):
        def begin(self, serving, partition, asked, before_stage=None):
            started.set()
            assert go_on.wait(20)
            return super().begin(serving, partition, asked, before_stage)

    monkeypatch.setattr(shadow, "MAX_WAITING", 2)
    shadows = shadowed.made(Waiting())
    shadows.offer(shadowed.served())
    assert started.wait(20)
    for _ in range(3):
        shadows.offer(shadowed.served())
    assert shadowed.outcomes == ["queue_full"]
    go_on.set()
    shadows.flush()
    assert shadowed.outcomes == ["queue_full", *["answered"] * 3]
    shadows.close()


def test_a_candidate_that_fails_is_recorded_and_the_next_query_is_answered(shadowed):
    class Failing(Retriever):
        error = InvalidInput("no such thing")

        def begin(self, serving, partition, asked, before_stage=None):
            if Failing.error is not None:
                error, Failing.error = Failing.error, None
                raise error
            return super().begin(serving, partition, asked, before_stage)

    shadows = shadowed.made(Failing())
    shadows.offer(shadowed.served())
    shadows.offer(shadowed.served())
    shadows.flush()
    assert shadowed.outcomes == ["failed", "answered"]
    failed, _ = (record.row("p", number) for number, record in enumerate(shadowed.rows.given, 1))
    assert (failed.status, failed.error, failed.comparison) == (400, "InvalidInput", None)
    shadows.close()


def test_what_is_not_shadowed_any_more_is_not_searched(shadowed):
    served = shadowed.served()
    catalogue = shadowed.process.home.catalogue
    with catalogue.write() as db:
        db.conn.execute("UPDATE rollouts SET state = 'ended' WHERE id = ?", (open_rollout(catalogue).id,))
    shadowed.process.pool.follow_plan()
    shadowed.shadows.offer(served)
    shadowed.shadows.flush()
    assert shadowed.outcomes == ["not_open"]


def test_after_it_was_closed_nothing_is_taken(shadowed):
    shadowed.shadows.offer(shadowed.served())
    shadowed.shadows.flush()
    shadowed.shadows.close()
    shadowed.shadows.offer(shadowed.served())
    assert shadowed.outcomes[0] == "answered"
    assert len(shadowed.rows.given) == 1


def test_no_more_searches_than_cores_or_half_of_the_most_leave_capacity_for_copies():
    assert busy_above(max_concurrency=64, sessions=2) == 2
    assert busy_above(max_concurrency=6, sessions=8) == 3


def test_while_the_event_loop_works_more_than_half_of_its_time_copies_are_shed(shadowed):
    clock = SimpleNamespace(now=0.0, worked=0.0)
    shadows = shadowed.made(load=LoopLoad(lambda: clock.now, lambda: clock.worked))
    for worked, outcome in ((0.0, "answered"), (LOOP_SHARE + 0.1, "busy"), (LOOP_SHARE - 0.1, "answered")):
        clock.now, clock.worked = clock.now + 1.0, clock.worked + worked
        shadows.offer(shadowed.served())
        shadows.flush()
        assert shadowed.outcomes.pop() == outcome
    shadows.close()


def test_the_loops_load_is_of_the_last_while():
    clock = SimpleNamespace(now=10.0, worked=3.0)
    load = LoopLoad(lambda: clock.now, lambda: clock.worked)
    assert load.share() == 0.0
    clock.now, clock.worked = 12.0, 4.0
    assert load.share() == 0.5
    clock.now, clock.worked = 12.001, 4.001
    assert load.share() == 0.5  # too short a while to tell another
    clock.now = 14.0
    assert load.share() < 0.01
