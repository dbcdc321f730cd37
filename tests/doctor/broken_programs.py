"""Programs in which something is wrong, and the check that names it alone; and some in which nothing is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """A program."""

    name: str
    code: str
    id: str = ""
    """The check that names what is wrong; empty for a healthy one."""
    row: str = ""
    """How the row of troubleshooting.md begins that is about it, without its backquotes; empty where none is."""
    verdict: str = "problem"
    says: str = ""
    """What is in the text of the finding."""
    log: str = ""
    """The record that is asked about."""
    variables: dict[str, str] = field(default_factory=dict)
    signal: int = 0
    """Number of the signal that ends it."""


_LOGS = """
import logging
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
root, log = logging.getLogger(), logging.getLogger("shop.orders")
"""
_SPANS = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import samplers
from opencensus.trace.tracer import Tracer
"""
_STATS = """
from opencensus.ext.azure import metrics_exporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value
latency = measure.MeasureFloat("latency", "", "ms")
method = tag_key.TagKey("method")
shown = view.View("latency", "", [method], latency, aggregation.SumAggregation())
def record(value, measure=latency, tags=None):
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_float_put(measure, value)
    if tags is None:
        tags = tag_map.TagMap()
        tags.insert(method, tag_value.TagValue("GET"))
    measurements.record(tags)
"""
_NEW = "exporter = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)\n"

RECORDS = (
    Program(
        "a handler that is on no logger",
        _LOGS + "handler = AzureLogHandler()\nlog.warning('lost')\n",
        "D030",
        says="AzureLogHandler was made, and is on no logger",
    ),
    Program(
        "a handler on another logger",
        _LOGS + "logging.getLogger('billing').addHandler(AzureLogHandler())\nlog.warning('lost')\n",
        "D030",
        says="AzureLogHandler is on logger 'billing', and nothing was logged there or below: the program logs to logger 'shop.orders'",
    ),
    Program(
        "no handler, asked",
        _LOGS + "log.warning('lost')\n",
        "D030",
        log="shop.orders:WARNING",
        says="No handler of logger 'shop.orders', or of a logger above it, sends to Application Insights",
    ),
    Program(
        "no level",
        _LOGS + "root.addHandler(AzureLogHandler())\nlog.info('lost')\n",
        "D031",
        "the logger's level",
        says="Logger 'shop.orders' is at WARNING (from the root logger, set by nobody): INFO goes nowhere",
    ),
    Program(
        "no level, and some arrives",
        _LOGS + "root.addHandler(AzureLogHandler())\nlog.info('lost')\nlog.error('sent')\n",
        "D031",
        "the logger's level",
        verdict="warning",
        says="INFO goes nowhere",
    ),
    Program(
        "a level, asked",
        _LOGS + "root.addHandler(AzureLogHandler())\nlogging.getLogger('shop').setLevel(logging.ERROR)\nlog.error('sent')\n",
        "D031",
        log="shop.orders:INFO",
        says="Logger 'shop.orders' is at ERROR (from logger 'shop', set at ",
    ),
    Program(
        "logging.disable",
        _LOGS + "root.addHandler(AzureLogHandler())\nlogging.disable(logging.CRITICAL)\nlog.error('lost')\n",
        "D031",
        says="logging.disable(CRITICAL) (set at ",
    ),
    Program(
        "a level of the handler",
        _LOGS + "handler = AzureLogHandler()\nhandler.setLevel(logging.ERROR)\nroot.addHandler(handler)\nlog.warning('lost')\n",
        "D031",
        says="AzureLogHandler of the root logger is at ERROR (set at ",
    ),
    Program(
        "disabled by dictConfig",
        _LOGS + "import logging.config\n"
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'INFO', 'handlers': ['azure']},\n"
        "    'handlers': {'azure': {'class': 'opencensus.ext.azure.log_exporter.AzureLogHandler'}}})\nlog.error('lost')\n",
        "D032",
        says="Logger 'shop.orders' is disabled",
    ),
    Program(
        "propagate",
        _LOGS + "root.addHandler(AzureLogHandler())\nlogging.getLogger('shop').propagate = False\nlog.error('lost')\n",
        "D032",
        says="Logger 'shop' has propagate = False: 1 records of logger 'shop.orders' did not reach the handler of the root logger",
    ),
    Program(
        "a filter of the logger",
        _LOGS + "root.addHandler(AzureLogHandler())\nlog.addFilter(lambda record: False)\nlog.error('lost')\n",
        "D033",
        says="A filter of logger 'shop.orders' (<lambda>) refused each of the 1 records",
    ),
    Program(
        "a filter of the handler",
        _LOGS + "handler = AzureLogHandler()\nhandler.addFilter(logging.Filter('billing'))\nroot.addHandler(handler)\nlog.error('lost')\n",
        "D033",
        says="A filter of AzureLogHandler of the root logger (logging.Filter('billing')) refused each of the 1 records",
    ),
    Program(
        "a filter that refuses a level, asked",
        _LOGS + "handler = AzureLogHandler()\nhandler.addFilter(lambda record: record.levelno > 30)\nroot.addHandler(handler)\n"
        "log.warning('lost')\nlog.error('sent')\n",
        "D033",
        log="shop.orders:WARNING",
        says="A filter of AzureLogHandler of the root logger (<lambda>) refused each of the 1 records of level WARNING that came to it",
    ),
    Program(
        "log sampling",
        _LOGS + "root.addHandler(AzureLogHandler(logging_sampling_rate=0.0))\nlog.error('lost')\n",
        "D033",
        says="AzureLogHandler of the root logger has logging_sampling_rate=0",
    ),
    Program(
        "a custom measurement that is text",
        _LOGS + "root.addHandler(AzureEventHandler())\nlog.error('sent', extra={'custom_measurements': {'n': 'many'}})\n",
        "D033",
        "The custom measurement",
        verdict="warning",
        says="The custom measurement 'n' is skipped",
    ),
)

