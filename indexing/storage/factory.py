"""The one place where a store of artefacts is made: which kind of store stands behind a home is decided here."""

from pathlib import Path

from indexing.settings import Settings
from indexing.storage.local import LocalStorage
from indexing.storage.permissions import permissions_for
from indexing.storage.store import Storage


def open_storage(place: Settings | Path) -> Storage:
    """The store of the artefacts of a home; opening it reads and writes nothing.

    Args:
        place: The settings of a home; a folder is that of a home whose settings are all at their defaults.

    Raises:
        InvalidInput: ``GROUNDWORK_GROUP`` is not a group that this process may give files to.
    """
    if isinstance(place, Path):
        return LocalStorage(place)
    return LocalStorage(place.home, permissions_for(place.group))
