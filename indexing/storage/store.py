"""What an artefact store promises: published whole, never changed, told apart by kind and name; and named locks."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from indexing.records import Json

MANIFEST = "manifest.json"
BUILD_LOCK = "build"
"""The lock of everything that plans, writes or removes what builds make: one at a time in a home."""


class ArtefactKind(str):
    """A kind of artefacts, declared beside what owns it: its name, and what only its owner knows of it.

    It is a string, the name, so that a kind that has nothing to say of itself may be a plain one.
    """

    remedy: str
    """What to do when such an artefact is missing or corrupt: a sentence that ends the message of an error."""
    has_kinds: bool
    """Whether its artefacts stand in kinds below it, as ``features/VIEW``."""
    may_be_restored: bool
    """Whether a folder of it without a manifest is kept, since a person may be restoring it from a backup."""

    def __new__(
        cls,
        name: str,
        *,
        remedy: str = "Build again to restore it.",
        has_kinds: bool = False,
        may_be_restored: bool = False,
    ) -> "ArtefactKind":
        """Declare the kind ``name``."""
        kind = super().__new__(cls, name)
        kind.remedy, kind.has_kinds, kind.may_be_restored = remedy, has_kinds, may_be_restored
        return kind

    @classmethod
    def of(cls, name: str) -> "ArtefactKind":
        """The kind itself where it is declared, else one of that name that is like most."""
        return name if isinstance(name, ArtefactKind) else cls(name)

    def below(self, name: str) -> "ArtefactKind":
        """The kind ``name`` below this one, with its remedy."""
        return ArtefactKind(f"{self}/{name}", remedy=self.remedy, may_be_restored=self.may_be_restored)


@dataclass(frozen=True, slots=True)
class Draft:
    """An artefact being written: put files into ``path`` and facts about them into ``info``."""

    path: Path
    info: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A published artefact: its folder on this machine, its facts, and its files with ``size_bytes`` and ``sha256``."""

    kind: str
    name: str
    path: Path
    info: dict[str, Json]
    files: dict[str, dict[str, Json]]

    @property
    def size_bytes(self) -> int:
        """The size of all files without the manifest."""
        return sum(int(entry["size_bytes"]) for entry in self.files.values())


class Storage(Protocol):
    """What every store of artefacts promises.

    * Publishing is atomic: a name exists with all its files, or not at all.
    * A published artefact is never modified; publishing a name again keeps the first one.
    * A file that is open or mapped stays readable after ``delete``.
    * ``list`` never shows an unfinished artefact.
    * A lock has one holder at a time among all that opened the store, and is free when its holder ends, even
      when that is killed.

    A ``kind`` is an ``ArtefactKind``, whose remedy is in the messages of errors, or a plain name.
    """

    def identity(self) -> str:
        """A random name of this store, the same for all who ever open it: 32 hexadecimal digits.

        The first caller makes it, also when many ask at once, and it outlives the deletion of every artefact.
        """
        ...

    def publish(self, kind: str, name: str) -> AbstractContextManager[Draft]:
        """A context manager that gives a ``Draft`` and publishes it when the block ends without an error."""
        ...

    def exists(self, kind: str, name: str) -> bool:
        """Whether the artefact is published."""
        ...

    def open(self, kind: str, name: str) -> Artefact:
        """The artefact, sizes checked; sha256 checked too the first time this machine sees these files."""
        ...

    def verify(self, kind: str, name: str) -> Artefact:
        """The artefact, the sha256 of every file checked now."""
        ...

    def kinds(self, prefix: str) -> "list[ArtefactKind]":
        """The kinds directly below ``prefix`` (``features`` gives ``features/VIEW``), sorted, with its remedy."""
        ...

    def list(self, kind: str) -> list[str]:
        """The names of all published artefacts of a kind, sorted."""
        ...

    def describe(self, kind: str, name: str) -> Artefact:
        """The artefact, only sizes checked: for what looks at manifests and not into files."""
        ...

    def delete(self, kind: str, name: str) -> None:
        """Remove the artefact; removing one that does not exist is no error."""
        ...

    def sweep(self, kinds: Iterable[ArtefactKind], *, older_than_seconds: float = 0.0) -> int:
        """Remove what has no manifest in these kinds, as killed publishers leave it, and say how much.

        Nothing may publish meanwhile, unless only what is ``older_than_seconds`` is removed and nothing takes as long.
        A kind that ``may_be_restored`` keeps its folders without a manifest.
        """
        ...

    def lock(self, name: str, what: str | None = None) -> AbstractContextManager[None]:
        """A context manager that holds the lock ``name`` of this store while its block runs.

        Args:
            name: Letters only, such as ``build``; locks of different names do not know each other.
            what: What the holder does, for the message to others; by default the name.

        Raises:
            AlreadyRunning: it is held elsewhere; the message says by which process, if that is known. It never waits.
        """
        ...
