"""Views, gauges and metric producers: the meter providers that are shown them, and the one that a destination's reader is in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.ending import end_of_child
from opencensus_compat._bridge.process import METRICS, process, report, wired
from opencensus_compat._bridge.providers import common as providers
from opencensus_compat._bridge.providers import late as _late_providers
from opencensus_compat._bridge.settings import adopts_providers, default_role, has_no_effect
from opencensus_compat._bridge.whose import is_made, is_ours

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.metrics import MetricPart

__all__ = [
    "adopt_meters",
    "expect_meter_provider",
    "gauge_added",
    "look_for_meter_provider",
    "metrics_told",
    "producer_added",
    "provide_meters",
    "show_to",
    "watch_meter_providers",
]


def provide_meters(reader: Any, *, is_otel_shape: bool) -> Any:
    """Make a meter provider for a destination's reader, which becomes the global one where there is none, and return it.

    Args:
        reader: The reader, in no provider yet: an application's own takes none after it was made.
        is_otel_shape: Whether the destination gets the points of instruments, rather than what OpenCensus's exporters sent.
    """
    from opentelemetry import metrics as metrics_api

    from opencensus_compat._bridge.pipeline.metrics import new_provider

    with process.lock:
        provider = new_provider(default_role(), reader)
        wired.made_providers.add(provider)
        look_for_meter_provider()
        current = metrics_api.get_meter_provider()
        if wired.meter_provider is None and not _takes_instruments(current) and not isinstance(current, metrics_api.NoOpMeterProvider):
            metrics_api.set_meter_provider(provider)
            providers.tell_made(METRICS)
            _give_way_later(provider)
        for provider_id, shown in list(wired.instruments.items()):
            if _is_doubled(shown.provider):
                shown.close()
                del wired.instruments[provider_id]
                wired.hidden_from[provider_id] = shown.provider
    if is_otel_shape:
        show_to(provider)
    _children.at_end(end_of_child)
    return provider


def _give_way_later(made: Any) -> None:
    """Take over a meter provider that the application sets while `made`, one of this package's, is the global one."""
    from opentelemetry import metrics as metrics_api

    def take(provider: Any) -> None:
        providers.do_as(made, provider, "get_meter", "force_flush", "shutdown")
        if wired.meter_provider is None:
            show_to(provider)

    providers.take_later(METRICS, made, metrics_api.get_meter_provider, take, but=". Instruments from before stay with the first one")


def adopt_meters(part: MetricPart) -> None:
    """Let the part that was made first bring what OpenTelemetry code measures with the application's meter providers, if that is ours to send.

    Args:
        part: One that has begun.
    """
    if wired.default_metrics is None and part.is_direct:
        wired.default_metrics = part
    if part is wired.default_metrics:
        for provider in [shown.provider for shown in list(wired.instruments.values())]:
            _adopt(part, provider)


def _adopt(part: MetricPart, provider: Any) -> None:
    from opencensus_compat._bridge import others as _other_exporters

    if is_made(provider):
        return
    if not callable(getattr(provider, "add_metric_reader", None)):
        if adopts_providers():
            report(
                "this release of OpenTelemetry adds no readers to a meter provider: instruments of OpenTelemetry code are left to the "
                "application's. Give it a reader with appinsights_exporter.ApplicationInsightsMetricExporter"
            )
        return
    others = _other_exporters.of_meter_provider(provider)
    # Two exporters of a resource are no news here: what OpenCensus code measures is sent by one of them in any case.
    theirs = others.keys()
    if part.settings.instrumentation_key not in theirs and is_ours(others, part.settings, METRICS, is_inside=False):
        part.adopt(provider, others)


def watch_meter_providers() -> None:
    """Show views, gauges and producers to a meter provider as soon as the application sets it: no reader of this package's needs one."""
    _late_providers.watch(METRICS, METRICS, _see_meter_provider)


def _see_meter_provider(provider: Any) -> bool:
    if wired.meter_provider is None and _takes_instruments(provider):
        show_to(provider)
    # It is OpenTelemetry that sets it.
    return False


def expect_meter_provider() -> None:
    """Say, once, that nobody gets metrics that are not sent directly, where there is no meter provider; see `configure`."""
    look_for_meter_provider()
    if not wired.instruments:
        has_no_effect(
            "nobody receives metrics, since no OpenTelemetry meter provider is set. Start the program by opentelemetry-instrument, "
            "or set a provider with a reader"
        )


def look_for_meter_provider() -> None:
    """Show views, gauges and producers to the application's meter provider, if it has set one; see `configure`."""
    api = sys.modules.get("opentelemetry.metrics")
    # What is still being imported, maybe by this very call, has no provider.
    get_meter_provider = getattr(api, "get_meter_provider", None)
    if get_meter_provider is None or wired.meter_provider is not None:
        return
    current = get_meter_provider()
    if id(current) not in wired.instruments and _takes_instruments(current) and not is_made(current):
        show_to(current)


def _takes_instruments(provider: Any) -> bool:
    """Return whether a meter provider is one: what stands in for one until it is set cannot be shut down."""
    return callable(getattr(provider, "shutdown", None))


def show_to(provider: Any) -> None:
    """Make the instruments of a meter provider, once."""
    # Not under the lock: an import waits for other threads' imports.
    from opencensus_compat import _instruments

    with process.lock:
        if id(provider) in wired.instruments or id(provider) in wired.hidden_from:
            return
        if _is_doubled(provider):
            wired.hidden_from[id(provider)] = provider
            return
        made = wired.instruments[id(provider)] = _instruments.Instruments(provider)
    # Neither are producers asked under it, for they are the program's.
    for producer in list(wired.producers):
        made.follow(producer)
    made.open()
    part = wired.default_metrics
    if part is not None and not part.is_shut_down:
        _adopt(part, provider)


def _is_doubled(provider: Any) -> bool:
    """Return whether the official exporter would send what OpenCensus code measures to a resource that legacy exporters send it to."""
    from opencensus_compat._bridge import others as _other_exporters

    keys = _other_exporters.readers_key(provider)
    for each in list(wired.destinations.values()):
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


def producer_added(producer: Any) -> None:
    """Have a metric producer that somebody exports told to the application's meter provider, too; see `configure`."""
    if _handles.is_own(producer, _handles.WithoutInstruments):
        return
    try:
        wired.producers.add(producer)
    except TypeError:
        report("OpenTelemetry's readers do not see metric producers that cannot be weakly referenced, such as %r", type(producer))
        return
    look_for_meter_provider()
    for each in list(wired.instruments.values()):
        each.follow(producer)


def gauge_added(registry: Any, gauge: Any) -> None:
    """Have a gauge told, too, that came into a registry which `producer_added` knows."""
    if wired.instruments and registry in wired.producers:
        for each in list(wired.instruments.values()):
            each.gauge_added(registry, gauge)


def metrics_told(producer: Any, metrics: Sequence[Any]) -> None:
    """Have metrics told, too, that a producer which `producer_added` knows has told for the first time."""
    if wired.instruments and producer in wired.producers:
        for each in list(wired.instruments.values()):
            each.told(producer, metrics)
