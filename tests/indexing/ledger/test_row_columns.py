"""Rows as columns and back, to the bit."""

from dataclasses import replace

import pytest

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.hit_packing import marker_of, pack_hits, unpack_hits
from indexing.ledger.ids import new_ledger_id
from indexing.ledger.records import ServedHit
from indexing.ledger.row_columns import COLUMNS, row_from, values_of
from tests.support.ledger_rows import made_hit, made_row


def test_a_row_comes_back_as_it_was() -> None:
    row = made_row(
        query={"query": "naïve \ud800 text"},
        filters={"language": ["de"]},
        principals=("group:staff",),
        rollout=4,
        unit="ab" * 16,
        warnings=("reranker: out of time",),
        shadow_of=new_ledger_id(),
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
    assert marker_of('odd "name"\0\n') in (pack_hits(hits) or b"")


@pytest.mark.parametrize("damaged", [b"", b"{}\0", b'[["a"],[0],[1],"d"]\0abc', b"\xff"])
def test_damaged_hits_are_named_as_such(damaged: bytes) -> None:
    with pytest.raises(ArtefactCorrupt, match="damaged"):
        unpack_hits(damaged)


def test_a_damaged_row_is_named_as_such() -> None:
    values = list(values_of(made_row()))
    values[0] = b"short"
    with pytest.raises(ArtefactCorrupt, match="damaged"):
        row_from(values)
