"""Log records of the facade: the queue that they leave their threads by, the provider that they go to, and the handlers' destinations."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opencensus_compat import __version__
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.destinations import destination
from opencensus_compat._bridge.pipeline.ending import end_of_child, hand_logs_over_at_exit
from opencensus_compat._bridge.process import LOGS, SCOPE, process, wired
from opencensus_compat._bridge.providers import common as providers
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import is_made

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.destination import Destination
    from opencensus_compat._bridge.pipeline.hand_over import HandOver
    from opencensus_compat._bridge.pipeline.logs import LogRouter

__all__ = ["default_logs", "hand_over", "log_destination", "log_router", "use_provider"]

_WAIT_S = 30.0
"""How long a record waits for another thread to make the logger provider, seconds."""


def log_destination(settings: Any, context_tags: Mapping[str, Any], options: Any, handle: Any) -> Destination:
    """Return the destination of a log handler; see `destination`.

    What the log part needs is loaded here: at the end of the interpreter, where the first record may come, it cannot be loaded any more.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries.
        options: Legacy options.
        handle: The handler. The first one of the process is that of records that OpenTelemetry code makes.
    """
    from opencensus_compat._bridge.pipeline import logs as _log_pipeline  # noqa: F401

    _exporter.load_log_exporter()
    found = destination(settings, context_tags, LOGS, options)
    if found.is_direct and not found.has_log_handlers:
        _exporter.leave_exceptions_to(found, found.settings.instrumentation_key)
    found.has_log_handlers = True
    with process.registry:
        found.log_handlers += 1
        # A record that meets several handlers is put in by each; which one sends it is decided behind the queue.
        hand_over().ask((int(options.queue_capacity) or sys.maxsize) * min(found.log_handlers, 2))
        if wired.default_logs is None:
            wired.default_logs = (found, weakref.ref(handle))
    current = _exporter.sdk_logs().global_provider()
    if current is not None:
        # OpenTelemetry code logs already, and not only from the first record of OpenCensus on.
        _make_log_router()
        if wired.logs_made.is_set():
            # It may have been set, as in notebooks and tests, in place of an earlier one.
            _look_again()
    return found


def default_logs() -> tuple[Destination | None, Any]:
    """Return the destination of records of OpenTelemetry code, and the handler that it came with, None where that is gone."""
    found = wired.default_logs
    return (None, None) if found is None else (found[0], found[1]())


def hand_over() -> HandOver:
    """Return the one queue of this process through which log records leave the threads that log them; handlers keep it."""
    if wired.hand_over is None:
        from opencensus_compat._bridge.pipeline.hand_over import HandOver

        with process.registry:
            wired.hand_over = wired.hand_over or HandOver(log_router)
    _children.at_end(end_of_child)
    return wired.hand_over


def log_router() -> LogRouter:
    """Return what log records go through, finding or making the logger provider at the first call.

    Raises:
        RuntimeError: Another thread makes it and has not finished in time.
    """
    if wired.logs.router is None:
        _make_log_router()
        wired.logs_made.wait(_WAIT_S)
    elif wired.logs.router.is_alone:
        # The provider was shut down. The application may have set another.
        _look_again()
    made = wired.logs.router
    if made is None:
        raise RuntimeError("the logger provider has no router")
    return made


def _look_again() -> None:
    """Use the global logger provider if it is another one than before."""
    with process.lock:
        current = _exporter.sdk_logs().global_provider()
        if current is not None and current is not wired.logs.found and not wired.logs.is_configured:
            wired.logs.found = current
            use_provider(current)


def _make_log_router() -> None:
    """Find or make the logger provider, unless another thread is doing that already; then return without waiting for it."""
    with process.registry:
        if wired.logs_claimed:
            return
        wired.logs_claimed = True
    from opencensus_compat._bridge.pipeline.logs import new_provider

    names = _exporter.sdk_logs()
    # A child made by fork meanwhile would wait for ever.
    with process.loading:
        current = names.global_provider()
        if current is None:
            current = new_provider(default_role())
            wired.made_providers.add(current)
            names.set_global_provider(current)
            providers.tell_made(LOGS)
            _give_way_later(current)
        wired.logs.found = current
        use_provider(current)


def _give_way_later(made: Any) -> None:
    """Take over a logger provider that the application sets while `made`, one of this package's, is the global one."""

    def take(provider: Any) -> None:
        # Handlers ask for a logger at each record.
        providers.do_as(made, provider, "get_logger", "add_log_record_processor", "force_flush", "shutdown")
        if not wired.logs.is_configured:
            use_provider(provider)

    providers.take_later(LOGS, made, _exporter.sdk_logs().global_provider, take)


def use_provider(provider: Any) -> None:
    """Send facade log records to a provider, and its log records to the destinations."""
    from opencensus_compat._bridge import others as _other_exporters
    from opencensus_compat._bridge.pipeline.logs import LogRouter, new_provider

    provider, router = providers.put_router(
        LOGS, wired.logs, provider, new_router=lambda: LogRouter(wired.logs.router), new_provider=new_provider
    )
    # Before anybody finds it.
    router.use(provider.get_logger(SCOPE, __version__), _other_exporters.of_logger_provider(provider, are_of_ours=is_made(provider)))
    wired.logs.provider, wired.logs.router = provider, router
    wired.logs_claimed = True
    wired.logs_made.set()
    _children.at_end(end_of_child)
    # Exit hooks run in the reverse order: before the provider's, from which on its processors take nothing. It is there already.
    atexit.unregister(hand_logs_over_at_exit)
    atexit.register(hand_logs_over_at_exit)
