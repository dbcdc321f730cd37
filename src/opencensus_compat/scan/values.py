"""What a name of a program may stand for, and what OpenCensus's functions return."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from opencensus_compat.scan.rules import NAMED

Meaning: TypeAlias = Literal["name", "instance", "maker", "subclass", "class", "object", "many", "module", "path", "other"]


class Value(NamedTuple):
    """What a name stands for."""

    meaning: Meaning
    """``name``: a module, class or function of OpenCensus; ``instance``: of a class of it; ``maker``: a function of the program that returns
    or yields such an instance; ``subclass``: a class of the program that stands on one of OpenCensus; ``class`` and
    ``object``: a class of the program whose members are of OpenCensus, and its instance, by file and name; ``many``: a container of such
    instances; ``module``: of the program, by its file; ``path``: the beginning of a dotted name of such
    modules; ``other``: anything else."""
    name: str = ""
    """Dotted name below ``opencensus``, or a file, or a dotted name."""


OTHER = Value("other")

_TRACER, _SPAN, _CONTEXT = "trace.tracer.Tracer", "trace.span.Span", "trace.span_context.SpanContext"
_PROPAGATOR = "trace.propagation.trace_context_http_header_format.TraceContextPropagator"
_STATS = "stats.stats.stats"
_EXPORTER, _PROTOCOL = "ext.azure.trace_exporter.AzureExporter", "ext.azure.common.protocol"
_DATA, _ENVELOPE = "trace.span_data.SpanData", f"{_PROTOCOL}.Envelope"
_HANDLERS = tuple(f"ext.azure.log_exporter.{name}" for name in ("AzureLogHandler", "AzureEventHandler", "BaseLogHandler"))
_GAUGE, _CUMULATIVE = "metrics.export.gauge", "metrics.export.cumulative"

_RESULTS = {
    f"{_TRACER}.span": _SPAN,
    f"{_TRACER}.start_span": _SPAN,
    f"{_TRACER}.current_span": _SPAN,
    f"{_TRACER}.get_tracer": _TRACER,
    f"{_TRACER}.tracer": _TRACER,
    f"{_TRACER}.span_context": _CONTEXT,
    f"{_SPAN}.span": _SPAN,
    f"{_SPAN}.parent_span": _SPAN,
    f"{_SPAN}.context_tracer": _TRACER,
    **dict.fromkeys(
        ("trace.status.Status.from_exception", "trace.status.Status.as_ok", "trace.utils.status_from_http_code"), "trace.status.Status"
    ),
    "trace.execution_context.get_opencensus_tracer": _TRACER,
    "trace.execution_context.get_current_span": _SPAN,
    "trace.status.Status.as_ok": "trace.status.Status",
    "trace.status.Status.from_exception": "trace.status.Status",
    "trace.utils.status_from_http_code": "trace.status.Status",
    f"{_STATS}.view_manager": "stats.view_manager.ViewManager",
    f"{_STATS}.stats_recorder": "stats.stats_recorder.StatsRecorder",
    "stats.stats_recorder.StatsRecorder.new_measurement_map": "stats.measurement_map.MeasurementMap",
    "stats.view_manager.ViewManager.measure_to_view_map": "stats.measure_to_view_map.MeasureToViewMap",
    "ext.azure.metrics_exporter.new_metrics_exporter": "ext.azure.metrics_exporter.MetricsExporter",
    "metrics.transport.get_exporter_thread": "metrics.transport.PeriodicMetricTask",
    "ext.flask.flask_middleware.FlaskMiddleware.exporter": _EXPORTER,
    f"{_EXPORTER}.span_data_to_envelope": _ENVELOPE,
    **{f"{handler}.log_record_to_envelope": _ENVELOPE for handler in _HANDLERS},
    "ext.azure.log_exporter.create_envelope": _ENVELOPE,
    f"{_PROTOCOL}.Envelope.data": f"{_PROTOCOL}.Data",
    f"{_PROTOCOL}.Data.baseData": f"{_PROTOCOL}.BaseObject",
    **{
        f"{module}.{kind}.{method}": f"{module}.{point}"
        for module, kinds, point in (
            (_GAUGE, ("LongGauge", "DoubleGauge"), "GaugePointLong"),
            (_CUMULATIVE, ("LongCumulative", "DoubleCumulative"), "CumulativePointLong"),
        )
        for kind in kinds
        for method in ("get_or_create_time_series", "get_or_create_default_time_series")
    },
}
"""Function, method or attribute -> the class whose instance it gives."""

_ATTRIBUTES = frozenset(
    name
    for name in _RESULTS
    if name.rpartition(".")[2] in {"tracer", "span_context", "parent_span", "context_tracer", "view_manager", "stats_recorder"}
    or name.rpartition(".")[2] in {"measure_to_view_map", "exporter", "data", "baseData"}
)
"""Those that are read without a call."""

DISTINCT = {
    "add_attribute_to_current_span": f"{_TRACER}.add_attribute_to_current_span",
    "trace_decorator": f"{_TRACER}.trace_decorator",
    "measure_int_put": "stats.measurement_map.MeasurementMap.measure_int_put",
    "measure_float_put": "stats.measurement_map.MeasurementMap.measure_float_put",
    "new_measurement_map": "stats.stats_recorder.StatsRecorder.new_measurement_map",
    "register_view": "stats.view_manager.ViewManager.register_view",
    "measure_to_view_map": "stats.view_manager.ViewManager.measure_to_view_map",
    "add_telemetry_processor": f"{_EXPORTER}.add_telemetry_processor",
    "span_data_to_envelope": f"{_EXPORTER}.span_data_to_envelope",
    "log_record_to_envelope": "ext.azure.log_exporter.AzureLogHandler.log_record_to_envelope",
    "add_annotation": f"{_SPAN}.add_annotation",
    "add_message_event": f"{_SPAN}.add_message_event",
    "from_headers": f"{_PROPAGATOR}.from_headers",
    "to_headers": f"{_PROPAGATOR}.to_headers",
    "context_tracer": f"{_SPAN}.context_tracer",
}
"""Names that no other library has, for objects of which nothing is known."""

TELLING = frozenset(
    {"add_attribute_to_current_span", "measure_int_put", "measure_float_put", "new_measurement_map", "register_view", "add_annotation"}
)
"""Those of them that one class alone has."""

OF_STATS = TELLING - {"add_attribute_to_current_span", "add_annotation"}
"""Those of them that tell the class also of what something else seems to have made, such as a value of a dict."""

SENDERS = frozenset(
    {
        "ext.azure.trace_exporter.AzureExporter",
        "ext.azure.log_exporter.AzureLogHandler",
        "ext.azure.log_exporter.AzureEventHandler",
        "ext.azure.metrics_exporter.new_metrics_exporter",
        "ext.azure.metrics_exporter.MetricsExporter",
    }
)
"""What takes a connection string."""

_GUESSED = ((re.compile(r"(?:.*_)?tracer", re.IGNORECASE), _TRACER), (re.compile(r"(?:.*_)?span", re.IGNORECASE), _SPAN))
_SHARED = frozenset(
    {"name", "attributes", "status", "set_status", "start_time", "end_time", "start_span", "links", "add_link", "parent_span"}
)
"""Names that OpenTelemetry's tracers and spans have, too, or that anything may have."""


