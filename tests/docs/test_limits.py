"""The page of limits: each number is the code's."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

import opencensus_compat
from appinsights_exporter import connection_string, counts, logging_handlers, settings, standard_metrics
from appinsights_exporter.convert import exceptions, limits, metrics
from appinsights_exporter.delivery import auth, classify, connections, counts_file, drain_pace, encode, memory, sender, store, transport
from opencensus_compat._bridge.pipeline import ending, hand_over, part
from opencensus_compat._bridge.providers import instruments
from opencensus_compat.ext.azure.common import Options
from opencensus_compat.extension.azure import _invocation
from opencensus_compat.metrics import _cardinality
from opencensus_compat.tags import validation
from opencensus_compat.tags.propagation import binary_serializer
from opencensus_compat.trace import samplers, span, tracestate

_PAGE = Path(__file__).parents[2] / "migration_guide" / "limits.md"
_OPTIONS = Options._default
_OF_TAGS = limits.TAG_LIMITS


def _sdk(module: str, name: str) -> int:
    """Return the length of the queue of a batch processor of the SDK's, of which only a private name tells."""
    number: int = getattr(importlib.import_module(module), name)._default_max_queue_size()
    return number


def _number(value: float) -> str:
    return f"{value:,.12g}" if isinstance(value, float) and value < 1 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value / 3600:.0f} h" if value >= 3600 else f"{value:g} s"


def _mib(value: float) -> str:
    return f"{value / 2**20:.0f} MiB"


def _default(function: object, name: str) -> float:
    value: float = inspect.signature(function).parameters[name].default  # type: ignore[arg-type]
    return value


def _reader_s() -> float:
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter())
    try:
        return float(reader._export_interval_millis / 1000)
    finally:
        reader.shutdown()


_HELD = {
    "Queues": {
        "spans of OpenCensus code": _number(_OPTIONS["queue_capacity"]),
        "log records of OpenCensus code": _number(_OPTIONS["queue_capacity"]),
        "calls of loggers that the queue has not taken": f"{_number(hand_over.LEAST_CAPACITY)}, or `queue_capacity` if that is more",
        "what `queue_capacity=0` means": _number(part.UNLIMITED_CAPACITY),
        "records of `ApplicationInsightsLoggingHandler`": _number(logging_handlers._QUEUE_CAPACITY),
        "spans of a `BatchSpanProcessor`": _number(_sdk("opentelemetry.sdk.trace.export", "BatchSpanProcessor")),
        "records of a `BatchLogRecordProcessor`": _number(_sdk("opentelemetry.sdk._logs.export", "BatchLogRecordProcessor")),
    },
    "Requests to the service": {
        "time between exports, OpenCensus code": _seconds(_OPTIONS["export_interval"]),
        "shortest `export_interval`": _seconds(part.MIN_EXPORT_INTERVAL_S),
        "time between exports of `MetricsExporter`": _seconds(_OPTIONS["export_interval"]),
        "time between exports of an OpenTelemetry metric reader": _seconds(_reader_s()),
        "items in a request": _number(encode.MAX_BATCH_ITEMS),
        "bytes of a request, before compression": _mib(encode.MAX_BATCH_BYTES),
        "bytes of an item": _number(encode.MAX_ITEM_BYTES),
        "bytes of a reply that are read": _mib(transport.MAX_REPLY_BYTES),
        "redirects of a request": _number(sender.MAX_REDIRECTS),
        "connections that are kept open": _number(connections._KEPT),
        "characters of a connection string": _number(connection_string.MAX_LENGTH),
    },
    "On disk, and in memory without a disk": {
        "bytes on disk, for each resource and user": _mib(_OPTIONS["storage_max_size"]),
        "age of a stored item": _seconds(store.MAX_AGE_S),
        "bytes in memory where the disk cannot be used": _mib(memory.MAX_BYTES),
        "requests per second that empty the store": _number(1 / drain_pace.FASTEST_S),
        "files of counts of ended processes": _number(counts_file.KEPT_FILES),
    },
    "Times": {
        "connecting, OpenCensus exporters": _seconds(_OPTIONS["timeout"]),
        "the reply, OpenCensus exporters": _seconds(_OPTIONS["timeout"]),
        "connecting, OpenTelemetry exporters": _seconds(settings.CONNECT_TIMEOUT_S),
        "the reply, OpenTelemetry exporters": _seconds(settings.READ_TIMEOUT_S),
        "the end of a process, all exporters together": _seconds(settings.GRACE_PERIOD_S),
        "`opencensus_compat.flush()` and `shutdown()`": _seconds(_default(opencensus_compat.flush, "timeout_s")),
        "a flush at the end of an invocation of Azure Functions, where it is on": _seconds(_invocation._DEFAULT_FLUSH_S),
        "shortest wait after a failure": _seconds(settings.MIN_BACKOFF_S),
        "longest wait after failures": _seconds(settings.MAX_BACKOFF_S),
        "longest `Retry-After` that is believed": _seconds(classify.MAX_RETRY_AFTER_S),
        "pause after 402 or 439 without `Retry-After`": _seconds(classify.QUOTA_PAUSE_S),
        "time for which a redirect is remembered, unless the reply says": _seconds(classify.DEFAULT_REDIRECT_S),
        "time before its end at which a token is renewed": _seconds(auth.REFRESH_BEFORE_S),
        "time between two warnings about losses": _seconds(counts.LOG_INTERVAL_S),
        "time between two writes of a file of counts": _seconds(counts_file.WRITE_INTERVAL_S),
    },
    "Fields": {
        "name": _number(limits.MAX_NAME),
        "result code, type, target, source": _number(limits.MAX_CODE),
        "URL": _number(limits.MAX_URL),
        "data": _number(limits.MAX_DATA),
        "message": _number(limits.MAX_MESSAGE),
        "stack": _number(limits.MAX_STACK),
        "event name": _number(limits.MAX_EVENT_NAME),
        "id": _number(limits.MAX_ID),
        "availability message": _number(limits.MAX_AVAILABILITY_MESSAGE),
        "key of a property": _number(limits.MAX_KEY),
        "value of a property": _number(limits.MAX_VALUE),
        "value of a property of generative AI (`gen_ai.input.messages` and the like)": _number(limits.MAX_GEN_AI_VALUE),
        "role, role instance": _number(_OF_TAGS["ai.cloud.role"]),
        "operation name": _number(_OF_TAGS["ai.operation.name"]),
        "user id": _number(_OF_TAGS["ai.user.id"]),
        "session id": _number(_OF_TAGS["ai.session.id"]),
        "namespace of a metric": _number(metrics.MAX_NAMESPACE),
        "exceptions in a chain": _number(exceptions.MAX_EXCEPTIONS),
        "frames of an exception": _number(exceptions.MAX_FRAMES),
        "links of a span": _number(limits.MAX_LINKS),
    },
    "Spans of OpenCensus code": {
        "attributes of a span": _number(span.MAX_NUM_ATTRIBUTES),
        "annotations of a span": _number(span.MAX_NUM_ANNOTATIONS),
        "message events of a span": _number(span.MAX_NUM_MESSAGE_EVENTS),
        "links of a span": _number(span.MAX_NUM_LINKS),
        "members of a `tracestate` header": _number(tracestate._MAX_MEMBERS),
        "sampling ratio of a `Tracer` without a sampler": _number(samplers.DEFAULT_SAMPLING_RATE),
    },
    "Metrics and tags": {
        "sets of tag values of a view, label values of a gauge": _number(_cardinality.DEFAULT_LIMIT),
        "combinations of dimensions of a standard metric": _number(standard_metrics.MAX_COMBINATIONS),
        "characters of the key or value of a tag": _number(validation._MAX_LENGTH),
        "characters of the tags of a map in binary form": _number(binary_serializer.TAG_MAP_SERIALIZED_SIZE_LIMIT),
        "characters of a view's name as OpenTelemetry readers see it": _number(instruments.MAX_NAME),
        "characters of a unit as OpenTelemetry readers see it": _number(instruments.MAX_UNIT),
        "count of a metric point": _number(metrics.MAX_COUNT),
    },
}
"""Section of the page to its rows: what is limited, and the limit."""


