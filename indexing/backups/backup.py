"""Backup: a consistent copy of a home in another folder, made while the service answers and builds go on.

First the catalogue is copied, which fixes the moment. What its releases reach was published before it was written
down and is never changed, so it is copied after it, however long that takes. Only garbage collection and erasure
remove such files, and they wait: they take the lock that a backup holds. The ledger, which names releases, comes last.

What the copied catalogue names and the home does not hold whole any more is kept where the folder still holds it: a
backup never removes the last good copy. What the catalogue does not name any more is removed, so that an erasure
reaches the folder.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from indexing.backups.copying import copy_artefact, entries_of, store_file, writing_to
from indexing.backups.ledger_days import copy_days
from indexing.backups.manifest import (
    CATALOGUE_FILE,
    FILES_FOLDER,
    MANIFEST_FILE,
    BackedUpFile,
    BackupManifest,
    StoredArtefact,
    manifest_bytes,
    read_manifest,
    stored_artefact,
)
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.documents import document_keys
from indexing.catalogue.files import known_files, stored_files
from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, InvalidInput, NotFound
from indexing.features.embedding_store import FEATURES
from indexing.home import KEY_FILE, Home
from indexing.models.registry import KIND as MODELS
from indexing.models.registry import ModelRegistry
from indexing.releases.gate import POLICY_FILE
from indexing.releases.release import list_releases
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import SnapshotShard, read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.storage.atomic_files import sync_folder, write_atomically
from indexing.storage.factory import open_storage
from indexing.storage.store import ArtefactKind, Storage
from indexing.uploads.stored_files import FILES, PARTS

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""
SECRET_FILES = (KEY_FILE,)
"""Files of a home that only their owner may read. ``identity`` is not among them: a second home needs its own."""
OTHER_FILES = (POLICY_FILE,)
"""Files of a home that operators write; without its policy a restored home would judge by another."""
EVALUATIONS = "evaluations"
BACKUP_LOCK = "backup"
"""The lock of everything that copies or removes artefacts of a home, and that of a backup's folder."""
MARKER_FILE = ".groundwork-backup"
"""Stands in the folder of a backup from its first moment on, so that no other folder is taken for one."""
_DRAFT = ".catalogue.tmp"
_DAMAGE = (ArtefactMissing, ArtefactCorrupt, FormatUnknown, NotFound)
"""How an artefact that is not held whole shows itself."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds, and what of it was copied now.

    What the home does not hold whole, with the reason: ``kept`` is what the folder still holds of earlier backups, and
    so is part of this one, too; ``damaged`` is what neither holds.
    """

    folder: str
    made_at: str
    sequence: int
    documents: int
    releases: int
    artefacts: int
    size_bytes: int
    copied: int
    copied_bytes: int
    removed: int
    kept: dict[str, str]
    damaged: dict[str, str]


@dataclass(slots=True)
class _Moment:
    """The home as its copied catalogue tells it, and what of that it lacks.

    Name and reason of each: ``lacking`` are the snapshots that cannot be read in it; all that it lacks is then ``kept``
    in the folder, or ``damaged``, as a ``BackupReport`` has it.
    """

    catalogue: BackedUpFile
    made_at: str
    sequence: int
    documents: int
    releases: int
    wanted: list[tuple[ArtefactKind, str]] = field(default_factory=list)
    lacking: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


@contextmanager
def files_kept(home: Home) -> Iterator[None]:
    """Let nothing else copy or remove artefacts of the home: for backup, garbage collection and erasure.

    Raises:
        AlreadyRunning: one of these is running.
    """
    with home.storage.lock(BACKUP_LOCK, "backup, garbage collection or erasure"):
        yield


