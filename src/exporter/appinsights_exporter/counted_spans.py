"""Which ended spans are in standard metrics, and where these go: what processors note and exporters ask.

Apart from :mod:`.standard_metrics`, which few programs load.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from .forks import restart_in_child

if TYPE_CHECKING:
    from .settings import Settings

SCOPE = f"{__package__}.standard_metrics"
"""Instrumentation scope of the instruments."""

Destination = tuple[str, str]
"""Instrumentation key and ingestion endpoint."""


class _State:
    """The destinations of each processor's counts, and of each counted span: the span exporters read them."""

    def __init__(self) -> None:
        self.destinations: dict[int, frozenset[Destination]] = {}
        """Number of a processor to the destinations of its counts."""
        self.counted: weakref.WeakKeyDictionary[ReadableSpan, frozenset[Destination]] = weakref.WeakKeyDictionary()
        """Span to the destinations of the metrics that include it. By identity: every processor of a provider is given the same object."""
        self.restart()

    def restart(self) -> None:
        """Have a free lock: for a child made by fork, in which all that is known stays true."""
        # Guards both: spans end, exporters come and go, and batches are exported in different threads.
        self.lock = threading.Lock()


state = _State()
"""What is known in this process."""
restart_in_child(state)


def register_destination(number: int, settings: Settings) -> None:
    """Register the resource of these settings as a destination: a metric exporter sends the counts of the processor of this number there."""
    with state.lock:
        state.destinations[number] = state.destinations.get(number, frozenset()) | {destination_of(settings)}


def unregister_destination(number: int, settings: Settings) -> None:
    """Unregister the destination: the metric exporter was shut down, and has sent what was counted until now."""
    with state.lock:
        state.destinations[number] = state.destinations.get(number, frozenset()) - {destination_of(settings)}


def are_counted() -> bool:
    """Return whether any span is in standard metrics."""
    return bool(state.destinations)


def is_counted(span: object, settings: Settings) -> bool:
    """Return whether a span is in standard metrics that a metric exporter of this process sends to the resource of these settings.

    Args:
        span: As the processors were given it; anything else is in none.
        settings: The span exporter's.
    """
    if not are_counted() or not isinstance(span, ReadableSpan):
        return False
    with state.lock:
        return destination_of(settings) in state.counted.get(span, ())


def destination_of(settings: Settings) -> Destination:
    """Return what tells resources apart."""
    return settings.instrumentation_key, settings.ingestion_endpoint
