"""Hits by column are the same hits."""

import pytest

from indexing.ledger.hit_columns import HitColumns
from indexing.ledger.hit_packing import pack_hits, unpack_hits
from indexing.ledger.records import ServedHit

HITS = (
    ServedHit("a", 0, 10, 0.75, 0.5, 2.0, -1.5, {"age_days": 2.0}),
    ServedHit("b", 5, 7, 0.1, None, 0.0, None),
    ServedHit("c", 1, 2, 0.0, 0.25, None, 1e300),
)
PLAIN = (ServedHit("a", 0, 10, 0.75, 0.5, 2.0, None), ServedHit("b", 0, 10, 0.5, 0.25, 0.0, None))


@pytest.mark.parametrize("hits", [HITS, PLAIN, HITS[:1], ()])
def test_hits_by_column_read_and_pack_as_the_hits_they_are_made_of(hits):
    columns = HitColumns.of(hits)
    assert tuple(columns) == hits
    assert len(columns) == len(hits)
    assert [columns[place] for place in range(-len(hits), len(hits))] == [*hits, *hits]
    assert columns[:2] == list(hits[:2])
    assert HitColumns.of(columns) is columns
    assert pack_hits(columns) == pack_hits(hits)
    assert unpack_hits(pack_hits(columns)) == hits
    with pytest.raises(IndexError):
        columns[len(hits)]
