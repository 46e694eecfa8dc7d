import pytest

from indexing.builds.open_recipes import build_each, recipes_behind, recipes_to_build
from indexing.errors import AlreadyRunning, ArtefactCorrupt, BuildFailed
from indexing.releases.lifecycle import reject
from indexing.releases.transitions import Decision
from indexing.releases.trials import propose
from tests.support.fresh_home import OTHER_LANGUAGE, RECIPE, FreshHome, article

NOW = "2026-01-05T03:00:00.000+00:00"


@pytest.fixture
def fresh(tmp_path):
    opened = FreshHome(tmp_path / "home")
    yield opened
    opened.close()


def test_before_the_first_release_no_recipe_is_open_or_behind(fresh):
    assert recipes_to_build(fresh.home.catalogue, NOW) == []
    assert recipes_behind(fresh.home.catalogue, NOW) == []


def test_every_open_recipe_is_built_the_one_in_service_first_until_none_is_behind(fresh):
    fresh.put(article("one"), live=False)
    fresh.build()
    fresh.build(OTHER_LANGUAGE)
    fresh.keep_open(2)
    catalogue = fresh.home.catalogue
    assert [one.number for one in recipes_to_build(catalogue, NOW)] == [1, 2]
    assert recipes_behind(catalogue, NOW) == []
    fresh.put(article("two"), live=False)
    fresh.build()
    assert recipes_behind(catalogue, NOW) == [2]
    reports = build_each(recipes_to_build(catalogue, NOW), fresh.build)
    assert [report.release.number for report in reports] == ["1.2", "2.2"]
    assert recipes_behind(catalogue, NOW) == []
    assert catalogue.sequence() == 2


def test_a_proposed_recipe_is_kept_built_until_it_is_rejected(fresh):
    fresh.put(article("one"), live=False)
    fresh.build()
    fresh.build(OTHER_LANGUAGE)
    catalogue, by = fresh.home.catalogue, Decision("ana", "a test", NOW)
    proposed = propose(catalogue, 2, by)
    fresh.put(article("two"), live=False)
    fresh.build()
    assert recipes_behind(catalogue, NOW) == [2]
    assert [one.number for one in recipes_to_build(catalogue, NOW)] == [1, 2]
    reject(catalogue, proposed, by)
    assert recipes_behind(catalogue, NOW) == []
    assert [one.number for one in recipes_to_build(catalogue, NOW)] == [1]


def tamper(home, recipe):
    with home.catalogue.write() as db:
        db.conn.execute("UPDATE recipes SET manifest = replace(manifest, '0.45', '0.99') WHERE number = ?", (recipe,))


def test_an_open_recipe_that_was_tampered_with_is_left_out_unless_it_is_in_service(fresh):
    fresh.put(article("one"), live=False)
    fresh.build()
    fresh.build(OTHER_LANGUAGE)
    fresh.keep_open(2)
    tamper(fresh.home, 2)
    assert [one.number for one in recipes_to_build(fresh.home.catalogue, NOW)] == [1]
    fresh.put(article("two"), live=False)
    fresh.build()
    assert recipes_behind(fresh.home.catalogue, NOW) == []  # else it would be built for ever
    tamper(fresh.home, 1)
    with pytest.raises(ArtefactCorrupt, match="Recipe 1 is not the one that was recorded"):
        recipes_to_build(fresh.home.catalogue, NOW)


def test_a_recipe_that_cannot_be_built_keeps_no_other_from_being_built():
    built = []

    def build_one(recipe):
        if recipe == OTHER_LANGUAGE:
            raise BuildFailed("no")
        built.append(recipe)

    with pytest.raises(BuildFailed):
        build_each([RECIPE, OTHER_LANGUAGE, RECIPE], build_one)
    assert built == [RECIPE, RECIPE]


def test_while_another_build_runs_none_is_tried_after_the_first():
    tried = []

    def build_one(recipe):
        tried.append(recipe)
        raise AlreadyRunning("busy")

    with pytest.raises(AlreadyRunning):
        build_each([RECIPE, OTHER_LANGUAGE], build_one)
    assert tried == [RECIPE]
