"""Files of tests that wait run among those that compute, and none of them last."""

import pytest

from tests.support.order import spread


@pytest.mark.parametrize(("waiting", "others"), [(0, 0), (0, 3), (3, 0), (1, 1), (2, 10), (15, 350), (5, 3)])
def test_all_are_there_once_and_each_kind_keeps_its_order(waiting, others):
    slow, quick = [f"slow{n}" for n in range(waiting)], [f"quick{n}" for n in range(others)]
    found = spread(slow, quick)
    assert [one for one in found if one in slow] == slow
    assert [one for one in found if one in quick] == quick
    assert len(found) == waiting + others


def test_those_that_wait_are_spread_evenly_and_begin_before_the_others_end():
    found = spread(["a", "b", "c"], list(range(100)))
    assert [found.index(one) for one in "abc"] == [0, 21, 42]
