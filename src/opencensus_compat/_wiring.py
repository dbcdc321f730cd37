"""The one home of global state: which providers telemetry goes to, and which destinations exist.

A *destination* is an Application Insights resource: instrumentation key, ingestion endpoint and credential. Legacy handles share it, and
it owns one exporter for each signal, with the SDK's batch processor in front of it. Nothing here starts a thread, opens a file or a
connection before the first span ends, or the first record is logged.

The OpenTelemetry SDK is imported when a provider is needed for the first time, so that importing the facade stays cheap.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import trace as trace_api

from opencensus_compat import __version__, _alias, _children, _context, _exporter, _late_providers
from opencensus_compat._convert import oc_to_otel
from opencensus_compat._convert.oc_to_otel import SAMPLE_RATE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanKind, TracerProvider

    from opencensus_compat._destination import Destination, Part
    from opencensus_compat._handover import HandOver
    from opencensus_compat._instruments import Instruments
    from opencensus_compat._log_pipeline import LogRouter
    from opencensus_compat._other_exporters import Others
    from opencensus_compat._span_pipeline import Router, SpanPart
    from opencensus_compat._spans import SpanFactory

__all__ = [
    "Handle",
    "configure",
    "default_logs",
    "default_role",
    "destination",
    "end_logs",
    "end_span",
    "ending_process",
    "ends_in_pipeline",
    "expect_meter_provider",
    "flush",
    "flush_logs",
    "flush_parts",
    "gauge_added",
    "hand_over",
    "has_no_effect",
    "is_ending",
    "is_left_to",
    "is_pipeline",
    "is_provider_exporter",
    "is_worker",
    "log_destination",
    "log_router",
    "look_for_meter_provider",
    "look_for_tracer_provider",
    "metrics_told",
    "on_tracer_provider",
    "one_trace_per_tracer",
    "producer_added",
    "provide_meters",
    "provider_is_gone",
    "rate_of",
    "replace_span",
    "report",
    "reset",
    "sample_rate",
    "sends_directly",
    "set_kind",
    "shut_down_parts",
    "shutdown",
    "span_part",
    "start_span",
    "watch_meter_providers",
]

SCOPE = "opencensus_compat"
"""Instrumentation scope of facade spans; the exporter recognizes them by it."""
SPANS = "traces"
LOGS = "logs"
METRICS = "metrics"
"""The signals, as the exporter's counters name them."""
ONE_TRACE_VARIABLE = "OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER"
SEND_VARIABLE = "OPENCENSUS_COMPAT_SEND"
_DIRECT, _PROVIDERS = "direct", "providers"
DEFAULT_FLUSH_TIMEOUT_S = 30.0

process = object()
"""Stands for this process: another object in one made by fork."""

_logger = logging.getLogger("opencensus_compat")


class _Lock:
    """A lock that its holder may take again. What its holder `_tell`s is logged when it is free.

    Logging takes locks of its own, and configuring logging makes handlers while it holds them: the two would wait for each other.
    """

    def __init__(self) -> None:
        self._inner = threading.RLock()
        self._holder = 0
        self._depth = 0
        self.told: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def is_mine(self) -> bool:
        """Return whether this thread holds it."""
        return self._holder == threading.get_ident()

    def acquire(self, timeout: float = -1) -> bool:
        """Take it, waiting for so many seconds at most, and return whether that worked."""
        if not self._inner.acquire(timeout=timeout):
            return False
        self._holder = threading.get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        """Give it back."""
        told: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._depth -= 1
        if not self._depth:
            self._holder = 0
            told, self.told = self.told, told
        self._inner.release()
        for log, args in told:
            log(*args)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


_lock = _Lock()
_registry = threading.RLock()
"""Guards which destinations there are, and the hand-over. Handlers are made while others wait for them: nothing is logged, imported or
waited for while it is held."""


class Handle(Protocol):
    """A legacy exporter whose spans go through a destination's pipeline."""

    _pipeline: SpanPart
    """Where OpenTelemetry spans inside its spans go."""
    _destination: SpanPart | None
    """The same for its own spans; None when it is to be called with SpanData instead."""

    def _telemetry(self, readable: Any, span: Any, tracer: Any) -> Any:
        """Return what the pipeline exports for an ended span: the OpenTelemetry span, or one that brings its own envelopes.

        Args:
            readable: The SDK's ended span.
            span: The facade span; None for a span that OpenTelemetry code made.
            tracer: The facade span's ContextTracer, which makes its SpanData; None likewise.
        """


