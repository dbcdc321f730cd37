"""Files as they are on disk: encoding, byte-order mark, line ends, mode; written whole or not at all."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import subprocess
import tempfile
import tokenize
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opencensus_compat.scan import notebooks, python_uses

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Sequence

    from opencensus_compat.scan.notebooks import Notebook

_GENERATED = re.compile(rb"^\s*(?:#|//|;).*(?:@generated\b|\bgenerated\b(?!-)|\bdo not edit\b)", re.IGNORECASE)
_HEAD_LINES = 10
_OF_OPENCENSUS = re.compile(
    rb"\.(?:span|end_span|current_span|add_attribute(?:_to_current_span)?|add_annotation|add_message_event|trace_decorator|finish)\("
)
"""Methods of tracers and spans that OpenTelemetry's have not."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file in UTF-8, and how it is written."""

    text: bytes
    encoding: str = "utf-8"
    has_mark: bool = False
    """It begins with a byte-order mark."""
    notebook: Notebook | None = None
    """The one whose cells the text is."""

    @property
    def line_end(self) -> bytes:
        """What ends its first line."""
        match = re.search(rb"\r\n|\r|\n", self.text)
        return match[0] if match else b"\n"

    @property
    def is_generated(self) -> bool:
        """Whether a comment at its head says that a tool makes it."""
        return any(_GENERATED.match(line) for line in self.text.splitlines()[:_HEAD_LINES])

    def tree(self) -> ast.Module:
        """Return its syntax tree, with places in bytes of UTF-8, whichever encoding the text declares.

        Raises:
            SyntaxError, ValueError, RecursionError, MemoryError: Python cannot parse it.
        """
        return python_uses.parse(self.text.decode("utf-8"))

    def encoded(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            UnicodeEncodeError: The text has a character that the encoding lacks.
            ValueError: The text does not fit the cells of the notebook.
        """
        if self.notebook is not None:
            return self.notebook.with_text(self.text)
        body = self.text if self.encoding == "utf-8" else self.text.decode("utf-8").encode(self.encoding)
        return (codecs.BOM_UTF8 if self.has_mark else b"") + body

    def with_text(self, text: bytes) -> Source:
        """Return the same file with another text."""
        return replace(self, text=text)

    def place(self, line: int) -> tuple[int, int]:
        """Return cell and line of a line of the text, as people count: from 1, and no cell but in notebooks."""
        return self.notebook.place(line) if self.notebook is not None else (0, line)


def decoded(data: bytes, path: str = "") -> Source:
    """Return the text of the bytes of a Python file, or of a notebook.

    Args:
        data: The bytes.
        path: Its name tells a notebook.

    Raises:
        SyntaxError: The declared encoding does not exist, or a character is not of it.
        ValueError: It is named as a notebook, and is none.
    """
    if path.endswith(notebooks.SUFFIX):
        notebook = notebooks.read(data)
        return Source(notebook.text, notebook=notebook)
    has_mark = data.startswith(codecs.BOM_UTF8)
    body = data.removeprefix(codecs.BOM_UTF8)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(body).readline)
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise SyntaxError(f"not {encoding}: {error}") from error
    if encoding in {"utf-8", "utf-8-sig"}:
        return Source(body, "utf-8", has_mark)
    return Source(text.encode("utf-8"), encoding, has_mark)


def parsed(source: Source) -> ast.Module | None:
    """Return the tree of a text; None where Python cannot parse it, or the cells of a notebook are not what they were."""
    try:
        if source.notebook is not None:
            source.encoded()
        return source.tree()
    except (SyntaxError, ValueError):
        return None


def read(path: str) -> bytes:
    """Return the bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> None:
    """Replace the content of a file. It has the old one or the new one at any time, and keeps its mode; a link stays a link.

    Raises:
        OSError: It may not be written.
    """
    target = os.path.realpath(path)
    mode = stat.S_IMODE(os.stat(target).st_mode)
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "the file is read-only", path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".census-compat-")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


class NoGit(Exception):
    """Git is not installed, or the files are in no repository of it."""


def uncommitted(paths: Sequence[str]) -> list[str]:
    """Return those of some files that have changes which git has not in a commit, or that it does not know.

    Raises:
        NoGit: Git cannot tell.
    """
    dirty = set()
    for path in paths:
        folder, name = os.path.split(os.path.abspath(path))
        command = ["git", "-C", folder, "status", "--porcelain", "--ignored", "-z", "--", f":(literal){name}"]
        try:
            answer = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 -- git, of names after `--`
        except OSError as error:
            raise NoGit(f"git cannot be run: {error.strerror}") from error
        if answer.returncode:
            raise NoGit(answer.stderr.decode("utf-8", "replace").strip().partition("\n")[0] or f"git ended with {answer.returncode}")
        if answer.stdout:
            dirty.add(path)
    return [path for path in paths if path in dirty]


def around(path: str) -> tuple[str, ...]:
    """Return where the files are that may use what a file hands on: its repository, else the current folder if it is below it, else those
    beside it, for its folder may be anything, such as the one for temporary files.
    """
    folder = top(path)
    if os.path.isdir(path) or os.path.exists(os.path.join(folder, ".git")) or folder == os.getcwd():
        return (folder,)
    try:
        return tuple(entry.path for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return ()


def top(path: str) -> str:
    """Return the folder whose files may use what a file hands on: that of its repository, else the current folder if the file is below it, else its own."""
    start = os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path) or ".")
    folder = start
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    here = os.getcwd()
    return here if os.path.commonpath([here, start]) == here and here != os.path.dirname(here) else start


def matters(path: str, called: Collection[str]) -> bool:
    """Return whether a change of others may concern a file that gets nothing of OpenCensus by its imports.

    It sets up what is sent, as one that was rewritten before, makes an application that may trace itself, or has settings of Django for one
    place; or it may use what others keep in objects, or call a function that they hand something.

    Args:
        path: The file.
        called: Names of such functions and classes.
    """
    if not path.endswith((".py", notebooks.SUFFIX)):
        return False
    try:
        data = read(path)
    except OSError:
        return False
    return (
        (b"appinsights_exporter" in data and b"configure(" in data)
        or (b"DJANGO_SETTINGS_MODULE" in data and (b"get_wsgi_application" in data or b"get_asgi_application" in data))
        or (b"DATABASES" in data and b"import *" in data)
        or b"ROOT_URLCONF" in data
        or (b"fastapi" in data and b"FastAPI" in data)
        or _OF_OPENCENSUS.search(data) is not None
        or any(f"{name}(".encode() in data for name in called)
    )
