"""Sketches keep distances and no words, are found by what they are of, and go with their rows."""

from datetime import timedelta

import numpy as np
import pytest

from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.day_sources import Period
from indexing.ledger.erasure import OfDocuments, OfTenant, OfUser, erase_rows
from indexing.ledger.hashes import USER, keyed_hash
from indexing.ledger.query_sketches import COMPONENTS, read_sketches, sketch_of, unpacked
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, SECRET, made_row

DAY = timedelta(days=1)


def unit_vectors(count, dimension=384, seed=1):
    drawn = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_distances_survive_the_projection_and_another_secret_or_model_gives_another_one():
    vectors = unit_vectors(60)
    vectors[1::2] = vectors[::2] + 0.3 * vectors[1::2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sketches = unpacked([sketch_of(SECRET, "m@1", one).packed for one in vectors])
    assert sketches.shape == (60, COMPONENTS)
    near = np.linalg.norm(sketches[::2] - sketches[1::2], axis=1)
    far = np.linalg.norm(sketches[:-2:2] - sketches[2::2], axis=1)
    assert near.max() < far.min()
    assert np.mean(far / np.linalg.norm(vectors[:-2:2] - vectors[2::2], axis=1)) == pytest.approx(1.0, abs=0.1)
    same = sketch_of(SECRET, "m@1", vectors[0])
    assert same == sketch_of(SECRET, "m@1", vectors[0])
    assert len(same.packed) == COMPONENTS
    assert same.packed != sketch_of(b"another secret", "m@1", vectors[0]).packed
    assert same.packed != sketch_of(SECRET, "m@2", vectors[0]).packed


@pytest.fixture(params=["open", "compacted"])
def ledger(tmp_path, request):
    ledger = LedgerStore(tmp_path / "ledger", busy_timeout_seconds=0.5)
    vectors = unit_vectors(8)
    rows = [
        made_row(
            number,
            NOON + timedelta(seconds=number),
            tenant=("acme", "zeta")[number % 2],
            release=f"{1 + number // 4}.1",
            user=keyed_hash(SECRET, USER, f"user-{number}".encode()),
            sketch=sketch_of(SECRET, "m@1", vectors[number]) if number < 6 else None,
        )
        for number in range(8)
    ]
    ledger.append(rows)
    ledger.append(rows)  # a batch that is written again
    if request.param == "compacted":
        pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")
        for one in sealed_days(ledger, NOON + DAY):
            compact(ledger, one)
    yield ledger
    ledger.close()


def numbers(ledger, period=Period(), model="m@1", **of):  # noqa: B008 # a period is a frozen record
    packed = [sketch_of(SECRET, "m@1", one).packed for one in unit_vectors(8)]
    return [packed.index(one) for _, one in read_sketches(ledger, period, model, **of)]


def test_sketches_are_read_by_period_model_tenant_collection_and_recipe(ledger):
    assert numbers(ledger) == [0, 1, 2, 3, 4, 5]
    assert numbers(ledger, Period(NOON + timedelta(seconds=2), NOON + timedelta(seconds=4))) == [2, 3]
    assert numbers(ledger, tenant="acme") == [0, 2, 4]
    assert numbers(ledger, recipes=[2]) == [4, 5]
    assert numbers(ledger, collection="other") == []
    assert numbers(ledger, model="m@2") == []


def test_an_erasure_of_a_tenant_or_a_user_takes_their_sketches_and_no_byte_of_them_stays(ledger):
    packed = [sketch_of(SECRET, "m@1", one).packed for one in unit_vectors(8)]
    erase_rows(ledger, OfDocuments("acme", "default", None))
    assert numbers(ledger) == [0, 1, 2, 3, 4, 5]  # they are of what was asked
    erase_rows(ledger, OfUser("zeta", keyed_hash(SECRET, USER, b"user-3")))
    assert numbers(ledger) == [0, 1, 2, 4, 5]
    erase_rows(ledger, OfTenant("acme"))
    assert numbers(ledger) == [1, 5]
    held = b"".join(path.read_bytes() for path in ledger.folder.iterdir())
    assert [one in held for one in packed[:6]] == [False, True, False, False, False, True]