class _State:
    def __init__(self) -> None:
        self.provider: TracerProvider | None = None
        self.found: Any = None
        self.is_configured = False
        self.spans: SpanFactory | None = None
        self.router: Router | None = None
        self.logger_provider: Any = None
        self.found_logger: Any = None
        self.logger_is_configured = False
        self.gave_way: list[Any] = []
        self.log_router: LogRouter | None = None
        self.logs_claimed = False
        self.logs_made = threading.Event()
        self.meter_provider: Any = None
        self.instruments: dict[int, Instruments] = {}
        self.hidden_from: dict[int, Any] = {}
        self.producers: weakref.WeakSet[Any] = weakref.WeakSet()
        self.tracer_provider_calls: list[Callable[[Any], object]] = []
        self.destinations: dict[Any, Destination] = {}
        self.default_logs: tuple[Destination, Callable[[], Any]] | None = None
        self.ends_at_s: float | None = None
        self.one_trace_per_tracer: bool | None = None
        self.send: str | None = None
        self.reported: set[str] = set()


class _Ending(threading.local):
    """The facade span that is ending on this thread and its ContextTracer, for the router, which the SDK calls from `Span.end`."""

    now: tuple[Any, Any] | None = None


_state = _State()
_hand_over: HandOver | None = None
_made_meter_providers: weakref.WeakSet[Any] = weakref.WeakSet()
"""Those that nobody but this package's own readers reads."""
ending = _Ending()


loading = threading.RLock()
"""Held by threads of ours while they import: a child made by fork meanwhile could never import the same."""


def _before_fork() -> None:
    # A thread that is making a provider, or importing, would never finish in the child, and never give its locks back there.
    _forking.held = [lock for lock in (loading, _lock, _registry) if lock.acquire(timeout=_FORK_WAIT_S)]


def _forked_parent() -> None:
    for lock in reversed(_forking.held):
        lock.release()
    _forking.held = []


def _forked() -> None:
    global process, loading, _lock, _registry
    process = object()
    loading, _lock, _registry = threading.RLock(), _Lock(), threading.RLock()
    _forking.held = []
    _state.ends_at_s = None


class _Forking(threading.local):
    """The locks that this thread holds while it forks."""

    held: Sequence[Any] = ()


_forking = _Forking()
_FORK_WAIT_S = 5.0

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_forked_parent, after_in_child=_forked)


def configure(
    *,
    tracer_provider: TracerProvider | None = None,
    logger_provider: Any = None,
    meter_provider: Any = None,
    one_trace_per_tracer: bool | None = None,
    send: str | None = None,
) -> None:
    """Decide what the facades use, before or instead of what they would find.

    Args:
        tracer_provider: The provider that facade spans go to; without one the global provider is used, or made.
        logger_provider: The same for log records and events; without one the global provider is looked for when the first is logged.
        meter_provider: The provider whose readers see views, gauges and metric producers as OpenTelemetry instruments, from now on; without
            one the global provider is looked for when a view is registered or a metrics exporter made.
        one_trace_per_tracer: True gives all root spans of a tracer one trace id and one sampling decision, as OpenCensus did. Also set
            by the environment variable ``OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER=1``.
        send: Where the exporters and handlers send that are made from now on. ``"direct"``: to their Application Insights resource, as in
            OpenCensus, while the processors of the providers see everything, too. ``"providers"``: nowhere themselves, so that telemetry
            reaches the providers' processors and readers only; no connection string is needed then. Also set by the environment variable
            ``OPENCENSUS_COMPAT_SEND``.

    Raises:
        TypeError: A provider has no `get_tracer`, no `get_logger`, or no `get_meter`.
        ValueError: `send` is another text.
    """
    if send is not None:
        _state.send = _checked_send(send, "argument send")
    if meter_provider is not None:
        _check_provider("meter", meter_provider, "opentelemetry.sdk.metrics.MeterProvider")
        _state.meter_provider = meter_provider
        _show_to(meter_provider)
    with _lock:
        if logger_provider is not None:
            _check_provider("logger", logger_provider, "opentelemetry.sdk._logs.LoggerProvider")
            _state.logger_is_configured = True
            _use_logger_provider(logger_provider)
        if tracer_provider is not None:
            _check_provider("tracer", tracer_provider, "opentelemetry.sdk.trace.TracerProvider")
            _state.is_configured = True
            _use_provider(tracer_provider)
        if one_trace_per_tracer is not None:
            _state.one_trace_per_tracer = one_trace_per_tracer


def _check_provider(kind: str, provider: Any, example: str) -> None:
    """Raise TypeError for what is no provider of `tracer`s, `logger`s or `meter`s; `example` names a class that is one."""
    if not callable(getattr(provider, f"get_{kind}", None)):
        name = example.rpartition(".")[2]
        raise TypeError(f"{kind}_provider: expected an OpenTelemetry {name}, got {type(provider).__name__}; pass for example {example}()")


