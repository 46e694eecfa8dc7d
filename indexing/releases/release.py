"""Releases: recipe plus snapshot, numbered ``12.3``."""

import re
from dataclasses import dataclass, replace

from indexing.catalogue.database import Database
from indexing.catalogue.releases import (
    every_release_row,
    insert_release,
    newest_release_row,
    raise_release_seq,
    release_rows,
)
from indexing.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Release:
    """What can serve: the ``build``-th build of recipe ``recipe``. ``seq`` is the last write its snapshot holds."""

    recipe: int
    build: int
    snapshot: str
    seq: int
    created_at: str
    created_by: str
    retired_at: str | None = None

    @property
    def number(self) -> str:
        """How answers and people name it: ``recipe.build``."""
        return f"{self.recipe}.{self.build}"


def record_release(catalogue: Database, recipe: int, snapshot: str, *, seq: int, actor: str) -> tuple[Release, bool]:
    """Number a build of a recipe; building the same snapshot again gives the same release.

    Returns:
        The release, and whether it is new.
    """
    with catalogue.write():
        newest = newest_release(catalogue, recipe)
        if newest is not None and newest.snapshot == snapshot:
            raise_release_seq(catalogue, recipe, newest.build, seq)
            return replace(newest, seq=max(newest.seq, seq)), False
        return Release(**insert_release(catalogue, recipe, snapshot, seq=seq, actor=actor)), True


def list_releases(catalogue: Database) -> list[Release]:
    """All releases that were not retired, oldest first."""
    return [Release(**row) for row in release_rows(catalogue)]


def list_every_release(catalogue: Database) -> list[Release]:
    """All releases that there ever were, retired ones too, oldest first."""
    return [Release(**row) for row in every_release_row(catalogue)]


def find_release(catalogue: Database, number: str, *, is_retired_too: bool = False) -> Release:
    """The release ``12.3``; ``12`` means recipe 12's newest build. Retired ones only where they are asked for.

    Raises:
        InvalidInput: the number has another form.
        NotFound: there is no such release.
    """
    form = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?", number)
    if form is None:
        raise InvalidInput(f"{number[:40]!r} is not a release number: expected RECIPE.BUILD such as 12.3.")
    recipe, build = form.groups()
    found = [
        release
        for release in (list_every_release if is_retired_too else list_releases)(catalogue)
        if release.recipe == int(recipe) and (build is None or release.build == int(build))
    ]
    if not found:
        raise NotFound(f"No release {number}. See 'groundwork releases list'.")
    return max(found, key=lambda release: release.build)


def newest_release(catalogue: Database, recipe: int) -> Release | None:
    """A recipe's last build that was not retired, or ``None``."""
    row = newest_release_row(catalogue, recipe)
    return None if row is None else Release(**row)


def require_newest_release(catalogue: Database, recipe: int) -> Release:
    """A recipe's last build that was not retired.

    Raises:
        NotFound: it has none.
    """
    found = newest_release(catalogue, recipe)
    if found is None:
        raise NotFound(f"Recipe {recipe} has no release: build it first, or see 'groundwork releases list'.")
    return found
