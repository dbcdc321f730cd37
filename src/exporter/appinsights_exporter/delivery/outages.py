"""What the log says while telemetry cannot be sent: one warning when that begins, with its cause, and one line when it is over.

An outage has a warning for each of its causes, so that a certificate that is not accepted is said although the host was not found before.
An endpoint that comes and goes has one a minute for each cause.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..counts import RateLimit
from ..notices import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from .classify import Retry

_logger = logging.getLogger(__name__)


class Outage:
    """Whether one destination takes telemetry, and what was logged of that; safe for several threads.

    Args:
        url: Where telemetry goes; its host is named.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._host = _host(url)
        self._log_limit = RateLimit(clock=clock)
        self.restart()

    def restart(self) -> None:
        """Know of no outage: for a child made by fork, whose parent may have held the lock."""
        # Guards what is below.
        self._lock = threading.Lock()
        self._under_way = False
        self._causes: set[str] = set()
        self._unlogged: str | None = None
        self._logged = False

    def failed(self, outcome: Retry, items: int) -> None:
        """Note that items could not be sent; :meth:`log` follows when it is known where they are kept."""
        cause = f"{outcome.reason.text}: {outcome.cause}" if outcome.cause else outcome.reason.text
        _logger.debug("%d items could not be sent to %s: %s.", items, self._host, cause)
        with self._lock:
            self._under_way = True
            if not outcome.quiet and cause not in self._causes:
                self._causes.add(cause)
                if self._log_limit.due(cause):
                    self._unlogged = cause

    def log(self, place: str | None, wait_s: float | None) -> None:
        """Log what was noted and not logged yet.

        Args:
            place: Where the items are kept; None where they could not be.
            wait_s: How long the endpoint is left alone, seconds; None where this process ends.
        """
        if self._unlogged is None:
            return
        with self._lock:
            cause, self._unlogged = self._unlogged, None
            if cause is None:
                return
            self._logged = True
        if place is None:
            rest = "It cannot be stored either, and is lost."
        elif wait_s is None:
            rest = f"It is kept {place}; a later process sends it."
        else:
            rest = f"It is kept {place}; the next try is in {max(1, round(wait_s))} s. A log line follows when it is sent again."
        # Outside the lock: a log handler may export, and come back here.
        say(_logger, logging.WARNING, "Telemetry cannot be sent to %s (%s). %s", self._host, cause, rest)

    def over(self) -> None:
        """Note that the service takes telemetry."""
        if not self._under_way:
            return
        with self._lock:
            logged = self._logged
            self._under_way = self._logged = False
            self._unlogged = None
            self._causes.clear()
        if logged:
            say(_logger, logging.INFO, "Telemetry is sent to %s again.", self._host)


def _host(url: str) -> str:
    """Return the host and port of an address, without what else may stand there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the endpoint"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host or "the endpoint"
