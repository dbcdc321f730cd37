"""A copy of the program's folder, in which edits are tried out: the user's files are not touched.

======================================  =========================================================
what git knows, and what it would add   copied
files that git ignores, up to 1 MB      copied: `.env`, local settings
virtual environments in the folder      linked
other folders that git ignores          left out, but for those that are named
======================================  =========================================================

Without git, `.gitignore` counts likewise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.scan.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_LARGEST_IGNORED_BYTES = 1_000_000
_CACHE = "__pycache__"


def root_of(paths: Sequence[str]) -> Path:
    """Return the folder to copy: that of the repository, else the current one.

    Args:
        paths: What is edited, which is below it.

    Raises:
        CommandError: There is no such folder.

    """
    here = Path.cwd().resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    outside = [path for path in paths if not _is_below(Path(path).resolve(), root)]
    if outside:
        raise CommandError(
            2, f"--verify: expected files below {str(root)!r}, got {outside[0]!r}; run the command in the folder of the program"
        )
    if root == Path(root.anchor) or (root == Path.home() and not (root / ".git").exists()):
        raise CommandError(2, f"--verify copies the folder of the program, and {str(root)!r} is none; run the command in that folder")
    return root


def _is_below(path: Path, root: Path) -> bool:
    return path == root or root in path.parents


@dataclass(slots=True)
class Copy:
    """The copy: made once, and put back into its first state before each run."""

    root: Path
    folder: Path
    """The copy of `root`."""
    _files: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    """Path below the folder -> size and time of its state as copied; None for a link."""
    _folders: set[str] = field(default_factory=set)

    def fill(self, also: Iterable[str], progress: Callable[[str], None]) -> None:
        """Copy the files.

        Args:
            also: Paths below the root that are copied, too, though git ignores them.
            progress: Gets a short text now and then.

        Raises:
            CommandError: A file cannot be copied.

        """
        try:
            for number, path in enumerate(self._listed(also), 1):
                if number % 500 == 0:
                    progress(f"copying the folder: {number:,} files")
                self._copy(path)
        except OSError as error:
            raise CommandError(3, f"--verify cannot copy {error.filename!r}: {error.strerror}") from None

    def put(self, texts: Mapping[str, bytes]) -> None:
        """Undo what runs have left, then write some files.

        Args:
            texts: Path below the root -> what its file has.

        """
        self._restore({*texts})
        for path, text in texts.items():
            target = self.folder / path
            if target.is_symlink():
                target.unlink()
                shutil.copy2((self.root / path).resolve(), target)
            target.write_bytes(text)
            self._files[path] = (-1, -1)  # to be restored

    def inside(self, path: str) -> str | None:
        """Return where a path of the original is in the copy; None for one that is not there, or only linked."""
        original = os.path.abspath(path)
        below = os.path.relpath(original, self.root)
        if below.startswith(os.pardir) or os.path.isabs(below):
            return None
        parts = Path(below).parts
        if any((self.folder / Path(*parts[:count])).is_symlink() for count in range(1, len(parts))):
            return None
        found = self.folder / below
        return str(found) if found.exists() else None

    def _listed(self, also: Iterable[str]) -> Iterator[str]:
        yield from _by_git(self.root, "") if (self.root / ".git").exists() and shutil.which("git") else _by_walk(self.root)
        for each in also:
            path = os.path.relpath(os.path.abspath(each), self.root)
            if path.startswith(os.pardir) or not os.path.lexists(self.root / path):
                raise CommandError(2, f"--copy: expected a path below {str(self.root)!r}, got {each!r}")
            yield from _below(self.root, path)

    def _copy(self, path: str) -> None:
        source, target = self.root / path, self.folder / path
        if path in self._files or not os.path.lexists(source):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        self._folders |= {str(folder) for folder in Path(path).parents}
        if source.is_symlink():
            end = Path(os.readlink(source))
            below = end.is_absolute() and _is_below(end, self.root)
            target.symlink_to(
                self.folder / end.relative_to(self.root) if below else end if end.is_absolute() else _kept(source, end, self.root)
            )
            self._files[path] = None
        elif source.is_dir():  # a virtual environment
            target.symlink_to(source)
            self._files[path] = None
        elif source.is_file():
            shutil.copy2(source, target)
            self._files[path] = _state(target)

    def _restore(self, edited: set[str]) -> None:
        kept = {str(Path(path).with_suffix("")) for path in edited}
        for folder, folders, files in os.walk(self.folder):
            here = os.path.relpath(folder, self.folder)
            is_cache = os.path.basename(folder) == _CACHE
            for name in [*files, *(each for each in folders if os.path.islink(os.path.join(folder, each)))]:
                path = os.path.normpath(os.path.join(here, name))
                stem = os.path.join(os.path.dirname(here), name.partition(".")[0])
                # Bytecode is told from its source by a time in seconds and a size: of an edited file it may be an older one.
                stays = is_cache and stem not in kept and self._was_edited.isdisjoint({stem})
                if path not in self._files and not stays:
                    os.unlink(self.folder / path)
            for name in folders:
                path = os.path.normpath(os.path.join(here, name))
                if name != _CACHE and path not in self._folders and not os.path.islink(self.folder / path):
                    shutil.rmtree(self.folder / path, ignore_errors=True)
            folders[:] = [name for name in folders if name == _CACHE or os.path.normpath(os.path.join(here, name)) in self._folders]
        for path, state in list(self._files.items()):
            target = self.folder / path
            if state is None:
                if not target.is_symlink():
                    del self._files[path]
                    self._copy(path)
            elif _state(target) != state:
                target.unlink(missing_ok=True)
                del self._files[path]
                self._copy(path)
        self._was_edited = kept

    _was_edited: set[str] = field(default_factory=set)
    """Edited files of the run before, without their suffix."""


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _kept(source: Path, end: Path, root: Path) -> Path:
    """Return where a relative link leads in the copy: the same way, where that stays inside."""
    return end if _is_below(Path(os.path.normpath(source.parent / end)), root) else Path(os.path.normpath(source.parent / end))


def _by_git(root: Path, below: str) -> Iterator[str]:
    """Yield paths below the root, of a repository in a folder below it."""
    folder = root / below
    ignored = set(_git(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"))
    for path in [*_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), *ignored]:
        source, name = folder / path.rstrip("/"), os.path.join(below, path.rstrip("/"))
        if source.is_symlink() or source.is_file():
            if path not in ignored or source.is_symlink() or source.stat().st_size <= _LARGEST_IGNORED_BYTES:
                yield name
        elif (source / "pyvenv.cfg").exists():
            yield name
        elif source.is_dir() and path not in ignored and (source / ".git").exists():
            yield from _by_git(root, name)
        elif source.is_dir() and path not in ignored:
            yield from _below(root, name)


def _git(folder: Path, *words: str) -> list[str]:
    answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)  # noqa: S603, S607 -- git, of the user's PATH
    if answer.returncode:
        raise CommandError(3, f"--verify copies what git knows, and git said: {answer.stderr.decode(errors='replace').strip()}")
    return list(dict.fromkeys(os.fsdecode(path) for path in answer.stdout.split(b"\0") if path))


def _by_walk(root: Path) -> Iterator[str]:
    for found in walk([str(root)]):
        if isinstance(found, str):
            yield os.path.relpath(found, root)
    for entry in os.scandir(root):
        if (entry.is_dir() and os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))) or (
            entry.is_file() and entry.stat().st_size <= _LARGEST_IGNORED_BYTES
        ):
            yield entry.name


def _below(root: Path, path: str) -> Iterator[str]:
    """Yield a file, or the files of a folder, but for caches."""
    if (root / path).is_symlink() or not (root / path).is_dir():
        yield path
        return
    for folder, folders, files in os.walk(root / path):
        folders[:] = [name for name in folders if name not in (_CACHE, ".git")]
        for name in [*files, *(each for each in folders if os.path.islink(os.path.join(folder, each)))]:
            yield os.path.relpath(os.path.join(folder, name), root)
