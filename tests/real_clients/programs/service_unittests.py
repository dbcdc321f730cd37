"""Tests that a service has of its own telemetry, in the usual forms; they know OpenCensus only. Run by `own_tests.py`."""

from __future__ import annotations

import json
import logging
import threading
import unittest
from unittest import mock

import requests
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure import trace_exporter as azure_trace
from opencensus.ext.azure.common import Options
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.requests import trace as requests_trace
from opencensus.metrics import transport
from opencensus.metrics.export.gauge import LongGauge, Registry
from opencensus.metrics.export.summary import ValueAtPercentile, check_count_and_sum
from opencensus.stats import aggregation, measure, view
from opencensus.stats.view_manager import ViewManager
from opencensus.tags.tag_key import TagKey
from opencensus.trace import execution_context, print_exporter, samplers, span_data
from opencensus.trace import tracer as tracer_module
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.span_context import SpanContext
from opencensus.trace.tracer import Tracer

KEY = "01234567-89ab-cdef-0123-456789abcdef"
CONNECTION_STRING = f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:9"
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


# --- The service -----------------------------------------------------------------------------------------------------------------


def make_tracer():
    """Return the tracer of the service."""
    return tracer_module.Tracer(exporter=azure_trace.AzureExporter(connection_string=CONNECTION_STRING), sampler=samplers.AlwaysOnSampler())


def checkout(tracer, items):
    """Sell things in a span; an empty cart is an error of its own."""
    with tracer.span(name="checkout") as span:
        span.add_attribute("items", len(items))
        if not items:
            raise ValueError("empty cart")
        with tracer.span(name="pay"):
            return sum(items)


def annotate_current():
    """Tell the current span, whatever it is, where the request came from."""
    span = execution_context.get_current_span()
    span.add_attribute("region", "eu")
    span.add_annotation("routed", hop=1)


class Service:
    """Takes its tracer from outside, as services that can be tested do."""

    def __init__(self, tracer):
        self.tracer = tracer

    def work(self):
        """Do something in a span."""
        with self.tracer.span("work") as span:
            span.add_attribute("ok", True)
            return 42

    def by_hand(self):
        """Do something between a start and an end."""
        self.tracer.start_span(name="by hand")
        self.tracer.add_attribute_to_current_span("step", 1)
        self.tracer.end_span()


class HealthFilter:
    """An exporter around another one."""

    def __init__(self, inner):
        self.inner = inner

    def export(self, spans):
        """Hand on all but health checks."""
        self.inner.export([span for span in spans if span.name != "health"])

    def __getattr__(self, name):
        return getattr(self.inner, name)


# --- Its tests -------------------------------------------------------------------------------------------------------------------


class TestCase(unittest.TestCase):
    """Leaves no context behind, as fixtures of services do."""

    def setUp(self):
        execution_context.clear()
        self.addCleanup(execution_context.clear)


