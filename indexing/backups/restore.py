"""Restore: a new home from a backup, every byte of it verified on the way, opened once before it is called good."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexing.backups.copying import copy_artefact, entries_of, writing_to
from indexing.backups.manifest import CATALOGUE_FILE, FILES_FOLDER, BackedUpFile, BackupManifest, read_manifest
from indexing.catalogue.home_secrets import SEQUENCE_TOKENS, renew_secret
from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput
from indexing.home import open_home
from indexing.releases.release import list_releases
from indexing.settings import Settings
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import read_snapshot
from indexing.storage.atomic_files import copy_file, sync_folder
from indexing.storage.factory import open_storage
from indexing.storage.permissions import PRIVATE_FILE

Progress = Callable[[str, int, int], None]
_PRIVATE_FOLDER = 0o700
"""Of files that are the owner's alone, such as days of the ledger."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored; ``damaged`` is what the home that was backed up did not hold whole.

    Keys and tenants are as of ``made_at``: what was revoked or removed later is valid again.
    """

    home: str
    made_at: str
    sequence: int
    documents: int
    releases: int
    artefacts: int
    size_bytes: int
    damaged: dict[str, str]


def restore(
    folder: Path,
    settings: Settings,
    *,
    on_progress: Progress = lambda stage, done, total: None,
) -> RestoreReport:
    """Fill the home of the settings from the backup in ``folder``.

    The catalogue comes last, so a folder that a killed restore left is no home. The new home gets another secret for
    sequence tokens, since it counts its writes on from an earlier moment: a token of a later write stands for another.

    Raises:
        NotFound: the folder holds no finished backup.
        InvalidInput: the home exists and is not empty, or cannot be written.
        ArtefactCorrupt, ArtefactMissing: the backup is not what was written; nothing of it stays in the home.
        StorageFull: there is no room for it; nothing stays.
    """
    manifest = read_manifest(folder)
    home = settings.home
    with writing_to(home):
        if home.exists() and (not home.is_dir() or entries_of(home)):
            raise InvalidInput(f"{home} is not empty: give another --home, or empty it if a killed restore filled it.")
        was_there = home.is_dir()
        home.mkdir(mode=0o750, parents=True, exist_ok=True)
        try:
            _fill(folder, settings, manifest, on_progress)
            _open_once(settings, manifest)
        except BaseException:
            _empty(home, keep=was_there)
            raise
    return RestoreReport(
        home=str(home),
        made_at=manifest.made_at,
        sequence=manifest.sequence,
        documents=manifest.documents,
        releases=manifest.releases,
        artefacts=len(manifest.artefacts),
        size_bytes=manifest.size_bytes,
        damaged=manifest.damaged,
    )


def _fill(folder: Path, settings: Settings, manifest: BackupManifest, on_progress: Progress) -> None:
    home, source, target = settings.home, open_storage(folder), open_storage(settings)
    for done, promised in enumerate(manifest.artefacts, 1):
        found = copy_artefact(source, target, promised.kind, promised.name)
        if found != promised:
            raise ArtefactCorrupt(f"{promised.kind}/{promised.name} in {folder} is not the one that was backed up.")
        on_progress("restoring", done, len(manifest.artefacts))
    for file in sorted(manifest.files, key=lambda file: file.path == CATALOGUE_FILE):
        _restore_file(folder, home, file)
    sync_folder(home)


def _restore_file(folder: Path, home: Path, file: BackedUpFile) -> None:
    source, target = folder / FILES_FOLDER / file.sha256, home / file.path
    target.parent.mkdir(mode=_PRIVATE_FOLDER if file.mode == PRIVATE_FILE else 0o777, parents=True, exist_ok=True)
    try:
        sha256, _ = copy_file(source, target, mode=file.mode)
    except FileNotFoundError:
        raise ArtefactMissing(f"{source} ({file.path}) is missing: use another backup.") from None
    if sha256 != file.sha256:
        raise ArtefactCorrupt(f"{source} ({file.path}) has sha256 {sha256[:12]}...: use another backup.")


def _open_once(settings: Settings, manifest: BackupManifest) -> None:
    """Open the new home as a command does, compare it with the manifest, and renew what must not be used twice."""
    home = open_home(settings, create=False)
    try:
        sequence, releases = home.catalogue.sequence(), list_releases(home.catalogue)
        if (sequence, len(releases)) != (manifest.sequence, manifest.releases):
            raise ArtefactCorrupt(
                f"The restored catalogue stands at write {sequence} with {len(releases)} releases; the backup promised"
                f" {manifest.sequence} and {manifest.releases}."
            )
        for release in releases:
            if f"{SNAPSHOTS}/{release.snapshot}" not in manifest.damaged:
                read_snapshot(home.storage, release.snapshot)
        renew_secret(home.catalogue, SEQUENCE_TOKENS)
    finally:
        home.close()


def _empty(home: Path, *, keep: bool) -> None:
    """Remove everything from a folder that was empty before, and the folder too unless it was there."""
    for path in entries_of(home):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if not keep:
        home.rmdir()