SPANS = (
    Program(
        "no sampler",
        _SPANS + "with Tracer(exporter=AzureExporter()).span('lost'): pass\n",
        "D034",
        "the Tracer has no sampler",
        says="1 of 1 traces were not sampled: a Tracer (made at ",
    ),
    Program(
        "a sampler that keeps nothing",
        _SPANS + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOffSampler()).span('lost'): pass\n",
        "D034",
        says="AlwaysOffSampler() keeps none",
    ),
    Program(
        "a sampler that keeps a few",
        _SPANS
        + "for _ in range(3):\n    with Tracer(exporter=AzureExporter(), sampler=samplers.ProbabilitySampler(1e-12)).span('lost'): pass\n",
        "D034",
        verdict="warning",
        says="3 of 3 traces were not sampled: ProbabilitySampler(1e-12) kept none of them",
    ),
    Program(
        "a sampler that raises",
        _SPANS + "class Raises(samplers.Sampler):\n"
        "    calls = 0\n"
        "    def should_sample(self, context):\n"
        "        self.calls += 1\n"
        "        if self.calls > 1: raise LookupError('table')\n"
        "        return True\n"
        "tracer = Tracer(exporter=AzureExporter(), sampler=Raises())\n"
        "for _ in range(2):\n    with tracer.span('half'): pass\n",
        "D034",
        "sampler … failed, the trace is not sampled",
        says="failed, the trace is not sampled",
    ),
    Program(
        "no tracer",
        "from opencensus.trace import execution_context\nwith execution_context.get_opencensus_tracer().span('lost'): pass\n",
        "D034",
        says="No Tracer was made: the 1 spans",
    ),
    Program(
        "no exporter",
        _SPANS + "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), Tracer(sampler=samplers.AlwaysOnSampler()).span('printed'): pass\n",
        "D036",
        says="1 traces were printed, and sent nowhere",
    ),
    Program(
        "requests that are left out",
        "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n"
        "import flask\nfrom opencensus.ext.azure.trace_exporter import AzureExporter\n"
        "app = flask.Flask('app')\n"
        "FlaskMiddleware(app, exporter=AzureExporter(), excludelist_paths=['orders'])\n"
        "app.test_client().get('/orders/7')\n",
        "D036",
        says="All 1 requests are on the list of paths that are not traced",
    ),
)

