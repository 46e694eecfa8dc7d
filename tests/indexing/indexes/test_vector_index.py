"""Exact search gives what numpy gives; lists give nearly that, say how nearly, and never fewer than asked for."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from indexing.errors import ArtefactCorrupt, BuildFailed
from indexing.indexes import ivf_index
from indexing.indexes.exact_index import ExactIndex, inner_products, map_index, write_exact
from indexing.indexes.ivf_index import IvfIndex, IvfInfo, sample_queries, write_ivf_lists
from indexing.indexes.sq8_index import Sq8Index, write_sq8_codes
from indexing.records import Vectors

DIMENSION = 16


def clustered(rows: int, *, seed: int = 7, dimension: int = DIMENSION) -> Vectors:
    """Vectors of unit norm around some centres, as texts about some subjects give them."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(max(rows // 40, 2), dimension))
    vectors = centres[chance.integers(0, len(centres), rows)] + 0.5 * chance.normal(size=(rows, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def scattered(rows: int, dimension: int) -> Vectors:
    """Vectors without any structure, of which no list can say where the near ones are."""
    vectors = np.random.default_rng(3).normal(size=(rows, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def written(folder: Path, vectors: Vectors, *, min_recall: float = 0.9) -> tuple[ExactIndex, IvfIndex, IvfInfo]:
    write_exact(folder / "vectors", vectors)
    info = write_ivf_lists(folder / "lists", vectors, min_recall=min_recall)
    exact = ExactIndex(folder / "vectors")
    return exact, IvfIndex(folder / "lists", exact, probes=info.probes), info


def test_exact_search_gives_what_numpy_gives_in_the_range_asked_for(tmp_path: Path) -> None:
    vectors = clustered(500)
    write_exact(tmp_path / "vectors", vectors)
    rows, scores = ExactIndex(tmp_path / "vectors").search(vectors[7], 12, 100, 300)
    expected = vectors[100:300] @ vectors[7]
    assert rows.tolist() == (100 + np.argsort(-expected)[:12]).tolist()
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][:12], rtol=1e-5)


def test_the_vectors_of_an_index_outlive_it_and_cannot_be_written(tmp_path: Path) -> None:
    write_exact(tmp_path / "vectors", clustered(300))
    vectors = ExactIndex(tmp_path / "vectors").vectors
    np.testing.assert_array_equal(vectors, clustered(300))
    with pytest.raises(ValueError, match="read-only"):
        vectors[0] = 0.0


def test_the_recall_in_the_manifest_is_what_a_search_gives(tmp_path: Path) -> None:
    vectors = clustered(4000)
    exact, approximate, info = written(tmp_path, vectors)
    given = 0
    for query in sample_queries(vectors, info.queries):
        tenth = exact.search(query, 10, 0, 4000)[1][-1]
        given += int((approximate.search(query, 10)[1] >= tenth - 1e-3).sum())
    assert info.recall_at_10 == pytest.approx(given / 10 / info.queries, abs=1e-4)
    assert 0.9 <= info.recall_at_10 <= 1.0
    assert 8 <= info.probes <= info.lists


def test_a_crowd_of_nearly_equal_pages_is_no_failure(tmp_path: Path) -> None:
    vectors = np.repeat(clustered(10, seed=1), 300, axis=0)
    vectors = vectors + np.float32(1e-4) * scattered(len(vectors), DIMENSION)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    assert write_ivf_lists(tmp_path / "lists", vectors, min_recall=0.95).recall_at_10 >= 0.95


def test_lists_that_miss_the_target_but_not_the_least_recall_are_good_enough(tmp_path: Path) -> None:
    vectors = scattered(3000, 64)  # of no shape: half a byte for two components says little
    info = write_ivf_lists(tmp_path / "lists", vectors, min_recall=0.5)
    assert info.probes == info.lists
    assert 0.5 <= info.recall_at_10 < 0.995


def test_a_crowd_of_similar_pages_is_found_as_well_as_the_rest(tmp_path: Path) -> None:
    """Pages from one template: the codes cannot tell them apart, so many more of them are scored exactly."""
    chance = np.random.default_rng(5)
    rest, centre = clustered(6000, dimension=64), scattered(1, 64)
    crowd = centre + 0.15 * scattered(1500, 64)
    vectors = np.concatenate([rest, crowd / np.linalg.norm(crowd, axis=1, keepdims=True)]).astype(np.float32)
    exact, approximate, _ = written(tmp_path, vectors, min_recall=0.9)
    assert float(np.mean(vectors[6000:6050] @ vectors[6050])) > 0.95
    found = 0
    for row in chance.integers(6000, 7500, 50):
        query = vectors[row]
        rows, scores = approximate.search(query, 10)
        assert scores[0] > 0.95
        found += len(set(rows) & set(exact.search(query, 10, 0, len(vectors))[0]))
    assert found / 500 >= 0.6  # with a fixed depth it was below 0.1


@pytest.fixture(scope="module")
def lists_of_2000(tmp_path_factory: pytest.TempPathFactory) -> IvfIndex:
    """Lists of ``clustered(2000)``, which tests only search."""
    return written(tmp_path_factory.mktemp("lists"), clustered(2000))[1]


def test_scores_of_approximate_hits_are_exact_and_in_order(lists_of_2000: IvfIndex) -> None:
    vectors = clustered(2000)
    rows, scores = lists_of_2000.search(vectors[11], 20)
    assert rows[0] == 11
    np.testing.assert_allclose(scores, vectors[rows] @ vectors[11], rtol=1e-6)
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("k", [1, 10, 300, 1999, 2000, 5000])
def test_never_fewer_hits_than_asked_for_or_there(lists_of_2000: IvfIndex, k: int) -> None:
    rows, _ = lists_of_2000.search(clustered(2000)[0], k)
    assert len(rows) == len(set(rows.tolist())) == min(k, 2000)


def test_the_same_vectors_give_the_same_bytes(tmp_path: Path) -> None:
    vectors = clustered(1000)
    first, second = tmp_path / "first", tmp_path / "second"
    assert write_ivf_lists(first, vectors, min_recall=0.9) == write_ivf_lists(second, vectors.copy(), min_recall=0.9)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("dimension", [1, 2, 3, 7, 16, 384])
def test_every_dimension_can_be_quantised(tmp_path: Path, dimension: int) -> None:
    vectors = clustered(400, dimension=dimension)
    _, approximate, _ = written(tmp_path, vectors, min_recall=0.0)
    assert len(approximate.search(vectors[5], 10)[0]) == 10


def test_equal_vectors_are_no_obstacle(tmp_path: Path) -> None:
    vectors = np.repeat(clustered(4), 100, axis=0)
    _, approximate, _ = written(tmp_path, vectors, min_recall=0.0)
    rows, scores = approximate.search(vectors[0], 10)
    assert len(rows) == 10
    np.testing.assert_allclose(scores, 1.0, rtol=1e-5)


def test_an_index_that_finds_too_little_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ivf_index, "MOST_DEPTH", 64)
    with pytest.raises(BuildFailed, match=r"finds 0\.\d+ of the ten nearest passages, expected at least 0.999"):
        write_ivf_lists(tmp_path / "lists", scattered(2_000, 64), min_recall=0.999)


def test_more_probes_are_taken_where_the_least_recall_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = scattered(3000, 24)
    monkeypatch.setattr(ivf_index, "SCANNED_ROWS", 1)
    frugal = write_ivf_lists(tmp_path / "frugal", vectors, min_recall=0.1)
    careful = write_ivf_lists(tmp_path / "careful", vectors, min_recall=frugal.recall_at_10 + 0.01)
    assert frugal.probes < careful.probes < careful.lists
    assert frugal.recall_at_10 < careful.recall_at_10


def test_sampled_queries_are_always_the_same_and_of_unit_norm() -> None:
    vectors = clustered(1000)
    queries = sample_queries(vectors, 50)
    np.testing.assert_array_equal(queries, sample_queries(vectors, 50))
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0, rtol=1e-5)


