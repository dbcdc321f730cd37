"""``census-compat local --look``: a finished recording for a browser."""

from __future__ import annotations

import contextlib
import os
import webbrowser
from typing import TYPE_CHECKING

from ..pages.api import About, Pages
from ..pages.site import HOME, Site
from ..server import TrackServer
from ..store import Store, StoreError
from .terminal import CommandError, as_json, terminated_as_interrupted, wait_for_the_end, write, write_error

if TYPE_CHECKING:
    from ..pages.api import Comparison


def look(database: str, port: int, *, json: bool, comparison: Comparison | None = None, opens: bool = False) -> int:
    """Show a recording until Ctrl-C or SIGTERM, without accepting anything; return the exit code.

    Args:
        database: The file.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        json: Print the address as JSON.
        comparison: What the recording is compared with.
        opens: Open the address in the user's browser, where there is one.

    Raises:
        CommandError: The file or the port cannot be used.

    """
    try:
        store = Store(database, read_only=True)
    except StoreError as error:
        raise CommandError(2, str(error)) from None
    with contextlib.closing(store), terminated_as_interrupted(), contextlib.suppress(KeyboardInterrupt):
        pages = Pages(store, lambda: About(os.path.basename(database), None), comparison)
        try:
            server = TrackServer(port, None, None, Site(pages))
        except (OSError, OverflowError) as error:
            raise CommandError(2, f"cannot listen on 127.0.0.1 port {port}: {error}") from None
        server.start()
        try:
            address = f"http://127.0.0.1:{server.port}{HOME}"
            write(as_json({"event": "looking", "url": address}) if json else address)
            if not json:
                write_error("Open the address above in a browser; Ctrl-C ends.")
            if opens:
                webbrowser.open(address)
            wait_for_the_end()
        finally:
            server.stop()
    return 0
