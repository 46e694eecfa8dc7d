"""Files of tests that wait run among those that compute, and none of them last."""

from types import SimpleNamespace

import pytest

from tests.support.order import order, spread


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


def test_files_keep_their_order_but_for_those_of_no_folder_which_come_first():
    files = ["tests/app/test_a.py", "tests/eval/jobs/test_b.py", "tests/test_c.py", "tests/system/test_d.py"]
    items = [SimpleNamespace(nodeid=f"{file}::test_{n}[a/b]") for file in files for n in range(2)]
    order(items)
    found = [item.nodeid.partition("::")[0] for item in items]
    assert found == [file for place in (3, 2, 0, 1) for file in [files[place]] * 2]
