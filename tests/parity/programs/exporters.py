"""What programs do with exporters: processors, subclasses, options, and the exporters that write text."""

from __future__ import annotations

import atexit
import io
import logging
import os
import tempfile
from pathlib import Path

from opencensus.ext.azure.common import Options
from opencensus.ext.azure.common.exporter import BaseExporter
from opencensus.ext.azure.common.processor import ProcessorMixin
from opencensus.ext.azure.common.protocol import Data, Envelope, Message
from opencensus.ext.azure.common.storage import LocalFileStorage
from opencensus.ext.azure.common.transport import TransportMixin, TransportStatusCode
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import base_exporter
from opencensus.trace.file_exporter import FileExporter
from opencensus.trace.logging_exporter import LoggingExporter
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


def _send(exporter):
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="outer") as outer:
        outer.span_kind = SpanKind.SERVER
        outer.add_attribute("http.method", "GET")
        outer.add_attribute("http.route", "/orders")
        outer.add_attribute("http.status_code", 200)
        with tracer.span(name="inner") as inner:
            inner.add_attribute("order", {"sku": "A1", "count": 2})
            inner.add_attribute("missing", None)


def processor_that_changes():
    """A processor that sets tags and properties."""

    def change(envelope):
        envelope.tags["ai.cloud.role"] = "orders"
        envelope.tags["ai.user.id"] = "u1"
        envelope.data.baseData.properties["kind"] = envelope.data.baseType
        envelope.data.baseData.properties.pop("missing", None)
        envelope.data.baseData["name"] = envelope.data.baseData.name.upper()

    exporter = AzureExporter()
    exporter.add_telemetry_processor(change)
    _send(exporter)


def processor_that_drops():
    """A processor that drops one item."""
    exporter = AzureExporter()
    exporter.add_telemetry_processor(lambda envelope: envelope.data.baseType != "RequestData")
    exporter.add_telemetry_processor(lambda envelope: envelope.data.baseData.properties.pop("missing", None))
    _send(exporter)


def processor_that_raises():
    """A processor that fails; the one after it runs."""

    def fail(envelope):
        envelope.tags["ai.cloud.role"] = "touched"
        raise RuntimeError("no")

    def mark(envelope):
        envelope.data.baseData.properties["marked"] = "yes"
        envelope.data.baseData.properties.pop("missing", None)
        return True

    exporter = AzureExporter()
    exporter.add_telemetry_processor(fail)
    exporter.add_telemetry_processor(mark)
    _send(exporter)


def processor_that_keeps_values():
    """A processor that changes nothing: values keep their types on their way through it."""
    exporter = AzureExporter()
    exporter.add_telemetry_processor(bool)
    _send(exporter)


class _Changing(AzureExporter):
    def span_data_to_envelope(self, sd):
        sd.attributes.pop("missing", None)
        for envelope in super().span_data_to_envelope(sd):
            envelope.tags["ai.user.id"] = "u1"
            envelope.data.baseData.properties["started"] = sd.name
            yield envelope


class _Adding(AzureExporter):
    def span_data_to_envelope(self, sd):
        sd.attributes.pop("missing", None)
        yield from super().span_data_to_envelope(sd)
        yield Envelope(
            iKey=self.options.instrumentation_key,
            tags={"ai.operation.id": sd.context.trace_id, "ai.operation.parentId": sd.span_id},
            time=sd.start_time,
            name="Microsoft.ApplicationInsights.Message",
            data=Data(baseData=Message(message="seen " + sd.name, properties={"n": 1}), baseType="MessageData"),
        )


class _Dropping(AzureExporter):
    def span_data_to_envelope(self, sd):
        return super().span_data_to_envelope(sd) if sd.span_kind == SpanKind.SERVER else ()


class _Emitting(AzureExporter):
    def emit(self, batch, event=None):
        super().emit([sd for sd in batch if sd.name != "inner"], event)


class _Exporting(AzureExporter):
    def export(self, items):
        super().export([item for item in items if item.name != "inner"])


class _Vendored(BaseExporter, TransportMixin, ProcessorMixin):
    """An exporter on the bases that the real one is made of, as programs have it that copied an older one."""

    def __init__(self, **options):
        self.options = Options(**options)
        self.storage = LocalFileStorage(path=tempfile.mkdtemp())
        self._telemetry_processors = []
        self._consecutive_redirects = 0
        super().__init__(**options)

    def span_data_to_envelope(self, sd):
        return Envelope(
            iKey=self.options.instrumentation_key,
            tags={"ai.operation.id": sd.context.trace_id},
            time=sd.start_time,
            name="Microsoft.ApplicationInsights.Message",
            data=Data(baseData=Message(message="vendored " + sd.name, properties=dict(sd.attributes)), baseType="MessageData"),
        )

    def emit(self, batch, event=None):
        if batch:
            result = self._transmit(self.apply_telemetry_processors([self.span_data_to_envelope(sd) for sd in batch]))
            if result is TransportStatusCode.RETRY:
                self.storage.put(batch, 60)
        if event:
            event.set()
        elif len(batch) < self.options.max_batch_size:
            self._transmit_from_storage()


def processor_of_failing_requests():
    """A processor that sets a tag on requests only, one of which reports an exception."""
    exporter = AzureExporter()

    def tag(envelope):
        if envelope.data.baseType == "RequestData":
            envelope.tags["ai.user.id"] = "u1"

    exporter.add_telemetry_processor(tag)
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="request") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("error.message", "out of stock")


