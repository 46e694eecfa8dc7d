"""Samples of answers and sketches: by the random bits of ids, as many as are wanted, another part for another seed."""

import random
from collections import Counter
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest

from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Period, query_days
from indexing.ledger.id_samples import IdSample, id_sample
from indexing.ledger.ids import made_id
from indexing.ledger.query_sketches import COMPONENTS, read_sketches
from indexing.ledger.records import QuerySketch
from indexing.ledger.sampled_readers import sampled_answers
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row

PERIOD = Period(NOON, NOON + timedelta(hours=1))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    """2,400 answers of two collections, whose numbers alternate, each with a sketch; a third by a candidate."""
    ledger = LedgerStore(tmp_path_factory.mktemp("sampled") / "ledger", busy_timeout_seconds=0.5)
    chance = random.Random(1)
    rows = []
    for number in range(2400):
        at = NOON + timedelta(seconds=number)
        is_candidate = number % 3 == 0
        rows.append(
            made_row(
                number,
                id=made_id(int(at.timestamp() * 1000), 0, chance.getrandbits(62)),
                collection=("even", "odd")[number % 2],
                release="13.1" if is_candidate else "12.3",
                arm="candidate" if is_candidate else "live",
                sketch=QuerySketch("m@1", number.to_bytes(2, "big") * (COMPONENTS // 2)),
            )
        )
    ledger.append(rows)
    yield ledger
    ledger.close()


def answers(ledger, collection, **options):
    return sampled_answers(ledger, PERIOD, tenant="acme", collection=collection, **options)


def test_collections_whose_rows_alternate_are_both_sampled_evenly_over_the_period(ledger):
    for collection in ("even", "odd"):
        total, rows = answers(ledger, collection, most=300)
        assert (total, len(rows)) == (1200, 300)
        assert [row.id for row in rows] == sorted(row.id for row in rows)
        quarters = Counter(row.number // 600 for row in rows)
        assert min(quarters[quarter] for quarter in range(4)) > 50


def test_fewer_rows_than_are_wanted_are_all_taken_and_arms_are_left_out(ledger):
    total, rows = answers(ledger, "odd", most=1200)
    assert (total, len(rows)) == (1200, 1200)
    total, rows = answers(ledger, "odd", most=2000, without_arms=("candidate",))
    assert (total, len(rows), {row.release for row in rows}) == (800, 800, {"12.3"})


def test_a_sample_is_the_same_for_its_seed_and_another_for_another_so_that_looks_do_not_share_its_luck(ledger):
    samples = [{row.id for row in answers(ledger, "odd", most=100, seed=seed)[1]} for seed in (1, 1, 2, 3)]
    assert samples[0] == samples[1]
    assert all(len(samples[0] & other) < 50 for other in samples[2:])


@pytest.fixture(scope="module")
def every_answer(ledger):
    return sampled_answers(ledger, PERIOD, most=5000)[1]


@pytest.mark.parametrize("beginning", [0, 40_000, 65_000, 65_535])
def test_a_part_that_goes_beyond_the_last_value_goes_on_at_the_first(ledger, every_answer, beginning):
    sample = IdSample(beginning, 20_000)
    condition, parameters = sample.where
    sql = f"SELECT id FROM requests WHERE {condition} ORDER BY id"
    found = [UUID(bytes=bytes(cells[0])) for _, cells in query_days(ledger, PERIOD, sql, parameters)]
    assert found == [row.id for row in every_answer if sample.place(row.id) < 20_000]
    assert 600 < len(found) < 860


def test_where_there_are_no_more_than_are_wanted_all_are_asked_for():
    for total in (0, 10):
        assert id_sample(total, 10).where == ("1 = 1", [])


def test_no_more_sketches_are_read_than_are_wanted_and_those_of_some_recipes_alone(ledger):
    every = read_sketches(ledger, PERIOD, "m@1", collection="odd")
    some = read_sketches(ledger, PERIOD, "m@1", most=100, collection="odd", seed=4)
    assert (len(every), len(some)) == (1200, 100)
    assert set(some) < set(every)
    assert some == sorted(some)
    served = read_sketches(ledger, PERIOD, "m@1", most=5000, collection="odd", recipes={12})
    assert len(served) == 800
    assert read_sketches(ledger, PERIOD, "m@1", most=5, collection="odd", recipes=()) == []


def test_sketches_of_a_collection_are_counted_in_an_index_and_a_file_without_it_is_read_as_well(ledger):
    (day,) = list_days(ledger.folder)
    sql = "SELECT count(*) FROM query_sketches WHERE model = ? AND tenant = ? AND collection = ? AND id >= ? AND id < ?"
    parameters = ["m@1", "acme", "odd", *PERIOD.ids]
    with closing(DayFile(day.database, busy_timeout_seconds=0.5)) as file:
        plan = str(list(file.rows(f"EXPLAIN QUERY PLAN {sql} AND recipe IN (12)", parameters)))
        assert "COVERING INDEX sketches_by_collection (model=? AND tenant=? AND collection=? AND id>? AND id<?)" in plan
        with file.write():
            file.execute("DROP INDEX sketches_by_collection")
    assert len(read_sketches(ledger, PERIOD, "m@1", most=100, tenant="acme", collection="odd")) == 100
