"""Hits as bytes: of every form that a file may have, exact to the bit, and no larger than they need to be."""

from dataclasses import replace
from uuid import UUID

import pytest

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.hit_packing import pack_hits, plain_hits, unpack_hits
from indexing.ledger.records import ServedHit
from tests.support.ledger_rows import made_hit

TWO = (made_hit(), made_hit("b.md", 0.125))
ODD = (
    ServedHit('odd "name"\0\n', 0, 1 << 40, 1e300, None, None, -3.5, {"age_days": 2.5}),
    ServedHit("", 5, 5, 0.0, 0.1, None, None),
)
JSON_HEADED = {
    "210000000103a24408270944c5ea441b1ae8181a00692313031d208e051a9696a2ab140b000000003f0000003e0000803e0000803e"
    "8de5dc746b7e1c408de5dc746b7e1c40": TWO,
    "4c0000000103a2fc94148518a5bcc4dcd418a5985203208801b95f295627da40c714481a1a585a9a1a1a9a19999b9b9be918c4021d90a2"
    "9ba6a4135dad04f46f7c4a6225d09f467aa6b53ad5b5b1b1009c7500883ce4377e0000000000000000000000000000f87f9a9999999999"
    "b93f000060c00000c07f": ODD,
}
"""Hits as the second version of the file had them."""
BINARY = (
    "08000080020000005800612e6d64622e6d640004040a0af0f00000003f0000003e0000803e0000803e8de5dc746b7e1c408de5dc746b7e1c40"
)


def ten(*names):
    return tuple(made_hit(name, 0.5, start=n, end=n + 200) for n, name in enumerate(names))


PATHS = ten(*(f"articles/{n:06d}.md" for n in range(10)))
UUIDS = ten(*(str(UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128))) for n in range(1, 11)))


@pytest.mark.parametrize(
    "hits",
    [
        TWO,
        ODD,
        PATHS,
        UUIDS,
        ten("same", "same", "same"),
        ten("a", "ab", "abc", ""),
        ten("naïve \ud800", "naïve 語"),
        ten("\1 begins as squeezed texts do"),
        ten("x" * 300, "x" * 300 + "y"),
        ten(*(f"{n}" for n in range(300))),
        (made_hit(start=0, end=0), made_hit(start=1 << 16, end=1 << 33)),
        (made_hit(start=(1 << 64) - 2, end=(1 << 64) - 1),),
        (made_hit(dense=None, lexical=None), made_hit(rerank=1e-300, dense=0.1)),
        tuple(replace(hit, features={"age_days": 1.5}) for hit in UUIDS),
    ],
)
def test_hits_come_back_to_the_bit_also_from_a_file_that_is_compressed_as_a_whole(hits):
    packed = pack_hits(hits)
    assert unpack_hits(packed) == hits
    assert unpack_hits(plain_hits(packed)) == hits
    assert plain_hits(plain_hits(packed)) == plain_hits(packed)


def test_what_ids_begin_with_is_kept_once_and_long_ids_are_squeezed():
    assert len(pack_hits(PATHS)) < sum(len(hit.document_id) for hit in PATHS) + len(pack_hits(ten(*"0123456789"))) - 100
    assert len(pack_hits(UUIDS)) < len(plain_hits(pack_hits(UUIDS))) - 100
    assert UUIDS[3].document_id.encode() in plain_hits(pack_hits(UUIDS))


def test_a_hit_that_is_no_piece_of_a_text_is_refused():
    for start, end in ((-1, 5), (5, 4)):
        with pytest.raises(InvalidInput, match="expected 0 <= start <= end"):
            pack_hits((made_hit(start=start, end=end),))


@pytest.mark.parametrize("packed", JSON_HEADED)
def test_hits_of_a_file_of_the_second_version_are_read_for_ever(packed):
    assert unpack_hits(bytes.fromhex(packed)) == JSON_HEADED[packed]
    assert unpack_hits(plain_hits(bytes.fromhex(packed))) == JSON_HEADED[packed]


def test_hits_of_a_file_of_the_third_version_are_read_for_ever():
    assert unpack_hits(bytes.fromhex(BINARY)) == TWO


@pytest.mark.parametrize("hits", [TWO, ODD, UUIDS])
def test_hits_that_are_cut_off_or_too_many_are_named_as_damaged(hits):
    packed = pack_hits(hits)
    for damaged in (packed[:2], packed[:-1], packed[:12], packed + b"\0", packed[:5] + b"\x77" + packed[6:]):
        with pytest.raises(ArtefactCorrupt, match="damaged"):
            unpack_hits(damaged)