def flush(timeout_s: float = DEFAULT_FLUSH_TIMEOUT_S, signal: str | None = None) -> bool:
    """Send what waits in the queues, of all destinations, and return when it was sent or the time is over.

    Args:
        timeout_s: Seconds to wait at most.
        signal: Only what batch processors hold of one signal; None for all.
    Returns: True if the service took everything that was waiting, in time. What was stored because the service cannot be reached is
        safe but not delivered: False. What was stored before the call is not waited for.
    """
    until_s = time.monotonic() + timeout_s
    handed_over = _hand_over is None or _hand_over.flush(timeout_s)
    return flush_parts(signal, max(0.0, until_s - time.monotonic())) and handed_over


def shutdown(timeout_s: float = DEFAULT_FLUSH_TIMEOUT_S) -> bool:
    """Send what is waiting and stop; what ends or is logged later is not exported by this package, until `configure` names a provider.

    Args:
        timeout_s: Seconds to wait at most; what could not be sent by then is stored.
    Returns: True if the service took everything that was waiting.
    """
    until_s = time.monotonic() + timeout_s
    # A little is kept for storing.
    delivered = flush(timeout_s * 0.75)
    _stop(max(0.0, until_s - time.monotonic()))
    return delivered


def reset() -> None:
    """Forget providers and destinations, after stopping them. For tests; global OpenTelemetry providers stay set."""
    global _state
    with _lock:
        _stop()
        if _hand_over is not None:
            _hand_over.clear()
        for each in _state.instruments.values():
            each.close()
        _late_providers.unwatch()
        for provider in _state.gave_way:
            provider.census_give_way(None)
        _state = _State()


def _stop(timeout_s: float | None = None) -> None:
    """Take nothing more from the providers, send what waits and stop."""
    for router in (_state.router, _state.log_router):
        if router is not None:
            router.stop()
    shut_down_parts(None, timeout_s)


def _end_of_child() -> None:
    """Send what waits at the end of a process that runs no exit hooks, within one `grace_period`."""
    until_s = ending_process()
    if _hand_over is not None:
        _hand_over.flush(max(0.0, until_s - time.monotonic()))
    _stop()


def _hand_logs_over() -> None:
    """Have the provider's processors get what was logged, before they are shut down at the end of the process.

    The time that the end may take begins with the providers' own exit hooks: programs have some in between. Only where much waits, maybe
    for a service that does not answer, has it begun before.
    """
    began_s, grace_s = time.monotonic(), _grace_period_s()
    if _hand_over is None or _hand_over.flush(grace_s / 10):
        return
    _state.ends_at_s = _state.ends_at_s or began_s + grace_s
    ending_process()
    _hand_over.flush(grace_s / 2)


def end_logs() -> None:
    """Send what was logged and stop, as the logger provider is shut down: within one `grace_period`, that of the process if it ends."""
    until_s = ending_process() if is_ending() else time.monotonic() + _grace_period_s()
    if _hand_over is not None:
        _hand_over.flush(max(0.0, until_s - time.monotonic()))
    if _state.log_router is not None and not is_ending():
        # Exit hooks that run later still log; `logging.shutdown`, the last one, flushes.
        _state.log_router.stop()
    shut_down_parts(LOGS, max(0.0, until_s - time.monotonic()))


def _grace_period_s() -> float:
    asked = [asked for each in list(_state.destinations.values()) for asked in each.grace_periods_s()]
    return max(asked, default=5.0)


def ending_process() -> float:
    """Let nothing take longer than one `grace_period` from now, in all destinations and signals together.

    Returns: When that is over, on the monotonic clock, seconds; the same at each call.
    """
    if _state.ends_at_s is None:
        _state.ends_at_s = time.monotonic() + _grace_period_s()
    left_s = max(0.0, _state.ends_at_s - time.monotonic())
    for part in _parts(None):
        part.set_deadline(left_s)
    return _state.ends_at_s


def is_ending() -> bool:
    """Return whether the process is ending: exit hooks run after the main thread has ended."""
    return not threading.main_thread().is_alive()


def _parts(signal: str | None) -> list[Part]:
    parts = [part for each in list(_state.destinations.values()) for part in each.parts()]
    return [part for part in parts if signal is None or part.signal == signal]


def flush_parts(signal: str | None, timeout_s: float) -> bool:
    """Export what waits in the batch processors, and return whether all of it was delivered in time.

    Args:
        signal: Of which parts; None for all.
        timeout_s: Seconds for all of them together.
    """
    until_s = time.monotonic() + timeout_s
    # All of them are flushed, whatever the first one says, and with no time left beside us.
    delivered = [part.force_flush(max(0, int((until_s - time.monotonic()) * 1000))) for part in _parts(signal)]
    return all(delivered)


def shut_down_parts(signal: str | None, timeout_s: float | None = None) -> None:
    """Export what waits and stop, within one `grace_period` for all destinations together; what has no time is stored.

    Args:
        signal: Of which parts; None for all.
        timeout_s: A shorter time than that, seconds.
    """
    if is_ending():
        ending_process()
    parts = _parts(signal)
    for part in parts:
        part.set_deadline(timeout_s)
    for part in parts:
        part.shutdown()


