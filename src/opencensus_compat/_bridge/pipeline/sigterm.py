"""SIGTERM, for programs that choose so: who chooses, and what is exported before the signal ends the process."""

from __future__ import annotations

import functools
from collections.abc import Callable

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline.ending import end_of_child, grace_period_s, is_ending
from opencensus_compat._bridge.process import on_reset, report
from opencensus_compat._bridge.settings import FLUSH_ON_SIGTERM_VARIABLE, flag

__all__ = ["decide", "watch", "watch_if_configured"]


class _Choice:
    """Whether SIGTERM exports what is queued before it ends the process."""

    is_on: bool | None = None
    """None until `configure`, or the first exporter."""

    def forget(self) -> None:
        """Handle it no more."""
        if self.is_on:
            watch(handles=False)
        self.is_on = None


_choice = _Choice()
on_reset(_choice.forget)


def watch_if_configured() -> None:
    """Handle SIGTERM if the environment variable says so, unless `configure` has decided."""
    if _choice.is_on is None:
        _choice.is_on = flag(FLUSH_ON_SIGTERM_VARIABLE)
        if _choice.is_on and not watch():
            report(
                "%s has no effect: the first exporter is made in another thread than the main one, or SIGTERM has a handler",
                FLUSH_ON_SIGTERM_VARIABLE,
            )


def decide(*, handles: bool) -> bool:
    """Handle SIGTERM or not, whatever the environment variable says, and return whether that could be done."""
    if not watch(handles=handles):
        return False
    _choice.is_on = handles
    return True


def watch(*, handles: bool = True) -> bool:
    """Handle SIGTERM where the program does not, or no more, and return whether that could be done."""
    return _watching()(handles=handles)


@functools.cache
def _watching() -> Callable[..., bool]:
    # Exit hooks export what is queued, in no more time, once the process is ending.
    return _exporter.sigterm_handler(_send, is_ending)


def _send() -> None:
    # It keeps its time by itself, unless what a program has put into the export does not.
    _exporter.run_with_timeout(_end, grace_period_s() + 1.0)


def _end() -> bool:
    end_of_child()
    return True
