from types import SimpleNamespace

import pytest

from app.live.room import Room


def holder(passages):
    return SimpleNamespace(passages=passages, size_bytes=100 * passages)


def room(*passages):
    return Room(100, 10_000.0, {number: holder(count) for number, count in enumerate(passages, 1)})


@pytest.mark.parametrize(("more", "fits"), [(100, True), (101, False)])
def test_one_recipe_alone_may_hold_all(more, fits):
    assert room(0).fits(1, holder(0), more, 0) is fits


@pytest.mark.parametrize(("recipe", "more", "fits"), [(1, 60, True), (1, 61, False), (2, 20, True), (2, 21, False)])
def test_the_first_may_hold_what_the_others_leave_and_each_other_an_equal_part(recipe, more, fits):
    assert room(10, 30).fits(recipe, holder((10, 30)[recipe - 1]), more, 0) is fits


def test_bytes_count_as_passages_do():
    assert room(0).fits(1, holder(0), 1, 10_000)
    assert not room(0).fits(1, holder(0), 1, 10_001)


def test_what_takes_the_place_of_a_recipes_holder_is_not_counted_beside_it():
    assert room(90).fits(1, holder(0), 100, 0)


def test_a_share_is_of_all_bounds():
    assert room(10, 10).fits(1, holder(10), 30, 0, share=0.5)
    assert not room(10, 10).fits(1, holder(10), 31, 0, share=0.5)
