"""A destination: one Application Insights resource, that is instrumentation key, ingestion endpoint and credential.

It is cheap: each signal has a *part* in it that is made when the signal first needs it. Nothing here imports the OpenTelemetry SDK; the
parts' own modules do (`spans`, `logs` and `metrics`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline import taken as _taken
from opencensus_compat._bridge.pipeline.ending import add_grace_period, add_part, flush_queue
from opencensus_compat._bridge.pipeline.part import AnyPart, Batching
from opencensus_compat._bridge.process import METRICS, log_once, report, restart_in_child

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import BaseObject, Settings

__all__ = ["Destination", "MakePart"]

_logger = logging.getLogger("opencensus_compat")

_LOGGED_S = 1.0
"""How long an export of spans with exceptions waits for records that are on their way, seconds."""

MakePart: TypeAlias = "Callable[[Settings, Mapping[str, object], Batching], AnyPart]"
"""Makes a part of settings, context tags and batching; a class of parts is one."""

_BATCHING = (
    ("export_interval", "export_interval_s"),
    ("max_batch_size", "max_batch_size"),
    ("queue_capacity", "queue_capacity"),
    ("grace_period", "grace_period_s"),
)
"""Legacy option, and the field that it sets."""
_CONFLICT = "another exporter for this resource was created with different settings (%s); the first exporter's settings are kept"


class Destination:
    """One Application Insights resource, with one part for each signal that is used.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries, a mapping that the program may change at any time.
        makers: Signal -> what loads, and returns, the class of its part, or what makes one like it.
        is_direct: Whether telemetry is sent there; else it is for the providers' other processors and readers.
    """

    def __init__(
        self,
        settings: Settings,
        context_tags: Mapping[str, object],
        makers: Mapping[str, Callable[[], MakePart]],
        *,
        is_direct: bool = True,
    ) -> None:
        self.is_direct = is_direct
        self._makers = makers
        self.settings = settings
        self.context_tags = context_tags
        self._batching: dict[str, Batching] = {}
        self._parts: dict[str, AnyPart] = {}
        self.has_log_handlers = False
        """Whether log handlers have been made that send to it."""
        self._lock = threading.Lock()
        self.log_handlers = 0
        """How many have been made."""
        self.exceptions = _taken.Exceptions()
        """Those that log records carry."""
        restart_in_child(self)

    def restart(self) -> None:
        """Begin with a free lock in a child made by fork; the parts that there are stay."""
        self._lock = threading.Lock()

    def bring(self, envelope: Mapping[str, object]) -> bool:
        """Return whether a log record of the same operation brings the exception of a span's item."""
        # Records that were logged before the span ended are known then.
        flush_queue(time.monotonic() + _LOGGED_S)
        return self.exceptions.has(envelope)

    def configure_batching(self, signal: str, options: BaseObject, settings: Settings) -> None:
        """Set how a signal is batched, unless an earlier handle has done that, and log in which options this handle differs.

        A difference in batching alone is no warning: the retired SDK had a queue for each exporter, so programs whose handles differ in
        their intervals are healthy, and nothing is lost.

        Args:
            signal: Of which one.
            options: The handle's options.
            settings: Made of them.
        """
        if not settings.storage_enabled and self.settings.storage_enabled:
            self.settings = _exporter.without_disk(self.settings)
            for part in self.parts():
                part.settings = self.settings
        batching = Batching.of(options)
        if signal not in self._batching:
            add_grace_period(batching.grace_period_s)
        first = self._batching.setdefault(signal, batching)
        conflicts = _exporter.conflicting_settings(settings, self.settings)
        changes_delivery = bool(conflicts)
        # Each metrics exporter has an interval of its own, see `metrics`.
        if signal != METRICS:
            given = {name: getattr(batching, name) for option, name in _BATCHING if option in options}
            others = {name: value for name, value in given.items() if value != getattr(first, name)}
            changes_delivery = changes_delivery or "grace_period_s" in others
            conflicts += [f"{name}={value}" for name, value in others.items()]
        if conflicts:
            log = report if changes_delivery else partial(log_once, _logger.info)
            log(_CONFLICT, ", ".join(conflicts))

    def part(self, signal: str) -> AnyPart:
        """Return a signal's part, making it at the first call; `configure_batching` comes before."""
        found = self._parts.get(signal)
        if found is not None:
            return found
        # Not under the lock: an import waits for other threads' imports.
        make = self._makers[signal]()
        with self._lock:
            if signal not in self._parts:
                # A signal without a handle comes from OpenTelemetry code inside the spans of a handle of another signal.
                batching = self._batching.get(signal) or next(iter(self._batching.values()))
                made = make(self.settings, self.context_tags, batching)
                made.destination = self
                made.is_direct = self.is_direct
                add_part(made)
                self._parts[signal] = made
            return self._parts[signal]

    def made(self, signal: str) -> AnyPart | None:
        """Return a signal's part if it has been made."""
        return self._parts.get(signal)

    def parts(self) -> list[AnyPart]:
        """Return the parts that have been made."""
        return list(self._parts.values())