class _Skipping(AzureExporter):
    """A subclass that makes its base's base and sets by itself what its base sets."""

    def __init__(self, **options):
        super(AzureExporter, self).__init__(**options)
        self.options = Options(**options)
        self.storage = None
        self._telemetry_processors = []
        self._consecutive_redirects = 0
        atexit.register(self._stop, self.options.grace_period)


def subclass_that_leaves_init_out():
    """A subclass that leaves its base's `__init__` out."""
    exporter = _Skipping()
    exporter.add_telemetry_processor(lambda envelope: envelope.tags.__setitem__("ai.cloud.role", "skipping"))
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="outer"), tracer.span(name="inner"):
        pass


def exporter_on_the_same_bases():
    """An exporter that sends by itself what it made."""
    exporter = _Vendored()
    exporter.add_telemetry_processor(lambda envelope: envelope.tags.__setitem__("ai.cloud.role", "vendored"))
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="outer"), tracer.span(name="inner") as span:
        span.add_attribute("n", 1)


def subclass_that_changes():
    """A subclass that changes SpanData and envelopes."""
    _send(_Changing())


def subclass_that_adds():
    """A subclass that adds an envelope of its own making."""
    _send(_Adding())


def subclass_that_drops():
    """A subclass that yields nothing for some spans."""
    _send(_Dropping())


def subclass_with_emit():
    """A subclass whose `emit` leaves some spans out."""
    _send(_Emitting())


def subclass_with_export():
    """A subclass whose `export` leaves some spans out."""
    _send(_Exporting())


def subclass_with_processor():
    """A subclass with a telemetry processor, which sees what the subclass made."""
    exporter = _Changing()
    exporter.add_telemetry_processor(lambda envelope: envelope.tags.__setitem__("ai.cloud.role", envelope.tags["ai.user.id"]))
    _send(exporter)


class _Collecting(base_exporter.Exporter):
    def __init__(self):
        self.calls = []

    def export(self, span_datas):
        self.calls.append([[sd.name, sd.span_kind, dict(sd.attributes), sd.child_span_count, sd.status.code] for sd in span_datas])

    def emit(self, span_datas):
        raise NotImplementedError


def exporter_of_its_own():
    """An exporter that is not ours gets lists of SpanData as spans end."""
    exporter = _Collecting()
    _send(exporter)
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="parent") as span:
        child = span.span(name="child")
        child.start()
        child.finish()
    return exporter.calls


def printed():
    """What PrintExporter prints."""
    _send(PrintExporter())


def written_to_a_file():
    """What FileExporter writes."""
    path = Path(tempfile.mkdtemp()) / "spans.json"
    _send(FileExporter(file_name=str(path)))
    return path.read_text(encoding="utf-8")


def logged():
    """What LoggingExporter logs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    _send(LoggingExporter(handler=handler))
    return stream.getvalue()


def options_given():
    """Options as programs read them back."""
    exporter = AzureExporter(export_interval=2.0, max_batch_size=7, enable_local_storage=False, timeout=3.0)
    options = exporter.options
    return [exporter.export_interval, exporter.max_batch_size, options.enable_local_storage, options.timeout, options.grace_period]


def key_of_the_environment():
    """The environment's own key as an argument goes where the environment's connection string says."""
    key = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].partition("=")[2].partition(";")[0]
    _send(AzureExporter(instrumentation_key=key))


def string_with_the_key_of_the_environment():
    """The environment's own key, alone in a connection string, goes where the environment's connection string says."""
    key = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].partition("=")[2].partition(";")[0]
    exporter = AzureExporter(connection_string=f"InstrumentationKey={key}")
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="told where"):
        pass


def key_of_another_resource():
    """The endpoint that another resource's key is sent to while the environment names a connection string."""
    exporter = AzureExporter(instrumentation_key="00000000-0000-0000-0000-000000000009")
    return exporter.options.endpoint.startswith("http://127.0.0.1")


def _outcome(**options):
    try:
        options = AzureExporter(grace_period=0.2, **options).options
    except ValueError:
        return "ValueError"
    return options.endpoint.rstrip("/")


def connection_strings():
    """Connection strings as portals, scripts and people write them: the endpoint, or the error."""
    key = "InstrumentationKey=00000000-0000-0000-0000-000000000009"
    return [
        _outcome(connection_string=text)
        for text in (
            f"{key};IngestionEndpoint=https://example.test/",
            f"{key};IngestionEndpoint=https://example.test/;",
            f"{key} ; IngestionEndpoint = https://example.test/",
            f"{key};EndpointSuffix=example.test;Location=west",
            key.replace("InstrumentationKey", "instrumentationkey"),
            "InstrumentationKey=ABCDEFAB-0000-0000-0000-000000000009",
            f"Authorization=ikey;{key}",
            f"Authorization=other;{key}",
            "nonsense",
            "InstrumentationKey=nonsense",
            "IngestionEndpoint=https://example.test/",
        )
    ]


def bad_options():
    """Options that cannot work: the endpoint, or the error."""
    return [
        _outcome(instrumentation_key="nonsense"),
        _outcome(credential=object()),
        _outcome(timeout="soon"),
        _outcome(proxies="not JSON"),
    ]


def unknown_option():
    """A keyword that never was an option is accepted and can be read back."""
    return AzureExporter(sampler="anything").options.sampler
