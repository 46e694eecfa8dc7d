"""Query ids tell their tenant, and nothing else."""

import threading
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ledger.query_ids import QUERY_ID_CHARACTERS, LedgerIds, QueryIds
from indexing.errors import InvalidInput
from indexing.ledger.ids import made_id, milliseconds_of
from tests.support.ledger_rows import made_id

IDS = QueryIds(b"s" * 32)
AT_NS = 1_700_000_000_123_456_789


@given(tenant=st.text(max_size=20))
def test_a_query_id_gives_its_tenant_the_id_back(tenant):
    made = made_id()
    text = IDS.text(tenant, made)
    assert len(text) == QUERY_ID_CHARACTERS
    assert IDS.read(tenant, text) == made


@given(text=st.text(max_size=40) | st.text("ABCabc-_0189", min_size=32, max_size=32))
def test_a_query_id_that_was_made_up_is_refused(text):
    with pytest.raises(InvalidInput, match="not one of this tenant"):
        IDS.read("a", text)


def test_another_tenants_and_another_homes_query_ids_are_refused():
    text = IDS.text("a", made_id())
    for ids, tenant in ((IDS, "b"), (IDS, ""), (QueryIds(b"t" * 32), "a")):
        with pytest.raises(InvalidInput):
            ids.read(tenant, text)


def test_no_letter_of_a_query_id_can_be_changed():
    text = IDS.text("a", made_id())
    for place in range(len(text)):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(InvalidInput):
            IDS.read("a", text[:place] + other + text[place + 1 :])


def test_ids_increase_also_while_the_clock_stands_still_or_goes_back():
    moments = iter([AT_NS, AT_NS, AT_NS, AT_NS - 10**9, AT_NS + 10**7])
    ids = LedgerIds(lambda: next(moments))
    made = [ids.new() for _ in range(5)]
    assert all(before < after for before, after in pairwise(made))
    assert {one.version for one in made} == {7}
    assert [milliseconds_of(one) - AT_NS // 10**6 for one in made] == [0, 0, 0, 0, 10]


def test_ids_say_the_moment_to_the_millisecond():
    one = LedgerIds(lambda: AT_NS).new()
    assert milliseconds_of(one) == 1_700_000_000_123
    assert one.variant == UUID(int=one.int).variant == "specified in RFC 4122"


def test_threads_never_make_one_id_twice():
    ids, made = LedgerIds(lambda: AT_NS), []
    threads = [threading.Thread(target=lambda: made.extend([ids.new() for _ in range(500)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.int >> 64 for one in made}) == 2000