PROVIDERS = (
    Program(
        "SEND=providers by configure",
        "import opencensus_compat\nopencensus_compat.configure(send='providers')\n"
        + _SPANS
        + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('lost'): pass\n",
        "D035",
        "OPENCENSUS_COMPAT_SEND=providers is set",
        says="configure(send='providers'): OpenCensus exporters send no spans themselves",
    ),
    Program(
        "a sampler of OpenTelemetry's",
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider, sampling\n"
        "trace.set_tracer_provider(TracerProvider(sampler=sampling.ALWAYS_OFF))\n"
        + _SPANS
        + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): pass\n",
        "D035",
        says="The sampler of the tracer provider (opentelemetry.sdk.trace.TracerProvider) samples nothing",
    ),
    Program(
        "a provider that comes late",
        _SPANS + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): pass\n"
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n",
        "D035",
        "a … provider was set after",
        verdict="warning",
        says="A tracer provider was set after this package had made one",
    ),
    Program(
        "spans that a provider of the program's keeps",
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "provider = TracerProvider()\nprovider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        + _SPANS
        + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): pass\n"
        "with trace.get_tracer('shop').start_as_current_span('kept'): pass\n",
        "D035",
        "spans, records or instruments of OpenTelemetry code are missing",
        verdict="warning",
        says="left to the application's provider",
    ),
)

_OTEL = "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider, sampling\n"
_SENT = "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): pass\n"
_EXPORTS = (
    "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
    "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
)
BESIDE_OPENTELEMETRY = (
    Program(
        "spans of OpenTelemetry code that are left to the program's exporter",
        f"{_OTEL}{_EXPORTS}provider = TracerProvider()\nprovider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))\n"
        f"trace.set_tracer_provider(provider)\n{_SPANS}{_SENT}with trace.get_tracer('app').start_as_current_span('elsewhere'): pass\n",
        "D035",
        "spans, records or instruments of OpenTelemetry code are missing",
        verdict="warning",
        says="OpenTelemetry traces: left to the application's provider",
    ),
    Program(
        "a provider without an exporter",
        f"{_OTEL}trace.set_tracer_provider(TracerProvider())\n{_SPANS}{_SENT}with trace.get_tracer('app').start_as_current_span('adopted'): pass\n",
        "D035",
        "OpenTelemetry …: the application's provider has no exporter",
        verdict="warning",
        says="OpenTelemetry traces: the application's provider has no exporter",
    ),
    Program(
        "inside a span that is not sampled",
        f"{_OTEL}trace.set_tracer_provider(TracerProvider(sampler=sampling.TraceIdRatioBased(1e-12)))\n{_SPANS}"
        f"with trace.get_tracer('app').start_as_current_span('lost'):\n    {_SENT}",
        "D034",
        verdict="warning",
        says="1 spans are inside spans of OpenTelemetry code that are not sampled",
    ),
    Program(
        "the official exporter for the same resource",
        f"{_OTEL}{_EXPORTS}import os\nfrom opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult\n"
        "class AzureMonitorTraceExporter(SpanExporter):\n"
        "    __module__ = 'azure.monitor.opentelemetry.exporter.export.trace._exporter'\n"
        "    _instrumentation_key = os.environ['APPLICATIONINSIGHTS_CONNECTION_STRING'].split('=')[1].split(';')[0]\n"
        "    def export(self, spans): return SpanExportResult.SUCCESS\n"
        "provider = TracerProvider()\nprovider.add_span_processor(SimpleSpanProcessor(AzureMonitorTraceExporter()))\n"
        f"trace.set_tracer_provider(provider)\n{_SPANS}{_SENT}",
        "D027",
        "both … and an OpenCensus exporter send",
        verdict="warning",
        says="AzureMonitorTraceExporter and an OpenCensus exporter send traces to the resource",
    ),
    Program(
        "a middleware and an instrumentation",
        "import flask\nfrom opencensus.ext.azure.trace_exporter import AzureExporter\n"
        "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\nfrom opencensus.trace.samplers import AlwaysOnSampler\n"
        "from opentelemetry.instrumentation.flask import FlaskInstrumentor\n"
        "app = flask.Flask('app')\nFlaskInstrumentor().instrument_app(app)\n"
        "FlaskMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())\napp.test_client().get('/')\n",
        "D029",
        "both … and OpenCensus code trace the same requests",
        verdict="warning",
        says="trace the same requests",
    ),
)