class TracerTests(TestCase):
    """The tracer is real, what it exports to is not, or the other way round."""

    @mock.patch("opencensus.ext.azure.trace_exporter.AzureExporter")
    def test_the_class_patched_where_it_is(self, exporter):
        checkout(make_tracer(), [1, 2])
        exporter.assert_called_once_with(connection_string=CONNECTION_STRING)
        names = [call[0][0][0].name for call in exporter.return_value.export.call_args_list]
        self.assertEqual(names, ["pay", "checkout"])

    @mock.patch.object(azure_trace, "AzureExporter", autospec=True)
    def test_the_class_patched_with_its_specification(self, exporter):
        checkout(make_tracer(), [1])
        self.assertEqual(exporter.return_value.export.call_count, 2)
        self.assertFalse(exporter.return_value.emit.called)

    @mock.patch.object(AzureExporter, "export")
    def test_the_method_patched(self, export):
        checkout(make_tracer(), [1])
        (spans,), _ = export.call_args
        self.assertIsInstance(spans[0], span_data.SpanData)
        self.assertEqual(spans[0].attributes["items"], 1)

    @mock.patch.object(AzureExporter, "export", autospec=True)
    def test_the_method_patched_with_its_specification(self, export):
        tracer = make_tracer()
        checkout(tracer, [1])
        self.assertIs(export.call_args[0][0], tracer.exporter)
        self.assertEqual([span.name for span in export.call_args[0][1]], ["checkout"])

    def test_a_magic_mock_as_exporter(self):
        exporter = mock.MagicMock()
        checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [3])
        self.assertEqual(exporter.mock_calls, [mock.call.export(mock.ANY)] * 2)

    def test_a_mock_with_a_specification_as_exporter(self):
        exporter = mock.create_autospec(AzureExporter, instance=True)
        checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [3])
        self.assertEqual(exporter.export.call_count, 2)

    def test_the_error_of_a_span(self):
        exporter = mock.Mock()
        with self.assertRaisesRegex(ValueError, "empty cart"):
            checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [])
        [span] = exporter.export.call_args[0][0]
        self.assertEqual((span.status.code, span.status.message), (2, "empty cart"))
        self.assertIsNotNone(span.stack_trace)

    def test_parents(self):
        exporter = mock.Mock()
        checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [1])
        pay, sale = (call[0][0][0] for call in exporter.export.call_args_list)
        self.assertEqual(pay.parent_span_id, sale.span_id)
        self.assertEqual(pay.context.trace_id, sale.context.trace_id)
        self.assertIsNone(sale.parent_span_id)

    def test_a_decorated_function(self):
        exporter = mock.MagicMock()
        tracer = Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())

        @tracer.trace_decorator()
        def total(*prices):
            return sum(prices)

        self.assertEqual(total(1, 2), 3)
        self.assertEqual(exporter.export.call_args[0][0][0].name, "total")

    def test_an_exporter_around_a_mocked_one(self):
        inner = mock.Mock()
        tracer = Tracer(exporter=HealthFilter(inner), sampler=samplers.AlwaysOnSampler())
        for name in ("health", "order"):
            with tracer.span(name):
                pass
        self.assertEqual([[span.name for span in call[0][0]] for call in inner.export.call_args_list], [[], ["order"]])

    def test_a_transport_that_is_a_mock(self):
        kind = mock.Mock()
        exporter = print_exporter.PrintExporter(transport=kind)
        with Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()).span("printed"):
            pass
        kind.assert_called_once_with(exporter)
        self.assertEqual(kind.return_value.export.call_args[0][0][0].name, "printed")


class SamplerTests(TestCase):
    """Samplers, propagators and contexts are mocks."""

    def test_a_sampler_that_says_yes(self):
        sampler = mock.Mock()
        sampler.should_sample.return_value = True
        exporter = mock.Mock()
        tracer = Tracer(sampler=sampler, exporter=exporter)
        with tracer.span("sampled"):
            pass
        sampler.should_sample.assert_called_once_with(tracer.span_context)
        self.assertTrue(exporter.export.called)

    def test_a_sampler_that_says_no(self):
        sampler = mock.create_autospec(samplers.ProbabilitySampler, instance=True)
        sampler.should_sample.return_value = False
        exporter = mock.Mock()
        with Tracer(sampler=sampler, exporter=exporter).span("not sampled") as span:
            span.add_attribute("key", "value")
        self.assertEqual(exporter.mock_calls, [])

    @mock.patch.object(samplers.ProbabilitySampler, "should_sample", return_value=True)
    def test_a_patched_sampler(self, should_sample):
        exporter = mock.Mock()
        with Tracer(sampler=samplers.ProbabilitySampler(0.0), exporter=exporter).span("lucky"):
            pass
        self.assertEqual(should_sample.call_count, 1)
        self.assertEqual(exporter.export.call_count, 1)

    def test_a_context_that_is_a_mock(self):
        context = mock.Mock(trace_id=TRACE_ID, span_id=SPAN_ID)
        exporter = mock.Mock()
        with Tracer(span_context=context, sampler=samplers.AlwaysOnSampler(), exporter=exporter).span("continued"):
            pass
        [span] = exporter.export.call_args[0][0]
        self.assertEqual((span.context.trace_id, span.parent_span_id), (TRACE_ID, SPAN_ID))
        context.trace_options.set_enabled.assert_called_once_with(True)

    def test_a_propagator_that_is_a_mock(self):
        propagator = mock.Mock()
        propagator.from_headers.return_value = SpanContext(trace_id=TRACE_ID, span_id=SPAN_ID)
        exporter = mock.Mock()
        context = propagator.from_headers({"trace": "1"})
        tracer = Tracer(span_context=context, propagator=propagator, sampler=samplers.AlwaysOnSampler(), exporter=exporter)
        with tracer.span("received"):
            tracer.propagator.to_headers(tracer.span_context)
        propagator.to_headers.assert_called_once_with(context)

    def test_headers(self):
        tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=mock.Mock())
        with tracer.span("sent") as span:
            headers = TraceContextPropagator().to_headers(tracer.span_context)
        self.assertEqual(headers["traceparent"], f"00-{tracer.span_context.trace_id}-{span.span_id}-01")