def one_trace_per_tracer() -> bool:
    """Return whether all root spans of a tracer share one trace."""
    if _state.one_trace_per_tracer is None:
        _state.one_trace_per_tracer = os.environ.get(ONE_TRACE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")
    return _state.one_trace_per_tracer


def sends_directly() -> bool:
    """Return whether exporters and handlers that are made now send to their Application Insights resource; see `configure`.

    Raises:
        ValueError: The environment variable has another text than those that are known.
    """
    if _state.send is None:
        said = os.environ.get(SEND_VARIABLE, "").strip().lower()
        _state.send = _checked_send(said or _DIRECT, f"environment variable {SEND_VARIABLE}")
    return _state.send == _DIRECT


def _checked_send(value: object, source: str) -> str:
    if value not in (_DIRECT, _PROVIDERS):
        raise ValueError(f"{source}: expected {_DIRECT!r} (to Application Insights) or {_PROVIDERS!r} (to them alone), got {value!r}.")
    return str(value)


def has_no_effect(what: str) -> None:
    """Say, once for each thing, that it has no effect because exporters do not send themselves."""
    report(f"exporters send to the OpenTelemetry providers only ({SEND_VARIABLE}={_PROVIDERS}): {what}")


def default_role() -> str:
    """Return the cloud role name: the configured service name, else the script's name as in OpenCensus."""
    configured = os.environ.get("OTEL_SERVICE_NAME", "").strip() or _resource_attribute("service.name")
    return configured or os.path.basename(sys.argv[0] if sys.argv else "") or "Python Application"


def _resource_attribute(name: str) -> str:
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""


def destination(settings: Any, context_tags: Mapping[str, Any], signal: str, options: Any) -> Destination:
    """Return the destination of the given settings, the same one each time.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries, a mapping that the program may change at any time.
        signal: What the caller will use it for.
        options: Legacy options that the signal's batch processor is set from.
    """
    from opencensus_compat._destination import Destination

    is_direct = sends_directly()
    credential = None if settings.credential is None else id(settings.credential)
    key = (settings.instrumentation_key, settings.ingestion_endpoint, credential, is_direct)
    with _registry:
        found = _state.destinations.get(key)
        if found is None:
            found = _state.destinations[key] = Destination(settings, context_tags, is_direct=is_direct)
    found.ask(signal, options, settings)
    return found


def span_part(settings: Any, context_tags: Mapping[str, Any], options: Any) -> SpanPart:
    """Return the span part of a destination, and see that a provider feeds it; see `destination`."""
    with _lock:
        router = _provide_router()
        part: SpanPart = destination(settings, context_tags, SPANS, options).part(SPANS)
        if part.is_direct:
            router.add(part)
        return part


def log_destination(settings: Any, context_tags: Mapping[str, Any], options: Any, handle: Any) -> Destination:
    """Return the destination of a log handler; see `destination`.

    What the log part needs is loaded here: at the end of the interpreter, where the first record may come, it cannot be loaded any more.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries.
        options: Legacy options.
        handle: The handler. The first one of the process is that of records that OpenTelemetry code makes.
    """
    from opencensus_compat import _log_pipeline  # noqa: F401

    _exporter.load_log_exporter()
    found = destination(settings, context_tags, LOGS, options)
    hand_over().ask(int(options.queue_capacity) or sys.maxsize)
    with _registry:
        if _state.default_logs is None:
            _state.default_logs = (found, weakref.ref(handle))
    current = _exporter.sdk_logs().global_provider()
    if current is not None:
        # OpenTelemetry code logs already, and not only from the first record of OpenCensus on.
        _make_log_router()
        if not _state.logger_is_configured and _state.logs_made.is_set() and current is not _state.found_logger:
            # Set, as in notebooks and tests, in place of an earlier one.
            _state.found_logger = current
            _use_logger_provider(current)
    return found


def default_logs() -> tuple[Destination | None, Any]:
    """Return the destination of records of OpenTelemetry code, and the handler that it came with, None where that is gone."""
    found = _state.default_logs
    return (None, None) if found is None else (found[0], found[1]())


def flush_logs(of: Destination, timeout_s: float) -> bool:
    """Send what was logged to a destination, and return whether all of it was delivered in time.

    Args:
        of: The destination.
        timeout_s: Seconds to wait at most. At the end of the process, what is left of its time counts.
    """
    until_s = ending_process() if is_ending() else time.monotonic() + timeout_s
    handed_over = _hand_over is None or _hand_over.flush(max(0.0, until_s - time.monotonic()))
    part = of.made(LOGS)
    return (part is None or part.force_flush(max(0, int((until_s - time.monotonic()) * 1000)))) and handed_over


def rate_of(span: Any) -> float:
    """Return the share of traces that a span's trace was kept at, above 0.0 and at most 1.0."""
    rate = getattr(span, "census_rate", None)
    if rate is None:
        attributes = getattr(span, "attributes", None)
        rate = attributes.get(SAMPLE_RATE) if attributes else None
    return rate / 100.0 if isinstance(rate, (int, float)) and 0 < rate < 100 else 1.0


def hand_over() -> HandOver:
    """Return the one queue of this process through which log records leave the threads that log them; handlers keep it."""
    global _hand_over
    if _hand_over is None:
        from opencensus_compat._handover import HandOver

        with _registry:
            _hand_over = _hand_over or HandOver(log_router)
    _children.at_end(_end_of_child)
    return _hand_over


def is_pipeline(exporter: Any) -> bool:
    """Return whether an exporter's spans go through a destination's pipeline, so that it is not called with SpanData."""
    return getattr(exporter, "_destination", None) is not None


def is_provider_exporter(exporter: Any) -> bool:
    """Return whether an exporter stands for the OpenTelemetry provider alone."""
    return getattr(exporter, "_is_provider", False) is True


def sample_rate(rate: Any) -> dict[str, float] | None:
    """Return the attributes that tell a sampling rate (0.0 to 1.0) to the exporter, None for the rate 1."""
    if not isinstance(rate, (int, float)) or not 0 < rate < 1:
        return None
    return {SAMPLE_RATE: rate * 100.0}


def start_span(
    name: Any,
    context: Context,
    parent: OtelSpan | None,
    attributes: dict[str, Any] | None = None,
    *,
    trace_id: int | None = None,
    span_id: int | None = None,
) -> OtelSpan:
    """Start a sampled OpenTelemetry span; the decision has been made.

    Args:
        name: Its name; the text of anything else than text.
        context: The context it is started in, for the provider's span processors.
        parent: The parent span; None starts a root.
        attributes: Attributes from the start on.
        trace_id: For a root span; random without.
        span_id: Random without.
    """
    spans = _state.spans or _provide_spans()
    return spans.start(name if type(name) is str else oc_to_otel.text(name), context, parent, attributes, trace_id, span_id)


def replace_span(old: Any, context: Context | None, *, span_id: int | None, start_ns: int | None) -> OtelSpan:
    """Start a span that takes the place of `old`, with what one cannot change on a running span; the old one never ends.

    Args:
        old: A running span that `start_span` started.
        context: The context it was started in.
        span_id: The new id; None keeps the old one.
        start_ns: Start in nanoseconds since the epoch; None keeps the old one's.
    """
    spans = _state.spans or _provide_spans()
    return spans.replace(old, context, span_id, start_ns)


def set_kind(span: Any, kind: SpanKind) -> bool:
    """Set the kind of a running span and return whether that worked.

    OpenTelemetry has no way to do that, and OpenCensus integrations all set the kind after the start. The facade's own spans can; the
    kind of others is a private attribute of the SDK, written only where reading it back shows that it counts.
    """
    try:
        if hasattr(span, "census_kind"):
            span.census_kind = kind
        else:
            span._kind = kind
        return span.kind is kind
    except AttributeError:
        return False


def end_span(otel: OtelSpan, span: Any, tracer: Any, end_ns: int | None) -> None:
    """End an OpenTelemetry span, letting the router know which facade span and tracer it is from.

    Args:
        otel: The SDK span.
        span: The facade span, complete.
        tracer: The ContextTracer that exports it.
        end_ns: End in nanoseconds since the epoch; None means now.
    """
    ending.now = (span, tracer)
    try:
        otel.end(end_ns)
    finally:
        ending.now = None


def report(message: str, *args: Any) -> None:
    """Log what could not be done, once per kind of problem and process."""
    if message not in _state.reported:
        _state.reported.add(message)
        _tell(_logger.warning, f"{message} (said once)", *args)


def _tell(log: Callable[..., object], *args: Any) -> None:
    """Log something, now or when the lock that this thread holds is free."""
    if _lock.is_mine():
        _lock.told.append((log, args))
    else:
        log(*args)


def _provide_spans() -> SpanFactory:
    """Return what facade spans are started with, finding or making the provider at the first call."""
    with _lock:
        if _state.spans is None:
            _provide_router()
        if _state.spans is None:
            raise RuntimeError("the provider starts no spans")
        return _state.spans


def _provide_router() -> Router:
    current = trace_api.get_tracer_provider()
    if _state.router is None and isinstance(current, trace_api.ProxyTracerProvider):
        from opencensus_compat._span_pipeline import new_provider

        provider = new_provider(default_role())
        trace_api.set_tracer_provider(provider)
        _tell_made("tracer")
        _state.found = provider
        _use_provider(provider)
        _late_providers.watch(SPANS, _take_tracer_provider)
    elif _state.router is None or not (
        _state.is_configured or current is _state.found or isinstance(current, trace_api.ProxyTracerProvider)
    ):
        # Set for the first time, or, as in notebooks and tests, in place of an earlier one.
        _state.found = current
        _use_provider(current)
        if hasattr(current, "census_give_way"):
            _late_providers.watch(SPANS, _take_tracer_provider)
    elif _state.spans is None and _state.provider is not None:
        # Shut down by the application, which has set no other.
        _state.spans = _new_factory(_state.provider)
    router = _state.router
    if router is None:
        raise RuntimeError("the provider has no router")
    return router


def _tell_made(kind: str) -> None:
    """Say that a global provider of `tracer`s, `logger`s or `meter`s was made."""
    told = "no OpenTelemetry %s provider was set: made one for the role %r and set it as the global provider"
    _tell(_logger.info, told, kind, default_role())


def _take_tracer_provider(provider: Any) -> bool:
    """Take over a tracer provider that the application sets while one of this package's is the global one."""
    made = trace_api.get_tracer_provider()
    give_way = getattr(made, "census_give_way", None)
    if give_way is None or provider is made or not callable(getattr(provider, "get_tracer", None)):
        return False
    with _lock:
        give_way(provider)
        _state.gave_way.append(made)
        if not _state.is_configured:
            _use_provider(provider)
        report(_TAKEN.format("tracer"))
    return True


_TAKEN = (
    "a {} provider was set after OpenCensus code had needed one and this package had made it. OpenTelemetry takes one only; what was made "
    "does what yours does from now on. Set yours before the first OpenCensus exporter is made, and telemetry from before goes through it, too"
)


def _new_factory(provider: Any) -> SpanFactory:
    from opencensus_compat._spans import SpanFactory

    return SpanFactory(provider, SCOPE, __version__)


def provider_is_gone() -> None:
    """Look for a provider anew when the next span starts: the present one has been shut down."""
    if not is_ending():
        _state.spans = None


def ends_in_pipeline(others: Others) -> bool:
    """Return whether the facade span that is ending on this thread goes to a destination by way of its tracer's exporter.

    Args:
        others: Who else sends to Application Insights from its provider.
    """
    now = ending.now
    part = None if now is None else getattr(now[1].exporter, "_destination", None)
    if part is None or not part.is_direct:
        return False
    _tell_of_others(others, part.settings, SPANS)
    return True


def is_left_to(others: Others, settings: Any, signal: str, is_inherited: bool) -> bool:
    """Return whether telemetry of OpenTelemetry code is left to exporters that the application has put on its provider itself.

    Args:
        others: Who else sends to Application Insights from its provider.
        settings: Of the destination it would go to.
        signal: Which telemetry.
        is_inherited: Whether it would go there because of the OpenCensus span around it.
    """
    if not others.keys():
        return False
    return _tell_of_others(others, settings, signal) or not is_inherited


def _tell_of_others(others: Others, settings: Any, signal: str) -> bool:
    """Return whether others send to the same resource, and say so the first time."""
    key = settings.instrumentation_key
    exporter = others.keys().get(key)
    if exporter is None:
        return False
    report(
        "both %s and an OpenCensus exporter send " + signal + " to the resource with the instrumentation key that ends in %s: "
        "each item is sent once, OpenTelemetry's by the former, OpenCensus's by the latter",
        exporter,
        key[-4:],
    )
    return True


def _use_provider(provider: TracerProvider) -> None:
    """Send facade spans to a provider, and its spans to the destinations."""
    from opencensus_compat._span_pipeline import Router, new_provider

    old = _state.router
    router = Router() if old is None else old.revived()
    add_span_processor = getattr(provider, "add_span_processor", None)
    if add_span_processor is None:
        report("the global tracer provider %s takes no span processors: OpenCensus spans use a provider of their own", type(provider))
        provider = new_provider(default_role())
        add_span_processor = provider.add_span_processor
    if provider is not _state.provider or router is not old:
        add_span_processor(router)
    if router is not old:
        _reopen(SPANS)
    _state.provider, _state.router = provider, router
    _children.at_end(_end_of_child)
    _state.spans = _new_factory(provider)
    router.watch(getattr(provider, "sampler", None), _state.spans.others)
    for call in list(_state.tracer_provider_calls):
        call(provider)


def _reopen(signal: str) -> None:
    """Let parts that were shut down start anew."""
    for part in _parts(signal):
        part.reopen()


def log_router() -> LogRouter:
    """Return what log records go through, finding or making the logger provider at the first call.

    Raises:
        RuntimeError: Another thread makes it and has not finished in time.
    """
    if _state.log_router is None:
        _make_log_router()
        _state.logs_made.wait(DEFAULT_FLUSH_TIMEOUT_S)
    made = _state.log_router
    if made is None:
        raise RuntimeError("the logger provider has no router")
    return made


def _make_log_router() -> None:
    """Find or make the logger provider, unless another thread is doing that already; then return without waiting for it."""
    with _registry:
        if _state.logs_claimed:
            return
        _state.logs_claimed = True
    from opencensus_compat._log_pipeline import new_provider

    names = _exporter.sdk_logs()
    # A child made by fork meanwhile would wait for ever.
    with loading:
        current = names.global_provider()
        if current is None:
            current = new_provider(default_role())
            names.set_global_provider(current)
            _tell_made("logger")
            _late_providers.watch(LOGS, partial(_take_logger_provider, current))
        _state.found_logger = current
        _use_logger_provider(current)


def _take_logger_provider(made: Any, provider: Any) -> bool:
    """Take over a logger provider that the application sets while one of this package's is the global one."""
    if provider is made or not callable(getattr(provider, "get_logger", None)):
        return False
    # Handlers ask for a logger at each record.
    _do_as(made, provider, "get_logger", "add_log_record_processor", "force_flush", "shutdown")
    if not _state.logger_is_configured:
        _use_logger_provider(provider)
    report(_TAKEN.format("logger"))
    return True


def _do_as(made: Any, provider: Any, *names: str) -> None:
    """Let a provider of this package's do what another one does, as far as that can do it."""
    for name in names:
        if hasattr(provider, name):
            setattr(made, name, getattr(provider, name))


def _use_logger_provider(provider: Any) -> None:
    """Send facade log records to a provider, and its log records to the destinations."""
    from opencensus_compat import _other_exporters
    from opencensus_compat._log_pipeline import LogRouter, new_provider

    old = _state.log_router
    router = LogRouter() if old is None else old.revived()
    add_processor = getattr(provider, "add_log_record_processor", None)
    if add_processor is None:
        report("the global logger provider %s takes no processors: OpenCensus logs use a provider of their own", type(provider))
        provider = new_provider(default_role())
        add_processor = provider.add_log_record_processor
    if provider is not _state.logger_provider or router is not old:
        add_processor(router)
    if router is not old:
        _reopen(LOGS)
    router.use(provider.get_logger(SCOPE, __version__), _other_exporters.of_logger_provider(provider))
    _state.logger_provider, _state.log_router = provider, router
    _state.logs_claimed = True
    _state.logs_made.set()
    _children.at_end(_end_of_child)
    # Exit hooks run in the reverse order: before the provider's, from which on its processors take nothing. It is there already.
    atexit.unregister(_hand_logs_over)
    atexit.register(_hand_logs_over)


def provide_meters(reader: Any, *, is_otel_shape: bool) -> Any:
    """Make a meter provider for a destination's reader, which becomes the global one where there is none, and return it.

    Args:
        reader: The reader, in no provider yet: an application's own takes none after it was made.
        is_otel_shape: Whether the destination gets the points of instruments, rather than what OpenCensus's exporters sent.
    """
    from opentelemetry import metrics as metrics_api

    from opencensus_compat._metric_pipeline import new_provider

    with _lock:
        provider = new_provider(default_role(), reader)
        _made_meter_providers.add(provider)
        look_for_meter_provider()
        current = metrics_api.get_meter_provider()
        if _state.meter_provider is None and not _takes_instruments(current) and not isinstance(current, metrics_api.NoOpMeterProvider):
            metrics_api.set_meter_provider(provider)
            _tell_made("meter")
            _late_providers.watch(METRICS, partial(_take_meter_provider, provider))
        for provider_id, shown in list(_state.instruments.items()):
            if _is_doubled(shown.provider):
                shown.close()
                del _state.instruments[provider_id]
                _state.hidden_from[provider_id] = shown.provider
    if is_otel_shape:
        _show_to(provider)
    _children.at_end(_end_of_child)
    return provider


def _take_meter_provider(made: Any, provider: Any) -> bool:
    """Take over a meter provider that the application sets while one of this package's is the global one."""
    if provider is made or not callable(getattr(provider, "get_meter", None)):
        return False
    _do_as(made, provider, "get_meter", "force_flush", "shutdown")
    if _state.meter_provider is None:
        _show_to(provider)
    report(_TAKEN.format("meter") + ". Instruments from before stay with the first one")
    return True


def watch_meter_providers() -> None:
    """Show views, gauges and producers to a meter provider as soon as the application sets it: no reader of this package's needs one."""
    _late_providers.watch(METRICS, _see_meter_provider)


def _see_meter_provider(provider: Any) -> bool:
    if _state.meter_provider is None and _takes_instruments(provider):
        _show_to(provider)
    # It is OpenTelemetry that sets it.
    return False


def expect_meter_provider() -> None:
    """Say, once, that nobody gets metrics that are not sent directly, where there is no meter provider; see `configure`."""
    look_for_meter_provider()
    if not _state.instruments:
        has_no_effect(
            "nobody receives metrics, since no OpenTelemetry meter provider is set. Start the program by opentelemetry-instrument, "
            "or set a provider with a reader"
        )


def _is_doubled(provider: Any) -> bool:
    """Return whether the official exporter would send what OpenCensus code measures to a resource that legacy exporters send it to."""
    from opencensus_compat import _other_exporters

    keys = _other_exporters.readers_key(provider)
    for each in list(_state.destinations.values()):
        exporter = keys.get(each.settings.instrumentation_key, "")
        if each.is_direct and each.made(METRICS) is not None and exporter.startswith("azure."):
            report(
                "both %s and an OpenCensus exporter send metrics to the resource with the instrumentation key that ends in %s: views, "
                "gauges and producers are sent by the latter alone, and no other reader of that meter provider sees them",
                exporter,
                each.settings.instrumentation_key[-4:],
            )
            return True
    return False


def _takes_instruments(provider: Any) -> bool:
    """Return whether a meter provider is one: what stands in for one until it is set cannot be shut down."""
    return callable(getattr(provider, "shutdown", None))


def look_for_meter_provider() -> None:
    """Show views, gauges and producers to the application's meter provider, if it has set one; see `configure`."""
    api = sys.modules.get("opentelemetry.metrics")
    # What is still being imported, maybe by this very call, has no provider.
    get_meter_provider = getattr(api, "get_meter_provider", None)
    if get_meter_provider is None or _state.meter_provider is not None:
        return
    current = get_meter_provider()
    if id(current) not in _state.instruments and _takes_instruments(current) and current not in _made_meter_providers:
        _show_to(current)


def _show_to(provider: Any) -> None:
    """Make the instruments of a meter provider, once."""
    # Not under the lock: an import waits for other threads' imports.
    from opencensus_compat import _instruments

    with _lock:
        if id(provider) in _state.instruments or id(provider) in _state.hidden_from:
            return
        if _is_doubled(provider):
            _state.hidden_from[id(provider)] = provider
            return
        made = _state.instruments[id(provider)] = _instruments.Instruments(provider)
    # Neither are producers asked under it, for they are the program's.
    for producer in list(_state.producers):
        made.follow(producer)
    made.open()


def producer_added(producer: Any) -> None:
    """Have a metric producer that somebody exports told to the application's meter provider, too; see `configure`."""
    if not getattr(producer, "_has_instruments", True):
        return
    try:
        _state.producers.add(producer)
    except TypeError:
        report("OpenTelemetry's readers do not see metric producers that cannot be weakly referenced, such as %r", type(producer))
        return
    look_for_meter_provider()
    for each in list(_state.instruments.values()):
        each.follow(producer)


def gauge_added(registry: Any, gauge: Any) -> None:
    """Have a gauge told, too, that came into a registry which `producer_added` knows."""
    if _state.instruments and registry in _state.producers:
        for each in list(_state.instruments.values()):
            each.gauge_added(registry, gauge)


def metrics_told(producer: Any, metrics: Sequence[Any]) -> None:
    """Have metrics told, too, that a producer which `producer_added` knows has told for the first time."""
    if _state.instruments and producer in _state.producers:
        for each in list(_state.instruments.values()):
            each.told(producer, metrics)


def on_tracer_provider(call: Callable[[Any], object]) -> None:
    """Call something with each tracer provider that spans go to: now if there is one, and whenever there is another one later.

    A program without spans makes no provider for that; see also `look_for_tracer_provider`.
    """
    # Not under the lock: an exporter's thread, which may be the caller, is waited for under it.
    if call not in _state.tracer_provider_calls:
        _state.tracer_provider_calls.append(call)
    if _state.provider is not None:
        call(_state.provider)
    look_for_tracer_provider()


def look_for_tracer_provider() -> None:
    """Make the calls of `on_tracer_provider` for the application's provider, which may have been set after them."""
    current = trace_api.get_tracer_provider()
    if not isinstance(current, trace_api.ProxyTracerProvider):
        for call in list(_state.tracer_provider_calls):
            call(current)


def is_worker() -> bool:
    """Return whether this process is one of several: made by fork since the interpreter started, or by multiprocessing."""
    if os.getpid() != _alias.started_in:
        return True
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def parent_handle(context: Context | None) -> Any:
    """Return the exporter of the OpenCensus span that a context lies in, None outside any."""
    innermost = _context.active(_context.get_current() if context is None else context)
    if innermost is None:
        return None
    tracer = getattr(innermost[0], "context_tracer", None)
    return getattr(tracer, "exporter", None)