def back_up(
    home: Home,
    folder: Path,
    *,
    with_features: bool = True,
    is_thorough: bool = False,
    on_progress: Progress = lambda stage, done, total: None,
) -> BackupReport:
    """Bring ``folder`` to the state of the home at this moment; what it holds already is not copied again.

    Until the new ``backup.json`` is in place the backup before it stays whole; then what only that one held is
    removed, but nothing that this home's catalogue names and the home does not hold whole.

    Args:
        home: What is copied: the catalogue, models, snapshots and shards of releases, files that clients brought,
            ledger, keys, evaluations, the gate's policy.
        folder: A new or empty folder, or one that holds an earlier backup of this home, finished or not.
        with_features: Copy stored vectors as well; without them the next build of changed text encodes more.
        is_thorough: Read again and verify what ``folder`` holds already.
        on_progress: Told of every artefact.

    Raises:
        InvalidInput: the folder holds something else, another home's backup, or lies within the home.
        AlreadyRunning: another backup, garbage collection or erasure is running.
        StorageFull: there is no room; run it again after freeing some, and it goes on where it stopped.
    """
    with writing_to(folder):
        _prepare_folder(home, folder)
        target = open_storage(folder)
        with files_kept(home), target.lock(BACKUP_LOCK):
            moment = _fix_moment(home, folder, target)
            if with_features:
                features = [(kind, name) for kind in home.storage.kinds(FEATURES) for name in home.storage.list(kind)]
                moment.wanted += features
            artefacts, copied = _copy_all(home, target, moment, is_thorough, on_progress)
            manifest = BackupManifest(
                made_at=moment.made_at,
                identity=home.storage.identity(),
                sequence=moment.sequence,
                documents=moment.documents,
                releases=moment.releases,
                files=(
                    moment.catalogue,
                    *copy_days(home.ledger, folder, partial(_kept_day, folder, moment)),
                    *_copy_files(home, folder / FILES_FOLDER),
                ),
                artefacts=tuple(artefacts),
                damaged=moment.damaged,
            )
            write_atomically(folder / MANIFEST_FILE, manifest_bytes(manifest), mode=0o600)
            removed = _remove_others(target, folder, manifest)
    return BackupReport(
        folder=str(folder),
        made_at=manifest.made_at,
        sequence=manifest.sequence,
        documents=manifest.documents,
        releases=manifest.releases,
        artefacts=len(artefacts),
        size_bytes=manifest.size_bytes,
        copied=len(copied),
        copied_bytes=sum(one.size_bytes for one in copied),
        removed=removed,
        kept=moment.kept,
        damaged=manifest.damaged,
    )


def _prepare_folder(home: Home, folder: Path) -> None:
    """Make the folder, unless something is in it that is no backup of this home."""
    ours, theirs = home.path.resolve(), folder.resolve()
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise InvalidInput(f"{folder} and the home {home.path} lie within each other: give a folder elsewhere.")
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder: give a new or an empty one.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if entries_of(folder) and not (folder / MARKER_FILE).exists():
        raise InvalidInput(f"{folder} is not empty and holds no backup: give a new or an empty folder.")
    with suppress(NotFound):
        if (found := read_manifest(folder).identity) != home.storage.identity():
            raise InvalidInput(f"{folder} is the backup of another home (identity {found}): give another folder.")
    (folder / MARKER_FILE).touch(mode=0o600)
    (folder / FILES_FOLDER).mkdir(mode=0o700, exist_ok=True)


def _fix_moment(home: Home, folder: Path, target: Storage) -> _Moment:
    """Copy the catalogue, and read from the copy what belongs to its moment."""
    draft = folder / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        made_at = utc_now()
        home.catalogue.copy_to(draft / CATALOGUE_FILE)
        copy = Database(draft / CATALOGUE_FILE)
        try:
            releases = list_releases(copy)
            wanted = [(MODELS, model.id) for model in ModelRegistry(copy, home.storage).list()]
            files, parts = stored_files(copy)
            wanted += [*((FILES, name) for name in files), *((PARTS, name) for name in parts)]
            sequence, documents = copy.sequence(), sum(1 for _ in document_keys(copy))
        finally:
            copy.close()
        stored = store_file(draft / CATALOGUE_FILE, CATALOGUE_FILE, folder / FILES_FOLDER, 0o600)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    moment = _Moment(stored, made_at, sequence, documents, len(releases), wanted)
    shards: set[str] = set()
    for name in sorted({release.snapshot for release in releases}):
        moment.wanted.append((SNAPSHOTS, name))
        shards |= {shard.name for shard in _shards_of(name, home.storage, target, moment)}
    moment.wanted += [(SHARDS, name) for name in sorted(shards)]
    return moment


def _shards_of(name: str, source: Storage, target: Storage, moment: _Moment) -> tuple[SnapshotShard, ...]:
    """The shards of a snapshot as the home tells them, else as an earlier backup does; none if neither can."""
    try:
        return read_snapshot(source, name).shards
    except _DAMAGE as error:
        moment.lacking[f"{SNAPSHOTS}/{name}"] = str(error)
    with suppress(*_DAMAGE):
        return read_snapshot(target, name).shards
    return ()