class FakeTracerTests(TestCase):
    """The tracer is a fake."""

    def test_a_service_with_a_mocked_tracer(self):
        tracer = mock.MagicMock()
        self.assertEqual(Service(tracer).work(), 42)
        span = tracer.span.return_value.__enter__.return_value
        span.add_attribute.assert_called_once_with("ok", True)

    @mock.patch("opencensus.trace.tracer.Tracer")
    def test_the_class_patched(self, kind):
        Service(tracer_module.Tracer(exporter="anything")).work()
        kind.assert_called_once_with(exporter="anything")
        kind.return_value.span.assert_called_once_with("work")

    def test_a_fake_inside_a_real_one(self):
        tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=mock.Mock())
        tracer.tracer = fake = mock.Mock()
        Service(tracer).by_hand()
        call = mock.call
        self.assertEqual(fake.mock_calls, [call.start_span("by hand"), call.add_attribute_to_current_span("step", 1), call.end_span()])

    @mock.patch.object(Tracer, "span")
    def test_a_patched_method(self, span):
        Service(Tracer(sampler=samplers.AlwaysOnSampler(), exporter=mock.Mock())).work()
        span.assert_called_once_with("work")

    def test_the_tracer_of_the_context(self):
        fake = mock.Mock()
        execution_context.set_opencensus_tracer(fake)
        self.assertIs(execution_context.get_opencensus_tracer(), fake)
        self.assertEqual(fake.mock_calls, [])

    def test_the_current_span(self):
        span = mock.Mock()
        execution_context.set_current_span(span)
        annotate_current()
        self.assertEqual(span.mock_calls, [mock.call.add_attribute("region", "eu"), mock.call.add_annotation("routed", hop=1)])

    @mock.patch("opencensus.trace.execution_context.get_current_span")
    def test_a_patched_context(self, get_current_span):
        annotate_current()
        get_current_span.return_value.add_attribute.assert_called_once_with("region", "eu")

    @mock.patch("opencensus.trace.tracer.execution_context")
    def test_a_tracer_is_stored(self, context):
        tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=mock.Mock())
        context.set_opencensus_tracer.assert_called_once_with(tracer)

    def test_an_integration_with_a_fake_tracer(self):
        fake = mock.Mock()
        fake.propagator.to_headers.return_value = {"traceparent": "00-1"}
        execution_context.set_opencensus_tracer(fake)
        execution_context.set_is_exporter(False)
        execution_context.set_opencensus_attr("excludelist_hostnames", [])
        request = mock.Mock(return_value=mock.Mock(status_code=200))
        requests_trace.wrap_session_request(request, "Session.request", ("GET", "http://shop.example/cart"), {})
        request.assert_called_once_with("GET", "http://shop.example/cart", headers={"traceparent": "00-1"})
        fake.start_span.assert_called_once_with()
        fake.add_attribute_to_current_span.assert_any_call("http.status_code", 200)
        fake.end_span.assert_called_once_with()