MEASUREMENTS = (
    Program("no view", _STATS + _NEW + "record(1.0)\n", "D037", says="No view of the measure 'latency' was registered when 1 of 1"),
    Program(
        "another measure of the same name",
        _STATS + _NEW + "stats.stats.view_manager.register_view(shown)\nrecord(1.0, measure.MeasureFloat('latency', '', 'ms'))\n",
        "D037",
        says="Views show another measure of the name 'latency'",
    ),
    Program(
        "a view that is registered again",
        _STATS + _NEW + "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\n"
        "stats.stats.view_manager.register_view(view.View('latency', '', [method], latency, aggregation.CountAggregation()))\n",
        "D037",
        "A different view with the name … is registered already",
        says="A different view with the name 'latency' is registered already",
    ),
    Program(
        "no tags",
        _STATS + _NEW + "stats.stats.view_manager.register_view(shown)\nrecord(1.0, tags=tag_map.TagMap())\n",
        "D037",
        verdict="warning",
        says="The view 'latency' has the column 'method', and no measurement had such a tag",
    ),
    Program(
        "nobody exports",
        _STATS + "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\n",
        "D038",
        says="The view 'latency' has measurements, and nobody exports views",
    ),
    Program(
        "an exporter without a thread",
        _STATS + "stats.stats.view_manager.register_exporter(metrics_exporter.MetricsExporter())\n"
        "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\n",
        "D038",
        says="A MetricsExporter is registered with the view manager, and nothing has it export",
    ),
    Program(
        "an exporter of another vendor, and a short run",
        _STATS + "from opencensus.metrics import transport\n"
        "class Exporter:\n    def export_metrics(self, metrics): pass\n"
        "exporter = Exporter()\nthread = transport.get_exporter_thread([stats.stats], exporter)\n"
        "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\n",
        "D038",
        "metrics of one short run",
        says="The Exporter exports every 60 s and not at the end",
    ),
    Program(
        "a gauge in no exporter's registry",
        "from opencensus.metrics.export import gauge\nregistry = gauge.Registry()\n"
        "queue = gauge.LongGauge('queue', '', '1', [])\nregistry.add_gauge(queue)\n",
        "D038",
        says="The gauge 'queue' is in a registry that nobody exports",
    ),
    Program(
        "a value below 0",
        _STATS + _NEW + "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\nrecord(-1.0)\n",
        "D039",
        "Values below 0 are not recorded",
        says="1 measurements with the measure 'latency' (recorded at ",
    ),
)

VALUES = (
    Program(
        "a gauge that is no number",
        "from opencensus.ext.azure import metrics_exporter\nfrom opencensus.metrics import transport\n"
        "from opencensus.metrics.export import gauge\nregistry = gauge.Registry()\nqueue = gauge.DoubleGauge('queue', '', '1', [])\n"
        "registry.add_gauge(queue)\nqueue.get_or_create_time_series([]).set(float('nan'))\n"
        "exporter = metrics_exporter.MetricsExporter()\nthread = transport.get_exporter_thread([registry], exporter)\n",
        "D039",
        "a metric point is skipped on every export",
        says="A metric point is skipped on every export",
    ),
    Program(
        "a span of no known kind",
        f"{_SPANS}with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent') as span: span.status = 7\n",
        "D036",
        "a span is exported without",
        verdict="warning",
        says="A span is exported without its status",
    ),
    Program(
        "a key alone",
        f"{_LOGS}root.addHandler(AzureLogHandler(instrumentation_key='12345678-1234-4234-8234-123456789abc'))\n",
        "D102",
        "an instrumentation key without a connection string",
        verdict="warning",
        says="An instrumentation key without a connection string is deprecated",
    ),
    Program(
        "a misspelt variable of the program's own",
        f"import os\nos.environ['APPINSIGHTS_EXPORTER_STORGE'] = 'off'\n{_LOGS}root.addHandler(AzureLogHandler())\nlog.error('sent')\n",
        "D102",
        verdict="warning",
        says="Environment variable APPINSIGHTS_EXPORTER_STORGE is not known",
    ),
)

