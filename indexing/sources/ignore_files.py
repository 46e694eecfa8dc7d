"""Patterns of file names in the grammar of ``.gitignore``: those of a command, and those of the files of that name."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from indexing.errors import SourceInvalid

_MAX_BYTES = 1024 * 1024
"""How much of one ``.gitignore`` is read. Source: our choice."""


def globs(option: str, patterns: Iterable[str]) -> GitIgnoreSpec:
    """The patterns of an option.

    Raises:
        SourceInvalid: one of them is no pattern.
    """
    wanted = list(patterns)
    for pattern in wanted:
        if not list(_readable([pattern])):
            raise SourceInvalid(
                f"{option} {pattern!r} names no file: expected a pattern as in .gitignore, such as '*.md', 'drafts/' or"
                " 'docs/**/*.txt'"
            )
    return GitIgnoreSpec.from_lines(wanted)


class IgnoreFiles:
    """The ``.gitignore`` files of a folder, of those below it, and of those above it in its repository.

    The nearest that names a path decides, as in git. Those above decide nothing where they name the folder itself:
    it was asked for. ``unreadable`` has those that cannot be read, with the reason: what they name is read.
    """

    def __init__(self, root: Path) -> None:
        self._specs: dict[Path, GitIgnoreSpec] = {}
        self.unreadable: dict[Path, str] = {}
        self._top = root
        for folder in _repository_above(root):
            self.read(folder)
            self._top = folder
        if self.names(root, is_folder=True):
            self._specs.clear()

    def read(self, folder: Path) -> None:
        """Read that of one folder, if it has one; lines that are no patterns count nothing, as in git."""
        file = folder / ".gitignore"
        try:
            if not file.is_file():
                return
            with file.open("rb") as opened:
                lines = opened.read(_MAX_BYTES).decode("utf-8", "surrogateescape").removeprefix("\ufeff").splitlines()
        except OSError as error:  # what cannot be read names nothing: too much is read rather than too little
            self.unreadable[file] = error.strerror or str(error)
            return
        self._specs[folder] = GitIgnoreSpec.from_lines(_readable(lines))

    def names(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a path is to be ignored."""
        for folder in path.parents if self._specs else ():
            if folder in self._specs:
                below = path.relative_to(folder).as_posix()
                include = self._specs[folder].check_file(f"{below}/" if is_folder else below).include
                if include is not None:
                    return include
            if folder == self._top:
                break
        return False


def _repository_above(root: Path) -> list[Path]:
    """The folders above ``root`` up to the one that holds its repository; none where there is no repository."""
    above: list[Path] = []
    for folder in (root, *root.parents):
        if folder != root:
            above.append(folder)
        if (folder / ".git").exists():
            return above
    return []


def _readable(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        try:
            spec = GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        if any(pattern.include is not None for pattern in spec.patterns):
            yield line
