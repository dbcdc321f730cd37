"""What OpenCensus did when gevent had patched the standard library."""

from __future__ import annotations

import logging
from typing import Any

import gevent.monkey  # noqa: F401 - without gevent, there is nothing to be compatible with

_log = logging.getLogger("opencensus.ext.gevent.geventcompatibility")


def patch_opencensus(event: Any) -> None:
    """Change nothing: greenlets have contexts of their own, patched or not.

    OpenCensus put a thread-local `RuntimeContext` in place of the one of context variables, which gevent did not serve then.

    Args:
        event: What gevent tells of its patching, as `gevent.events` has it.
    """
    _log.info("census-compat needs no patch under gevent: each greenlet has its own context")