DOUBLED = (
    Program(
        "handlers of both kinds",
        _LOGS + "from appinsights_exporter.logging_handlers import ApplicationInsightsLoggingHandler\n"
        "root.addHandler(AzureLogHandler())\nroot.addHandler(ApplicationInsightsLoggingHandler())\nlog.error('sent')\n",
        "D028",
        "a handler of OpenTelemetry's and an AzureLogHandler",
        verdict="warning",
        says="send the same records to the resource with the key",
    ),
    Program(
        "an integration and an instrumentation",
        "from opencensus.trace import config_integration\nconfig_integration.trace_integrations(['requests'])\n"
        "from opentelemetry.instrumentation.requests import RequestsInstrumentor\nRequestsInstrumentor().instrument()\n",
        "D029",
        "both … trace the same calls",
        verdict="warning",
        says="The integration 'requests' of OpenCensus and opentelemetry-instrumentation-requests trace the same library",
    ),
    Program(
        "an option that nobody knows",
        _LOGS + "root.addHandler(AzureLogHandler(export_intervall=5))\nlog.error('sent')\n",
        "D102",
        "the Azure exporters have no option",
        verdict="warning",
        says="The Azure exporters have no option 'export_intervall'",
    ),
    Program(
        "options of the same resource that differ",
        _LOGS + "root.addHandler(AzureLogHandler())\nlog.addHandler(AzureLogHandler(grace_period=1))\nlog.error('sent')\n",
        "D102",
        "another exporter for this resource was created with different settings",
        verdict="warning",
        says="Another exporter for this resource was created with different settings",
    ),
)

_QUEUED = _LOGS + "root.addHandler(AzureLogHandler())\nlog.error('queued')\n"
ENDS = (
    Program(
        "os._exit",
        f"{_QUEUED}import os\nos._exit(0)\n",
        "D101",
        "the process was killed, or ended by SIGTERM or os._exit",
        says="A process ended by os._exit at ",
    ),
    Program(
        "a signal to itself",
        f"{_QUEUED}import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
        "D101",
        "the process was killed, or ended by SIGTERM or os._exit",
        says="A process ended by SIGTERM, without its exit hooks, while ",
        signal=15,
    ),
    Program(
        "a signal that is raised again",
        f"{_QUEUED}import signal\nsignal.raise_signal(signal.SIGTERM)\n",
        "D101",
        says="A process ended by SIGTERM",
        signal=15,
    ),
)

