"""Walks a folder: which of its files are read, which are left out by what rule, and what cannot be entered."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.sources.file_readers import FILE_READERS
from indexing.sources.ignore_files import IgnoreFiles, globs
from indexing.sources.refusals import Refused
from indexing.sources.skipped import LeftOut, Skipped

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file that is read. Source: our choice."""
LEFT_OUT_FOLDERS = frozenset({"node_modules", "_sources"})
"""Folders that are left out by default: packages of others, and Sphinx's copies of what its pages were made from."""
HIDDEN = "hidden"
INCLUDE = "not in --include"
EXCLUDE = "--exclude"
_LEAVES = "the link leaves the source's folder: copy the file here, or read its folder as another source"


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which files of a folder are read, of those whose ending is known.

    Args:
        include: Only what one of these patterns names, in the grammar of ``.gitignore``; none means all.
        exclude: What these patterns name is left out.
        all_files: Read what is left out by default, too: what is hidden, ``LEFT_OUT_FOLDERS``, and what a
            ``.gitignore`` names.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    all_files: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree by its path below the root, or what cannot be entered there and why."""

    path: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """What is below a root: ``entries`` to read or to reject, sorted by path, and what was skipped."""

    entries: Sequence[Entry]
    skipped: Skipped = field(default_factory=Skipped)


def walk(root: Path, choice: FileChoice | None = None) -> Walk:
    """What is below ``root``.

    Raises:
        SourceInvalid: a pattern of the choice cannot be read.
    """
    return _Walker(root, choice or FileChoice()).walk()


class _Walker:
    def __init__(self, root: Path, choice: FileChoice) -> None:
        self._root = root
        self._all_files = choice.all_files
        self._include = globs("--include", choice.include) if choice.include else None
        self._exclude = globs(EXCLUDE, choice.exclude) if choice.exclude else None
        self._ignored = IgnoreFiles(root)
        self._entries: list[Entry] = []
        self._endings: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._folders: Counter[str] = Counter()

    def walk(self) -> Walk:
        for folder, folders, names in os.walk(self._root, onerror=self._unreadable):
            place = self._below(folder)
            if ".gitignore" in names and not self._all_files:
                self._ignored.read(Path(folder))
            folders[:] = [name for name in folders if self._enters(_joined(place, name))]
            for name in names:
                self._take(_joined(place, name))
        for file, reason in self._ignored.unreadable.items() if not self._all_files else ():
            path = Path(os.path.relpath(file, self._root)).as_posix()
            self._entries.append(Entry(path, f"{reason}: make it readable, since what it names is read meanwhile"))
        names_of_rules = sorted({*self._files, *self._folders})
        rules = {rule: LeftOut(self._files[rule], self._folders[rule]) for rule in names_of_rules}
        endings = dict(sorted(self._endings.items(), key=lambda item: (-item[1], item[0])))
        return Walk(sorted(self._entries, key=lambda entry: entry.path), Skipped(endings, rules))

    def _unreadable(self, error: OSError) -> None:
        self._entries.append(Entry(self._below(str(error.filename)), f"{error.strerror}: make the folder readable"))

    def _enters(self, path: str) -> bool:
        if rule := self._rule(path, is_folder=True):
            self._folders[rule] += 1
            return False
        folder = self._root / path
        if folder.is_symlink() and not folder.resolve().is_relative_to(self._root):
            self._entries.append(Entry(path, _LEAVES))
        return True

    def _take(self, path: str) -> None:
        ending = Path(path).suffix.lower()
        rule = self._rule(path, is_folder=False)
        if not rule and ending in FILE_READERS:
            self._entries.append(Entry(path))
        elif not rule:
            self._endings[ending] += 1
        elif ending in FILE_READERS:
            self._files[rule] += 1

    def _rule(self, path: str, *, is_folder: bool) -> str:
        """Why a file or folder is left out; empty for what is read or entered."""
        return next(self._rules(path, is_folder), "")

    def _rules(self, path: str, is_folder: bool) -> Iterator[str]:
        name = path.rpartition("/")[2]
        if self._exclude is not None and self._exclude.match_file(f"{path}/" if is_folder else path):
            yield EXCLUDE
        if not self._all_files:
            if name.startswith("."):
                yield ".git" if name == ".git" else HIDDEN
            if is_folder and name in LEFT_OUT_FOLDERS:
                yield name
            if self._ignored.names(self._root / path, is_folder=is_folder):
                yield "in .gitignore"
        if not is_folder and self._include is not None and not self._include.match_file(path):
            yield INCLUDE

    def _below(self, path: str) -> str:
        below = Path(path).relative_to(self._root).as_posix()
        return "" if below == "." else below


def _joined(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def file_bytes(root: Path, path: str) -> bytes:
    """What a file below ``root`` holds.

    Raises:
        Refused: it is a link that leads out of the root or nowhere, no regular file, or too large.
        OSError: it cannot be read.
    """
    file = root / path
    if file.is_symlink():
        try:
            target = file.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise Refused(f"the link leads nowhere ({error}): remove it, or mend its target") from error
        if not target.is_relative_to(root):
            raise Refused(_LEAVES)
    about = file.stat()
    if not stat.S_ISREG(about.st_mode):
        raise Refused("it is not a regular file: replace it by one, or remove it")
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Refused(f"it has {about.st_size} bytes, more than {MAX_FILE_BYTES}: split it into several files")
    return data