@pytest.mark.parametrize("section", _HELD)
def test_numbers_are_those_of_the_code(section: str) -> None:
    """The rows of a section are these, each with the code's number."""
    text = _PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert {row[0]: row[1] for row in rows} == _HELD[section]


def test_each_section_is_held() -> None:
    """No other section of the page has limits."""
    headings = re.findall(r"^## (.*)$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ["Sizing", *_HELD]


def test_limits_that_share_a_row_are_equal() -> None:
    """One number stands for several constants."""
    assert {limits.MAX_CODE, limits.MAX_TYPE, limits.MAX_TARGET, limits.MAX_SOURCE} == {limits.MAX_CODE}
    assert _OF_TAGS["ai.cloud.role"] == _OF_TAGS["ai.cloud.roleInstance"]
    assert settings.STORAGE_MAX_BYTES == store.MAX_BYTES == _OPTIONS["storage_max_size"]
    assert settings.MAX_AGE_S == store.MAX_AGE_S
    assert settings.GRACE_PERIOD_S == ending._DEFAULT_GRACE_PERIOD_S == _OPTIONS["grace_period"]
    assert encode.MAX_BATCH_ITEMS == part.DEFAULT_BATCH_SIZE


def _sizing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sizing", Path(__file__).with_name("sizing.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("fresh_bridge")
def test_sizes_are_what_is_measured() -> None:
    """The bytes of an item on the page are those that the code makes, within a tenth; memory depends on the interpreter."""
    sizing = _sizing()
    text = _PAGE.read_text(encoding="utf-8").partition(sizing.BEGIN)[2].partition(sizing.END)[0]
    told = [float(number) for number in re.findall(r"takes (\d+) bytes as JSON, (\d+) on the wire and (\d+) on disk", text)[0]]
    assert told == pytest.approx(sizing.measure(requests=256, spans=1)[:3], rel=0.1)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows == [line for line in sizing.table(sizing.Sizes(*told, 1.0)).splitlines() if line.startswith("| ")]