def _copy_all(
    home: Home, target: Storage, moment: _Moment, is_thorough: bool, on_progress: Progress
) -> tuple[list[StoredArtefact], list[StoredArtefact]]:
    """Every wanted artefact that the folder holds whole now, and those of them that were copied now."""
    source = home.storage
    stored, copied = [], []
    for done, (kind, name) in enumerate(moment.wanted, 1):
        reason = moment.lacking.get(f"{kind}/{name}")
        if reason is None:
            try:
                held = _held(source, target, kind, name, is_thorough)
                if held is None:
                    held = copy_artefact(source, target, kind, name)
                    copied.append(held)
                stored.append(held)
            except _DAMAGE as error:
                is_missing = isinstance(error, ArtefactMissing)
                reason = None if is_missing and _may_go(home, kind, name) else str(error)
        if reason is not None:
            stored += _kept(target, kind, name, reason, moment)
        on_progress("copying", done, len(moment.wanted))
    return stored, copied


def _may_go(home: Home, kind: ArtefactKind, name: str) -> bool:
    """Whether something may have gone since the moment: vectors are merged, and clients delete their files."""
    if kind in (FILES, PARTS):
        return name not in known_files(home.catalogue)
    return kind.startswith(f"{FEATURES}/")


def _kept(target: Storage, kind: str, name: str, reason: str, moment: _Moment) -> list[StoredArtefact]:
    """What an earlier backup holds of an artefact that the home lacks, if it is whole; the moment tells which."""
    try:
        if kind == SNAPSHOTS:
            read_snapshot(target, name)
        found = stored_artefact(target.verify(kind, name))
    except _DAMAGE:
        moment.damaged[f"{kind}/{name}"] = reason
        return []
    moment.kept[f"{kind}/{name}"] = reason
    return [found]


def _kept_day(folder: Path, moment: _Moment, path: str, reason: str) -> BackedUpFile | None:
    """What an earlier backup holds of a day of the ledger that cannot be copied; the moment tells which."""
    with suppress(NotFound):
        for file in read_manifest(folder).files:
            if file.path == path and (folder / FILES_FOLDER / file.sha256).is_file():
                moment.kept[path] = reason
                return file
    moment.damaged[path] = reason
    return None


def _held(source: Storage, target: Storage, kind: str, name: str, is_thorough: bool) -> StoredArtefact | None:
    """The very artefact of the home as the backup holds it already, or ``None``."""
    promised = stored_artefact(source.describe(kind, name))
    with suppress(*_DAMAGE):
        found = stored_artefact(target.verify(kind, name) if is_thorough else target.describe(kind, name))
        return found if found == promised else None
    return None


def _copy_files(home: Home, folder: Path) -> Iterator[BackedUpFile]:
    for name in SECRET_FILES:
        if (home.path / name).is_file():
            yield store_file(home.path / name, name, folder, 0o600)
    others = (home.path / name for name in OTHER_FILES)
    for path in (*others, *sorted((home.path / EVALUATIONS).rglob("[!.]*"))):
        if path.is_file():
            mode = path.stat().st_mode & 0o777
            yield store_file(path, path.relative_to(home.path).as_posix(), folder, mode)
    sync_folder(folder)


def _remove_others(target: Storage, folder: Path, manifest: BackupManifest) -> int:
    """Remove what only earlier backups held, and what interrupted ones left; gives how many artefacts.

    What is damaged stays: the folder's copy may be the last from which something can be saved.
    """
    named = {f"{one.kind}/{one.name}" for one in manifest.artefacts} | manifest.damaged.keys()
    kinds = [MODELS, SNAPSHOTS, SHARDS, FILES, PARTS, *target.kinds(FEATURES)]
    others = [(kind, name) for kind in kinds for name in target.list(kind) if f"{kind}/{name}" not in named]
    for kind, name in others:
        target.delete(kind, name)
    target.sweep((SNAPSHOTS, SHARDS, MODELS, FEATURES, FILES, PARTS))
    kept = {one.sha256 for one in manifest.files}
    for path in (folder / FILES_FOLDER).iterdir():
        if path.name not in kept:
            path.unlink()
    return len(others)
