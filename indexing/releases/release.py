"""Releases: recipe plus snapshot, numbered ``12.3``, and the append-only record of which recipe was deployed when."""

import re
from dataclasses import dataclass, replace

from indexing.catalogue.database import Catalogue, utc_now
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


def record_release(catalogue: Catalogue, recipe: int, snapshot: str, *, seq: int, actor: str) -> tuple[Release, bool]:
    """Number a build of a recipe; building the same snapshot again gives the same release.

    Returns:
        The release, and whether it is new.
    """
    with catalogue.write() as db:
        newest = _newest(catalogue, recipe)
        if newest is not None and newest.snapshot == snapshot:
            db.conn.execute(
                "UPDATE releases SET seq = max(seq, ?) WHERE recipe = ? AND build = ?", (seq, recipe, newest.build)
            )
            return replace(newest, seq=max(newest.seq, seq)), False
        last = db.conn.execute("SELECT max(build) FROM releases WHERE recipe = ?", (recipe,)).fetchone()[0]
        release = Release(recipe, (last or 0) + 1, snapshot, seq, utc_now(), actor)
        db.conn.execute(
            "INSERT INTO releases (recipe, build, snapshot, seq, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)",
            (release.recipe, release.build, snapshot, seq, release.created_at, actor),
        )
    return release, True


def list_releases(catalogue: Catalogue) -> list[Release]:
    """All releases that were not retired, oldest first."""
    sql = "SELECT * FROM releases WHERE retired_at IS NULL ORDER BY created_at, recipe, build"
    return [Release(**row) for row in catalogue.rows(sql)]


def find_release(catalogue: Catalogue, number: str) -> Release:
    """The release ``12.3``; ``12`` means recipe 12's newest build.

    Raises:
        InvalidInput: the number has another form.
        NotFound: there is no such release.
    """
    form = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?", number)
    if form is None:
        raise InvalidInput(f"{number[:40]!r} is no release number: expected RECIPE.BUILD such as 12.3.")
    recipe, build = form.groups()
    found = [
        release
        for release in list_releases(catalogue)
        if release.recipe == int(recipe) and (build is None or release.build == int(build))
    ]
    if not found:
        raise NotFound(f"No release {number}. See 'groundwork releases list'.")
    return max(found, key=lambda release: release.build)


def _newest(catalogue: Catalogue, recipe: int) -> Release | None:
    row = catalogue.row(
        "SELECT * FROM releases WHERE recipe = ? AND retired_at IS NULL ORDER BY build DESC LIMIT 1", (recipe,)
    )
    return None if row is None else Release(**row)