def test_lists_of_other_vectors_are_refused(tmp_path: Path) -> None:
    write_exact(tmp_path / "vectors", clustered(300))
    write_ivf_lists(tmp_path / "lists", clustered(400), min_recall=0.0)
    with pytest.raises(ArtefactCorrupt, match="holds 400 passages instead of 300"):
        IvfIndex(tmp_path / "lists", ExactIndex(tmp_path / "vectors"), probes=8)


def test_a_file_that_is_no_index_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "vectors").write_bytes(b"no index at all")
    with pytest.raises(ArtefactCorrupt, match="vectors is not a readable faiss index"):
        ExactIndex(tmp_path / "vectors")


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5, 15, 16, 17, 31, 1000, 1003])
def test_an_inner_product_is_the_same_to_the_bit_wherever_its_vector_stands(rows: int) -> None:
    chance = np.random.default_rng(rows)
    vectors = chance.standard_normal((rows, 384)).astype(np.float32)
    query, one = chance.standard_normal((2, 384)).astype(np.float32)
    vectors[::3] = one
    (expected,) = inner_products(one[None, :], query).tolist()
    found = inner_products(vectors, query)
    assert set(found[::3].tolist()) <= {expected}
    assert np.allclose(found, vectors.astype(np.float64) @ query, atol=1e-4)


