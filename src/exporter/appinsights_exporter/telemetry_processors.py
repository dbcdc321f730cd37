"""Functions of the user that see every item before it is sent, as the retired SDK had them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from . import envelope as _envelope
from .counts import RateLimit
from .foreign import failure

TelemetryProcessor = Callable[[Any], Any]
"""Receives an :class:`~appinsights_exporter.envelope.Envelope`, may change it, and returns False to drop it."""

_logger = logging.getLogger(__name__)


class ProcessorError(Exception):
    """A processor raised something that is no ``Exception``, which is its cause."""


class TelemetryProcessors:
    """The processors of one exporter, in the order in which they were added."""

    def __init__(self) -> None:
        # A tuple that is replaced, so that an export under way in another thread keeps the one it began with.
        self._processors: tuple[TelemetryProcessor, ...] = ()
        self._log_limit = RateLimit()
        self.exist = False
        """Whether there are any; without one no envelope object need be made."""

    def add(self, processor: TelemetryProcessor) -> None:
        """Add a processor behind the others."""
        self._processors += (processor,)
        self.exist = True

    def clear(self) -> None:
        """Remove all processors."""
        self._processors = ()
        self.exist = False

    def apply(self, item: Mapping[str, object]) -> Mapping[str, object] | None:
        """Return the item as the processors leave it, or None when one of them returned False.

        A processor that raises changes nothing about the item's way: the next one gets it. It is logged at most once a minute.

        Raises:
            ProcessorError: It raised ``SystemExit`` or the like, and what it left of the item is not to be sent.
        """
        seen = _envelope.from_wire(item)
        for processor in self._processors:
            try:
                if processor(seen) is False:
                    return None
            except failure() as error:
                if not isinstance(error, Exception):
                    raise ProcessorError from error
                if self._log_limit.due("processor"):
                    _logger.warning("A telemetry processor failed; the item is kept.", exc_info=True)
        return seen
