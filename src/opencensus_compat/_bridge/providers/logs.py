"""Log records of the facade: the queue that they leave their threads by, the provider that they go to, and the handlers' destinations."""

from __future__ import annotations

import atexit
import functools
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opencensus_compat import __version__
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.destinations import destination, make_parts_with
from opencensus_compat._bridge.pipeline.ending import end_of_child, flush_queue_at_exit, set_queue
from opencensus_compat._bridge.process import LOGS, SCOPE, on_reset, process
from opencensus_compat._bridge.providers.common import Feed, adopt_late_provider, delegate, log_created, put_router
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import is_made, note_made

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.destination import Destination
    from opencensus_compat._bridge.pipeline.hand_over import HandOver
    from opencensus_compat._bridge.pipeline.logs import ConvertsRecords, LogPart, LogRouter

__all__ = ["configure_provider", "default_logs", "hand_over", "log_destination", "log_router"]

_WAIT_S = 30.0
"""How long a record waits for another thread to make the logger provider, seconds."""


class _Feed(Feed["LogRouter", "_exporter.LoggerProvider"]):
    """The provider that facade records go to, and the queue by which they come."""

    hand_over: HandOver | None = None
    """The one queue of log records; handlers keep it, so that it is never another."""

    def forget(self) -> None:
        """Know of no provider."""
        super().forget()
        if self.hand_over is not None:
            self.hand_over.clear()
        self.is_claimed = False
        """Whether a thread has begun to find or make the logger provider."""
        self.is_made = threading.Event()
        self.default: tuple[Destination, Callable[[], Any]] | None = None
        """Where records of OpenTelemetry code go that are outside any OpenCensus span, and a reference to the handler that came with it."""


_feed = _Feed()
on_reset(_feed.forget)


def _load_part() -> Callable[..., LogPart]:
    from opencensus_compat._bridge.pipeline.logs import LogPart

    return functools.partial(LogPart, hand_over=hand_over())


make_parts_with(LOGS, _load_part)


def log_destination(
    settings: _exporter.Settings, context_tags: Mapping[str, object], options: _exporter.BaseObject, handle: object
) -> Destination:
    """Return the destination of a log handler; see `destination`.

    What the log part needs is loaded here: at the end of the interpreter, where the first record may come, it cannot be loaded any more.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries.
        options: Legacy options.
        handle: The handler. The first one of the process is that of records that OpenTelemetry code makes.
    """
    _load()
    found = destination(settings, context_tags, LOGS, options)
    queue = hand_over()
    _children.at_end(end_of_child)
    # In OpenTelemetry's shape each signal brings what it has, as where nothing is OpenCensus's.
    if found.is_direct and not found.has_log_handlers and found.settings.envelope_shape == "legacy":
        _exporter.leave_exceptions_to(found, found.settings.instrumentation_key)
    found.has_log_handlers = True
    with process.registry:
        found.log_handlers += 1
        # A record that meets several handlers is put in by each; which one sends it is decided behind the queue.
        queue.ensure_capacity((int(options["queue_capacity"]) or sys.maxsize) * min(found.log_handlers, 2))
        if _feed.default is None:
            _feed.default = (found, weakref.ref(handle))
    current = _exporter.sdk_logs().global_provider()
    if current is not None and (_feed.router is None or current is not _feed.found):
        # OpenTelemetry code logs already, and not only from the first record of OpenCensus on.
        _make_log_router()
        if _feed.is_made.is_set():
            # It may have been set, as in notebooks and tests, in place of an earlier one.
            _look_again()
    return found


@functools.cache
def _load() -> None:
    from opencensus_compat._bridge.pipeline import logs as _log_pipeline  # noqa: F401

    _exporter.load_log_exporter()
    from opencensus_compat._bridge.convert import log_envelopes  # noqa: F401


def default_logs() -> tuple[Destination | None, ConvertsRecords | None]:
    """Return the destination of records of OpenTelemetry code, and the handler that it came with, None where that is gone."""
    found = _feed.default
    return (None, None) if found is None else (found[0], found[1]())


def hand_over() -> HandOver:
    """Return the one queue of this process through which log records leave the threads that log them; handlers keep it."""
    if _feed.hand_over is None:
        from opencensus_compat._bridge.pipeline.hand_over import HandOver

        with process.registry:
            _feed.hand_over = _feed.hand_over or HandOver(log_router)
            set_queue(_feed.hand_over)
        _children.at_end(end_of_child)
    return _feed.hand_over


def log_router() -> LogRouter:
    """Return what log records go through, finding or making the logger provider at the first call.

    Raises:
        RuntimeError: Another thread makes it and has not finished in time.
    """
    if _feed.router is None:
        _make_log_router()
        _feed.is_made.wait(_WAIT_S)
    elif _feed.router.is_alone:
        # The provider was shut down. The application may have set another.
        _look_again()
    made = _feed.router
    if made is None:
        raise RuntimeError("the logger provider has no router")
    return made


def _look_again() -> None:
    """Use the global logger provider if it is another one than before."""
    with process.lock:
        current = _exporter.sdk_logs().global_provider()
        if current is not None and current is not _feed.found and not _feed.is_configured:
            _feed.found = current
            _use_provider(current)


def _make_log_router() -> None:
    """Find or make the logger provider, unless another thread is doing that already; then return without waiting for it."""
    with process.registry:
        if _feed.is_claimed:
            return
        _feed.is_claimed = True
    from opencensus_compat._bridge.providers.made import new_logger_provider

    names = _exporter.sdk_logs()
    # A child made by fork meanwhile would wait for ever.
    with process.loading:
        current = names.global_provider()
        if current is None:
            current = new_logger_provider(default_role())
            note_made(current)
            names.set_global_provider(current)
            log_created(LOGS)
            _delegate_later(current)
        _feed.found = current
        _use_provider(current)


def _delegate_later(made: _exporter.LoggerProvider) -> None:
    """Take over a logger provider that the application sets while `made`, one of this package's, is the global one."""

    def take(provider: _exporter.LoggerProvider) -> None:
        # Handlers get a logger for each record.
        delegate(made, provider, "get_logger", "add_log_record_processor", "force_flush", "shutdown")
        if not _feed.is_configured:
            _use_provider(provider)

    adopt_late_provider(LOGS, made, _exporter.sdk_logs().global_provider, take)


def configure_provider(provider: _exporter.LoggerProvider) -> None:
    """Use a provider that the program names, whatever the global one is."""
    _feed.is_configured = True
    _use_provider(provider)


def _use_provider(provider: _exporter.LoggerProvider) -> None:
    """Send facade log records to a provider, and its log records to the destinations."""
    from opencensus_compat._bridge.pipeline.logs import LogRouter
    from opencensus_compat._bridge.providers.made import new_logger_provider

    provider, router = put_router(
        LOGS,
        _feed,
        provider,
        new_router=lambda: LogRouter(_feed.router, hand_over=hand_over(), default=default_logs, current=log_router),
        new_provider=new_logger_provider,
    )
    # Before anybody finds it.
    router.use(provider.get_logger(SCOPE, __version__), _other_exporters.of_logger_provider(provider, are_of_ours=is_made(provider)))
    _feed.provider, _feed.router = provider, router
    _feed.is_claimed = True
    _feed.is_made.set()
    _children.at_end(end_of_child)
    # Exit hooks run in the reverse order: before the provider's, from which on its processors take nothing. It is there already.
    atexit.unregister(flush_queue_at_exit)
    atexit.register(flush_queue_at_exit)
