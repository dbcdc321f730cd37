"""The meter providers that are shown views, gauges and metric producers, and the one that a destination's reader is in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.destinations import make_parts_with, parts
from opencensus_compat._bridge.pipeline.ending import end_of_child
from opencensus_compat._bridge.process import METRICS, on_reset, process, report
from opencensus_compat._bridge.providers import late as _late_providers
from opencensus_compat._bridge.providers.common import adopt_late_provider, delegate, log_created
from opencensus_compat._bridge.providers.viewers import viewers
from opencensus_compat._bridge.settings import adopts_providers, default_role, report_no_effect
from opencensus_compat._bridge.whose import is_made, is_ours, note_made

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader

    from opencensus_compat._bridge.pipeline.metric_readers import TakesReaders
    from opencensus_compat._bridge.pipeline.metrics import MetricPart
    from opencensus_compat._bridge.providers.instruments import Instruments
    from opencensus_compat._bridge.providers.viewers import Viewer

__all__ = [
    "adopt_meters",
    "expect_meter_provider",
    "look_for_meter_provider",
    "provide_meters",
    "show_to",
    "watch_meter_providers",
]


class _Shown:
    """A meter provider that is shown views, gauges and producers.

    Args:
        provider: The provider.
        instruments: Its instruments.
    """

    def __init__(self, provider: MeterProvider, instruments: Instruments) -> None:
        self.provider = provider
        self._instruments = instruments
        self._viewers: dict[str, Viewer] = {}

    def show(self) -> None:
        """Make the instruments of all kinds of metrics that are registered by now; not under the lock, see `show_to`."""
        for kind, make in viewers():
            if kind in self._viewers:
                continue
            viewer = make(self._instruments)
            with process.lock:
                is_new = self._viewers.setdefault(kind, viewer) is viewer
            if is_new:
                # Neither are producers read under it, for they are the program's.
                viewer.open()

    def close(self) -> None:
        """Let the provider's readers see nothing more."""
        self._instruments.close()
        for viewer in list(self._viewers.values()):
            viewer.close()


class _State:
    """Which meter providers there are, and what they are shown."""

    instruments: dict[int, _Shown]
    """Id of a meter provider -> what it is shown."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know of no meter provider."""
        for each in vars(self).get("instruments", {}).values():
            each.close()
        self.default: MetricPart | None = None
        """The part that brings what OpenTelemetry code measures with the application's meter providers."""
        self.provider: MeterProvider | None = None
        """The meter provider that the program has named."""
        self.instruments = {}
        self.hidden_from: dict[int, MeterProvider] = {}
        """Id of a meter provider -> the provider, which is shown nothing."""


_state = _State()


def _forget() -> None:
    _state.forget()
    _exporter.instrument_names().clear()


on_reset(_forget)


def _load_part() -> Callable[..., MetricPart]:
    from opencensus_compat._bridge.pipeline.metrics import MetricPart

    return partial(MetricPart, provide_meters=provide_meters, adopt_meters=adopt_meters)


make_parts_with(METRICS, _load_part)


def configure_provider(provider: MeterProvider) -> None:
    """Show views, gauges and producers to a meter provider that the program names."""
    _state.provider = provider
    show_to(provider)


def provide_meters(reader: MetricReader, *, is_otel_shape: bool) -> SdkMeterProvider:
    """Make a meter provider for a destination's reader, which becomes the global one where there is none, and return it.

    Args:
        reader: The reader, in no provider yet: an application's own takes none after it was made.
        is_otel_shape: Whether the destination gets the points of instruments, rather than what OpenCensus's exporters sent.
    """
    from opentelemetry import metrics as metrics_api

    from opencensus_compat._bridge.pipeline.metric_readers import new_provider

    with process.lock:
        provider = new_provider(default_role(), reader)
        note_made(provider)
        look_for_meter_provider()
        current = metrics_api.get_meter_provider()
        if _state.provider is None and not _takes_instruments(current) and not isinstance(current, metrics_api.NoOpMeterProvider):
            metrics_api.set_meter_provider(provider)
            log_created(METRICS)
            _delegate_later(provider)
        for provider_id, shown in list(_state.instruments.items()):
            if _is_doubled(shown.provider):
                shown.close()
                del _state.instruments[provider_id]
                _state.hidden_from[provider_id] = shown.provider
    if is_otel_shape:
        show_to(provider)
    _children.at_end(end_of_child)
    return provider


