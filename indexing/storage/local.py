"""Storage in a local folder: immutable artefacts, each with a manifest of sizes and sha256.

An *artefact* is a folder of files published whole under ``(kind, name)``. Models, feature blocks, shards and
snapshots are artefacts; nothing else in Groundwork writes files that others read.
"""

import errno
import hashlib
import json
import logging
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput, StorageFull
from indexing.records import Json
from indexing.storage.atomic_files import is_full, sync_folder, write_atomically, write_file
from indexing.storage.locks import file_lock
from indexing.storage.permissions import SHARED_FILE, Permissions
from indexing.storage.reserve import Reserve
from indexing.storage.store import MANIFEST, Artefact, ArtefactKind, Draft

logger = logging.getLogger(__name__)
IDENTITY_FILE = "identity"


class LocalStorage:
    """Artefacts as folders under one root on a local or shared file system: ``ROOT/KIND/NAME/``."""

    def __init__(self, root: Path, permissions: Permissions | None = None, reserve: Reserve | None = None) -> None:
        """Use ``root``, which is made when something is first written.

        By default without a group that writes, and without a reserve that publishing must leave.
        """
        self.root = root
        self._reserve = reserve
        self._permissions = permissions or Permissions()
        self._seen = root / "seen" / socket.gethostname()

    def identity(self) -> str:
        """See ``Storage``; kept in the file ``ROOT/identity``.

        Raises:
            ArtefactCorrupt: the file holds something else.
            StorageFull: there is no room for it.
        """
        path = self.root / IDENTITY_FILE
        if not path.exists():
            self._make_identity(path)
        found = path.read_text(errors="replace").strip()
        if not re.fullmatch(r"[0-9a-f]{32}", found):
            raise ArtefactCorrupt(
                f"{path} does not hold 32 hexadecimal digits: stop builds and workers and delete it; a new one is made."
            )
        return found

    def _make_identity(self, path: Path) -> None:
        self._permissions.make_folder(self.root, self.root)
        write_atomically(path, uuid.uuid4().hex.encode(), mode=SHARED_FILE, keeps_first=True)
        self._permissions.share_file(path)

    @contextmanager
    def publish(self, kind: str, name: str) -> Iterator[Draft]:
        """Write into a temporary sibling; fsync; manifest last; rename. See ``Storage``.

        Raises:
            StorageFull: there is no room for it, or none but what is kept for deletions.
        """
        if self._reserve is not None:
            self._reserve.require()
        final = self.root / kind / name
        draft = Draft(final.parent / f".{name}.{uuid.uuid4().hex}.tmp")
        try:
            self._permissions.make_folder(draft.path, self.root)
            yield draft
            files = {path.name: self._settle(path) for path in sorted(draft.path.iterdir())}
            manifest = {"kind": kind, "name": name, "info": draft.info, "files": files}
            write_file(draft.path / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode(), mode=SHARED_FILE)
            self._permissions.share_draft(draft.path / MANIFEST)
            sync_folder(draft.path)
            is_ours = _rename_unless_published(draft.path, final)
            sync_folder(final.parent)
        except Exception as error:  # libraries say in their own ways that the disk is full; all else goes on up
            if is_full(error):
                raise StorageFull(f"No room to write {kind}/{name} under {self.root}: free some space.") from error
            raise
        finally:
            shutil.rmtree(draft.path, ignore_errors=True)
        if is_ours:
            self._mark_seen(self._read(kind, name))

    def _settle(self, path: Path) -> dict[str, Json]:
        """Make a file of a draft durable and readable for those who may; gives its size and sha256."""
        self._permissions.share_draft(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size_bytes": path.stat().st_size, "sha256": digest}

    def exists(self, kind: str, name: str) -> bool:
        """See ``Storage``."""
        return (self.root / kind / name / MANIFEST).is_file()

    def open(self, kind: str, name: str) -> Artefact:
        """See ``Storage``.

        Raises:
            ArtefactMissing: no such artefact.
            ArtefactCorrupt: a file is missing, or its size or (at first sight) its sha256 differs.
        """
        artefact = self._read(kind, name)
        if not self._is_seen(artefact):
            self.verify(kind, name)
        return artefact

    def verify(self, kind: str, name: str) -> Artefact:
        """See ``Storage``; raises as ``open`` does."""
        artefact = self._read(kind, name)
        for file_name, promised in artefact.files.items():
            try:
                found = _sha256(artefact.path / file_name)
            except FileNotFoundError:
                raise self._lost(kind, name, file_name) from None
            if found != promised["sha256"]:
                (self._seen / kind / name).unlink(missing_ok=True)
                raise ArtefactCorrupt(
                    f"{kind}/{name}/{file_name} is corrupt: sha256 {found[:12]}..., promised"
                    f" {promised['sha256'][:12]}.... {ArtefactKind.of(kind).remedy}"
                )
        self._mark_seen(artefact)
        return artefact

    def kinds(self, prefix: str) -> list[ArtefactKind]:
        """See ``Storage``."""
        folder, kind = self.root / prefix, ArtefactKind.of(prefix)
        if not folder.is_dir():
            return []
        return sorted(kind.below(path.name) for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")

    def list(self, kind: str) -> list[str]:
        """See ``Storage``."""
        folder = self.root / kind
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if path.name[0] != "." and (path / MANIFEST).is_file())

    def describe(self, kind: str, name: str) -> Artefact:
        """See ``Storage``; raises as ``open``."""
        return self._read(kind, name)

    def sweep(self, kinds: Iterable[ArtefactKind], *, older_than_seconds: float = 0.0) -> int:
        """See ``Storage``."""
        drafts = [path for kind in kinds for path in self._unfinished(kind)]
        if older_than_seconds:
            drafts = [path for path in drafts if _age_seconds(path) > older_than_seconds]
        for path in drafts:
            shutil.rmtree(path, ignore_errors=True)
        return len(drafts)

    def _unfinished(self, kind: ArtefactKind) -> Iterator[Path]:
        below = "*/" if kind.has_kinds else ""
        yield from (self.root / kind).glob(f"{below}.*.tmp")
        if not kind.may_be_restored:
            folders = (self.root / kind).glob(f"{below}[!.]*/")
            yield from (path for path in folders if not (path / MANIFEST).is_file())

    def lock(self, name: str, what: str | None = None) -> AbstractContextManager[None]:
        """See ``Storage``; kept in the file ``ROOT/NAME.lock``.

        Raises:
            InvalidInput: the name holds anything but letters.
        """
        if not re.fullmatch("[a-z]+", name):
            raise InvalidInput(f"{name!r} is not the name of a lock: expected small letters only.")
        self._permissions.make_folder(self.root, self.root)
        return file_lock(self.root / f"{name}.lock", what or name)

    def delete(self, kind: str, name: str) -> None:
        """See ``Storage``. The folder is renamed first, so that no reader sees half of it."""
        doomed = self.root / kind / f".{name}.{uuid.uuid4().hex}.tmp"
        try:
            (self.root / kind / name).rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed)
        self._forget_seen(kind, name)

    def _read(self, kind: str, name: str) -> Artefact:
        if not name or "/" in name or name.startswith("."):
            raise ArtefactMissing(f"{name!r} is not the name of an artefact.")
        path, remedy = self.root / kind / name, ArtefactKind.of(kind).remedy
        try:
            manifest = json.loads((path / MANIFEST).read_bytes())
            artefact = Artefact(kind, name, path, dict(manifest["info"]), dict(manifest["files"]))
            promises = {
                name: (int(entry["size_bytes"]), str(entry["sha256"])) for name, entry in artefact.files.items()
            }
        except (FileNotFoundError, NotADirectoryError):
            raise ArtefactMissing(f"{kind}/{name} is not in {self.root}. {remedy}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactCorrupt(f"{path / MANIFEST} is not a manifest: {error}. {remedy}") from error
        for file_name, (promised_bytes, _) in promises.items():
            try:
                size_bytes = (path / file_name).stat().st_size
            except FileNotFoundError:
                raise self._lost(kind, name, file_name) from None
            if size_bytes != promised_bytes:
                raise ArtefactCorrupt(f"{path / file_name} has {size_bytes} bytes, promised {promised_bytes}. {remedy}")
        return artefact

    def _lost(self, kind: str, name: str, file_name: str) -> ArtefactMissing | ArtefactCorrupt:
        """What a file that is not there means: its artefact was deleted since its manifest was read, or is torn."""
        remedy = ArtefactKind.of(kind).remedy
        if not self.exists(kind, name):
            return ArtefactMissing(f"{kind}/{name} is not in {self.root} any more. {remedy}")
        return ArtefactCorrupt(f"{self.root / kind / name / file_name} is missing. {remedy}")

    def _forget_seen(self, kind: str, name: str) -> None:
        """Remove every host's marker of an artefact that is gone."""
        for host in self.root.glob("seen/*/"):
            (host / kind / name).unlink(missing_ok=True)

    def _is_seen(self, artefact: Artefact) -> bool:
        try:
            return (self._seen / artefact.kind / artefact.name).read_text() == _identity(artefact)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):  # no marker, or no artefact any more
            return False

    def _mark_seen(self, artefact: Artefact) -> None:
        marker = self._seen / artefact.kind / artefact.name
        try:
            self._permissions.make_folder(marker.parent, self.root)
            write_atomically(marker, _identity(artefact).encode(), mode=SHARED_FILE, is_durable=False)
            self._permissions.share_file(marker)
        except (OSError, StorageFull) as error:
            # A read-only or full disk costs a second check, never an answer.
            logger.warning("storage.mark_failed", extra={"fields": {"marker": str(marker), "error": str(error)}})


def _identity(artefact: Artefact) -> str:
    """Changes whenever a file of the artefact is replaced or written to."""
    stats = [(name, (artefact.path / name).stat()) for name in sorted(artefact.files)]
    return "\n".join(f"{name} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)


def _age_seconds(path: Path) -> float:
    """Since when nothing was added to a folder; 0 for one that is gone by now."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rename_unless_published(draft: Path, final: Path) -> bool:
    """Move a finished draft into place unless the artefact is there already; gives whether it was moved.

    A folder without a manifest that stands there is no artefact and gives way.
    """
    try:
        draft.rename(final)
    except OSError as error:
        # A folder that is not empty cannot be replaced: the same name was published first, or a torn one was left.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if (final / MANIFEST).is_file():
            return False
        else:
            torn = final.parent / f".{final.name}.{uuid.uuid4().hex}.tmp"
            final.rename(torn)
            shutil.rmtree(torn, ignore_errors=True)
            draft.rename(final)
    return True
