"""One folder of files on a disk that other users and processes share.

The folder is opened anew for each piece of work and never followed through a link, so it may be removed or replaced at any time. Only
regular files of this user with a single name count as files of ours; whatever else somebody puts there is left alone.

A file is taken by an advisory lock on it (``flock``), not by an expiry time in its name or its modification time: the lock ends with the
process that holds it, however that ends, and no clock that jumps can give one file to two processes, or to none.

Why no package for locks: filelock (110 ms to import) locks a path, which it opens through links and which is a file of its own beside the
data; portalocker (210 ms) makes the same two calls as :func:`lock`. Both leave a child made by fork with the parent's lock.

Limits: a file system that knows no locks (some network mounts) lets every process take every file. Where the system has no calls that
work relative to an open folder (Windows), paths are used, and where it has no user ids, the owner is not checked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from .. import reasons
from ..forks import restart_in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

_HAS_FOLDER_FD = {os.open, os.rename, os.unlink, os.stat} <= os.supports_dir_fd and os.scandir in os.supports_fd
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# A named pipe in place of a file must not make us wait for somebody to write to it.
_FILE_FLAGS = _NO_FOLLOW | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER_FLAGS = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_DIRECTORY", 0)

_REASONS = {
    errno.ENOSPC: reasons.DISK_FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): reasons.DISK_FULL,
    errno.EFBIG: reasons.FILE_SIZE_LIMIT,
    errno.EROFS: reasons.READ_ONLY_DISK,
    errno.EACCES: reasons.NO_PERMISSION,
    errno.EPERM: reasons.NO_PERMISSION,
    errno.EMFILE: reasons.TOO_MANY_FILES,
    errno.ENFILE: reasons.TOO_MANY_FILES,
    errno.ENAMETOOLONG: reasons.PATH_TOO_LONG,
    errno.ENOTDIR: reasons.NOT_A_FOLDER,
    errno.ELOOP: reasons.NOT_A_FOLDER,
    errno.ENOENT: reasons.FOLDER_REMOVED,
}
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class ForeignError(OSError):
    """A folder or file belongs to another user, or is not what it should be."""


def reason(error: OSError | ValueError) -> reasons.Reason:
    """Return what went wrong, as a reason for which nothing can be stored."""
    if isinstance(error, ForeignError):
        return reasons.OTHER_USER
    # open() says ValueError for a path with a null character.
    return _REASONS.get(error.errno or 0, reasons.DISK_ERROR) if isinstance(error, OSError) else reasons.PATH_UNUSABLE


def is_full(error: OSError) -> bool:
    """Return whether freeing space may help."""
    return error.errno in _FULL


if sys.platform == "win32":
    import msvcrt

    _LOCK_AT = 2**30
    """A locked byte cannot be read by others, so one far beyond the end is locked."""

    def lock(fd: int) -> bool:
        """Lock an open file without waiting; return False when another holder has it."""
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, 0, os.SEEK_SET)
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

    def current_user() -> int | None:
        """Return the id of the user as whom this process runs; None where users have none."""
        return None
else:
    import fcntl

    def lock(fd: int) -> bool:
        """Lock an open file without waiting; return False when another holder has it. True where there are no locks: see Limits."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR)
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

    def current_user() -> int | None:
        """Return the id of the user as whom this process runs; None where users have none."""
        return os.geteuid()


class _OpenFiles:
    """Files that this process holds."""

    def __init__(self) -> None:
        self.fds: set[int] = set()

    def restart(self) -> None:
        """Close the copies of the parent's files in a child made by fork: while they are open, the parent's death would not free them."""
        while self.fds:
            with contextlib.suppress(OSError):
                os.close(self.fds.pop())


_taken = _OpenFiles()
restart_in_child(_taken, last=True)


def release(fd: int) -> None:
    """Close a file that :meth:`Folder.take` gave, so that others can take it."""
    _taken.fds.discard(fd)
    # Closing alone would leave the lock to a child, had one been made by a fork that Python knows nothing of.
    with contextlib.suppress(OSError):
        _unlock(fd)
    os.close(fd)


