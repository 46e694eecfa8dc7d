"""What differs between two releases: their recipes field by field, and the documents of their snapshots."""

from dataclasses import dataclass

from indexing.home import Home
from indexing.releases.recipe_diff import Difference, recipe_differences
from indexing.releases.recipes import read_recipe
from indexing.releases.release import Release, find_release
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.snapshot_diff import SnapshotDiff, diff_snapshots

_FIRST = 5
"""Ids that a sentence names; the others are counted. Our choice."""


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """What ``after`` has otherwise than ``before``.

    While ``is_cut_otherwise``, passages follow from other views, so that a document that both have may be stored
    otherwise although its text is the same: ``documents.changed`` does not tell.
    """

    before: Release
    after: Release
    recipe: tuple[Difference, ...]
    documents: SnapshotDiff
    is_cut_otherwise: bool

    @property
    def sentences(self) -> list[str]:
        """It in plain words."""
        said = [one.sentence for one in self.recipe] or ["both have the same recipe"]
        if self.before.snapshot == self.after.snapshot:
            return [*said, f"both serve snapshot {self.after.snapshot}: no document differs"]
        found = self.documents
        said += [_counted("added", found.added), _counted("removed", found.removed)]
        if self.is_cut_otherwise:
            said.append(
                f"{len(found.changed)} documents are stored otherwise: other views cut them into passages, so that the"
                " snapshots do not tell whether their texts changed"
            )
        else:
            said.append(_counted("changed", found.changed))
        said.append(
            f"shards: {len(found.shards_added)} new, {len(found.shards_removed)} gone, {found.shards_shared} shared"
        )
        return said


def diff_releases(home: Home, before: str, after: str) -> ReleaseDiff:
    """Compare two releases by number; of their snapshots only the shards that they do not share are read.

    Raises:
        InvalidInput, NotFound: one is no release.
        GroundworkError: a recipe, a snapshot or a shard that must be read cannot be.
    """
    one, other = (find_release(home.catalogue, number) for number in (before, after))
    recipes = [read_recipe(home.catalogue, release.recipe) for release in (one, other)]
    manifests = [read_snapshot(home.storage, release.snapshot) for release in (one, other)]
    return ReleaseDiff(
        before=one,
        after=other,
        recipe=tuple(recipe_differences(*recipes)),
        documents=diff_snapshots(home.storage, *manifests),
        is_cut_otherwise=manifests[0].views.passage != manifests[1].views.passage,
    )


def _counted(what: str, keys: tuple[str, ...]) -> str:
    """How many documents that is, and the first of them."""
    if not keys:
        return f"no document was {what}"
    more = f" and {len(keys) - _FIRST} more" if len(keys) > _FIRST else ""
    noun = "document was" if len(keys) == 1 else "documents were"
    return f"{len(keys)} {noun} {what}: {', '.join(keys[:_FIRST])}{more}"