def sq8(folder: Path, vectors: Vectors) -> tuple[ExactIndex, Sq8Index]:
    write_exact(folder / "vectors", vectors)
    exact = ExactIndex(folder / "vectors")
    return exact, Sq8Index(folder / "codes", exact, write_sq8_codes(folder / "codes", vectors))


def crowd(rows: int) -> Vectors:
    """Nearly equal vectors, which codes cannot tell apart, among others."""
    vectors = clustered(rows, seed=2)
    vectors[::2] = vectors[0] + np.float32(1e-4) * scattered(len(vectors[::2]), DIMENSION)
    return vectors


def lopsided(rows: int) -> Vectors:
    """Vectors of which one component outweighs all others, as some models give them: coarse codes for the rest."""
    vectors = scattered(rows, DIMENSION)
    vectors[:, 3] += 5.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


SETS = {
    "clustered": clustered(6000),
    "scattered": scattered(6000, DIMENSION),
    "crowd": crowd(6000),
    "lopsided": lopsided(6000),
    "equal": np.tile(clustered(2), (3000, 1)),
    "nothing": np.zeros((6000, DIMENSION), np.float32),
    "large": np.float32(1e6) * scattered(6000, DIMENSION),
    "tiny": np.float32(1e-44) * np.ones((6000, DIMENSION), np.float32),
}


@pytest.fixture(scope="module")
def codes_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sq8Index]:
    """The codes of one of ``SETS``, which tests only search; those of each are written once."""
    return cache(lambda name: sq8(tmp_path_factory.mktemp(name), SETS[name])[1])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("k", [1, 10, 100, 3000])
@pytest.mark.parametrize(
    ("start", "stop", "share"), [(0, 6000, 1.0), (700, 5100, 1.0), (0, 6000, 0.8), (900, 5900, 0.9)]
)
def test_codes_find_what_exact_search_finds(
    codes_of: Callable[[str], Sq8Index], name: str, k: int, start: int, stop: int, share: float
) -> None:
    vectors, codes = SETS[name], codes_of(name)
    chance = np.random.default_rng(k + start)
    allowed = None if share == 1.0 else chance.random(stop - start) < share
    for query in [vectors[start + 5], *sample_queries(vectors, 6), np.zeros(DIMENSION, np.float32)]:
        expected = np.sort(vectors[start:stop][slice(None) if allowed is None else allowed].astype(np.float64) @ query)
        rows, scores = codes.search(query, k, start, stop, allowed=allowed)
        size = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(scores / size, expected[::-1][:k] / size, atol=2e-6)
        np.testing.assert_allclose(vectors[rows] @ query / size, scores / size, atol=2e-6)
        assert len(set(rows.tolist())) == min(k, len(expected))
        assert start <= rows.min()
        assert rows.max() < stop
        assert allowed is None or allowed[rows - start].all()


