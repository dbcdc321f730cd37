"""Read by every Python process that has this folder on its path: writes at the end what the exporter's counters say.

The programs of the fault matrix stay unchanged that way, also where a server or a pool starts them. Their children, too: multiprocessing
and Celery's pool end processes without the interpreter's exit, but after finalizers of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import sys
import time

_POOLS = ("multiprocessing.util", "billiard.util")
_armed: set[str] = set()


def _write() -> None:
    counts_module = sys.modules.get("appinsights_exporter.counts")
    if counts_module is None:
        return
    with contextlib.suppress(ImportError, ValueError, OSError):
        # A limit on the size of files is for the program under test.
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    found = []
    for counts in [each for each in gc.get_objects() if type(each) is counts_module.Counts]:
        snapshot = counts.snapshot()
        found.append({name: getattr(snapshot, name, None) for name in type(snapshot).__dataclass_fields__})
    name = os.path.join(os.environ["FAULTS_COUNTS"], f"{os.getpid()}-{time.monotonic_ns()}.json")
    with open(name, "w", encoding="utf-8") as file:
        json.dump(found, file)


def _arm() -> None:
    """Let the child that is about to be made write, too."""
    for name in _POOLS:
        util = sys.modules.get(name)
        if util is not None and name not in _armed:
            _armed.add(name)
            util.register_after_fork(_armed, lambda _, util=util: util.Finalize(None, _write, exitpriority=-1000))


if "FAULTS_COUNTS" in os.environ:
    # The first to be registered is the last to run: after the SDK's and the exporter's own.
    atexit.register(_write)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_arm)
