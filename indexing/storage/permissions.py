"""Who may read the files of a home: its owner, the members of one group, and no other user of the machine."""

import errno
import grp
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from indexing.errors import InvalidInput

PRIVATE_FILE = 0o600
"""Catalogue, keys, locks: the owner alone. Workers of another user need none of them."""
SHARED_FILE = 0o640
"""Files of artefacts, markers, reports: the owner writes, the group reads."""
PRIVATE_NAMES = ("catalogue.db", "catalogue.db-wal", "catalogue.db-shm", "catalogue.db-journal", "api-key", "reserve")
"""Files of a home that are the owner's alone, wherever they stand; files that end in ``.lock`` are, too."""
_FOLDER, _GROUP_FOLDER, _GROUP_ROOT = 0o750, 0o2770, 0o3770
_NOT_OURS = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP, errno.ENOENT)


@dataclass(frozen=True, slots=True)
class Permissions:
    """The modes and the group of what is written into a home.

    Without a ``group`` everything keeps the group of the process, which may read artefacts and write nothing, unless
    the process's umask takes that, too: rights are only ever taken away. With one, the modes are these whatever the
    umask is, and its members may publish and delete artefacts as well: workers that run as another user do both. They
    may add to the home's own folder but, since it is sticky, remove nothing from it that is not theirs.
    """

    group: int | None = None
    """A number of a group that this process may give files to; ``None`` for the group of the process."""

    @property
    def folder_mode(self) -> int:
        """The mode of every folder in a home."""
        return _FOLDER if self.group is None else _GROUP_FOLDER

    @property
    def root_mode(self) -> int:
        """The mode of a home's own folder."""
        return _FOLDER if self.group is None else _GROUP_ROOT

    def share_file(self, path: Path) -> None:
        """Let the owner write and the group read a new file, and no one else; another user's file is left as it is."""
        self._apply(path, SHARED_FILE)

    def share_draft(self, path: Path) -> None:
        """The same for a file in a folder that ``make_folder`` has just made, whatever mode a library gave the file.

        The folder tells what the umask leaves, which cannot be asked for without changing it for all threads.
        """
        if self.group is None:
            self._set(path, SHARED_FILE & path.parent.stat().st_mode)
        else:
            self._apply(path, SHARED_FILE)

    def make_folder(self, path: Path, root: Path) -> None:
        """Make a folder at or below ``root``, the folder of a home, with all that are missing above it.

        Folders above ``root`` are made as the process's umask has them.

        Raises:
            OSError: it cannot be made.
        """
        if path == root:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.parent.is_dir():
            self.make_folder(path.parent, root)
        try:
            path.mkdir(mode=_FOLDER)
        except FileExistsError:
            if not path.is_dir():
                raise
            return
        self._apply(path, self.root_mode if path == root else self.folder_mode)

    def tighten(self, root: Path, names: Collection[str]) -> int:
        """Give the files of an older home the modes that new ones get, as far as they are this user's.

        The files of ``PRIVATE_NAMES`` are looked at every time. The rest is walked through once: when it is done,
        ``root`` gets its mode, which says so. Without a group, rights are only taken away.

        Args:
            root: The folder of a home.
            names: The folders and files in it that are the home's to share; all others are left alone.

        Returns:
            How many files and folders got other rights.
        """
        changed = sum(self._correct(path, PRIVATE_FILE) for path in root.iterdir() if _is_private(path.name))
        if root.stat().st_uid != os.geteuid() or self._is_right(root.stat(), self.root_mode):
            return changed
        for name in names:
            changed += sum(self._correct(path, self._mode_of(path)) for path in _walk(root / name))
        return changed + self._correct(root, self.root_mode)

    def _mode_of(self, path: Path) -> int:
        if path.is_dir():
            return self.folder_mode
        return PRIVATE_FILE if _is_private(path.name) else SHARED_FILE

    def _is_right(self, found: os.stat_result, mode: int) -> bool:
        """Whether something has the rights that ``mode`` gives: fewer are as good where no group is to read it."""
        mine = stat.S_IMODE(found.st_mode)
        if self.group is None or mode == PRIVATE_FILE:
            return not mine & ~mode
        return mine == mode and found.st_gid == self.group

    def _correct(self, path: Path, mode: int) -> bool:
        """Give a file or folder of this user the rights of ``mode``; gives whether it had others."""
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or self._is_right(found, mode):
                return False
        except FileNotFoundError:  # gone meanwhile
            return False
        return self._apply(path, mode)

    def _apply(self, path: Path, mode: int) -> bool:
        if self.group is not None and mode != PRIVATE_FILE:
            return self._set(path, mode, self.group)
        try:
            left = path.stat().st_mode & mode  # what the umask or a person took stays taken
        except FileNotFoundError:  # gone meanwhile
            return False
        return self._set(path, left)

    def _set(self, path: Path, mode: int, group: int | None = None) -> bool:
        try:
            if group is not None:
                os.chown(path, -1, group)
            path.chmod(mode)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            return False
        return True


def permissions_for(group: str | None) -> Permissions:
    """The permissions under a group's name or number, as ``GROUNDWORK_GROUP`` has it; ``None`` for no group.

    Raises:
        InvalidInput: there is no such group, or this user is not a member of it.
    """
    if group is None:
        return Permissions()
    try:
        number = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise InvalidInput(
            f"GROUNDWORK_GROUP names the group {group!r}, which this machine does not have: expected the name or the"
            " number of a group (see 'getent group')."
        ) from None
    if os.geteuid() != 0 and number not in {os.getegid(), *os.getgroups()}:
        raise InvalidInput(
            f"GROUNDWORK_GROUP names the group {group!r}, of which the user of this process (number {os.geteuid()}) is"
            " not a member: add the user to the group, then log in again."
        )
    return Permissions(number)


def _is_private(name: str) -> bool:
    return name in PRIVATE_NAMES or name.endswith(".lock")


def _walk(folder: Path) -> Iterator[Path]:
    """A file, or a folder with everything below it, links not followed; nothing where there is none."""
    if folder.exists() and not folder.is_symlink():
        yield folder
        for path, folders, files in os.walk(folder):
            yield from (Path(path, name) for name in (*folders, *files))
