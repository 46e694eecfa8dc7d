"""What an artefact store promises: published whole, never changed, told apart by kind and name."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from indexing.records import Json

MANIFEST = "manifest.json"


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
    """

    def identity(self) -> str:
        """A random name of this store, the same for everybody who ever opens it: 32 hexadecimal digits.

        It is made by whoever asks first, also when many ask at once, and it outlives the deletion of every artefact.
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

    def kinds(self, prefix: str) -> list[str]:
        """The kinds directly below ``prefix`` (``features`` gives ``features/VIEW``), sorted."""
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

    def sweep(self) -> int:
        """Remove what has no manifest, as killed publishers leave it, and say how much. Nobody may publish meanwhile.

        A model's folder without one stays: a person may restore it.
        """
        ...