def _delegate_later(made: MeterProvider) -> None:
    """Take over a meter provider that the application sets while `made`, one of this package's, is the global one."""
    from opentelemetry import metrics as metrics_api

    def take(provider: MeterProvider) -> None:
        delegate(made, provider, "get_meter", "force_flush", "shutdown")
        if _state.provider is None:
            show_to(provider)

    adopt_late_provider(METRICS, made, metrics_api.get_meter_provider, take, but=". Instruments from before stay with the first one")


def adopt_meters(part: MetricPart) -> None:
    """Let the part that was made first bring what OpenTelemetry code measures with the application's meter providers, if that is ours to send.

    Args:
        part: One that has begun.
    """
    if _state.default is None and part.is_direct:
        _state.default = part
    if part is _state.default:
        for provider in [shown.provider for shown in list(_state.instruments.values())]:
            _adopt(part, provider)


def _adopt(part: MetricPart, provider: MeterProvider) -> None:
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
        part.adopt(cast("TakesReaders", provider), others)


def watch_meter_providers() -> None:
    """Show views, gauges and producers to a meter provider as soon as the application sets it: no reader of this package's needs one."""
    _late_providers.watch(METRICS, METRICS, _see_meter_provider)


def _see_meter_provider(provider: MeterProvider) -> bool:
    if _state.provider is None and _takes_instruments(provider):
        show_to(provider)
    # It is OpenTelemetry that sets it.
    return False


def expect_meter_provider() -> None:
    """Report, once, that metrics that are not sent directly are lost, where there is no meter provider; see `configure`."""
    look_for_meter_provider()
    if not _state.instruments:
        report_no_effect(
            "metrics go nowhere, since no OpenTelemetry meter provider is set. Start the program by opentelemetry-instrument, "
            "or set a provider with a reader"
        )


def look_for_meter_provider() -> None:
    """Show views, gauges and producers to the application's meter provider, if it has set one; see `configure`."""
    for shown in list(_state.instruments.values()):
        # What had nothing to show yet when the provider came.
        shown.show()
    api = sys.modules.get("opentelemetry.metrics")
    # What is still being imported, maybe by this very call, has no provider.
    get_meter_provider = getattr(api, "get_meter_provider", None)
    if get_meter_provider is None or _state.provider is not None:
        return
    current = get_meter_provider()
    if id(current) not in _state.instruments and _takes_instruments(current) and not is_made(current):
        show_to(current)


def _takes_instruments(provider: object) -> bool:
    """Return whether a meter provider is one: what stands in for one until it is set cannot be shut down."""
    return callable(getattr(provider, "shutdown", None))


def show_to(provider: MeterProvider) -> None:
    """Make the instruments of a meter provider, once."""
    # Not under the lock: an import waits for other threads' imports.
    from opencensus_compat._bridge.providers.instruments import Instruments

    with process.lock:
        if id(provider) in _state.instruments or id(provider) in _state.hidden_from:
            return
        if _is_doubled(provider):
            _state.hidden_from[id(provider)] = provider
            return
        shown = _state.instruments[id(provider)] = _Shown(provider, Instruments(provider))
    shown.show()
    part = _state.default
    if part is not None and not part.is_shut_down:
        _adopt(part, provider)


def _is_doubled(provider: MeterProvider) -> bool:
    """Return whether the official exporter would send what OpenCensus code measures to a resource that legacy exporters send it to."""
    from opencensus_compat._bridge import others as _other_exporters

    keys = _other_exporters.readers_key(provider)
    for each in parts(METRICS):
        exporter = keys.get(each.settings.instrumentation_key, "")
        if each.is_direct and exporter.startswith("azure."):
            report(
                "both %s and an OpenCensus exporter send metrics to the resource with the instrumentation key that ends in %s: views, "
                "gauges and producers are sent by the latter alone, and no other reader of that meter provider sees them",
                exporter,
                each.settings.instrumentation_key[-4:],
            )
            return True
    return False
