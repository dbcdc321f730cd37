"""Environment variables whose values OpenTelemetry refuses: removed before it is imported, so that a program that never read them starts.

An unchanged OpenCensus program has nothing of OpenTelemetry in its own code. Importing this module takes such variables out of the
environment of the process, and out of that of its children, and one warning names them.
"""

from __future__ import annotations

import os

from opencensus_compat._bridge.refused_variables import set_aside

_problems = set_aside(os.environ)
if _problems:
    import logging

    logging.getLogger("opencensus_compat").warning(
        "Environment variables whose values OpenTelemetry refuses are ignored in this process: %s", ", ".join(_problems)
    )