_EARLY_SAMPLERS = frozenset({"always_off", "always_on", "probability"})
"""Modules of early releases, whose classes are in `trace.samplers` now."""
_OF_PROTOCOL = re.compile(
    r"ext\.azure\.(?:log_exporter|metrics_exporter|trace_exporter)\."
    r"(?=(?:Data|DataPoint|Envelope|Event|ExceptionData|Message|MetricData|RemoteDependency|Request)(?:\.|$))"
)
"""Modules of exporters, before a class that they import themselves."""
_OF_TAGS = {"Tag": "tag", "TagKey": "tag_key", "TagMap": "tag_map", "TagValue": "tag_value"}
"""Class that the package of tags hands on -> its module."""
_SPANS = frozenset({"trace.base_span.BaseSpan", "trace.blank_span.BlankSpan"})
"""Classes that have the members of spans."""


def dotted(name: str) -> str:
    """Return a dotted name below ``opencensus`` by the module that has it, where it leads through a module that imports that one."""
    if name.startswith("ext.azure."):
        name = _OF_PROTOCOL.sub("ext.azure.common.protocol.", name)
    parts = name.split(".")
    if parts[:2] == ["trace", "Span"]:
        return ".".join(["trace.span.Span", *parts[2:]])
    if parts[0] == "tags" and len(parts) > 1 and parts[1] in _OF_TAGS:
        return ".".join(["tags", _OF_TAGS[parts[1]], *parts[1:]])
    if len(parts) > 3 and ".".join(parts[:3]) in _SPANS:
        return ".".join(["trace.span.Span", *parts[3:]])
    if parts[:2] == ["trace", "samplers"] and parts[2:3] and parts[2] in _EARLY_SAMPLERS and len(parts) > 3:
        return ".".join(["trace.samplers", *parts[3:]])
    for at in range(2, len(parts)):
        above, through, target = ".".join(parts[: at - 1]), ".".join(parts[:at]), ".".join([*parts[: at - 1], parts[at]])
        if target in NAMED and through in NAMED and ".".join(parts[: at + 1]) not in NAMED and parts[at] != parts[at - 1] and above:
            return dotted(".".join([target, *parts[at + 1 :]]))
    return name


