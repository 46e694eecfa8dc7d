"""Named values as bytes and back."""

import json

import pytest

from indexing.ledger.named_values import is_packed, pack_milliseconds, pack_values, unpack_values
from indexing.ledger.squeezing import plain

FEATURES = {"characters": 26.0, "language": "en", "terms": 6.0, "new": 0.5}
FIRST_FEATURES, FIRST_TIMINGS = (
    "024808004b8e4f00036e65771a000600000000000000e03f02656e",
    "024902000201c40900008e120000",
)


@pytest.mark.parametrize(
    "values",
    [
        FEATURES,
        {"characters": 65_535.0, "top_score": 1 / 3, "terms": 0.0},
        {"characters": 65_536.0, "terms": 2.0},
        {"terms": 2.5, "words": 1.0},
        {"terms": -1.0},
        {"words": float("inf")},
        {"top_score": 1 / 3, "term_share": float("inf"), "leg_overlap": -0.0},
        {"language": "en", "script": "", "kind": "naïve \ud800"},
        {"a name that no list has": 1.5, "": 2.5, "word": "w" * 255},
        {str(number): float(number) for number in range(255)},
    ],
)
def test_numbers_and_words_come_back_in_their_order(values):
    packed = pack_values(values)
    assert is_packed(packed)
    assert list(unpack_values(packed).items()) == list(values.items())


@pytest.mark.parametrize(
    "values",
    [
        {"characters": 26},
        {"is_cut": True},
        {"language": "w" * 256},
        {"n" * 256: 1.0},
        {str(number): float(number) for number in range(256)},
    ],
)
def test_what_has_no_place_in_the_bytes_is_kept_as_json(values):
    packed = pack_values(values)
    assert not is_packed(packed)
    assert json.loads(plain(packed)) == values


def test_milliseconds_are_kept_to_the_microsecond_and_take_four_bytes():
    timings = {"encode": 2.5004, "dense": 0.0, "total": 4_294_967.2949}
    packed = pack_milliseconds(timings)
    assert unpack_values(packed) == {"encode": 2.5, "dense": 0.0, "total": 4_294_967.295}
    assert len(packed) == 4 + len(timings) * (1 + 4)


@pytest.mark.parametrize("odd", [-0.5, 5e6, float("inf"), "word"])
def test_milliseconds_beyond_an_hour_and_none_at_all_are_kept_as_they_are(odd):
    assert unpack_values(pack_milliseconds({"total": odd})) == {"total": odd}


def test_no_values_are_no_cell():
    assert pack_values({}) is None
    assert pack_milliseconds({}) is None


def test_what_the_first_version_wrote_is_read_for_ever():
    assert unpack_values(bytes.fromhex(FIRST_FEATURES)) == FEATURES
    assert unpack_values(bytes.fromhex(FIRST_TIMINGS)) == {"encode": 2.5, "total": 4.75}


def test_names_keep_the_byte_that_stands_for_them():
    known = "total encode dense lexical fuse filter hydrate rerank context http characters words turns language terms"
    known += " unknown_share leg_overlap top_score term_share context_tokens context_left_out context_cut pool prompt"
    known += " live_share"
    written = bytes.fromhex("024819000102030405060708090a4b4c4d0e4f10111213545556171819") + 18 * bytes(8) + 7 * bytes(2)
    assert unpack_values(written) == dict.fromkeys(known.split(), 0.0)
    assert pack_values(dict.fromkeys(known.split(), 0.0)) == written


@pytest.mark.parametrize("packed", [pack_values(FEATURES), pack_milliseconds({"encode": 2.5, "total": 4.75})])
def test_bytes_that_are_cut_off_or_too_many_are_refused(packed):
    for end in range(1, len(packed)):
        with pytest.raises(ValueError, match="named values"):
            unpack_values(packed[:end])
    with pytest.raises(ValueError, match="left over"):
        unpack_values(packed + b"\0")
    for damaged in (packed[:1] + b"f" + packed[2:], packed[:4] + b"\x3f" + packed[5:]):
        with pytest.raises(ValueError, match="damaged"):
            unpack_values(damaged)


def test_a_count_takes_two_bytes_and_another_number_eight():
    counted, other = {"characters": 26.0, "terms": 6.0}, {"characters": 26.5, "terms": 6.0}
    assert len(pack_values(counted)) == 4 + 2 * (1 + 2)
    assert len(pack_values(other)) == 4 + 2 * (1 + 8)