class LogTests(TestCase):
    """Handlers, or steps of their export, are mocks."""

    def setUp(self):
        super().setUp()
        self.logger = logging.getLogger(f"shop.{self.id()}")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False

    def logged(self, kind=AzureLogHandler, **options):
        """Log a line to a handler, flush it, and return it."""
        handler = kind(connection_string=CONNECTION_STRING, enable_local_storage=False, **options)
        self.logger.addHandler(handler)
        self.addCleanup(self.logger.removeHandler, handler)
        self.logger.warning("sold %d", 2, extra={"custom_dimensions": {"shop": "north"}, "custom_measurements": {"price": 3}})
        return handler

    @mock.patch.object(AzureLogHandler, "emit")
    def test_emit_patched(self, emit):
        self.logged()
        record = emit.call_args[0][0]
        self.assertEqual((record.getMessage(), record.custom_dimensions), ("sold 2", {"shop": "north"}))

    @mock.patch.object(AzureLogHandler, "_transmit", return_value=0)
    def test_transmit_patched(self, transmit):
        self.logged().flush(timeout=30)
        [envelope] = transmit.call_args[0][0]
        self.assertEqual(transmit.call_count, 1)
        self.assertEqual(envelope.data.baseData.message, "sold 2")
        self.assertEqual(envelope.data.baseData.properties["shop"], "north")

    @mock.patch.object(AzureEventHandler, "_transmit", return_value=0)
    def test_an_event(self, transmit):
        self.logged(AzureEventHandler).flush(timeout=30)
        [envelope] = transmit.call_args[0][0]
        self.assertEqual((envelope.data.baseData.name, envelope.data.baseData.measurements), ("sold 2", {"price": 3}))

    def test_a_mocked_handler(self):
        handler = mock.Mock(spec=AzureLogHandler, level=logging.INFO)
        self.logger.addHandler(handler)
        self.logger.info("hello")
        self.assertEqual(handler.handle.call_args[0][0].getMessage(), "hello")

    @mock.patch("opencensus.ext.azure.common.transport.requests.post")
    def test_what_is_posted(self, post):
        post.return_value = mock.Mock(status_code=200, text="{}", headers={})
        self.logged().close()
        bodies = [call[1]["data"] for call in post.call_args_list if "sold 2" in call[1]["data"]]
        self.assertEqual([json.loads(body)[0]["data"]["baseData"]["message"] for body in bodies], ["sold 2"])

    def test_a_processor(self):
        processor = mock.Mock(return_value=False)
        with mock.patch.object(AzureLogHandler, "_transmit", return_value=0):
            handler = AzureLogHandler(connection_string=CONNECTION_STRING, enable_local_storage=False)
            handler.add_telemetry_processor(processor)
            self.assertEqual(handler.apply_telemetry_processors(["an envelope"]), [])
        processor.assert_called_once_with("an envelope")


class ExporterTests(TestCase):
    """Steps of the exporter's way are mocks."""

    def exporter(self):
        """Return a real exporter that writes no file."""
        return AzureExporter(connection_string=CONNECTION_STRING, enable_local_storage=False, export_interval=3600)

    @mock.patch.object(AzureExporter, "_transmit", return_value=0)
    def test_spans_are_transmitted(self, transmit):
        exporter = self.exporter()
        checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [1])
        exporter._queue.flush(timeout=30)
        self.assertEqual([envelope.data.baseData.name for envelope in transmit.call_args[0][0]], ["pay", "checkout"])

    def test_emit_patched(self):
        taken = []

        def emit(batch, event=None):
            taken.extend(span.name for span in batch)
            if event:
                event.set()

        with mock.patch.object(AzureExporter, "emit", side_effect=emit):
            exporter = self.exporter()
            checkout(Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()), [1])
            exporter._queue.flush(timeout=30)
        self.assertEqual(taken, ["pay", "checkout"])

    @mock.patch("requests.post", return_value=mock.Mock(status_code=500, text="{}", headers={}))
    def test_an_endpoint_that_fails(self, post):
        self.assertEqual(self.exporter()._transmit([{"name": "a"}]), 1)
        self.assertTrue(post.called)

    @mock.patch("requests.post", side_effect=requests.ConnectionError("down"))
    def test_an_endpoint_that_is_down(self, post):
        self.assertEqual(self.exporter()._transmit([{"name": "a"}]), 1)

    @mock.patch("requests.post", return_value=mock.Mock(status_code=200, text="{}", headers={}))
    def test_an_endpoint_that_works(self, post):
        self.assertEqual(self.exporter()._transmit([{"name": "a"}]), 0)
        self.assertIn({"name": "a"}, [{"name": each["name"]} for call in post.call_args_list for each in json.loads(call[1]["data"])])


