"""Copying the ledger into a backup: each day as it is at one moment, while processes append to it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from indexing.backups.copying import store_file
from indexing.backups.manifest import FILES_FOLDER, BackedUpFile
from indexing.errors import ArtefactCorrupt, FormatUnknown, LedgerUnavailable
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk, list_days
from indexing.ledger.store import LEDGER_FOLDER, LedgerStore
from indexing.storage.permissions import PRIVATE_FILE

_DRAFT = ".ledger.tmp"
_DAMAGE = (ArtefactCorrupt, FormatUnknown, LedgerUnavailable)


OnDamage = Callable[[str, str], BackedUpFile | None]


def copy_days(ledger: LedgerStore, folder: Path, on_damage: OnDamage) -> Iterator[BackedUpFile]:
    """Copy every day into the folder of a backup, oldest first.

    Args:
        ledger: Of the home.
        folder: Of the backup.
        on_damage: Told the path in the home and the reason where a day cannot be copied whole; gives what an earlier
            backup holds of it.
    """
    draft = folder / _DRAFT
    for one in list_days(ledger.folder):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            yield from _copy_day(ledger, one, draft, folder / FILES_FOLDER, on_damage)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _copy_day(
    ledger: LedgerStore, one: DayOnDisk, draft: Path, folder: Path, on_damage: OnDamage
) -> Iterator[BackedUpFile]:
    # Compacted files first: the database says which of them counts, and compaction waits for a backup.
    for source in (*one.compacted.values(), *([] if one.database is None else [one.database])):
        path = f"{LEDGER_FOLDER}/{source.name}"
        try:
            if source == one.database:
                with closing(DayFile(source, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
                    file.copy_to(draft / source.name)
                source = draft / source.name
            yield store_file(source, path, folder, PRIVATE_FILE)
        except FileNotFoundError:
            continue  # a day that has just become too old
        except _DAMAGE as error:
            # Where it is gone, it has just become too old as well.
            if source.is_file() and (kept := on_damage(path, str(error))) is not None:
                yield kept
