"""What a backup says of itself: its moment, its home, and the sha256 of everything that it is made of.

A backup is a folder. ``backup.json`` is written last and names all else, so a folder without one is unfinished, and
what it does not name is not part of the backup.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import TypeVar, get_type_hints

from indexing.errors import ArtefactCorrupt, FormatUnknown, NotFound
from indexing.records import Json, JsonFields, fingerprint
from indexing.storage.store import Artefact

FORMAT = 1
"""Raised with every change that older versions cannot read."""
MANIFEST_FILE = "backup.json"
FILES_FOLDER = "files"
"""Holds every file that is no artefact, under its sha256: two backups in one folder never disturb each other."""
CATALOGUE_FILE = "catalogue.db"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SAFE_PATH = re.compile(r"(?!\.\.?(/|$))[^/\x00]+(/(?!\.\.?(/|$))[^/\x00]+)*")
"""A relative path without ``.`` or ``..``: a changed manifest must not write outside the new home."""


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file of the home: its path there, its content's sha256, and its permissions."""

    path: str
    sha256: str
    size_bytes: int
    mode: int


@dataclass(frozen=True, slots=True)
class StoredArtefact:
    """An artefact of the home; ``sha256`` is over its facts and the sha256 of each of its files."""

    kind: str
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """A whole backup: the home as it was at ``made_at`` (UTC), after the write with the number ``sequence``.

    ``identity`` is the home's; ``damaged`` names what the home itself did not hold whole, with the reason.
    """

    made_at: str
    identity: str
    sequence: int
    documents: int
    releases: int
    files: tuple[BackedUpFile, ...]
    artefacts: tuple[StoredArtefact, ...]
    damaged: dict[str, str] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The size of all files and artefacts."""
        return sum(one.size_bytes for one in self.files) + sum(one.size_bytes for one in self.artefacts)


_Entry = TypeVar("_Entry", BackedUpFile, StoredArtefact)


def stored_artefact(artefact: Artefact) -> StoredArtefact:
    """How a backup names an artefact."""
    return StoredArtefact(
        artefact.kind, artefact.name, fingerprint([artefact.info, artefact.files]), artefact.size_bytes
    )


def manifest_bytes(manifest: BackupManifest) -> bytes:
    """The content of ``backup.json``, which holds its own sha256."""
    content = asdict(manifest)
    return json.dumps({"format": FORMAT, "sha256": fingerprint(content), "backup": content}, indent=1).encode() + b"\n"


def read_manifest(folder: Path) -> BackupManifest:
    """The manifest of the backup in ``folder``.

    Raises:
        NotFound: there is no finished backup.
        FormatUnknown: a newer version made it.
        ArtefactCorrupt: it is not what was written.
    """
    path = folder / MANIFEST_FILE
    try:
        envelope = json.loads(path.read_bytes())
        if (found := envelope["format"]) != FORMAT:
            raise FormatUnknown(f"{path} has format {found!r}; this version reads format {FORMAT}.")
        if envelope["sha256"] != fingerprint(envelope["backup"]):
            raise ValueError("its sha256 differs from the one it names")
        return _manifest(envelope["backup"])
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"{folder} holds no finished backup, since {MANIFEST_FILE} is missing: run 'groundwork backup {folder}'"
            " again, or give another folder."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactCorrupt(f"{path} is not what a backup wrote ({error}): use another backup.") from error


def _manifest(content: Json) -> BackupManifest:
    fields = JsonFields(content)
    files = tuple(_read(BackedUpFile, entry) for entry in fields.take("files", list))
    artefacts = tuple(_read(StoredArtefact, entry) for entry in fields.take("artefacts", list))
    for path in [one.path for one in files] + [f"{one.kind}/{one.name}" for one in artefacts]:
        if not _SAFE_PATH.fullmatch(path):
            raise ValueError(f"{path!r} is not a path within a home")
    if not all(
        _SHA256.fullmatch(sha256) for sha256 in [one.sha256 for one in files] + [one.sha256 for one in artefacts]
    ):
        raise ValueError("a sha256 is not 64 hexadecimal digits")
    if sum(one.path == CATALOGUE_FILE for one in files) != 1:
        raise ValueError("it names no catalogue")
    manifest = BackupManifest(
        made_at=fields.take("made_at", str),
        identity=fields.take("identity", str),
        sequence=fields.take("sequence", int),
        documents=fields.take("documents", int),
        releases=fields.take("releases", int),
        files=files,
        artefacts=artefacts,
        damaged=fields.take_if_there("damaged", dict) or {},
    )
    fields.end()
    return manifest


def _read(kind: type[_Entry], value: Json) -> _Entry:
    """An entry of texts and whole numbers, as ``asdict`` wrote it."""
    types = get_type_hints(kind)
    entry = JsonFields(value)
    found = kind(**{one.name: entry.take(one.name, types[one.name]) for one in fields_of(kind)})
    entry.end()
    return found
