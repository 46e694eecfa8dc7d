"""Releases are numbered recipe.build; one recipe is stable at a time, and its newest build serves."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.catalogue.database import Database
from indexing.catalogue.releases import stable_recipe
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.home import Home
from indexing.releases.deployments import deploy, stable_release
from indexing.releases.release import Release, find_release, list_releases, record_release


@pytest.fixture
def catalogue(home: Home) -> Database:
    """A catalogue with recipes 1 to 12."""
    add_recipes(home.catalogue)
    return home.catalogue


def add_recipes(catalogue: Database) -> None:
    with catalogue.write() as db:
        for number in range(1, 13):
            db.execute("INSERT INTO recipes VALUES (?, ?, '{}', '')", (number, str(number)))


def record(catalogue: Database, recipe: int, snapshot: str, seq: int = 0) -> str:
    return record_release(catalogue, recipe, snapshot, seq=seq, actor="tester")[0].number


def test_builds_are_numbered_inside_their_recipe(catalogue: Database) -> None:
    assert [record(catalogue, recipe, f"snap-{i}") for i, recipe in enumerate([12, 12, 3, 12])] == [
        "12.1",
        "12.2",
        "3.1",
        "12.3",
    ]


def test_a_release_keeps_what_it_was_made_of(catalogue: Database) -> None:
    release, is_new = record_release(catalogue, 2, "snap", seq=41, actor="tester")
    assert is_new
    assert (release.recipe, release.build, release.snapshot, release.seq, release.created_by) == (
        2, 1, "snap", 41, "tester",
    )  # fmt: skip
    assert list_releases(catalogue) == [release]
    assert find_release(catalogue, "2.1") == release


def test_the_same_snapshot_again_is_the_same_release_and_its_sequence_only_grows(catalogue: Database) -> None:
    record(catalogue, 1, "snap", seq=5)
    for seq, stored in ((9, 9), (7, 9)):
        release, is_new = record_release(catalogue, 1, "snap", seq=seq, actor="other")
        assert (release.number, is_new, release.created_by) == ("1.1", False, "tester")
        assert find_release(catalogue, "1.1").seq == stored


def test_the_release_that_is_returned_carries_the_raised_sequence(catalogue: Database) -> None:
    record(catalogue, 1, "snap", seq=5)
    assert record_release(catalogue, 1, "snap", seq=9, actor="tester")[0].seq == 9


def test_a_snapshot_that_comes_back_after_another_is_a_new_release(catalogue: Database) -> None:
    assert [record(catalogue, 1, snapshot) for snapshot in ("a", "b", "a")] == ["1.1", "1.2", "1.3"]


def test_two_recipes_may_share_a_snapshot(catalogue: Database) -> None:
    assert [record(catalogue, recipe, "same") for recipe in (1, 2)] == ["1.1", "2.1"]


def test_releases_are_listed_oldest_first(catalogue: Database) -> None:
    for recipe, snapshot in ((3, "a"), (1, "b"), (3, "c")):
        record(catalogue, recipe, snapshot)
    moments = [release.created_at for release in list_releases(catalogue)]
    assert moments == sorted(moments)
    assert sorted(release.number for release in list_releases(catalogue)) == ["1.1", "3.1", "3.2"]


def test_a_release_is_found_by_its_number_and_the_newest_by_its_recipe(catalogue: Database) -> None:
    for i in range(11):
        record(catalogue, 12, f"snap-{i}")
    record(catalogue, 1, "other")
    assert find_release(catalogue, "12.3").snapshot == "snap-2"
    assert find_release(catalogue, "12").number == "12.11"
    assert find_release(catalogue, "1").number == "1.1"


@pytest.mark.parametrize("number", ["", ".", ".3", "a", "12.x", "12.3.4", "-1", "1.-2", " 1", "1e3", "²", "latest"])
def test_another_form_is_no_release_number(catalogue: Database, number: str) -> None:
    record(catalogue, 1, "snap")
    with pytest.raises(InvalidInput, match="expected RECIPE.BUILD such as 12.3"):
        find_release(catalogue, number)


@pytest.mark.parametrize("number", ["2", "1.2", "1.0", "0", "99.1"])
def test_a_release_that_does_not_exist_is_named(catalogue: Database, number: str) -> None:
    record(catalogue, 1, "snap")
    with pytest.raises(NotFound, match=f"No release {number}"):
        find_release(catalogue, number)


def test_a_number_of_five_thousand_digits_is_no_release(catalogue: Database) -> None:
    record(catalogue, 1, "snap")
    with pytest.raises(InvalidInput, match="^'9{40}' is not a release number"):
        find_release(catalogue, "9" * 5000)


def test_nothing_serves_before_the_first_deployment(catalogue: Database) -> None:
    record(catalogue, 1, "snap")
    assert stable_recipe(catalogue) is None
    with pytest.raises(NotReady, match="groundwork build"):
        stable_release(catalogue)


def test_a_recipe_without_a_build_cannot_be_deployed(catalogue: Database) -> None:
    with pytest.raises(NotFound, match="Recipe 2 has no release yet"):
        deploy(catalogue, 2, reason="", actor="tester")
    assert stable_recipe(catalogue) is None


def test_the_newest_build_of_the_deployed_recipe_serves(catalogue: Database) -> None:
    record(catalogue, 1, "a")
    assert deploy(catalogue, 1, reason="first", actor="tester").number == "1.1"
    record(catalogue, 1, "b")
    record(catalogue, 2, "c")
    assert stable_release(catalogue).number == "1.2"


def test_rolling_back_changes_the_recipe_and_keeps_the_newest_content(catalogue: Database) -> None:
    record(catalogue, 1, "a")
    deploy(catalogue, 1, reason="first", actor="tester")
    record(catalogue, 2, "b")
    deploy(catalogue, 2, reason="better", actor="tester")
    record(catalogue, 1, "c")
    assert stable_release(catalogue).number == "2.1"
    deploy(catalogue, 1, reason="roll back", actor="tester")
    assert stable_release(catalogue).snapshot == "c"
    reasons = [row["reason"] for row in catalogue.rows("SELECT reason FROM deployments ORDER BY id")]
    assert reasons == ["first", "better", "roll back"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One catalogue for all examples of a property."""
    catalogue = Database(tmp_path_factory.mktemp("releases") / "catalogue.db")
    add_recipes(catalogue)
    yield catalogue
    catalogue.close()


@examples(max_examples=30)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["build", "deploy"]), st.integers(1, 3), st.sampled_from("abc")), max_size=10
    )
)
def test_after_any_steps_one_recipe_is_stable_and_its_newest_build_serves(
    shared: Database, steps: list[tuple[str, int, str]]
) -> None:
    with shared.write() as db:
        db.execute("DELETE FROM deployments")
        db.execute("DELETE FROM releases")
    builds: dict[int, list[str]] = {}
    stable = None
    for step, recipe, snapshot in steps:
        if step == "build":
            if builds.setdefault(recipe, [])[-1:] != [snapshot]:
                builds[recipe].append(snapshot)
            assert record(shared, recipe, snapshot) == f"{recipe}.{len(builds[recipe])}"
        elif recipe in builds:
            stable = recipe
            deploy(shared, recipe, reason="", actor="tester")
    assert stable_recipe(shared) == stable
    if stable is not None:
        found: Release = stable_release(shared)
        assert (found.number, found.snapshot) == (f"{stable}.{len(builds[stable])}", builds[stable][-1])