class MetricTests(TestCase):
    """Producers, exporters and threads are mocks."""

    @mock.patch("opencensus.metrics.transport.get_exporter_thread")
    def test_the_thread_is_started(self, get_exporter_thread):
        exporter = metrics_exporter.new_metrics_exporter(
            connection_string=CONNECTION_STRING, enable_standard_metrics=False, export_interval=7.0
        )
        self.assertEqual(get_exporter_thread.call_args[1], {"interval": 7.0})
        self.assertIs(exporter.exporter_thread, get_exporter_thread.return_value)

    def test_mocks_at_both_ends(self):
        called = threading.Event()
        producer, exporter = mock.Mock(), mock.create_autospec(metrics_exporter.MetricsExporter, instance=True)
        producer.get_metrics.return_value = ["a metric"]
        seen = []
        exporter.export_metrics.side_effect = lambda metrics: (seen.append(list(metrics)), called.set())
        task = transport.get_exporter_thread([producer], exporter, interval=0.01)
        self.assertTrue(called.wait(30))
        task.cancel()
        self.assertEqual(seen[0], ["a metric"])

    @mock.patch.object(metrics_exporter.MetricsExporter, "_transmit", return_value=0)
    def test_a_gauge_is_transmitted(self, transmit):
        gauge = LongGauge("queue", "waiting", "1", [])
        gauge.get_or_create_default_time_series().set(5)
        registry = Registry()
        registry.add_gauge(gauge)
        metrics_exporter.MetricsExporter(connection_string=CONNECTION_STRING, enable_local_storage=False).export_metrics(
            registry.get_metrics()
        )
        [envelope] = transmit.call_args[0][0]
        self.assertEqual([(point.name, point.value) for point in envelope.data.baseData.metrics], [("queue", 5)])

    def test_a_view_exporter(self):
        manager, exporter = ViewManager(), mock.Mock()
        manager.register_exporter(exporter)
        shown = view.View("sales", "how many", [], measure.MeasureInt("sold", "sold", "1"), aggregation.CountAggregation())
        manager.register_view(shown)
        exporter.on_register_view.assert_called_once_with(shown)


class MessageTests(unittest.TestCase):
    """Messages of exceptions are matched."""

    def test_messages(self):
        for words, call in (
            ("count must be non-negative", lambda: check_count_and_sum(-1, 0)),
            ("sum_data must be 0 if count is 0", lambda: check_count_and_sum(0, 1)),
            ("percentile must be in the interval (0.0, 100.0]", lambda: ValueAtPercentile(0, 1)),
            ("Rate must between 0 and 1.", lambda: samplers.ProbabilitySampler(2)),
            ("Instrumentation key cannot be none or empty.", AzureExporter),
            ("Invalid connection string", lambda: AzureExporter(connection_string="")),
            ("Invalid instrumentation key.", lambda: AzureLogHandler(instrumentation_key="abc")),
            ("Invalid connection string", lambda: Options(connection_string="abc")),
            ("Sampling must be in the range: [0,1]", lambda: AzureLogHandler(instrumentation_key=KEY, logging_sampling_rate=2)),
            ("Max batch size must be at least 1.", lambda: metrics_exporter.MetricsExporter(instrumentation_key=KEY, max_batch_size=0)),
            ("tag name must not be empty", lambda: TagKey("")),
        ):
            with self.subTest(words), self.assertRaises(ValueError) as caught:
                call()
            self.assertIn(words, str(caught.exception))