class Folder:
    """An open folder; a context manager. Use :func:`open_folder`.

    Every method raises OSError as the system does.

    Args:
        path: Where it is.
        fd: The open folder, or None where the system has no calls relative to one.
    """

    def __init__(self, path: str, fd: int | None) -> None:
        self._path = path
        self._fd = fd

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def files(self) -> Iterator[tuple[str, int]]:
        """Yield name and size in bytes of each file of ours, in no order."""
        with os.scandir(self._path if self._fd is None else self._fd) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if _is_ours(status):
                    yield entry.name, status.st_size

    def write(self, name: str, data: bytes) -> None:
        """Make a file, whole or not at all: it gets its name once everything is in it. Mode 0600; not forced to the platters."""
        temporary = name + TEMPORARY
        fd = os.open(self._at(temporary), os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE_FLAGS, 0o600, dir_fd=self._fd)
        try:
            try:
                # So that nobody takes the file for one that a dead process left.
                lock(fd)
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            finally:
                os.close(fd)
            self.rename(temporary, name)
        except BaseException:
            self.remove(temporary)
            raise

    def take(self, name: str) -> int:
        """Return an open file, readable and writable, that nobody else holds until :func:`release`.

        A child made by fork does not hold it.

        Raises:
            FileNotFoundError: It is gone.
            ForeignError: It is not a file of ours.
            BlockingIOError: Another holder has it.
        """
        try:
            fd = os.open(self._at(name), os.O_RDWR | _FILE_FLAGS, dir_fd=self._fd)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR):
                raise ForeignError(error.errno, "not a file of this user", name) from error
            raise
        _taken.fds.add(fd)
        try:
            if not lock(fd):
                raise BlockingIOError(errno.EWOULDBLOCK, "held by another", name)
            held = os.fstat(fd)
            named = os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)
            # Between opening and locking, the last holder may have deleted it.
            if not os.path.samestat(held, named):
                raise FileNotFoundError(errno.ENOENT, "replaced", name)
            if not _is_ours(held):
                raise ForeignError(errno.EPERM, "not a file of this user", name)
        except BaseException:
            release(fd)
            raise
        return fd

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Return the content of a file of ours that is held by other means than a lock.

        Raises:
            ForeignError: It is not one.
            OSError: EFBIG: it is longer than the limit.
        """
        fd = os.open(self._at(name), os.O_RDONLY | _FILE_FLAGS, dir_fd=self._fd)
        try:
            if not _is_ours(os.fstat(fd)):
                raise ForeignError(errno.EPERM, "not a file of this user", name)
            data = read(fd, limit_bytes + 1)
        finally:
            os.close(fd)
        if len(data) > limit_bytes:
            raise OSError(errno.EFBIG, "too long", name)
        return data

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        os.rename(self._at(old), self._at(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> bool:
        """Delete a file if that is possible; return whether it is gone."""
        try:
            os.unlink(self._at(name), dir_fd=self._fd)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _at(self, name: str) -> str:
        return name if self._fd is not None else os.path.join(self._path, name)


def read(fd: int, limit_bytes: int) -> bytes:
    """Return the content of an open file, at most so many bytes."""
    pieces = []
    while limit_bytes > 0 and (piece := os.read(fd, min(limit_bytes, 1024 * 1024))):
        pieces.append(piece)
        limit_bytes -= len(piece)
    return b"".join(pieces)


TEMPORARY = ".tmp"
"""Ends the name of a file that is being written."""


def open_folder(path: str, *, make: bool, own: bool = True) -> Folder:
    """Return the folder, open.

    Args:
        path: Where it is; parents may be links, the folder itself may not.
        make: Whether to make it, and the parents that it lacks, with mode 0700.
        own: Whether it must belong to this user.

    Raises:
        FileNotFoundError: There is none.
        ForeignError: It belongs to another user.
        OSError: Any other fault; ValueError: the path holds a null character.
    """
    try:
        return _opened(path, own=own)
    except FileNotFoundError:
        if not make:
            raise
    missing = [path]
    while not os.path.lexists(parent := os.path.dirname(missing[-1])) and parent != missing[-1]:
        missing.append(parent)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            # Another process was faster.
            continue
    return _opened(path, own=own)


def _opened(path: str, *, own: bool) -> Folder:
    if not _HAS_FOLDER_FD:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        return Folder(path, None)
    fd = os.open(path, _FOLDER_FLAGS)
    user = current_user()
    if own and user is not None and os.fstat(fd).st_uid != user:
        os.close(fd)
        raise ForeignError(errno.EPERM, "belongs to another user", path)
    return Folder(path, fd)


def _is_ours(status: os.stat_result) -> bool:
    """Return whether it is a regular file of this user, with one name: a second one may be a trap set by somebody else."""
    user = current_user()
    return stat.S_ISREG(status.st_mode) and (user is None or status.st_uid == user) and status.st_nlink <= 1
