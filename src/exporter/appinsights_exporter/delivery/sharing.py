"""One delivery for each destination of the process, which exporters share.

Spans, log records and metrics of one resource have one connection, one back-off and one store. The first exporter's settings make the
delivery; each exporter has a share of it, and the last share closes it.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
import threading
import time
import weakref
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from ..counts import TRACES
from ..forks import importing, restart_in_child
from ..settings import conflicting_settings, delivery_key
from .backoff import Backoff, jitter
from .deadline import Deadline, sending_s
from .deliver import Delivery
from .memory import MemoryStore
from .names import default_folder
from .store import Store
from .transport import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..settings import DeliveryKey, Settings
    from .auth import TokenSource
    from .credentials import TokenCredential
    from .encode import Together
    from .legacy_store import LegacyStore
    from .results import Result

_NEVER = math.inf

_logger = logging.getLogger(__name__)


class SharedDelivery(Delivery):
    """A delivery that knows the settings that it was made from, and who shares it. Those are used under the registry's lock."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            HttpTransport(
                settings.track_url,
                connect_timeout_s=settings.connect_timeout_s,
                read_timeout_s=settings.read_timeout_s,
                proxies=settings.proxies,
            ),
            store=partial(_store, settings) if settings.storage_enabled else None,
            memory=MemoryStore(max_age_s=settings.storage_max_age_s),
            tokens=None if settings.credential is None else _tokens(settings),
            backoff=Backoff(jitter(), time.monotonic, minimum_s=settings.min_backoff_s, maximum_s=settings.max_backoff_s),
            timeout_s=max(settings.connect_timeout_s, settings.read_timeout_s),
            grace_s=settings.grace_period_s,
        )
        self.shares: weakref.WeakSet[Share] = weakref.WeakSet()
        """Those that are open."""
        self._settings = settings
        if settings.counts_file:
            # Loaded where somebody asks for it.
            from .counts_file import listener

            self.counts.listener = listener(settings, self)

    def share(self, settings: Settings) -> Share:
        """Return a share for an exporter with these settings: those about storing on disk count, and others are the first exporter's."""
        conflicting = conflicting_settings(settings, self._settings)
        if conflicting:
            _logger.warning(
                "Another exporter for this resource was created with different settings (%s); the first exporter's settings are kept.",
                ", ".join(conflicting),
            )
        if not settings.storage_enabled:
            self.stop_storing()
        elif settings.take_legacy and self.backlog.legacy is None and self.backlog.may_store:
            self.backlog.legacy = LegacyFinder(settings)
        share = Share(self)
        self.shares.add(share)
        return share

    def stop_storing(self) -> None:
        """Store nothing more; exporters that come later and store by default have no other settings then."""
        super().stop_storing()
        self._settings = replace(self._settings, storage_enabled=False)


class Share:
    """One exporter's share of a delivery. The delivery closes when its last share is shut down or forgotten."""

    def __init__(self, delivery: SharedDelivery) -> None:
        self.counts = delivery.counts
        self._delivery = delivery
        self._deadline = Deadline()
        self._is_shut_down = False

    @property
    def delivery(self) -> SharedDelivery:
        """What is shared."""
        return self._delivery

    def deliver(self, items: Iterable[bytes | Together], signal: str = TRACES) -> Result:
        """Send or keep the items; see :class:`~.results.Delivers`."""
        return self._delivery.deliver(items, signal, deadline=self._deadline)

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing of this share take longer than so many seconds from now."""
        self._deadline.at_s = min(self._deadline.at_s, self._delivery.now_s() + sending_s(timeout_s))
        self._delivery.hurry(timeout_s)

    def hurry(self, timeout_s: float) -> None:
        """Let what is under way, and only that, take no longer than so many seconds from now."""
        self._delivery.hurry(timeout_s)

    def remaining_s(self) -> float:
        """Return the seconds that are left for sending; see :class:`~.results.Delivers`."""
        # Asked for each item: while nothing ends, one call is all that it takes.
        if self._deadline.at_s == _NEVER and not self._delivery.is_ending:
            return _NEVER
        return self._delivery.remaining_s(self._deadline.at_s)

    def shutdown(self, timeout_s: float) -> None:
        """Refuse further items and wait for those under way; the last share closes the delivery."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self.set_deadline(timeout_s)
        # Where several destinations end one after another, the deadline that all of them were given counts, and not one for each.
        left_s = max(0.0, min(timeout_s, self._deadline.at_s - self._delivery.now_s()))
        if _registry.leave(self):
            self._delivery.shutdown(left_s)
        else:
            self._delivery.wait_idle(left_s)


def shared(settings: Settings) -> Share:
    """Return a share of the delivery to the destination that the settings name: one per process, key, endpoint and credential.

    Connects to nothing, touches no disk and starts no thread. The first share's settings count for all.

    Raises:
        ConfigurationError: A credential that cannot work, or an endpoint that no token may be sent to.
    """
    return _registry.join(settings)


def stop_storing(settings: Settings) -> None:
    """Store nothing more for the destination that the settings name, if it has a delivery; see :meth:`Delivery.stop_storing`."""
    _registry.stop_storing(settings)


class LegacyFinder:
    """Finds what the retired exporter left for one destination."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: LegacyStore | None = None

    def __call__(self) -> LegacyStore | None:
        """Return it, or None when there is no such folder."""
        key, given = self._settings.instrumentation_key, self._settings.legacy_folder
        try:
            folder = os.path.join(tempfile.gettempdir(), f"opencensus-python-{key}") if given is None else given
        except OSError:
            return None
        if not os.path.isdir(folder):
            return None
        if self._found is None:
            # On a thread of its own, beside which the program may fork.
            with importing:
                from .legacy_store import LegacyStore

            self._found = LegacyStore(key, given)
        return self._found


class _Registry:
    """The deliveries of this process by destination, kept alive by their shares."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[DeliveryKey, SharedDelivery] = weakref.WeakValueDictionary()
        self.restart()

    def restart(self) -> None:
        """Have a free lock: for a child made by fork."""
        self._lock = threading.Lock()

    def join(self, settings: Settings) -> Share:
        """Return a share of the delivery to the settings' destination; make the delivery if there is none."""
        key = delivery_key(settings)
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = SharedDelivery(settings)
            return found.share(settings)

    def stop_storing(self, settings: Settings) -> None:
        """Store nothing more for the settings' destination, if it has a delivery."""
        with self._lock:
            found = self._known.get(delivery_key(settings))
            if found is not None:
                found.stop_storing()

    def leave(self, share: Share) -> bool:
        """Take a share from its delivery; return whether it was the last, and then give the delivery to nobody any more."""
        delivery = share.delivery
        with self._lock:
            delivery.shares.discard(share)
            if delivery.shares:
                return False
            for key, known in list(self._known.items()):
                if known is delivery:
                    del self._known[key]
            return True


_registry = _Registry()
restart_in_child(_registry)


def _tokens(settings: Settings) -> TokenSource:
    # Few programs have a credential, and load this.
    from .auth import TokenSource

    # The token source checks what it is given.
    credential = cast("TokenCredential", settings.credential)
    return TokenSource(credential, settings.ingestion_endpoint, audience=settings.aad_audience)


def _store(settings: Settings) -> Store:
    folder = default_folder(settings.instrumentation_key, settings.ingestion_endpoint, settings.storage_folder)
    return Store(folder, max_bytes=settings.storage_max_bytes, max_age_s=settings.storage_max_age_s)
