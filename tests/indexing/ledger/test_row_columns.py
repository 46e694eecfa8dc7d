"""Rows as columns and back, to the bit."""

import json
from dataclasses import replace

import pytest

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.hit_packing import pack_hits, plain_hits, unpack_hits
from indexing.ledger.records import ServedHit
from indexing.ledger.row_columns import COLUMNS, plain_cells, row_from, values_of
from indexing.ledger.squeezing import plain, squeezed
from tests.support.ledger_rows import made_hit, made_id, made_row

FIRST = "0143186ca4670a9736d1333745f7512d00"
SECOND = {
    "hits": "210000000103a24408270944c5ea441b1ae8181a00692313031d208e051a9696a2ab140b000000003f0000003e0000803e0000803e"
    "8de5dc746b7e1c408de5dc746b7e1c40",
    "query_features": "0143f5929119dcdd4016ba8f30bc61500b00",
    "timings_ms": "0143186ca4670a9736d13337ad0500",
}
"""Cells of ``made_row()`` as files before version 3 have them."""


def test_a_row_comes_back_as_it_was() -> None:
    row = made_row(
        query={"query": "naïve \ud800 text"},
        filters={"language": ["de"]},
        principals=("group:staff",),
        rollout=4,
        unit="ab" * 16,
        warnings=("reranker: out of time",),
        shadow_of=made_id(),
        comparison={"overlap": 0.9},
        view=12,
    )
    assert row_from(values_of(row)) == row
    assert len(values_of(row)) == len(COLUMNS)


def test_a_row_of_an_assignment_alone_comes_back_as_it_was() -> None:
    row = made_row(query_hash=None, user=None, query_features={}, hits=(), timings_ms={}, is_whole=False, release="0.0")
    assert row_from(values_of(row)) == row


def test_filters_that_are_empty_and_filters_that_are_not_kept_are_told_apart() -> None:
    assert row_from(values_of(made_row(filters={}, principals=()))).filters == {}
    assert row_from(values_of(made_row(filters={}, principals=()))).principals == ()
    assert row_from(values_of(made_row())).principals is None


def test_a_caller_s_request_id_of_odd_characters_is_kept_legibly() -> None:
    assert row_from(values_of(made_row(request_id="ä\ud800"))).request_id == "ä\\ud800"


@pytest.mark.parametrize("changes", [{"user": "user-4711"}, {"query_hash": "AB" * 16}, {"release": "12"}])
def test_what_is_no_hash_and_no_release_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="of a ledger row"):
        values_of(made_row(**changes))


def test_scores_come_back_to_the_bit_and_take_half_the_bytes_where_float32_holds_them() -> None:
    exact = tuple(made_hit(f"{n}.md", n / 8, lexical=n / 4) for n in range(10))
    fine = tuple(replace(hit, score=hit.score + 1e-12) for hit in exact)
    assert unpack_hits(pack_hits(exact)) == exact
    assert unpack_hits(pack_hits(fine)) == fine
    assert len(pack_hits(fine) or b"") - len(pack_hits(exact) or b"") == 4 * 10


def test_hits_whose_legs_and_features_differ_come_back_as_they_were() -> None:
    hits = (
        ServedHit('odd "name"\0\n', 0, 1 << 40, 1e300, None, None, -3.5, {"age_days": 2.5}),
        ServedHit("", 5, 5, 0.0, 0.1, None, None),
    )
    assert unpack_hits(pack_hits(hits)) == hits
    assert unpack_hits(plain_hits(pack_hits(hits) or b"")) == hits


@pytest.mark.parametrize("damaged", [b"", b"\2\0\0\0{}", b'\x13\0\0\0[["a"],[0],[1],"d"]abc', b"\2\0\0\0\1\xff"])
def test_damaged_hits_are_named_as_such(damaged: bytes) -> None:
    with pytest.raises(ArtefactCorrupt, match="damaged"):
        unpack_hits(damaged)


def test_cells_for_parquet_are_plain_texts_and_give_the_same_row() -> None:
    row = made_row()
    cells = dict(zip(COLUMNS, plain_cells(values_of(row)), strict=True))
    assert json.loads(cells["query_features"]) == row.query_features
    assert json.loads(cells["timings_ms"]) == row.timings_ms
    assert b"a.md" in cells["hits"]
    assert row_from(tuple(cells.values())) == row
    with pytest.raises(ArtefactCorrupt, match="damaged"):
        plain_cells([b"\1damaged" if name == "timings_ms" else None for name in COLUMNS])


def test_texts_are_squeezed_and_come_back() -> None:
    text = json.dumps(made_row().query_features).encode()
    assert plain(squeezed(text)) == text
    assert len(squeezed(text)) < len(text) * 0.7
    assert squeezed(b"{}") == plain(b"{}") == b"{}"
    with pytest.raises(ValueError, match="cut off"):
        plain(squeezed(text)[:-3])


def test_what_was_squeezed_by_the_first_version_is_read_for_ever() -> None:
    assert plain(bytes.fromhex(FIRST)) == b'{"encode":2.5,"total":4.75,"language":"en"}'


def test_a_damaged_row_is_named_as_such() -> None:
    values = list(values_of(made_row()))
    values[0] = b"short"
    with pytest.raises(ArtefactCorrupt, match="damaged"):
        row_from(values)


def test_cells_of_a_file_before_the_third_version_are_read_for_ever() -> None:
    row = made_row()
    cells = dict(zip(COLUMNS, values_of(row), strict=True))
    old = cells | {name: bytes.fromhex(packed) for name, packed in SECOND.items()}
    assert row_from(tuple(old.values())) == row
    assert row_from(plain_cells(tuple(old.values()))) == row
    assert json.loads(dict(zip(COLUMNS, plain_cells(tuple(old.values())), strict=True))["timings_ms"]) == row.timings_ms


def test_timings_are_kept_to_the_microsecond() -> None:
    row = row_from(values := values_of(made_row(timings_ms={"encode": 1.23456, "total": 2.0004999})))
    assert row.timings_ms == {"encode": 1.235, "total": 2.0}
    assert dict(zip(COLUMNS, values, strict=True))["total_ms"] == 2.0
