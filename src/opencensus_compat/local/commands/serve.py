"""``census-compat local`` without a command: serve until Ctrl-C, and print items as they arrive."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from .. import render
from ..tables import decoded
from .opening import EndpointOptions, summary
from .terminal import as_json, style, terminated_as_interrupted, wait_for_the_end, write, write_error
from .variables import CONNECTION_STRING_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..tables import Row


def serve(options: EndpointOptions, *, follow: bool, json: bool) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Args:
        options: The endpoint.
        follow: Print each item as it arrives.
        json: Print JSON, one document per line.

    """
    printing = threading.Lock()

    def print_rows(rows: Sequence[Row]) -> None:
        lines = []
        for row in rows:
            values = decoded(row.table, row.values)
            if json:
                lines.append(as_json({"event": "item", "table": row.table, "row": values}))
            else:
                lines.append(render.item(row.table, values, style()))
        with printing, contextlib.suppress(OSError):
            write("\n".join(lines))

    with terminated_as_interrupted(), contextlib.suppress(KeyboardInterrupt):
        endpoint = options.open(print_rows if follow else None)
        try:
            with printing:
                if json:
                    said = {"event": "listening", "connectionString": endpoint.connection_string, "url": endpoint.url}
                    write(as_json(said if endpoint.pages_url is None else {**said, "pages": endpoint.pages_url}))
                else:
                    write(endpoint.connection_string)
                    if endpoint.pages_url is not None:
                        write_error(f"Pages: {endpoint.pages_url}")
                    write_error(f"Listening. Set {CONNECTION_STRING_VARIABLE} to the line above; Ctrl-C ends.")
            wait_for_the_end()
        finally:
            endpoint.stop()
            if not json:
                write_error(summary(endpoint))
            endpoint.close()
    return 0
