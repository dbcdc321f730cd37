"""What is being done, on a terminal, for whatever takes longer than a second."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING

from opencensus_compat.local.render import clean, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def doing(what: str, every_s: float = 1.0) -> Iterator[Callable[[str], None]]:
    """Show on the terminal of standard error what the body does, and for how many seconds already; on anything else, show nothing.

    The body gets a function for what it does by now.

    Args:
        what: It ends before the number of seconds.
        every_s: Seconds until it is first shown, and then anew.

    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return
    latest = [what]
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(latest, done, every_s), daemon=True, name="census-compat progress")
    thread.start()
    try:
        yield latest.append
    finally:
        done.set()
        thread.join()


def _show(latest: list[str], done: threading.Event, every_s: float) -> None:
    began = time.monotonic()
    shown = False
    while not done.wait(every_s):
        seconds = f" {time.monotonic() - began:.0f} s"
        # The last column stays free: some terminals go on to the next line after it.
        room = max(10, shutil.get_terminal_size((80, 24)).columns - len(seconds) - 1)
        what = clean(latest[-1])
        _write(f"\r{fit(what, min(room, len(what)), mark='~')}{seconds}\x1b[K")
        shown = True
    if shown:
        _write("\r\x1b[K")


def _write(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        encoding = sys.stderr.encoding or "ascii"
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()
