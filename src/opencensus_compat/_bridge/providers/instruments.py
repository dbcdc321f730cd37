"""The instruments of one meter provider: valid names, each of them once, and callbacks of programs that cannot harm its reader.

Nothing here knows OpenCensus's classes: what the instruments measure is said by the viewers that `providers.viewers` names.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opencensus_compat import __version__
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.context import in_empty_context
from opencensus_compat._bridge.process import SCOPE, report, restart_in_child

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

__all__ = ["Instruments", "valid_name", "valid_unit"]

MAX_NAME = 255
MAX_UNIT = 63
"""Longest name and unit of an instrument, characters. Source: OpenTelemetry specification, metrics API, instrument."""

_INVALID = re.compile(r"[^-_./a-zA-Z0-9]")
_NO_START = re.compile(r"^[^a-zA-Z]+")


def valid_name(name: str) -> str:
    """Return a name that OpenTelemetry accepts: the same one if it does.

    Returns: Letters, digits, ``_``, ``-``, ``.`` and ``/``, beginning with a letter, at most 255 characters. Each other character is a
        ``_``; what stands before the first letter is cut off, a digit excepted, which gets a ``n``.
    """
    text = _INVALID.sub("_", name)
    if text[:1].isdigit():
        text = "n" + text
    return _NO_START.sub("", text)[:MAX_NAME] or "unnamed"


def valid_unit(unit: object) -> str:
    """Return a unit that OpenTelemetry accepts: the same one if it does, else none."""
    text = "" if unit is None else str(unit)
    return text if text.isascii() and len(text) <= MAX_UNIT else ""


class _Reading(threading.local):
    """Whether this thread is inside a reader's callback."""

    depth = 0


_reading = _Reading()


class Instruments:
    """The instruments of one meter provider. Threads may make some at the same time.

    Args:
        provider: The meter provider.
    """

    def __init__(self, provider: MeterProvider) -> None:
        # A meter does not keep its provider, which is found again by its identity.
        self.provider = provider
        self._meter: Meter = provider.get_meter(SCOPE, __version__)
        # Under the instruments' names in lower case, as the SDK writes them.
        self._names = _exporter.instrument_names()
        self._taken: set[str] = set()
        self._is_closed = False
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Begin with a free lock in a child made by fork."""
        # Reentrant: an instrument may be made where garbage is collected, in the midst of making another.
        self._lock = threading.RLock()

    def close(self) -> None:
        """Let readers see no more values."""
        self._is_closed = True

    def make(self, make: Callable[[], object]) -> None:
        """Have `make` call `observe` and `histogram`, one such call at a time; it may run after this method has returned.

        The SDK holds a lock while a reader reads, under which the program's own functions run: those of derived gauges. A new instrument
        needs the same lock. Where such a function brings one about, another thread makes it, and waits for the reader.
        """
        if not _reading.depth:
            self._make_now(make)
            return
        # No thread can be started at the end of the interpreter, when no reader would see the instrument either.
        with contextlib.suppress(RuntimeError):
            thread = threading.Thread(target=self._make_now, args=(make,), name="opencensus-instruments", daemon=True)
            _exporter.wait_for_at_end(thread)
            in_empty_context(thread.start)

    def _make_now(self, make: Callable[[], object]) -> None:
        with self._lock:
            make()

    def observe(self, name: str, unit: object, description: object, read: Callable[[], Sequence[Observation]], *, is_gauge: bool) -> None:
        """Make an observable gauge, or an observable counter; called by what `make` was given.

        Args:
            name: Its name in OpenCensus.
            unit: Its unit, likewise.
            description: What it shows, for people; None for nothing.
            read: Returns the values of this moment. It may be the program's: what it raises is logged once.
            is_gauge: Which of the two.
        """
        create = self._meter.create_observable_gauge if is_gauge else self._meter.create_observable_counter
        valid, valid_units, text = self._described(name, unit, description)
        create(valid, [self._guarded(read)], valid_units, text)

    def histogram(self, name: str, unit: object, description: object, bounds: Sequence[float]) -> Histogram:
        """Return a new histogram with bucket boundaries; the rest as for `observe`."""
        described = self._described(name, unit, description)
        if "explicit_bucket_boundaries_advisory" in inspect.signature(self._meter.create_histogram).parameters:
            return self._meter.create_histogram(*described, explicit_bucket_boundaries_advisory=bounds)
        report("this release of OpenTelemetry takes no bucket boundaries from instruments: distributions have its default boundaries there")
        return self._meter.create_histogram(*described)

    def _guarded(self, read: Callable[[], Sequence[Observation]]) -> Callable[[CallbackOptions], Sequence[Observation]]:
        def called(options: CallbackOptions) -> Sequence[Observation]:
            if self._is_closed:
                return ()
            _reading.depth += 1
            try:
                return read()
            except _exporter.failure() as error:  # It may be the program's
                # The SDK would log a traceback at each collection, for each instrument.
                report("a metric could not be read, and is skipped: %r", error)
                return ()
            finally:
                _reading.depth -= 1

        return called

    def _described(self, given_name: object, unit: object, description: object) -> tuple[str, str, str]:
        """Return name, unit and description of a new instrument."""
        given = str(given_name)
        name = valid = valid_name(given)
        number = 1
        # A name means the same metric with all meter providers: exporters know it by nothing else.
        while name.lower() in self._taken or self._names.setdefault(name.lower(), given) != given:
            number += 1
            name = f"{valid[: MAX_NAME - 6]}_{number}"
        if number > 1:
            report("several OpenCensus metrics have the OpenTelemetry name %r: all but the first have a number added", valid)
        self._taken.add(name.lower())
        return name, valid_unit(unit), str(description or "")
