"""The one place where a store of artefacts is made: which kind of store stands behind a home is decided here."""

from pathlib import Path

from indexing.settings import Settings
from indexing.storage.local import LocalStorage
from indexing.storage.permissions import permissions_for
from indexing.storage.reserve import RESERVE_FILE, Reserve
from indexing.storage.store import Storage


def open_storage(place: Settings | Path, *, reserve: Reserve | None = None) -> Storage:
    """The store of the artefacts of a home; opening it reads and writes nothing.

    Args:
        place: The settings of a home; a folder is that of a home whose settings are all at their defaults, or of a
            backup, and nothing is kept back there.
        reserve: What must be left on the disk when something is published; by default what the home keeps back.

    Raises:
        InvalidInput: ``GROUNDWORK_GROUP`` is not a group that this process may give files to.
    """
    if isinstance(place, Path):
        return LocalStorage(place, reserve=reserve)
    # Workers, which may be another user's, look at the reserve and leave it to those who open the home.
    reserve = reserve or Reserve(place.home / RESERVE_FILE, is_kept=False)
    return LocalStorage(place.home, permissions_for(place.group), reserve)
