"""The exit status of a process that a Ctrl+C ends, where the first export comes after it.

Without this package such a process ends by the signal, which shells and supervisors see. Up to Python 3.13 the interpreter knows that nobody
caught the Ctrl+C until it next executes a text, as it does for modules that make classes from one: the first export imports such modules
(dataclasses, named tuples), and then the status would be 1. A text that raises the same again reminds the interpreter.

Exporters call it when they are shut down, which is after their last export, whoever made their providers and when.

Cost: nothing until the process ends, then one comparison; the text is executed after a Ctrl+C only, in some fifty microseconds.
To switch it off: ``appinsights_exporter.delivery.interrupt.restore = lambda: None``.
``test_status`` in ``tests/exporter/test_exit.py`` fails without it; ``test_status_of_a_program_that_wants_no_reminder`` has the switch.
"""

from __future__ import annotations

import contextlib
import sys


def restore() -> None:
    """Let a Ctrl+C that nobody caught end the process by the signal, as it does without this package."""
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - the text is this one