@pytest.mark.parametrize("vectors", SETS.values(), ids=SETS)
def test_no_inner_product_by_codes_is_off_by_more_than_said(tmp_path: Path, vectors: Vectors) -> None:
    _, codes = sq8(tmp_path, vectors)
    info, index = write_sq8_codes(tmp_path / "again", vectors), map_index(tmp_path / "codes")
    rests = vectors - np.rint(vectors / np.float32(info.step)) * np.float32(info.step)
    worst = rests[np.argsort(-np.linalg.norm(rests, axis=1))[:20]]  # queries along what the codes left out
    coarse = np.full(DIMENSION, 0.4999 / 127, np.float32)  # of which rounding leaves one component
    coarse[0] = 1.0
    for query in [*worst, *sample_queries(vectors, 20), vectors[0], coarse, -coarse]:
        if not np.abs(query).max() > 1e-30:  # exact search takes these
            continue
        by_codes, scale, off = codes.quantised(query)
        rough, rows = index.search(by_codes[None, :], len(vectors))
        exact = vectors[rows[0]].astype(np.float64) @ query.astype(np.float64)
        assert np.abs(exact - rough[0].astype(np.float64) * scale).max() <= off


@pytest.mark.parametrize("kind", ["vector", "query"])
def test_a_bound_is_needed_for_what_the_codes_leave_out_of_either(tmp_path: Path, kind: str) -> None:
    """Half a step in every other component, all in one direction: each term of the bound is nearly reached."""
    least = np.full(384, 0.499 / 127, np.float32)
    least[0] = 1.0
    even = np.zeros(384, np.float32)
    even[:] = 1.0
    vectors, query = (np.tile(least, (300, 1)), even) if kind == "vector" else (np.tile(even, (300, 1)), least)
    _, codes = sq8(tmp_path, vectors)
    by_codes, scale, off = codes.quantised(query)
    rough = float(map_index(tmp_path / "codes").search(by_codes[None, :], 1)[0][0, 0]) * scale
    assert off / 2 < abs(float(vectors[0].astype(np.float64) @ query) - rough) <= off


def test_where_codes_can_tell_vectors_apart_not_all_vectors_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, codes = sq8(tmp_path, clustered(6000))
    expected = [exact.search(query, 10, 0, 6000)[0].tolist() for query in sample_queries(clustered(6000), 20)]
    monkeypatch.setattr(exact, "search", None)
    found = [codes.search(query, 10, 0, 6000)[0].tolist() for query in sample_queries(clustered(6000), 20)]
    assert found == expected


def test_the_same_vectors_give_the_same_codes_and_no_rest_is_longer_than_said(tmp_path: Path) -> None:
    vectors = lopsided(700)
    first, second = (write_sq8_codes(tmp_path / name, vectors) for name in ("first", "second"))
    assert first == second
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    made = np.rint(vectors / np.float32(first.step)) * first.step
    assert np.linalg.norm(vectors - made, axis=1).max() <= first.error * (1 + 1e-9)
    assert np.linalg.norm(made, axis=1).max() <= first.length * (1 + 1e-9)


@pytest.mark.parametrize(
    ("others", "said"),
    [(clustered(200), "200 passages instead of 300"), (scattered(300, 8), "8 dimensions instead of 16")],
)
def test_codes_of_other_vectors_are_refused(tmp_path: Path, others: Vectors, said: str) -> None:
    exact, _ = sq8(tmp_path, clustered(300))
    info = write_sq8_codes(tmp_path / "others", others)
    with pytest.raises(ArtefactCorrupt, match=said):
        Sq8Index(tmp_path / "others", exact, info)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_gets_no_codes(tmp_path: Path, number: float) -> None:
    vectors = clustered(3000)
    vectors[1500, 3] = number
    with pytest.raises(ValueError, match="not finite"):
        write_sq8_codes(tmp_path / "codes", vectors)
