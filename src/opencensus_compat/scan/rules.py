"""The rule table: each form in which programs use OpenCensus, what becomes of it, and the question where a person must decide.

A public name of the real packages belongs to the row that names it, else to that of its class, else to that of its module. The tests hold
this by reflection over the real packages.
"""

from __future__ import annotations

from opencensus_compat.scan.integration_rules import INTEGRATION_RULES
from opencensus_compat.scan.metric_rules import METRIC_RULES
from opencensus_compat.scan.query_rules import QUERY_RULES
from opencensus_compat.scan.rule import Rule
from opencensus_compat.scan.trace_rules import TRACE_RULES

RULES: tuple[Rule, ...] = (
    # Imports and names in text.
    Rule("I001", "import of a name", "exact", "drop it with the last use of the name", pair="T001_tracer"),
    Rule(
        "I002",
        "import under another name",
        "exact",
        "drop it with the last use of the name",
        pair="I002_other_names T061_sampler_that_takes_all",
    ),
    Rule(
        "I003",
        "import of a module",
        "exact",
        "drop it with the last use of the module",
        names="common ext extension.azure ext.azure",
        pair="I003_modules",
    ),
    Rule(
        "I004",
        "import inside a function, `try` or `if`",
        "exact",
        "keep the indentation and the guard around its counterpart",
        pair="I004_inside_a_function I004_inside_a_try",
    ),
    Rule(
        "I005",
        "star import of an OpenCensus module",
        "decide",
        "name what is used",
        "Which of the module's names are used? Write `from module import name` for each, and run `rewrite` again.",
    ),
    Rule(
        "I006",
        "import by name at run time",
        "decide",
        "import the counterpart",
        "Who else chooses the module's name? Write an import of the module that is meant, and run `rewrite` again.",
    ),
    Rule(
        "I007",
        "name that another module of the code made of OpenCensus",
        "exact",
        "changes with the module that it comes from",
        pair="I007_names_of_another_module I007_module_of_another_module",
    ),
    Rule(
        "I008",
        "star import of a module that hands on OpenCensus names",
        "decide",
        "name what is used",
        "Which files use the names that this import hands on?",
    ),
    Rule("I009", "import for type annotations only", "exact", "import the counterpart's type", pair="I009_for_types"),
    Rule(
        "N001",
        "dotted name in text",
        "decide",
        "the counterpart's dotted name",
        "Who reads this text, and does it import what it names? Write the name of what takes its place there, or delete the text.",
    ),
    Rule(
        "N002",
        "name that a test patches",
        "decide",
        "patch the counterpart, or use an in-memory exporter",
        "Does the test replace OpenCensus, or watch what the application does? Patch what the rewritten code calls in its "
        "place; or give the provider an `InMemorySpanExporter` of opentelemetry.sdk.trace.export.in_memory_span_exporter, "
        "and check its spans.",
    ),
    Rule(
        "N003",
        "class or handler of a logging configuration",
        "exact",
        "`appinsights_exporter.ApplicationInsightsLoggingHandler`",
        pair="N003_handler_of_dictconfig N003_key_of_dictconfig N003_events_of_dictconfig N003_handlers_in_texts",
        arrives="traces, exceptions, customEvents",
    ),
    Rule("N004", "logger of OpenCensus, by name", "exact", "the logger `appinsights_exporter` or `opentelemetry`, or delete it"),
    Rule(
        "N005",
        "source text in a setting",
        "shape",
        "the counterpart made in code",
        pair="W018_flask_config",
        arrives="requests: name, url, resultCode, duration",
    ),
    # Classes of the program that stand on OpenCensus's, and names that are not public.
    Rule(
        "B001",
        "subclass of a tracer",
        "decide",
        "no base, where the class only names a tracer; else own functions over `trace.get_tracer`",
        "What does the class add to a tracer? A class that keeps one, by `self.tracer = Tracer(...)` in place of `super().__init__(...)`, and whose methods call "
        "that, is rewritten.",
        pair="B001_tracer_by_name_only",
    ),
    Rule(
        "B002",
        "subclass of an exporter",
        "decide",
        "stays, behind `LegacyExporterProcessor`; in the end a SpanExporter or SpanProcessor of OpenTelemetry's",
        "Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; "
        "write a `SpanExporter` for the third.",
        pair="B002_exporter_of_the_program W011_exporter_that_stays B002_exporter_of_a_middleware B002_exporter_that_converts A001_subclass_of_the_exporter",
    ),
    Rule(
        "B003",
        "subclass of a log handler",
        "decide",
        "a class on ApplicationInsightsLoggingHandler, where it only adds to the handler; else a LogRecordProcessor",
        "Does it change records before they are sent, or the way that they take?",
        pair="B003_handler_of_the_program",
    ),
    Rule(
        "B004",
        "subclass of another class",
        "decide",
        "depends on the class",
        "Which of the class's methods does it replace? Write them for what takes the place of its base, or keep the class on the facade.",
    ),
    Rule(
        "X001",
        "private name",
        "decide",
        "none: it is no interface",
        "What is read or changed here, and is there a public way? Write that, or delete the line: what takes its place has no such part.",
    ),
    Rule(
        "X002",
        "name that no release has",
        "decide",
        "none: the line fails when it runs",
        "Does this line ever run?",
        names="ext.azure.metrics_exporter.AzureMetricsExporter metrics.gauge",
    ),
    Rule(
        "X003",
        "module of an early release",
        "decide",
        "the same name of the last release first, in `opencensus.ext` or `opencensus.trace`",
        "Which release does this run on? Since 0.3, exporters and integrations have packages of their own.",
        names="trace.exporters trace.ext stats.exporters",
    ),
    *TRACE_RULES,
    *INTEGRATION_RULES,
    # Exporters of other makers.
    Rule(
        "V001",
        "exporter to Jaeger",
        "decide",
        "stays, behind `LegacyExporterProcessor`; with `--include V001` OTLPSpanExporter, to port 4318: Jaeger takes OTLP since 1.35",
        "Which OTLP endpoint has this Jaeger? Its agent's port takes none. `--include V001` writes OTLPSpanExporter, to port 4318.",
        names="ext.jaeger",
    ),
    Rule(
        "V002",
        "exporter to Zipkin",
        "decide",
        "stays, behind `LegacyExporterProcessor`; with `--include V002` ZipkinExporter of OpenTelemetry, to the same URL",
        "Is Zipkin still wanted, or does the backend take OTLP? OpenTelemetry gives its exporter to Zipkin up from December 2026 on; "
        "`--include V002` writes it.",
        names="ext.zipkin",
    ),
    Rule(
        "V003",
        "exporter to Prometheus",
        "shape",
        "PrometheusMetricReader, whose names end in the unit, and those of counters in `_total`",
        names="ext.prometheus",
    ),
    Rule(
        "V004",
        "agent or collector of OpenCensus",
        "decide",
        "stays, behind `LegacyExporterProcessor` or, for stats, `LegacyStatsReader`; with `--include V004` OTLPSpanExporter, to port 4318",
        "Which OTLP endpoint takes its place? The agent's port speaks OpenCensus's protocol. `--include V004` writes OTLPSpanExporter, to port 4318.",
        names="ext.ocagent proto",
    ),
    Rule(
        "V005",
        "exporter of another maker",
        "decide",
        "stays, behind `LegacyExporterProcessor` or, for stats, `LegacyStatsReader`; with `--include V005` CloudTraceSpanExporter for Stackdriver, "
        "OTLPSpanExporter for Datadog's agent",
        "Which exporter takes its place? `--include V005` writes CloudTraceSpanExporter for Stackdriver, and OTLPSpanExporter for Datadog's agent; "
        "of others, does the maker take OTLP?",
        names="ext.stackdriver ext.datadog ext.instana ext.newrelic ext.honeycomb ext.signalfx",
    ),
    # Application Insights.
    Rule(
        "A001",
        "exporter of spans",
        "exact",
        '`configure(signals=["traces"])`, which makes it; `SpanPipeline()` where a program has several that differ',
        names="ext.azure.trace_exporter",
        pair="A001_exporter_of_spans A001_exporter_of_an_object A001_exporter_of_a_function A001_exporter_by_condition "
        "A001_exporter_of_another_file A001_exporters_that_go_several_ways A001_exporter_for_each_component "
        "A001_exporter_by_condition_in_a_function A001_one_of_several_exporters A001_exporter_of_a_class",
        arrives="requests, dependencies",
    ),
    Rule(
        "A002",
        "conversion of spans, records or metrics to envelopes",
        "keep",
        "none: the native exporter converts by itself",
        names="""ext.azure.trace_exporter.AzureExporter.span_data_to_envelope
        ext.azure.log_exporter.AzureLogHandler.log_record_to_envelope ext.azure.log_exporter.AzureEventHandler.log_record_to_envelope
        ext.azure.log_exporter.BaseLogHandler.log_record_to_envelope ext.azure.log_exporter.create_envelope
        ext.azure.metrics_exporter.MetricsExporter.metric_to_envelopes""",
    ),
    Rule(
        "A003",
        "connection string with a key only",
        "exact",
        "keep it, and add `IngestionEndpoint=`: without it the global one is used",
        pair="A003_key_only",
        arrives="all: iKey",
    ),
    Rule(
        "A004",
        "instrumentation key",
        "exact",
        "`connection_string=`",
        pair="A004_instrumentation_key",
        arrives="all: iKey",
    ),
    Rule(
        "A005",
        "exporter or handler set by the environment",
        "exact",
        "the same, by APPLICATIONINSIGHTS_CONNECTION_STRING",
        pair="L001_several_loggers S001_count",
    ),
    Rule(
        "A006",
        "telemetry processor",
        "exact",
        "stays: the native exporter and its log handlers take the same processors",
        names="""ext.azure.common.processor ext.azure.trace_exporter.AzureExporter.add_telemetry_processor
        ext.azure.log_exporter.AzureLogHandler.add_telemetry_processor ext.azure.log_exporter.AzureEventHandler.add_telemetry_processor
        ext.azure.metrics_exporter.MetricsExporter.add_telemetry_processor""",
        pair="A006_telemetry_processor A006_processor_of_its_own_time",
        arrives="all: customDimensions",
    ),
    Rule(
        "A007",
        "tag of an envelope",
        "exact",
        "stays, in a processor; or attributes of the resource: service.name, service.instance.id, service.version",
        names="ext.azure.common.protocol.Envelope",
        pair="A007_role",
        arrives="all: cloud_RoleName, cloud_RoleInstance",
    ),
    Rule(
        "A008",
        "data of an envelope",
        "exact",
        "stays, in a processor: `appinsights_exporter.envelope` has the same classes",
        names="ext.azure.common.protocol",
        pair="A006_telemetry_processor",
        arrives="all: customDimensions",
    ),
    Rule(
        "A009",
        "inner parts of the exporters",
        "keep",
        "the native exporter has its own delivery",
        names="ext.azure.common ext.azure.common.exporter ext.azure.common.storage ext.azure.common.transport ext.azure.common.utils "
        "ext.azure.common.version ext.azure.statsbeat common.schedule",
    ),
    Rule(
        "A010",
        "exporter of metrics",
        "exact",
        '`configure(signals=["metrics"])`, and `performance_counters.observe_legacy()` for the standard metrics',
        names="ext.azure.metrics_exporter metrics.transport",
        pair="A010_exporter_thread A010_standard_metrics A010_requests A010_exporter_after_the_records",
        arrives="customMetrics; performanceCounters",
    ),
    Rule(
        "A011",
        "standard metrics",
        "decide",
        "`performance_counters.observe_legacy()`",
        "Which of the standard metrics are wanted? The counterpart makes all of them.",
        names="ext.azure.metrics_exporter.standard_metrics",
        arrives="performanceCounters: name, value",
    ),
    # Logs.
    Rule(
        "L001",
        "log handler",
        "exact",
        "ApplicationInsightsLoggingHandler",
        names="ext.azure.log_exporter",
        pair="L001_handler L001_several_loggers L001_basic_config L001_guarded_class L001_records_outside_spans "
        "L001_handler_behind_a_handler L001_share_of_the_records",
        arrives="traces: message, severityLevel; exceptions: type, outerMessage, severityLevel",
    ),
    Rule(
        "L002",
        "handler of custom events",
        "exact",
        "ApplicationInsightsEventHandler, which writes the attribute `microsoft.custom_event.name`",
        names="ext.azure.log_exporter.AzureEventHandler",
        pair="L002_event_handler",
        arrives="customEvents: name",
    ),
    Rule(
        "L003",
        "formatter, filter or level of a handler",
        "keep",
        "stays, on the new handler",
        pair="L003_formatter",
        arrives="traces: message",
    ),
    Rule(
        "L004",
        "`custom_dimensions` of a record",
        "keep",
        "stays: the native exporter takes them apart",
        pair="L004_all_of_a_record",
        arrives="traces, exceptions, customEvents: customDimensions",
    ),
    Rule(
        "L005",
        "`custom_measurements` of a record",
        "keep",
        "stays: the native exporter takes them apart",
        arrives="customEvents: customMeasurements",
    ),
    Rule(
        "L006",
        "`traceId` and `spanId` in a format",
        "shape",
        "the same, set by `appinsights_exporter.trace_ids_in_records()`; outside of spans zeros, and not the tracer's trace",
        pair="L006_ids_in_formats",
    ),
    Rule(
        "L007",
        "ids for log records",
        "decide",
        "`span.get_span_context()`",
        "Who reads the ids? `trace_ids_in_records()` of appinsights_exporter sets them on records; elsewhere read "
        "`trace.get_current_span().get_span_context()`.",
        names="log",
        arrives="traces, exceptions: operation_Id, operation_ParentId",
    ),
    *METRIC_RULES,
    # Ground.
    Rule(
        "C001",
        "resource",
        "decide",
        "`Resource.create` and resource detectors",
        "Which exporter reads the resource? `configure(resource=...)` takes OpenTelemetry's.",
        names="common.resource common.monitored_resource",
        arrives="all: cloud_RoleName, cloud_RoleInstance",
    ),
    Rule(
        "C002",
        "context variables",
        "decide",
        "`opentelemetry.context`, or `contextvars`",
        "Who reads the value? Keep it in a `contextvars.ContextVar` of the program's own.",
        names="common.runtime_context",
    ),
    Rule(
        "C003",
        "helpers",
        "keep",
        "the standard library",
        names="common.backports common.configuration common.http_handler common.utils common.version",
    ),
    # Packages and platform.
    Rule("R001", "OpenCensus package that is required", "exact", "`census-compat`, which stands for it and brings the native exporter"),
    Rule("R002", "worker extensions of Azure Functions", "exact", "goes with `opencensus-extension-azure-functions`"),
    Rule("R003", "copy of OpenCensus inside the code", "decide", "the package of an index", "Was the copy changed?"),
    *QUERY_RULES,
    # Files that no parser of this Python reads.
    Rule("F001", "file of Python 2, or with a syntax error", "decide", "read by lines: imports only", "Which Python runs this file?"),
    Rule("F002", "large generated file", "decide", "read by lines: imports only", "What makes this file, and from what?"),
)
"""All rules, by area."""

BY_ID = {rule.id: rule for rule in RULES}

_BY_NAME = {name: rule for rule in RULES for name in rule.names.split()}

NAMED = frozenset(_BY_NAME)
"""Names that a row names."""


def rule_of(name: str) -> Rule | None:
    """Return the row of a dotted name below ``opencensus``, such as ``trace.span.Span.add_attribute``.

    Private names have the row X001. None for a name below no module that a row names.
    """
    parts = name.split(".")
    if any(part.startswith("_") and not part.endswith("__") for part in parts):
        return BY_ID["X001"]
    for end in range(len(parts), 0, -1):
        rule = _BY_NAME.get(".".join(parts[:end]))
        if rule is not None:
            return rule
    return None