HEALTHY = (
    Program(
        "a tracer for the ids of log records",
        "import contextlib, io\nfrom opencensus.trace import config_integration\nconfig_integration.trace_integrations(['logging'])\n"
        f"{_LOGS}{_SPANS}root.addHandler(AzureLogHandler())\n"
        "with contextlib.redirect_stdout(io.StringIO()), Tracer(sampler=samplers.AlwaysOnSampler()).span('printed'): log.error('sent')\n",
    ),
    Program("os._exit after a flush", f"{_QUEUED}import opencensus_compat, os\nassert opencensus_compat.flush(5)\nos._exit(0)\n"),
    Program(
        "records, spans and measurements",
        _LOGS + _SPANS + _STATS + _NEW + "root.addHandler(AzureLogHandler())\nroot.setLevel(logging.INFO)\n"
        "stats.stats.view_manager.register_view(shown)\nrecord(1.0)\n"
        "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): log.info('sent')\n",
        log="shop.orders:INFO",
    ),
    Program(
        "debug is off, and a library has its own handlers",
        _LOGS + "root.addHandler(AzureLogHandler())\nroot.setLevel(logging.INFO)\nlog.debug('not wanted')\nlog.info('sent')\n"
        "logging.getLogger('urllib3').propagate = False\nlogging.getLogger('urllib3').warning('its own')\n",
    ),
    Program(
        "Flask",
        "import flask, logging\nfrom opencensus.ext.azure.log_exporter import AzureLogHandler\n"
        "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.ext.flask.flask_middleware import FlaskMiddleware\n"
        "from opencensus.trace.samplers import ProbabilitySampler\n"
        "app = flask.Flask('app')\nlogging.getLogger().addHandler(AzureLogHandler())\nlogging.getLogger().setLevel(logging.INFO)\n"
        "FlaskMiddleware(app, exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))\n"
        "@app.get('/')\ndef home():\n    app.logger.info('sent')\n    return 'ok'\n"
        "app.test_client().get('/')\n",
    ),
    Program(
        "Django",
        "import django\nfrom django.conf import settings\nsettings.configure(DEBUG=False, ALLOWED_HOSTS=['*'], ROOT_URLCONF='__main__',\n"
        "  SECRET_KEY='not one', MIDDLEWARE=['opencensus.ext.django.middleware.OpencensusMiddleware'],\n"
        "  OPENCENSUS={'TRACE': {'SAMPLER': 'opencensus.trace.samplers.ProbabilitySampler(rate=1)',\n"
        "    'EXPORTER': 'opencensus.ext.azure.trace_exporter.AzureExporter()'}},\n"
        "  LOGGING={'version': 1, 'disable_existing_loggers': False, 'root': {'level': 'INFO', 'handlers': ['azure']},\n"
        "    'handlers': {'azure': {'class': 'opencensus.ext.azure.log_exporter.AzureLogHandler'}}})\n"
        "django.setup()\nfrom django.http import HttpResponse\nfrom django.test import Client\nfrom django.urls import path\nimport logging\n"
        "def home(request):\n    logging.getLogger('shop').info('sent')\n    return HttpResponse('ok')\n"
        "urlpatterns = [path('', home)]\nassert Client().get('/').status_code == 200\n",
    ),
    Program(
        "FastAPI",
        "import asyncio, logging\nfrom fastapi import FastAPI\nfrom opencensus.ext.azure.log_exporter import AzureLogHandler\n"
        "from opencensus.ext.azure.trace_exporter import AzureExporter\nfrom opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware\n"
        "from opencensus.trace.samplers import AlwaysOnSampler\n"
        "app = FastAPI()\napp.add_middleware(FastAPIMiddleware, exporter=AzureExporter(), sampler=AlwaysOnSampler())\n"
        "logging.getLogger('shop').addHandler(AzureLogHandler())\nlogging.getLogger('shop').setLevel(logging.INFO)\n"
        "@app.get('/')\nasync def home():\n    logging.getLogger('shop.http').info('sent')\n    return {}\n"
        "sent = []\nasync def receive(): return {'type': 'http.request', 'body': b''}\nasync def send(message): sent.append(message)\n"
        "scope = {'type': 'http', 'method': 'GET', 'path': '/', 'raw_path': b'/', 'query_string': b'', 'headers': [], 'scheme': 'http',\n"
        "  'server': ('localhost', 80), 'client': ('localhost', 1), 'http_version': '1.1', 'root_path': ''}\n"
        "asyncio.run(app(scope, receive, send))\nassert sent[0]['status'] == 200\n",
    ),
    Program(
        "providers of its own, set first",
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\nfrom opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "provider = TracerProvider()\nprovider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        + _SPANS
        + "with Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler()).span('sent'): pass\n",
    ),
)

PROGRAMS = (*RECORDS, *SPANS, *PROVIDERS, *BESIDE_OPENTELEMETRY, *MEASUREMENTS, *VALUES, *DOUBLED, *ENDS, *HEALTHY)
