"""What two releases differ in, as the wire tells it: every field of the recipe, and documents by number."""

from dataclasses import asdict

from app.schemas.lineage import FieldDifferenceAnswer, ReleaseDiffAnswer
from indexing.home import Home
from indexing.releases.release_diff import diff_releases


def release_difference(home: Home, before: str, after: str) -> ReleaseDiffAnswer:
    """Compare two releases by number; errors as in ``diff_releases``."""
    found = diff_releases(home, before, after)
    return ReleaseDiffAnswer(
        before=found.before.number,
        after=found.after.number,
        sentences=found.sentences,
        recipe=[FieldDifferenceAnswer(**asdict(one)) for one in found.recipe],
        added=len(found.documents.added),
        removed=len(found.documents.removed),
        changed=len(found.documents.changed),
    )
