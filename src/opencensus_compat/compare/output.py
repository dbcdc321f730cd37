"""Files that reports are written to."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from opencensus_compat.local.commands.terminal import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def check_output(option: str, path: Path) -> None:
    """Raise, before any program runs, where a report cannot be written.

    Args:
        option: Which named it.
        path: The file.

    Raises:
        CommandError: The message says why.

    """
    problem = ""
    if path.is_dir():
        problem = "it is a folder"
    elif not path.absolute().parent.is_dir():
        problem = f"there is no folder {str(path.absolute().parent)!r}"
    elif not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        problem = "permission denied"
    if problem:
        raise CommandError(2, f"{option}: cannot write {str(path)!r}: {problem}")


def save_output(option: str, path: Path, text: str) -> None:
    """Write a report, whole or not at all.

    Args:
        option: Which named the file.
        path: The file.
        text: What it gets.

    Raises:
        CommandError: The message says why it cannot be written.

    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device
            path.write_text(text, encoding="utf-8")
            return
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
        try:
            unfinished.write_text(text, encoding="utf-8", newline="")
            if path.exists():
                shutil.copymode(path, unfinished)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(2, f"{option}: cannot write {str(path)!r}: {error.strerror or error}") from None