ENVELOPE = Value("instance", _ENVELOPE)

_HANDED = {
    "span_data_to_envelope": Value("instance", _DATA),
    "should_sample": Value("instance", _CONTEXT),
    "emit": Value("many", _DATA),
    "export": Value("many", _DATA),
}
"""Method of OpenCensus's classes that subclasses replace -> what its first argument is, for exporters of spans and samplers."""
_OTHER_EXPORTERS = ("stats.", "metrics.", "ext.azure.metrics_exporter", "ext.azure.log_exporter", "ext.prometheus")


def handed_to(owner: str, method: str, place: int) -> Value:
    """Return what OpenCensus hands to a method that a subclass of a class has in place of its own.

    Args:
        owner: Dotted name of the class.
        method: Name of the method.
        place: Of the parameter, without `self`, from 0.
    """
    last = owner.rpartition(".")[2]
    if place or owner.startswith(_OTHER_EXPORTERS):
        return OTHER
    is_whose = last.endswith("Sampler") if method == "should_sample" else last.endswith(("Exporter", "Transport"))
    return _HANDED.get(method, OTHER) if is_whose else OTHER


def element_of(value: Value) -> Value:
    """Return what a container holds."""
    return Value("instance", value.name) if value.meaning == "many" else OTHER


_INNER = frozenset(
    {"_queue", "_worker", "_transmit", "_transmit_from_storage", "_telemetry_processors", "_is_stats", "_check_stats_collection"}
)
"""Private names of exporters and handlers that programs were seen to use on their subclasses."""


def has_member(owner: str, name: str) -> bool:
    """Return whether a row names a member of a class, or it is a private one that programs use."""
    return f"{owner}.{name}" in NAMED or (name in _INNER and owner.startswith("ext.azure."))


def attribute_of(value: Value, name: str) -> Value:
    """Return what an attribute of a module, class or instance of OpenCensus is."""
    full = dotted(f"{value.name}.{name}" if value.name else name)
    return Value("instance", _RESULTS[full]) if full in _ATTRIBUTES else Value("name", full)


def result_of(value: Value) -> Value:
    """Return what calling a value gives."""
    if value.meaning in {"maker", "subclass"}:
        return Value("instance", value.name)
    if value.meaning == "class":
        return Value("object", value.name)
    if value.meaning != "name":
        return OTHER
    if value.name.startswith("trace.propagation.") and value.name.rpartition(".")[2] in {"from_header", "from_headers", "from_carrier"}:
        return Value("instance", _CONTEXT)
    if value.name in _RESULTS:
        return Value("instance", _RESULTS[value.name])
    last = value.name.rpartition(".")[2]
    return Value("instance", value.name) if last[:1].isupper() and not last.isupper() else OTHER


def maker_of(value: Value) -> Value:
    """Return what a function is that gives an object of OpenCensus's, or of a class of the program: that is called as the class is."""
    return Value("maker" if value.meaning == "instance" else "class", value.name)


def guessed(receiver: str, attribute: str, *, both_apis: bool) -> str:
    """Return the member that an attribute of an object of which nothing but its name is known is; empty for none.

    Args:
        receiver: The object's name, or that of the attribute that it is in.
        both_apis: The file imports OpenTelemetry, too.
    """
    if attribute in DISTINCT:
        return DISTINCT[attribute]
    for pattern, owner in _GUESSED:
        if pattern.fullmatch(receiver) and f"{owner}.{attribute}" in NAMED and not (both_apis and attribute in _SHARED):
            return f"{owner}.{attribute}"
    return ""
