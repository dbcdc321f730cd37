"""What the commands write, and to what kind of terminal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn, TextIO

from ..render import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_S = 0.5
"""How often a command that waits for its end looks whether that has come, seconds."""


class CommandError(Exception):
    """Ends a command: a message for standard error and an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def style() -> Style:
    """Return what standard output can show."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((120, 24)).columns
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Style(max(40, width), colour, encoding.startswith("utf"))


def as_json(value: object) -> str:
    """Return a document of one line."""
    return json.dumps(value, separators=(",", ":"))


def write(text: str) -> None:
    """Write a text and a line end to standard output."""
    _write(sys.stdout, text)


def write_error(text: str) -> None:
    """Write a text and a line end to standard error, where there is one."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, text)


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, end the work as Ctrl-C does. What `nohup` started goes on without a terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in ending}
    heard = [number for number in ending if before[number] not in {signal.SIG_IGN, None}]
    for number in heard:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def wait_for_the_end() -> NoReturn:
    """Wait for Ctrl-C, or for SIGTERM where that is the same.

    Raises:
        KeyboardInterrupt: It came.
    """
    never = threading.Event()
    while True:
        # Python notices a signal that comes in the instant before a wait begins only when that has ended.
        never.wait(_LOOK_S)


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
